//! Fields by their manager, as `metadata.managedFields` names them.

use serde_json::Value;

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

/// What `manager` has applied server-side, read from the live object: the last-applied object of those that carry no
/// annotation. `None` when it has applied nothing.
pub(crate) fn applied_by(manager: &str, live: &Value) -> Option<Value> {
    let entries = live.get("metadata")?.get("managedFields")?.as_array()?;
    let text =
        |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let entry = entries.iter().find(|entry| {
        text(entry, "manager") == manager
            && text(entry, "operation") == "Apply"
            && text(entry, "subresource").is_empty()
    })?;
    Some(pick(entry.get("fieldsV1")?, live))
}

/// The part of a value that a `fieldsV1` tree names.
fn pick(fields: &Value, value: &Value) -> Value {
    let Some(fields) = fields.as_object().filter(|fields| fields.keys().any(|key| key != ".")) else {
        return value.clone();
    };
    match value {
        Value::Object(object) => Value::Object(
            fields
                .iter()
                .filter_map(|(path, inner)| {
                    let name = path.strip_prefix("f:")?;
                    Some((name.to_owned(), pick(inner, object.get(name)?)))
                })
                .collect(),
        ),
        Value::Array(items) => {
            let mut picked: Vec<(usize, Value)> = fields
                .iter()
                .filter_map(|(path, inner)| {
                    let position = position(path, value)?;
                    Some((position, pick(inner, items.get(position)?)))
                })
                .collect();
            picked.sort_by_key(|(position, _)| *position);
            Value::Array(picked.into_iter().map(|(_, item)| item).collect())
        }
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
