//! The destination namespace of an application with `CreateNamespace=true`.

use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_api::application::ManagedNamespaceMetadata;
use tiphys_manifest::{Gvk, Manifest, ResourceKey};

use super::PlanInput;
use crate::live::LiveObject;
use crate::options::{ResourceOptions, SyncOptions};
use crate::task::{Action, Phase, Task, TaskId, is_namespace};

/// The task that makes the namespace, or brings its managed labels and annotations in line; `None` when there is
/// nothing to do or the source itself has the namespace.
pub(super) fn task(input: &PlanInput<'_>) -> Option<Task> {
    let namespace = &input.namespace;
    if !input.options.creates_namespace() || namespace.name.is_empty() {
        return None;
    }
    let in_source = |key: &ResourceKey| is_namespace(key) && key.name() == namespace.name;
    if input.resources.iter().any(|resource| resource.desired.is_some() && in_source(&resource.key)) {
        return None;
    }
    match (&namespace.live, namespace.metadata) {
        (Some(_), None) => return None,
        (Some(live), Some(metadata)) if holds(live, metadata, namespace.tracking) => return None,
        _ => {}
    }
    let mut annotations = namespace.metadata.map(|metadata| metadata.annotations.clone()).unwrap_or_default();
    // A namespace that was there before stays its owner's, unless the application manages something on it.
    if let (Some((name, value)), Some(_)) = (namespace.tracking, namespace.metadata) {
        annotations.insert(name.to_owned(), value.to_owned());
    }
    let labels = namespace.metadata.map(|metadata| metadata.labels.clone()).unwrap_or_default();
    let mut metadata = json!({"name": namespace.name});
    if !annotations.is_empty() {
        metadata["annotations"] = json!(annotations);
    }
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    let manifest =
        Manifest::new(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).ok()?;
    let mut options = ResourceOptions::resolve(&SyncOptions::default(), &manifest);
    // Whatever else is on the namespace is not the application's: server-side apply touches only what is managed.
    options.server_side_apply = namespace.metadata.is_some();
    Some(Task {
        id: TaskId(0),
        phase: Phase::PreSync,
        wave: 0,
        action: Action::PrepareNamespace,
        key: manifest.key(),
        gvk: Gvk::new("", "v1", "Namespace"),
        hook: None,
        options,
        desired: Some(Arc::new(manifest)),
        live_uid: namespace.live.as_ref().map(|live| live.uid.to_string()).unwrap_or_default(),
    })
}

/// Whether the live namespace already has all of it. A namespace whose body is not known is written again.
fn holds(live: &LiveObject, metadata: &ManagedNamespaceMetadata, tracking: Option<(&str, &str)>) -> bool {
    let Some(body) = live.body() else { return false };
    let has = |field: &str, key: &str, value: &str| {
        body.get("metadata").and_then(|metadata| metadata.get(field)?.get(key)).and_then(Value::as_str)
            == Some(value)
    };
    metadata.labels.iter().all(|(key, value)| has("labels", key, value))
        && metadata.annotations.iter().all(|(key, value)| has("annotations", key, value))
        && tracking.is_none_or(|(key, value)| has("annotations", key, value))
}
