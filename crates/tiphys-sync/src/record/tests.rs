//! One patch for the end of an operation, and nothing twice.

// Objects are written with `json!`, which takes its parts by reference.
#![allow(clippy::needless_pass_by_value)]

use serde_json::json;

use super::*;

fn application(status: Value) -> Application {
    serde_json::from_value(json!({
        "metadata": {"name": "a", "resourceVersion": "7"},
        "spec": {"project": "default", "destination": {}, "revisionHistoryLimit": 2},
        "status": status,
        "operation": {"sync": {"revision": "abc"}},
    }))
    .unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn succeeded(sync: Value) -> Conclusion {
    let operation: Operation =
        serde_json::from_value(json!({"sync": sync, "initiatedBy": {"username": "alice"}})).unwrap();
    let mut state = begin(&operation, at("2026-03-04T05:06:07Z"));
    let source = ApplicationSource { repo_url: "https://git/x".to_owned(), ..ApplicationSource::default() };
    pin(
        &mut state,
        Pinned {
            revisions: vec!["abc".to_owned()],
            sources: vec![source],
            is_multi_source: false,
            managed_namespace_metadata: None,
        },
    );
    let now = at("2026-03-04T05:06:09Z");
    crate::retry::conclude(state, OperationPhase::Succeeded, "done".to_owned(), false, now)
}

fn entry(id: i64) -> Value {
    json!({"id": id, "revision": format!("rev{id}"), "deployedAt": "2026-01-01T00:00:00Z", "source": {"repoURL": "x"}})
}

// covers: APP-057, APP-042, SYN-031
#[test]
fn record_history_and_removal_of_the_operation_are_one_fenced_patch() {
    let app = application(json!({"history": [entry(3), entry(4)]}));
    let patch = terminal_patch(&app, &succeeded(json!({"revision": "abc"})));
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(patch["operation"], Value::Null);
    assert!(patch.as_object().unwrap().contains_key("operation"));
    assert_eq!(patch["status"]["operationState"]["phase"], "Succeeded");
    let history = patch["status"]["history"].as_array().unwrap();
    assert_eq!(history.iter().map(|entry| entry["id"].as_i64().unwrap()).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(
        history[1],
        json!({
            "id": 5, "revision": "abc", "source": {"repoURL": "https://git/x"},
            "deployStartedAt": "2026-03-04T05:06:07Z", "deployedAt": "2026-03-04T05:06:09Z",
            "initiatedBy": {"username": "alice"},
        })
    );
}

// covers: SYN-031, SYN-070
#[test]
fn picked_objects_dry_runs_and_failures_leave_no_history() {
    let app = application(json!({}));
    for sync in [json!({"dryRun": true}), json!({"resources": [{"kind": "Pod", "name": "a"}]})] {
        assert_eq!(terminal_patch(&app, &succeeded(sync))["status"].get("history"), None);
    }
    let mut failed = succeeded(json!({}));
    failed.state.phase = OperationPhase::Failed;
    assert_eq!(terminal_patch(&app, &failed)["status"].get("history"), None);
    assert_eq!(terminal_patch(&app, &succeeded(json!({})))["status"]["history"][0]["id"], 0);
}

#[test]
fn an_attempt_that_is_retried_keeps_the_operation() {
    let mut conclusion = succeeded(json!({}));
    conclusion.next = Next::RetryAt(at("2026-03-04T05:06:19Z"));
    conclusion.state.phase = OperationPhase::Running;
    let patch = terminal_patch(&application(json!({})), &conclusion);
    assert!(!patch.as_object().unwrap().contains_key("operation"));
    assert_eq!(patch["status"].get("history"), None);
}

#[test]
fn fields_of_an_older_operation_are_taken_out() {
    let app = application(json!({"operationState": {
        "phase": "Failed", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z",
        "message": "old", "retryCount": 3, "operation": {"sync": {"prune": true}},
    }}));
    let state = begin(&Operation::default(), at("2026-03-04T05:06:07Z"));
    let patch = progress_patch(&app, &state, true).unwrap();
    let state_patch = &patch["status"]["operationState"];
    for field in ["finishedAt", "message", "retryCount"] {
        assert!(
            state_patch.as_object().unwrap().contains_key(field) && state_patch[field].is_null(),
            "{field}"
        );
    }
    assert_eq!(state_patch["phase"], "Running");
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
}

#[test]
fn a_state_that_is_stored_needs_no_patch() {
    let mut app = application(json!({}));
    let state = begin(&Operation::default(), at("2026-03-04T05:06:07Z"));
    app.status.operation_state = Some(state.clone());
    assert_eq!(progress_patch(&app, &state, false), None);
}

#[test]
fn an_end_is_on_record_when_start_and_end_are_this_operations() {
    let conclusion = succeeded(json!({}));
    let mut app = application(json!({}));
    assert!(!is_recorded(&app, &conclusion.state));
    app.status.operation_state = Some(conclusion.state.clone());
    assert!(!is_recorded(&app, &conclusion.state), "the operation is still asked for");
    app.operation = None;
    assert!(is_recorded(&app, &conclusion.state));
    let later = begin(&Operation::default(), at("2026-03-05T00:00:00Z"));
    assert!(!is_recorded(&app, &later));
}

// covers: SYN-030
#[test]
fn an_operation_is_bound_to_the_revisions_that_it_resolved_first() {
    let mut state = begin(&Operation::default(), at("2026-03-04T05:06:07Z"));
    assert_eq!(pinned_revisions(&state), None);
    let pinned = |revisions: &[&str], is_multi_source| Pinned {
        revisions: revisions.iter().map(|&revision| revision.to_owned()).collect(),
        sources: vec![ApplicationSource::default(); revisions.len()],
        is_multi_source,
        managed_namespace_metadata: None,
    };
    pin(&mut state, pinned(&["abc"], false));
    assert_eq!(pinned_revisions(&state).unwrap(), ["abc"]);
    pin(&mut state, pinned(&["abc", "def"], true));
    assert_eq!(pinned_revisions(&state).unwrap(), ["abc", "def"]);
    assert_eq!(state.sync_result.unwrap().revision, "");
}
