//! Whether an application is synced without being asked (SYN-058 to SYN-065).

use std::time::Duration;

use chrono::{DateTime, Utc};
use tiphys_api::Application;
use tiphys_api::application::{
    ApplicationCondition, Operation, OperationInitiator, RetryStrategy, SyncOperation, SyncOperationResource,
};
use tiphys_api::words::ApplicationConditionType::SyncError;
use tiphys_api::words::{OperationPhase, SyncStatusCode};

use crate::comparison::Comparison;
use crate::conditions::condition;
use crate::messages;
use crate::source::{same_source, same_sources};

/// Tries after the first of an automated sync whose application does not say how many.
pub const AUTOMATED_RETRY_LIMIT: i64 = 5;

/// What automated sync decided.
#[derive(Clone, Debug, PartialEq)]
pub enum AutoSync {
    /// There is nothing to do.
    None,
    /// A change made in the cluster will be undone, but not before this time.
    Wait(DateTime<Utc>),
    /// This operation shall start.
    Start(Box<Operation>),
    /// It would have to sync, but must not.
    Refused(ApplicationCondition),
}

/// How long self-heal waits between its attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfHealBackoff {
    /// The second wait; the first attempt does not wait.
    pub initial: Duration,
    /// By how much each wait is longer than the one before.
    pub factor: f64,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for SelfHealBackoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(2), factor: 3.0, cap: Duration::from_secs(300) }
    }
}

impl SelfHealBackoff {
    /// The wait after so many attempts: none, 2 s, 6 s, 18 s and so on.
    #[must_use]
    pub fn delay(&self, attempts: i64) -> Duration {
        if attempts <= 0 {
            return Duration::ZERO;
        }
        let steps = i32::try_from(attempts - 1).unwrap_or(i32::MAX);
        let seconds = self.initial.as_secs_f64() * self.factor.powi(steps);
        // What overflows is longer than the cap.
        Duration::try_from_secs_f64(seconds).map_or(self.cap, |delay| delay.min(self.cap))
    }
}

/// Options of automated sync.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutoSyncOptions {
    /// Waits of self-heal; `None` for the same wait every time.
    pub self_heal_backoff: Option<SelfHealBackoff>,
    /// The wait where there is no backoff.
    pub self_heal_timeout: Duration,
    /// The new revision may have changed something of the application. When it has not, only another source counts as a
    /// new state to sync to.
    pub revision_may_have_changes: bool,
}

impl Default for AutoSyncOptions {
    fn default() -> Self {
        Self {
            self_heal_backoff: Some(SelfHealBackoff::default()),
            self_heal_timeout: Duration::ZERO,
            revision_may_have_changes: true,
        }
    }
}

