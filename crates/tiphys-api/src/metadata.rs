//! Standard Kubernetes metadata, as far as it is looked at; everything else in it is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{absent, nullable};
use crate::time::Time;

/// Metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Prefix from which the API server makes a name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub generate_name: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Unique id.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub uid: String,
    /// Version of the object, for watches and conditional writes.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_version: String,
    /// How often the spec has changed.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub generation: i64,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Time>,
    /// When its deletion was asked for; missing while nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Time>,
    /// Labels.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
    /// Owners.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub owner_references: Vec<OwnerReference>,
    /// What has to be done before the object may go.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub finalizers: Vec<String>,
    /// Fields that this version does not know, `managedFields` among them.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ObjectMeta {
    /// Returns an annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// Returns a label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    /// Says whether the object is being deleted.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Says whether the object has this finalizer.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|held| held == finalizer)
    }
}

impl JsonSchema for ObjectMeta {
    fn schema_name() -> Cow<'static, str> {
        "ObjectMeta".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // The API server validates metadata itself; a CRD may say no more than this about it.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// An owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// API version of the owner.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner, which is cluster-scoped or in the same namespace.
    pub name: String,
    /// Unique id of the owner.
    pub uid: String,
    /// The owner manages the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// The owner may not go before the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

/// Metadata of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ListMeta {
    /// Version of the list, from which a watch can start.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_version: String,
    /// Where the next page begins; empty at the end.
    #[serde(rename = "continue", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub continue_token: String,
    /// How many items are on the following pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_item_count: Option<i64>,
}

/// A condition on labels; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LabelSelector {
    /// Labels and the values that they must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions that must all hold.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// Label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values, for `In` and `NotIn`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}
