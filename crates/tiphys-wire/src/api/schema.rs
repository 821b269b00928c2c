//! What the descriptors say, arranged for encoding and decoding: every message with its fields, every method with
//! its routes. Built once at start.

use std::collections::HashMap;

use prost_reflect::{
    Cardinality, DescriptorPool, FieldDescriptor, Kind as ProtoKind, MessageDescriptor, Value,
};

use super::route::{Route, RouteError};
use super::special::Special;

static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/api.bin"));

/// Why the descriptors can't be used. Every reason is a mistake in the `.proto` files.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The set of descriptors is not one.
    #[error("read the descriptors of the API")]
    Descriptors(#[source] prost_reflect::DescriptorError),
    /// A field has a type that the codec does not know.
    #[error("field {field} has the type {kind}, which the codec does not know")]
    Kind {
        /// Full name of the field.
        field: String,
        /// Its type.
        kind: String,
    },
    /// A route of a method can't be read.
    #[error("method {method}")]
    Route {
        /// Full name of the method.
        method: String,
        /// What is wrong with the route.
        #[source]
        source: RouteError,
    },
    /// One of our own options is not declared.
    #[error("the option {0} is not declared")]
    Option(&'static str),
}

/// A message or a JSON text that can't be turned into the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if path.is_empty() { String::new() } else { format!("field {path}: ") })]
pub struct CodecError {
    /// Where, as JSON keys with dots between them; empty for the message itself.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl CodecError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    pub(super) fn inside(mut self, key: &str) -> Self {
        self.path = if self.path.is_empty() { key.to_owned() } else { format!("{key}.{}", self.path) };
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Double,
    String,
    Bytes,
    Message(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    Repeated,
    /// From strings to the field's kind.
    Map,
}

#[derive(Debug)]
pub(super) struct Field {
    pub number: u32,
    pub json: String,
    pub kind: Kind,
    pub shape: Shape,
    pub required: bool,
    /// A zero is written: proto2's optional fields.
    pub presence: bool,
    pub packed: bool,
    pub inline: bool,
    pub nullable: bool,
    pub keep_empty: bool,
}

#[derive(Debug)]
pub(super) struct Message {
    pub name: String,
    pub special: Option<Special>,
    /// By ascending number.
    pub fields: Vec<Field>,
    by_json: HashMap<String, usize>,
    by_lower_json: HashMap<String, usize>,
}

impl Message {
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        let index = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(index)
    }

    pub(super) fn field_by_json(&self, key: &str) -> Option<&Field> {
        self.by_json.get(key).and_then(|index| self.fields.get(*index))
    }

    /// As Go's decoder finds a field: the exact name, or the name in any case.
    pub(super) fn field_by_any_case(&self, key: &str) -> Option<&Field> {
        self.field_by_json(key)
            .or_else(|| self.by_lower_json.get(&key.to_lowercase()).and_then(|index| self.fields.get(*index)))
    }
}

/// One method of the API.
#[derive(Debug)]
pub struct Method {
    /// `application.ApplicationService`.
    pub service: String,
    /// `List`.
    pub name: String,
    /// The caller sends several messages.
    pub client_streaming: bool,
    /// The answer is a stream.
    pub server_streaming: bool,
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) routes: Vec<Route>,
}

impl Method {
    /// `/application.ApplicationService/List`, the path of a gRPC call.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service, self.name)
    }

    /// What kind of call it is, in the word that gRPC's metrics use.
    pub fn kind(&self) -> &'static str {
        match (self.client_streaming, self.server_streaming) {
            (false, false) => "unary",
            (false, true) => "server_stream",
            (true, false) => "client_stream",
            (true, true) => "bidi_stream",
        }
    }
}

/// Every message and method of the API for users.
#[derive(Debug)]
pub struct Schema {
    pub(super) messages: Vec<Message>,
    by_name: HashMap<String, usize>,
    methods: Vec<Method>,
}

struct Options {
    inline: prost_reflect::ExtensionDescriptor,
    nullable: prost_reflect::ExtensionDescriptor,
    keep_empty: prost_reflect::ExtensionDescriptor,
    rest: prost_reflect::ExtensionDescriptor,
}

