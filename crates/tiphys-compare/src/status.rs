//! The status of an application after a comparison, and the patch that writes it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::{
    AppHealthStatus, ApplicationCondition, ApplicationSource, ApplicationStatus, ApplicationSummary,
    ComparedTo, HealthStatus, ResourceStatus, SyncStatus,
};
use tiphys_api::patch;
use tiphys_api::time::Time;
use tiphys_api::words::ApplicationConditionType::{
    InvalidSpecError, OrphanedResourceWarning, SyncError, UnknownError,
};
use tiphys_api::words::{ApplicationSourceType, HealthStatusCode, ResourceHealthLocation, SyncStatusCode};

use crate::autosync::AutoSync;
use crate::comparison::{ComparedResource, Comparison};
use crate::conditions::{COMPARISON_CONDITIONS, condition, set_conditions};
use crate::messages;
use crate::refresh::CompareLevel;
use crate::source::{same_source, same_sources, without_nulls};

/// What a status is made of.
pub struct StatusInput<'a> {
    /// The application with the status before.
    pub app: &'a Application,
    /// What was found.
    pub comparison: &'a Comparison,
    /// The sources that were compared.
    pub sources: &'a [ApplicationSource],
    /// How thoroughly.
    pub level: CompareLevel,
    /// Images and links, from the tree.
    pub summary: ApplicationSummary,
    /// What automated sync decided; `None` when it was not asked, because a sync window forbids it.
    pub autosync: Option<&'a AutoSync>,
    /// The condition about objects that nobody manages; `None` when there are none, or nobody wants to know.
    pub orphaned: Option<ApplicationCondition>,
    /// Namespace of the control plane.
    pub control_namespace: &'a str,
    /// Health of single objects is written too (`controller.resource.health.persist`).
    pub persist_resource_health: bool,
    /// The time.
    pub now: DateTime<Utc>,
}

/// The status after a comparison. What a comparison does not decide (history, operation, hydrator, unknown fields) stays.
#[must_use]
pub fn status_of(input: &StatusInput<'_>) -> ApplicationStatus {
    let StatusInput { app, comparison, now, .. } = *input;
    let before = &app.status;
    let mut status = before.clone();
    status.resources = comparison
        .resources
        .iter()
        .map(|resource| resource_status(resource, input.persist_resource_health))
        .collect();
    status.sync = sync_status(input);
    status.resource_health_source = if input.persist_resource_health {
        ResourceHealthLocation::default()
    } else {
        ResourceHealthLocation::AppTree
    };
    status.health = health_status(
        before,
        comparison.health.clone(),
        &comparison.health_message,
        input.persist_resource_health,
        now,
    );
    let mut decided = COMPARISON_CONDITIONS.to_vec();
    decided.push(OrphanedResourceWarning);
    let mut conditions = comparison.conditions.clone();
    conditions.extend(input.orphaned.clone());
    if let Some(autosync) = input.autosync {
        decided.push(SyncError);
        if let AutoSync::Refused(condition) = autosync {
            conditions.push(condition.clone());
        }
    }
    status.conditions = set_conditions(&before.conditions, conditions, &decided, now);
    if before.reconciled_at.is_none() || input.level >= CompareLevel::Latest {
        status.reconciled_at = Some(Time::new(now));
    }
    if comparison.render.is_some() {
        let types = comparison.source_types.iter().map(|tool| ApplicationSourceType::from(tool.as_str()));
        if app.spec.has_multiple_sources() {
            status.source_type = ApplicationSourceType::default();
            status.source_types = types.collect();
        } else {
            status.source_type = types.into_iter().next().unwrap_or_default();
            status.source_types = Vec::new();
        }
    }
    status.summary = input.summary.clone();
    input.control_namespace.clone_into(&mut status.controller_namespace);
    status
}

