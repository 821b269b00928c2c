//! Writes and what the API server makes of them.

use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_cluster::{
    ApplyAction, ApplyError, ApplyRequest, Cluster, Deleted, FieldValidation, PatchType, Propagation,
};
use tiphys_manifest::{Gvk, ResourceKey};

use crate::support::{
    config_map_gvk, config_map_key, counted, create, plane, seen, synced, synced_with, tracked_config_map,
    until,
};

fn request(gvk: Gvk, namespace: &str, name: &str, action: ApplyAction) -> ApplyRequest {
    ApplyRequest::new(gvk, namespace, name, action)
}

fn data(cluster: &Cluster, key: &ResourceKey) -> Value {
    cluster.node(key).and_then(|node| node.body()).map(|body| body["data"].clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_writing_is_one_request_and_is_seen_at_once() {
    let plane = plane().await;
    let (counter, options) = counted();
    let cluster = synced_with(plane, options).await;
    let namespace = plane.create_namespace("write").unwrap();
    let key = config_map_key(&namespace, "a");
    cluster.kind(&key.group_kind()).unwrap();
    let before = counter.about("ConfigMap");

    let object = tracked_config_map(&namespace, "a", "app");
    cluster.apply(&create(&object)).await.unwrap();
    assert_eq!(data(&cluster, &key), json!({"key": "value"}));

    let patch = Arc::new(json!({"data": {"merged": "yes"}}));
    let action = ApplyAction::Patch { patch_type: PatchType::Merge, patch };
    cluster.apply(&request(config_map_gvk(), &namespace, "a", action)).await.unwrap();
    assert_eq!(data(&cluster, &key), json!({"key": "value", "merged": "yes"}));

    let mut wanted = object.clone();
    wanted["data"] = json!({"applied": "yes"});
    let action = ApplyAction::ServerSide { object: Arc::new(wanted.clone()), force: true };
    let applied = cluster.apply(&request(config_map_gvk(), &namespace, "a", action)).await.unwrap();
    assert_eq!(data(&cluster, &key)["applied"], "yes");
    let managers = applied.object()["metadata"]["managedFields"].to_string();
    assert!(managers.contains("argocd-controller"), "{managers}");
    assert!(cluster.node(&key).unwrap().managed_fields().is_some());

    wanted["data"] = json!({"replaced": "yes"});
    let action = ApplyAction::Replace(Arc::new(wanted));
    cluster.apply(&request(config_map_gvk(), &namespace, "a", action)).await.unwrap();
    assert_eq!(data(&cluster, &key), json!({"replaced": "yes"}));

    let uid = cluster.node(&key).unwrap().uid.clone();
    let deleted = cluster.delete(&key, Some(&uid), None, Propagation::Background).await.unwrap();
    assert_eq!(deleted, Deleted::Gone);
    assert!(cluster.node(&key).is_none());
    assert_eq!(counter.about("ConfigMap") - before, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategic_patch_merges_lists_by_their_keys() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("strategic").unwrap();
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "s", "namespace": namespace, "annotations": {
            "argocd.argoproj.io/tracking-id": format!("app:/Service:{namespace}/s")}},
        "spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}
    });
    cluster.apply(&create(&service)).await.unwrap();
    let patch = Arc::new(json!({"spec": {"ports": [{"port": 81, "name": "c"}]}}));
    let action = ApplyAction::Patch { patch_type: PatchType::Strategic, patch };
    cluster.apply(&request(Gvk::new("", "v1", "Service"), &namespace, "s", action)).await.unwrap();
    let body = cluster.node(&ResourceKey::new("", "Service", &namespace, "s")).unwrap().body().unwrap();
    let names: Vec<&str> =
        body["spec"]["ports"].as_array().unwrap().iter().filter_map(|port| port["name"].as_str()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"a") && names.contains(&"c"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_changes_nothing() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("dry").unwrap();
    let mut request = create(&tracked_config_map(&namespace, "a", "app"));
    request.dry_run = true;
    let applied = cluster.apply(&request).await.unwrap();
    assert_eq!(applied.object()["data"]["key"], "value");
    assert!(applied.node.is_none());
    assert!(cluster.get(&config_map_gvk(), &namespace, "a").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_the_words_of_the_api_server() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("refuse").unwrap();
    let object = tracked_config_map(&namespace, "a", "app");
    cluster.apply(&create(&object)).await.unwrap();
    let again = cluster.apply(&create(&object)).await.unwrap_err();
    assert_eq!(again.to_string(), "configmaps \"a\" already exists");
    assert!(again.api().unwrap().is_already_exists() && !again.is_retryable());

    let patch = Arc::new(json!({"data": {}}));
    let action = ApplyAction::Patch { patch_type: PatchType::Merge, patch };
    let missing = cluster.apply(&request(config_map_gvk(), &namespace, "missing", action)).await.unwrap_err();
    assert_eq!(missing.to_string(), "configmaps \"missing\" not found");
    assert!(missing.api().unwrap().is_not_found());

    let mut unknown = tracked_config_map(&namespace, "b", "app");
    unknown["dataa"] = json!({});
    let strict = cluster.apply(&create(&unknown)).await.unwrap_err();
    assert!(strict.to_string().contains("unknown field \"dataa\""), "{strict}");
    let mut lenient = create(&unknown);
    lenient.validation = FieldValidation::Ignore;
    cluster.apply(&lenient).await.unwrap();

    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {"k": "v"}});
    let action = ApplyAction::Patch { patch_type: PatchType::Merge, patch: Arc::new(stale) };
    let conflict = cluster.apply(&request(config_map_gvk(), &namespace, "a", action)).await.unwrap_err();
    assert!(conflict.api().unwrap().is_conflict(), "{conflict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_made_anew_is_not_deleted_in_place_of_the_old_one() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("recreate").unwrap();
    let key = config_map_key(&namespace, "a");
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let old = cluster.apply(&create(&tracked_config_map(&namespace, "a", "app"))).await.unwrap().uid;
    plane.api().delete(&format!("{path}/a")).unwrap();
    plane.api().create(&path, &tracked_config_map(&namespace, "a", "app")).unwrap();
    let error = cluster.delete(&key, Some(&old), None, Propagation::Background).await.unwrap_err();
    assert!(error.api().is_some_and(|error| error.is_conflict()), "{error}");
    let new = cluster.node(&key).expect("the new object is known after the refusal").uid.clone();
    assert_ne!(new, old);
    assert!(plane.api().get_optional(&format!("{path}/a")).unwrap().is_some());
    let state = cluster.node(&key).unwrap().resource_version.clone();
    let stale = cluster.delete(&key, Some(&new), Some("1"), Propagation::Background).await.unwrap_err();
    assert!(stale.api().is_some_and(|error| error.is_conflict()), "{stale}");
    cluster.delete(&key, Some(&new), Some(&state), Propagation::Background).await.unwrap();
    let gone = cluster.delete(&key, Some(&new), None, Propagation::Background).await.unwrap();
    assert_eq!(gone, Deleted::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_a_finalizer_is_terminating_until_it_is_let_go() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("final").unwrap();
    let key = config_map_key(&namespace, "a");
    let mut object = tracked_config_map(&namespace, "a", "app");
    object["metadata"]["finalizers"] = json!(["example.org/hold"]);
    cluster.apply(&create(&object)).await.unwrap();
    let deleted = cluster.delete(&key, None, None, Propagation::Foreground).await.unwrap();
    assert_eq!(deleted, Deleted::Terminating);
    assert!(cluster.node(&key).unwrap().is_terminating());
    let patch = Arc::new(json!({"metadata": {"finalizers": null}}));
    let action = ApplyAction::Patch { patch_type: PatchType::Merge, patch };
    cluster.apply(&request(config_map_gvk(), &namespace, "a", action)).await.unwrap();
    until("the object is gone", || cluster.node(&key).is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_is_terminating_before_it_is_gone() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let name = plane.create_namespace("going").unwrap();
    let key = ResourceKey::new("", "Namespace", "", &name);
    let uid = seen(&cluster, &key).await.uid.clone();
    let deleted = cluster.delete(&key, Some(&uid), None, Propagation::Foreground).await.unwrap();
    assert_eq!(deleted, Deleted::Terminating);
    until("the namespace is gone", || cluster.node(&key).is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_written_in_another_version_is_seen_in_the_watched_one() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("version").unwrap();
    let scaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": namespace, "annotations": {
            "argocd.argoproj.io/tracking-id": format!("app:autoscaling/HorizontalPodAutoscaler:{namespace}/h")}},
        "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
    });
    let applied = cluster.apply(&create(&scaler)).await.unwrap();
    assert!(applied.node.is_none());
    let node = seen(&cluster, &applied.key).await;
    assert_eq!(&*node.version, "v2");
    assert!(node.body().unwrap()["spec"].get("metrics").is_some());
    let gvk = Gvk::new("autoscaling", "v1", "HorizontalPodAutoscaler");
    let old = cluster.get(&gvk, &namespace, "h").await.unwrap().unwrap();
    assert_eq!(old["spec"]["targetCPUUtilizationPercentage"], 70);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writes_go_at_the_same_time() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("many").unwrap();
    let requests: Vec<ApplyRequest> =
        (0..200).map(|at| create(&tracked_config_map(&namespace, &format!("cm-{at}"), "many-app"))).collect();
    let results: Vec<Result<_, ApplyError>> =
        futures::future::join_all(requests.iter().map(|request| cluster.apply(request))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(cluster.read(|index| index.tracked("many-app").len()), 200);
}
