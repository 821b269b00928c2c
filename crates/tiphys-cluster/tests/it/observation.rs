//! What watches bring into the index.

use std::time::Duration;

use serde_json::json;
use tiphys_cluster::ClusterOptions;
use tiphys_live::{ChangeKind, ChangedFields};
use tiphys_manifest::{GroupKind, ResourceKey};
use tiphys_test_kit::{ControlPlane, ControlPlaneConfig};

use crate::support::{
    config_map_key, counted, create, plane, seen, synced, synced_with, tracked_config_map, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_do_is_seen() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("watch").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    plane.api().create(&path, &tracked_config_map(&namespace, "a", "watch-app")).unwrap();
    let key = config_map_key(&namespace, "a");
    let node = seen(&cluster, &key).await;
    assert_eq!(node.tracked_by.as_deref(), Some("watch-app"));
    assert_eq!(node.body().unwrap()["data"]["key"], "value");

    plane.api().merge_patch(&format!("{path}/a"), &json!({"data": {"key": "other"}})).unwrap();
    until("the change is seen", || {
        cluster.node(&key).filter(|node| node.body().is_some_and(|body| body["data"]["key"] == "other"))
    })
    .await;
    plane.api().delete(&format!("{path}/a")).unwrap();
    until("the deletion is seen", || cluster.node(&key).is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_write_is_in_the_index_at_once_and_its_echo_is_no_change() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("own").unwrap();
    let mut changes = cluster.changes();
    for name in ["a", "b"] {
        cluster.apply(&create(&tracked_config_map(&namespace, name, "own-app"))).await.unwrap();
        let node = cluster.node(&config_map_key(&namespace, name)).expect("the write is visible");
        assert!(node.has_body());
    }
    // What comes after the echoes on the same watch shows that they have come.
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    plane.api().create(&path, &tracked_config_map(&namespace, "later", "own-app")).unwrap();
    seen(&cluster, &config_map_key(&namespace, "later")).await;
    let mut own = Vec::new();
    while !own.contains(&"later".to_owned()) {
        let batch = tokio::time::timeout(Duration::from_secs(30), changes.next()).await.unwrap();
        let mut names: Vec<String> = batch
            .iter()
            .filter(|change| change.apps.iter().any(|app| &**app == "own-app"))
            .inspect(|change| assert_eq!(change.kind, ChangeKind::Added))
            .map(|change| change.key.name().to_owned())
            .collect();
        own.append(&mut names);
    }
    own.sort();
    assert_eq!(own, ["a", "b", "later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_gets_the_tree_that_controllers_make_for_it() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("tree").unwrap();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace, "annotations": {
            "argocd.argoproj.io/tracking-id": format!("tree-app:apps/Deployment:{namespace}/web")}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example.org/web:1"}]}}}
    });
    let mut changes = cluster.changes();
    cluster.apply(&create(&deployment)).await.unwrap();
    let tree = until("the tree has a Pod", || {
        let tree = cluster.read(|index| index.tree("tree-app"));
        tree.iter().any(|node| node.key.kind() == "Pod").then_some(tree)
    })
    .await;
    let kinds: Vec<&str> = tree.iter().map(|node| node.key.kind()).collect();
    assert_eq!(kinds, ["Deployment", "ReplicaSet", "Pod"]);
    let pod = tree.last().unwrap();
    assert_eq!(pod.info().images, ["registry.example.org/web:1".into()]);
    assert!(!pod.has_body());
    let mut told = Vec::new();
    while !told.contains(&"Pod".to_owned()) {
        let batch = tokio::time::timeout(Duration::from_secs(30), changes.next()).await.unwrap();
        let apps = batch.iter().filter(|change| change.apps == ["tree-app".into()]);
        told.extend(apps.map(|change| change.key.kind().to_owned()));
    }
    until("the Deployment is healthy", || {
        let key = ResourceKey::new("apps", "Deployment", &namespace, "web");
        cluster.node(&key).filter(|node| {
            node.health.as_ref().is_some_and(|health| format!("{:?}", health.status) == "Healthy")
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absence_is_proved_once_everything_is_listed() {
    let cluster = synced(plane().await).await;
    let observation = cluster.observation();
    let kinds = [GroupKind::new("", "ConfigMap"), GroupKind::new("apps", "Deployment")];
    assert!(observation.proof(&kinds).is_ok());
    let events = [GroupKind::new("", "Event")];
    assert!(observation.proof(&events).is_err(), "Events are never watched");
    assert_eq!(cluster.version().major, "1");
    assert!(cluster.api_versions().iter().any(|version| version == "apps/v1/Deployment"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn excluded_kinds_are_not_watched() {
    let plane = plane().await;
    let (counter, options) = counted();
    let options = ClusterOptions {
        filter: std::sync::Arc::new(|kind: &GroupKind| &*kind.kind == "ConfigMap" || &*kind.kind == "Secret"),
        ..options
    };
    let cluster = synced_with(plane, options).await;
    assert_eq!(counter.of("list"), 2);
    assert!(
        cluster.read(|index| index
            .counts()
            .all(|(kind, _)| &*kind.kind == "ConfigMap" || &*kind.kind == "Secret"))
    );
    assert!(cluster.kind(&GroupKind::new("apps", "Deployment")).is_some(), "it is known all the same");
    cluster.set_filter(std::sync::Arc::new(|kind: &GroupKind| &*kind.kind == "Secret"));
    until("ConfigMaps are forgotten", || {
        cluster.read(|index| index.counts().all(|(kind, _)| &*kind.kind == "Secret")).then_some(())
    })
    .await;
}

// covers: CLU-003, REC-029
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_some_namespaces_sees_only_these() {
    let plane = plane().await;
    let (one, two, other) = (
        plane.create_namespace("some").unwrap(),
        plane.create_namespace("some").unwrap(),
        plane.create_namespace("other").unwrap(),
    );
    let options = ClusterOptions { namespaces: vec![one.clone(), two.clone()], ..ClusterOptions::default() };
    let cluster = synced_with(plane, options).await;
    for namespace in [&one, &two, &other] {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        plane.api().create(&path, &tracked_config_map(namespace, "a", "app")).unwrap();
    }
    seen(&cluster, &config_map_key(&one, "a")).await;
    seen(&cluster, &config_map_key(&two, "a")).await;
    assert!(cluster.node(&config_map_key(&other, "a")).is_none());
    assert!(cluster.read(|index| index.of_kind(&GroupKind::new("", "Namespace")).next().is_none()));
    assert!(cluster.observation().proof(&[GroupKind::new("", "ConfigMap")]).is_ok());

    let options =
        ClusterOptions { namespaces: vec![one], cluster_resources: true, ..ClusterOptions::default() };
    let cluster = synced_with(plane, options).await;
    assert!(cluster.read(|index| index.of_kind(&GroupKind::new("", "Namespace")).next().is_some()));
    assert!(cluster.node(&config_map_key(&two, "a")).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_nobody_tracks_can_be_asked_for() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("wanted").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    plane.api().create(&path, &json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).unwrap();
    let key = config_map_key(&namespace, "a");
    assert!(!seen(&cluster, &key).await.has_body());
    cluster.want_bodies(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(cluster.node(&key).unwrap().body().unwrap()["data"]["k"], "1");
    plane.api().merge_patch(&format!("{path}/a"), &json!({"data": {"k": "2"}})).unwrap();
    until("the body follows", || {
        cluster.node(&key).filter(|node| node.body().is_some_and(|body| body["data"]["k"] == "2"))
    })
    .await;
}

// covers: REC-028
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_way_of_tracking_is_applied_to_all_objects() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("label").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let labelled = json!({"metadata": {"name": "a", "labels": {"app.kubernetes.io/instance": "by-label"}}});
    plane.api().create(&path, &labelled).unwrap();
    let key = config_map_key(&namespace, "a");
    assert!(seen(&cluster, &key).await.tracked_by.is_none());
    let mut changes = cluster.changes();
    let mut rules = cluster.read(|index| index.rules().clone());
    rules.tracking.method = tiphys_manifest::TrackingMethod::Label;
    cluster.set_rules(rules);
    until("the label counts", || {
        cluster.node(&key).filter(|node| node.tracked_by.as_deref() == Some("by-label"))
    })
    .await;
    loop {
        let batch = tokio::time::timeout(Duration::from_secs(30), changes.next()).await.unwrap();
        if let Some(change) = batch.iter().find(|change| change.key == key) {
            assert!(change.fields.intersects(ChangedFields::TRACKING));
            break;
        }
    }
    until("absence can be proved again", || {
        cluster.observation().proof(&[GroupKind::new("", "ConfigMap")]).ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_at_rest_is_asked_nothing() {
    // Its own: kinds that other tests create would be discovered and listed here too.
    let plane = tokio::task::spawn_blocking(|| ControlPlane::start(ControlPlaneConfig::default()));
    let plane = plane.await.unwrap().unwrap();
    let (counter, options) = counted();
    let cluster = synced_with(&plane, options).await;
    let namespace = plane.create_namespace("rest").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    // Once this is seen, everything that belongs to the start is over.
    plane.api().create(&path, &json!({"metadata": {"name": "a"}})).unwrap();
    seen(&cluster, &config_map_key(&namespace, "a")).await;
    let watches = counter.of("watch");
    let before = counter.total() - watches;
    plane.api().create(&path, &json!({"metadata": {"name": "b"}})).unwrap();
    seen(&cluster, &config_map_key(&namespace, "b")).await;
    assert_eq!(counter.total() - counter.of("watch"), before);
}
