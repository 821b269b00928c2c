//! An API server that goes away, comes back, or stands still.

use std::time::Duration;

use serde_json::json;
use tiphys_cluster::{ClusterState, ObjectEvent, ResourceType};
use tiphys_live::NotObserved;
use tiphys_manifest::GroupKind;
use tiphys_test_kit::{ControlPlane, ControlPlaneConfig};

use crate::support::{config_map_key, counted, create, seen, synced_with, tracked_config_map, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_restarts_is_picked_up_again() {
    let plane = tokio::task::spawn_blocking(|| ControlPlane::start(ControlPlaneConfig::default()));
    let plane = plane.await.unwrap().unwrap();
    let (counter, options) = counted();
    let cluster = synced_with(&plane, options).await;
    let namespace = plane.create_namespace("restart").unwrap();
    let before = config_map_key(&namespace, "before");
    cluster.apply(&create(&tracked_config_map(&namespace, "before", "app"))).await.unwrap();
    let mut watch = cluster.client().watch_objects(&ResourceType::config_maps(), &namespace, "");
    assert!(matches!(watch.next().await, Some(ObjectEvent::Listed(_))));

    plane.kill_apiserver();
    let maps = GroupKind::new("", "ConfigMap");
    until("the cluster is down", || cluster.state().failure().map(str::to_owned)).await;
    assert!(matches!(cluster.observation().proof([&maps]), Err(NotObserved::Unavailable(_))));
    assert!(cluster.node(&before).is_some(), "what is known is kept");
    let error = cluster.apply(&create(&tracked_config_map(&namespace, "during", "app"))).await.unwrap_err();
    assert!(error.is_retryable() && error.is_outcome_unknown(), "{error}");

    // A door that is closed is knocked at now and then.
    let knocks = counter.total();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let knocks = counter.total() - knocks;
    assert!(knocks <= 20, "{knocks} requests in three seconds");

    let plane = tokio::task::spawn_blocking(move || {
        plane.start_apiserver().unwrap();
        plane
    });
    let plane = plane.await.unwrap();
    until("the cluster is back", || cluster.state().is_synced().then_some(())).await;
    until("absence can be proved again", || cluster.observation().proof([&maps]).ok()).await;
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    plane.api().create(&path, &tracked_config_map(&namespace, "after", "app")).unwrap();
    seen(&cluster, &config_map_key(&namespace, "after")).await;
    plane.api().delete(&format!("{path}/before")).unwrap();
    until("the deletion is seen", || cluster.node(&before).is_none().then_some(())).await;

    // The other watch survives as well.
    let mut names = Vec::new();
    while !names.contains(&"after".to_owned()) {
        let event = tokio::time::timeout(Duration::from_secs(60), watch.next()).await.unwrap().unwrap();
        let objects = match event {
            ObjectEvent::Listed(objects) => objects,
            ObjectEvent::Applied(object) => vec![object],
            _ => Vec::new(),
        };
        names.extend(objects.iter().filter_map(|it| it["metadata"]["name"].as_str().map(str::to_owned)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_the_api_server_was_away_is_not_missed() {
    let plane = tokio::task::spawn_blocking(|| ControlPlane::start(ControlPlaneConfig::default()));
    let plane = plane.await.unwrap().unwrap();
    let (_, options) = counted();
    let cluster = synced_with(&plane, options).await;
    let namespace = plane.create_namespace("away").unwrap();
    for name in ["stays", "goes"] {
        cluster.apply(&create(&tracked_config_map(&namespace, name, "app"))).await.unwrap();
    }
    // Right after the restart and before the watches are back: they have to resume or list, not to begin at
    // "now".
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let at = path.clone();
    let plane = tokio::task::spawn_blocking(move || {
        plane.restart_apiserver().unwrap();
        plane.api().delete(&format!("{at}/goes")).unwrap();
        plane.api().merge_patch(&format!("{at}/stays"), &json!({"data": {"key": "changed"}})).unwrap();
        plane
    });
    let _plane = plane.await.unwrap();
    until("the deletion is seen", || {
        cluster.node(&config_map_key(&namespace, "goes")).is_none().then_some(())
    })
    .await;
    until("the change is seen", || {
        let node = cluster.node(&config_map_key(&namespace, "stays"))?;
        (node.body()?["data"]["key"] == "changed").then_some(())
    })
    .await;
    until("the cluster is synced", || matches!(cluster.state(), ClusterState::Synced { .. }).then_some(()))
        .await;
}
