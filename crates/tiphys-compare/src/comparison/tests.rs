//! What a comparison says, as tables of worlds.

use serde_json::json;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Missing, Progressing, Unknown};

use super::*;
use crate::testing::{World, config_map, deployment, key, with_annotation};

/// Key, status and whether it is to be pruned, of all objects.
fn listed(comparison: &Comparison) -> Vec<(&str, &str, bool)> {
    comparison
        .resources
        .iter()
        .map(|resource| (resource.key.as_str(), resource.status.as_str(), resource.requires_pruning))
        .collect()
}

fn said(comparison: &Comparison) -> Vec<(&str, &str)> {
    comparison
        .conditions
        .iter()
        .map(|condition| (condition.type_.as_str(), condition.message.as_str()))
        .collect()
}

// covers: APP-051, APP-053
#[test]
fn objects_are_synced_missing_changed_or_left_over() {
    let mut world = World::new();
    world.put_synced(config_map("same", "1"));
    world.put_synced(config_map("changed", "1"));
    world.put_synced(config_map("extra", "1"));
    let comparison =
        world.compare(vec![config_map("same", "1"), config_map("changed", "2"), config_map("missing", "1")]);
    assert_eq!(
        listed(&comparison),
        [
            ("/ConfigMap:n/changed", "OutOfSync", false),
            ("/ConfigMap:n/extra", "OutOfSync", true),
            ("/ConfigMap:n/missing", "OutOfSync", false),
            ("/ConfigMap:n/same", "Synced", false),
        ]
    );
    assert_eq!(comparison.sync_status, SyncStatusCode::OutOfSync);
    assert_eq!(comparison.revisions, ["abc"]);
    assert_eq!(said(&comparison), []);
}

#[test]
fn an_application_that_equals_its_source_is_synced_and_an_empty_one_too() {
    let mut world = World::new();
    assert_eq!(world.compare(vec![]).sync_status, SyncStatusCode::Synced);
    world.put_synced(config_map("a", "1"));
    let comparison = world.compare(vec![config_map("a", "1")]);
    assert_eq!((comparison.sync_status, comparison.health), (SyncStatusCode::Synced, Healthy));
}

// covers: REC-035, DIFF-008
#[test]
fn a_left_over_object_does_not_count_when_it_says_so() {
    let mut world = World::new();
    let option = "argocd.argoproj.io/compare-options";
    world.put_synced(with_annotation(
        config_map("extra", "1"),
        option,
        "ServerSideDiff=true, IgnoreExtraneous",
    ));
    let comparison = world.compare(vec![]);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/extra", "OutOfSync", true)]);
    assert_eq!(comparison.sync_status, SyncStatusCode::Synced);
}

// covers: SYN-006, REC-035
#[test]
fn hooks_have_no_status_and_are_not_pruned() {
    let mut world = World::new();
    let hook = |name: &str| with_annotation(config_map(name, "1"), "argocd.argoproj.io/hook", "PreSync");
    let hook = |name: &str| with_annotation(hook(name), "argocd.argoproj.io/sync-wave", "3");
    world.put_synced(hook("ran"));
    let comparison = world.compare(vec![hook("ran"), hook("waits")]);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/ran", "", false)]);
    assert!(comparison.resources[0].is_hook());
    assert_eq!(comparison.resources[0].wave, 3);
    assert_eq!(comparison.sync_status, SyncStatusCode::Synced);
    assert_eq!(comparison.hooks.len(), 2);
    let planned = comparison.sync_resources();
    assert_eq!(planned.len(), 2);
    assert!(planned[0].live.is_some() && planned[1].live.is_none());
}

// covers: SYN-005
#[test]
fn an_object_that_is_skipped_is_listed_without_a_status() {
    let skipped = with_annotation(config_map("a", "1"), "argocd.argoproj.io/hook", "Skip");
    let comparison = World::new().compare(vec![skipped]);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/a", "", false)]);
    assert_eq!((comparison.sync_status, comparison.health), (SyncStatusCode::Synced, Healthy));
    assert!(!comparison.resources[0].is_hook());
}

