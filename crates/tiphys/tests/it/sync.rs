//! From a commit to objects in the cluster, and what a sync records about itself.

use serde_json::{Value, json};

use crate::fixture::{
    Fixture, applications, automated, config_map, config_map_with, is_well, resource, result, text, wait,
};

const NO_PRUNE: &str = r#"{"argocd.argoproj.io/sync-options": "Prune=false"}"#;

// covers: SYN-058
#[test]
fn a_commit_becomes_objects_and_the_next_commit_changes_and_prunes_them() {
    let fixture =
        Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    assert_eq!(text(&app, "/status/sync/revision"), fixture.repo.head().unwrap());
    assert_eq!(app["status"]["operationState"]["operation"]["initiatedBy"], json!({"automated": true}));
    assert_eq!(app["status"]["operationState"]["operation"]["retry"], json!({"limit": 5}));

    fixture.repo.remove("app/two.yaml").unwrap();
    let next = fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    let app = fixture.wait_well_at(&next);
    assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(2));
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "2");
    assert!(!fixture.has("two"));
}

// covers: SYN-063
#[test]
fn a_manual_change_is_undone_by_a_partial_sync_without_history() {
    let fixture =
        Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    fixture.api.merge_patch(&fixture.config_map("one"), &json!({"data": {"value": "changed"}})).unwrap();
    let path = fixture.config_map("one");
    wait("the change is undone", || match fixture.api.get(&path) {
        Ok(found) if found["data"]["value"] == "1" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let app = fixture.wait("the heal has ended", |app| {
        is_well(app) && app.pointer("/status/operationState/operation/sync/resources").is_some()
    });
    let sync = &app["status"]["operationState"]["operation"]["sync"];
    assert_eq!(sync["resources"], json!([{"kind": "ConfigMap", "name": "one"}]));
    assert_eq!(sync["autoHealAttemptsCount"], 1);
    assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(1));
}

// covers: SYN-063
#[test]
fn without_self_heal_a_manual_change_stays_and_shows() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"automated": {}}));
    fixture.wait_well();
    fixture.api.merge_patch(&fixture.config_map("one"), &json!({"data": {"value": "changed"}})).unwrap();
    let app = fixture.wait("OutOfSync", |app| text(app, "/status/sync/status") == "OutOfSync");
    assert_eq!(resource(&app, "ConfigMap", "one")["status"], "OutOfSync");
    let app = fixture.refresh("normal");
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "changed");
}

// covers: APP-008, APP-057, APP-069, SYN-031
#[test]
fn a_sync_by_operation_is_carried_out_recorded_and_cleared() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    let app = fixture.wait("OutOfSync", |app| text(app, "/status/sync/status") == "OutOfSync");
    assert_eq!(app["status"]["health"]["status"], "Missing");
    assert!(!fixture.has("one"));

    let state = fixture.sync_and_wait(|_| {});
    let head = fixture.repo.head().unwrap();
    assert_eq!(state["phase"], "Succeeded");
    assert_eq!(state["message"], "successfully synced (all tasks run)");
    assert_eq!(state["syncResult"]["revision"], head);
    assert_eq!(state["syncResult"]["source"]["repoURL"], fixture.repo.url());
    assert_eq!(state["operation"]["initiatedBy"], json!({"username": "tester"}));
    let one = result(&state, "ConfigMap", "one");
    assert_eq!(one["status"], "Synced");
    assert_eq!(one["message"], "configmap/one created");
    assert_eq!((&one["version"], &one["namespace"]), (&json!("v1"), &json!(fixture.name)));
    assert_eq!((&one["hookPhase"], &one["syncPhase"]), (&json!("Running"), &json!("Sync")));

    let app = fixture.wait_well();
    let history = app["status"]["history"].as_array().unwrap();
    assert_eq!(history.len(), 1);
    let entry = &history[0];
    assert_eq!((&entry["id"], &entry["revision"]), (&json!(0), &json!(head)));
    assert_eq!(entry["initiatedBy"], json!({"username": "tester"}));
    assert_eq!(entry["source"]["path"], "app");
    assert!(entry["deployedAt"].is_string() && entry["deployStartedAt"].is_string());

    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(result(&state, "ConfigMap", "one")["message"], "configmap/one unchanged");
    assert_eq!(fixture.get()["status"]["history"][1]["id"], 1);
}

// covers: SYN-071, SYN-061
#[test]
fn what_is_no_longer_in_the_commit_stays_until_prune_is_asked_for() {
    let fixture =
        Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"automated": {"selfHeal": true}}));
    fixture.wait_well();
    let next = fixture.commit_without("two.yaml");
    let app = fixture.wait("two requires pruning", |app| {
        text(app, "/status/sync/revision") == next
            && resource(app, "ConfigMap", "two")["requiresPruning"] == true
    });
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");

    let state = fixture.sync_and_wait(|operation| operation["sync"]["prune"] = json!(false));
    let two = result(&state, "ConfigMap", "two");
    assert_eq!(
        (&two["status"], &two["message"]),
        (&json!("PruneSkipped"), &json!("ignored (requires pruning)"))
    );
    assert_eq!(state["phase"], "Succeeded");
    assert_eq!(text(&fixture.get(), "/status/sync/status"), "OutOfSync");
    assert!(fixture.has("two"));

    let state = fixture.sync_and_wait(|_| {});
    let two = result(&state, "ConfigMap", "two");
    assert_eq!((&two["status"], &two["message"]), (&json!("Pruned"), &json!("pruned")));
    fixture.wait_well();
    assert!(!fixture.has("two"));
}

