//! Reading fields of an untyped object the way a typed one would give them: what is missing is zero, empty or false.
//!
//! Indexing a JSON value with a name never panics: what is not there is null.

use serde_json::Value;

/// A whole number; 0 when missing.
pub(crate) fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// A text; empty when missing.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The items of a list; none when missing.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The condition of that type in `status.conditions`.
pub(crate) fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    items(&object["status"]["conditions"]).iter().find(|condition| condition["type"] == name)
}

/// The object's name.
pub(crate) fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

/// Whether the object's controller has not yet seen its newest specification.
pub(crate) fn is_behind(object: &Value) -> bool {
    int(&object["metadata"]["generation"]) > int(&object["status"]["observedGeneration"])
}
