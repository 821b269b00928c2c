//! What is written after a comparison, and what is left alone.

use serde_json::json;

use super::*;
use crate::target::Target;
use crate::testing::{World, config_map, deployment, now, with_annotation};

fn written(status: &ApplicationStatus) -> Value {
    serde_json::to_value(status).unwrap()
}

// covers: APP-051, APP-052, APP-053, APP-055, APP-063, APP-065, REC-014
#[test]
fn a_first_comparison_writes_the_whole_status_in_the_shape_of_the_reference() {
    let mut world = World::new();
    world.edit(|app| {
        app["spec"]["ignoreDifferences"] = json!([{"kind": "Secret", "jsonPointers": ["/data"]}]);
    });
    let mut up = with_annotation(deployment("web"), "argocd.argoproj.io/sync-wave", "2");
    up["status"] = json!({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
    world.put_synced(up);
    let comparison = world.compare(vec![
        with_annotation(deployment("web"), "argocd.argoproj.io/sync-wave", "2"),
        config_map("a-b", "1"),
    ]);
    let status = written(&world.status_after(&comparison, None));
    assert_eq!(
        status,
        json!({
            "resources": [
                {"version": "v1", "kind": "ConfigMap", "namespace": "n", "name": "a-b", "status": "OutOfSync"},
                {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "n", "name": "web",
                 "status": "Synced", "syncWave": 2},
            ],
            "sync": {
                "status": "OutOfSync",
                "revision": "abc",
                "comparedTo": {
                    "source": {"repoURL": "https://git/shop", "path": "p"},
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": "n"},
                    "ignoreDifferences": [{"kind": "Secret", "jsonPointers": ["/data"]}],
                },
            },
            "health": {"status": "Healthy", "lastTransitionTime": "2024-01-01T12:00:00Z"},
            "reconciledAt": "2024-01-01T12:00:00Z",
            "sourceType": "Directory",
            "summary": {},
            "resourceHealthSource": "appTree",
            "controllerNamespace": "argocd",
        })
    );
}

// covers: MS-006, APP-055, APP-063
#[test]
fn several_sources_have_several_revisions_and_types() {
    let mut world = World::new();
    world.edit(|app| {
        app["spec"]["sources"] = json!([{"repoURL": "u", "path": "p"}, {"repoURL": "v", "path": "q"}]);
    });
    let mut comparison = world.compare(vec![]);
    comparison.revisions = vec!["one".into(), "two".into()];
    comparison.source_types = vec!["Helm".into(), "Directory".into()];
    let status = written(&world.status_after(&comparison, None));
    assert_eq!(status["sync"]["revisions"], json!(["one", "two"]));
    assert_eq!(status["sync"]["revision"], json!(null));
    assert_eq!(status["sync"]["comparedTo"]["sources"].as_array().unwrap().len(), 2);
    assert_eq!(status["sourceTypes"], json!(["Helm", "Directory"]));
    assert_eq!(status["sourceType"], json!(null));
}

// covers: REC-007
#[test]
fn a_comparison_that_finds_the_same_writes_nothing_but_its_time() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    let comparison = world.compare(vec![config_map("a", "1")]);
    world.app.status = world.status_after(&comparison, Some(&AutoSync::None));
    let again = world.compare(vec![config_map("a", "1")]);
    let after = world.status_after(&again, Some(&AutoSync::None));
    assert_eq!(status_patch(&written(&world.app.status), &written(&after)), None);
}

// covers: REC-006, APP-059
#[test]
fn the_time_of_the_comparison_is_written_when_it_was_thorough() {
    let mut world = World::new();
    let early = "2024-01-01T00:00:00Z";
    world.status(json!({"reconciledAt": early}));
    let comparison = world.compare(vec![]);
    let at = |level| {
        let input = StatusInput {
            app: &world.app,
            comparison: &comparison,
            sources: &[],
            level,
            summary: ApplicationSummary::default(),
            autosync: None,
            orphaned: None,
            control_namespace: "argocd",
            persist_resource_health: false,
            now: now(),
        };
        status_of(&input).reconciled_at.unwrap().to_string()
    };
    assert_eq!(at(CompareLevel::Recent), early);
    assert_eq!(at(CompareLevel::Latest), "2024-01-01T12:00:00Z");
}

// covers: APP-056
#[test]
fn health_keeps_its_time_and_words_until_it_changes() {
    let mut world = World::new();
    let early = "2024-01-01T00:00:00Z";
    world.status(
        json!({"health": {"status": "Progressing", "message": "Caused by x", "lastTransitionTime": early}}),
    );
    world.put_synced(deployment("web"));
    let comparison = world.compare(vec![deployment("web")]);
    let status = world.status_after(&comparison, None);
    assert_eq!(
        written(&status)["health"],
        json!({"status": "Progressing", "message": "Caused by x", "lastTransitionTime": early})
    );
    world.status(json!({"health": {"status": "Healthy", "lastTransitionTime": early}}));
    let status = world.status_after(&comparison, None);
    assert_eq!(
        written(&status)["health"],
        json!({"status": "Progressing", "message": "Caused by apps/Deployment:n/web",
               "lastTransitionTime": "2024-01-01T12:00:00Z"})
    );
}

// covers: HLT-009, APP-052
#[test]
fn health_of_single_objects_is_written_only_on_request() {
    let mut world = World::new();
    world.put_synced(deployment("web"));
    let comparison = world.compare(vec![deployment("web")]);
    let status = |persist_resource_health| {
        written(&status_of(&StatusInput {
            app: &world.app,
            comparison: &comparison,
            sources: &[],
            level: CompareLevel::Latest,
            summary: ApplicationSummary::default(),
            autosync: None,
            orphaned: None,
            control_namespace: "argocd",
            persist_resource_health,
            now: now(),
        }))
    };
    assert_eq!(status(false)["resources"][0]["health"], json!(null));
    let inline = status(true);
    assert_eq!(inline["resources"][0]["health"]["status"], "Progressing");
    assert_eq!(inline["resourceHealthSource"], json!(null));
}

// covers: REC-009, HLT-008
#[test]
fn an_application_that_makes_no_sense_is_unknown_and_keeps_its_record() {
    let mut world = World::new();
    world.status(json!({
        "resources": [{"kind": "ConfigMap", "name": "a"}],
        "sync": {"status": "Synced", "revision": "abc"},
        "health": {"status": "Healthy", "message": "x"},
        "history": [{"id": 3, "revision": "abc"}],
        "conditions": [{"type": "SyncError", "message": "s"}, {"type": "UnknownError", "message": "old"}],
        "fromTheFuture": 1,
    }));
    let wrong = vec![condition(InvalidSpecError, messages::SOURCE_INCOMPLETE)];
    let status = written(&invalid_status(&world.app.status, wrong, now()));
    assert_eq!((&status["sync"]["status"], &status["sync"]["revision"]), (&json!("Unknown"), &json!("abc")));
    assert_eq!(
        (&status["health"]["status"], &status["health"]["message"]),
        (&json!("Unknown"), &json!(null))
    );
    assert_eq!(status["resources"].as_array().unwrap().len(), 1);
    assert_eq!((&status["history"][0]["id"], &status["fromTheFuture"]), (&json!(3), &json!(1)));
    let types: Vec<_> =
        status["conditions"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["InvalidSpecError", "SyncError"]);
}

// covers: REC-008
#[test]
fn a_status_that_is_too_large_leaves_the_one_before_and_says_so() {
    let mut world = World::new();
    world.status(json!({"sync": {"status": "Synced"}, "resources": [{"kind": "ConfigMap", "name": "a"}]}));
    let status = too_large_status(&world.app.status, now());
    assert_eq!(status.conditions[0].type_, UnknownError);
    assert!(
        status.conditions[0]
            .message
            .starts_with("Application status exceeds the Kubernetes resource size limit")
    );
    assert_eq!((status.resources.len(), status.sync.status.as_str()), (1, "Synced"));
}

#[test]
fn conditions_of_a_comparison_come_and_go_and_others_stay() {
    let mut world = World::new();
    let early = "2024-01-01T00:00:00Z";
    world.status(json!({"conditions": [
        {"type": "ComparisonError", "message": "old", "lastTransitionTime": early},
        {"type": "InvalidSpecError", "message": "old", "lastTransitionTime": early},
        {"type": "SyncError", "message": "sync", "lastTransitionTime": early},
        {"type": "DeletionError", "message": "deletion", "lastTransitionTime": early},
    ]}));
    let comparison = world.compare(vec![config_map("a", "1"), config_map("a", "2")]);
    let types = |status: &ApplicationStatus| -> Vec<String> {
        status.conditions.iter().map(|condition| condition.type_.to_string()).collect()
    };
    let without = world.status_after(&comparison, None);
    assert_eq!(types(&without), ["DeletionError", "RepeatedResourceWarning", "SyncError"]);
    let with = world.status_after(&comparison, Some(&AutoSync::None));
    assert_eq!(types(&with), ["DeletionError", "RepeatedResourceWarning"]);
    let refused = AutoSync::Refused(condition(SyncError, "no"));
    let status = world.status_after(&comparison, Some(&refused));
    assert_eq!(status.conditions[2].message, "no");
}

#[test]
fn a_failed_render_keeps_the_revision_that_was_compared_last_and_the_tool() {
    let mut world = World::new();
    world.app.status = world.status_after(&world.compare(vec![]), None);
    let target = Target::Unknown("gone".into());
    let failed = |world: &World| {
        let snapshot = world.snapshot(&target);
        world.status_after(&world.compare_with(&target, Ok(&snapshot), None), None)
    };
    let status = failed(&world);
    assert_eq!((status.sync.revision.as_str(), status.sync.status.as_str()), ("abc", "Unknown"));
    assert_eq!(status.source_type.as_str(), "Directory");
    world.edit(|app| app["spec"]["source"]["path"] = json!("other"));
    assert_eq!(failed(&world).sync.revision, "");
}

#[test]
fn a_patch_removes_keys_replaces_lists_and_leaves_unknown_fields_alone() {
    let before = json!({"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": true});
    let after = json!({"a": {"b": 1, "c": 3}, "list": [2]});
    assert_eq!(
        status_patch(&before, &after),
        Some(json!({"status": {"a": {"c": 3}, "list": [2], "gone": null}}))
    );
    assert_eq!(status_patch(&after, &after), None);
}
