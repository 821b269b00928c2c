//! Connecting to the control plane of the tests, and objects to put there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tiphys_cluster::{
    ApiClient, ApplyAction, ApplyRequest, ClientOptions, Cluster, ClusterConfig, ClusterOptions,
    ClusterState, RequestObserver, RequestRecord,
};
use tiphys_live::LiveNode;
use tiphys_manifest::{Gvk, ResourceKey};
use tiphys_test_kit::{ControlPlane, shared_control_plane, wait_until};

/// Time for anything to happen on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The control plane of all tests that do not disturb it.
pub(crate) async fn plane() -> &'static ControlPlane {
    tokio::task::spawn_blocking(shared_control_plane).await.unwrap()
}

pub(crate) async fn config(plane: &ControlPlane) -> ClusterConfig {
    ClusterConfig::from_kubeconfig(Some(&plane.kubeconfig()), None).await.unwrap()
}

pub(crate) async fn client(plane: &ControlPlane) -> ApiClient {
    ApiClient::new(&config(plane).await, &ClientOptions::default()).unwrap()
}

/// A cluster whose first lists have been read.
pub(crate) async fn synced(plane: &ControlPlane) -> Arc<Cluster> {
    synced_with(plane, ClusterOptions::default()).await
}

pub(crate) async fn synced_with(plane: &ControlPlane, options: ClusterOptions) -> Arc<Cluster> {
    let cluster = Cluster::connect(&config(plane).await, options).unwrap();
    let state = cluster.settled().await;
    assert!(matches!(state, ClusterState::Synced { .. }), "{state:?}");
    cluster
}

pub(crate) async fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    wait_until(SOON, what, || {
        let seen = probe().ok_or("nothing yet");
        async move { seen }
    })
    .await
    .unwrap()
}

pub(crate) fn config_map_gvk() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

pub(crate) fn config_map_key(namespace: &str, name: &str) -> ResourceKey {
    ResourceKey::new("", "ConfigMap", namespace, name)
}

pub(crate) fn tracked_config_map(namespace: &str, name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"argocd.argoproj.io/tracking-id": format!("{app}:/ConfigMap:{namespace}/{name}")}
        },
        "data": {"key": "value"}
    })
}

pub(crate) fn create(object: &Value) -> ApplyRequest {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let gvk = Gvk::from_api_version(&text("/apiVersion"), &text("/kind"));
    let action = ApplyAction::Create(Arc::new(object.clone()));
    ApplyRequest::new(gvk, text("/metadata/namespace"), text("/metadata/name"), action)
}

pub(crate) async fn seen(cluster: &Cluster, key: &ResourceKey) -> Arc<LiveNode> {
    until(&format!("{key} is seen"), || cluster.node(key)).await
}

/// Counts requests by verb.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    requests: Mutex<HashMap<(&'static str, String), usize>>,
}

impl Counter {
    pub(crate) fn of(&self, verb: &str) -> usize {
        self.requests.lock().iter().filter(|((of, _), _)| *of == verb).map(|(_, count)| count).sum()
    }

    /// Requests about objects of one kind, whatever they do: discovery, which other tests may cause, is not among them.
    pub(crate) fn about(&self, kind: &str) -> usize {
        let requests = self.requests.lock();
        requests.iter().filter(|((verb, of), _)| of == kind && *verb != "watch").map(|(_, count)| count).sum()
    }

    pub(crate) fn total(&self) -> usize {
        self.requests.lock().values().sum()
    }
}

impl RequestObserver for Counter {
    fn observed(&self, record: &RequestRecord<'_>) {
        *self.requests.lock().entry((record.verb, record.kind.to_owned())).or_default() += 1;
    }
}

pub(crate) fn counted() -> (Arc<Counter>, ClusterOptions) {
    let counter = Arc::new(Counter::default());
    let client = ClientOptions { observer: counter.clone(), ..ClientOptions::default() };
    (counter, ClusterOptions { client, ..ClusterOptions::default() })
}
