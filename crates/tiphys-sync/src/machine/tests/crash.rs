//! The controller dies before and after each single effect, in each scenario. Whatever happens: hooks run at most once
//! for an attempt, the operation ends once, a success is one history entry, and the cluster is as it would have been.

use super::*;

struct Scenario {
    name: &'static str,
    make: fn() -> World,
}

fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario { name: "plain", make: || World::sync([deployment("web", &[]), config_map("a", &[])]) },
        Scenario {
            name: "waves and hooks",
            make: || {
                World::sync([
                    job("before", &[(HOOK, "PreSync")]),
                    job("before-too", &[(HOOK, "PreSync"), (WAVE, "1"), (POLICY, "HookSucceeded")]),
                    config_map("a", &[]),
                    deployment("web", &[(WAVE, "1")]),
                    job("during", &[(HOOK, "Sync"), (WAVE, "1")]),
                    config_map("late", &[(WAVE, "2")]),
                    job("after", &[(HOOK, "PostSync"), (POLICY, "HookFailed")]),
                    job("twice", &[(HOOK, "PreSync,PostSync"), (WAVE, "2")]),
                ])
            },
        },
        Scenario {
            name: "prune",
            make: || {
                let mut world = World::sync([config_map("a", &[(WAVE, "1")]), config_map("b", &[])]);
                world.cluster.insert(config_map("old", &[]));
                world.cluster.insert(config_map("older", &[(WAVE, "1")]));
                world.cluster.insert(config_map("oldest", &[("sync-options", "PruneLast=true")]));
                world
            },
        },
        Scenario {
            name: "picked objects",
            make: || {
                let sync = json!({"sync": {"resources": [{"kind": "ConfigMap", "name": "a"}]}});
                World::new([config_map("a", &[]), config_map("b", &[]), job("h", &[(HOOK, "PreSync")])], sync)
            },
        },
        Scenario {
            name: "old hook in the way",
            make: || {
                let mut world = World::sync([job("before", &[(HOOK, "PreSync")]), config_map("a", &[])]);
                let mut old =
                    job("before", &[(HOOK, "PreSync"), ("tiphys.io/operation", "uid-app.1.0.PreSync")]);
                old["metadata"]["finalizers"] = json!(["argocd.argoproj.io/hook-finalizer"]);
                world.cluster.insert(old);
                world
            },
        },
        Scenario {
            name: "failing hook",
            make: || {
                World::sync([
                    job("before", &[(HOOK, "PreSync"), (FATE, "fail"), (POLICY, "HookFailed")]),
                    config_map("a", &[]),
                    job("rescue", &[(HOOK, "SyncFail")]),
                ])
            },
        },
        Scenario {
            name: "retry",
            make: || {
                let operation = json!({"sync": {}, "retry": {"limit": 3}});
                let mut world =
                    World::new([job("before", &[(HOOK, "PreSync")]), config_map("a", &[])], operation);
                world.cluster.faults.push(("a", FailureReason::Refused));
                world
            },
        },
        Scenario {
            name: "namespace and definition",
            make: || {
                let mut world = World::sync([
                    definition("widgets", "example.com", "Widget"),
                    object("example.com/v1", "Widget", "w", &[]),
                    config_map("a", &[]),
                ]);
                world.options = SyncOptions::parse(["CreateNamespace=true"]);
                world.cluster.defined_kinds.push("Widget");
                world
            },
        },
    ]
}

/// What must be the same with and without a crash: the end, the history, and the objects without what the API server
/// adds.
fn outcome(world: &World) -> (String, usize, Vec<Value>) {
    let objects = world.cluster.objects.values().map(|object| {
        let mut object = object.clone();
        for field in ["uid", "resourceVersion"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        // A retry and a late start leave their marks.
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.remove("tiphys.io/operation");
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        object
    });
    (world.phase().to_owned(), world.application.status.history.len(), objects.collect())
}

fn check(world: &World, name: &str, crash: Crash) {
    let twice: Vec<_> = world.cluster.hook_runs.iter().filter(|(_, runs)| **runs > 1).collect();
    assert!(twice.is_empty(), "{name}, {crash:?}: {twice:?} in {:?}", world.cluster.log);
    assert_eq!(world.ends, 1, "{name}, {crash:?}");
    assert!(world.application.operation.is_none());
    assert!(world.state().phase.is_completed() && world.state().finished_at.is_some());
    let ids: Vec<i64> = world.application.status.history.iter().map(|entry| entry.id).collect();
    assert!(ids.len() <= 1, "{name}, {crash:?}: {ids:?}");
}

#[test]
fn a_controller_that_dies_at_any_effect_is_replaced_without_a_trace() {
    let mut cases = 0;
    for (scenario, slow_record) in
        scenarios().into_iter().zip([false; 99]).chain(scenarios().into_iter().zip([true; 99]))
    {
        let mut calm = (scenario.make)();
        calm.slow_record = slow_record;
        calm.run();
        let expected = outcome(&calm);
        for number in 0..calm.effects {
            for crash in [Crash::Before(number), Crash::After(number)] {
                let mut world = (scenario.make)();
                world.crash = Some(crash);
                world.slow_record = slow_record;
                world.run();
                check(&world, scenario.name, crash);
                assert_eq!(
                    outcome(&world),
                    expected,
                    "{}, {crash:?}: {:?}",
                    scenario.name,
                    world.cluster.log
                );
                assert!(world.lives >= calm.lives, "{}, {crash:?}", scenario.name);
                cases += 1;
            }
        }
    }
    assert!(cases > 300, "{cases} cases are too few to mean anything");
}

#[test]
fn an_operation_can_be_terminated_at_any_effect_and_by_any_successor() {
    for scenario in scenarios() {
        let mut calm = (scenario.make)();
        calm.run();
        for (number, slow_record) in (1..calm.effects).flat_map(|number| [(number, false), (number, true)]) {
            let mut world = (scenario.make)();
            world.slow_record = slow_record;
            world.terminate_at = Some(number);
            world.run();
            let crash = Crash::Before(number);
            check(&world, scenario.name, crash);
            let held = world.cluster.objects.values().filter(|object| {
                object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
                    && object["metadata"]["annotations"]["tiphys.io/operation"]
                        .as_str()
                        .is_some_and(|mark| mark.starts_with("uid-app.17"))
            });
            assert_eq!(held.count(), 0, "{} at {number}: a hook keeps our finalizer", scenario.name);
        }
    }
}

#[test]
fn a_successor_finds_the_hook_that_was_created_but_not_recorded() {
    let mut world = World::sync([job("before", &[(HOOK, "PreSync"), (FATE, "")]), config_map("a", &[])]);
    // Effect 0 records the start, effect 1 creates the hook.
    world.crash = Some(Crash::After(1));
    world.run();
    assert_eq!(world.lives, 2);
    assert_eq!(log(&world), ["create before", "create a", "release before"]);
    assert_eq!(value_of(&world, "before").unwrap()["metadata"]["uid"], "uid-1");
    assert_eq!(world.results()[0], "before: Synced/Succeeded job.batch/before created");
}
