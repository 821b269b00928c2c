//! What becomes a task, where it stands, and what makes a plan impossible.

use std::collections::HashSet;

use serde_json::json;
use tiphys_api::application::{ManagedNamespaceMetadata, SyncOperationResource, SyncStrategy};

use super::*;
use crate::options::PropagationPolicy;
use crate::testing::*;

const WAVE: &str = "sync-wave";
const HOOK: &str = "hook";

// covers: SYN-001
#[test]
fn tasks_are_ordered_by_phase_wave_kind_and_name() {
    let ask = Ask::of([
        desired(&deployment("z", &[])),
        desired(&config_map("b", &[])),
        desired(&config_map("a", &[])),
        desired(&deployment("late", &[(WAVE, "1")])),
        desired(&config_map("early", &[(WAVE, "-1")])),
        desired(&job("before", &[(HOOK, "PreSync")])),
        desired(&job("during", &[(HOOK, "Sync")])),
        desired(&job("after", &[(HOOK, "PostSync"), (WAVE, "5")])),
        desired(&job("failed", &[(HOOK, "SyncFail")])),
    ]);
    assert_eq!(
        ask.words(),
        "PreSync 0: before | Sync -1: early | Sync 0: a b, z, during | Sync 1: late | PostSync 5: after | SyncFail 0: failed"
    );
    assert!(ask.plan().is_multi_step());
}

// covers: SYN-003
#[test]
fn what_others_need_moves_in_front_of_them() {
    let mut namespace = object("v1", "Namespace", "n", &[(WAVE, "3")]);
    namespace["metadata"]["name"] = json!("n");
    let ask = Ask::of([
        desired(&namespace),
        desired(&config_map("a", &[(WAVE, "1")])),
        desired(&object("calico.org/v1", "NetworkPolicy", "policy", &[(WAVE, "2")])),
        desired(&definition("networkpolicies", "calico.org", "NetworkPolicy")),
        desired(&object("example.com/v1", "Widget", "w", &[(WAVE, "2")])),
        desired(&definition("widgets", "example.com", "Widget")),
    ]);
    // A definition that stands in an earlier wave than its objects stays there.
    assert_eq!(
        ask.words(),
        "Sync 0: networkpolicies.calico.org widgets.example.com | Sync 1: n, a | Sync 2: policy, w"
    );
    let late = |name: &str, group: &str, kind: &str| {
        let mut definition = definition(name, group, kind);
        definition["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": "9"});
        desired(&definition)
    };
    let ask = Ask::of([
        desired(&object("calico.org/v1", "NetworkPolicy", "policy", &[])),
        late("networkpolicies", "calico.org", "NetworkPolicy"),
    ]);
    assert_eq!(ask.words(), "Sync 0: networkpolicies.calico.org, policy");
}

// covers: SYN-004, SYN-005
#[test]
fn hooks_run_only_in_their_phases_and_some_never() {
    let ask = Ask::of([
        desired(&job("both", &[(HOOK, "PreSync,PostSync")])),
        desired(&job("skipped", &[(HOOK, "Skip")])),
        desired(&job("unknown", &[(HOOK, "Whenever")])),
        desired(&job("deletion", &[(HOOK, "PreDelete")])),
        desired(&job("tested", &[("helm.sh/hook", "test")])),
        desired(&config_map("a", &[])),
    ]);
    assert_eq!(ask.words(), "PreSync 0: both | Sync 0: a | PostSync 0: both");
}

