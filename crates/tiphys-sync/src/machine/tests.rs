//! The machine in a cluster that fits into a map.

use serde_json::{Value, json};

use super::*;
use crate::options::SyncOptions;
use crate::testing::cluster::{Crash, World};
use crate::testing::*;

mod crash;

const HOOK: &str = "hook";
const POLICY: &str = "hook-delete-policy";
const WAVE: &str = "sync-wave";
const FATE: &str = "fate";

fn log(world: &World) -> Vec<&str> {
    world.cluster.log.iter().map(String::as_str).collect()
}

// covers: SYN-014, SYN-022, SYN-021
#[test]
fn a_sync_of_one_wave_is_over_when_everything_is_applied() {
    let mut world = World::sync([deployment("web", &[(FATE, "never")]), config_map("a", &[])]);
    world.run();
    assert_eq!((world.phase(), world.message()), ("Succeeded", "successfully synced (all tasks run)"));
    assert_eq!(
        world.told,
        ["Running: one or more tasks are running", "Succeeded: successfully synced (all tasks run)"]
    );
    assert_eq!(log(&world), ["create a", "create web"]);
    assert_eq!(
        world.results(),
        ["a: Synced/Running configmap/a created", "web: Synced/Running deployment.apps/web created"]
    );
    assert_eq!(world.application.status.history.len(), 1);
    assert_eq!(world.now, at(0), "nothing was waited for");
}

// covers: APP-062, SYN-023
#[test]
fn a_result_says_what_was_done_to_which_object_in_which_phase() {
    let mut world = World::sync([deployment("web", &[])]);
    world.run();
    let result = &world.state().sync_result.as_ref().unwrap().resources[0];
    assert_eq!(
        serde_json::to_value(result).unwrap(),
        json!({
            "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "n", "name": "web",
            "status": "Synced", "message": "deployment.apps/web created", "hookPhase": "Running",
            "syncPhase": "Sync", "images": ["web:1"],
        })
    );
}

#[test]
fn an_object_that_does_not_change_costs_no_request() {
    let mut world = World::sync([config_map("a", &[]), config_map("b", &[])]);
    world.run();
    world.cluster.log.clear();
    world.desired[1]["data"] = json!({"x": "y"});
    world.application.operation = World::sync([]).application.operation;
    world.now = at(60);
    world.run();
    assert_eq!(log(&world), ["patch b"]);
    assert_eq!(
        world.results(),
        ["a: Synced/Running configmap/a unchanged", "b: Synced/Running configmap/b configured"]
    );
    assert_eq!(world.application.status.history.iter().map(|entry| entry.id).collect::<Vec<_>>(), [0, 1]);
}

// covers: SYN-013, SYN-028
#[test]
fn a_wave_begins_when_the_one_before_is_healthy_and_the_pause_is_over() {
    let mut world = World::sync([deployment("web", &[]), config_map("later", &[(WAVE, "1")])]);
    world.run();
    assert_eq!(log(&world), ["create web", "create later"]);
    assert_eq!(world.now, at(2));
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(world.told[1], "Running: waiting for healthy state of apps/Deployment/web");
    assert_eq!(world.results()[0], "web: Synced/Succeeded deployment.apps/web created");
}

// covers: SYN-013, SYN-022
#[test]
fn an_object_that_breaks_in_a_wave_fails_the_operation_before_the_next() {
    let mut world = World::sync([deployment("web", &[(FATE, "fail")]), config_map("later", &[(WAVE, "1")])]);
    world.run();
    assert_eq!(log(&world), ["create web"]);
    assert_eq!(world.phase(), "Failed");
    assert_eq!(world.message(), "one or more synchronization tasks completed unsuccessfully");
    assert_eq!(world.application.status.history.len(), 0);
}

// covers: SYN-022
#[test]
fn what_is_waited_for_is_said() {
    let mut world = World::sync([
        deployment("web", &[(FATE, "never")]),
        deployment("api", &[(FATE, "never")]),
        config_map("later", &[(WAVE, "1")]),
    ]);
    world.terminate_at = Some(usize::MAX);
    world.run();
    assert_eq!(
        world.told,
        [
            "Running: one or more tasks are running",
            "Running: waiting for healthy state of apps/Deployment/api and 1 more resources",
            "Failed: Operation terminated",
        ]
    );
}

