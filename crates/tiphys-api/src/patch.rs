//! JSON merge patches (RFC 7386) between two states of an object.

use serde::Serialize;
use serde_json::{Map, Value};

/// Computes the merge patch that turns `before` into `after`; `None` when they are written alike.
///
/// Both are written to JSON first. A field that the type does not know is in neither, so the patch leaves it alone. A
/// list that differs is replaced as a whole.
///
/// # Errors
///
/// When one of the values cannot be written as JSON.
pub fn between<T: Serialize>(before: &T, after: &T) -> Result<Option<Value>, serde_json::Error> {
    Ok(merge_patch(&serde_json::to_value(before)?, &serde_json::to_value(after)?))
}

/// Computes the merge patch that turns the JSON `before` into `after`; `None` when they are equal.
#[must_use]
pub fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        let change = match before.get(key) {
            Some(old) => merge_patch(old, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    Some(Value::Object(patch))
}

/// Applies a merge patch to a JSON value.
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            apply(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Application;

    #[test]
    fn a_patch_between_two_values_turns_one_into_the_other() {
        let before = json!({"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": true});
        let after = json!({"a": 1, "b": {"c": [1], "f": {}}, "g": "new"});
        let patch = merge_patch(&before, &after).unwrap();
        assert_eq!(patch, json!({"b": {"c": [1], "d": null, "f": {}}, "e": null, "g": "new"}));
        let mut patched = before;
        apply(&mut patched, &patch);
        assert_eq!(patched, after);
    }

    #[test]
    fn equal_values_need_no_patch() {
        assert_eq!(merge_patch(&json!({"a": [1]}), &json!({"a": [1]})), None);
    }

    #[test]
    fn a_field_that_nobody_here_knows_survives_an_update_at_any_depth() {
        let mut stored = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "fromTheFuture": 1,
            "metadata": {"name": "a", "namespace": "argocd", "fromTheFuture": 2},
            "spec": {"project": "default", "fromTheFuture": 3,
                     "destination": {"server": "https://kubernetes.default.svc", "fromTheFuture": 4},
                     "source": {"repoURL": "https://git/a", "path": "a", "helm": {"fromTheFuture": 5}}},
            "status": {"fromTheFuture": 6, "sync": {"status": "Synced", "fromTheFuture": 7}},
        });
        let before: Application = serde_json::from_value(stored.clone()).unwrap();
        let mut after = before.clone();
        after.status.sync.status = "OutOfSync".into();
        after.spec.destination.namespace = "web".into();
        let patch = between(&before, &after).unwrap().unwrap();
        assert_eq!(
            patch,
            json!({"status": {"sync": {"status": "OutOfSync"}}, "spec": {"destination": {"namespace": "web"}}})
        );
        apply(&mut stored, &patch);
        assert_eq!(stored.to_string().matches("fromTheFuture").count(), 7);
    }
}
