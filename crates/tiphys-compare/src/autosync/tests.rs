//! When an application is synced without being asked.

use serde_json::{Value, json};

use super::*;
use crate::target::Target;
use crate::testing::{World, config_map, now, with_annotation};

const EARLY: &str = "2024-01-01T11:59:50Z";

/// An application with automated sync and one changed object.
fn world(automated: &Value) -> World {
    let mut world = World::new();
    world.edit(|app| app["spec"]["syncPolicy"] = json!({"automated": automated, "syncOptions": ["A=b"]}));
    world.put_synced(config_map("a", "1"));
    world
}

fn last_sync(world: &mut World, phase: &str, change: impl FnOnce(&mut Value)) {
    let mut state = json!({
        "phase": phase, "message": "it broke", "finishedAt": EARLY,
        "operation": {"sync": {}},
        "syncResult": {"revision": "abc", "source": {"repoURL": "https://git/shop", "path": "p"}},
    });
    change(&mut state);
    world.status(json!({"operationState": state}));
}

fn decide(world: &World, objects: Vec<Value>) -> AutoSync {
    autosync(&world.app, &world.compare(objects), now(), &AutoSyncOptions::default())
}

fn changed() -> Vec<Value> {
    vec![config_map("a", "2")]
}

#[track_caller]
fn operation(decision: AutoSync) -> Operation {
    match decision {
        AutoSync::Start(operation) => *operation,
        other => panic!("{other:?}"),
    }
}

// covers: SYN-058, SYN-025, APP-069
#[test]
fn an_application_that_is_out_of_sync_is_synced_as_its_policy_says() {
    let mut world = world(&json!({"prune": true}));
    let started = operation(decide(&world, changed()));
    assert_eq!(
        serde_json::to_value(&started).unwrap(),
        json!({
            "sync": {"revision": "abc", "prune": true, "syncOptions": ["A=b"],
                     "source": {"repoURL": "https://git/shop", "path": "p"}},
            "initiatedBy": {"automated": true},
            "retry": {"limit": 5},
        })
    );
    world.edit(|app| app["spec"]["syncPolicy"]["retry"] = json!({"limit": 2, "refresh": true}));
    assert_eq!(operation(decide(&world, changed())).retry.limit, 2);
}

// covers: SYN-058, APP-034
#[test]
fn nothing_is_started_without_reason_or_beside_another_operation() {
    let start = |change: fn(&mut Value), objects: Vec<Value>| {
        let mut world = world(&json!({}));
        world.edit(change);
        decide(&world, objects)
    };
    assert!(matches!(start(|_| {}, changed()), AutoSync::Start(_)));
    assert_eq!(start(|_| {}, vec![config_map("a", "1")]), AutoSync::None);
    assert_eq!(start(|app| app["operation"] = json!({"sync": {}}), changed()), AutoSync::None);
    assert_eq!(
        start(|app| app["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z"), changed()),
        AutoSync::None
    );
    assert_eq!(
        start(|app| app["spec"]["syncPolicy"]["automated"]["enabled"] = json!(false), changed()),
        AutoSync::None
    );
    assert_eq!(start(|app| app["spec"]["syncPolicy"] = json!(null), changed()), AutoSync::None);
}

#[test]
fn an_application_of_which_something_is_not_known_is_not_synced() {
    let world = world(&json!({"prune": true, "selfHeal": true, "allowEmpty": true}));
    let target = Target::Unknown("broken".into());
    let comparison = world.compare_with(&target, Ok(&world.snapshot(&target)), None);
    assert_eq!(autosync(&world.app, &comparison, now(), &AutoSyncOptions::default()), AutoSync::None);
}

// covers: SYN-059
#[test]
fn one_revision_is_tried_once_unless_the_source_changes() {
    let mut world = world(&json!({}));
    last_sync(&mut world, "Succeeded", |_| {});
    assert_eq!(decide(&world, changed()), AutoSync::None);
    last_sync(&mut world, "Succeeded", |state| state["syncResult"]["revision"] = json!("older"));
    assert!(matches!(decide(&world, changed()), AutoSync::Start(_)));
    last_sync(&mut world, "Succeeded", |state| state["syncResult"]["source"]["path"] = json!("older"));
    assert!(matches!(decide(&world, changed()), AutoSync::Start(_)));
    last_sync(&mut world, "Succeeded", |state| state["syncResult"]["revision"] = json!("older"));
    let options = AutoSyncOptions { revision_may_have_changes: false, ..AutoSyncOptions::default() };
    assert_eq!(autosync(&world.app, &world.compare(changed()), now(), &options), AutoSync::None);
}

