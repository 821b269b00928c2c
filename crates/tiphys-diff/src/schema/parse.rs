//! OpenAPI documents of the API server, versions 3 and 2, into `Types`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tiphys_manifest::Gvk;

use super::{Field, OpenApi, Root, Scalar, Shape, Strategy, Type, TypeId, Types};

const GVK: &str = "x-kubernetes-group-version-kind";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
/// Documents nest schemas a few levels deep between definitions; custom ones may nest them a lot deeper.
const MAX_DEPTH: usize = 200;

pub(super) fn parse(document: &Value) -> OpenApi {
    let definitions = document
        .pointer("/components/schemas")
        .or_else(|| document.get("definitions"))
        .and_then(Value::as_object);
    let patched = kinds_with_strategic_patch(document);
    let mut reader = Reader { definitions, types: Vec::new(), named: HashMap::new() };
    let mut kinds = HashMap::new();
    for (name, schema) in definitions.into_iter().flatten() {
        // What is not an object of its own (options, lists, statuses) is never compared.
        let is_object =
            schema.get("properties").is_some_and(|p| p.get("metadata").is_some() && p.get("items").is_none());
        if !is_object {
            continue;
        }
        for gvk in schema.get(GVK).and_then(Value::as_array).into_iter().flatten().filter_map(gvk) {
            let id = reader.definition(name, 0);
            let strategic = match &patched {
                Some(patched) => patched.contains(&gvk),
                None => is_builtin(name),
            };
            kinds.insert(gvk, Root { id, strategic });
        }
    }
    OpenApi { types: Arc::new(Types(reader.types)), kinds }
}

fn gvk(value: &Value) -> Option<Gvk> {
    let part = |name| value.get(name).and_then(Value::as_str);
    Some(Gvk::new(part("group").unwrap_or_default(), part("version")?, part("kind")?))
}

/// The kinds for which the document's PATCH operations take strategic merge patches; `None` without operations.
fn kinds_with_strategic_patch(document: &Value) -> Option<HashSet<Gvk>> {
    let mut kinds = HashSet::new();
    let mut any = false;
    for operation in document.get("paths")?.as_object()?.values().filter_map(|path| path.get("patch")) {
        let Some(gvk) = operation.get(GVK).and_then(gvk) else { continue };
        any = true;
        let version_3 =
            operation.pointer("/requestBody/content").and_then(|content| content.get(STRATEGIC)).is_some();
        let version_2 = operation
            .get("consumes")
            .and_then(Value::as_array)
            .is_some_and(|types| types.iter().any(|media| media.as_str() == Some(STRATEGIC)));
        if version_3 || version_2 {
            kinds.insert(gvk);
        }
    }
    any.then_some(kinds)
}

