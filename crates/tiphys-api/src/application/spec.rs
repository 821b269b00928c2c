//! What a user asks of an application: sources, destination, sync policy and differences to ignore.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hydrator::SourceHydrator;
use super::source::ApplicationSource;
use crate::json::{absent, nullable};

/// What is deployed, where to, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// The one source; not looked at when `sources` has entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Cluster and namespace that the manifests go to.
    #[serde(deserialize_with = "nullable")]
    pub destination: ApplicationDestination,
    /// Project that the application belongs to; empty means `default`.
    #[serde(deserialize_with = "nullable")]
    pub project: String,
    /// When and how the application is synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// Differences that do not count.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore_differences: Vec<ResourceIgnoreDifferences>,
    /// Facts shown beside the application, such as links.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub info: Vec<Info>,
    /// How many syncs are remembered for rollback; 10 when missing, none for 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i64>,
    /// Several sources whose manifests are put together; wins over `source`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sources: Vec<ApplicationSource>,
    /// Renders into a branch and syncs from there; wins over `source` and `sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<SourceHydrator>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// A cluster, by address or by name, and a namespace in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationDestination {
    /// Address of the cluster's API server; exactly one of `server` and `name` is set.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub server: String,
    /// Namespace of namespaced objects that name none.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Name under which the cluster is registered.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
}

/// When and how an application is synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicy {
    /// Sync without being asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<SyncPolicyAutomated>,
    /// Options of the form `Key=Value`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_options: Vec<String>,
    /// What happens after a sync that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStrategy>,
    /// Labels and annotations of the destination namespace; needs `CreateNamespace=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// Sync without being asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicyAutomated {
    /// Objects that left the source are deleted; false when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Changes made in the cluster are undone; false when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_heal: Option<bool>,
    /// A source without any manifest may prune everything; false when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_empty: Option<bool>,
    /// Switches automated sync off while the block stays; true when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// How often and how soon a failed sync is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RetryStrategy {
    /// Number of tries after the first; 0 for none, negative for no limit.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub limit: i64,
    /// Waiting time between tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// Each try takes the newest revision, not the one of the first try.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub refresh: bool,
}

/// Waiting time between tries: `duration · factor^n`, at most `maxDuration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Backoff {
    /// First waiting time, as a Go duration or whole seconds; 5 seconds when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub duration: String,
    /// By how much each wait is longer than the one before; 2 when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// Longest waiting time; 3 minutes when empty, no limit for 0.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub max_duration: String,
}

/// Labels and annotations of the destination namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedNamespaceMetadata {
    /// Labels of the namespace.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the namespace.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
}

/// Parts of some objects whose difference does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceIgnoreDifferences {
    /// API group of the objects, as a glob; empty for the core group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// Kind of the objects, as a glob.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// Name of the object; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Namespace of the object; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Parts as JSON pointers.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub json_pointers: Vec<String>,
    /// Parts as jq path expressions.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub jq_path_expressions: Vec<String>,
    /// Parts as all fields that these field managers own.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub managed_fields_managers: Vec<String>,
}

/// One fact, such as a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Info {
    /// What it is.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// The fact; a web address becomes a link.
    #[serde(deserialize_with = "nullable")]
    pub value: String,
}
