//! The patch that `kubectl apply` would send.
//!
//! Three-way: what was applied last, what is live, what is desired. Only what the patch changes is in it; an empty
//! patch need not be sent. What the server makes of a patch is `merge`'s.

mod annotation;
mod json;
mod strategic;

pub use annotation::last_applied_annotation;

/// The keys that a strategic merge patch gives orders with.
pub(crate) mod directives {
    pub(crate) use super::strategic::{DELETE_FROM_PRIMITIVE_LIST, PATCH, RETAIN_KEYS, SET_ELEMENT_ORDER};
}

use serde_json::{Map, Value};
use tiphys_manifest::Manifest;
use tiphys_manifest::masking::{LAST_APPLIED_ANNOTATION, is_secret, merge_string_data};

use crate::schema::MergeSchema;

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/strategic-merge-patch+json`.
    StrategicMerge,
    /// `application/merge-patch+json`.
    JsonMerge,
}

impl PatchKind {
    /// The content type of a request with such a patch.
    pub fn content_type(self) -> &'static str {
        match self {
            PatchKind::StrategicMerge => "application/strategic-merge-patch+json",
            PatchKind::JsonMerge => "application/merge-patch+json",
        }
    }
}

/// A patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// How to read the body.
    pub kind: PatchKind,
    /// The patch itself, an object.
    pub body: Value,
}

impl Patch {
    /// Whether the patch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.body.as_object().is_none_or(Map::is_empty)
    }
}

/// The patch that brings `live` to `desired` and removes what was in `last_applied` and is desired no more. Fields
/// that are only live stay.
///
/// A strategic merge patch where the schema says that the server takes one, else a JSON merge patch.
pub fn three_way(
    last_applied: Option<&Value>,
    live: &Value,
    desired: &Value,
    schema: Option<&MergeSchema>,
) -> Patch {
    let empty = Map::new();
    let original = last_applied.and_then(Value::as_object);
    let current = live.as_object().unwrap_or(&empty);
    let modified = desired.as_object().unwrap_or(&empty);
    match schema.filter(|schema| schema.is_strategic()) {
        Some(schema) => Patch {
            kind: PatchKind::StrategicMerge,
            body: Value::Object(strategic::diff(original, current, modified, schema.view())),
        },
        None => {
            Patch { kind: PatchKind::JsonMerge, body: Value::Object(json::diff(original, current, modified)) }
        }
    }
}

/// The change that a server-side apply makes: `applied` is what the same manager applied before and nobody else owns.
/// In the form of a strategic merge patch, to be read with the schema's server-side view.
pub(crate) fn server_side(
    applied: &Value,
    live: &Value,
    desired: &Value,
    schema: Option<&MergeSchema>,
) -> Map<String, Value> {
    let empty = Map::new();
    let current = live.as_object().unwrap_or(&empty);
    let modified = desired.as_object().unwrap_or(&empty);
    strategic::diff(applied.as_object(), current, modified, schema.and_then(MergeSchema::server_side_view))
}

/// The patch of a client-side apply: `desired` gets the last-applied annotation, and what was applied last is read
/// from `live`'s.
///
/// A Secret's `stringData` is sent as `data`. `kubectl apply` sends it as it is and can then never remove one of its
/// keys, because the server has none of them under that name.
pub fn client_side(live: &Value, desired: &Manifest, schema: Option<&MergeSchema>) -> Patch {
    let annotated = with_last_applied(desired);
    let last_applied = last_applied(live);
    three_way(last_applied.as_ref(), live, annotated.value(), schema)
}

/// `desired` as `kubectl apply` creates it: with the last-applied annotation. A Secret's `stringData` is moved into
/// `data`, see [`client_side`].
pub fn with_last_applied(desired: &Manifest) -> Manifest {
    let mut annotated = desired.clone();
    if desired.value().get("stringData").is_some() && is_secret(desired.value()) {
        // Takes no part of the identity away, so it can't fail; if it did, the Secret would be sent as written.
        let _ = annotated.edit(merge_string_data);
    }
    let text = last_applied_annotation(annotated.value());
    annotated.set_annotation(LAST_APPLIED_ANNOTATION, &text);
    annotated
}

/// What `live` says was applied last; `None` when it says nothing that can be read. A Secret's `stringData` comes as
/// `data`.
pub fn last_applied(live: &Value) -> Option<Value> {
    let mut value: Value = serde_json::from_str(last_applied_text(live)?).ok().filter(Value::is_object)?;
    if is_secret(live) {
        merge_string_data(&mut value);
    }
    Some(value)
}

fn last_applied_text(live: &Value) -> Option<&str> {
    live.get("metadata")?.get("annotations")?.get(LAST_APPLIED_ANNOTATION)?.as_str()
}

/// Whether `live` says that `desired`, as it is, was applied last. Much cheaper than reading the annotation.
pub(crate) fn was_applied_last(desired: &Value, live: &Value) -> bool {
    last_applied_text(live).is_some_and(|text| annotation::says(desired, text))
}