impl Schema {
    /// Reads the descriptors that this crate was built with.
    pub fn load() -> Result<Self, SchemaError> {
        let pool = Self::descriptor_pool()?;
        let option = |name: &'static str| pool.get_extension_by_name(name).ok_or(SchemaError::Option(name));
        let options = Options {
            inline: option("tiphys.wire.v1.inline")?,
            nullable: option("tiphys.wire.v1.nullable")?,
            keep_empty: option("tiphys.wire.v1.keep_empty")?,
            rest: option("tiphys.wire.v1.rest")?,
        };
        let descriptors: Vec<MessageDescriptor> = pool.all_messages().filter(is_of_the_api).collect();
        let by_name: HashMap<String, usize> = descriptors
            .iter()
            .enumerate()
            .map(|(index, message)| (message.full_name().to_owned(), index))
            .collect();
        let mut messages = Vec::with_capacity(descriptors.len());
        for descriptor in &descriptors {
            messages.push(message(descriptor, &by_name, &options)?);
        }
        let mut methods = Vec::new();
        for service in pool.services() {
            for method in service.methods() {
                let mut routes = Vec::new();
                if let Value::List(lines) = method.options().get_extension(&options.rest).as_ref() {
                    for line in lines.iter().filter_map(Value::as_str) {
                        routes.push(Route::parse(line).map_err(|source| SchemaError::Route {
                            method: method.full_name().to_owned(),
                            source,
                        })?);
                    }
                }
                let index = |message: &MessageDescriptor| {
                    by_name.get(message.full_name()).copied().ok_or_else(|| SchemaError::Kind {
                        field: method.full_name().to_owned(),
                        kind: message.full_name().to_owned(),
                    })
                };
                methods.push(Method {
                    service: service.full_name().to_owned(),
                    name: method.name().to_owned(),
                    client_streaming: method.is_client_streaming(),
                    server_streaming: method.is_server_streaming(),
                    input: index(&method.input())?,
                    output: index(&method.output())?,
                    routes,
                });
            }
        }
        Ok(Self { messages, by_name, methods })
    }

    /// The descriptors themselves, for reflection and for comparing with other implementations.
    pub fn descriptor_pool() -> Result<DescriptorPool, SchemaError> {
        DescriptorPool::decode(DESCRIPTORS).map_err(SchemaError::Descriptors)
    }

    /// Every method, in the order of the files.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Full names of every message.
    pub fn message_names(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().map(|message| message.name.as_str())
    }

    pub(super) fn message(&self, index: usize) -> Result<&Message, CodecError> {
        self.messages.get(index).ok_or_else(|| CodecError::new("there is no such message"))
    }

    pub(super) fn index_of(&self, name: &str) -> Result<usize, CodecError> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| CodecError::new(format!("the API has no message {name}")))
    }
}

/// The descriptors of descriptors come with the options; no method speaks of them.
fn is_of_the_api(message: &MessageDescriptor) -> bool {
    let library = message.full_name().starts_with("google.protobuf.");
    !message.is_map_entry() && (!library || message.full_name() == "google.protobuf.Empty")
}

fn message(
    descriptor: &MessageDescriptor,
    by_name: &HashMap<String, usize>,
    options: &Options,
) -> Result<Message, SchemaError> {
    let mut fields = Vec::new();
    for source in descriptor.fields() {
        fields.push(field(&source, by_name, options)?);
    }
    fields.sort_by_key(|field| field.number);
    let index = |key: fn(&str) -> String| {
        fields.iter().enumerate().map(|(index, field)| (key(&field.json), index)).collect()
    };
    let by_json = index(str::to_owned);
    let by_lower_json = index(str::to_lowercase);
    Ok(Message {
        name: descriptor.full_name().to_owned(),
        special: Special::of(descriptor.full_name()),
        fields,
        by_json,
        by_lower_json,
    })
}

fn field(
    source: &FieldDescriptor,
    by_name: &HashMap<String, usize>,
    options: &Options,
) -> Result<Field, SchemaError> {
    let of_value = match source.kind() {
        ProtoKind::Message(entry) if source.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let kind = match &of_value {
        ProtoKind::Bool => Kind::Bool,
        ProtoKind::Int32 => Kind::Int32,
        ProtoKind::Int64 => Kind::Int64,
        ProtoKind::Uint32 => Kind::Uint32,
        ProtoKind::Uint64 => Kind::Uint64,
        ProtoKind::Double => Kind::Double,
        ProtoKind::String => Kind::String,
        ProtoKind::Bytes => Kind::Bytes,
        ProtoKind::Message(message) if by_name.contains_key(message.full_name()) => {
            Kind::Message(by_name[message.full_name()])
        }
        other => {
            return Err(SchemaError::Kind {
                field: source.full_name().to_owned(),
                kind: format!("{other:?}"),
            });
        }
    };
    let flag = |option| source.options().get_extension(option).as_bool().unwrap_or(false);
    // A name of the reference's JSON is the name in the file unless the file says otherwise. (`json_name` itself can't
    // tell the two apart: without an explicit one it is computed, and the computation changes names with underscores.)
    let computed = camel(source.name());
    let json = if source.json_name() == computed { source.name() } else { source.json_name() };
    Ok(Field {
        number: source.number(),
        json: json.to_owned(),
        kind,
        shape: match source.cardinality() {
            _ if source.is_map() => Shape::Map,
            Cardinality::Repeated => Shape::Repeated,
            Cardinality::Optional | Cardinality::Required => Shape::Single,
        },
        required: source.cardinality() == Cardinality::Required,
        presence: source.supports_presence(),
        packed: source.is_packed(),
        inline: flag(&options.inline),
        nullable: flag(&options.nullable),
        keep_empty: flag(&options.keep_empty),
    })
}

/// The JSON name that protobuf computes for a field name.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else if std::mem::take(&mut up) {
            camel.extend(c.to_uppercase());
        } else {
            camel.push(c);
        }
    }
    camel
}