// covers: TRK-008, REC-033
#[test]
fn an_object_of_another_application_is_compared_and_said() {
    let mut world = World::new();
    let mut other = config_map("a", "1");
    other["metadata"]["namespace"] = json!("n");
    world.put(with_annotation(other, "argocd.argoproj.io/tracking-id", "team_other:/ConfigMap:n/a"));
    let comparison = world.compare(vec![config_map("a", "1")]);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/a", "OutOfSync", false)]);
    let words = "ConfigMap/a is part of applications argocd/shop and team/other";
    assert_eq!(said(&comparison), [("SharedResourceWarning", words)]);
    assert_eq!(comparison.shared_resource(), Some(words));
}

// covers: TRK-004
#[test]
fn a_copy_of_a_managed_object_is_neither_listed_nor_pruned() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    let mut copy = config_map("copy", "1");
    copy["metadata"]["namespace"] = json!("n");
    world.put(with_annotation(copy, "argocd.argoproj.io/tracking-id", "shop:/ConfigMap:n/a"));
    assert_eq!(listed(&world.compare(vec![config_map("a", "1")])), [("/ConfigMap:n/a", "Synced", false)]);
}

#[test]
fn a_tracked_object_that_has_an_owner_is_its_owners() {
    let mut world = World::new();
    let mut owned = config_map("owned", "1");
    owned["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]);
    world.put_synced(owned);
    assert_eq!(listed(&world.compare(vec![])), []);
}

#[test]
fn an_object_that_is_there_but_nobodys_is_out_of_sync() {
    let mut world = World::new();
    let mut there = config_map("a", "1");
    there["metadata"]["namespace"] = json!("n");
    world.put(there);
    assert_eq!(listed(&world.compare(vec![config_map("a", "1")])), [("/ConfigMap:n/a", "OutOfSync", false)]);
}

// covers: PRJ-010, REC-034
#[test]
fn what_the_project_forbids_is_not_shown_and_what_is_asked_for_all_the_same_is_unknown() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    world.put_synced(secret.clone());
    world.project.spec.namespace_resource_blacklist =
        vec![serde_json::from_value(json!({"group": "", "kind": "Secret"})).unwrap()];
    assert_eq!(listed(&world.compare(vec![config_map("a", "1")])), [("/ConfigMap:n/a", "Synced", false)]);
    let comparison = world.compare(vec![config_map("a", "1"), secret]);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/a", "Synced", false), ("/Secret:n/s", "Unknown", false)]);
    assert!(comparison.resources[1].live.is_none());
    assert_eq!(comparison.sync_status, SyncStatusCode::OutOfSync);
}

#[test]
fn a_source_that_could_not_be_rendered_makes_everything_unknown_and_prunes_nothing() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    let target = Target::Unknown("rpc error: no such path".into());
    let snapshot = world.snapshot(&target);
    let comparison = world.compare_with(&target, Ok(&snapshot), None);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/a", "Unknown", false)]);
    assert_eq!((&comparison.sync_status, &comparison.health), (&SyncStatusCode::Unknown, &Healthy));
    assert_eq!(
        said(&comparison),
        [("ComparisonError", "Failed to load target state: rpc error: no such path")]
    );
    assert!(comparison.render.is_none() && comparison.unknown.is_some());
    assert!(comparison.sync_resources().iter().all(|resource| !resource.requires_pruning));
}

#[test]
fn a_cluster_that_is_not_observed_makes_everything_unknown() {
    let mut world = World::new();
    let target = world.target(vec![config_map("a", "1")]);
    let comparison = world.compare_with(&target, Err("connection refused"), None);
    assert_eq!(listed(&comparison), [("/ConfigMap:n/a", "Unknown", false)]);
    assert_eq!(
        (comparison.sync_status.clone(), comparison.health.clone()),
        (SyncStatusCode::Unknown, Unknown)
    );
    assert_eq!(said(&comparison), [("ComparisonError", "Failed to load live state: connection refused")]);
    // The list of a kind that is only half read is no list either.
    world.index.set_kind_state(&GroupKind::new("", "ConfigMap"), KindState::Pending);
    let comparison = world.compare(vec![config_map("a", "1")]);
    assert_eq!(comparison.sync_status, SyncStatusCode::Unknown);
    assert_eq!(
        said(&comparison),
        [(
            "ComparisonError",
            "Failed to load live state: objects of kind ConfigMap have not been listed yet"
        )]
    );
}