// covers: SYN-011, SYN-001
#[test]
fn hooks_run_around_the_objects_and_each_is_waited_for() {
    let mut world = World::sync([
        job("before", &[(HOOK, "PreSync")]),
        config_map("a", &[]),
        job("after", &[(HOOK, "PostSync")]),
    ]);
    world.run();
    assert_eq!(log(&world), ["create before", "create a", "create after", "release before", "release after"]);
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(world.message(), "successfully synced (no more tasks)");
    assert!(world.told.contains(&"Running: waiting for completion of hook batch/Job/before".to_owned()));
    assert_eq!(
        world.results(),
        [
            "before: Synced/Succeeded job.batch/before created",
            "a: Synced/Succeeded configmap/a created",
            "after: Synced/Succeeded job.batch/after created"
        ]
    );
    let result = &world.state().sync_result.as_ref().unwrap().resources[0];
    assert_eq!((result.hook_type.as_str(), result.sync_phase.as_str()), ("PreSync", "PreSync"));
    let before =
        world.cluster.objects.values().find(|object| object["metadata"]["name"] == "before").unwrap();
    assert_eq!(before["metadata"]["finalizers"], json!([]));
}

// covers: SYN-011
#[test]
fn a_hook_of_a_kind_without_health_is_done_when_it_exists() {
    let mut world = World::sync([config_map("note", &[(HOOK, "PreSync")]), config_map("a", &[])]);
    world.run();
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(log(&world), ["create note", "create a", "release note"]);
}

// covers: SYN-011, SYN-017
#[test]
fn a_hook_that_fails_stops_the_sync_and_the_failure_hooks_run() {
    let mut world = World::sync([
        job("before", &[(HOOK, "PreSync"), (FATE, "fail")]),
        config_map("a", &[]),
        job("rescue", &[(HOOK, "SyncFail")]),
    ]);
    world.run();
    assert_eq!(log(&world), ["create before", "create rescue", "release before", "release rescue"]);
    assert_eq!(world.phase(), "Failed");
    assert_eq!(world.message(), "one or more synchronization tasks completed unsuccessfully");
    assert_eq!(world.results()[0], "before: Synced/Failed it broke");
    assert_eq!(world.results()[1], "rescue: Synced/Succeeded job.batch/rescue created");
}

// covers: SYN-009
#[test]
fn hooks_are_deleted_as_their_policies_say() {
    let hooks = |fate: &str| {
        World::sync([
            job("on-success", &[(HOOK, "PreSync"), (POLICY, "HookSucceeded")]),
            job("on-failure", &[(HOOK, "PreSync"), (POLICY, "HookFailed")]),
            job("before-next", &[(HOOK, "PreSync")]),
            job("last", &[(HOOK, "PostSync"), (FATE, fate)]),
        ])
    };
    let mut good = hooks("");
    good.run();
    assert_eq!(good.cluster.names(), ["before-next", "last", "on-failure"]);
    let mut bad = hooks("fail");
    bad.run();
    assert_eq!(bad.phase(), "Failed");
    assert_eq!(bad.cluster.names(), ["before-next", "last", "on-success"]);
}

// covers: SYN-008
#[test]
fn a_hook_of_an_earlier_operation_is_removed_before_its_successor_is_created() {
    let mut world = World::sync([job("before", &[(HOOK, "PreSync")]), config_map("a", &[])]);
    let mut old = job("before", &[(HOOK, "PreSync"), ("tiphys.io/operation", "uid-app.1.0.PreSync")]);
    old["metadata"]["finalizers"] = json!(["argocd.argoproj.io/hook-finalizer"]);
    world.cluster.insert(old);
    world.run();
    assert_eq!(
        log(&world),
        ["delete before", "release before", "create before", "create a", "release before"]
    );
    assert_eq!(world.phase(), "Succeeded");
}

#[test]
fn a_hook_of_two_phases_runs_twice_and_its_first_result_is_recorded_before_it_goes() {
    let mut world = World::sync([job("both", &[(HOOK, "PreSync,PostSync")]), config_map("a", &[])]);
    world.run();
    assert_eq!(
        log(&world),
        ["create both", "create a", "delete both", "release both", "create both", "release both"]
    );
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(world.cluster.hook_runs.len(), 2);
}

