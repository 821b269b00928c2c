//! The JSON of an answer, made of parts that others hold too: a list of applications is many shared objects and not
//! a copy of each.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

/// A JSON value whose parts may be shared.
#[derive(Debug, Clone)]
pub enum Document {
    /// A value of its own.
    Value(Value),
    /// A value that others hold too.
    Shared(Arc<Value>),
    /// An object, in this order.
    Object(Vec<(Cow<'static, str>, Document)>),
    /// An array.
    Array(Vec<Document>),
}

impl Document {
    /// An object out of its members.
    pub fn object<const N: usize>(members: [(&'static str, Document); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect())
    }

    /// `{}`.
    pub fn empty() -> Self {
        Self::Object(Vec::new())
    }

    /// The JSON text, with the characters that mean something in HTML escaped, as Go's encoder does it: a browser
    /// that mistakes the answer for a page finds nothing to run in it.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, Escaping(CompactFormatter));
        // Writing into memory does not fail, and every key is a string.
        let _infallible = self.serialize(&mut serializer);
        text
    }

    /// The value by itself; copies what is shared.
    pub fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Shared(value) => Arc::unwrap_or_clone(value),
            Self::Object(members) => Value::Object(
                members.into_iter().map(|(key, value)| (key.into_owned(), value.into_value())).collect(),
            ),
            Self::Array(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
        }
    }

    pub(super) fn node(&self) -> Node<'_> {
        match self {
            Self::Value(value) => Node::Value(value),
            Self::Shared(value) => Node::Value(value),
            Self::Object(_) | Self::Array(_) => Node::Document(self),
        }
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Arc<Value>> for Document {
    fn from(value: Arc<Value>) -> Self {
        Self::Shared(value)
    }
}

impl From<&str> for Document {
    fn from(text: &str) -> Self {
        Self::Value(text.into())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Shared(value) => value.as_ref().serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    array.serialize_element(item)?;
                }
                array.end()
            }
        }
    }
}

/// One place in a document, whichever way it is held.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Value(&'a Value),
    Document(&'a Document),
}

impl<'a> Node<'a> {
    pub(super) fn get(self, key: &str) -> Option<Node<'a>> {
        match self {
            Self::Value(value) => value.get(key).map(Node::Value),
            Self::Document(Document::Object(members)) => {
                members.iter().find(|(name, _)| name == key).map(|(_, value)| value.node())
            }
            Self::Document(_) => None,
        }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }

    pub(super) fn is_object(self) -> bool {
        matches!(self, Self::Value(Value::Object(_)) | Self::Document(Document::Object(_)))
    }

    /// The plain value, where it is one.
    pub(super) fn value(self) -> Option<&'a Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Document(_) => None,
        }
    }

    pub(super) fn items(self) -> Option<Vec<Node<'a>>> {
        match self {
            Self::Value(Value::Array(items)) => Some(items.iter().map(Node::Value).collect()),
            Self::Document(Document::Array(items)) => Some(items.iter().map(Document::node).collect()),
            _ => None,
        }
    }

    pub(super) fn members(self) -> Option<Vec<(&'a str, Node<'a>)>> {
        match self {
            Self::Value(Value::Object(members)) => {
                Some(members.iter().map(|(key, value)| (key.as_str(), Node::Value(value))).collect())
            }
            Self::Document(Document::Object(members)) => {
                Some(members.iter().map(|(key, value)| (key.as_ref(), value.node())).collect())
            }
            _ => None,
        }
    }
}

struct Escaping(CompactFormatter);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = tail.chars();
            if let Some(special) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_something_in_html_is_escaped_and_still_the_same_json() {
        let value = json!({"a<b": "<script>&\u{2028}é", "n": 12_345_678_901_i64});
        let text = String::from_utf8(Document::from(value.clone()).to_json()).unwrap_or_default();
        assert_eq!(text, r#"{"a\u003cb":"\u003cscript\u003e\u0026\u2028é","n":12345678901}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
    }
}