#[test]
fn a_watch_that_is_interrupted_changes_no_verdict() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    world.index.set_kind_state(&GroupKind::new("", "ConfigMap"), KindState::Lost("connection reset".into()));
    let comparison = world.compare(vec![config_map("a", "1")]);
    assert_eq!((&comparison.sync_status, said(&comparison)), (&SyncStatusCode::Synced, vec![]));
}

// covers: APP-051
#[test]
fn a_confirmation_is_asked_for_by_the_object_or_by_the_application() {
    let mut world = World::new();
    let options = "argocd.argoproj.io/sync-options";
    for (own, of_app, expected) in [
        (None, None, false),
        (Some("Prune=confirm"), None, true),
        (Some("Delete=confirm"), None, true),
        (None, Some("Prune=confirm"), true),
        (Some("Prune=false"), Some("Prune=confirm"), false),
        (Some("Prune=true,Delete=true"), Some("Delete=confirm"), false),
    ] {
        let mut object = config_map("a", "1");
        if let Some(own) = own {
            object = with_annotation(object, options, own);
        }
        world.edit(|app| {
            app["spec"]["syncPolicy"] =
                json!({"syncOptions": of_app.map(|option| vec![option]).unwrap_or_default()});
        });
        let comparison = world.compare(vec![object]);
        assert_eq!(comparison.resources[0].requires_deletion_confirmation, expected, "{own:?} {of_app:?}");
    }
}

// covers: DIFF-018, DIFF-021
#[test]
fn differences_that_are_ignored_do_not_count() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    world.put_synced(config_map("b", "1"));
    let desired = || vec![config_map("a", "2"), config_map("b", "2")];
    assert_eq!(world.compare(desired()).sync_status, SyncStatusCode::OutOfSync);
    world.edit(|app| {
        app["spec"]["ignoreDifferences"] =
            json!([{"kind": "ConfigMap", "name": "a", "jsonPointers": ["/data/key"]}]);
    });
    assert_eq!(
        listed(&world.compare(desired())),
        [("/ConfigMap:n/a", "Synced", false), ("/ConfigMap:n/b", "OutOfSync", false)]
    );
    world.set(&[("resource.customizations.ignoreDifferences.ConfigMap", "jsonPointers: [/data]")]);
    assert_eq!(world.compare(desired()).sync_status, SyncStatusCode::Synced);
}

#[test]
fn a_sync_can_leave_fields_that_are_ignored_as_they_are() {
    let mut world = World::new();
    world.edit(|app| {
        app["spec"]["ignoreDifferences"] =
            json!([{"kind": "ConfigMap", "name": "a", "jsonPointers": ["/data/key", "/data/absent"]}]);
    });
    for name in ["a", "b"] {
        world.put_synced(config_map(name, "live"));
    }
    let mut desired: Vec<_> = ["a", "b", "new"].iter().map(|name| config_map(name, "desired")).collect();
    desired[0]["data"]["other"] = json!("desired");
    desired[0]["data"]["absent"] = json!("desired");
    let comparison = world.compare(desired);
    let mut resources = comparison.sync_resources();
    comparison.keep_ignored_fields(&mut resources, &crate::verdict::NoSchemas);
    let data = |name: &str| {
        let found = resources.iter().find(|resource| resource.key.name() == name).unwrap();
        found.desired.as_ref().unwrap().value()["data"].clone()
    };
    assert_eq!(data("a"), json!({"key": "live", "other": "desired"}));
    assert_eq!(data("b"), json!({"key": "desired"}));
    assert_eq!(data("new"), json!({"key": "desired"}));
}

#[test]
fn a_rule_that_has_no_effect_is_said() {
    let mut world = World::new();
    world.edit(|app| {
        app["spec"]["ignoreDifferences"] = json!([{"kind": "ConfigMap", "jsonPointers": ["data"]}]);
    });
    let comparison = world.compare(vec![]);
    assert_eq!(said(&comparison)[0].0, "ComparisonError");
    assert_eq!(comparison.sync_status, SyncStatusCode::Synced);
}

