//! Kubernetes Events about the control plane's objects, written beside the work and never in its way (REC-018
//! names the reasons).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::ApiClient;
use crate::path::ResourceType;

/// Events that wait for the API server.
const QUEUE: usize = 256;

/// Normal, or something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Information.
    Normal,
    /// Something may need attention.
    Warning,
}

/// The object that an Event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ObjectReference {
    /// `apiVersion`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; Events about cluster-scoped objects go to `default`.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// `metadata.resourceVersion` of the state that the Event is about.
    pub resource_version: String,
}

/// One Event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventRecord {
    /// What it is about.
    pub involved: ObjectReference,
    /// Normal or warning.
    pub event_type: EventType,
    /// One word for machines, for example `OperationStarted`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Labels of the Event.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Event: details for machines.
    pub annotations: BTreeMap<String, String>,
}

/// Writes Events, one request each, in order. Ends when it is dropped; what still waits is lost.
#[derive(Debug)]
pub struct EventWriter {
    queue: mpsc::Sender<EventRecord>,
    waiting: Arc<Mutex<HashSet<EventRecord>>>,
    dropped: AtomicU64,
    task: JoinHandle<()>,
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl EventWriter {
    /// A writer that signs as `component`, for example `argocd-application-controller`. Needs a Tokio runtime.
    pub fn new(client: &ApiClient, component: impl Into<String>) -> Self {
        let (queue, mut records) = mpsc::channel::<EventRecord>(QUEUE);
        let waiting: Arc<Mutex<HashSet<EventRecord>>> = Arc::default();
        let (client, component, written) = (client.clone(), component.into(), waiting.clone());
        let task = tokio::spawn(async move {
            let events = ResourceType::events();
            while let Some(record) = records.recv().await {
                let object = event(&record, &component, Utc::now());
                let namespace = namespace_of(&record);
                if let Err(error) = client.create_object(&events, namespace, &object).await {
                    let about = &record.involved;
                    tracing::warn!(kind = about.kind, namespace, name = about.name, reason = record.reason, %error,
                        "can't write a Kubernetes Event");
                }
                written.lock().remove(&record);
            }
        });
        Self { queue, waiting, dropped: AtomicU64::new(0), task }
    }

    /// Hands an Event over and returns at once. When the queue is full the Event is dropped, as are Events
    /// that say what a waiting one says.
    pub fn emit(&self, record: EventRecord) {
        if !self.waiting.lock().insert(record.clone()) && self.queue.capacity() < QUEUE / 2 {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Err(error) = self.queue.try_send(record) {
            let (mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) = error;
            self.waiting.lock().remove(&record);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all Events are written, at most so long. `false` when some still wait.
    pub async fn flush(&self, within: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + within;
        while !self.waiting.lock().is_empty() {
            if tokio::time::Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Number of Events that were not written because too many were waiting.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn namespace_of(record: &EventRecord) -> &str {
    if record.involved.namespace.is_empty() { "default" } else { &record.involved.namespace }
}

fn event(record: &EventRecord, component: &str, now: DateTime<Utc>) -> serde_json::Value {
    let about = &record.involved;
    // Unique by time, readable by its beginning, as the reference names them.
    let name = format!("{}.{:x}", about.name, now.timestamp_nanos_opt().unwrap_or_default());
    let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": name,
            "namespace": namespace_of(record),
            "labels": record.labels,
            "annotations": record.annotations,
        },
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
            "resourceVersion": about.resource_version,
        },
        "source": {"component": component},
        "reportingComponent": component,
        "type": match record.event_type {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        },
        "reason": record.reason,
        "message": record.message,
        "count": 1,
        "firstTimestamp": time,
        "lastTimestamp": time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_shape_of_core_v1() {
        let record = EventRecord {
            involved: ObjectReference {
                api_version: "argoproj.io/v1alpha1".into(),
                kind: "Application".into(),
                namespace: "argocd".into(),
                name: "guestbook".into(),
                uid: "u".into(),
                resource_version: "7".into(),
            },
            event_type: EventType::Normal,
            reason: "ResourceUpdated".into(),
            message: "Updated sync status: Synced -> OutOfSync".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        };
        let now = DateTime::from_timestamp(1_700_000_000, 5).unwrap();
        let event = event(&record, "argocd-application-controller", now);
        assert_eq!(event["metadata"]["name"], "guestbook.17979cfe362a0005");
        assert_eq!(event["involvedObject"]["uid"], "u");
        assert_eq!(event["source"]["component"], "argocd-application-controller");
        assert_eq!(event["firstTimestamp"], "2023-11-14T22:13:20Z");
        assert_eq!(event["count"], 1);
    }
}
