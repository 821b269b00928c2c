//! What the controller reports about an application.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hydrator::SourceHydratorStatus;
use super::operation::{OperationInitiator, OperationState};
use super::source::ApplicationSource;
use super::spec::{ApplicationDestination, ResourceIgnoreDifferences};
use crate::json::{absent, nullable};
use crate::time::Time;
use crate::words::{
    ApplicationConditionType, ApplicationSourceType, HealthStatusCode, ResourceHealthLocation, SyncStatusCode,
};

/// What is known about an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// The objects that the application manages.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources: Vec<ResourceStatus>,
    /// Whether the cluster equals the source.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub sync: SyncStatus,
    /// Whether the application works.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub health: AppHealthStatus,
    /// Syncs that succeeded, oldest first.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub history: Vec<RevisionHistory>,
    /// What is wrong or worth knowing.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub conditions: Vec<ApplicationCondition>,
    /// When source and cluster were last compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<Time>,
    /// The operation that runs, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// Kept for objects that carry it; no longer written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Time>,
    /// Tool that renders the source.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_type: ApplicationSourceType,
    /// Images and links of the application.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub summary: ApplicationSummary,
    /// Where the health of single objects is kept; empty when it is in `resources`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_health_source: ResourceHealthLocation,
    /// Tools that render the sources, one for each.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_types: Vec<ApplicationSourceType>,
    /// Namespace of the controller that manages the application.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub controller_namespace: String,
    /// What the hydrator did last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<SourceHydratorStatus>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// Whether the cluster equals the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStatus {
    /// The verdict.
    #[serde(deserialize_with = "nullable")]
    pub status: SyncStatusCode,
    /// What the cluster was compared with.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub compared_to: ComparedTo,
    /// Revision that the source resolved to.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revision: String,
    /// Revisions that the sources resolved to, one for each.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revisions: Vec<String>,
}

/// The inputs of a comparison; when they change, the comparison is out of date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ComparedTo {
    /// The source at that time.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub source: ApplicationSource,
    /// The destination at that time.
    #[serde(deserialize_with = "nullable")]
    pub destination: ApplicationDestination,
    /// The sources at that time.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sources: Vec<ApplicationSource>,
    /// The ignored differences at that time.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore_differences: Vec<ResourceIgnoreDifferences>,
}

/// Health of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppHealthStatus {
    /// The verdict.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub status: HealthStatusCode,
    /// Which objects are the cause.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub message: String,
    /// When the verdict last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// Health of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthStatus {
    /// The verdict.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub status: HealthStatusCode,
    /// The reason, in words.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub message: String,
    /// When the verdict last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// One object that the application manages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceStatus {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// API version.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Whether the live object equals the desired one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub status: SyncStatusCode,
    /// The object's health, when it has any and is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// The object is a hook.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hook: bool,
    /// The object left the source and is to be deleted.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub requires_pruning: bool,
    /// Wave in which the object is synced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_wave: i64,
    /// A user has to confirm before the object is deleted.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub requires_deletion_confirmation: bool,
}

/// One sync that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RevisionHistory {
    /// Revision that was synced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revision: String,
    /// When the sync ended.
    #[serde(deserialize_with = "nullable")]
    pub deployed_at: Time,
    /// Number of the entry, counted from 0; a rollback names it.
    #[serde(deserialize_with = "nullable")]
    pub id: i64,
    /// Source that was synced.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub source: ApplicationSource,
    /// When the sync began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<Time>,
    /// Sources that were synced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions that were synced, one for each source.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    /// Who started the sync.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub initiated_by: OperationInitiator,
}

/// Something that is wrong with the application, or worth knowing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationCondition {
    /// What kind of thing.
    #[serde(deserialize_with = "nullable")]
    pub type_: ApplicationConditionType,
    /// What and where, in words.
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// When it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// Images and links of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSummary {
    /// Web addresses under which the application is reached.
    #[serde(rename = "externalURLs", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub external_urls: Vec<String>,
    /// Container images in use, sorted, each once.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub images: Vec<String>,
    /// The application manages other applications.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub is_app_of_apps: bool,
}