// covers: SYN-007, SYN-010
#[test]
fn a_hook_gets_its_name_finalizer_and_mark_before_anything_runs() {
    let mut hook = job("x", &[(HOOK, "PreSync")]);
    hook["metadata"].as_object_mut().unwrap().remove("name");
    hook["metadata"]["generateName"] = json!("migrate-");
    hook["metadata"]["finalizers"] = json!(["example.com/other"]);
    hook["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!("app:batch/Job:n/");
    let plan = Ask::of([desired(&hook)]).plan();
    let task = &plan.tasks[0];
    assert_eq!(task.key.name(), "migrate-0123456-presync-1700000000");
    let manifest = task.desired.as_ref().unwrap();
    assert_eq!(manifest.name(), task.key.name());
    assert_eq!(manifest.generate_name(), "");
    assert_eq!(manifest.finalizers().collect::<Vec<_>>(), ["example.com/other", HOOK_FINALIZER]);
    assert_eq!(manifest.annotation(OPERATION_ANNOTATION), Some("uid-app.1700000000.0.PreSync"));
    let mark = manifest.annotation("argocd.argoproj.io/tracking-id");
    assert_eq!(mark, Some("app:batch/Job:n/migrate-0123456-presync-1700000000"));
}

// covers: SYN-015
#[test]
fn prunes_walk_the_waves_backwards() {
    let ask = Ask::of([
        desired(&config_map("a", &[])),
        extra(&config_map("first", &[(WAVE, "-1")])),
        extra(&config_map("middle", &[(WAVE, "1")])),
        extra(&config_map("last", &[(WAVE, "4")])),
    ]);
    assert_eq!(ask.words(), "Sync -1: -last | Sync 0: a | Sync 1: -middle | Sync 4: -first");
    let single = Ask::of([desired(&config_map("a", &[])), extra(&config_map("old", &[]))]);
    assert_eq!(single.words(), "Sync 0: -old a");
}

// covers: SYN-048
#[test]
fn prunes_that_come_last_have_a_wave_of_their_own() {
    let resources = || {
        [
            desired(&config_map("a", &[(WAVE, "3")])),
            extra(&config_map("old", &[])),
            extra(&config_map("older", &[("sync-options", "PruneLast=true")])),
        ]
    };
    assert_eq!(Ask::of(resources()).words(), "Sync 0: -old | Sync 3: a | Sync 4: -older");
    assert_eq!(Ask::of(resources()).options(&["PruneLast=true"]).words(), "Sync 3: a | Sync 4: -old -older");
}

// covers: SYN-040, SYN-071, SYN-072
#[test]
fn an_object_that_is_not_to_be_pruned_is_kept_with_the_reason() {
    let resources = [
        extra(&config_map("free", &[])),
        extra(&config_map("held", &[("sync-options", "Prune=false")])),
        extra(&config_map("helm", &[("helm.sh/resource-policy", "keep")])),
    ];
    let mut ask = Ask::of(resources);
    let action = |ask: &Ask, name: &str| task(&ask.plan(), name).action;
    assert_eq!(action(&ask, "free"), Action::Prune);
    assert_eq!(action(&ask, "held"), Action::Keep(KeepReason::PruneForbidden));
    assert_eq!(action(&ask, "helm"), Action::Keep(KeepReason::PruneForbidden));
    ask.operation.prune = false;
    for name in ["free", "held", "helm"] {
        assert_eq!(action(&ask, name), Action::Keep(KeepReason::PruneNotRequested));
    }
    ask.is_observed = false;
    assert!(ask.try_plan().is_ok(), "what is kept needs no proof");
}

// covers: SYN-006
#[test]
fn hooks_and_objects_of_others_are_never_pruned() {
    let untracked = SyncResource { requires_pruning: false, ..extra(&config_map("other", &[])) };
    let ask = Ask::of([extra(&job("hook", &[(HOOK, "PreSync")])), untracked]);
    assert_eq!(ask.words(), "");
}

#[test]
fn a_prune_needs_both_proofs() {
    let mut ask = Ask::of([extra(&config_map("old", &[]))]);
    ask.is_observed = false;
    let error = ask.try_plan().unwrap_err().to_string();
    assert_eq!(error, "cannot prune /ConfigMap:n/old: the cluster has not been observed completely");

    let resources = vec![extra(&config_map("old", &[]))];
    let other = [SyncResource { ..desired(&deployment("x", &[])) }];
    let (state, proof) = (ask.state(), live_proof(&other));
    let mut input = PlanInput {
        operation: &ask.operation,
        options: &ask.options,
        state: &state,
        stamp: &Stamp::new("u", state.started_at, 0),
        resources: &resources,
        namespace: DestinationNamespace { name: "", live: None, metadata: None, tracking: None },
        permits: &|_, _| Ok(()),
        serves: &|_| true,
        render: &RenderProof::complete(Vec::new(), Vec::new(), &[] as &[Manifest]),
        observed: Some(&proof),
        shared_resource: None,
    };
    let error = plan(&input).unwrap_err().to_string();
    assert!(error.ends_with("objects of its kind have not been observed completely"), "{error}");

    let mentioned = Arc::new(Manifest::new(config_map("old", &[])).unwrap());
    let render = RenderProof::complete(Vec::new(), Vec::new(), &[mentioned]);
    let proof = live_proof(&resources);
    input.render = &render;
    input.observed = Some(&proof);
    let error = plan(&input).unwrap_err().to_string();
    assert!(error.ends_with("the source still has an object of this name"), "{error}");
}

// covers: SYN-018, SYN-068, SYN-070
#[test]
fn picked_objects_are_synced_without_hooks() {
    let mut ask = Ask::of([
        desired(&config_map("a", &[])),
        desired(&config_map("b", &[])),
        desired(&deployment("a", &[])),
        desired(&job("hook", &[(HOOK, "PreSync")])),
        extra(&config_map("old", &[])),
    ]);
    let pick = |kind: &str, name: &str, namespace: &str| SyncOperationResource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        ..SyncOperationResource::default()
    };
    ask.operation.resources = vec![pick("ConfigMap", "a", ""), pick("ConfigMap", "b", "other")];
    assert_eq!(ask.words(), "Sync 0: a");
    ask.operation.resources = vec![pick("ConfigMap", "old", "n")];
    assert_eq!(ask.words(), "Sync 0: -old");
    ask.operation.resources.clear();
    let strategy = |json| serde_json::from_value::<SyncStrategy>(json).unwrap();
    ask.operation.sync_strategy = Some(strategy(json!({"apply": {}})));
    assert_eq!(ask.words(), "Sync 0: -old a b, a");
    ask.operation.sync_strategy = Some(strategy(json!({"hook": {}})));
    assert_eq!(ask.words(), "PreSync 0: hook | Sync 0: -old a b, a");
}

