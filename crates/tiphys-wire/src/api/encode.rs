//! JSON to protobuf.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::document::{Document, Node};
use super::schema::{CodecError, Field, Kind, Message, Schema, Shape};
use super::special::{Special, word};

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

impl Schema {
    /// The protobuf message `name` for this JSON. Keys that the message does not have are left out, required fields
    /// that are missing get their zero.
    pub fn encode(&self, name: &str, document: &Document) -> Result<Vec<u8>, CodecError> {
        self.encode_index(self.index_of(name)?, document)
    }

    pub(super) fn encode_index(&self, message: usize, document: &Document) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::with_capacity(256);
        self.write_message(self.message(message)?, document.node(), &mut out)?;
        Ok(out)
    }

    fn write_message(&self, message: &Message, node: Node<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if let Some(special) = message.special {
            return write_special(special, node, out);
        }
        if !node.is_object() && !node.is_null() {
            return Err(unexpected("an object", node));
        }
        for field in &message.fields {
            if field.inline {
                self.write_inlined(field, node, out)?;
                continue;
            }
            match node.get(&field.json) {
                Some(value) if !value.is_null() => {
                    self.write_field(field, value, out).map_err(|error| error.inside(&field.json))?;
                }
                _ if field.required => write_zero(field, out),
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields of an inlined message stand in the same object; it is there when one of them is.
    fn write_inlined(&self, field: &Field, node: Node<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let Kind::Message(index) = field.kind else { return Ok(()) };
        let message = self.message(index)?;
        if self.touches(message, node)? {
            tag(field.number, LENGTH, out);
            nested(out, |out| self.write_message(message, node, out))?;
        }
        Ok(())
    }

    fn touches(&self, message: &Message, node: Node<'_>) -> Result<bool, CodecError> {
        for field in &message.fields {
            let is_there = match field.kind {
                Kind::Message(index) if field.inline => self.touches(self.message(index)?, node)?,
                _ => node.get(&field.json).is_some_and(|value| !value.is_null()),
            };
            if is_there {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn write_field(&self, field: &Field, node: Node<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
        match field.shape {
            Shape::Single => {
                let begin = out.len();
                let zero = self.write_one(field.number, field.kind, node, out)?;
                if zero && !field.presence && !field.required {
                    out.truncate(begin);
                }
            }
            Shape::Repeated => {
                let items = node.items().ok_or_else(|| unexpected("an array", node))?;
                if field.packed && !matches!(field.kind, Kind::String | Kind::Bytes | Kind::Message(_)) {
                    if !items.is_empty() {
                        tag(field.number, LENGTH, out);
                        nested(out, |out| {
                            for item in &items {
                                scalar(field.kind, *item, out)?;
                            }
                            Ok(())
                        })?;
                    }
                } else {
                    for (index, item) in items.iter().enumerate() {
                        self.write_one(field.number, field.kind, *item, out)
                            .map_err(|error| error.inside(&index.to_string()))?;
                    }
                }
            }
            Shape::Map => {
                for (key, value) in node.members().ok_or_else(|| unexpected("an object", node))? {
                    tag(field.number, LENGTH, out);
                    nested(out, |out| {
                        tag(1, LENGTH, out);
                        bytes(key.as_bytes(), out);
                        self.write_one(2, field.kind, value, out).map(drop)
                    })
                    .map_err(|error| error.inside(key))?;
                }
            }
        }
        Ok(())
    }

    /// Writes tag and value; says whether the value is its type's zero.
    fn write_one(
        &self,
        number: u32,
        kind: Kind,
        node: Node<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, CodecError> {
        match kind {
            Kind::Message(index) => {
                let message = self.message(index)?;
                tag(number, LENGTH, out);
                nested(out, |out| self.write_message(message, node, out))?;
                Ok(false)
            }
            Kind::String | Kind::Bytes => {
                tag(number, LENGTH, out);
                scalar(kind, node, out)
            }
            Kind::Double => {
                tag(number, FIXED64, out);
                scalar(kind, node, out)
            }
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                tag(number, VARINT, out);
                scalar(kind, node, out)
            }
        }
    }
}

fn write_special(special: Special, node: Node<'_>, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let value = node.value().ok_or_else(|| unexpected("a plain value", node))?;
    let fields = special.fields_of(value)?;
    let (first, second, text) = special.numbers();
    for (number, value) in [(first, fields.first), (second, fields.second)] {
        if number != 0 && value != 0 {
            tag(number, VARINT, out);
            varint(value.cast_unsigned(), out);
        }
    }
    if text != 0 && !fields.bytes.is_empty() {
        tag(text, LENGTH, out);
        bytes(&fields.bytes, out);
    }
    Ok(())
}

fn scalar(kind: Kind, node: Node<'_>, out: &mut Vec<u8>) -> Result<bool, CodecError> {
    let value = node.value().ok_or_else(|| unexpected("a plain value", node))?;
    let wrong = |what: &str| CodecError::new(format!("expected {what}, found {}", word(value)));
    match kind {
        Kind::Bool => {
            let flag = value.as_bool().ok_or_else(|| wrong("a boolean"))?;
            varint(u64::from(flag), out);
            Ok(!flag)
        }
        Kind::Int32 | Kind::Int64 => {
            let number = integer(value).ok_or_else(|| wrong("a whole number"))?;
            if kind == Kind::Int32 && i32::try_from(number).is_err() {
                return Err(CodecError::new(format!("{number} does not fit into 32 bits")));
            }
            varint(number.cast_unsigned(), out);
            Ok(number == 0)
        }
        Kind::Uint32 | Kind::Uint64 => {
            let number = value.as_u64().ok_or_else(|| wrong("a whole number from 0"))?;
            varint(number, out);
            Ok(number == 0)
        }
        Kind::Double => {
            let number = value.as_f64().ok_or_else(|| wrong("a number"))?;
            out.extend_from_slice(&number.to_le_bytes());
            Ok(number == 0.0)
        }
        Kind::String => {
            let text = value.as_str().ok_or_else(|| wrong("a string"))?;
            bytes(text.as_bytes(), out);
            Ok(text.is_empty())
        }
        Kind::Bytes => {
            let text = value.as_str().ok_or_else(|| wrong("a base64 string"))?;
            let content = STANDARD.decode(text).map_err(|_| CodecError::new("it is not base64"))?;
            bytes(&content, out);
            Ok(content.is_empty())
        }
        Kind::Message(_) => Err(CodecError::new("a message is not a plain value")),
    }
}

/// A whole number; also in quotes, as other JSON dialects of protobuf write 64 bits.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn write_zero(field: &Field, out: &mut Vec<u8>) {
    match field.kind {
        Kind::String | Kind::Bytes | Kind::Message(_) => {
            tag(field.number, LENGTH, out);
            out.push(0);
        }
        Kind::Double => {
            tag(field.number, FIXED64, out);
            out.extend_from_slice(&[0; 8]);
        }
        Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
            tag(field.number, VARINT, out);
            out.push(0);
        }
    }
}

fn unexpected(what: &str, node: Node<'_>) -> CodecError {
    let found = match node {
        Node::Value(value) => word(value),
        Node::Document(Document::Array(_)) => "an array",
        Node::Document(_) => "an object",
    };
    CodecError::new(format!("expected {what}, found {found}"))
}

fn tag(number: u32, wire_type: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | wire_type), out);
}

pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(content: &[u8], out: &mut Vec<u8>) {
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Writes what `write` writes with its length before it.
fn nested(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<(), CodecError> {
    let begin = out.len();
    write(out)?;
    let mut length = Vec::with_capacity(5);
    varint((out.len() - begin) as u64, &mut length);
    out.splice(begin..begin, length);
    Ok(())
}
