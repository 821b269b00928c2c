//! JSON patches (RFC 6902), applied here and not by the API server because only parts of an Application are a user's to
//! change.

use serde_json::Value;

/// Applies the operations of `patch` in order; the words of the error are for the user.
pub(super) fn apply(document: &mut Value, patch: &Value) -> Result<(), String> {
    let operations = patch.as_array().ok_or("a JSON patch is an array of operations")?;
    for (index, operation) in operations.iter().enumerate() {
        one(document, operation).map_err(|reason| format!("operation {index}: {reason}"))?;
    }
    Ok(())
}

fn one(document: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| {
        operation.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key:?} is missing or no string"))
    };
    let value = || operation.get("value").cloned().ok_or_else(|| "\"value\" is missing".to_owned());
    let path = text("path")?;
    match text("op")? {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let value = value()?;
            *find(document, path)? = value;
            Ok(())
        }
        "move" => {
            let from = text("from")?;
            if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                return Err(format!("{from:?} can't be moved into itself"));
            }
            let value = remove(document, from)?;
            add(document, path, value)
        }
        "copy" => {
            let value = find(document, text("from")?)?.clone();
            add(document, path, value)
        }
        "test" => {
            let expected = value()?;
            if *find(document, path)? == expected {
                Ok(())
            } else {
                Err(format!("{path:?} has another value"))
            }
        }
        other => Err(format!("unknown operation {other:?}")),
    }
}

fn find<'a>(document: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    document.pointer_mut(path).ok_or_else(|| format!("there is nothing at {path:?}"))
}

/// The container of what `path` points at, and the key in it.
fn parent<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (above, key) =
        path.rsplit_once('/').ok_or_else(|| format!("{path:?} is no place in the document"))?;
    Ok((find(document, above)?, key.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(members) => {
            members.insert(key, value);
            Ok(())
        }
        Value::Array(items) => {
            let at = if key == "-" { items.len() } else { index(&key, path)? };
            if at > items.len() {
                return Err(format!("{path:?} is beyond the end of its list"));
            }
            items.insert(at, value);
            Ok(())
        }
        _ => Err(format!("nothing can be added at {path:?}")),
    }
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    let (container, key) = parent(document, path)?;
    let removed = match container {
        Value::Object(members) => members.remove(&key),
        Value::Array(items) => {
            let at = index(&key, path)?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    };
    removed.ok_or_else(|| format!("there is nothing at {path:?}"))
}

fn index(key: &str, path: &str) -> Result<usize, String> {
    let plain = key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    key.parse().ok().filter(|_| plain).ok_or_else(|| format!("{path:?} is no place in a list"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: &Value) -> Result<Value, String> {
        let mut document = json!({"a": {"b/c": 1, "list": [1, 2, 3]}, "d": "e"});
        apply(&mut document, patch)?;
        Ok(document)
    }

    #[test]
    fn operations_are_carried_out_in_order() {
        let patch = json!([
            {"op": "test", "path": "/d", "value": "e"},
            {"op": "add", "path": "/a/list/1", "value": "x"},
            {"op": "add", "path": "/a/list/-", "value": "y"},
            {"op": "remove", "path": "/a/list/0"},
            {"op": "replace", "path": "/a/b~1c", "value": null},
            {"op": "copy", "from": "/d", "path": "/f"},
            {"op": "move", "from": "/d", "path": "/a/g"},
        ]);
        assert_eq!(
            patched(&patch).unwrap(),
            json!({"a": {"b/c": null, "list": ["x", 2, 3, "y"], "g": "e"}, "f": "e"})
        );
    }

    #[test]
    fn what_can_not_be_done_is_named_with_its_place() {
        for (patch, words) in [
            (json!({}), "array"),
            (json!([{"op": "fly", "path": ""}]), "unknown operation"),
            (json!([{"op": "add", "path": "/a"}]), "\"value\""),
            (json!([{"op": "remove", "path": "/nothing"}]), "there is nothing at"),
            (json!([{"op": "remove", "path": ""}]), "no place"),
            (json!([{"op": "add", "path": "/a/list/9", "value": 1}]), "beyond the end"),
            (json!([{"op": "add", "path": "/a/list/01", "value": 1}]), "no place in a list"),
            (json!([{"op": "add", "path": "/d/x", "value": 1}]), "nothing can be added"),
            (json!([{"op": "replace", "path": "/x/y", "value": 1}]), "there is nothing at"),
            (json!([{"op": "move", "from": "/a", "path": "/a/b"}]), "into itself"),
            (json!([{"op": "test", "path": "/d", "value": 1}]), "another value"),
        ] {
            let error = patched(&patch).unwrap_err();
            assert!(error.contains(words), "{patch}: {error}");
        }
    }
}