/// Whether the API server has a Go type for the definition. Definitions of custom resources are named after their
/// group in reverse, which may also begin with `io.k8s`.
fn is_builtin(name: &str) -> bool {
    ["io.k8s.api.", "io.k8s.apimachinery.", "io.k8s.apiextensions-apiserver.", "io.k8s.kube-aggregator."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

struct Reader<'a> {
    definitions: Option<&'a Map<String, Value>>,
    types: Vec<Type>,
    named: HashMap<&'a str, TypeId>,
}

impl<'a> Reader<'a> {
    fn push(&mut self, ty: Type) -> TypeId {
        self.types.push(ty);
        // Documents are some megabytes at most.
        TypeId::try_from(self.types.len() - 1).unwrap_or(TypeId::MAX)
    }

    fn any(&mut self, builtin: bool) -> TypeId {
        self.push(Type { name: "".into(), builtin, shape: Shape::Any })
    }

    fn definition(&mut self, name: &'a str, depth: usize) -> TypeId {
        if let Some(id) = self.named.get(name) {
            return *id;
        }
        let builtin = is_builtin(name);
        let short: Box<str> = name.rsplit('.').next().unwrap_or_default().into();
        // The place is taken before the fields are read: definitions may hold themselves.
        let id = self.push(Type { name: short, builtin, shape: Shape::Any });
        self.named.insert(name, id);
        if let Some(shape) = well_known(name) {
            self.set_shape(id, shape);
        } else if let Some(schema) = self.definitions.and_then(|definitions| definitions.get(name)) {
            let shape = self.shape(schema, builtin, depth);
            self.set_shape(id, shape);
        }
        id
    }

    fn set_shape(&mut self, id: TypeId, shape: Shape) {
        if let Some(ty) = self.types.get_mut(id as usize) {
            ty.shape = shape;
        }
    }

    fn convert(&mut self, schema: &'a Value, builtin: bool, depth: usize) -> TypeId {
        if depth > MAX_DEPTH {
            return self.any(builtin);
        }
        if let Some(name) = reference(schema) {
            return self.definition(name, depth + 1);
        }
        let shape = self.shape(schema, builtin, depth);
        self.push(Type { name: "".into(), builtin, shape })
    }

    fn shape(&mut self, schema: &'a Value, builtin: bool, depth: usize) -> Shape {
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        match schema.get("type").and_then(Value::as_str) {
            _ if flag("x-kubernetes-int-or-string") => Shape::Any,
            Some("object") => {
                let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
                let preserve = flag("x-kubernetes-preserve-unknown-fields");
                if let Some(additional) = schema.get("additionalProperties").filter(|value| value.is_object())
                {
                    return Shape::Map(self.convert(additional, builtin, depth + 1));
                }
                match properties {
                    Some(properties) => {
                        let fields = self.fields(properties, builtin, depth);
                        let embedded = flag("x-kubernetes-embedded-resource");
                        Shape::Struct { fields, open: preserve || embedded, atomic }
                    }
                    // Built-in types without listed fields hold raw JSON; a custom type without any loses them all.
                    None if preserve || builtin || flag("x-kubernetes-embedded-resource") => Shape::Any,
                    None if schema.get("additionalProperties").is_some() => Shape::Any,
                    None => Shape::Struct { fields: Box::default(), open: false, atomic },
                }
            }
            Some("array") => match schema.get("items") {
                Some(items) => Shape::List(self.convert(items, builtin, depth + 1)),
                None => Shape::Any,
            },
            Some("string") => Shape::Scalar(match schema.get("format").and_then(Value::as_str) {
                Some("byte") => Scalar::Bytes,
                Some("date-time") if builtin => Scalar::Time,
                _ => Scalar::Text,
            }),
            Some("integer" | "number") => Shape::Scalar(Scalar::Number),
            Some("boolean") => Shape::Scalar(Scalar::Boolean),
            _ => Shape::Any,
        }
    }

    fn fields(&mut self, properties: &'a Map<String, Value>, builtin: bool, depth: usize) -> Box<[Field]> {
        let mut fields: Vec<Field> = properties
            .iter()
            .map(|(name, property)| {
                let id = self.convert(property, builtin, depth + 1);
                let text = |key: &str| property.get(key).and_then(Value::as_str);
                let strategy = text("x-kubernetes-patch-strategy").unwrap_or_default();
                let has = |word| strategy.split(',').any(|part| part == word);
                let map_keys = property.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                Field {
                    name: name.as_str().into(),
                    id,
                    strategy: Strategy {
                        merge: has("merge"),
                        replace: has("replace"),
                        retain_keys: has("retainKeys"),
                    },
                    merge_key: text("x-kubernetes-patch-merge-key").map(Box::from),
                    atomic: text("x-kubernetes-map-type") == Some("atomic"),
                    is_set: text("x-kubernetes-list-type") == Some("set"),
                    map_keys: map_keys
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .map(Box::from)
                        .collect(),
                    default: property.get("default").cloned().map(Box::new),
                }
            })
            .collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        fields.into()
    }
}

/// The definition that a schema refers to, also where a default stands beside the reference.
fn reference(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref").or_else(|| match schema.get("allOf")?.as_array()?.as_slice() {
        [only] => only.get("$ref"),
        _ => None,
    })?;
    reference.as_str()?.rsplit('/').next()
}

/// Types whose schema doesn't say what they are.
fn well_known(name: &str) -> Option<Shape> {
    let rest = name.strip_prefix("io.k8s.apimachinery.pkg.")?;
    Some(match rest {
        "api.resource.Quantity" => Shape::Scalar(Scalar::Quantity),
        "apis.meta.v1.Time" | "apis.meta.v1.MicroTime" => Shape::Scalar(Scalar::Time),
        "apis.meta.v1.Duration" => Shape::Scalar(Scalar::Duration),
        "util.intstr.IntOrString" | "apis.meta.v1.FieldsV1" | "runtime.RawExtension" => Shape::Any,
        _ => return None,
    })
}