// covers: SYN-046
#[test]
fn objects_in_sync_are_left_alone_when_asked_for() {
    let resources = || [in_sync(&config_map("same", &[])), desired(&config_map("new", &[]))];
    assert_eq!(Ask::of(resources()).words(), "Sync 0: new same");
    assert_eq!(Ask::of(resources()).options(&["ApplyOutOfSyncOnly=true"]).words(), "Sync 0: new");
}

// covers: SYN-038, SYN-054
#[test]
fn the_destination_namespace_is_made_first_when_it_is_absent() {
    let resources = || [desired(&config_map("a", &[])), desired(&job("before", &[(HOOK, "PreSync")]))];
    assert_eq!(Ask::of(resources()).plan().namespace, None);
    let mut ask = Ask::of(resources()).options(&["CreateNamespace=true"]);
    let plan = ask.plan();
    let namespace = plan.task(plan.namespace.unwrap()).unwrap();
    assert_eq!((namespace.key.to_string().as_str(), namespace.id), ("/Namespace:/n", TaskId(0)));
    assert_eq!(namespace.desired.as_ref().unwrap().value()["metadata"], json!({"name": "n"}));
    assert_eq!(words(&plan), "PreSync 0: before | Sync 0: a");
    ask.namespace_live = Some(live(&object("v1", "Namespace", "n", &[])));
    assert_eq!(ask.plan().namespace, None);
    ask.namespace_live = None;
    ask.resources.push(desired(&object("v1", "Namespace", "n", &[])));
    assert_eq!(ask.plan().namespace, None, "the source has it");
}

