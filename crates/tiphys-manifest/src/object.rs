//! One object without a schema: a JSON value that is known to have an identity.
//!
//! Knows `apiVersion`, `kind`, `metadata` and how lists are taken apart. Leaves spec and status to others.

use serde_json::{Map, Value};

use crate::identity::{Gvk, ResourceKey, split_api_version};

/// Why a value is not a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A scalar or a list where an object must be.
    #[error("the document is {found} where a Kubernetes object was expected")]
    NotAnObject {
        /// What the document is instead, with its article: `a list`.
        found: &'static str,
    },
    /// A field without which the object has no identity.
    #[error("{what} has no {field}")]
    Missing {
        /// What is known of the object: its kind and name, or `the object`.
        what: String,
        /// The path of the field.
        field: &'static str,
    },
    /// A field that is there, but is not what it must be.
    #[error("{what}: {field} must be {expected}")]
    WrongType {
        /// What is known of the object: its kind and name, or `the object`.
        what: String,
        /// The path of the field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerReference<'a> {
    /// The owner's `apiVersion`.
    pub api_version: &'a str,
    /// The owner's kind.
    pub kind: &'a str,
    /// The owner's name; it lives in the namespace of the owned object or in none.
    pub name: &'a str,
    /// The owner's uid.
    pub uid: &'a str,
    /// Whether this owner is the managing controller.
    pub controller: bool,
}

/// A Kubernetes object without a schema.
///
/// Always a JSON object with a non-empty `apiVersion` and `kind` and a `metadata` object that has a `name` or a
/// `generateName`. Everything else is as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    value: Value,
}

