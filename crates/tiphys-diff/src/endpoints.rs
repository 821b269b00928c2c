//! The order within Endpoints, which has no meaning and which the API server makes up.

use serde_json::Value;

/// Sorts addresses, ports and subsets.
pub(crate) fn sort(object: &mut Value) {
    let Some(subsets) = object.get_mut("subsets").and_then(Value::as_array_mut) else { return };
    for subset in subsets.iter_mut() {
        for list in ["addresses", "notReadyAddresses", "ports"] {
            if let Some(items) = subset.get_mut(list).and_then(Value::as_array_mut) {
                items.sort_by_key(Value::to_string);
            }
        }
    }
    subsets.sort_by_key(Value::to_string);
}
