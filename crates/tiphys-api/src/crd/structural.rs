//! From JSON Schema, as it is derived from types, to the structural schema of a CustomResourceDefinition.

use serde_json::{Map, Value, json};

/// Marks a property that is always written and yet may be left out by others.
const OPTIONAL: &str = "x-optional";

/// Keywords whose values are schemas by name, not keywords.
const SCHEMAS_BY_NAME: &[&str] = &["properties"];

/// Turns a derived schema, in which nothing refers to anything, into a structural one.
///
/// `null` beside a type goes (the API server takes a missing field for it), as do keywords that only say what the type
/// is called in Rust and which values are left out. A schema that allows everything becomes one whose content is kept.
pub(super) fn from_json_schema(schema: Value) -> Value {
    let Value::Object(schema) = schema else {
        return json!({ "x-kubernetes-preserve-unknown-fields": true });
    };
    let mut schema = without_null(schema);
    for keyword in ["$schema", "title", "default", OPTIONAL] {
        schema.remove(keyword);
    }
    // Only the sizes that the API server knows; unsigned numbers do not exist there.
    if let Some(description) = schema.get_mut("description") {
        join_lines(description);
    }
    if schema.get("x-kubernetes-int-or-string").is_none() && !says_something(&schema) {
        schema.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
    }
    drop_optional_from_required(&mut schema);
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(keyword).filter(|inner| !inner.is_boolean() || keyword == "items")
        {
            *inner = from_json_schema(inner.take());
        }
    }
    // `additionalProperties: true` is what a flattened map leaves behind; unknown fields are pruned as in Argo CD.
    if schema.get("additionalProperties").is_some_and(Value::is_boolean) {
        schema.remove("additionalProperties");
        let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
        if !schema.contains_key("properties") {
            schema.insert("additionalProperties".into(), anything);
        }
    }
    for keyword in SCHEMAS_BY_NAME {
        if let Some(Value::Object(schemas)) = schema.get_mut(*keyword) {
            for inner in schemas.values_mut() {
                *inner = from_json_schema(inner.take());
            }
        }
    }
    Value::Object(schema)
}

/// Removes the descriptions below a schema, not the one of the schema itself.
pub(super) fn drop_descriptions(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    for (keyword, inner) in schema.iter_mut() {
        match keyword.as_str() {
            "properties" => {
                for property in inner.as_object_mut().into_iter().flat_map(Map::values_mut) {
                    drop_own_description(property);
                    drop_descriptions(property);
                }
            }
            "items" | "additionalProperties" => {
                drop_own_description(inner);
                drop_descriptions(inner);
            }
            _ => {}
        }
    }
}

fn drop_own_description(schema: &mut Value) {
    if let Value::Object(schema) = schema {
        schema.remove("description");
    }
}

/// Takes `null` out of the types and alternatives of a schema, and the single alternative that is left into it.
fn without_null(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|alternative| *alternative != json!({ "type": "null" }));
        if let [only] = alternatives.as_mut_slice() {
            let only = only.take();
            schema.remove("anyOf");
            if let Value::Object(only) = only {
                // What the field says about itself wins over what its type says.
                for (keyword, value) in without_null(only) {
                    schema.entry(keyword).or_insert(value);
                }
            }
        }
    }
    schema
}

fn says_something(schema: &Map<String, Value>) -> bool {
    ["type", "properties", "items", "anyOf", "x-kubernetes-preserve-unknown-fields"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword))
}

fn drop_optional_from_required(schema: &mut Map<String, Value>) {
    let optional: Vec<String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get(OPTIONAL).is_some())
        .map(|(name, _)| name.clone())
        .collect();
    let Some(Value::Array(required)) = schema.get_mut("required") else { return };
    required.retain(|name| name.as_str().is_none_or(|name| !optional.iter().any(|held| held == name)));
    required.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
    if required.is_empty() {
        schema.remove("required");
    }
}

/// Joins the lines of a paragraph, which are only there because source code is wrapped.
fn join_lines(description: &mut Value) {
    if let Value::String(text) = description {
        *text =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
}
