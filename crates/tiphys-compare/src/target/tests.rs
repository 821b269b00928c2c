//! What rendered objects become.

use serde_json::json;

use super::*;
use crate::testing::{World, config_map, with_annotation};

fn messages_of(state: &TargetState) -> Vec<(&str, &str)> {
    state.conditions.iter().map(|condition| (condition.type_.as_str(), condition.message.as_str())).collect()
}

fn keys(state: &TargetState) -> Vec<&str> {
    state.objects.iter().map(|object| object.key.as_str()).collect()
}

// covers: REC-032, APP-033
#[test]
fn namespaces_are_filled_in_for_namespaced_objects_and_taken_from_cluster_scoped_ones() {
    let mut elsewhere = config_map("elsewhere", "1");
    elsewhere["metadata"]["namespace"] = json!("other");
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "bogus"}});
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let state = World::new().state(vec![config_map("a", "1"), elsewhere, namespace, unknown]);
    assert_eq!(
        keys(&state),
        ["/ConfigMap:n/a", "/ConfigMap:other/elsewhere", "/Namespace:/x", "example.com/Widget:n/w"]
    );
    assert_eq!(messages_of(&state), []);
}

#[test]
fn a_kind_that_is_not_served_yet_has_the_scope_of_its_crd_among_the_objects() {
    let crd = |scope: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
               "metadata": {"name": "widgets.example.com"},
               "spec": {"group": "example.com", "scope": scope, "names": {"kind": "Widget"}}})
    };
    let widget = || json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let world = World::new();
    assert_eq!(keys(&world.state(vec![widget(), crd("Cluster")]))[0], "example.com/Widget:/w");
    assert_eq!(keys(&world.state(vec![widget(), crd("Namespaced")]))[0], "example.com/Widget:n/w");
}

#[test]
fn a_namespaced_object_without_any_namespace_is_said() {
    let mut world = World::new();
    world.edit(|app| app["spec"]["destination"]["namespace"] = json!(""));
    let state = world.state(vec![config_map("a", "1")]);
    assert_eq!(messages_of(&state), [("InvalidSpecError", "Namespace for a v1, Kind=ConfigMap is missing.")]);
}

// covers: TRK-002, TRK-006
#[test]
fn objects_are_marked_as_the_applications() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                     "metadata": {"name": "c"}});
    let state = World::new().state(vec![config_map("a", "1"), namespace, crd]);
    let ids: Vec<_> = state
        .objects
        .iter()
        .map(|object| object.manifest.annotation("argocd.argoproj.io/tracking-id"))
        .collect();
    assert_eq!(ids, [Some("shop:/ConfigMap:n/a"), Some("shop:/Namespace:n/x"), None]);
}

// covers: REC-030, MS-002
#[test]
fn of_objects_with_one_identity_the_last_stays_and_all_are_said() {
    let state = World::new().state(vec![
        config_map("a", "first"),
        config_map("b", "other"),
        config_map("a", "second"),
        config_map("a", "third"),
    ]);
    assert_eq!(keys(&state), ["/ConfigMap:n/b", "/ConfigMap:n/a"]);
    assert_eq!(state.objects[1].manifest.value()["data"]["key"], "third");
    assert_eq!(
        messages_of(&state),
        [(
            "RepeatedResourceWarning",
            "Resource /ConfigMap/n/a appeared 3 times among application resources."
        )]
    );
}

// covers: REC-031
#[test]
fn excluded_kinds_are_left_out_and_said() {
    let mut world = World::new();
    world.set(&[("resource.exclusions", "- kinds: [Secret]\n")]);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    let state = world.state(vec![config_map("a", "1"), secret]);
    assert_eq!(keys(&state), ["/ConfigMap:n/a"]);
    assert_eq!(
        messages_of(&state),
        [("ExcludedResourceWarning", "Resource /Secret s is excluded in the settings")]
    );
}

// covers: SYN-004, SYN-012
#[test]
fn hooks_and_waves_are_read() {
    let hook =
        |name: &str, when: &str| with_annotation(config_map(name, "1"), "argocd.argoproj.io/hook", when);
    let wave = with_annotation(config_map("late", "1"), "argocd.argoproj.io/sync-wave", "5");
    let state = World::new().state(vec![hook("pre", "PreSync"), wave, hook("bye", "PostDelete")]);
    assert!(state.objects[0].hook.as_ref().unwrap().runs_at(HookType::PreSync));
    assert_eq!((state.objects[1].wave, state.objects[1].hook.is_none()), (5, true));
    assert!(state.has_post_delete_hooks && !state.has_pre_delete_hooks);
}

#[test]
fn objects_with_only_a_generate_name_are_all_kept_and_not_looked_for() {
    let job = || {
        json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"generateName": "j-", "annotations": {"argocd.argoproj.io/hook": "Sync"}}})
    };
    let state = World::new().state(vec![job(), job()]);
    assert_eq!(state.objects.len(), 2);
    assert_eq!(state.keys().count(), 0);
    assert_eq!(messages_of(&state), []);
}

#[test]
fn objects_that_are_watched_in_another_version_are_to_be_read() {
    let mut world = World::new();
    world.put_synced(config_map("same", "1"));
    world.put(
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}}),
    );
    world.index.set_kind_state(&GroupKind::new("", "Node"), KindState::NotWatched);
    let mut old = crate::testing::deployment("d");
    old["apiVersion"] = json!("apps/v1beta2");
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "host"}});
    let target = world.target(vec![config_map("same", "1"), config_map("new", "1"), old, node]);
    let Target::Complete(state) = &target else { panic!() };
    let to_read: Vec<String> = state
        .to_read(&world.snapshot(&target))
        .into_iter()
        .map(|(key, gvk)| format!("{gvk} {key}"))
        .collect();
    assert_eq!(to_read, ["apps/v1beta2/Deployment apps/Deployment:n/d", "v1/Node /Node:/host"]);
}