/// Decides whether an application is synced now without being asked. Sync windows are the caller's.
#[must_use]
pub fn autosync(
    app: &Application,
    comparison: &Comparison,
    now: DateTime<Utc>,
    options: &AutoSyncOptions,
) -> AutoSync {
    let Some(automated) = app.spec.automated() else { return AutoSync::None };
    if app.has_operation_in_progress()
        || app.metadata.is_being_deleted()
        || comparison.sync_status != SyncStatusCode::OutOfSync
    {
        return AutoSync::None;
    }
    let is_out_of_sync = |status: &SyncStatusCode| *status == SyncStatusCode::OutOfSync;
    let only_prunes = comparison
        .resources
        .iter()
        .filter(|resource| is_out_of_sync(&resource.status))
        .all(|resource| resource.requires_pruning);
    let has_prunes = comparison.resources.iter().any(|resource| resource.requires_pruning);
    if !automated.prunes() && only_prunes && has_prunes {
        return AutoSync::None;
    }
    let revisions = &comparison.revisions;
    let mut sync = sync_operation(app, comparison, automated.prunes());
    if let Some(attempt) = last_attempt(app, revisions, options.revision_may_have_changes) {
        if attempt.phase != OperationPhase::Succeeded {
            let message = messages::failed_last_sync(&attempt.revisions, &attempt.message);
            return AutoSync::Refused(condition(SyncError, message));
        }
        if !automated.self_heals() {
            return AutoSync::None;
        }
        let delay = match &options.self_heal_backoff {
            Some(backoff) => backoff.delay(attempt.self_heals),
            None => options.self_heal_timeout,
        };
        let from = attempt.finished_at.unwrap_or(now);
        let until = chrono::Duration::from_std(delay).ok().and_then(|delay| from.checked_add_signed(delay));
        if let Some(until) = until.filter(|until| *until > now) {
            return AutoSync::Wait(until);
        }
        sync.auto_heal_attempts_count = attempt.self_heals + 1;
        sync.resources = comparison
            .resources
            .iter()
            .filter(|resource| is_out_of_sync(&resource.status))
            .map(|resource| SyncOperationResource {
                group: resource.key.group().to_owned(),
                kind: resource.key.kind().to_owned(),
                name: resource.key.name().to_owned(),
                namespace: String::new(),
            })
            .collect();
    }
    let mut counted = comparison.resources.iter().filter(|resource| resource.counts()).peekable();
    if automated.prunes()
        && !automated.allows_empty()
        && counted.peek().is_some()
        && counted.all(|resource| resource.requires_pruning)
    {
        return AutoSync::Refused(condition(SyncError, messages::would_wipe_out(revisions)));
    }
    let retry = app.spec.sync_policy.as_ref().and_then(|policy| policy.retry.clone());
    AutoSync::Start(Box::new(Operation {
        sync: Some(sync),
        initiated_by: OperationInitiator { automated: true, ..OperationInitiator::default() },
        retry: retry.unwrap_or(RetryStrategy { limit: AUTOMATED_RETRY_LIMIT, ..RetryStrategy::default() }),
        ..Operation::default()
    }))
}

fn sync_operation(app: &Application, comparison: &Comparison, prune: bool) -> SyncOperation {
    let mut sync = SyncOperation {
        prune,
        sync_options: app
            .spec
            .sync_policy
            .as_ref()
            .map(|policy| policy.sync_options.clone())
            .unwrap_or_default(),
        ..SyncOperation::default()
    };
    if app.spec.has_multiple_sources() {
        sync.sources = app.spec.effective_sources();
        sync.revisions.clone_from(&comparison.revisions);
    } else {
        sync.source = app.spec.effective_sources().into_iter().next();
        sync.revision = comparison.revisions.first().cloned().unwrap_or_default();
    }
    sync
}

/// A sync to the same state as the one that is wanted now.
struct Attempt {
    revisions: Vec<String>,
    phase: OperationPhase,
    message: String,
    finished_at: Option<DateTime<Utc>>,
    self_heals: i64,
}

/// The last sync, when it was to the same revisions of the same sources. One that ended without any result counts too: it
/// would end so again.
fn last_attempt(app: &Application, revisions: &[String], revisions_count: bool) -> Option<Attempt> {
    let state = app.status.operation_state.as_ref()?;
    let attempt = |revisions| Attempt {
        revisions,
        phase: state.phase.clone(),
        message: state.message.clone(),
        finished_at: state.finished_at.map(tiphys_api::time::Time::as_datetime),
        self_heals: state.operation.sync.as_ref().map_or(0, |sync| sync.auto_heal_attempts_count),
    };
    let Some(result) = &state.sync_result else {
        return state.phase.is_completed().then(|| attempt(Vec::new()));
    };
    let sources = app.spec.effective_sources();
    let (synced, is_same_source) = if app.spec.has_multiple_sources() {
        (result.revisions.clone(), same_sources(&sources, &result.sources))
    } else {
        let source = sources.into_iter().next().unwrap_or_default();
        (vec![result.revision.clone()], same_source(&source, &result.source))
    };
    let is_same_revision = !revisions_count || synced == revisions;
    (is_same_source && is_same_revision).then(|| attempt(synced))
}

#[cfg(test)]
mod tests;
