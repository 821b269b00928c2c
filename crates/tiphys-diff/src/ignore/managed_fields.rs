//! Fields by their manager, as `metadata.managedFields` names them.

use serde_json::Value;

/// Takes from both objects what `live`'s managed fields give to one of `managers`.
pub(super) fn remove_owned(managers: &[String], desired: &mut Value, live: &mut Value) {
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
