//! One change at a time to an object: every leaf gets another value, and every field goes away once.

use serde_json::{Value, json};

/// A changed object, and what was changed.
pub(crate) struct Mutation {
    pub(crate) what: String,
    pub(crate) object: Value,
}

/// All changes to `object`, outside what names it.
pub(crate) fn mutations(object: &Value) -> Vec<Mutation> {
    let mut pointers = Vec::new();
    collect(object, "", &mut pointers);
    let mut all = Vec::new();
    for pointer in pointers {
        if ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&pointer.as_str()) {
            continue;
        }
        let Some(value) = object.pointer(&pointer) else { continue };
        for other in others(value) {
            let mut changed = object.clone();
            if let Some(place) = changed.pointer_mut(&pointer) {
                *place = other.clone();
            }
            all.push(Mutation { what: format!("{pointer} = {other}"), object: changed });
        }
        if pointer != "/metadata" && pointer != "/metadata/annotations" {
            all.push(Mutation { what: format!("{pointer} removed"), object: without(object, &pointer) });
        }
    }
    all
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                pointers.push(pointer.clone());
                collect(field, &pointer, pointers);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                let pointer = format!("{at}/{position}");
                pointers.push(pointer.clone());
                collect(item, &pointer, pointers);
            }
        }
        _ => {}
    }
}

fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => match number.as_i64() {
            Some(whole) => vec![json!(whole + 1), json!(0)],
            None => vec![json!(number.as_f64().unwrap_or_default() * 2.0)],
        },
        Value::String(text) => {
            let mut others = vec![json!(format!("{text}x"))];
            if text.contains(|char: char| char.is_ascii_digit()) {
                let turned = text.chars().map(|char| match char {
                    '0'..='8' => char::from(u8::try_from(u32::from(char) + 1).unwrap()),
                    '9' => '1',
                    other => other,
                });
                others.push(json!(turned.collect::<String>()));
            }
            if let Some(millis) = text.strip_suffix('m').and_then(|digits| digits.parse::<f64>().ok()) {
                others.push(json!((millis / 1000.0).to_string()));
            }
            if let Some(gibi) = text.strip_suffix("Gi").and_then(|digits| digits.parse::<i64>().ok()) {
                others.push(json!(format!("{}Mi", gibi * 1024)));
            }
            others.push(json!(""));
            others
        }
        Value::Array(items) if items.len() > 1 => {
            let mut reversed = items.clone();
            reversed.reverse();
            vec![json!(reversed), json!([])]
        }
        Value::Array(_) => vec![json!([])],
        Value::Object(_) => vec![json!({})],
        Value::Null => Vec::new(),
    }
}

fn without(object: &Value, pointer: &str) -> Value {
    let mut changed = object.clone();
    let Some((parent, last)) = pointer.rsplit_once('/') else { return changed };
    let last = last.replace("~1", "/").replace("~0", "~");
    match changed.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&last);
        }
        Some(Value::Array(items)) => {
            items.remove(last.parse().unwrap());
        }
        _ => {}
    }
    changed
}
