//! A specification in its preferred form: the project is named, blocks that say nothing are gone (REC-013).

use serde_json::{Map, Value, json};
use tiphys_api::names::project::DEFAULT_PROJECT;

/// Blocks of a source that mean nothing when they are empty.
const TOOLS: [&str; 4] = ["helm", "kustomize", "directory", "plugin"];

/// The JSON merge patch that brings an Application's specification into its preferred form; `None` when it has it. Works
/// on the raw object, so that fields which nobody here knows stay, also inside lists.
#[must_use]
pub fn normalised_spec_patch(application: &Value) -> Option<Value> {
    let spec = application.get("spec")?.as_object()?;
    let mut patch = Map::new();
    if spec.get("project").and_then(Value::as_str).unwrap_or_default().is_empty() {
        patch.insert("project".to_owned(), json!(DEFAULT_PROJECT));
    }
    // An empty block `automated` inside it switches automated sync on, so only a policy without any block says nothing.
    let is_policy_empty =
        |policy: &Value| is_zero(policy) && policy.get("automated").is_none_or(Value::is_null);
    if spec.get("syncPolicy").is_some_and(is_policy_empty) {
        patch.insert("syncPolicy".to_owned(), Value::Null);
    }
    let sources = spec.get("sources").and_then(Value::as_array).filter(|sources| !sources.is_empty());
    if let Some(sources) = sources {
        let normalised: Vec<Value> = sources.iter().map(without_empty_tools).collect();
        if normalised != *sources {
            patch.insert("sources".to_owned(), Value::Array(normalised));
        }
    } else if let Some(source) = spec.get("source").and_then(Value::as_object) {
        let removed: Map<String, Value> = TOOLS
            .iter()
            .filter(|tool| source.get(**tool).is_some_and(is_zero))
            .map(|tool| ((*tool).to_owned(), Value::Null))
            .collect();
        if !removed.is_empty() {
            patch.insert("source".to_owned(), Value::Object(removed));
        }
    }
    (!patch.is_empty()).then(|| json!({"spec": patch}))
}

fn without_empty_tools(source: &Value) -> Value {
    let mut source = source.clone();
    if let Some(fields) = source.as_object_mut() {
        fields.retain(|key, value| !(TOOLS.contains(&key.as_str()) && is_zero(value)));
    }
    source
}

/// An object in which every field is the zero of its type. A missing block, which is null, is not there to be removed.
fn is_zero(value: &Value) -> bool {
    fn says_nothing(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.values().all(says_nothing),
        }
    }
    value.is_object() && says_nothing(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_and_blocks_that_say_nothing_go() {
        for (spec, expected) in [
            (json!({"project": "p", "source": {"path": "a"}}), None),
            (json!({"source": {"path": "a"}}), Some(json!({"project": "default"}))),
            (
                json!({"project": "p", "syncPolicy": {}, "source": {"helm": {"values": ""}, "kustomize": {"images": ["a"]},
                       "directory": {"recurse": false, "jsonnet": {}}}}),
                Some(json!({"syncPolicy": null, "source": {"helm": null, "directory": null}})),
            ),
            (
                json!({"project": "p", "sources": [{"path": "a", "helm": {}, "fromTheFuture": 1}]}),
                Some(json!({"sources": [{"path": "a", "fromTheFuture": 1}]})),
            ),
        ] {
            let patch = normalised_spec_patch(&json!({"spec": spec}));
            assert_eq!(patch, expected.map(|patch| json!({"spec": patch})), "{spec}");
        }
        assert_eq!(normalised_spec_patch(&json!({})), None);
    }

    #[test]
    fn automated_sync_without_options_says_something() {
        // `automated: {}` switches automated sync on.
        let app = json!({"spec": {"project": "p", "syncPolicy": {"automated": {}}, "source": {}}});
        assert_eq!(normalised_spec_patch(&app), None);
    }
}
