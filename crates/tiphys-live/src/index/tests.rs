use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_manifest::{GroupKind, Gvk, ResourceKey};

use super::*;
use crate::{ChangeKind, ChangedFields, KindInfo, KindState, NotObserved, Rules};

fn kind(group: &str, kind: &str, plural: &str) -> KindInfo {
    KindInfo::watchable(Gvk::new(group, "v1", kind), plural, true)
}

fn config_maps() -> KindInfo {
    kind("", "ConfigMap", "configmaps")
}

struct Object<'a> {
    kind: &'a str,
    name: &'a str,
    uid: &'a str,
    version: u64,
    app: Option<&'a str>,
    owner: Option<(&'a str, &'a str, &'a str)>,
}

impl Object<'_> {
    fn value(&self) -> Value {
        let mut object = json!({
            "metadata": {
                "name": self.name, "namespace": "n", "uid": self.uid,
                "resourceVersion": self.version.to_string(),
                "managedFields": [{"manager": "m"}]
            },
            "data": {"version": self.version.to_string()}
        });
        let group = if self.kind == "ReplicaSet" || self.kind == "StatefulSet" { "apps" } else { "" };
        if let Some(app) = self.app {
            let id = format!("{app}:{group}/{}:n/{}", self.kind, self.name);
            object["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": id});
        }
        if let Some((kind, name, uid)) = self.owner {
            object["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid}]);
        }
        object
    }
}

fn config_map<'a>(name: &'a str, uid: &'a str, version: u64, app: Option<&'a str>) -> Object<'a> {
    Object { kind: "ConfigMap", name, uid, version, app, owner: None }
}

fn key(kind: &str, name: &str) -> ResourceKey {
    ResourceKey::new("", kind, "n", name)
}

fn names(nodes: &[Arc<LiveNode>]) -> Vec<&str> {
    nodes.iter().map(|node| node.key.name()).collect()
}

#[test]
fn an_older_state_and_a_repeated_one_change_nothing() {
    let mut index = LiveIndex::new(Rules::default());
    let kind = config_maps();
    assert!(index.apply(&kind, config_map("a", "u", 10, Some("app")).value()).is_some());
    assert!(index.is_current("u", "10"));
    assert!(index.apply(&kind, config_map("a", "u", 10, Some("app")).value()).is_none());
    assert!(index.apply(&kind, config_map("a", "u", 9, Some("app")).value()).is_none());
    let change = index.apply(&kind, config_map("a", "u", 11, Some("app")).value()).unwrap();
    assert_eq!((change.kind, change.fields), (ChangeKind::Modified, ChangedFields::SPEC));
    assert_eq!(index.get(&key("ConfigMap", "a")).unwrap().body().unwrap()["data"]["version"], "11");
}