impl Manifest {
    /// Checks that `value` has an identity.
    ///
    /// # Errors
    /// [`ManifestError`] says which field is missing or of the wrong type, and on what object where that is known.
    pub fn new(value: Value) -> Result<Self, ManifestError> {
        check(&value)?;
        Ok(Manifest { value })
    }

    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The whole object, owned.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Changes fields outside `apiVersion`, `kind` and `metadata`'s identity. The closure's result is checked
    /// again, and the object stays as it was when the check fails.
    ///
    /// # Errors
    /// As [`Manifest::new`].
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) -> Result<(), ManifestError> {
        let mut changed = self.value.clone();
        change(&mut changed);
        check(&changed)?;
        self.value = changed;
        Ok(())
    }

    /// `apiVersion`.
    pub fn api_version(&self) -> &str {
        str_at(&self.value, "apiVersion")
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        str_at(&self.value, "kind")
    }

    /// The group in `apiVersion`; empty for the core group.
    pub fn group(&self) -> &str {
        split_api_version(self.api_version()).0
    }

    /// The version in `apiVersion`.
    pub fn version(&self) -> &str {
        split_api_version(self.api_version()).1
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::from_api_version(self.api_version(), self.kind())
    }

    /// Group, kind, namespace and name. For an object with only a `generateName` the name is empty.
    pub fn key(&self) -> ResourceKey {
        ResourceKey::new(self.group(), self.kind(), self.namespace(), self.name())
    }

    /// `metadata`.
    pub fn metadata(&self) -> &Map<String, Value> {
        metadata(&self.value)
    }

    /// `metadata.name`; empty when there is only a `generateName`.
    pub fn name(&self) -> &str {
        self.metadata_str("name")
    }

    /// `metadata.generateName`; empty when there is none.
    pub fn generate_name(&self) -> &str {
        self.metadata_str("generateName")
    }

    /// `metadata.namespace`; empty when there is none.
    pub fn namespace(&self) -> &str {
        self.metadata_str("namespace")
    }

    /// `metadata.uid`; empty when there is none.
    pub fn uid(&self) -> &str {
        self.metadata_str("uid")
    }

    /// `metadata.resourceVersion`; empty when there is none.
    pub fn resource_version(&self) -> &str {
        self.metadata_str("resourceVersion")
    }

    /// `metadata.deletionTimestamp` as written.
    pub fn deletion_timestamp(&self) -> Option<&str> {
        self.metadata().get("deletionTimestamp").and_then(Value::as_str)
    }

    /// `metadata.creationTimestamp` as written.
    pub fn creation_timestamp(&self) -> Option<&str> {
        self.metadata().get("creationTimestamp").and_then(Value::as_str)
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.metadata()
            .get("finalizers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// `metadata.labels`; values that are no strings are left out.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        strings(self.metadata(), "labels")
    }

    /// `metadata.annotations`; values that are no strings are left out.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        strings(self.metadata(), "annotations")
    }

    /// One label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata().get("labels")?.get(key)?.as_str()
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata().get("annotations")?.get(key)?.as_str()
    }

    /// The owners; entries that lack `kind`, `name` or `uid` are left out.
    pub fn owner_references(&self) -> impl Iterator<Item = OwnerReference<'_>> {
        self.metadata().get("ownerReferences").and_then(Value::as_array).into_iter().flatten().filter_map(
            |entry| {
                Some(OwnerReference {
                    api_version: entry.get("apiVersion").and_then(Value::as_str).unwrap_or_default(),
                    kind: entry.get("kind")?.as_str()?,
                    name: entry.get("name")?.as_str()?,
                    uid: entry.get("uid")?.as_str()?,
                    controller: entry.get("controller").and_then(Value::as_bool).unwrap_or_default(),
                })
            },
        )
    }

    /// Sets one annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set_string("annotations", key, value);
    }

    /// Sets one label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set_string("labels", key, value);
    }

    /// Removes one annotation, and the map when it was the last.
    pub fn remove_annotation(&mut self, key: &str) {
        self.remove_string("annotations", key);
    }

    /// Removes one label, and the map when it was the last.
    pub fn remove_label(&mut self, key: &str) {
        self.remove_string("labels", key);
    }

    /// Sets `metadata.namespace`, or removes it when `namespace` is empty.
    pub fn set_namespace(&mut self, namespace: &str) {
        if let Some(metadata) = metadata_mut(&mut self.value) {
            if namespace.is_empty() {
                metadata.remove("namespace");
            } else {
                metadata.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
            }
        }
    }

    /// Sets `metadata.name` and removes `generateName`: what the API server does when it makes a name up. An empty
    /// name changes nothing.
    pub fn set_name(&mut self, name: &str) {
        if name.is_empty() {
            return;
        }
        if let Some(metadata) = metadata_mut(&mut self.value) {
            metadata.remove("generateName");
            metadata.insert("name".to_owned(), Value::String(name.to_owned()));
        }
    }

    fn metadata_str(&self, field: &str) -> &str {
        self.metadata().get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn set_string(&mut self, map: &str, key: &str, value: &str) {
        let Some(metadata) = metadata_mut(&mut self.value) else { return };
        let entry = metadata.entry(map).or_insert_with(|| Value::Object(Map::new()));
        // `annotations: null` and worse are in manifests in the wild; the API server takes null for no map.
        if !entry.is_object() {
            *entry = Value::Object(Map::new());
        }
        if let Some(entries) = entry.as_object_mut() {
            entries.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    }

    fn remove_string(&mut self, map: &str, key: &str) {
        let Some(metadata) = metadata_mut(&mut self.value) else { return };
        let Some(entries) = metadata.get_mut(map).and_then(Value::as_object_mut) else { return };
        if entries.remove(key).is_some() && entries.is_empty() {
            metadata.remove(map);
        }
    }
}

impl TryFrom<Value> for Manifest {
    type Error = ManifestError;

    fn try_from(value: Value) -> Result<Self, ManifestError> {
        Manifest::new(value)
    }
}

/// Takes lists apart: a value whose `items` is an array (or null, in a kind that ends with `List`) becomes its items, in order, also where lists hold lists.
///
/// As kubectl: the items of a typed list (`ConfigMapList`) that carry neither `apiVersion` nor `kind` get the list's
/// own, without `List`.
pub fn flatten_lists(values: Vec<Value>) -> Vec<Value> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        flatten_into(value, &mut flat);
    }
    flat
}

fn flatten_into(value: Value, flat: &mut Vec<Value>) {
    let Value::Object(mut object) = value else {
        flat.push(value);
        return;
    };
    let is_list = match object.get("items") {
        Some(Value::Array(_)) => true,
        // What Go programs print for a list of nothing.
        Some(Value::Null) => {
            object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        }
        _ => false,
    };
    if !is_list {
        flat.push(Value::Object(object));
        return;
    }
    let Some(Value::Array(items)) = object.remove("items") else { return };
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let item_kind = kind.strip_suffix("List").unwrap_or(kind);
    for mut item in items {
        if !item_kind.is_empty()
            && let Some(fields) = item.as_object_mut()
            && !fields.contains_key("kind")
            && !fields.contains_key("apiVersion")
        {
            fields.insert("kind".to_owned(), Value::String(item_kind.to_owned()));
            fields.insert("apiVersion".to_owned(), Value::String(api_version.to_owned()));
        }
        flatten_into(item, flat);
    }
}

fn check(value: &Value) -> Result<(), ManifestError> {
    let Value::Object(object) = value else {
        return Err(ManifestError::NotAnObject { found: describe(value) });
    };
    let what = || what(value);
    required(object, "kind", "kind", what)?;
    required(object, "apiVersion", "apiVersion", what)?;
    let metadata = match object.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        None | Some(Value::Null) => {
            return Err(ManifestError::Missing { what: what(), field: "metadata.name" });
        }
        Some(_) => {
            return Err(ManifestError::WrongType { what: what(), field: "metadata", expected: "an object" });
        }
    };
    optional(metadata, "namespace", "metadata.namespace", what)?;
    let name = optional(metadata, "name", "metadata.name", what)?;
    let generate_name = optional(metadata, "generateName", "metadata.generateName", what)?;
    if name.is_empty() && generate_name.is_empty() {
        return Err(ManifestError::Missing { what: what(), field: "metadata.name" });
    }
    Ok(())
}