// covers: SYN-015
#[test]
fn objects_that_left_the_source_go_before_their_wave_is_applied() {
    let mut world = World::sync([config_map("a", &[])]);
    world.cluster.insert(config_map("old", &[]));
    world.run();
    assert_eq!(log(&world), ["delete old", "create a"]);
    assert_eq!(world.results()[0], "old: Pruned/Succeeded pruned");
}

// covers: SYN-071, SYN-072
#[test]
fn objects_that_are_kept_are_results_too() {
    let mut world = World::new([config_map("a", &[])], json!({"sync": {}}));
    world.cluster.insert(config_map("old", &[]));
    world.run();
    assert_eq!(world.results()[0], "old: PruneSkipped/Succeeded ignored (requires pruning)");
    assert_eq!(world.phase(), "Succeeded");
    let mut world = World::sync([config_map("a", &[])]);
    world.cluster.insert(config_map("old", &[("sync-options", "Prune=false")]));
    world.run();
    assert_eq!(world.results()[0], "old: PruneSkipped/Succeeded ignored (no prune)");
    assert_eq!(log(&world), ["create a"]);
}

#[test]
fn only_the_object_that_was_planned_for_is_pruned() {
    let mut world = World::sync([config_map("a", &[])]);
    world.cluster.insert(config_map("old", &[]));
    // Between plan and deletion somebody replaces the object: the uid no longer matches.
    world.cluster.faults.push(("old", FailureReason::Conflict));
    world.run();
    assert_eq!(world.cluster.names(), ["a", "old"]);
    assert_eq!(world.phase(), "Succeeded");
}

#[test]
fn an_object_that_took_the_place_of_the_planned_one_is_not_pruned() {
    let ask = Ask::of([extra(&config_map("old", &[]))]);
    let mut sync = SyncState::new(ask.plan(), ask.state(), SyncSettings::default());
    let mut cluster = crate::testing::cluster::Cluster::default();
    cluster.insert(config_map("old", &[]));
    assert_ne!(cluster.objects.values().next().unwrap()["metadata"]["uid"], "uid-old");
    sync.step(Event::Started, &cluster, at(0));
    let effects = sync.step(Event::Persisted, &cluster, at(0));
    assert!(matches!(effects[..], [Effect::Finish(_)]), "{effects:?}");
}

#[test]
fn a_hook_is_not_removed_for_its_second_run_before_its_first_result_is_recorded() {
    let mut world = World::sync([config_map("both", &[(HOOK, "PreSync,Sync")])]);
    world.slow_record = true;
    world.settings.wave_delay = Duration::ZERO;
    world.run();
    assert_eq!(log(&world), ["create both", "delete both", "release both", "create both", "release both"]);
    assert_eq!(world.phase(), "Succeeded");
}

// covers: SYN-041, SYN-057
#[test]
fn a_prune_that_needs_a_confirmation_waits_for_it() {
    let world = || {
        let mut world = World::sync([config_map("a", &[])]);
        world.cluster.insert(config_map("old", &[("sync-options", "Prune=confirm")]));
        world
    };
    let mut waiting = world();
    waiting.terminate_at = Some(usize::MAX);
    waiting.run();
    assert_eq!(waiting.cluster.names(), ["old"]);
    let mut approved = world();
    approved.cluster.approved = Some(at(1));
    approved.run();
    assert_eq!(approved.cluster.names(), ["a"]);
    let mut stale = world();
    stale.cluster.approved = Some(at(-1));
    stale.terminate_at = Some(usize::MAX);
    stale.run();
    assert_eq!(stale.cluster.names(), ["old"]);
}

// covers: SYN-026
#[test]
fn a_terminated_operation_deletes_its_running_hooks_and_fails() {
    let mut world = World::sync([
        job("before", &[(HOOK, "PreSync"), (FATE, "never")]),
        job("done", &[(HOOK, "PreSync")]),
        config_map("a", &[]),
    ]);
    world.application.operation.as_mut().unwrap().retry.limit = 5;
    world.terminate_at = Some(usize::MAX);
    world.run();
    assert_eq!((world.phase(), world.message()), ("Failed", "Operation terminated"));
    assert_eq!(world.cluster.names(), ["done"]);
    assert_eq!(world.results()[0], "before: /Succeeded Deleted");
    assert_eq!((world.ends, world.state().retry_count), (1, 0));
}

