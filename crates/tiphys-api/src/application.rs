//! `Application`: sources, destination and policy that a user asks for, and the status that the controller reports.

mod hydrator;
mod identity;
mod operation;
mod policy;
mod source;
mod spec;
mod status;

pub use hydrator::{
    DrySource, HydrateOperation, HydrateTo, SourceHydrator, SourceHydratorStatus, SuccessfulHydrateOperation,
    SyncSource,
};
pub use operation::{
    Operation, OperationInitiator, OperationState, ResourceResult, SyncOperation, SyncOperationResource,
    SyncOperationResult, SyncStrategy, SyncStrategyApply, SyncStrategyHook,
};
pub use policy::DEFAULT_REVISION_HISTORY_LIMIT;
pub use source::{
    ApplicationSource, ApplicationSourceDirectory, ApplicationSourceHelm, ApplicationSourceJsonnet,
    ApplicationSourceKustomize, ApplicationSourcePlugin, ApplicationSourcePluginParameter, EnvEntry,
    HelmFileParameter, HelmParameter, JsonnetVar, KustomizePatch, KustomizeReplica, KustomizeSelector,
};
pub use spec::{
    ApplicationDestination, ApplicationSpec, Backoff, Info, ManagedNamespaceMetadata,
    ResourceIgnoreDifferences, RetryStrategy, SyncPolicy, SyncPolicyAutomated,
};
pub use status::{
    AppHealthStatus, ApplicationCondition, ApplicationStatus, ApplicationSummary, ComparedTo, HealthStatus,
    ResourceStatus, RevisionHistory, SyncStatus,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{absent, nullable};
use crate::metadata::{ListMeta, ObjectMeta};

/// Something that is deployed from sources to a destination, and kept equal to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Application {
    /// Version of the schema: `argoproj.io/v1alpha1`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `Application`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard object metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// What is deployed, where to, and how.
    #[serde(deserialize_with = "nullable")]
    pub spec: ApplicationSpec,
    /// What is known about the application.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub status: ApplicationStatus,
    /// A request to do something; setting it starts an operation, and it is gone when the operation has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// A list of applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationList {
    /// Version of the schema.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `ApplicationList`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The applications.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<Application>,
}