fn required<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    field: &'static str,
    what: impl Fn() -> String,
) -> Result<&'a str, ManifestError> {
    let text = optional(object, key, field, &what)?;
    if text.is_empty() { Err(ManifestError::Missing { what: what(), field }) } else { Ok(text) }
}

fn optional<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    field: &'static str,
    what: impl Fn() -> String,
) -> Result<&'a str, ManifestError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ManifestError::WrongType { what: what(), field, expected: "a string" }),
    }
}

/// What an error can say of a value that may lack half of its identity.
fn what(value: &Value) -> String {
    let kind = str_at(value, "kind");
    let name = value.get("metadata").map(|metadata| str_at(metadata, "name")).unwrap_or_default();
    match (kind, name) {
        ("", "") => "the object".to_owned(),
        ("", name) => format!("the object {name:?}"),
        (kind, "") => format!("the {kind}"),
        (kind, name) => format!("{kind} {name:?}"),
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn str_at<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn metadata(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.get("metadata").and_then(Value::as_object).unwrap_or(&EMPTY)
}

fn metadata_mut(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.get_mut("metadata").and_then(Value::as_object_mut)
}

fn strings<'a>(metadata: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    metadata
        .get(field)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map() -> Manifest {
        Manifest::new(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "labels": {"x": "y", "bad": 1}, "annotations": null}
        }))
        .unwrap()
    }

    #[test]
    fn a_value_without_identity_is_refused_with_the_field_that_is_missing() {
        let error = |value| Manifest::new(value).unwrap_err().to_string();
        assert_eq!(error(json!([])), "the document is a list where a Kubernetes object was expected");
        assert_eq!(error(json!({"metadata": {"name": "a"}})), "the object \"a\" has no kind");
        assert_eq!(error(json!({"kind": "Pod", "metadata": {"name": "a"}})), "Pod \"a\" has no apiVersion");
        assert_eq!(error(json!({"kind": "Pod", "apiVersion": "v1"})), "the Pod has no metadata.name");
        assert_eq!(
            error(json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": 1}})),
            "the Pod: metadata.name must be a string"
        );
        assert_eq!(
            error(json!({"kind": "Pod", "apiVersion": "v1", "metadata": []})),
            "the Pod: metadata must be an object"
        );
    }

    #[test]
    fn a_generate_name_is_enough_of_a_name() {
        let manifest = Manifest::new(
            json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"generateName": "a-"}}),
        )
        .unwrap();
        assert_eq!((manifest.name(), manifest.generate_name()), ("", "a-"));
    }

    #[test]
    fn annotations_can_be_set_where_the_map_was_null() {
        let mut manifest = config_map();
        manifest.set_annotation("k", "v");
        assert_eq!(manifest.annotation("k"), Some("v"));
        manifest.remove_annotation("k");
        assert_eq!(manifest.value().pointer("/metadata/annotations"), None);
    }

    #[test]
    fn labels_that_are_no_strings_are_left_out() {
        assert_eq!(config_map().labels().collect::<Vec<_>>(), [("x", "y")]);
    }

    #[test]
    fn an_empty_namespace_removes_the_field() {
        let mut manifest = config_map();
        manifest.set_namespace("");
        assert_eq!(manifest.key().to_string(), "/ConfigMap:/a");
        assert!(!manifest.metadata().contains_key("namespace"));
    }

    #[test]
    fn lists_are_taken_apart_and_typed_lists_lend_their_kind() {
        let flat = flatten_lists(vec![
            json!({"kind": "List", "apiVersion": "v1", "items": [
                {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}},
                {"kind": "ConfigMapList", "apiVersion": "v1", "items": [{"metadata": {"name": "b"}}]}
            ]}),
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "c"}}),
        ]);
        let keys: Vec<_> = flat.into_iter().map(|v| Manifest::new(v).unwrap().key().to_string()).collect();
        assert_eq!(keys, ["/Pod:/a", "/ConfigMap:/b", "/Pod:/c"]);
    }

    #[test]
    fn an_edit_that_takes_the_identity_away_changes_nothing() {
        let mut manifest = config_map();
        assert!(manifest.edit(|value| *value = json!(1)).is_err());
        assert_eq!(manifest.name(), "a");
        manifest.edit(|value| value["data"] = json!({"a": "b"})).unwrap();
        assert_eq!(manifest.value()["data"]["a"], "b");
    }
}
