//! Protobuf to JSON. What comes in here was sent by anybody: any bytes give a value or an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::schema::{CodecError, Field, Kind, Message, Schema, Shape};
use super::special::{Fields, Special};

/// How deep messages may be nested. The API's own nest about a dozen deep.
const MAX_DEPTH: usize = 64;

impl Schema {
    /// The JSON of the protobuf message `name`. Numbers that the message does not have are skipped. Zeroes are left
    /// out unless the field says that a zero differs from nothing.
    pub fn decode(&self, name: &str, bytes: &[u8]) -> Result<Value, CodecError> {
        self.decode_index(self.index_of(name)?, bytes)
    }

    pub(super) fn decode_index(&self, message: usize, bytes: &[u8]) -> Result<Value, CodecError> {
        let value = self.read_message(self.message(message)?, bytes, 0)?;
        Ok(value.unwrap_or(Value::Null))
    }

    /// `None` for a special message that means nothing.
    fn read_message(
        &self,
        message: &Message,
        bytes: &[u8],
        depth: usize,
    ) -> Result<Option<Value>, CodecError> {
        if depth > MAX_DEPTH {
            return Err(CodecError::new("messages are nested too deeply"));
        }
        if let Some(special) = message.special {
            return special.json_of(&read_special(special, bytes)?);
        }
        let mut object = Map::new();
        self.read_into(message, bytes, depth, &mut object)?;
        Ok(Some(Value::Object(object)))
    }

    fn read_into(
        &self,
        message: &Message,
        bytes: &[u8],
        depth: usize,
        object: &mut Map<String, Value>,
    ) -> Result<(), CodecError> {
        for field in &message.fields {
            if field.keep_empty {
                let empty = if field.shape == Shape::Map {
                    Value::Object(Map::new())
                } else {
                    Value::Array(Vec::new())
                };
                object.insert(field.json.clone(), empty);
            }
        }
        let mut reader = Reader(bytes);
        while let Some((number, raw)) = reader.next()? {
            if let Some(field) = message.field(number) {
                self.read_field(field, &raw, depth, object).map_err(|error| error.inside(&field.json))?;
            }
        }
        for field in message.fields.iter().filter(|field| field.required && !field.inline) {
            if !object.contains_key(&field.json) && !matches!(field.kind, Kind::Message(_)) {
                return Err(CodecError::new("it is required and missing").inside(&field.json));
            }
        }
        Ok(())
    }