// covers: APP-039
#[test]
fn managed_metadata_is_applied_on_the_server_side_to_a_namespace_that_lacks_it() {
    let mut ask = Ask::of([desired(&config_map("a", &[]))]).options(&["CreateNamespace=true"]);
    ask.metadata = Some(ManagedNamespaceMetadata {
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        ..ManagedNamespaceMetadata::default()
    });
    ask.namespace_live = Some(live(&object("v1", "Namespace", "n", &[])));
    let plan = ask.plan();
    let namespace = plan.task(plan.namespace.unwrap()).unwrap();
    assert!(namespace.options.server_side_apply);
    let metadata = &namespace.desired.as_ref().unwrap().value()["metadata"];
    assert_eq!(metadata["labels"], json!({"team": "blue"}));
    assert_eq!(metadata["annotations"]["argocd.argoproj.io/tracking-id"], "app:/Namespace:n/n");
    let mut has_it = object("v1", "Namespace", "n", &[("tracking-id", "app:/Namespace:n/n")]);
    has_it["metadata"]["labels"] = json!({"team": "blue", "other": "x"});
    ask.namespace_live = Some(live(&has_it));
    assert_eq!(ask.plan().namespace, None);
}

// covers: SYN-036
#[test]
fn an_object_that_the_project_forbids_fails_the_operation_before_anything_is_done() {
    let mut ask = Ask::of([desired(&config_map("a", &[])), desired(&object("v1", "Secret", "s", &[]))]);
    ask.forbidden = &["Secret"];
    let error = ask.try_plan().unwrap_err();
    let PlanError::NotValid { results } = &error else { panic!("{error}") };
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].message, "resource :Secret is not permitted in project default.");
    assert_eq!(results[0].status, ResultCode::SyncFailed);
    let end = crate::machine::refuse(ask.state(), &error, at(1));
    assert_eq!(end.state.phase, OperationPhase::Failed);
    assert_eq!(end.state.message, "one or more synchronization tasks are not valid");
    assert_eq!(end.state.sync_result.unwrap().resources.len(), 1);
}

// covers: SYN-020, SYN-045
#[test]
fn an_unknown_kind_fails_up_front_unless_its_definition_comes_along_or_it_may_be_missing() {
    let widget =
        |annotations: &[(&str, &str)]| desired(&object("example.com/v1", "Widget", "w", annotations));
    let mut ask = Ask::of([widget(&[])]);
    ask.unserved = &["Widget"];
    let error = ask.try_plan().unwrap_err();
    let PlanError::NotValid { results } = &error else { panic!("{error}") };
    assert_eq!(
        results[0].message,
        "The Kubernetes API could not find example.com/Widget for requested resource n/w. Make sure the \"Widget\" CRD is installed on the destination cluster."
    );
    ask.resources = vec![widget(&[("sync-options", "SkipDryRunOnMissingResource=true")])];
    assert!(ask.try_plan().is_ok());
    ask.resources = vec![widget(&[]), desired(&definition("widgets", "example.com", "Widget"))];
    assert_eq!(ask.words(), "Sync 0: widgets.example.com, w");
}

// covers: SYN-055
#[test]
fn a_shared_resource_fails_the_operation_when_asked_for() {
    let mut ask = Ask::of([desired(&config_map("a", &[]))]);
    ask.shared = Some("ConfigMap/a is part of applications x and y");
    assert!(ask.try_plan().is_ok());
    let error = ask.options(&["FailOnSharedResource=true"]).try_plan().unwrap_err().to_string();
    assert_eq!(error, "Shared resource found: ConfigMap/a is part of applications x and y");
}

