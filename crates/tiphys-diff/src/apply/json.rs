//! Three-way JSON merge patches, for custom resources: maps are merged, lists are replaced whole.

use serde_json::{Map, Value};

pub(super) fn diff(
    original: Option<&Map<String, Value>>,
    current: &Map<String, Value>,
    modified: &Map<String, Value>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, wanted) in modified {
        match (current.get(key), wanted) {
            // In a merge patch null means deletion, so a desired null is a field that must not be there.
            (None, Value::Null) => {}
            (None, wanted) => {
                patch.insert(key.clone(), without_nulls(wanted));
            }
            (Some(Value::Object(found)), Value::Object(wanted)) => {
                let before = original.and_then(|original| original.get(key)).and_then(Value::as_object);
                let inner = diff(before, found, wanted);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(found), wanted) if found != wanted => {
                patch.insert(key.clone(), without_nulls(wanted));
            }
            (Some(_), _) => {}
        }
    }
    for key in original.into_iter().flat_map(Map::keys) {
        if !modified.contains_key(key) && current.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

/// A value without the nulls in its maps; lists are replaced whole and keep theirs.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(key, field)| (key.clone(), without_nulls(field)))
                .collect(),
        ),
        other => other.clone(),
    }
}
