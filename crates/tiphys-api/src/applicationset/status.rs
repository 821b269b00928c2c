//! What the ApplicationSet controller reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::application::{HealthStatus, ResourceStatus};
use crate::json::{absent, nullable};
use crate::time::Time;

/// What is known about an ApplicationSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetStatus {
    /// How the last run went.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub conditions: Vec<ApplicationSetCondition>,
    /// Progress of a rolling sync, by application.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub application_status: Vec<ApplicationSetApplicationStatus>,
    /// The generated applications, possibly not all.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources: Vec<ResourceStatus>,
    /// How many applications there are in all.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources_count: i64,
    /// Whether the ApplicationSet works.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub health: HealthStatus,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// One condition of an ApplicationSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetCondition {
    /// What it is about: `ErrorOccurred`, `ParametersGenerated`, `ResourcesUpToDate` or
    /// `RolloutProgressing`.
    #[serde(deserialize_with = "nullable")]
    pub type_: String,
    /// The reason, in words.
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// When the status last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// `True`, `False` or `Unknown`.
    #[serde(deserialize_with = "nullable")]
    pub status: String,
    /// The reason, in one word.
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
}

/// Progress of one application in a rolling sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetApplicationStatus {
    /// Name of the application.
    #[serde(deserialize_with = "nullable")]
    pub application: String,
    /// When the status last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// The reason, in words.
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// `Waiting`, `Pending`, `Progressing` or `Healthy`.
    #[serde(deserialize_with = "nullable")]
    pub status: String,
    /// Step that the application belongs to, counted from 1.
    #[serde(deserialize_with = "nullable")]
    pub step: String,
    /// Revisions that are being rolled out.
    #[serde(deserialize_with = "nullable")]
    pub target_revisions: Vec<String>,
}
