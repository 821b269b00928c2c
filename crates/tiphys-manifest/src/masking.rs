//! Secrets without their values.
//!
//! Knows where a Secret's values are: `data`, `stringData`, the last-applied annotation and annotations that the
//! installation calls sensitive. Whoever shows an object calls this first.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The annotation in which `kubectl apply` keeps what was applied last.
pub const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether an object is a core Secret.
pub fn is_secret(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

/// Replaces every value of the given Secrets by a run of `+`. Objects that are no Secrets are left as they are.
///
/// The objects are views of the same Secret (desired, live, predicted …). Per key, equal values get equal runs and
/// each further distinct value a run that is four longer, so that a reader sees what differs and nothing else;
/// lengths say nothing about the values. `stringData` is first merged into `data`. The last-applied annotation is
/// masked with the same table, or replaced whole when it can't be read. `sensitive_annotations` are masked
/// likewise (`resource.sensitive.mask.annotations`).
pub fn mask_secrets(objects: &mut [&mut Value], sensitive_annotations: &[&str]) {
    let mut views: Vec<View<'_>> =
        objects.iter_mut().filter(|object| is_secret(object)).map(|object| View::open(object)).collect();

    let mut keys: BTreeSet<(Place, String)> = BTreeSet::new();
    for view in &views {
        view.keys(sensitive_annotations, &mut keys);
    }
    for (place, key) in &keys {
        let mut runs = Runs::default();
        for view in &mut views {
            for object in view.objects() {
                if let Some(value) = place.map(object).and_then(|map| map.get_mut(key)) {
                    runs.mask(value);
                }
            }
        }
    }
    for view in views {
        view.close();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Data,
    Annotations,
}

impl Place {
    fn map(self, object: &mut Value) -> Option<&mut Map<String, Value>> {
        match self {
            Place::Data => object.get_mut("data"),
            Place::Annotations => {
                object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
            }
        }
        .and_then(Value::as_object_mut)
    }
}

/// One Secret and what its last-applied annotation holds.
struct View<'a> {
    object: &'a mut Value,
    last_applied: Option<Value>,
}

impl<'a> View<'a> {
    fn open(object: &'a mut Value) -> Self {
        merge_string_data(object);
        hide_odd_data(object);
        let annotation = object
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("annotations"))
            .and_then(|annotations| annotations.get_mut(LAST_APPLIED_ANNOTATION));
        let mut last_applied = None;
        if let Some(annotation) = annotation {
            match annotation.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                Some(mut value) if value.is_object() => {
                    merge_string_data(&mut value);
                    hide_odd_data(&mut value);
                    last_applied = Some(value);
                }
                // Text that is not understood may hold a value: nothing of it is shown.
                _ => *annotation = Value::String(Runs::FIRST.to_owned()),
            }
        }
        View { object, last_applied }
    }

    fn objects(&mut self) -> impl Iterator<Item = &mut Value> {
        std::iter::once(&mut *self.object).chain(self.last_applied.as_mut())
    }

    fn keys(&self, sensitive_annotations: &[&str], keys: &mut BTreeSet<(Place, String)>) {
        for object in std::iter::once(&*self.object).chain(self.last_applied.as_ref()) {
            if let Some(data) = object.get("data").and_then(Value::as_object) {
                keys.extend(data.keys().map(|key| (Place::Data, key.clone())));
            }
            if let Some(annotations) = object.pointer("/metadata/annotations").and_then(Value::as_object) {
                let sensitive =
                    annotations.keys().filter(|key| sensitive_annotations.contains(&key.as_str()));
                keys.extend(sensitive.map(|key| (Place::Annotations, key.clone())));
            }
        }
    }

    fn close(self) {
        let Some(last_applied) = self.last_applied else { return };
        if let Some(annotations) = Place::Annotations.map(self.object) {
            // An annotation that was itself called sensitive has been masked by now and stays so.
            let slot = annotations.get_mut(LAST_APPLIED_ANNOTATION);
            if let Some(slot) = slot.filter(|slot| slot.as_str().is_some_and(|text| text.starts_with('{'))) {
                *slot = Value::String(last_applied.to_string());
            }
        }
    }
}

/// `data` that is no object has no keys, and may be a value that slipped to the wrong place.
fn hide_odd_data(secret: &mut Value) {
    if let Some(data) = secret.get_mut("data").filter(|data| !data.is_object() && !data.is_null()) {
        *data = Value::String(Runs::FIRST.to_owned());
    }
}

