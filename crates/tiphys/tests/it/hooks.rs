//! Waves and hooks: what runs when, what becomes of it, and what happens when it fails.

use serde_json::{Value, json};
use tiphys_test_kit::shared_control_plane;

use crate::fixture::{Fixture, config_map, config_map_with, resource, result, text, wait};

/// A Job whose Pod fares as its command says: `true` ends well, `false` fails, `sleep` runs on.
fn job(name: &str, command: &str, annotations: &Value) -> String {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": [command]}],
        }}},
    })
    .to_string()
}

fn hook(name: &str, command: &str, types: &str, policy: &str) -> String {
    let mut annotations = json!({"argocd.argoproj.io/hook": types});
    if !policy.is_empty() {
        annotations["argocd.argoproj.io/hook-delete-policy"] = json!(policy);
    }
    job(name, command, &annotations)
}

fn in_wave(name: &str, wave: &str) -> String {
    config_map_with(name, "1", &json!({"argocd.argoproj.io/sync-wave": wave}).to_string())
}

fn jobs(fixture: &Fixture) -> String {
    format!("/apis/batch/v1/namespaces/{}/jobs", fixture.name)
}

fn job_named(fixture: &Fixture, name: &str) -> Option<Value> {
    fixture.api.get_optional(&format!("{}/{name}", jobs(fixture))).unwrap()
}

/// The names that were created in a namespace, in the order in which the API server answered.
fn created(namespace: &str, mark: tiphys_test_kit::AuditMark) -> Vec<String> {
    let requests = shared_control_plane().requests_since(mark).unwrap();
    requests
        .into_iter()
        .filter(|request| {
            request.verb == "create"
                && request.namespace == namespace
                && request.status == 201
                && request.user_agent.starts_with("tiphys")
        })
        .map(|request| request.name)
        .collect()
}

// covers: SYN-001, SYN-012, SYN-013
#[test]
fn waves_are_applied_in_order_and_each_is_waited_for() {
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "middle"},
        "spec": {
            "selector": {"matchLabels": {"app": "middle"}},
            "template": {
                "metadata": {"labels": {"app": "middle"}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}]},
            },
        },
    });
    let fixture = Fixture::new(&[
        ("last.yaml", &in_wave("last", "3")),
        ("middle.yaml", &deployment.to_string()),
        ("invalid.yaml", &in_wave("invalid", "soon")),
        ("first.yaml", &in_wave("first", "-5")),
    ]);
    let mark = shared_control_plane().audit_mark().unwrap();
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["message"], "successfully synced (all tasks run)");
    assert_eq!(created(&fixture.name, mark), ["first", "invalid", "middle", "last"]);
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/middle", fixture.name);
    let middle = fixture.api.get(&path).unwrap();
    let available = middle["status"]["conditions"].as_array().unwrap().iter();
    let available = available.filter(|condition| condition["type"] == "Available").collect::<Vec<_>>();
    let available_at = text(available[0], "/lastTransitionTime").to_owned();
    let last = fixture.api.get(&fixture.config_map("last")).unwrap();
    assert!(text(&last, "/metadata/creationTimestamp") >= available_at.as_str());
    let app = fixture.wait_well();
    assert_eq!(resource(&app, "ConfigMap", "first")["syncWave"], -5);
}

// covers: SYN-015
#[test]
fn what_was_created_last_is_pruned_first() {
    let fixture = Fixture::new(&[
        ("a.yaml", &in_wave("a", "1")),
        ("b.yaml", &in_wave("b", "2")),
        ("c.yaml", &in_wave("c", "3")),
        ("kept.yaml", &config_map("kept", "1")),
    ]);
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    for path in ["app/a.yaml", "app/b.yaml", "app/c.yaml"] {
        fixture.repo.remove(path).unwrap();
    }
    fixture.commit(&[]);
    let mark = shared_control_plane().audit_mark().unwrap();
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded");
    let requests = shared_control_plane().requests_since(mark).unwrap();
    let deleted: Vec<String> = requests
        .into_iter()
        .filter(|request| request.verb == "delete" && request.namespace == fixture.name)
        .map(|request| request.name)
        .collect();
    assert_eq!(deleted, ["c", "b", "a"]);
    assert!(fixture.has("kept"));
}

// covers: SYN-004, SYN-006, SYN-009, SYN-010, SYN-011
#[test]
fn hooks_run_at_their_points_and_are_deleted_by_their_policies() {
    let fixture = Fixture::new(&[
        ("pre.yaml", &hook("pre", "true", "PreSync", "HookSucceeded")),
        ("during.yaml", &hook("during", "true", "Sync", "")),
        ("post.yaml", &hook("post", "true", "PostSync", "BeforeHookCreation")),
        ("fail.yaml", &hook("fail", "true", "SyncFail", "")),
        ("one.yaml", &config_map("one", "1")),
    ]);
    let mark = shared_control_plane().audit_mark().unwrap();
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    for (name, type_) in [("pre", "PreSync"), ("during", "Sync"), ("post", "PostSync")] {
        let found = result(&state, "Job", name);
        assert_eq!(found["hookType"], type_);
        assert_eq!(found["syncPhase"], type_);
        assert_eq!(found["hookPhase"], "Succeeded");
        assert!(text(found, "/message").contains("Reached expected number of succeeded pods"), "{found}");
    }
    assert_eq!(result(&state, "Job", "fail"), &Value::Null);
    assert_eq!(created(&fixture.name, mark), ["pre", "one", "during", "post"]);

    wait("the hook that has succeeded is gone", || match job_named(&fixture, "pre") {
        None => Ok(()),
        Some(found) => Err(found["metadata"].to_string()),
    });
    let first = job_named(&fixture, "during").unwrap();
    assert_eq!(first["metadata"].get("finalizers"), None, "nothing holds it any more");
    let app = fixture.wait("Synced", |app| text(app, "/status/sync/status") == "Synced");
    assert_eq!(resource(&app, "Job", "during")["hook"], true);

    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    let second = job_named(&fixture, "during").unwrap();
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"], "a named hook is made anew");
}

