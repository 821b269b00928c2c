//! Objects of one kind as JSON: get, list, create, patch, replace, delete, and a watch that gives the whole
//! list first.
//!
//! For the control plane's own objects (Applications, projects, settings). Deployed objects go through
//! [`Cluster`](crate::Cluster), which knows them already.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::client::{ApiClient, Call};
use crate::error::ApiError;
use crate::path::{ResourceType, query};
use crate::watch::{self, Event, EventKind, Scope, Sink};

/// Events that wait for a slow reader; a watch that is full waits for it.
const BUFFER: usize = 64;

/// How the body of a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchType {
    /// RFC 7386: objects are merged, `null` removes.
    Merge,
    /// As merge, with lists merged by keys. Only for kinds that are built into Kubernetes.
    Strategic,
    /// RFC 6902: a list of operations.
    Json,
}

impl PatchType {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Json => "application/json-patch+json",
        }
    }
}

/// How the objects that an object owns are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Propagation {
    /// Before the object itself.
    Foreground,
    /// After the object itself, by the garbage collector.
    #[default]
    Background,
    /// Not at all.
    Orphan,
}

impl Propagation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

/// The name under which writes are recorded in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "argocd-controller";

/// What a watch of objects brings.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectEvent {
    /// All objects that there are. First, and again whenever the watch had to start anew: what is not in the
    /// list is gone.
    Listed(Vec<Value>),
    /// An object is new or another than before.
    Applied(Value),
    /// An object is gone; its last state.
    Deleted(Value),
    /// Nothing is heard any more, for this reason (the API server is down, the kind is not there, no
    /// permission). The watch goes on trying; a `Listed` or `Resumed` follows.
    Interrupted(String),
    /// The watch goes on where it broke off.
    Resumed,
}

/// A running watch. Ends when it is dropped.
#[derive(Debug)]
pub struct ObjectWatch {
    events: mpsc::Receiver<ObjectEvent>,
    task: JoinHandle<()>,
}

impl ObjectWatch {
    /// The next event. `None` only when the runtime ends.
    pub async fn next(&mut self) -> Option<ObjectEvent> {
        self.events.recv().await
    }
}

impl Drop for ObjectWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ApiClient {
    /// One object; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// Every other failure.
    pub async fn get_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        let call = Call { kind: &resource.kind, namespace, ..Call::get(resource.object(namespace, name)) };
        match self.json(call).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects, of a namespace or (empty) of all, with the labels of the selector when it is not empty.
    ///
    /// # Errors
    ///
    /// Any failure. A list that breaks off is a failure, not a shorter list.
    pub async fn list_objects(
        &self,
        resource: &ResourceType,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Vec<Value>, ApiError> {
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let mut path = resource.collection(namespace);
            query(&mut path, "limit", "500");
            if !label_selector.is_empty() {
                query(&mut path, "labelSelector", label_selector);
            }
            if !next.is_empty() {
                query(&mut path, "continue", &next);
            }
            let call = Call { verb: "list", kind: &resource.kind, namespace, ..Call::get(path) };
            let mut page: Value = self.json(call).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                objects.extend(items.into_iter().map(|item| with_type(resource, item)));
            }
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => next = token.to_owned(),
                _ => return Ok(objects),
            }
        }
    }

    /// Creates an object and gives it as it was stored.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_already_exists`] when there is one of that name.
    pub async fn create_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let call = Call {
            method: Method::POST,
            verb: "create",
            body: bytes_of(object),
            kind: &resource.kind,
            namespace,
            ..Call::get(with_manager(resource.collection(namespace)))
        };
        self.json(call).await
    }

    /// Patches an object and gives it as it was stored. A `metadata.resourceVersion` in the patch is a
    /// precondition.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_conflict`] when the precondition does not hold, [`ApiError::is_not_found`] without the
    /// object.
    pub async fn patch_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        patch_type: PatchType,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        self.patch(resource, resource.object(namespace, name), namespace, patch_type, patch).await
    }

    /// As [`patch_object`](Self::patch_object), for the `status` subresource of a kind that has one.
    ///
    /// # Errors
    ///
    /// As [`patch_object`](Self::patch_object).
    pub async fn patch_status(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        patch_type: PatchType,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        let path = resource.object(namespace, name) + "/status";
        self.patch(resource, path, namespace, patch_type, patch).await
    }

    async fn patch(
        &self,
        resource: &ResourceType,
        path: String,
        namespace: &str,
        patch_type: PatchType,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        let call = Call {
            method: Method::PATCH,
            verb: "patch",
            content_type: patch_type.content_type(),
            body: bytes_of(patch),
            kind: &resource.kind,
            namespace,
            ..Call::get(with_manager(path))
        };
        self.json(call).await
    }

    /// Replaces an object. Its `metadata.resourceVersion`, when it has one, is a precondition.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_conflict`] when the precondition does not hold, [`ApiError::is_not_found`] without the
    /// object.
    pub async fn replace_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let call = Call {
            method: Method::PUT,
            verb: "update",
            body: bytes_of(object),
            kind: &resource.kind,
            namespace,
            ..Call::get(with_manager(resource.object(namespace, name)))
        };
        self.json(call).await
    }

    /// Deletes an object; with a uid, only that very one. `false` when it was not there.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_conflict`] when an object of that name has another uid.
    pub async fn delete_object(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
        propagation: Propagation,
    ) -> Result<bool, ApiError> {
        let mut options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation.as_str(),
        });
        if let Some(uid) = uid {
            options["preconditions"] = json!({"uid": uid});
        }
        let call = Call {
            method: Method::DELETE,
            verb: "delete",
            body: bytes_of(&options),
            kind: &resource.kind,
            namespace,
            ..Call::get(resource.object(namespace, name))
        };
        match self.call(call).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Watches objects of a namespace (empty: of all) that have the labels of the selector (empty: all). The
    /// first event is the whole list. Survives everything: see [`ObjectEvent::Interrupted`].
    pub fn watch_objects(
        &self,
        resource: &ResourceType,
        namespace: &str,
        label_selector: &str,
    ) -> ObjectWatch {
        let scope = Scope {
            resource: resource.clone(),
            namespace: namespace.to_owned(),
            label_selector: label_selector.to_owned(),
            field_selector: String::new(),
        };
        let (sender, events) = mpsc::channel(BUFFER);
        let client = self.clone();
        let task = tokio::spawn(async move {
            let lists = Semaphore::new(1);
            let mut sink = Forward { resource: scope.resource.clone(), listed: Vec::new(), sender };
            watch::run(&client, &scope, &lists, &mut sink).await;
        });
        ObjectWatch { events, task }
    }
}

