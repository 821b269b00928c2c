//! Whether applying the desired object would change the live one, and what it would then be.
//!
//! The verdict is that of an apply followed by the API server's own storing, predicted in memory. Fields that only
//! the server or a controller sets are left as they are.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tiphys_manifest::masking::{LAST_APPLIED_ANNOTATION, is_secret, merge_string_data};

use crate::apply::{self, Patch, PatchKind, three_way};
use crate::endpoints;
use crate::equivalent::{align, equivalent};
use crate::ignore::IgnoreRules;
use crate::managed_fields;
use crate::merge;
use crate::schema::MergeSchema;

/// The field manager of our server-side applies.
const FIELD_MANAGER: &str = "argocd-controller";

/// Fields of `metadata` that are the server's.
const SERVER_METADATA: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Whose `status` is left out of comparisons (`ignoreResourceStatusField`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusFields {
    /// That of every kind.
    #[default]
    All,
    /// That of CustomResourceDefinitions only.
    Crd,
    /// None: a status in Git is compared.
    None,
}

impl StatusFields {
    /// Reads the setting: `all` (also `on` and `true`), `crd`, `none` (also `off` and `false`).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" | "on" | "true" => Some(StatusFields::All),
            "crd" => Some(StatusFields::Crd),
            "none" | "off" | "false" => Some(StatusFields::None),
            _ => None,
        }
    }
}

/// Settings of a comparison (`resource.compareoptions`).
#[derive(Debug, Clone, Copy, Default)]
pub struct DiffOptions {
    /// `ignoreResourceStatusField`.
    pub status: StatusFields,
    /// `ignoreAggregatedRoles`: the rules of a ClusterRole with an aggregation rule are the controller's.
    pub ignore_aggregated_roles: bool,
}

/// What a comparison needs besides the two objects.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiffContext<'a> {
    /// The schema of the objects' kind; without it lists are compared whole and without defaults.
    pub schema: Option<&'a MergeSchema>,
    /// Differences that don't count.
    pub ignore: Option<&'a IgnoreRules>,
    /// Settings.
    pub options: DiffOptions,
}

/// The two sides of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Whether an apply would change the live object.
    pub modified: bool,
    /// What the live object would be after an apply; equal to `normalized_live` unless `modified`.
    pub predicted_live: Value,
    /// The live object without what is never compared.
    pub normalized_live: Value,
}

/// Whether applying `desired` would change `live`. Both in the same API version.
pub fn is_modified(desired: &Value, live: &Value, context: &DiffContext<'_>) -> bool {
    predict(desired, live, context).is_some()
}

/// As [`is_modified`], with both sides to show.
pub fn compare(desired: &Value, live: &Value, context: &DiffContext<'_>) -> Difference {
    match predict(desired, live, context) {
        Some((mut predicted_live, normalized_live)) => {
            align(&mut predicted_live, &normalized_live, view(context));
            Difference { modified: true, predicted_live, normalized_live }
        }
        None => {
            let normalized_live = normalize(live.clone(), context);
            Difference { modified: false, predicted_live: normalized_live.clone(), normalized_live }
        }
    }
}

fn view<'a>(context: &DiffContext<'a>) -> Option<crate::schema::View<'a>> {
    context.schema.and_then(MergeSchema::view)
}

/// The predicted and the live object, where they differ.
fn predict(desired: &Value, live: &Value, context: &DiffContext<'_>) -> Option<(Value, Value)> {
    let desired = with_string_data_merged(desired);
    let pair = predict_plain(&desired, live, context)?;
    let Some(rules) = context.ignore.filter(|rules| rules.concern(live)) else { return Some(pair) };
    // Rules are looked at only now: taking the same fields from both sides never makes equal objects differ.
    let (mut desired, mut live) = (desired.into_owned(), live.clone());
    rules.remove_from(&mut desired, &mut live);
    predict_plain(&desired, &live, context)
}

fn predict_plain(desired: &Value, live: &Value, context: &DiffContext<'_>) -> Option<(Value, Value)> {
    // What was applied last can only add deletions, of which there are none when it is what is desired now.
    let unchanged = apply::was_applied_last(desired, live);
    let applied = if unchanged { None } else { applied_server_side(live, context) };
    let server_side = applied.is_some();
    let mut patch = match &applied {
        Some(applied) => Patch {
            kind: PatchKind::StrategicMerge,
            body: Value::Object(apply::server_side(applied, live, desired, context.schema)),
        },
        None => {
            let last_applied = if unchanged { None } else { apply::last_applied(live) };
            three_way(last_applied.as_ref(), live, desired, context.schema)
        }
    };
    if patch.is_empty() {
        return None;
    }
    strip(&mut patch.body, context, desired);
    if patch.is_empty() {
        return None;
    }
    let after = if server_side {
        merge::server_side(live, &patch.body, context.schema)
    } else {
        merge::apply(live, &patch, context.schema)
    };
    let predicted = normalize(after, context);
    let live = normalize(live.clone(), context);
    (!equivalent(&predicted, &live, view(context))).then_some((predicted, live))
}

/// What our server-side applies gave to the live object.
fn applied_server_side(live: &Value, context: &DiffContext<'_>) -> Option<Value> {
    let view = context.schema.and_then(MergeSchema::server_side_view);
    managed_fields::applied_by(FIELD_MANAGER, live, view)
}

/// A Secret's `stringData` is never stored.
fn with_string_data_merged(desired: &Value) -> Cow<'_, Value> {
    if desired.get("stringData").is_some() && is_secret(desired) {
        let mut merged = desired.clone();
        merge_string_data(&mut merged);
        return Cow::Owned(merged);
    }
    Cow::Borrowed(desired)
}

/// The object without what is never compared.
fn normalize(mut object: Value, context: &DiffContext<'_>) -> Value {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let identity = serde_json::json!({"kind": kind, "aggregationRule": object.get("aggregationRule")});
    strip(&mut object, context, &identity);
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED_ANNOTATION);
    }
    if kind == "Endpoints" && object.get("apiVersion").and_then(Value::as_str) == Some("v1") {
        endpoints::sort(&mut object);
    }
    object
}

/// Takes what is never compared from an object or a patch of the object `identity`.
fn strip(target: &mut Value, context: &DiffContext<'_>, identity: &Value) {
    let Some(fields) = target.as_object_mut() else { return };
    let kind = identity.get("kind").and_then(Value::as_str).unwrap_or_default();
    let ignores_status = match context.options.status {
        StatusFields::All => true,
        StatusFields::Crd => kind == "CustomResourceDefinition",
        StatusFields::None => false,
    };
    if ignores_status {
        fields.remove("status");
    }
    if context.options.ignore_aggregated_roles
        && kind == "ClusterRole"
        && identity.get("aggregationRule").is_some_and(|rule| !rule.is_null())
    {
        fields.remove("rules");
    }
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for field in SERVER_METADATA {
        metadata.remove(field);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED_ANNOTATION);
        drop_if_empty(metadata, "annotations");
    }
    drop_if_empty(fields, "metadata");
}

fn drop_if_empty(fields: &mut Map<String, Value>, key: &str) {
    if fields.get(key).and_then(Value::as_object).is_some_and(Map::is_empty) {
        fields.remove(key);
    }
}
