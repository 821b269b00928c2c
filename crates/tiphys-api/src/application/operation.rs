//! An operation: what a sync was asked to do, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::ApplicationSource;
use super::spec::{Info, ManagedNamespaceMetadata, RetryStrategy};
use crate::json::{absent, nullable};
use crate::time::Time;
use crate::words::{HookType, OperationPhase, ResultCode, SyncPhase};

/// A request to do something with an application, at the moment always a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Operation {
    /// The sync that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncOperation>,
    /// Who asks.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub initiated_by: OperationInitiator,
    /// Facts that the asker wants to be remembered, such as a reason.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub info: Vec<Info>,
    /// What happens when it fails.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub retry: RetryStrategy,
}

/// What a sync shall do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncOperation {
    /// Revision to sync to; the one that the source tracks when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revision: String,
    /// Objects that left the source are deleted.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub prune: bool,
    /// Nothing is changed, the API server only says what it would do.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub dry_run: bool,
    /// How objects are applied; hooks are run when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<SyncStrategy>,
    /// Only these objects are synced; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources: Vec<SyncOperationResource>,
    /// Source to use instead of the application's, for a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Manifests to apply instead of rendered ones, each a JSON or YAML object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub manifests: Vec<String>,
    /// Options of the form `Key=Value`, on top of the application's.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_options: Vec<String>,
    /// Sources to use instead of the application's.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions to sync to, one for each source.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    /// How many times in a row self-heal has started this sync.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub auto_heal_attempts_count: i64,
}

/// One object picked for a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncOperationResource {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// Name.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Namespace; empty matches the destination's.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
}

/// How objects are applied; with neither set, hooks are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategy {
    /// Objects are applied, hooks are not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<SyncStrategyApply>,
    /// Objects are applied and hooks are run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<SyncStrategyHook>,
}

/// Plain apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategyApply {
    /// An object that cannot be patched is deleted and created again.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force: bool,
}

/// Apply with hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStrategyHook {
    /// An object that cannot be patched is deleted and created again.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force: bool,
}

/// Who started an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationInitiator {
    /// The user's name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub username: String,
    /// Started by automated sync.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub automated: bool,
}

/// An operation that has been started, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationState {
    /// What was asked for.
    #[serde(deserialize_with = "nullable")]
    pub operation: Operation,
    /// How far it is.
    #[serde(deserialize_with = "nullable")]
    pub phase: OperationPhase,
    /// What happened last, in words.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub message: String,
    /// What was done to each object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncOperationResult>,
    /// When it began.
    #[serde(deserialize_with = "nullable")]
    pub started_at: Time,
    /// When it ended; missing while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How many times it was tried again.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub retry_count: i64,
}

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncOperationResult {
    /// One entry for each object and phase.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources: Vec<ResourceResult>,
    /// Revision that was synced.
    #[serde(deserialize_with = "nullable")]
    pub revision: String,
    /// Source that was synced.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub source: ApplicationSource,
    /// Sources that were synced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions that were synced, one for each source.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub revisions: Vec<String>,
    /// Namespace labels and annotations that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// What a sync did to one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceResult {
    /// API group; empty for the core group.
    #[serde(deserialize_with = "nullable")]
    pub group: String,
    /// API version.
    #[serde(deserialize_with = "nullable")]
    pub version: String,
    /// Kind.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(deserialize_with = "nullable")]
    pub namespace: String,
    /// Name.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// How it ended.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub status: ResultCode,
    /// What the API server or the hook said.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub message: String,
    /// Phase that the hook belongs to; empty for an ordinary object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hook_type: HookType,
    /// How far the hook, or the object's health, is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hook_phase: OperationPhase,
    /// Phase of the sync in which it was done.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_phase: SyncPhase,
    /// Container images of the object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub images: Vec<String>,
}
