//! The JSON of a REST request, brought into the form that handlers rely on: keys in the schema's spelling, values of
//! the schema's types. Keys that the schema does not know stay: they belong to objects whose fields we keep.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::encode::integer;
use super::schema::{CodecError, Field, Kind, Message, Schema, Shape};
use super::special::word;

impl Schema {
    /// Checks `value` against a message and renames keys that differ in case alone, as Go's decoder would take them.
    pub(super) fn admit(&self, message: usize, value: &mut Value) -> Result<(), CodecError> {
        self.admit_message(self.message(message)?, value)
    }

    /// Says which required field is missing, if one is.
    pub(super) fn missing(&self, message: usize, value: &Value) -> Result<Option<&str>, CodecError> {
        Ok(self
            .message(message)?
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.json.as_str())
            .find(|key| value.get(key).is_none_or(Value::is_null)))
    }

    fn admit_message(&self, message: &Message, value: &mut Value) -> Result<(), CodecError> {
        if let Some(special) = message.special {
            return special.fields_of(value).map(drop);
        }
        let object = match value {
            Value::Object(object) => object,
            Value::Null => return Ok(()),
            other => return Err(CodecError::new(format!("expected an object, found {}", word(other)))),
        };
        self.rename(message, object)?;
        for (key, value) in object.iter_mut() {
            if let Some(field) = self.own_or_inlined(message, key)? {
                self.admit_field(field, value).map_err(|error| error.inside(key))?;
            }
        }
        Ok(())
    }

    fn rename(&self, message: &Message, object: &mut Map<String, Value>) -> Result<(), CodecError> {
        let mut renames = Vec::new();
        for key in object.keys() {
            if self.own_or_inlined(message, key)?.is_none()
                && let Some(field) = message.field_by_any_case(key)
                && !field.inline
                && !object.contains_key(&field.json)
            {
                renames.push((key.clone(), field.json.clone()));
            }
        }
        for (from, to) in renames {
            if let Some(value) = object.remove(&from) {
                object.insert(to, value);
            }
        }
        Ok(())
    }

    fn own_or_inlined<'a>(
        &'a self,
        message: &'a Message,
        key: &str,
    ) -> Result<Option<&'a Field>, CodecError> {
        for field in message.fields.iter().filter(|field| field.inline) {
            if let Kind::Message(index) = field.kind
                && let Some(found) = self.own_or_inlined(self.message(index)?, key)?
            {
                return Ok(Some(found));
            }
        }
        Ok(message.field_by_json(key).filter(|field| !field.inline))
    }

    fn admit_field(&self, field: &Field, value: &mut Value) -> Result<(), CodecError> {
        if value.is_null() {
            return Ok(());
        }
        match (field.shape, value) {
            (Shape::Single, value) => self.admit_one(field.kind, value),
            (Shape::Repeated, Value::Array(items)) => {
                items.iter_mut().enumerate().try_for_each(|(index, item)| {
                    self.admit_one(field.kind, item).map_err(|error| error.inside(&index.to_string()))
                })
            }
            (Shape::Map, Value::Object(members)) => members.iter_mut().try_for_each(|(key, value)| {
                self.admit_one(field.kind, value).map_err(|error| error.inside(key))
            }),
            (Shape::Repeated, other) => {
                Err(CodecError::new(format!("expected an array, found {}", word(other))))
            }
            (Shape::Map, other) => Err(CodecError::new(format!("expected an object, found {}", word(other)))),
        }
    }

    fn admit_one(&self, kind: Kind, value: &mut Value) -> Result<(), CodecError> {
        let expected = match (kind, &*value) {
            (Kind::Message(index), _) => return self.admit_message(self.message(index)?, value),
            (Kind::Bool, Value::Bool(_)) | (Kind::String, Value::String(_)) => return Ok(()),
            (Kind::Bytes, Value::String(text)) if STANDARD.decode(text).is_ok() => return Ok(()),
            (
                Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64,
                Value::Number(_) | Value::String(_),
            ) => match integer(value) {
                Some(number) => {
                    *value = number.into();
                    return Ok(());
                }
                None => "a whole number",
            },
            (Kind::Double, Value::Number(_)) => return Ok(()),
            (Kind::Bool, _) => "a boolean",
            (Kind::String, _) => "a string",
            (Kind::Bytes, _) => "a base64 string",
            (Kind::Double, _) => "a number",
            (Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64, _) => "a whole number",
        };
        Err(CodecError::new(format!("expected {expected}, found {}", word(value))))
    }

    /// Puts the text of a path or query parameter at `path` (names of fields with dots between them) into `request`.
    /// Unknown paths are ignored, as grpc-gateway does. A parameter that comes again extends a list and otherwise wins.
    pub(super) fn put_parameter(
        &self,
        message: usize,
        request: &mut Value,
        path: &str,
        text: &str,
    ) -> Result<(), CodecError> {
        let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        let Some(field) = self.message(message)?.field_by_any_case(key) else { return Ok(()) };
        if !request.is_object() {
            *request = Value::Object(Map::new());
        }
        let Value::Object(object) = request else { return Ok(()) };
        match (rest, field.kind, field.shape) {
            (Some(rest), Kind::Message(index), Shape::Single) => {
                let inner = object.entry(field.json.clone()).or_insert(Value::Null);
                self.put_parameter(index, inner, rest, text).map_err(|error| error.inside(&field.json))
            }
            (None, kind, Shape::Single | Shape::Repeated) => {
                let Some(value) = self.parameter(kind, text).map_err(|error| error.inside(&field.json))?
                else {
                    return Ok(());
                };
                if field.shape == Shape::Repeated {
                    let list = object.entry(field.json.clone()).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(items) = list {
                        items.push(value);
                    }
                } else {
                    object.insert(field.json.clone(), value);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn parameter(&self, kind: Kind, text: &str) -> Result<Option<Value>, CodecError> {
        let wrong = |what: &str| CodecError::new(format!("{text:?} is not {what}"));
        Ok(Some(match kind {
            Kind::String | Kind::Bytes => text.into(),
            // The words that Go's strconv accepts.
            Kind::Bool => match text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => true.into(),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => false.into(),
                _ => return Err(wrong("a boolean")),
            },
            Kind::Int32 | Kind::Int64 => text.parse::<i64>().map_err(|_| wrong("a whole number"))?.into(),
            Kind::Uint32 | Kind::Uint64 => text.parse::<u64>().map_err(|_| wrong("a whole number"))?.into(),
            Kind::Double => text.parse::<f64>().map_err(|_| wrong("a number"))?.into(),
            Kind::Message(index) if self.message(index)?.special.is_some() => text.into(),
            Kind::Message(_) => return Ok(None),
        }))
    }
}
