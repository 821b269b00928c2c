//! What a sync needs to know of the cluster at the moment it decides.
//!
//! The machine never trusts the content of an event: it looks here, so that a lost, doubled or reordered event
//! changes when something is done and never what.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tiphys_health::Health;
use tiphys_live::LiveNode;
use tiphys_manifest::{Gvk, ResourceKey};

/// A live object as last observed. Cheap to make and to clone: a body that the index keeps is parsed when it is
/// asked for.
#[derive(Clone, Debug, Default)]
pub struct LiveObject {
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: Arc<str>,
    /// Its health; `None` for kinds without any.
    pub health: Option<Health>,
    /// Whether its deletion was asked for.
    pub is_deleting: bool,
    body: Body,
}

#[derive(Clone, Debug, Default)]
enum Body {
    #[default]
    Unknown,
    Value(Arc<Value>),
    Node(Arc<LiveNode>),
}

impl LiveObject {
    /// Of an object that was just read or written. `health` is what the rules of its kind say.
    pub fn of(body: Arc<Value>, health: Option<Health>) -> Self {
        let metadata = |field: &str| {
            let text = body.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str);
            text.unwrap_or_default()
        };
        LiveObject {
            uid: metadata("uid").into(),
            resource_version: metadata("resourceVersion").into(),
            is_deleting: !metadata("deletionTimestamp").is_empty(),
            health,
            body: Body::Value(body),
        }
    }

    /// The whole object where it is kept: not for objects that no application tracks. May parse on each call.
    pub fn body(&self) -> Option<Arc<Value>> {
        match &self.body {
            Body::Unknown => None,
            Body::Value(body) => Some(body.clone()),
            Body::Node(node) => node.body().map(Arc::new),
        }
    }

    /// The same with `metadata.managedFields` where they are kept.
    pub(crate) fn body_with_managed_fields(&self) -> Option<Arc<Value>> {
        match &self.body {
            Body::Node(node) => node.body_with_managed_fields().map(Arc::new),
            _ => self.body(),
        }
    }

    /// Whether [`LiveObject::body`] gives the object.
    pub fn has_body(&self) -> bool {
        match &self.body {
            Body::Unknown => false,
            Body::Value(_) => true,
            Body::Node(node) => node.has_body(),
        }
    }
}

impl From<&Arc<LiveNode>> for LiveObject {
    fn from(node: &Arc<LiveNode>) -> Self {
        LiveObject {
            uid: node.uid.clone(),
            resource_version: (&*node.resource_version).into(),
            health: node.health.clone(),
            is_deleting: node.is_terminating(),
            body: Body::Node(node.clone()),
        }
    }
}

pub(crate) fn annotation<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

pub(crate) fn finalizers(body: &Value) -> impl Iterator<Item = &str> {
    let list = body.get("metadata").and_then(|metadata| metadata.get("finalizers")?.as_array());
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// How the API server merges a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchKind {
    /// Strategic merge: lists by their merge keys. Only for built-in kinds.
    Strategic,
    /// JSON merge: lists as a whole.
    Merge,
}

/// What brings a live object in line with a desired one.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreeWayPatch {
    /// How it is merged.
    pub kind: PatchKind,
    /// The patch itself.
    pub patch: Value,
}

/// The cluster and the Application, as the controller sees them now.
pub trait LiveView {
    /// The live object; `None` when there is none.
    fn live(&self, key: &ResourceKey) -> Option<LiveObject>;

    /// Whether the cluster serves this group, version and kind, so that a write can be sent.
    fn serves(&self, gvk: &Gvk) -> bool;

    /// The three-way patch from the last applied configuration (an annotation of `live`), the desired object (which
    /// carries its own last applied configuration already) and the live one; `None` when nothing is to be changed.
    ///
    /// # Errors
    /// A sentence that says why no patch can be made.
    fn three_way(&self, gvk: &Gvk, desired: &Value, live: &Value) -> Result<Option<ThreeWayPatch>, String>;

    /// When a user approved deletions, by the annotation [`crate::options::DELETION_APPROVED_ANNOTATION`] on the
    /// Application.
    fn deletion_approved_at(&self) -> Option<DateTime<Utc>>;
}
