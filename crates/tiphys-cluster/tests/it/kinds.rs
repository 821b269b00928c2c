//! Kinds that come and go.

use serde_json::{Value, json};
use tiphys_cluster::{ApplyError, UnknownKind};
use tiphys_manifest::{GroupKind, Gvk, ResourceKey};

use crate::support::{config_map_key, create, plane, seen, synced, tracked_config_map, until};

fn definition(group: &str, kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": plural.trim_end_matches('s'), "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]
        }
    })
}

fn object(group: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": format!("{group}/v1"), "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": {
            "argocd.argoproj.io/tracking-id": format!("app:{group}/{kind}:{namespace}/{name}")}},
        "spec": {"size": 3}
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_can_follow_its_definition_at_once_and_both_can_go_again() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("crd").unwrap();
    let group = "follow.example.org";
    cluster.apply(&create(&definition(group, "Widget", "widgets"))).await.unwrap();
    let widget = object(group, "Widget", &namespace, "first");
    let applied = cluster.apply(&create(&widget)).await.unwrap();
    assert_eq!(applied.key.to_string(), format!("{group}/Widget:{namespace}/first"));
    let kind = GroupKind::new(group, "Widget");
    until("the new kind is watched", || cluster.observation().proof([&kind]).ok()).await;
    let node = seen(&cluster, &applied.key).await;
    assert_eq!(node.tracked_by.as_deref(), Some("app"));
    assert_eq!(node.body().unwrap()["spec"]["size"], 3);

    plane
        .api()
        .delete(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}"))
        .unwrap();
    until("the kind is forgotten with its objects", || {
        (cluster.kind(&kind).is_none() && cluster.node(&applied.key).is_none()).then_some(())
    })
    .await;
    // Other kinds go on.
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    plane.api().create(&path, &tracked_config_map(&namespace, "after", "app")).unwrap();
    seen(&cluster, &config_map_key(&namespace, "after")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_somebody_else_creates_is_watched() {
    let plane = plane().await;
    let cluster = synced(plane).await;
    let namespace = plane.create_namespace("crd").unwrap();
    let group = "foreign.example.org";
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    plane.api().create(path, &definition(group, "Gadget", "gadgets")).unwrap();
    let kind = GroupKind::new(group, "Gadget");
    until("the kind is known", || cluster.kind(&kind)).await;
    let objects = format!("/apis/{group}/v1/namespaces/{namespace}/gadgets");
    plane.api().create(&objects, &object(group, "Gadget", &namespace, "a")).unwrap();
    seen(&cluster, &ResourceKey::new(group, "Gadget", &namespace, "a")).await;
    let schema = cluster.schema(&Gvk::new(group, "v1", "Gadget")).await.unwrap();
    assert!(!schema.is_some_and(|schema| schema.is_strategic()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_is_not_there_is_an_error_that_names_it() {
    let cluster = synced(plane().await).await;
    let nothing = object("none.example.org", "Nothing", "default", "a");
    let error = cluster.apply(&create(&nothing)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the cluster has no kind \"Nothing\" in API version \"none.example.org/v1\""
    );
    let old = Gvk::new("apps", "v1beta1", "Deployment");
    let error = cluster.ensure_kind(&old).await.unwrap_err();
    assert!(matches!(error, UnknownKind::OtherVersions { .. }), "{error}");
    assert!(!ApplyError::Kind(error).is_retryable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_of_built_in_kinds_know_how_lists_are_merged() {
    let cluster = synced(plane().await).await;
    let schema = cluster.schema(&Gvk::new("apps", "v1", "Deployment")).await.unwrap();
    assert!(schema.is_some_and(|schema| schema.is_strategic()));
    assert!(cluster.openapi("none.example.org", "v1").await.unwrap().is_none());
}
