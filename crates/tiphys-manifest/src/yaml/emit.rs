//! JSON as YAML, in the shape that `kubectl get -o yaml` prints.
//!
//! Keys are sorted, lists start at their key's column, text of several lines becomes a literal block. Every string
//! that a YAML 1.1 reader would take for something else is quoted, so that reading back gives the same value.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::resolve::{Resolved, resolve};

/// One document, with a line end at its end and without a separator.
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(&mut out, fields, 0),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        other => {
            scalar(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, fields: &Map<String, Value>, indent: usize) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|(key, _)| key.as_str());
    for (at, (key, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            spaces(out, indent);
        }
        text(out, key, indent, true);
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                spaces(out, indent + 2);
                mapping(out, inner, indent + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                spaces(out, indent);
                sequence(out, items, indent);
            }
            other => {
                out.push(' ');
                scalar(out, other, indent + 2);
                out.push('\n');
            }
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            spaces(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => mapping(out, inner, indent + 2),
            Value::Array(inner) if !inner.is_empty() => sequence(out, inner, indent + 2),
            other => {
                scalar(out, other, indent + 2);
                out.push('\n');
            }
        }
    }
}

fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(value) => text(out, value, indent, false),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn text(out: &mut String, text: &str, indent: usize, is_key: bool) {
    if text.chars().any(needs_escape) {
        double_quoted(out, text);
    } else if text.contains('\n') {
        if is_key || !fits_block(text) { double_quoted(out, text) } else { block(out, text, indent) }
    } else if is_plain(text) {
        out.push_str(text);
    } else if text.contains('\t') || (is_key && text.len() > 100) || is_mistaken(text) {
        double_quoted(out, text);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

/// Characters that a reader would refuse, fold or take for a line end.
fn needs_escape(char: char) -> bool {
    match char {
        '\n' | '\t' => false,
        '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        '\u{fffe}' | '\u{ffff}' => true,
        char => char.is_control(),
    }
}

/// Whether a literal block keeps the text: its first line must show the indentation, and no line may hold nothing
/// but blanks, which editors strip.
fn fits_block(text: &str) -> bool {
    !text.starts_with([' ', '\n', '\t'])
        && text.lines().all(|line| line.is_empty() || !line.trim_end().is_empty())
        && !text.lines().any(|line| line.starts_with('\t') || line.ends_with(['\t', ' ']))
}

fn block(out: &mut String, text: &str, indent: usize) {
    let trailing = text.len() - text.trim_end_matches('\n').len();
    out.push_str(match trailing {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(out, indent.max(2));
            out.push_str(line);
        }
    }
}

/// Whether a reader would take the text for a number, a boolean or nothing. Go's writer puts such text into double
/// quotes, and text that is only hard to read into single ones.
fn is_mistaken(text: &str) -> bool {
    text.is_empty() || resolve(text) != Resolved::Text || looks_like_base_60(text)
}

/// Whether the text can stand without quotes and be read back as text, in block and flow context.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if is_mistaken(text) {
        return false;
    }
    if matches!(text, "=" | "<<" | "---" | "...") || text.starts_with("---") || text.starts_with("...") {
        return false;
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.ends_with(':') || text.contains('\t') {
        return false;
    }
    if matches!(
        first,
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
    ) {
        return false;
    }
    if matches!(first, '-' | '?' | ':') && text.chars().nth(1).is_none_or(|second| second == ' ') {
        return false;
    }
    !text.contains(": ") && !text.contains(" #")
}

/// `1:30` is text to kubectl and a number to other readers of YAML 1.1.
fn looks_like_base_60(text: &str) -> bool {
    text.contains(':')
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'_' | b'+' | b'-'))
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            char if needs_escape(char) => {
                let code = u32::from(char);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse_one;
    use super::*;

    #[test]
    fn output_has_the_shape_that_kubectl_prints() {
        let value =
            json!({"b": [{"x": 1, "y": []}, [1, 2], "s"], "a": {"k": "v", "e": {}}, "t": "one\ntwo\n"});
        assert_eq!(
            emit(&value),
            "a:\n  e: {}\n  k: v\nb:\n- x: 1\n  \"y\": []\n- - 1\n  - 2\n- s\nt: |\n  one\n  two\n"
        );
        let quoted = json!({"a": "", "b": "1", "c": "true", "d": "x: y", "e": "#", "f": "1:30"});
        assert_eq!(emit(&quoted), "a: \"\"\nb: \"1\"\nc: \"true\"\nd: 'x: y'\ne: '#'\nf: \"1:30\"\n");
    }

    #[test]
    fn every_string_reads_back_as_the_same_string() {
        let texts = [
            "",
            " ",
            "yes",
            "No",
            "on",
            "~",
            "null",
            "0644",
            "0o644",
            "0x1f",
            "1e3",
            "1_000",
            ".5",
            "08",
            ".inf",
            "2001-01-01",
            "2001-01-01T00:00:00Z",
            "1:30",
            "12:30:45",
            "a: b",
            "a #b",
            "#a",
            "- a",
            "-",
            "-a",
            "?",
            "? a",
            ":",
            ":a",
            "a:",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "'",
            "\"",
            "it's",
            "{a}",
            "[a]",
            "a,b",
            "a\nb",
            "a\nb\n",
            "a\n\n",
            "\na",
            " a\nb",
            "a \nb",
            "a\n\tb",
            "\t",
            "a\tb",
            "a\r\nb",
            "\u{85}",
            "\u{2028}x",
            "\u{feff}",
            "\u{1}",
            "---",
            "--- a",
            "...",
            "=",
            "<<",
            "y",
            "é",
            "😀",
            "a\\b",
            "null\n",
            "\n",
            "\n\n",
            "a  b",
            "true ",
            "0b11",
            "+1",
            "-.5",
            "#",
            "a\n#b\n",
            "a\n---\nb\n",
            "a\n \nb",
        ];
        for text in texts {
            let value = json!({"k": text, text: "v", "l": [text, {"n": text}, [text]]});
            let yaml = emit(&value);
            assert_eq!(parse_one(yaml.as_bytes()).unwrap(), value, "{yaml}");
            assert_eq!(parse_one(emit(&json!(text)).as_bytes()).unwrap(), json!(text));
        }
    }

    #[test]
    fn numbers_read_back_as_the_same_numbers() {
        for number in [json!(0), json!(-5), json!(1.5), json!(1e30), json!(i64::MAX), json!(1e-9)] {
            assert_eq!(parse_one(emit(&json!([number])).as_bytes()).unwrap(), json!([number]));
        }
    }
}
