//! Fields by their manager, as `metadata.managedFields` names them.

use serde_json::{Map, Value};

use crate::schema::{Slot, View};

/// Takes from both objects what `live`'s managed fields give to one of `managers`.
pub(crate) fn remove_owned(managers: &[String], desired: &mut Value, live: &mut Value) {
    let owned: Vec<Value> = live
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|entry| {
            let manager = entry.get("manager").and_then(Value::as_str).unwrap_or_default();
            managers.iter().any(|name| name == manager)
        })
        .filter_map(|entry| entry.get("fieldsV1").cloned())
        .collect();
    for fields in &owned {
        take(fields, desired);
        take(fields, live);
    }
}

/// What `manager` has applied server-side and no other manager owns, read from the live object. `None` when it has
/// applied nothing.
pub(crate) fn applied_by(manager: &str, live: &Value, view: Option<View<'_>>) -> Option<Value> {
    let entries = live.get("metadata")?.get("managedFields")?.as_array()?;
    let text =
        |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_ours = |entry: &&Value| {
        text(entry, "manager") == manager
            && text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
    };
    let ours = entries.iter().find(is_ours)?;
    let mut applied = pick(ours.get("fieldsV1")?, live, Slot::at(view));
    for fields in entries.iter().filter(|entry| !is_ours(entry)).filter_map(|entry| entry.get("fieldsV1")) {
        take(fields, &mut applied);
    }
    Some(applied)
}

/// The part of a value that a `fieldsV1` tree names.
fn pick(fields: &Value, value: &Value, slot: Slot<'_>) -> Value {
    let Some(fields) = fields.as_object().filter(|fields| fields.keys().any(|key| key != ".")) else {
        return leaf(value, slot);
    };
    match value {
        Value::Object(object) => Value::Object(
            fields
                .iter()
                .filter_map(|(path, inner)| {
                    let name = path.strip_prefix("f:")?;
                    Some((name.to_owned(), pick(inner, object.get(name)?, Slot::of(slot.view, name))))
                })
                .collect(),
        ),
        Value::Array(items) => {
            let element = Slot::at(slot.view.and_then(View::element));
            let mut picked: Vec<(usize, Value)> = fields
                .iter()
                .filter_map(|(path, inner)| {
                    let position = position(path, value)?;
                    Some((position, pick(inner, items.get(position)?, element)))
                })
                .collect();
            picked.sort_by_key(|(position, _)| *position);
            Value::Array(picked.into_iter().map(|(_, item)| item).collect())
        }
        other => other.clone(),
    }
}

/// A value that is owned without anything below it: all of it, or, where others can own parts, an empty one.
fn leaf(value: &Value, slot: Slot<'_>) -> Value {
    let is_shared = slot.view.is_some_and(View::is_merged) && !slot.strategy().replace;
    match value {
        Value::Object(_) if is_shared => Value::Object(Map::new()),
        Value::Array(_) if slot.strategy().merge => Value::Array(Vec::new()),
        other => other.clone(),
    }
}

/// Removes the leaves of a `fieldsV1` tree from a value.
fn take(fields: &Value, value: &mut Value) {
    let Some(fields) = fields.as_object() else { return };
    // Items are removed last and from the end, so that earlier positions stay true.
    let mut positions = Vec::new();
    for (path, inner) in fields {
        let is_leaf = inner.as_object().is_none_or(|inner| inner.keys().all(|key| key == "."));
        if let Some(name) = path.strip_prefix("f:") {
            let Some(object) = value.as_object_mut() else { continue };
            if is_leaf {
                object.remove(name);
            } else if let Some(child) = object.get_mut(name) {
                take(inner, child);
            }
            continue;
        }
        let Some(position) = position(path, value) else { continue };
        if is_leaf {
            positions.push(position);
        } else if let Some(child) = value.get_mut(position) {
            take(inner, child);
        }
    }
    positions.sort_unstable();
    if let Some(items) = value.as_array_mut() {
        for position in positions.into_iter().rev() {
            if position < items.len() {
                items.remove(position);
            }
        }
    }
}

/// The list item that `k:{…}` (by keys), `v:…` (by value) or `i:…` (by index) names.
fn position(path: &str, value: &Value) -> Option<usize> {
    let items = value.as_array()?;
    if let Some(keys) = path.strip_prefix("k:") {
        let keys: Value = serde_json::from_str(keys).ok()?;
        let keys = keys.as_object()?;
        return items.iter().position(|item| {
            keys.iter().all(|(key, wanted)| match item.get(key) {
                Some(found) => found == wanted,
                // Keys with defaults may be missing in what a user wrote.
                None => key == "protocol" && wanted == "TCP",
            })
        });
    }
    if let Some(text) = path.strip_prefix("v:") {
        let wanted: Value = serde_json::from_str(text).ok()?;
        return items.iter().position(|item| *item == wanted);
    }
    path.strip_prefix("i:")?.parse().ok().filter(|at| *at < items.len())
}