// covers: SYN-040, SYN-072
#[test]
fn an_object_that_must_not_be_pruned_is_not() {
    let kept = config_map_with("kept", "1", NO_PRUNE);
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1")), ("kept.yaml", &kept)]);
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    fixture.commit_without("kept.yaml");
    let state = fixture.sync_and_wait(|_| {});
    let kept = result(&state, "ConfigMap", "kept");
    assert_eq!((&kept["status"], &kept["message"]), (&json!("PruneSkipped"), &json!("ignored (no prune)")));
    assert!(fixture.has("kept"));
    let app = fixture.get();
    assert_eq!(resource(&app, "ConfigMap", "kept")["requiresPruning"], true);
}

// covers: SYN-068, SYN-070, SYN-018
#[test]
fn a_selective_sync_touches_only_what_was_named_and_leaves_no_history() {
    let hook = config_map_with("hook", "1", r#"{"argocd.argoproj.io/hook": "PreSync"}"#);
    let fixture = Fixture::new(&[
        ("one.yaml", &config_map("one", "1")),
        ("two.yaml", &config_map("two", "1")),
        ("hook.yaml", &hook),
    ]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|operation| {
        operation["sync"]["resources"] = json!([{"kind": "ConfigMap", "name": "one"}]);
    });
    assert_eq!(state["phase"], "Succeeded");
    assert!(fixture.has("one") && !fixture.has("two") && !fixture.has("hook"));
    let app = fixture.get();
    assert!(app["status"].get("history").is_none());
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
}

// covers: APP-046, GIT-047, GIT-048
#[test]
fn branches_tags_ranges_and_commits_are_followed_as_they_move() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "first"))]);
    let first = fixture.repo.head().unwrap();
    fixture.repo.annotated_tag("v1.0.0", "release").unwrap();
    fixture.create(|app| {
        app["spec"]["syncPolicy"] = automated();
        app["spec"]["source"]["targetRevision"] = json!("v1.*");
    });
    fixture.wait_well_at(&first);

    let second = fixture.commit(&[("one.yaml", &config_map("one", "second"))]);
    fixture.repo.tag("v1.2.0").unwrap();
    fixture.repo.tag("v2.0.0").unwrap();
    fixture.wait_well_at(&second);
    let third = fixture.commit(&[("one.yaml", &config_map("one", "third"))]);
    fixture.repo.set_branch("side", &third).unwrap();

    for (target, commit) in
        [("v1.0.0", &first), ("side", &third), (second.as_str(), &second), ("main", &third)]
    {
        fixture.patch(&json!({"spec": {"source": {"targetRevision": target}}}));
        fixture.wait_well_at(commit);
    }
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "third");
}

#[test]
fn a_sync_to_another_revision_leaves_the_application_out_of_sync() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "first"))]);
    let first = fixture.repo.head().unwrap();
    let second = fixture.commit(&[("one.yaml", &config_map("one", "second"))]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|operation| operation["sync"]["revision"] = json!(first));
    assert_eq!(state["syncResult"]["revision"], first);
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "first");
    let app =
        fixture.wait("compared with what is tracked", |app| text(app, "/status/sync/revision") == second);
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
}

#[test]
fn a_dry_run_changes_nothing() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|operation| operation["sync"]["dryRun"] = json!(true));
    assert_eq!(state["phase"], "Succeeded", "{state}");
    assert!(!fixture.has("one"));
    assert!(fixture.get()["status"].get("history").is_none());
}

// covers: SYN-046
#[test]
fn only_what_is_out_of_sync_is_applied_when_asked_for() {
    let fixture =
        Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"syncOptions": ["ApplyOutOfSyncOnly=true"]}));
    fixture.sync_and_wait(|_| {});
    fixture.commit(&[("two.yaml", &config_map("two", "2"))]);
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(result(&state, "ConfigMap", "one"), &Value::Null, "{state}");
    assert_eq!(result(&state, "ConfigMap", "two")["status"], "Synced");
}

// covers: SYN-051
#[test]
fn server_side_apply_owns_the_fields_that_it_sets() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"syncOptions": ["ServerSideApply=true"]}));
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(result(&state, "ConfigMap", "one")["message"], "configmap/one serverside-applied");
    let one = fixture.api.get(&fixture.config_map("one")).unwrap();
    let managers = one["metadata"]["managedFields"].as_array().unwrap();
    let ours = managers.iter().find(|entry| entry["manager"] == "argocd-controller").unwrap();
    assert_eq!(ours["operation"], "Apply");
    assert!(ours["fieldsV1"]["f:data"]["f:value"].is_object());
    let annotations = one["metadata"]["annotations"].as_object().unwrap();
    assert!(!annotations.contains_key("kubectl.kubernetes.io/last-applied-configuration"));
    fixture.wait_well();
}