// covers: SYN-027
#[test]
fn an_operation_that_takes_too_long_is_terminated() {
    let mut world = World::sync([deployment("web", &[(FATE, "never")]), config_map("later", &[(WAVE, "1")])]);
    world.settings.timeout = Some(Duration::from_secs(90));
    world.run();
    assert_eq!(world.now, at(90));
    assert_eq!((world.phase(), world.message()), ("Failed", "Operation terminated"));
}

// covers: SYN-022
#[test]
fn an_object_that_the_api_server_refuses_fails_the_operation_with_its_words() {
    let mut world =
        World::sync([config_map("a", &[]), config_map("b", &[]), config_map("later", &[(WAVE, "1")])]);
    world.cluster.faults.push(("a", FailureReason::Refused));
    world.run();
    assert_eq!(log(&world), ["create b"], "the rest of the wave is applied");
    assert_eq!(world.phase(), "Failed");
    assert_eq!(world.message(), "one or more objects failed to apply, reason: a fault of the test");
    assert_eq!(world.results()[0], "a: SyncFailed/Failed a fault of the test");
}

// covers: SYN-024
#[test]
fn a_failed_operation_is_tried_again_and_ends_once() {
    let mut world = World::new([config_map("a", &[])], json!({"sync": {}, "retry": {"limit": 2}}));
    world.cluster.faults.push(("a", FailureReason::Refused));
    world.cluster.faults.push(("a", FailureReason::Refused));
    world.run();
    assert_eq!(
        world.told,
        [
            "Running: one or more tasks are running",
            "Running: one or more objects failed to apply, reason: a fault of the test. Retrying attempt #1 at 10:13PM.",
            "Running: one or more tasks are running",
            "Running: one or more objects failed to apply, reason: a fault of the test. Retrying attempt #2 at 10:13PM.",
            "Running: one or more tasks are running",
            "Succeeded: successfully synced (all tasks run)",
        ]
    );
    assert_eq!((world.ends, world.application.status.history.len(), world.state().retry_count), (1, 1, 2));
    assert_eq!(world.now, at(15));
}

#[test]
fn faults_that_pass_are_overcome() {
    for reason in [
        FailureReason::AlreadyExists,
        FailureReason::Conflict,
        FailureReason::OutcomeUnknown,
        FailureReason::Busy,
    ] {
        let mut world = World::sync([config_map("a", &[])]);
        world.cluster.faults.push(("a", reason));
        world.run();
        assert_eq!(world.phase(), "Succeeded", "{reason:?}: {:?}", world.results());
        assert_eq!(log(&world), ["create a"], "{reason:?}");
    }
}

#[test]
fn a_lost_answer_to_the_creation_of_a_hook_does_not_run_it_twice() {
    let mut world = World::sync([job("before", &[(HOOK, "PreSync")]), config_map("a", &[])]);
    world.cluster.faults.push(("before", FailureReason::OutcomeUnknown));
    world.run();
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(log(&world), ["create before", "create a", "release before"]);
    assert_eq!(world.results()[0], "before: Synced/Succeeded job.batch/before created");
}

#[test]
fn an_object_that_is_there_but_not_tracked_is_adopted_by_a_patch() {
    let mut world = World::sync([config_map("a", &[("note", "mine")])]);
    world.cluster.insert(config_map("a", &[]));
    world.run();
    assert_eq!(log(&world), ["patch a"]);
    assert_eq!(world.results(), ["a: Synced/Running configmap/a configured"]);
}

// covers: SYN-049
#[test]
fn replace_sends_the_whole_object() {
    let mut world = World::sync([config_map("a", &[("sync-options", "Replace=true")]), config_map("b", &[])]);
    world.cluster.insert(config_map("a", &[]));
    world.run();
    assert_eq!(log(&world), ["replace a", "create b"]);
    assert_eq!(world.results()[0], "a: Synced/Running configmap/a replaced");
}