// covers: APP-039
#[test]
fn a_namespace_that_the_application_keeps_labels_on_is_wanted_although_no_source_has_it() {
    let mut world = World::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    world.put_synced(namespace);
    assert_eq!(listed(&world.compare(vec![])), [("/Namespace:/n", "OutOfSync", true)]);
    world.edit(|app| app["spec"]["syncPolicy"] = json!({"managedNamespaceMetadata": {"labels": {"a": "b"}}}));
    assert_eq!(listed(&world.compare(vec![])), [("/Namespace:/n", "Synced", false)]);
    world.status(
        json!({"operationState": {"syncResult": {"managedNamespaceMetadata": {"labels": {"a": "c"}}}}}),
    );
    assert_eq!(world.compare(vec![]).sync_status, SyncStatusCode::OutOfSync);
}

fn deployment_that(status: Value) -> Value {
    let mut object = deployment("web");
    object["status"] = status;
    object
}

// covers: HLT-006, HLT-007, APP-026
#[test]
fn the_application_is_as_well_as_its_worst_object_and_names_the_cause() {
    let healthy = || deployment_that(json!({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}));
    let progressing = || deployment_that(json!({"replicas": 1, "updatedReplicas": 1}));
    let failed = |name: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
               "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    };
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Failed"}});
    let table = [
        (vec![config_map("a", "1"), healthy()], Healthy, ""),
        (vec![progressing()], Progressing, "Caused by apps/Deployment:n/web"),
        (vec![progressing(), failed("j")], Degraded, "Caused by batch/Job:n/j"),
        (
            vec![failed("a"), pod, failed("b"), failed("c")],
            Degraded,
            "Caused by Pod:n/p, batch/Job:n/a, batch/Job:n/b and 1 more",
        ),
        (
            vec![healthy(), with_annotation(failed("j"), "argocd.argoproj.io/ignore-healthcheck", "true")],
            Healthy,
            "",
        ),
        (vec![healthy(), with_annotation(failed("j"), "argocd.argoproj.io/hook", "PostSync")], Healthy, ""),
    ];
    for (objects, expected, message) in table {
        let mut world = World::new();
        for object in &objects {
            world.put_synced(object.clone());
        }
        let comparison = world.compare(objects);
        assert_eq!((&comparison.health, comparison.health_message.as_str()), (&expected, message));
    }
}

// covers: HLT-006
#[test]
fn missing_objects_make_an_application_ill_only_when_none_is_there() {
    let mut world = World::new();
    assert_eq!(world.compare(vec![config_map("a", "1"), config_map("b", "1")]).health, Missing);
    world.put_synced(config_map("a", "1"));
    assert_eq!(world.compare(vec![config_map("a", "1"), config_map("b", "1")]).health, Healthy);
}

#[test]
fn a_second_comparison_looks_only_at_what_has_changed_and_finds_the_same() {
    let mut world = World::new();
    world.put_synced(config_map("a", "1"));
    world.put_synced(config_map("b", "1"));
    let target = world.target(vec![config_map("a", "1"), config_map("b", "2")]);
    let first = world.compare_with(&target, Ok(&world.snapshot(&target)), None);
    let second = world.compare_with(&target, Ok(&world.snapshot(&target)), Some(&first));
    assert!(Arc::ptr_eq(&first.rules, &second.rules));
    assert_eq!(listed(&first), listed(&second));
    let mut healed = config_map("b", "2");
    healed["metadata"]["uid"] = json!("ConfigMap-b");
    world.put_synced(healed);
    let third = world.compare_with(&target, Ok(&world.snapshot(&target)), Some(&second));
    assert_eq!(third.sync_status, SyncStatusCode::Synced);
    world.delete(&key("", "ConfigMap", "a"));
    let fourth = world.compare_with(&target, Ok(&world.snapshot(&target)), Some(&third));
    assert_eq!(fourth.sync_status, SyncStatusCode::OutOfSync);
    world.edit(|app| app["spec"]["ignoreDifferences"] = json!([{"kind": "Secret", "jsonPointers": ["/x"]}]));
    let fifth = world.compare_with(&target, Ok(&world.snapshot(&target)), Some(&fourth));
    assert!(!Arc::ptr_eq(&fourth.rules, &fifth.rules));
}

#[test]
fn an_application_that_manages_itself_is_not_its_own_cause() {
    let mut world = World::new();
    let mut own = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd", "deletionTimestamp": "2024-01-01T00:00:00Z"}});
    world.put_synced(own.clone());
    own["metadata"].as_object_mut().unwrap().remove("deletionTimestamp");
    assert_eq!(world.compare(vec![own]).health, Healthy);
}