// covers: SYN-056
#[test]
fn fields_that_are_ignored_keep_their_live_values_when_they_are_to_be_respected() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["spec"]["ignoreDifferences"] = json!([{"kind": "ConfigMap", "jsonPointers": ["/data/value"]}]);
        app["spec"]["syncPolicy"] = json!({"syncOptions": ["RespectIgnoreDifferences=true"]});
    });
    let path = fixture.config_map("one");
    let data = || fixture.api.get(&path).unwrap()["data"].clone();
    fixture.sync_and_wait(|_| {});
    assert_eq!(data()["value"], "1");

    fixture.api.merge_patch(&path, &json!({"data": {"value": "scaled"}})).unwrap();
    let more = format!("{}  more: \"1\"\n", config_map("one", "2"));
    fixture.commit(&[("one.yaml", &more)]);
    fixture.sync_and_wait(|_| {});
    assert_eq!(data(), json!({"value": "scaled", "more": "1"}));

    fixture.patch(&json!({"spec": {"syncPolicy": {"syncOptions": []}}}));
    fixture.sync_and_wait(|_| {});
    assert_eq!(data(), json!({"value": "2", "more": "1"}));
}

// covers: SYN-049, SYN-050
#[test]
fn an_immutable_field_needs_replace_with_force() {
    let locked = |value: &str, options: &str| {
        let annotations = json!({"argocd.argoproj.io/sync-options": options}).to_string();
        format!("{}immutable: true\n", config_map_with("locked", value, &annotations))
    };
    let fixture = Fixture::new(&[("locked.yaml", &locked("1", "Prune=true"))]);
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    let path = fixture.config_map("locked");
    let before = fixture.api.get(&path).unwrap();

    fixture.commit(&[("locked.yaml", &locked("2", "Prune=true"))]);
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Failed");
    let refused = result(&state, "ConfigMap", "locked");
    assert_eq!(refused["status"], "SyncFailed");
    assert!(text(refused, "/message").contains("field is immutable"), "{refused}");
    assert_eq!(fixture.api.get(&path).unwrap()["metadata"]["uid"], before["metadata"]["uid"]);

    fixture.commit(&[("locked.yaml", &locked("2", "Replace=true,Force=true"))]);
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    let after = fixture.api.get(&path).unwrap();
    assert_eq!(after["data"]["value"], "2");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
}

// covers: SYN-062
#[test]
fn a_commit_that_would_delete_everything_is_not_synced_by_itself() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1")), ("README.md", "nothing")]);
    fixture.create_automated();
    fixture.wait_well();
    fixture.commit_without("one.yaml");
    fixture.wait_condition("SyncError", &["auto-sync will wipe out all resources"]);
    assert!(fixture.has("one"));
    fixture.patch(&json!({"spec": {"syncPolicy": {"automated": {"allowEmpty": true}}}}));
    wait("it is pruned", || if fixture.has("one") { Err("it is there".to_owned()) } else { Ok(()) });
    let app = fixture.wait("Synced", |app| text(app, "/status/sync/status") == "Synced");
    assert_eq!(crate::fixture::conditions(&app), &[] as &[Value]);
}

// covers: APP-064
#[test]
fn an_application_of_applications_makes_and_removes_its_children() {
    let fixture = Fixture::new(&[("child.yaml", "")]);
    let child = format!("{}-child", fixture.name);
    fixture.repo.write("child/one.yaml", config_map("one", "1")).unwrap();
    let manifest = fixture.application(|app| {
        app["metadata"]["name"] = json!(child);
        app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        app["spec"]["source"]["path"] = json!("child");
        app["spec"]["syncPolicy"] = automated();
    });
    fixture.commit(&[("child.yaml", &manifest.to_string()), ("other.yaml", &config_map("other", "1"))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    assert_eq!(app["status"]["summary"]["isAppOfApps"], true);
    assert_eq!(resource(&app, "Application", &child)["status"], "Synced");
    wait("the child has synced", || {
        let found =
            fixture.api.get(&format!("{}/{child}", applications())).map_err(|error| error.to_string())?;
        if is_well(&found) { Ok(()) } else { Err(found["status"].to_string()) }
    });
    assert!(fixture.has("one"));

    fixture.commit_without("child.yaml");
    wait("the child and its objects are gone", || {
        let gone = fixture.api.get_optional(&format!("{}/{child}", applications())).unwrap().is_none();
        if gone && !fixture.has("one") { Ok(()) } else { Err("they are there") }.map_err(str::to_owned)
    });
    fixture.wait_well();
    assert!(fixture.has("other"));
}
