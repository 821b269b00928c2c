//! The content of the last-applied annotation, as Go's JSON writes it.

use serde_json::{Map, Value};
use tiphys_manifest::masking::LAST_APPLIED_ANNOTATION;

/// The content of the last-applied annotation, byte for byte as kubectl writes it: compact JSON with sorted keys, a
/// line end, an `annotations` map even when empty, and without the annotation itself.
pub fn last_applied_annotation(desired: &Value) -> String {
    let mut text = String::new();
    write(desired, &mut text);
    text
}

/// Whether `text` is what [`last_applied_annotation`] gives, without writing it down.
pub(super) fn says(desired: &Value, text: &str) -> bool {
    let mut rest = Rest(Some(text));
    write(desired, &mut rest);
    rest.0 == Some("")
}

/// Where text goes.
trait Sink {
    fn push_str(&mut self, text: &str);
    fn push(&mut self, char: char);
    /// Whether more text changes nothing.
    fn is_done(&self) -> bool;
}

impl Sink for String {
    fn push_str(&mut self, text: &str) {
        String::push_str(self, text);
    }

    fn push(&mut self, char: char) {
        String::push(self, char);
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// What is left of a text that is compared while it is written; nothing once it has differed.
struct Rest<'a>(Option<&'a str>);

impl Sink for Rest<'_> {
    fn push_str(&mut self, text: &str) {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(text));
    }

    fn push(&mut self, char: char) {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(char));
    }

    fn is_done(&self) -> bool {
        self.0.is_none()
    }
}

/// How deep in the object: only its own annotations are special.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Object,
    Metadata,
    Annotations,
    Below,
}

fn write(desired: &Value, out: &mut impl Sink) {
    value(desired, Level::Object, out);
    out.push('\n');
}

fn value(value: &Value, level: Level, out: &mut impl Sink) {
    if out.is_done() {
        return;
    }
    match value {
        Value::Object(fields) => object(fields, level, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                self::value(item, Level::Below, out);
            }
            out.push(']');
        }
        Value::String(text) => quoted(text, out),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&go_float(float)),
            None => out.push_str(&number.to_string()),
        },
        Value::Null if level == Level::Annotations => out.push_str("{}"),
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
    }
}

fn object(fields: &Map<String, Value>, level: Level, out: &mut impl Sink) {
    static NO_ANNOTATIONS: Value = Value::Null;
    let mut entries: Vec<(&str, &Value)> = fields
        .iter()
        .map(|(key, field)| (key.as_str(), field))
        .filter(|(key, _)| level != Level::Annotations || *key != LAST_APPLIED_ANNOTATION)
        .collect();
    if level == Level::Metadata && !fields.contains_key("annotations") {
        entries.push(("annotations", &NO_ANNOTATIONS));
    }
    if !entries.is_sorted_by_key(|(key, _)| *key) {
        entries.sort_by_key(|(key, _)| *key);
    }
    out.push('{');
    for (at, (key, field)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        quoted(key, out);
        out.push(':');
        let below = match (level, key) {
            (Level::Object, "metadata") => Level::Metadata,
            (Level::Metadata, "annotations") => Level::Annotations,
            _ => Level::Below,
        };
        value(field, below, out);
    }
    out.push('}');
}

fn quoted(text: &str, out: &mut impl Sink) {
    out.push('"');
    let mut plain = 0;
    for (at, char) in text.char_indices() {
        let escaped = match char {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            // Characters that could end a script.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + char.len_utf8();
        if escaped.is_empty() {
            out.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            out.push_str(escaped);
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

/// A float as Go's JSON spells it: with an exponent below 1e-6 and from 1e21 on.
fn go_float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => text,
        };
    }
    format!("{value}")
}