#[test]
fn a_plan_can_be_written_as_json() {
    let ask = Ask::of([desired(&config_map("a", &[])), extra(&config_map("old", &[]))])
        .options(&["PrunePropagationPolicy=background"]);
    let plan = ask.plan();
    assert_eq!(plan.propagation, PropagationPolicy::Background);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["tasks"][0]["key"], "/ConfigMap:n/a");
    assert_eq!(json["tasks"][1]["action"], "Prune");
    assert_eq!(json["waves"][0], json!({"phase": "Sync", "number": 0, "prunes": [1], "steps": [[0]]}));
    assert_eq!(json["stamp"], "uid-app.1700000000.0");
}

/// A plan is sound when each object is touched once in a phase, each task stands in one wave, waves ascend, hooks are
/// in a phase of theirs, prunes are in the Sync phase, and nothing comes before what it needs.
fn lint(plan: &SyncPlan) {
    let mut seen = HashSet::new();
    for task in &plan.tasks {
        assert!(seen.insert((task.phase, task.key.clone())), "{} twice in {:?}", task.key, task.phase);
        match &task.hook {
            Some(hook) => assert!(task.is_hook() && hook.runs_at(task.phase.hook_type())),
            None => assert!(!task.is_hook()),
        }
        if task.is_prune() {
            assert_eq!(task.phase, Phase::Sync);
            assert!(task.desired.is_none() && !task.live_uid.is_empty());
        }
    }
    let mut placed = HashSet::new();
    let mut before = None;
    for wave in plan.waves.iter().chain(&plan.failure_waves) {
        let place = Some((wave.phase, wave.number));
        assert!(before < place, "{before:?} then {place:?}");
        before = place;
        for id in wave.tasks() {
            let task = plan.task(id).unwrap();
            assert!(placed.insert(id) && (task.phase, task.wave) == (wave.phase, wave.number));
        }
    }
    assert_eq!(placed.len() + usize::from(plan.namespace.is_some()), plan.tasks.len());
    for (index, user) in plan.tasks.iter().enumerate().filter(|(_, task)| !task.is_prune()) {
        let provided = |task: &Task| {
            !task.is_prune() && task.key.kind() == "Namespace" && task.key.name() == user.key.namespace()
        };
        assert!(!plan.tasks[index..].iter().any(provided), "{} before its namespace", user.key);
    }
}

#[test]
fn a_plan_of_any_objects_is_sound() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    for _ in 0..500 {
        let count = 1 + random(14);
        let mut resources = Vec::new();
        for number in 0..count {
            let name = format!("o{number}");
            let wave = ["-2", "-1", "0", "0", "0", "1", "7", "x"][random(8)];
            let hook =
                ["PreSync", "Sync", "PostSync", "SyncFail", "PreSync,PostSync", "Skip", "?"][random(7)];
            let options = ["", "PruneLast=true", "Prune=false", "Replace=true"][random(4)];
            let ordinary = [(WAVE, wave), ("sync-options", options)];
            let hooked = [(WAVE, wave), (HOOK, hook)];
            resources.push(match random(8) {
                0 => desired(&job(&name, &hooked)),
                1 => extra(&config_map(&name, &ordinary)),
                2 => extra(&deployment(&name, &ordinary)),
                3 => desired(&deployment(&name, &ordinary)),
                4 => desired(&object("v1", "Secret", &name, &ordinary)),
                5 => in_sync(&config_map(&name, &ordinary)),
                6 => desired(&object("example.com/v1", "Widget", &name, &ordinary)),
                _ => desired(&config_map(&name, &ordinary)),
            });
        }
        if random(2) == 0 {
            resources.push(desired(&object("v1", "Namespace", "n", &[(WAVE, "5")])));
        }
        if random(3) == 0 {
            resources.push(desired(&definition("widgets", "example.com", "Widget")));
        }
        let options: &[&str] = match random(4) {
            0 => &["CreateNamespace=true"],
            1 => &["PruneLast=true", "ApplyOutOfSyncOnly=true"],
            _ => &[],
        };
        lint(&Ask::of(resources).options(options).plan());
    }
}
