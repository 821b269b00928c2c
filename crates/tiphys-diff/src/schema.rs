//! What the merge and the comparison need to know of a kind's fields.
//!
//! Much smaller than the OpenAPI document it is read from: no descriptions, no validation. Reading is `parse`'s;
//! what the fields' defaults are beyond the document is `defaults`'.

mod parse;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tiphys_manifest::Gvk;

/// The schemas of one OpenAPI document: one group and version (`/openapi/v3/apis/apps/v1`), or all of them (v2).
#[derive(Debug, Clone)]
pub struct OpenApi {
    types: Arc<Types>,
    kinds: HashMap<Gvk, Root>,
}

#[derive(Debug, Clone, Copy)]
struct Root {
    id: TypeId,
    strategic: bool,
}

impl OpenApi {
    /// Reads an OpenAPI document, version 3 or 2. What is not understood is left out: the kinds it concerns are
    /// then compared without a schema.
    pub fn parse(document: &Value) -> Self {
        parse::parse(document)
    }

    /// The schema of one kind; `None` when the document has none.
    pub fn schema(&self, gvk: &Gvk) -> Option<MergeSchema> {
        let root = self.kinds.get(gvk)?;
        Some(MergeSchema { types: self.types.clone(), root: root.id, strategic: root.strategic })
    }

    /// The kinds that have a schema.
    pub fn kinds(&self) -> impl Iterator<Item = &Gvk> {
        self.kinds.keys()
    }
}

/// The schema of one kind. A clone shares everything.
#[derive(Debug, Clone)]
pub struct MergeSchema {
    types: Arc<Types>,
    root: TypeId,
    strategic: bool,
}

impl MergeSchema {
    /// Whether the API server takes strategic merge patches for this kind; custom resources take JSON merge patches.
    pub fn is_strategic(&self) -> bool {
        self.strategic
    }

    pub(crate) fn view(&self) -> Option<View<'_>> {
        self.types.view(self.root)
    }

    /// As [`MergeSchema::view`], with lists merged as in a server-side apply.
    pub(crate) fn server_side_view(&self) -> Option<View<'_>> {
        self.view().map(|view| View { server_side: true, ..view })
    }
}

pub(crate) type TypeId = u32;

#[derive(Debug, Default)]
pub(crate) struct Types(Vec<Type>);

impl Types {
    fn view(&self, id: TypeId) -> Option<View<'_>> {
        self.0.get(id as usize).map(|ty| View { types: self, ty, server_side: false })
    }
}

#[derive(Debug)]
pub(crate) struct Type {
    /// The last part of the definition's name (`Container`); empty for types without a name.
    pub(crate) name: Box<str>,
    /// Whether the API server decodes it into a type of its own, which drops what it doesn't know and what is zero.
    pub(crate) builtin: bool,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything; compared as it is.
    Any,
    Scalar(Scalar),
    /// Known fields, sorted by name. Others are dropped by the server unless `open`.
    Struct {
        fields: Box<[Field]>,
        open: bool,
        /// `x-kubernetes-map-type: atomic`: a server-side apply replaces it whole.
        atomic: bool,
    },
    /// Free keys with values of one type.
    Map(TypeId),
    List(TypeId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Bytes,
    Number,
    Boolean,
    Quantity,
    Time,
    Duration,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    id: TypeId,
    pub(crate) strategy: Strategy,
    /// `x-kubernetes-patch-merge-key`.
    pub(crate) merge_key: Option<Box<str>>,
    /// `x-kubernetes-list-map-keys`: what server-side apply tells items apart by.
    pub(crate) map_keys: Box<[Box<str>]>,
    /// `x-kubernetes-map-type: atomic`: a server-side apply replaces the map whole.
    pub(crate) atomic: bool,
    /// `x-kubernetes-list-type: set`.
    pub(crate) is_set: bool,
    /// The default in the document.
    pub(crate) default: Option<Box<Value>>,
}

/// `x-kubernetes-patch-strategy`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strategy {
    pub(crate) merge: bool,
    pub(crate) replace: bool,
    pub(crate) retain_keys: bool,
}

/// A type within its document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    types: &'a Types,
    pub(crate) ty: &'a Type,
    server_side: bool,
}

/// What is known of a place: its type, and its field when it is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slot<'a> {
    pub(crate) view: Option<View<'a>>,
    pub(crate) field: Option<&'a Field>,
    server_side: bool,
}

impl<'a> View<'a> {
    fn other(self, id: TypeId) -> Option<View<'a>> {
        self.types.view(id).map(|view| View { server_side: self.server_side, ..view })
    }

    pub(crate) fn slot(self, key: &str) -> Slot<'a> {
        match &self.ty.shape {
            Shape::Struct { fields, .. } => {
                let found = fields.binary_search_by(|field| field.name.as_ref().cmp(key)).ok();
                let field = found.and_then(|at| fields.get(at));
                let view = field.and_then(|field| self.other(field.id));
                Slot { view, field, server_side: self.server_side }
            }
            Shape::Map(element) => {
                Slot { view: self.other(*element), field: None, server_side: self.server_side }
            }
            Shape::Any | Shape::Scalar(_) | Shape::List(_) => {
                Slot { server_side: self.server_side, ..Slot::default() }
            }
        }
    }

    pub(crate) fn element(self) -> Option<View<'a>> {
        match self.ty.shape {
            Shape::List(element) => self.other(element),
            _ => None,
        }
    }

    pub(crate) fn is_server_side(self) -> bool {
        self.server_side
    }

    /// Whether it is a map or a struct, of which managers may own parts.
    pub(crate) fn is_merged(self) -> bool {
        matches!(self.ty.shape, Shape::Struct { atomic: false, .. } | Shape::Map(_))
    }

    pub(crate) fn is_struct(self) -> bool {
        matches!(self.ty.shape, Shape::Struct { .. })
    }

    /// Whether the server drops the field.
    pub(crate) fn drops(self, key: &str) -> bool {
        match &self.ty.shape {
            Shape::Struct { fields, open: false, .. } => {
                fields.binary_search_by(|field| field.name.as_ref().cmp(key)).is_err()
            }
            _ => false,
        }
    }
}

impl<'a> Slot<'a> {
    /// A place that is no field: the whole object, or an item of a list.
    pub(crate) fn at(view: Option<View<'a>>) -> Self {
        Slot { view, field: None, server_side: view.is_some_and(View::is_server_side) }
    }

    pub(crate) fn of(view: Option<View<'a>>, key: &str) -> Self {
        view.map_or(Slot::default(), |view| view.slot(key))
    }

    pub(crate) fn strategy(self) -> Strategy {
        let Some(field) = self.field else { return Strategy::default() };
        if !self.server_side {
            return field.strategy;
        }
        let atomic =
            self.view.is_some_and(|view| matches!(view.ty.shape, Shape::Struct { atomic: true, .. }));
        Strategy {
            merge: field.is_set || !field.map_keys.is_empty(),
            replace: atomic || field.atomic,
            retain_keys: false,
        }
    }

    /// The key by which the items of this list are told apart in a merge.
    pub(crate) fn merge_key(self) -> Option<&'a str> {
        let field = self.field?;
        match (self.server_side, &*field.map_keys) {
            (true, [only]) => Some(only),
            (true, _) => None,
            (false, _) => field.merge_key.as_deref().filter(|_| field.strategy.merge),
        }
    }

    /// Whether the list's items are told apart by more than one key.
    pub(crate) fn has_several_keys(self) -> bool {
        self.server_side && self.field.is_some_and(|field| field.map_keys.len() > 1)
    }
}