/// Moves `stringData` into `data`, base64-encoded, as the API server does on write. Where `data` is no object it
/// becomes one. Values that are no strings keep their JSON text, so that they are masked like all others; a
/// `stringData` that is no object is hidden where it is.
pub fn merge_string_data(secret: &mut Value) {
    let Some(object) = secret.as_object_mut() else { return };
    let Some(string_data) = object.get("stringData") else { return };
    if !string_data.is_object() && !string_data.is_null() {
        object.insert("stringData".to_owned(), Value::String(Runs::FIRST.to_owned()));
        return;
    }
    let encoded: Vec<(String, Value)> = string_data
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let plain = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            (key.clone(), Value::String(STANDARD.encode(plain)))
        })
        .collect();
    object.remove("stringData");
    if encoded.is_empty() {
        return;
    }
    let data = object.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    if let Some(data) = data.as_object_mut() {
        data.extend(encoded);
    }
}

/// The runs given out for one key.
#[derive(Default)]
struct Runs {
    given: HashMap<String, String>,
}

impl Runs {
    const FIRST: &'static str = "++++++++";
    const STEP: &'static str = "++++";

    fn mask(&mut self, value: &mut Value) {
        let text = match &*value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let next = format!("{}{}", Self::FIRST, Self::STEP.repeat(self.given.len()));
        *value = Value::String(self.given.entry(text).or_insert(next).clone());
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables read better without a sigil on every value")]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data})
    }

    // covers: DIFF-011
    #[test]
    fn equal_values_get_equal_runs_and_other_values_longer_ones() {
        let mut desired = secret(json!({"a": "b25l", "b": "b25l"}));
        let mut live = secret(json!({"a": "dHdv", "b": "b25l", "c": "dHdv"}));
        mask_secrets(&mut [&mut desired, &mut live], &[]);
        assert_eq!(desired["data"], json!({"a": "++++++++", "b": "++++++++"}));
        assert_eq!(live["data"], json!({"a": "++++++++++++", "b": "++++++++", "c": "++++++++"}));
    }

    // covers: DIFF-011
    #[test]
    fn string_data_is_compared_with_data_by_what_it_encodes_to() {
        let mut desired = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "one"}});
        let mut live = secret(json!({"a": "b25l"}));
        mask_secrets(&mut [&mut desired, &mut live], &[]);
        assert_eq!(desired.get("stringData"), None);
        assert_eq!(desired["data"], live["data"]);
    }

    // covers: DIFF-012
    #[test]
    fn sensitive_annotations_are_masked_and_others_are_not() {
        let mut live = secret(json!({}));
        live["metadata"]["annotations"] = json!({"token": "x", "note": "y"});
        mask_secrets(&mut [&mut live], &["token"]);
        assert_eq!(live["metadata"]["annotations"], json!({"token": "++++++++", "note": "y"}));
    }

    // covers: DIFF-013
    #[test]
    fn no_value_is_left_in_the_last_applied_annotation() {
        let mut live = secret(json!({"a": "bmV3"}));
        let applied = json!({"data": {"a": "b2xk"}, "stringData": {"b": "plain"}}).to_string();
        live["metadata"]["annotations"] = json!({LAST_APPLIED_ANNOTATION: applied});
        mask_secrets(&mut [&mut live], &[]);
        let text = live.to_string();
        for value in ["bmV3", "b2xk", "plain", &STANDARD.encode("plain")] {
            assert!(!text.contains(value), "{value} is shown in {text}");
        }
        assert!(text.contains("++++++++++++"), "the old value differs from the new one: {text}");
    }

    #[test]
    fn a_last_applied_annotation_that_cannot_be_read_is_not_shown() {
        let mut live = secret(json!({}));
        live["metadata"]["annotations"] = json!({LAST_APPLIED_ANNOTATION: "{\"data\": {\"a\": \"c2VjcmV0\""});
        mask_secrets(&mut [&mut live], &[]);
        assert!(!live.to_string().contains("c2VjcmV0"));
    }

    #[test]
    fn values_of_the_wrong_type_are_masked_too() {
        let mut live = secret(json!({"a": {"b": "c2VjcmV0"}, "c": 5}));
        mask_secrets(&mut [&mut live], &[]);
        assert_eq!(live["data"], json!({"a": "++++++++", "c": "++++++++"}));
    }

    #[test]
    fn other_kinds_are_left_alone() {
        let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
        let before = map.clone();
        mask_secrets(&mut [&mut map], &[]);
        assert_eq!(map, before);
    }
}
