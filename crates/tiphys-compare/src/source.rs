//! Whether two sources are the same, although one of them has been through the API server.
//!
//! The status is written as a merge patch, in which a null means "remove". So nulls inside values are lost on the way,
//! and a source with such values would look changed for ever.

use serde_json::Value;
use tiphys_api::application::ApplicationSource;

/// Whether two sources render the same, nulls inside values apart.
#[must_use]
pub fn same_source(one: &ApplicationSource, other: &ApplicationSource) -> bool {
    one == other || (has_values(one) || has_values(other)) && without_nulls(one) == without_nulls(other)
}

/// As [`same_source`], for lists.
#[must_use]
pub fn same_sources(one: &[ApplicationSource], other: &[ApplicationSource]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_source(one, other))
}

fn has_values(source: &ApplicationSource) -> bool {
    source.helm.as_ref().is_some_and(|helm| helm.values_object.is_some())
}

/// The source as it comes back when it was written by a merge patch.
pub(crate) fn without_nulls(source: &ApplicationSource) -> ApplicationSource {
    let mut source = source.clone();
    if let Some(values) = source.helm.as_mut().and_then(|helm| helm.values_object.as_mut()) {
        let mut value = Value::Object(std::mem::take(&mut values.0));
        remove_nulls(&mut value);
        if let Value::Object(map) = value {
            values.0 = map;
        }
    }
    source
}

/// A null inside a list is a value of its own and stays.
fn remove_nulls(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, value| !value.is_null());
        map.values_mut().for_each(remove_nulls);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(values: &Value) -> ApplicationSource {
        serde_json::from_value(json!({"repoURL": "u", "helm": {"valuesObject": values}})).unwrap()
    }

    #[test]
    fn a_null_in_values_does_not_make_a_source_another_one() {
        let written = source(&json!({"a": null, "b": {"c": null, "d": [null]}, "e": 1}));
        let read = source(&json!({"b": {"d": [null]}, "e": 1}));
        assert_eq!(without_nulls(&written), read);
        assert!(same_source(&written, &read));
        assert!(!same_source(&written, &source(&json!({"e": 2}))));
        assert!(same_sources(std::slice::from_ref(&written), &[read]));
        assert!(!same_sources(&[written], &[]));
    }
}