    fn read_field(
        &self,
        field: &Field,
        raw: &Raw<'_>,
        depth: usize,
        object: &mut Map<String, Value>,
    ) -> Result<(), CodecError> {
        match field.shape {
            Shape::Single => {
                if let (Kind::Message(index), true) = (field.kind, field.inline) {
                    return self.read_into(self.message(index)?, raw.bytes()?, depth + 1, object);
                }
                match self.read_one(field.kind, raw, depth)? {
                    Some(value) if field.nullable || field.required || !is_zero(&value) => {
                        match (object.get_mut(&field.json), value) {
                            // A message that comes in parts is the sum of them.
                            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
                            (_, value) => {
                                object.insert(field.json.clone(), value);
                            }
                        }
                    }
                    _ => {
                        // The last value counts, also when it is a zero.
                        object.remove(&field.json);
                    }
                }
            }
            Shape::Repeated => {
                let place = object.entry(field.json.clone()).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(items) = place else { return Ok(()) };
                match (field.kind, raw) {
                    (Kind::String | Kind::Bytes | Kind::Message(_), _)
                    | (_, Raw::Varint(_) | Raw::Fixed64(_)) => {
                        items.push(self.read_one(field.kind, raw, depth)?.unwrap_or(Value::Null));
                    }
                    (kind, Raw::Bytes(packed)) => {
                        let mut reader = Reader(packed);
                        while !reader.0.is_empty() {
                            let raw = match kind {
                                Kind::Double => Raw::Fixed64(reader.fixed64()?),
                                _ => Raw::Varint(reader.varint()?),
                            };
                            items.push(self.read_one(kind, &raw, depth)?.unwrap_or(Value::Null));
                        }
                    }
                    (_, Raw::Fixed32) => return Err(CodecError::new("the wire type is not the field's")),
                }
            }
            Shape::Map => {
                let mut key = String::new();
                let mut value = None;
                let mut reader = Reader(raw.bytes()?);
                while let Some((number, part)) = reader.next()? {
                    match number {
                        1 => key = text(&part)?,
                        2 => value = self.read_one(field.kind, &part, depth)?,
                        _ => {}
                    }
                }
                let value = match value {
                    Some(value) => value,
                    None => match field.kind {
                        Kind::String | Kind::Bytes => "".into(),
                        Kind::Bool => false.into(),
                        Kind::Message(_) => Value::Null,
                        _ => 0.into(),
                    },
                };
                let place = object.entry(field.json.clone()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(members) = place {
                    members.insert(key, value);
                }
            }
        }
        Ok(())
    }

    fn read_one(&self, kind: Kind, raw: &Raw<'_>, depth: usize) -> Result<Option<Value>, CodecError> {
        Ok(Some(match kind {
            Kind::Message(index) => return self.read_message(self.message(index)?, raw.bytes()?, depth + 1),
            Kind::String => text(raw)?.into(),
            Kind::Bytes => STANDARD.encode(raw.bytes()?).into(),
            Kind::Bool => (raw.varint()? != 0).into(),
            #[expect(clippy::cast_possible_truncation, reason = "protobuf cuts to 32 bits")]
            Kind::Int32 => (raw.varint()?.cast_signed() as i32).into(),
            Kind::Int64 => raw.varint()?.cast_signed().into(),
            #[expect(clippy::cast_possible_truncation, reason = "protobuf cuts to 32 bits")]
            Kind::Uint32 => (raw.varint()? as u32).into(),
            Kind::Uint64 => raw.varint()?.into(),
            Kind::Double => match raw {
                Raw::Fixed64(bits) => serde_json::Number::from_f64(f64::from_bits(*bits))
                    .map(Value::Number)
                    .ok_or_else(|| CodecError::new("the number is not finite"))?,
                _ => return Err(CodecError::new("the wire type is not the field's")),
            },
        }))
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn read_special(special: Special, bytes: &[u8]) -> Result<Fields, CodecError> {
    let (first, second, text) = special.numbers();
    let mut fields = Fields::default();
    let mut reader = Reader(bytes);
    while let Some((number, raw)) = reader.next()? {
        if number == first {
            fields.first = raw.varint()?.cast_signed();
        } else if number == second {
            fields.second = raw.varint()?.cast_signed();
        } else if number == text {
            fields.bytes = raw.bytes()?.to_vec();
        }
    }
    Ok(fields)
}

fn text(raw: &Raw<'_>) -> Result<String, CodecError> {
    String::from_utf8(raw.bytes()?.to_vec()).map_err(|_| CodecError::new("the text is not UTF-8"))
}

enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Raw<'a> {
    fn varint(&self) -> Result<u64, CodecError> {
        match self {
            Self::Varint(value) => Ok(*value),
            _ => Err(CodecError::new("the wire type is not the field's")),
        }
    }

    fn bytes(&self) -> Result<&'a [u8], CodecError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(CodecError::new("the wire type is not the field's")),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(u32, Raw<'a>)>, CodecError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0);
        let number = number.ok_or_else(|| CodecError::new("a field number is out of range"))?;
        let raw = match tag & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(self.fixed64()?),
            2 => {
                let length = self.varint()?;
                Raw::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                Raw::Fixed32
            }
            _ => return Err(CodecError::new("a wire type is not known")),
        };
        Ok(Some((number, raw)))
    }

    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().unwrap_or(&0);
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::new("a number is longer than 64 bits"))
    }

    fn fixed64(&mut self) -> Result<u64, CodecError> {
        let mut bits = [0; 8];
        bits.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(bits))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| CodecError::new("the message is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }
}