// covers: REC-021
#[test]
fn a_body_is_kept_without_managed_fields_and_only_where_an_application_tracks_the_object() {
    let mut index = LiveIndex::new(Rules::default());
    let kind = config_maps();
    index.apply(&kind, config_map("tracked", "u1", 1, Some("app")).value());
    index.apply(&kind, config_map("other", "u2", 1, None).value());
    let tracked = index.get(&key("ConfigMap", "tracked")).unwrap();
    let body = tracked.body().unwrap();
    assert_eq!((&body["kind"], &body["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert!(body["metadata"].get("managedFields").is_none());
    assert_eq!(tracked.body_with_managed_fields().unwrap()["metadata"]["managedFields"][0]["manager"], "m");
    assert!(!index.get(&key("ConfigMap", "other")).unwrap().has_body());

    let definitions = KindInfo::watchable(
        Gvk::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
        "crds",
        false,
    );
    index.apply(&definitions, json!({"metadata": {"name": "d", "uid": "d", "resourceVersion": "1"}}));
    let definition = ResourceKey::new("apiextensions.k8s.io", "CustomResourceDefinition", "", "d");
    assert!(index.get(&definition).unwrap().has_body());
}

// covers: TRK-004
#[test]
fn a_copied_mark_does_not_make_an_object_tracked() {
    let mut index = LiveIndex::new(Rules::default());
    let mut copy = config_map("copy", "u", 1, Some("app")).value();
    copy["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!("app:/ConfigMap:n/original");
    let change = index.apply(&config_maps(), copy).unwrap();
    assert!(!change.tracked && change.apps.is_empty());
    assert!(index.tracked("app").is_empty());
}

#[test]
fn a_wanted_body_is_taken_although_the_state_is_known() {
    let mut index = LiveIndex::new(Rules::default());
    let kind = config_maps();
    index.apply(&kind, config_map("a", "u", 5, None).value());
    let wanted = key("ConfigMap", "a");
    let snapshot = index.snapshot("app", [&wanted]);
    assert_eq!(snapshot.without_body().collect::<Vec<_>>(), [&wanted]);
    index.want_body(&wanted);
    index.apply(&kind, config_map("a", "u", 5, None).value());
    assert!(index.get(&wanted).unwrap().has_body());
}

#[test]
fn an_update_of_an_untracked_object_that_keeps_the_node_is_no_change() {
    let mut index = LiveIndex::new(Rules::default());
    let lease = kind("coordination.k8s.io", "Lease", "leases");
    let state = |version: u64| {
        json!({"metadata": {"name": "l", "namespace": "n", "uid": "u", "resourceVersion": version.to_string()},
            "spec": {"renewTime": version}})
    };
    assert!(index.apply(&lease, state(1)).is_some());
    assert!(index.apply(&lease, state(2)).is_none());
    assert!(index.is_current("u", "2"), "the newest state is known all the same");
}

#[test]
fn an_update_of_fields_that_do_not_matter_is_no_change() {
    let rules = Rules {
        ignore_updates: Some(Arc::new(|_, object| {
            if let Some(map) = object.as_object_mut() {
                map.remove("data");
            }
        })),
        ..Rules::default()
    };
    let mut index = LiveIndex::new(rules);
    let kind = config_maps();
    index.apply(&kind, config_map("a", "u", 1, Some("app")).value());
    assert!(index.apply(&kind, config_map("a", "u", 2, Some("app")).value()).is_none());
    assert_eq!(index.get(&key("ConfigMap", "a")).unwrap().body().unwrap()["data"]["version"], "2");
}

#[test]
fn a_deletion_is_of_one_object_and_a_late_event_does_not_bring_it_back() {
    let mut index = LiveIndex::new(Rules::default());
    let kind = config_maps();
    index.apply(&kind, config_map("a", "old", 1, Some("app")).value());
    index.apply(&kind, config_map("a", "new", 5, Some("app")).value());
    assert!(index.delete(&key("ConfigMap", "a"), Some("old")).is_none());
    assert!(index.apply(&kind, config_map("a", "old", 3, Some("app")).value()).is_none());
    let change = index.delete(&key("ConfigMap", "a"), Some("new")).unwrap();
    assert_eq!((change.kind, change.tracked), (ChangeKind::Deleted, true));
    assert!(index.apply(&kind, config_map("a", "new", 6, Some("app")).value()).is_none());
    assert!(index.is_empty() && index.tracked("app").is_empty());
}

#[test]
fn a_list_takes_away_what_it_does_not_hold_unless_that_is_newer() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    let group_kind = info.group_kind();
    index.apply(&info, config_map("gone", "u1", 1, Some("app")).value());
    index.apply(&info, config_map("own write", "u2", 30, Some("app")).value());
    index.apply(&info, config_map("newer", "u3", 31, Some("app")).value());
    let listed = vec![
        index.prepare(&info, config_map("newer", "u3", 9, Some("app")).value()).unwrap(),
        index.prepare(&info, config_map("found", "u4", 8, Some("app")).value()).unwrap(),
    ];
    let changes = index.reset(&group_kind, None, "20", listed);
    let mut seen: Vec<(&str, ChangeKind)> = changes.iter().map(|it| (it.key.name(), it.kind)).collect();
    seen.sort_by_key(|(name, _)| *name);
    assert_eq!(seen, [("found", ChangeKind::Added), ("gone", ChangeKind::Deleted)]);
    assert_eq!(&*index.get(&key("ConfigMap", "newer")).unwrap().resource_version, "31");
    assert!(index.get(&key("ConfigMap", "own write")).is_some());
}

#[test]
fn a_list_that_is_older_than_the_one_before_is_the_truth_of_a_cluster_that_was_set_back() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    let group_kind = info.group_kind();
    index.reset(&group_kind, None, "100", Vec::new());
    index.apply(&info, config_map("a", "u", 110, Some("app")).value());
    index.apply(&info, config_map("lost", "v", 111, Some("app")).value());
    let listed = vec![index.prepare(&info, config_map("a", "u", 40, Some("app")).value()).unwrap()];
    index.reset(&group_kind, None, "50", listed);
    assert_eq!(&*index.get(&key("ConfigMap", "a")).unwrap().resource_version, "40");
    assert!(index.get(&key("ConfigMap", "lost")).is_none());
}

#[test]
fn a_list_of_one_namespace_leaves_the_others_alone() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    let mut other = config_map("a", "u", 1, None).value();
    other["metadata"]["namespace"] = json!("other");
    index.apply(&info, other);
    index.apply(&info, config_map("b", "v", 1, None).value());
    index.reset(&info.group_kind(), Some("n"), "9", Vec::new());
    assert_eq!(index.len(), 1);
}

#[test]
fn children_concern_the_application_of_their_ancestor() {
    let mut index = LiveIndex::new(Rules::default());
    let (sets, pods) = (kind("apps", "ReplicaSet", "replicasets"), kind("", "Pod", "pods"));
    let pod = Object {
        kind: "Pod",
        name: "p",
        uid: "pod",
        version: 3,
        app: None,
        owner: Some(("ReplicaSet", "rs", "set")),
    };
    let set = Object {
        kind: "ReplicaSet",
        name: "rs",
        uid: "set",
        version: 2,
        app: None,
        owner: Some(("Deployment", "d", "dep")),
    };
    // The youngest comes first: watches of different kinds know no order.
    assert!(index.apply(&pods, pod.value()).unwrap().apps.is_empty());
    assert!(index.apply(&sets, set.value()).unwrap().apps.is_empty());
    let deployments = kind("apps", "Deployment", "deployments");
    let mut deployment = config_map("d", "dep", 1, None).value();
    deployment["metadata"]["annotations"] =
        json!({"argocd.argoproj.io/tracking-id": "app:apps/Deployment:n/d"});
    index.apply(&deployments, deployment);

    let tree = index.tree("app");
    assert_eq!(names(&tree), ["d", "rs", "p"]);
    let again = Object { version: 9, owner: Some(("ReplicaSet", "rs", "set")), ..pod };
    let mut state = again.value();
    state["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(index.apply(&pods, state).unwrap().apps, ["app".into()]);
}

#[test]
fn owners_in_a_circle_end() {
    let mut index = LiveIndex::new(Rules::default());
    let sets = kind("apps", "ReplicaSet", "replicasets");
    for (name, uid, owner) in [("a", "ua", ("ReplicaSet", "b", "ub")), ("b", "ub", ("ReplicaSet", "a", "ua"))]
    {
        let object =
            Object { kind: "ReplicaSet", name, uid, version: 1, app: Some("app"), owner: Some(owner) };
        index.apply(&sets, object.value());
    }
    assert_eq!(index.tree("app").len(), 2);
    let mut own = config_map("c", "uc", 1, None).value();
    own["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "uc"}]);
    assert!(index.apply(&config_maps(), own).is_some());
}

// covers: REC-020
#[test]
fn owners_that_nobody_writes_down_are_known() {
    let mut index = LiveIndex::new(Rules::default());
    let meta =
        |name: &str, uid: &str| json!({"name": name, "namespace": "n", "uid": uid, "resourceVersion": "1"});
    let mut set = json!({"metadata": meta("web-db", "s"), "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
    set["metadata"]["annotations"] =
        json!({"argocd.argoproj.io/tracking-id": "app:apps/StatefulSet:n/web-db"});
    index.apply(&kind("apps", "StatefulSet", "statefulsets"), set);
    let claims = kind("", "PersistentVolumeClaim", "persistentvolumeclaims");
    for (name, uid) in [("data-web-db-0", "c0"), ("other-web-db-0", "c1"), ("data-web-db", "c2")] {
        index.apply(&claims, json!({"metadata": meta(name, uid)}));
    }
    assert_eq!(names(&index.tree("app")), ["web-db", "data-web-db-0"]);

    index.apply(&kind("", "Service", "services"), json!({"metadata": meta("web", "svc")}));
    index.apply(&kind("", "Endpoints", "endpoints"), json!({"metadata": meta("web", "ep")}));
    let service = index.get(&key("Service", "web")).unwrap();
    assert_eq!(names(&index.children(&service)), ["web"]);

    let mut secret = json!({"metadata": meta("token", "sec"), "type": "kubernetes.io/service-account-token"});
    secret["metadata"]["annotations"] =
        json!({"kubernetes.io/service-account.name": "robot", "kubernetes.io/service-account.uid": "sa"});
    index.apply(&kind("", "Secret", "secrets"), secret);
    index.apply(&kind("", "ServiceAccount", "serviceaccounts"), json!({"metadata": meta("robot", "sa")}));
    let account = index.get(&key("ServiceAccount", "robot")).unwrap();
    assert_eq!(names(&index.children(&account)), ["token"]);

    let mut version = json!({"metadata": meta("operator.v1", "csv")});
    version["metadata"]["annotations"] = json!({"olm.operatorGroup": "all"});
    index.apply(&kind("operators.coreos.com", "ClusterServiceVersion", "clusterserviceversions"), version);
    index.apply(
        &kind("operators.coreos.com", "OperatorGroup", "operatorgroups"),
        json!({"metadata": meta("all", "og")}),
    );
    let group = index.by_uid("og").unwrap();
    assert_eq!(names(&index.children(&group)), ["operator.v1"]);
}

// covers: TRK-010
#[test]
fn orphans_are_top_level_objects_of_no_application() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    index.apply(&info, config_map("tracked", "a", 1, Some("app")).value());
    index.apply(&info, config_map("orphan", "b", 1, None).value());
    index.apply(&info, config_map("kube-root-ca.crt", "c", 1, None).value());
    let account =
        json!({"metadata": {"name": "default", "namespace": "n", "uid": "e", "resourceVersion": "1"}});
    index.apply(&kind("", "ServiceAccount", "serviceaccounts"), account);
    for (namespace, uid) in [("default", "f"), ("n", "g")] {
        let service = json!({"metadata": {"name": "kubernetes", "namespace": namespace, "uid": uid, "resourceVersion": "1"}});
        index.apply(&kind("", "Service", "services"), service);
    }
    let owned = Object { owner: Some(("ReplicaSet", "x", "y")), ..config_map("owned", "d", 1, None) };
    index.apply(&info, owned.value());
    assert_eq!(names(&index.orphans("n")), ["orphan", "kubernetes"]);
    assert!(index.orphans("default").is_empty());
}

#[test]
fn absence_is_proved_only_by_complete_lists_of_known_groups() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    let maps = info.group_kind();
    let foreign = GroupKind::new("metrics.example.org", "Metric");
    assert_eq!(index.observation().proof([&maps]), Err(NotObserved::Undiscovered));

    let failed = BTreeMap::from([(Arc::from("metrics.example.org"), Arc::from("no answer"))]);
    index.discovered(vec![(info, true), (kind("", "Event", "events"), false)], failed);
    assert_eq!(index.observation().proof([&maps]), Err(NotObserved::Pending(maps.clone())));
    index.set_kind_state(&maps, KindState::Observed);
    assert!(index.observation().proof([&maps]).unwrap().covers(&maps));
    assert!(matches!(index.observation().proof([&maps, &foreign]), Err(NotObserved::Group { .. })));
    let events = GroupKind::new("", "Event");
    assert_eq!(index.observation().proof([&events]), Err(NotObserved::NotWatched(events)));
    let unserved = GroupKind::new("example.org", "Nothing");
    assert!(index.observation().proof([&unserved]).unwrap().covers(&unserved));

    index.set_kind_state(&maps, KindState::Lost("broken".into()));
    assert!(matches!(index.observation().proof([&maps]), Err(NotObserved::Lost { .. })));
    index.set_kind_state(&maps, KindState::Observed);
    let before = index.observation().clone();
    index.set_unavailable(Some("down".into()));
    assert!(matches!(index.observation().proof([&maps]), Err(NotObserved::Unavailable(_))));
    assert!(before.proof([&maps]).is_ok(), "an observation that was taken does not change");
}

#[test]
fn a_kind_that_is_no_longer_served_takes_its_objects_along_but_a_failed_group_does_not() {
    let mut index = LiveIndex::new(Rules::default());
    let (maps, widgets) = (config_maps(), kind("example.org", "Widget", "widgets"));
    index.discovered(vec![(maps.clone(), true), (widgets.clone(), true)], BTreeMap::new());
    index.apply(&maps, config_map("a", "u", 1, None).value());
    index.apply(&widgets, config_map("w", "v", 1, None).value());
    let failed = BTreeMap::from([(Arc::from("example.org"), Arc::from("no answer"))]);
    assert!(index.discovered(vec![(maps.clone(), true)], failed).is_empty());
    assert_eq!(index.len(), 2);
    let changes = index.discovered(vec![(maps, true)], BTreeMap::new());
    assert_eq!(changes.iter().map(|change| change.key.name()).collect::<Vec<_>>(), ["w"]);
}

#[test]
fn other_rules_read_known_states_anew() {
    let mut index = LiveIndex::new(Rules::default());
    let info = config_maps();
    let mut object = config_map("a", "u", 1, None).value();
    object["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "app"});
    index.apply(&info, object.clone());
    assert!(index.tracked("app").is_empty());
    let mut rules = Rules::default();
    rules.tracking.method = tiphys_manifest::TrackingMethod::Label;
    index.set_rules(rules);
    assert!(!index.is_current("u", "1"));
    assert!(index.apply(&info, object.clone()).unwrap().tracked);
    assert!(index.apply(&info, object).is_none());
    assert_eq!(index.tracked("app").len(), 1);
}

#[test]
fn another_preferred_version_reads_known_states_anew() {
    let mut index = LiveIndex::new(Rules::default());
    let mut info = config_maps();
    let object = config_map("a", "u", 1, Some("app")).value();
    index.apply(&info, object.clone());
    info.gvk = Gvk::new("", "v2", "ConfigMap");
    assert!(index.apply(&info, object.clone()).is_some());
    assert!(index.apply(&info, object).is_none());
    assert_eq!(index.get(&key("ConfigMap", "a")).unwrap().body().unwrap()["apiVersion"], "v2");
}

/// A pseudo-random sequence: the same seed, the same history.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}

#[derive(Clone)]
enum Delivery {
    Apply(Value),
    Delete(ResourceKey, String),
}

fn deliver(index: &mut LiveIndex, delivery: &Delivery) {
    match delivery {
        Delivery::Apply(object) => drop(index.apply(&config_maps(), object.clone())),
        Delivery::Delete(key, uid) => drop(index.delete(key, Some(uid))),
    }
}

type Picture = (Vec<(String, String, String)>, BTreeMap<String, Vec<String>>, Vec<(String, Vec<String>)>);

/// Everything that the index would answer.
fn picture(index: &LiveIndex) -> Picture {
    let mut nodes: Vec<_> = index
        .nodes
        .values()
        .map(|node| (node.key.to_string(), node.uid.to_string(), node.resource_version.to_string()))
        .collect();
    nodes.sort();
    let tracked = index
        .tracked
        .keys()
        .map(|app| (app.to_string(), index.tracked(app).iter().map(|node| node.key.to_string()).collect()))
        .collect();
    let mut children: Vec<(String, Vec<String>)> = index
        .nodes
        .values()
        .map(|node| {
            let below = index.children(node).iter().map(|child| child.key.to_string()).collect();
            (node.key.to_string(), below)
        })
        .collect();
    children.sort();
    (nodes, tracked, children)
}

#[test]
fn any_order_and_repetition_of_events_ends_in_the_same_state() {
    for seed in 0..300u64 {
        let mut dice = Dice(seed);
        let mut history = Vec::new();
        let mut alive: BTreeMap<String, String> = BTreeMap::new();
        let apps = [None, Some("one"), Some("two")];
        for version in 1..40u64 {
            let name = format!("o{}", dice.roll(4));
            if dice.roll(4) == 0 {
                if let Some(uid) = alive.remove(&name) {
                    history.push(Delivery::Delete(key("ConfigMap", &name), uid));
                }
                continue;
            }
            let uid = alive.entry(name.clone()).or_insert_with(|| format!("{name}-{version}")).clone();
            let owner_uid = alive.get("o0").cloned().unwrap_or_default();
            let owner =
                (name != "o0" && dice.roll(2) == 0).then_some(("ConfigMap", "o0", owner_uid.as_str()));
            let app = apps.get(dice.roll(3)).copied().flatten();
            let object = Object { kind: "ConfigMap", name: &name, uid: &uid, version, app, owner };
            history.push(Delivery::Apply(object.value()));
        }
        let mut in_order = LiveIndex::new(Rules::default());
        history.iter().for_each(|delivery| deliver(&mut in_order, delivery));

        let mut shuffled = history.clone();
        for _ in 0..dice.roll(20) {
            let again = history.get(dice.roll(history.len())).cloned();
            shuffled.extend(again);
        }
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, dice.roll(at + 1));
        }
        let mut index = LiveIndex::new(Rules::default());
        shuffled.iter().for_each(|delivery| deliver(&mut index, delivery));
        assert_eq!(picture(&index), picture(&in_order), "seed {seed}");

        for name in ["o0", "o1", "o2", "o3"] {
            index.remove(&key("ConfigMap", name));
        }
        let leftovers = (
            index.by_uid.len(),
            index.owned.len(),
            index.tracked.len(),
            index.by_kind.len(),
            index.by_namespace.len(),
        );
        assert_eq!(leftovers, (0, 0, 0, 0, 0), "seed {seed}");
    }
}