// covers: SYN-050
#[test]
fn force_deletes_and_creates_what_can_not_be_changed() {
    let mut forced = config_map("a", &[("sync-options", "Force=true")]);
    forced["data"] = json!({"x": "new"});
    let mut world = World::sync([forced.clone()]);
    world.cluster.insert(config_map("a", &[]));
    world.cluster.faults.push(("a", FailureReason::Invalid));
    world.run();
    assert_eq!(log(&world), ["delete a", "create a"]);
    assert_eq!(world.phase(), "Succeeded");
    forced["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] = json!("Force=true,Replace=true");
    let mut world = World::sync([forced]);
    world.cluster.insert(config_map("a", &[]));
    world.run();
    assert_eq!(log(&world), ["delete a", "create a"]);
}

#[test]
fn what_takes_others_along_is_never_deleted_to_be_created_again() {
    let mut claim = object("v1", "PersistentVolumeClaim", "data", &[("sync-options", "Force=true")]);
    claim["spec"] = json!({"x": "new"});
    let mut world = World::sync([claim]);
    world.cluster.insert(object("v1", "PersistentVolumeClaim", "data", &[]));
    world.cluster.faults.push(("data", FailureReason::Invalid));
    world.run();
    assert_eq!((world.phase(), log(&world)), ("Failed", vec![]));
    for kind in ["Namespace", "CustomResourceDefinition"] {
        let version = if kind == "Namespace" { "v1" } else { "apiextensions.k8s.io/v1" };
        let mut world =
            World::sync([object(version, kind, "x", &[("sync-options", "Force=true,Replace=true")])]);
        world.cluster.insert(object(version, kind, "x", &[]));
        world.run();
        assert_eq!(log(&world), ["replace x"]);
    }
}

// covers: SYN-051
#[test]
fn server_side_apply_is_one_request_without_the_last_applied_annotation() {
    let mut world = World::sync([config_map("a", &[("sync-options", "ServerSideApply=true")])]);
    world.run();
    assert_eq!(log(&world), ["ssa a"]);
    assert_eq!(world.results(), ["a: Synced/Running configmap/a serverside-applied"]);
    let text = world.cluster.objects.values().next().unwrap().to_string();
    assert!(!text.contains("last-applied"), "{text}");
}

// covers: SYN-052, SYN-053
#[test]
fn fields_of_a_client_side_apply_are_taken_over_first() {
    let mut old = config_map("a", &[]);
    old["metadata"]["managedFields"] =
        json!([{"manager": "kubectl-client-side-apply", "operation": "Update"}]);
    let run = |options: &str| {
        let mut world = World::sync([config_map("a", &[("sync-options", options)])]);
        world.cluster.insert(old.clone());
        world.run();
        world.cluster.log
    };
    assert_eq!(run("ServerSideApply=true"), ["patch a", "ssa a"]);
    assert_eq!(run("ServerSideApply=true,ClientSideApplyMigration=false"), ["ssa a"]);
}

#[test]
fn the_object_of_a_definition_is_sent_when_its_kind_is_served() {
    let mut world = World::sync([
        object("example.com/v1", "Widget", "w", &[]),
        definition("widgets", "example.com", "Widget"),
    ]);
    world.cluster.defined_kinds.push("Widget");
    world.run();
    assert_eq!(log(&world), ["create widgets.example.com", "create w"]);
    assert_eq!(world.phase(), "Succeeded");
}

#[test]
fn a_kind_that_never_appears_fails_its_object_alone() {
    let options = ("sync-options", "SkipDryRunOnMissingResource=true");
    let mut world = World::sync([object("example.com/v1", "Widget", "w", &[options]), config_map("a", &[])]);
    world.cluster.defined_kinds.push("Widget");
    world.run();
    assert_eq!(log(&world), ["create a"]);
    assert_eq!(world.phase(), "Failed");
    assert!(world.message().contains("Make sure the \"Widget\" CRD is installed"), "{}", world.message());
}

// covers: SYN-038
#[test]
fn the_namespace_is_there_before_everything_else() {
    let mut world = World::sync([config_map("a", &[]), job("before", &[(HOOK, "PreSync")])]);
    world.options = SyncOptions::parse(["CreateNamespace=true"]);
    world.run();
    assert_eq!(log(&world)[..2], ["create n", "create before"]);
    let mut world = World::sync([config_map("a", &[])]);
    world.options = SyncOptions::parse(["CreateNamespace=true"]);
    world.cluster.faults.push(("n", FailureReason::Refused));
    world.run();
    assert_eq!(log(&world), [""; 0]);
    assert_eq!(world.message(), "the namespace failed to apply, reason: a fault of the test");
}

#[test]
fn a_dry_run_sends_nothing_and_says_what_it_would_do() {
    let mut world = World::new(
        [config_map("a", &[]), job("hook", &[(HOOK, "PreSync")]), deployment("web", &[(WAVE, "1")])],
        json!({"sync": {"prune": true, "dryRun": true}}),
    );
    world.cluster.insert(config_map("old", &[]));
    world.run();
    assert_eq!(log(&world), [""; 0]);
    assert_eq!(world.phase(), "Succeeded");
    assert_eq!(
        world.results(),
        [
            "hook: Synced/Succeeded job.batch/hook created (dry run)",
            "old: Pruned/Succeeded pruned (dry run)",
            "a: Synced/Succeeded configmap/a created (dry run)",
            "web: Synced/Succeeded deployment.apps/web created (dry run)",
        ]
    );
    assert_eq!(world.application.status.history.len(), 0);
}

#[test]
fn an_application_without_objects_is_synced() {
    let mut world = World::sync([]);
    world.run();
    assert_eq!((world.phase(), world.message()), ("Succeeded", "successfully synced (no more tasks)"));
}

#[test]
fn an_object_that_vanishes_while_it_is_waited_for_fails_the_sync_after_a_while() {
    let mut world = World::sync([deployment("web", &[(FATE, "never")]), config_map("later", &[(WAVE, "1")])]);
    world.cluster.faults.push(("later", FailureReason::Refused));
    // The object is created and gone at once.
    let plan = Ask::of([desired(&world.desired[0]), desired(&world.desired[1])]).plan();
    let mut sync = SyncState::new(plan, Ask::of([]).state(), SyncSettings::default());
    let empty = &crate::testing::cluster::Cluster::default();
    sync.step(Event::Started, empty, at(0));
    sync.step(Event::Persisted, empty, at(0));
    let applied = Event::Applied { task: TaskId(0), result: Ok(live(&world.desired[0])) };
    let effects = sync.step(applied, empty, at(1));
    assert!(
        matches!(effects[..], [Effect::Persist(_), Effect::WakeAt(until)] if until == at(31)),
        "{effects:?}"
    );
    sync.step(Event::Persisted, empty, at(1));
    let effects = sync.step(Event::Tick, empty, at(31));
    let Some(Effect::Finish(end)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(end.state.phase, OperationPhase::Failed);
    let message = &end.state.sync_result.as_ref().unwrap().resources[0].message;
    assert_eq!(message, "deployment.apps/web was deleted while the sync waited for it");
}

#[test]
fn events_that_say_nothing_new_change_nothing() {
    let ask = Ask::of([desired(&config_map("a", &[]))]);
    let mut sync = SyncState::new(ask.plan(), ask.state(), SyncSettings::default());
    let view = &crate::testing::cluster::Cluster::default();
    assert!(sync.step(Event::LiveChanged, view, at(0)).is_empty(), "not started");
    assert_eq!(sync.step(Event::Started, view, at(0)).len(), 1);
    for event in [Event::LiveChanged, Event::Tick, Event::Started] {
        assert!(sync.step(event, view, at(0)).is_empty());
    }
    assert_eq!(sync.step(Event::Persisted, view, at(0)).len(), 1);
    let stray = Event::Deleted { task: TaskId(0), result: Ok(()) };
    assert!(sync.step(stray, view, at(0)).is_empty());
    let unknown = Event::Applied { task: TaskId(99), result: Ok(LiveObject::default()) };
    assert!(sync.step(unknown, view, at(0)).is_empty());
    assert!(!sync.is_finished());
}

fn value_of(world: &World, name: &str) -> Option<Value> {
    world.cluster.objects.values().find(|object| object["metadata"]["name"] == name).cloned()
}