// covers: SYN-060
#[test]
fn a_sync_that_failed_is_not_tried_again_for_the_same_revision() {
    for phase in ["Failed", "Error"] {
        let mut world = world(&json!({"selfHeal": true}));
        last_sync(&mut world, phase, |_| {});
        let AutoSync::Refused(condition) = decide(&world, changed()) else { panic!() };
        assert_eq!(condition.type_, SyncError);
        assert_eq!(condition.message, "Failed last sync attempt to [abc]: it broke");
        last_sync(&mut world, phase, |state| state["syncResult"] = json!(null));
        let AutoSync::Refused(condition) = decide(&world, changed()) else { panic!() };
        assert_eq!(condition.message, "Failed last sync attempt to []: it broke");
        last_sync(&mut world, phase, |state| state["syncResult"]["revision"] = json!("older"));
        assert!(matches!(decide(&world, changed()), AutoSync::Start(_)));
    }
}

// covers: SYN-061
#[test]
fn an_application_with_only_left_over_objects_is_synced_only_when_it_prunes() {
    let mut keeps = world(&json!({}));
    keeps.put_synced(config_map("extra", "1"));
    assert_eq!(decide(&keeps, vec![config_map("a", "1")]), AutoSync::None);
    assert!(matches!(decide(&keeps, changed()), AutoSync::Start(_)));
    let mut prunes = world(&json!({"prune": true}));
    prunes.put_synced(config_map("extra", "1"));
    assert!(matches!(decide(&prunes, vec![config_map("a", "1")]), AutoSync::Start(_)));
}

// covers: SYN-062
#[test]
fn a_sync_that_would_delete_everything_is_refused_unless_that_is_allowed() {
    let mut world_ = world(&json!({"prune": true}));
    world_.put_synced(with_annotation(config_map("hook", "1"), "argocd.argoproj.io/hook", "PreSync"));
    let AutoSync::Refused(condition) = decide(&world_, vec![]) else { panic!() };
    assert_eq!(condition.message, "Skipping sync attempt to [abc]: auto-sync will wipe out all resources");
    let allowed = world(&json!({"prune": true, "allowEmpty": true}));
    assert!(matches!(decide(&allowed, vec![]), AutoSync::Start(_)));
}

// covers: SYN-063, APP-068
#[test]
fn self_heal_undoes_changes_after_a_wait_that_grows() {
    let mut world = world(&json!({"selfHeal": true}));
    world.put_synced(config_map("b", "1"));
    let desired = || vec![config_map("a", "2"), config_map("b", "1")];
    for (attempts, waits) in [(0, false), (1, false), (2, false), (3, true)] {
        last_sync(&mut world, "Succeeded", |state| {
            state["operation"]["sync"]["autoHealAttemptsCount"] = json!(attempts);
        });
        match decide(&world, desired()) {
            AutoSync::Wait(until) => {
                assert!(waits);
                // Ten seconds of the eighteen are over.
                assert_eq!(until.to_rfc3339(), "2024-01-01T12:00:08+00:00");
            }
            AutoSync::Start(operation) => {
                assert!(!waits);
                let sync = operation.sync.unwrap();
                assert_eq!(sync.auto_heal_attempts_count, attempts + 1);
                assert_eq!(
                    serde_json::to_value(&sync.resources).unwrap(),
                    json!([{"kind": "ConfigMap", "name": "a"}])
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

// covers: SYN-063, SYN-064
#[test]
fn waits_of_self_heal_are_0_2_6_18_seconds_and_at_most_5_minutes() {
    let backoff = SelfHealBackoff::default();
    let seconds: Vec<u64> = (0..8).map(|attempts| backoff.delay(attempts).as_secs()).collect();
    assert_eq!(seconds, [0, 2, 6, 18, 54, 162, 300, 300]);
    assert_eq!(backoff.delay(i64::MAX), Duration::from_secs(300));
    let mut world = world(&json!({"selfHeal": true}));
    last_sync(&mut world, "Succeeded", |_| {});
    let fixed = AutoSyncOptions {
        self_heal_backoff: None,
        self_heal_timeout: Duration::from_secs(15),
        ..AutoSyncOptions::default()
    };
    let decision = autosync(&world.app, &world.compare(changed()), now(), &fixed);
    assert!(matches!(decision, AutoSync::Wait(until) if until.timestamp() == now().timestamp() + 5));
}

#[test]
fn several_sources_are_synced_to_their_revisions() {
    let mut world = world(&json!({}));
    world.edit(|app| {
        app["spec"]["sources"] = json!([{"repoURL": "u", "path": "p"}, {"repoURL": "v", "path": "q"}]);
    });
    let mut comparison = world.compare(changed());
    comparison.revisions = vec!["one".into(), "two".into()];
    let decide = |world: &World| autosync(&world.app, &comparison, now(), &AutoSyncOptions::default());
    let sync = operation(decide(&world)).sync.unwrap();
    assert_eq!((sync.sources.len(), sync.revisions.len(), sync.source), (2, 2, None));
    last_sync(&mut world, "Failed", |state| {
        state["syncResult"] = json!({"revisions": ["one", "two"],
            "sources": [{"repoURL": "u", "path": "p"}, {"repoURL": "v", "path": "q"}]});
    });
    let AutoSync::Refused(condition) = decide(&world) else { panic!() };
    assert_eq!(condition.message, "Failed last sync attempt to [one two]: it broke");
}
