//! Reading one object from JSON, with an error that says which field of which object is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An object could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read {object}: the value at `{path}` is not of the kind that it should be")]
pub struct ReadError {
    /// Kind, namespace and name, as far as the object has them.
    object: String,
    /// Where the value is; empty when it is the object itself.
    path: String,
    #[source]
    source: serde_json::Error,
}

impl ReadError {
    /// Returns where the wrong value is, such as `spec.sources[1].helm.parameters`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Reads an object of this crate.
///
/// # Errors
///
/// When a value is of the wrong kind; the error names the first such value. That concerns this object alone: whoever
/// reads many goes on with the next.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ReadError> {
    T::deserialize(value).map_err(|source| {
        let mut path = Vec::new();
        locate::<T>(value, &mut path);
        ReadError { object: describe(value), path: written(&path), source }
    })
}

#[derive(Clone)]
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

/// Extends `path` to the deepest value that cannot be read.
///
/// Every field may be missing, so an object that holds nothing but one of its values can be read exactly when that
/// value can. The search costs something, but only for objects that are wrong.
fn locate<'a, T: DeserializeOwned>(value: &'a Value, path: &mut Vec<Step<'a>>) {
    let (empty, steps): (Value, Vec<(Step<'a>, &'a Value)>) = match value {
        Value::Object(fields) => (
            Value::Object(Map::new()),
            fields.iter().map(|(name, inner)| (Step::Field(name), inner)).collect(),
        ),
        Value::Array(items) => (
            Value::Array(Vec::new()),
            items.iter().enumerate().map(|(at, inner)| (Step::Item(at), inner)).collect(),
        ),
        _ => return,
    };
    if T::deserialize(alone(path, &empty)).is_err() {
        // No object or list belongs here at all.
        return;
    }
    for (step, inner) in steps {
        path.push(step);
        if T::deserialize(alone(path, inner)).is_err() {
            locate::<T>(inner, path);
            return;
        }
        path.pop();
    }
}

/// Makes an object that holds only the value at a path.
fn alone(path: &[Step<'_>], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, step| match step {
        Step::Field(name) => Value::Object(Map::from_iter([((*name).to_owned(), inner)])),
        Step::Item(_) => Value::Array(vec![inner]),
    })
}

fn written(path: &[Step<'_>]) -> String {
    path.iter().fold(String::new(), |text, step| match step {
        Step::Field(name) if text.is_empty() => (*name).to_owned(),
        Step::Field(name) => format!("{text}.{name}"),
        Step::Item(at) => format!("{text}[{at}]"),
    })
}

fn describe(value: &Value) -> String {
    let field = |pointer| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kind = field("/kind").unwrap_or("object");
    match (field("/metadata/namespace"), field("/metadata/name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        (_, None) => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{AppProject, Application};

    #[test]
    fn an_error_names_the_object_and_the_field() {
        let value = json!({
            "kind": "Application", "metadata": {"namespace": "argocd", "name": "shop"},
            "spec": {
                "destination": {"server": "https://kubernetes.default.svc"},
                "sources": [
                    {"repoURL": "https://git/a"},
                    {"repoURL": "https://git/b", "helm": {"parameters": [{"name": "a"}, {"name": 7}]}},
                ],
                "syncPolicy": {"automated": {"prune": "yes"}},
            },
        });
        let error = read::<Application>(&value).unwrap_err();
        assert_eq!(error.path(), "spec.sources[1].helm.parameters[1].name");
        let text = error.to_string();
        assert!(text.contains("Application argocd/shop") && text.contains(error.path()), "{text}");
    }

    #[test]
    fn something_that_is_no_object_is_an_error_too() {
        for value in
            [json!(7), json!([]), json!("text"), json!({"metadata": 3}), json!({"spec": {"roles": {}}})]
        {
            assert!(read::<AppProject>(&value).is_err(), "{value}");
        }
    }
}
