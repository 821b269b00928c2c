//! Brings an Application's status up to date, and starts a sync where automation asks for one.
//!
//! Why to look and how thoroughly is `tiphys-compare`'s to say; here the looks are taken, the result is written in one
//! patch, and the next look is scheduled.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use rand::RngExt;
use tiphys_api::Application;
use tiphys_api::application::ApplicationStatus;
use tiphys_api::names::annotation::{REFRESH, REFRESH_TIMESTAMP};
use tiphys_api::time::Time;
use tiphys_compare::{
    AutoSync, AutoSyncOptions, CompareLevel, ProjectView, Refresh, RefreshReason, RefreshTimeouts,
    SelfHealBackoff, StatusInput, autosync, invalid_status, orphaned_condition, refresh_reason, status_of,
    summary, tree_nodes,
};
use tiphys_rbac::{Destination, SyncKind};
use tokio::time::Instant;

use super::assess::{Assessed, Look, Obstacle};
use super::draft::{Draft, StoreError};
use super::{Actor, FORGET_AFTER, Turn, instant};
use crate::desired::{Freshness, Wanted};
use crate::mailbox::Pending;

/// Pause before the repo-server is asked again that did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Actor {
    /// Looks, if there is a reason to.
    pub(super) async fn refresh(&mut self, app: Arc<Application>, pending: &Pending) -> Turn {
        let Some(refresh) = self.reason(&app, pending) else { return Turn::Go };
        let started = std::time::Instant::now();
        let mut draft = Draft::new(app.clone());
        if refresh.reason == RefreshReason::Requested {
            draft.next.metadata.annotations.remove(REFRESH);
            draft.next.metadata.annotations.remove(REFRESH_TIMESTAMP);
        }
        let look = self.look(&app, &refresh);
        let was_rendered = look.render.is_some();
        let assessed = match Box::pin(self.assess(&app, look)).await {
            Ok(assessed) => assessed,
            Err(Obstacle::Invalid(conditions)) => {
                self.schedule(was_rendered);
                let mut status = invalid_status(&app.status, conditions, Utc::now());
                self.context.config.namespace.clone_into(&mut status.controller_namespace);
                if refresh.level >= CompareLevel::Latest || status.reconciled_at.is_none() {
                    status.reconciled_at = Some(Time::new(Utc::now()));
                }
                draft.next.status = status;
                self.handle.view.show(None);
                self.assessed = None;
                return Box::pin(self.store(draft, &refresh)).await.unwrap_or_else(|turn| turn);
            }
            Err(Obstacle::Unavailable(reason)) => {
                tracing::info!(application = %self.key, reason, "the repo-server did not answer; asking again");
                self.timers.retry = Some(Instant::now() + ASK_AGAIN);
                self.resolved_at = None;
                return Turn::Go;
            }
        };
        self.schedule(was_rendered);
        if assessed.failure.is_some() && self.failing_since.is_some() {
            // Nobody may tell us that the cause is gone, so we look ourselves, sooner than by the clock.
            self.timers.retry =
                Some(Instant::now() + ASK_AGAIN.max(self.failing_for() / 2).min(Duration::from_secs(60)));
            self.resolved_at = None;
        }
        let decision = self.decide(&app, &assessed);
        draft.next.status = self.status(&app, &assessed, refresh.level, decision.as_ref());
        self.context.metrics.reconciled(
            &app.metadata.namespace,
            assessed.cluster.server(),
            started.elapsed().as_secs_f64(),
        );
        match decision {
            Some(AutoSync::Start(operation)) => {
                tracing::info!(application = %self.key, revisions = ?assessed.comparison.revisions, "automated sync");
                return Box::pin(self.start_automated(draft, *operation, assessed)).await;
            }
            Some(AutoSync::Wait(until)) => self.timers.heal = Some(instant(until)),
            Some(AutoSync::None | AutoSync::Refused(_)) | None => {}
        }
        Box::pin(self.store(draft, &refresh)).await.unwrap_or_else(|turn| turn)
    }

    /// What automated sync wants; `None` while a sync window of the project forbids it.
    fn decide(&self, app: &Application, assessed: &Assessed) -> Option<AutoSync> {
        let now = Utc::now();
        let windows = assessed.project.sync_windows(app);
        match windows.can_sync(SyncKind::Automated, now, None) {
            Ok(true) => Some(autosync(app, &assessed.comparison, now, &self.autosync_options())),
            Ok(false) => None,
            Err(error) => {
                // A window that can't be evaluated may have been meant to forbid.
                tracing::warn!(application = %self.key, %error, "no automated sync");
                None
            }
        }
    }

    /// Why to look now. The first look after a start is thorough, whatever the status says: the controller may have
    /// missed something.
    fn reason(&mut self, app: &Application, pending: &Pending) -> Option<Refresh> {
        let mut asked = pending.compare;
        let config = &self.context.config;
        let age = self.resolved_at.map(|at| at.elapsed());
        let resync = *self.resync.get_or_insert_with(|| with_jitter(config.resync, config.resync_jitter));
        let is_due = |period: Duration| !period.is_zero() && age.is_some_and(|age| age >= period);
        let is_hard = is_due(config.hard_resync);
        if age.is_none() || is_hard || (!config.resync.is_zero() && is_due(resync)) {
            asked = asked.max(Some(CompareLevel::Latest));
        }
        let mut refresh = refresh_reason(app, Utc::now(), RefreshTimeouts { soft: None, hard: None }, asked)?;
        refresh.is_hard |= is_hard;
        Some(refresh)
    }

    fn look(&self, app: &Application, refresh: &Refresh) -> Look {
        let freshness = match refresh.level {
            _ if refresh.is_hard => Some(Freshness::Nothing),
            CompareLevel::ForceResolve => Some(Freshness::ResolveRevision),
            CompareLevel::Latest => Some(Freshness::Cached),
            CompareLevel::Recent | CompareLevel::Nothing => {
                self.desired.is_none().then_some(Freshness::Cached)
            }
        };
        Look {
            render: freshness.map(|freshness| (Wanted::tracked(app), freshness)),
            overlooks_unavailable: refresh.level < CompareLevel::ForceResolve,
        }
    }

    /// The status after a look.
    pub(super) fn status(
        &self,
        app: &Application,
        assessed: &Assessed,
        level: CompareLevel,
        decision: Option<&AutoSync>,
    ) -> ApplicationStatus {
        let orphaned_settings = self
            .context
            .store
            .project(app.spec.project_name())
            .and_then(|project| project.spec.orphaned_resources.clone());
        let view = ProjectView {
            project: &assessed.project,
            cluster: Destination { server: assessed.cluster.server(), name: assessed.cluster.name() },
            orphaned: orphaned_settings.as_ref(),
            destination_namespace: &app.spec.destination.namespace,
            allowed_node_labels: &assessed.settings.allowed_node_labels,
        };
        let (summary, orphaned) = assessed.cluster.read(|index| {
            let nodes = tree_nodes(&assessed.comparison, index, &view);
            (summary(&nodes), orphaned_condition(index, &view))
        });
        let sources = app.spec.effective_sources();
        status_of(&StatusInput {
            app,
            comparison: &assessed.comparison,
            sources: &sources,
            level,
            summary,
            autosync: decision,
            orphaned,
            control_namespace: &self.context.config.namespace,
            persist_resource_health: self.context.config.persist_resource_health,
            now: Utc::now(),
        })
    }

    /// Writes a status. A look by the clock that found nothing new is not worth a write.
    async fn store(&mut self, mut draft: Draft, refresh: &Refresh) -> Result<Turn, Turn> {
        let before = draft.base().clone();
        if refresh.reason == RefreshReason::Controller
            && let Some(at) = before.status.reconciled_at
        {
            let mut same = draft.next.status.clone();
            same.reconciled_at = Some(at);
            if same == before.status {
                draft.next.status = same;
            }
        }
        match draft.store(&self.context, &self.key).await {
            Ok(_) => {
                self.stored();
                self.context.events.status_changed(&before, draft.base());
                Ok(Turn::Go)
            }
            Err(StoreError::OtherOperation) => {
                self.handle.mailbox.post(|pending| pending.application = true);
                Ok(Turn::Go)
            }
            Err(error) => Err(self.retry_later(&error)),
        }
    }

    /// Sets the timers after a look.
    fn schedule(&mut self, was_rendered: bool) {
        let now = Instant::now();
        let config = &self.context.config;
        if was_rendered || self.resolved_at.is_none() {
            self.resolved_at = Some(now);
            self.resync = None;
        }
        let resync = *self.resync.get_or_insert_with(|| with_jitter(config.resync, config.resync_jitter));
        let periods = [(config.resync, resync), (config.hard_resync, config.hard_resync)];
        self.timers.refresh = periods
            .iter()
            .filter(|(period, _)| !period.is_zero())
            .filter_map(|(_, after)| Some(self.resolved_at? + *after))
            .min();
        self.timers.forget = Some(now + FORGET_AFTER);
    }

    fn failing_for(&self) -> Duration {
        self.failing_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn autosync_options(&self) -> AutoSyncOptions {
        let config = &self.context.config;
        let (initial, factor, cap) = config.self_heal_backoff;
        AutoSyncOptions {
            self_heal_backoff: config.self_heal_timeout.is_zero().then(|| SelfHealBackoff {
                initial,
                factor: f64::from(factor),
                cap,
            }),
            self_heal_timeout: config.self_heal_timeout,
            ..AutoSyncOptions::default()
        }
    }
}

/// A period and a random part of the jitter, so that applications that were made together do not stay together.
fn with_jitter(period: Duration, jitter: Duration) -> Duration {
    if jitter.is_zero() {
        return period;
    }
    period
        + Duration::from_millis(rand::rng().random_range(0..=u64::try_from(jitter.as_millis()).unwrap_or(0)))
}