/// Gives what a watch brings to a channel.
struct Forward {
    resource: ResourceType,
    listed: Vec<Value>,
    sender: mpsc::Sender<ObjectEvent>,
}

impl Forward {
    async fn send(&self, event: ObjectEvent) {
        // The receiver is gone only when the task is about to be ended.
        let _ = self.sender.send(event).await;
    }
}

impl Sink for Forward {
    fn begin(&mut self) {
        self.listed.clear();
    }

    fn page(&mut self, items: &[&serde_json::value::RawValue]) {
        let objects = items.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok());
        self.listed.extend(objects.map(|object| with_type(&self.resource, object)));
    }

    async fn listed(&mut self, _resource_version: &str) {
        let listed = std::mem::take(&mut self.listed);
        self.send(ObjectEvent::Listed(listed)).await;
    }

    async fn events(&mut self, events: &[Event<'_>]) {
        for event in events {
            let Ok(object) = serde_json::from_str::<Value>(event.object.get()) else { continue };
            self.send(match event.kind {
                EventKind::Applied => ObjectEvent::Applied(object),
                EventKind::Deleted => ObjectEvent::Deleted(object),
            })
            .await;
        }
    }

    async fn interrupted(&mut self, error: &ApiError) {
        self.send(ObjectEvent::Interrupted(error.to_string())).await;
    }

    async fn resumed(&mut self) {
        self.send(ObjectEvent::Resumed).await;
    }
}

/// Items of a typed list carry neither `apiVersion` nor `kind`.
fn with_type(resource: &ResourceType, mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        if !map.contains_key("kind") {
            map.insert("kind".into(), Value::from(resource.kind.as_str()));
        }
        if !map.contains_key("apiVersion") {
            let version = if resource.group.is_empty() {
                resource.version.clone()
            } else {
                format!("{}/{}", resource.group, resource.version)
            };
            map.insert("apiVersion".into(), Value::from(version));
        }
    }
    object
}

pub(crate) fn with_manager(mut path: String) -> String {
    query(&mut path, "fieldManager", FIELD_MANAGER);
    path
}

pub(crate) fn bytes_of(value: &Value) -> Bytes {
    // A JSON value always serialises.
    Bytes::from(serde_json::to_vec(value).unwrap_or_default())
}