/// The status of an application that cannot be compared because of what it asks for. Objects and history stay on
/// record.
#[must_use]
pub fn invalid_status(
    before: &ApplicationStatus,
    conditions: Vec<ApplicationCondition>,
    now: DateTime<Utc>,
) -> ApplicationStatus {
    let mut status = before.clone();
    status.sync.status = SyncStatusCode::Unknown;
    status.health = health_status(before, HealthStatusCode::Unknown, "", true, now);
    status.conditions =
        set_conditions(&before.conditions, conditions, &[InvalidSpecError, UnknownError], now);
    status
}

/// The status that is written when the API server refused the wanted one for its size: the one before, and why.
#[must_use]
pub fn too_large_status(before: &ApplicationStatus, now: DateTime<Utc>) -> ApplicationStatus {
    let mut status = before.clone();
    let why = vec![condition(UnknownError, messages::STATUS_TOO_LARGE)];
    status.conditions = set_conditions(&before.conditions, why, &[UnknownError], now);
    status
}

/// The JSON merge patch that turns the Application's status `before` into `after`, both as JSON; `None` when they are
/// alike. Fields that neither names are left alone, lists are replaced whole.
#[must_use]
pub fn status_patch(before: &Value, after: &Value) -> Option<Value> {
    patch::merge_patch(before, after).map(|patch| json!({"status": patch}))
}

fn resource_status(resource: &ComparedResource, with_health: bool) -> ResourceStatus {
    let key = &resource.key;
    ResourceStatus {
        group: key.group().to_owned(),
        version: resource.gvk.version.to_string(),
        kind: key.kind().to_owned(),
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        status: resource.status.clone(),
        health: resource.health.as_ref().filter(|_| with_health && resource.counts()).map(|health| {
            HealthStatus {
                status: health.status.clone(),
                message: health.message.clone().unwrap_or_default(),
                last_transition_time: None,
            }
        }),
        hook: resource.is_hook(),
        requires_pruning: resource.requires_pruning,
        sync_wave: resource.wave,
        requires_deletion_confirmation: resource.requires_deletion_confirmation,
    }
}

fn sync_status(input: &StatusInput<'_>) -> SyncStatus {
    let StatusInput { app, comparison, .. } = *input;
    let before = &app.status.sync;
    let mut compared_to = ComparedTo {
        destination: app.spec.destination.clone(),
        ignore_differences: app.spec.ignore_differences.clone(),
        ..ComparedTo::default()
    };
    let mut sources: Vec<ApplicationSource> = input.sources.iter().map(without_nulls).collect();
    let mut revisions = comparison.revisions.clone();
    if app.spec.has_multiple_sources() {
        if comparison.render.is_none() && same_sources(&sources, &before.compared_to.sources) {
            revisions.clone_from(&before.revisions);
        }
        compared_to.sources = sources;
        return SyncStatus {
            status: comparison.sync_status.clone(),
            compared_to,
            revision: String::new(),
            revisions,
        };
    }
    let source = if sources.is_empty() { ApplicationSource::default() } else { sources.swap_remove(0) };
    // A source that could not be rendered now was rendered before: its last revision is still worth knowing.
    let revision = match revisions.into_iter().next() {
        Some(revision) => revision,
        None if same_source(&source, &before.compared_to.source) => before.revision.clone(),
        None => String::new(),
    };
    compared_to.source = source;
    SyncStatus { status: comparison.sync_status.clone(), compared_to, revision, revisions: Vec::new() }
}

/// The message tells what caused the last change of health; while the health stays, it stays too, so that a rollout with
/// a hundred steps is not a hundred writes.
fn health_status(
    before: &ApplicationStatus,
    status: HealthStatusCode,
    message: &str,
    message_is_current: bool,
    now: DateTime<Utc>,
) -> AppHealthStatus {
    if before.health.status != status {
        return AppHealthStatus {
            status,
            message: message.to_owned(),
            last_transition_time: Some(Time::new(now)),
        };
    }
    let message = if message_is_current { message } else { &before.health.message };
    AppHealthStatus {
        status,
        message: message.to_owned(),
        last_transition_time: before.health.last_transition_time,
    }
}

#[cfg(test)]
mod tests;