// covers: SYN-017, SYN-022
#[test]
fn a_failing_pre_sync_hook_stops_the_sync_and_runs_the_failure_hooks() {
    let fixture = Fixture::new(&[
        ("pre.yaml", &hook("pre", "false", "PreSync", "HookFailed")),
        ("fail.yaml", &hook("fail", "true", "SyncFail", "")),
        ("one.yaml", &config_map("one", "1")),
    ]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Failed");
    assert!(
        text(&state, "/message").starts_with("one or more synchronization tasks completed unsuccessfully")
    );
    assert!(!fixture.has("one"), "nothing was applied");
    let pre = result(&state, "Job", "pre");
    assert_eq!(pre["hookPhase"], "Failed");
    assert!(text(pre, "/message").contains("backoff limit"), "{pre}");
    assert_eq!(result(&state, "Job", "fail")["hookPhase"], "Succeeded");
    wait("the hook that has failed is gone", || match job_named(&fixture, "pre") {
        None => Ok(()),
        Some(found) => Err(found["metadata"].to_string()),
    });
    let app = fixture.get();
    assert!(app["status"].get("history").is_none());
}

// covers: SYN-007
#[test]
fn a_hook_with_a_generated_name_runs_once_in_each_sync() {
    let manifest =
        hook("once", "true", "PreSync", "").replace("\"name\":\"once\"", "\"generateName\":\"once-\"");
    let fixture = Fixture::new(&[("pre.yaml", &manifest), ("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    let mut names = Vec::new();
    for _ in 0..2 {
        let state = fixture.sync_and_wait(|_| {});
        assert_eq!(state["phase"], "Succeeded", "{state}");
        let start = chrono_unix(text(&state, "/startedAt"));
        let expected = format!("once-{}-presync-{start}", &fixture.repo.head().unwrap()[..7]);
        assert_eq!(text(result(&state, "Job", "once-"), "/name"), expected);
        names.push(expected);
    }
    names.dedup();
    let found: Vec<String> = fixture
        .api
        .list(&jobs(&fixture))
        .unwrap()
        .iter()
        .map(|job| text(job, "/metadata/name").to_owned())
        .collect();
    assert_eq!(found.len(), names.len(), "{found:?}");
}

/// Seconds since 1970 of `2024-01-31T12:00:00Z`.
fn chrono_unix(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19)
}

// covers: SYN-024, SYN-030
#[test]
fn a_failed_sync_is_tried_again_with_growing_pauses_and_the_same_commit() {
    let fixture = Fixture::new(&[
        ("pre.yaml", &hook("pre", "false", "PreSync", "")),
        ("one.yaml", &config_map("one", "1")),
    ]);
    let commit = fixture.repo.head().unwrap();
    fixture.create(|_| {});
    let mark = fixture.sync(|operation| {
        operation["retry"] = json!({"limit": 2, "backoff": {"duration": "1s", "factor": 2}});
    });
    let app = fixture.wait("the first retry is announced", |app| {
        text(app, "/status/operationState/message").contains("Retrying attempt #1 at ")
    });
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    assert!(app["status"]["operationState"]["finishedAt"].is_string());
    fixture.commit(&[("pre.yaml", &hook("pre", "true", "PreSync", ""))]);
    let state = fixture.wait_operation(&mark);
    assert_eq!(state["phase"], "Failed");
    assert_eq!(state["retryCount"], 2);
    assert!(text(&state, "/message").ends_with("(retried 2 times)."), "{state}");
    assert_eq!(state["syncResult"]["revision"], commit, "the commit of the first attempt");
    assert!(!fixture.has("one"));
}

// covers: SYN-026, SYN-021
#[test]
fn a_terminated_operation_deletes_the_hook_that_runs_and_fails() {
    let fixture = Fixture::new(&[
        ("pre.yaml", &hook("pre", "sleep", "PreSync", "")),
        ("one.yaml", &config_map("one", "1")),
    ]);
    fixture.create(|_| {});
    let mark = fixture.sync(|_| {});
    let app = fixture.wait("the hook is waited for", |app| {
        text(app, "/status/operationState/message") == "waiting for completion of hook batch/Job/pre"
    });
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    fixture.patch(&json!({"status": {"operationState": {"phase": "Terminating"}}}));
    let state = fixture.wait_operation(&mark);
    assert_eq!((&state["phase"], &state["message"]), (&json!("Failed"), &json!("Operation terminated")));
    wait("the hook is gone", || match job_named(&fixture, "pre") {
        None => Ok(()),
        Some(found) => Err(found["metadata"].to_string()),
    });
    assert!(!fixture.has("one"));
}

// covers: SYN-005
#[test]
fn an_object_to_skip_is_not_applied() {
    let skipped = config_map_with("skipped", "1", r#"{"argocd.argoproj.io/hook": "Skip"}"#);
    let fixture = Fixture::new(&[("skipped.yaml", &skipped), ("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    let app = fixture.wait("Synced", |app| text(app, "/status/sync/status") == "Synced");
    assert!(fixture.has("one") && !fixture.has("skipped"));
    assert_ne!(app["status"]["health"]["status"], "Missing");
}
