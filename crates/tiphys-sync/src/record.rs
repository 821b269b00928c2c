//! What is written about an operation: its start, its progress and its end, as patches of the Application.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::{
    ApplicationSource, ManagedNamespaceMetadata, Operation, OperationState, RevisionHistory,
    SyncOperationResult,
};
use tiphys_api::patch;
use tiphys_api::time::Time;
use tiphys_api::words::OperationPhase;

use crate::retry::{Conclusion, Next};

/// The state of an operation that has just been accepted.
pub fn begin(operation: &Operation, now: DateTime<Utc>) -> OperationState {
    OperationState {
        operation: operation.clone(),
        phase: OperationPhase::Running,
        started_at: Time::new(now),
        ..OperationState::default()
    }
}

/// What an operation syncs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned {
    /// The revisions that the sources resolved to, in the order of the sources.
    pub revisions: Vec<String>,
    /// The sources that were rendered.
    pub sources: Vec<ApplicationSource>,
    /// Whether the application has several sources, so that the plural fields are used.
    pub is_multi_source: bool,
    /// Labels and annotations of the destination namespace.
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// Writes down what is synced. Retries and restarts use the same revisions ([`pinned_revisions`]).
pub fn pin(state: &mut OperationState, pinned: Pinned) {
    let resources = state.sync_result.take().map(|result| result.resources).unwrap_or_default();
    let mut result = SyncOperationResult {
        resources,
        managed_namespace_metadata: pinned.managed_namespace_metadata,
        ..SyncOperationResult::default()
    };
    if pinned.is_multi_source {
        result.sources = pinned.sources;
        result.revisions = pinned.revisions;
    } else {
        result.source = pinned.sources.into_iter().next().unwrap_or_default();
        result.revision = pinned.revisions.into_iter().next().unwrap_or_default();
    }
    state.sync_result = Some(result);
}

/// The revisions that an operation is bound to; `None` when it has not resolved any yet, or is to take the newest.
pub fn pinned_revisions(state: &OperationState) -> Option<Vec<String>> {
    let result = state.sync_result.as_ref()?;
    if !result.revisions.is_empty() {
        Some(result.revisions.clone())
    } else {
        Some(vec![result.revision.clone()]).filter(|_| !result.revision.is_empty())
    }
}

/// The merge patch that stores the state of a running operation; `None` when it is stored already. With `fence`, the
/// patch holds only for the version of the Application that was read.
pub fn progress_patch(application: &Application, state: &OperationState, fence: bool) -> Option<Value> {
    let before =
        application.status.operation_state.as_ref().and_then(|state| serde_json::to_value(state).ok());
    let after = serde_json::to_value(state).ok()?;
    let change = patch::merge_patch(&before.unwrap_or_else(|| json!({})), &after)?;
    let mut patch = json!({"status": {"operationState": change}});
    if fence {
        fence_with(&mut patch, application);
    }
    Some(patch)
}

/// Whether the end of this operation is on record, so that a patch whose answer was lost is not sent again.
pub fn is_recorded(application: &Application, state: &OperationState) -> bool {
    let recorded = application.status.operation_state.as_ref();
    application.operation.is_none()
        && recorded
            .is_some_and(|recorded| recorded.started_at == state.started_at && recorded.phase.is_completed())
}

/// The one merge patch that ends an operation: its record, the removal of `operation`, and the history entry of a
/// full sync that succeeded. It holds only for the version of the Application that was read, so the entry can't be
/// written twice. After a failure that is to be retried it stores the record alone.
pub fn terminal_patch(application: &Application, conclusion: &Conclusion) -> Value {
    let state = &conclusion.state;
    let mut patch = progress_patch(application, state, false).unwrap_or_else(|| json!({}));
    if conclusion.next == Next::Done {
        patch["operation"] = Value::Null;
        if let Some(history) = history(application, state) {
            patch["status"]["history"] = history;
        }
    }
    fence_with(&mut patch, application);
    patch
}

fn fence_with(patch: &mut Value, application: &Application) {
    let version = &application.metadata.resource_version;
    if !version.is_empty() {
        patch["metadata"] = json!({"resourceVersion": version});
    }
}

/// The history with the entry of this operation; `None` when it adds none. Entries of unknown shape are not lost: the
/// list is the typed one that was read, and its length is bounded by the application's limit.
fn history(application: &Application, state: &OperationState) -> Option<Value> {
    let entry = history_entry(&application.status.history, state)?;
    let limit = application.spec.history_limit();
    let mut history = application.status.history.clone();
    history.push(entry);
    let surplus = history.len().saturating_sub(limit);
    history.drain(..surplus);
    serde_json::to_value(history).ok()
}

/// The history entry of an operation: only of a full sync (no picked resources, no dry run) that succeeded.
pub fn history_entry(history: &[RevisionHistory], state: &OperationState) -> Option<RevisionHistory> {
    let sync = state.operation.sync.as_ref()?;
    if state.phase != OperationPhase::Succeeded || sync.dry_run || sync.is_partial() {
        return None;
    }
    let result = state.sync_result.as_ref()?;
    let id = history.iter().map(|entry| entry.id).max().map_or(0, |last| last + 1);
    Some(RevisionHistory {
        id,
        revision: result.revision.clone(),
        revisions: result.revisions.clone(),
        source: result.source.clone(),
        sources: result.sources.clone(),
        deployed_at: state.finished_at.unwrap_or(state.started_at),
        deploy_started_at: Some(state.started_at),
        initiated_by: state.operation.initiated_by.clone(),
    })
}

#[cfg(test)]
mod tests;
