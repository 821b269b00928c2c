//! Carries an operation out: from the request to its terminal record.
//!
//! What is done in which order is `tiphys-sync`'s plan and machine. Here the plan gets its inputs, effects are sent, and
//! records are stored: the start before anything is written, the end together with its history entry and the status
//! that it leads to.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tiphys_api::Application;
use tiphys_api::application::{Operation, OperationState};
use tiphys_api::names::annotation::{REFRESH, REFRESH_TIMESTAMP, TRACKING_ID};
use tiphys_api::words::OperationPhase;
use tiphys_cluster::Cluster;
use tiphys_compare::CompareLevel;
use tiphys_live::{KindState, LiveProof};
use tiphys_manifest::{Gvk, Manifest, ResourceKey, TrackingId, TrackingMethod};
use tiphys_rbac::{Destination, SyncKind};
use tiphys_sync::record::history_entry;
use tiphys_sync::{
    Conclusion, DestinationNamespace, Effect, Event, LiveObject, LiveView, Next, PatchKind, Pinned,
    PlanInput, RenderProof, Stamp, SyncOptions, SyncSettings, SyncState, ThreeWayPatch, begin, pending_retry,
    pin, pinned_revisions, plan, refuse, retry, start_retry,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::assess::{Assessed, Look, Obstacle};
use super::draft::{Draft, StoreError};
use super::schemas::Schemas;
use super::{Actor, COMPARE_WHILE_SYNCING, Done, Turn, instant};
use crate::desired::{Freshness, Wanted};
use crate::effects;
use crate::mailbox::Pending;

/// How often an operation looks at what it waits for without having been told of a change.
const LOOK_ANYWAY: Duration = Duration::from_secs(10);

/// An operation between its start and its terminal record.
pub(super) struct RunningOperation {
    draft: Draft,
    stage: Stage,
    /// The record that the machine waits for could not be stored yet.
    is_unrecorded: bool,
    /// Held as long as the operation counts among those that run at once; given back while a retry is waited for.
    _permit: Option<OwnedSemaphorePermit>,
}

impl RunningOperation {
    fn new(draft: Draft, stage: Stage, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { draft, stage, is_unrecorded: false, _permit: permit }
    }
}

enum Stage {
    /// The machine is at work.
    Working { machine: Box<SyncState>, assessed: Arc<Assessed> },
    /// The next attempt has its time.
    Waiting { state: Box<OperationState>, until: DateTime<Utc> },
    /// The windows of the project forbid a sync for now.
    Blocked { state: Box<OperationState>, source: Source },
    /// The attempt has ended and the record could not be stored yet.
    Ending(Box<Conclusion>),
}

/// What an operation says while the windows of its project forbid it, in the reference's words.
const BLOCKED: &str = "Sync operation blocked by sync window";
/// How often windows are looked at that forbid an operation.
const WINDOW_INTERVAL: Duration = Duration::from_secs(10);

/// What the machine looks at.
struct View<'a> {
    cluster: &'a Cluster,
    schemas: &'a Schemas,
    approved_at: Option<DateTime<Utc>>,
}

impl LiveView for View<'_> {
    fn live(&self, key: &ResourceKey) -> Option<LiveObject> {
        self.cluster.node(key).as_ref().map(LiveObject::from)
    }

    fn serves(&self, gvk: &Gvk) -> bool {
        serves(self.cluster, gvk)
    }

    fn three_way(&self, gvk: &Gvk, desired: &Value, live: &Value) -> Result<Option<ThreeWayPatch>, String> {
        use tiphys_compare::MergeSchemas;
        let schema = self.schemas.schema(gvk);
        let last_applied = tiphys_diff::apply::last_applied(live);
        let patch = tiphys_diff::three_way(last_applied.as_ref(), live, desired, schema.as_deref());
        if patch.is_empty() {
            return Ok(None);
        }
        let kind = match patch.kind {
            tiphys_diff::PatchKind::StrategicMerge => PatchKind::Strategic,
            tiphys_diff::PatchKind::JsonMerge => PatchKind::Merge,
        };
        Ok(Some(ThreeWayPatch { kind, patch: patch.body }))
    }

    fn deletion_approved_at(&self) -> Option<DateTime<Utc>> {
        self.approved_at
    }
}

fn serves(cluster: &Cluster, gvk: &Gvk) -> bool {
    cluster.kind(&gvk.group_kind()).is_some_and(|kind| kind.serves(&gvk.version))
}

impl Actor {
    /// Takes up the operation that stands in the Application: a new one, or one that was under way when the controller
    /// ended.
    pub(super) async fn start_operation(&mut self, app: Arc<Application>) -> Turn {
        let Some(operation) = app.operation.clone() else { return Turn::Go };
        let recorded = app.status.operation_state.as_ref().filter(|state| !state.phase.is_completed());
        let is_resumed = recorded.is_some();
        let state = recorded.cloned().unwrap_or_else(|| begin(&operation, Utc::now()));
        let draft = Draft::new(app);
        if let Some(until) = pending_retry(&state) {
            self.wait_for_retry(draft, state, until);
            return Turn::Go;
        }
        let Some(permit) = self.permit().await else { return Turn::Go };
        let source = if is_resumed { Source::Recorded } else { Source::Asked };
        Box::pin(self.attempt_operation(draft, state, source, Some(permit))).await
    }

    /// Starts what automated sync decided on. The status that led to it, the operation and its start are one patch.
    pub(super) async fn start_automated(
        &mut self,
        mut draft: Draft,
        operation: Operation,
        assessed: Arc<Assessed>,
    ) -> Turn {
        let Some(permit) = self.permit().await else { return Turn::Go };
        let state = begin(&operation, Utc::now());
        self.context.events.operation_started(draft.base(), message_of_start(&operation));
        draft.next.operation = Some(operation);
        Box::pin(self.attempt_operation(draft, state, Source::Assessed(assessed), Some(permit))).await
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permits = self.context.operation_permits.clone();
        tokio::select! {
            () = self.context.shutdown.cancelled() => None,
            permit = permits.acquire_owned() => permit.ok(),
        }
    }

    /// One attempt: what is to be synced, the plan, and the first step.
    async fn attempt_operation(
        &mut self,
        draft: Draft,
        state: OperationState,
        source: Source,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Turn {
        // What automated sync has just decided on has passed the windows already.
        if !matches!(source, Source::Assessed(_)) && self.is_blocked(draft.base(), &state) {
            return Box::pin(self.wait_for_window(draft, state, source)).await;
        }
        self.attempt += 1;
        match Box::pin(self.prepare(draft.base().clone(), state, source)).await {
            Ok((machine, assessed)) => {
                let stage = Stage::Working { machine: Box::new(machine), assessed };
                self.operation = Some(RunningOperation::new(draft, stage, permit));
                Box::pin(self.step(Event::Started)).await
            }
            Err(conclusion) => {
                self.operation = Some(RunningOperation::new(draft, Stage::Ending(conclusion), permit));
                Box::pin(self.conclude()).await
            }
        }
    }

    /// Whether the windows of the project forbid the operation now.
    fn is_blocked(&self, app: &Application, state: &OperationState) -> bool {
        let settings = self.context.store.settings();
        // A project that is missing is said by the look that follows.
        let Some(project) = self.context.store.limits(app.spec.project_name(), &settings) else {
            return false;
        };
        let kind =
            if state.operation.initiated_by.automated { SyncKind::Automated } else { SyncKind::Manual };
        let started_at = state.started_at.as_datetime();
        match project.sync_windows(app).can_sync(kind, Utc::now(), Some(started_at)) {
            Ok(allowed) => !allowed,
            Err(error) => {
                // A window that can't be evaluated may have been meant to forbid.
                tracing::warn!(application = %self.key, %error, "an operation waits");
                true
            }
        }
    }

    /// Says that the operation waits for a window, and looks again later.
    async fn wait_for_window(&mut self, draft: Draft, mut state: OperationState, source: Source) -> Turn {
        let is_news = state.message != BLOCKED;
        BLOCKED.clone_into(&mut state.message);
        let stage = Stage::Blocked { state: Box::new(state.clone()), source };
        self.operation = Some(RunningOperation::new(draft, stage, None));
        self.timers.operation = Some(Instant::now() + WINDOW_INTERVAL);
        if !is_news {
            return Turn::Go;
        }
        match self.persist(state).await {
            Ok(_) | Err(StoreError::Gone) => Turn::Go,
            Err(StoreError::OtherOperation) => self.give_way(),
            Err(error) => self.retry_later(&error),
        }
    }

    /// The machine of an attempt, or how the attempt ends before it has begun.
    async fn prepare(
        &mut self,
        app: Arc<Application>,
        mut state: OperationState,
        source: Source,
    ) -> Result<(SyncState, Arc<Assessed>), Box<Conclusion>> {
        let is_resumed = matches!(source, Source::Recorded);
        let assessed = match source {
            Source::Assessed(assessed) => Ok(assessed),
            Source::Asked | Source::Recorded => self.assess_operation(&app, &state).await,
        };
        let assessed = match assessed {
            Ok(assessed) => assessed,
            Err(message) => {
                return Err(Box::new(retry::conclude(
                    state,
                    OperationPhase::Error,
                    message,
                    false,
                    Utc::now(),
                )));
            }
        };
        if pinned_revisions(&state).is_none() {
            pin_to(&mut state, &assessed, &app);
        }
        let config = &self.context.config;
        let settings = SyncSettings {
            wave_delay: config.sync_wave_delay,
            timeout: Some(config.sync_timeout).filter(|timeout| !timeout.is_zero()),
        };
        match self.plan(&app, &assessed, &state) {
            Ok(plan) if is_resumed => Ok((SyncState::resume(plan, state, settings), assessed)),
            Ok(plan) => Ok((SyncState::new(plan, state, settings), assessed)),
            Err(error) => Err(Box::new(refuse(state, &error, Utc::now()))),
        }
    }

    /// Renders and compares what the operation asks for. The error is the message that ends the attempt.
    async fn assess_operation(
        &mut self,
        app: &Arc<Application>,
        state: &OperationState,
    ) -> Result<Arc<Assessed>, String> {
        let Some(sync) = &state.operation.sync else {
            return Err("Invalid operation request: no operation specified".to_owned());
        };
        if !sync.manifests.is_empty() {
            return Err("local manifests are not built yet: sync from the repository instead".to_owned());
        }
        let wanted = Wanted::of_operation(app, sync);
        let (wanted, freshness) = match pinned_revisions(state) {
            Some(revisions) => (wanted.pinned(&revisions), Freshness::Cached),
            None => (wanted, Freshness::ResolveRevision),
        };
        let look = Look { render: Some((wanted, freshness)), overlooks_unavailable: false };
        let assessed = match self.assess(app, look).await {
            Ok(assessed) => assessed,
            Err(Obstacle::Unavailable(reason)) => return Err(reason),
            Err(Obstacle::Invalid(conditions)) => {
                let words: Vec<String> = conditions
                    .into_iter()
                    .map(|condition| format!("{}: {}", condition.type_.as_str(), condition.message))
                    .collect();
                return Err(words.join("; "));
            }
        };
        match &assessed.comparison.unknown {
            Some(reason) => Err(format!("ComparisonError: {reason}")),
            None => Ok(assessed),
        }
    }

    fn plan(
        &self,
        app: &Application,
        assessed: &Assessed,
        state: &OperationState,
    ) -> Result<tiphys_sync::SyncPlan, tiphys_sync::PlanError> {
        let sync = state.operation.sync.clone().unwrap_or_default();
        let policy = app.spec.sync_policy.as_ref();
        let of_application = policy.map(|policy| policy.sync_options.as_slice()).unwrap_or_default();
        let options = SyncOptions::of_operation(&sync.sync_options, of_application);
        let mut resources = assessed.comparison.sync_resources();
        if options.respects_ignore_differences() {
            assessed.comparison.keep_ignored_fields(&mut resources, &assessed.schemas);
        }
        let cluster = &assessed.cluster;
        let destination = Destination { server: cluster.server(), name: cluster.name() };
        let permits = |_: &Gvk, key: &ResourceKey| {
            let (group, kind) = (key.group(), key.kind());
            if assessed.project.permits_resource(destination, group, kind, key.namespace(), key.name()) {
                return Ok(());
            }
            let project = assessed.project.name();
            Err(format!("resource {group}:{kind} is not permitted in project {project}."))
        };
        let namespace = app.spec.destination.namespace.as_str();
        let namespace_key = ResourceKey::new("", "Namespace", "", namespace);
        let tracking_id = TrackingId {
            app_instance: &self.instance,
            group: "",
            kind: "Namespace",
            namespace,
            name: namespace,
        }
        .to_string();
        let by_annotation = assessed.settings.tracking.method != TrackingMethod::Label;
        // Without a complete render the comparison is unknown, and no plan is asked for.
        let empty = RenderProof::complete(Vec::new(), Vec::new(), &[] as &[Manifest]);
        let render = assessed.comparison.render.as_deref().unwrap_or(&empty);
        let proof = prune_proof(assessed);
        plan(&PlanInput {
            operation: &sync,
            options: &options,
            state,
            stamp: &Stamp::new(&app.metadata.uid, state.started_at, state.retry_count),
            resources: &resources,
            namespace: DestinationNamespace {
                name: namespace,
                live: cluster.node(&namespace_key).as_ref().map(LiveObject::from),
                metadata: policy.and_then(|policy| policy.managed_namespace_metadata.as_ref()),
                tracking: by_annotation.then_some((TRACKING_ID, tracking_id.as_str())),
            },
            permits: &permits,
            serves: &|gvk| serves(cluster, gvk),
            render,
            observed: proof.as_ref(),
            shared_resource: assessed.comparison.shared_resource(),
        })
    }

    /// Tells the machine what happened and carries out what it asks for.
    pub(super) async fn step(&mut self, event: Event) -> Turn {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(running) = &mut self.operation else { return Turn::Go };
            let Stage::Working { machine, assessed } = &mut running.stage else { return Turn::Go };
            let cluster = assessed.cluster.clone();
            let approved_at = super::deletion::approved_at(running.draft.base());
            let view = View { cluster: &cluster, schemas: &assessed.schemas, approved_at };
            let effects = machine.step(event, &view, Utc::now());
            for effect in effects {
                match effect {
                    Effect::Persist(state) => match self.persist(*state).await {
                        Ok(Some(event)) => events.extend([Event::Persisted, event]),
                        Ok(None) => events.push_back(Event::Persisted),
                        Err(StoreError::Gone) => return Turn::Go,
                        Err(StoreError::OtherOperation) => return self.give_way(),
                        Err(error) => self.record_later(&error),
                    },
                    Effect::Apply { task, request } => {
                        self.send(effects::apply(cluster.clone(), task, *request));
                    }
                    Effect::Read { task, gvk, key } => {
                        self.send(effects::read(cluster.clone(), task, gvk, key));
                    }
                    Effect::Delete { task, request } => {
                        self.send(effects::delete(cluster.clone(), task, request));
                    }
                    Effect::RemoveFinalizer { task, request } => {
                        self.send(effects::remove_finalizer(cluster.clone(), task, request));
                    }
                    Effect::WakeAt(at) => self.timers.operation = Some(instant(at)),
                    Effect::Finish(conclusion) => {
                        if let Some(running) = &mut self.operation {
                            running.stage = Stage::Ending(conclusion);
                        }
                        return Box::pin(self.conclude()).await;
                    }
                }
            }
        }
        if self.operation.is_some() && self.timers.operation.is_none() {
            // Changes are told; a look now and then costs nothing and makes up for one that was not.
            self.timers.operation = Some(Instant::now() + LOOK_ANYWAY);
        }
        Turn::Go
    }

    fn send(&mut self, request: impl Future<Output = Event> + Send + 'static) {
        let attempt = self.attempt;
        self.work.spawn(async move { Done::Sync(attempt, request.await) });
    }

    /// Stores the record of a running operation. A request to terminate that came meanwhile is told to the machine.
    async fn persist(&mut self, state: OperationState) -> Result<Option<Event>, StoreError> {
        let Some(running) = &mut self.operation else { return Ok(None) };
        let before = running.draft.base().clone();
        running.draft.next.status.operation_state = Some(state);
        running.draft.store(&self.context, &self.key).await?;
        let now = running.draft.base().clone();
        self.failures = 0;
        self.context.events.status_changed(&before, &now);
        Ok(is_terminating(&now).then_some(Event::Terminate))
    }

    /// The machine goes on when its record is stored, so this is tried until it is.
    fn record_later(&mut self, error: &StoreError) {
        if let Some(running) = &mut self.operation {
            running.is_unrecorded = true;
        }
        let _turn = self.retry_later(error);
    }

    /// Stores the record that could not be stored before, and tells the machine.
    async fn record_again(&mut self) -> Turn {
        let Some(running) = &mut self.operation else { return Turn::Go };
        let Some(state) = running.draft.next.status.operation_state.clone() else { return Turn::Go };
        running.is_unrecorded = false;
        match self.persist(state).await {
            Ok(terminate) => {
                let mut turn = Box::pin(self.step(Event::Persisted)).await;
                if let Some(terminate) = terminate {
                    turn = Box::pin(self.step(terminate)).await;
                }
                turn
            }
            Err(StoreError::Gone) => Turn::Go,
            Err(StoreError::OtherOperation) => self.give_way(),
            Err(error) => {
                self.record_later(&error);
                Turn::Go
            }
        }
    }

    /// A user's operation was there first.
    fn give_way(&mut self) -> Turn {
        self.operation = None;
        self.attempt += 1;
        self.handle.mailbox.post(|pending| pending.application = true);
        Turn::Go
    }

    /// A turn while an operation is under way.
    pub(super) async fn turn_of_operation(
        &mut self,
        app: Arc<Application>,
        pending: Pending,
        ticked: bool,
    ) -> Turn {
        let Some(running) = &mut self.operation else { return Turn::Go };
        if pending.application && running.draft.rebase(app.clone()).is_err() {
            return self.give_way();
        }
        let (wakes, ends) = match &running.stage {
            Stage::Working { .. } => (false, false),
            Stage::Waiting { until, .. } => (*until <= Utc::now() || is_terminating(&app), false),
            Stage::Blocked { .. } => (ticked || pending.surroundings || is_terminating(&app), false),
            Stage::Ending(_) => (false, true),
        };
        if ends {
            return Box::pin(self.conclude()).await;
        }
        if wakes {
            return self.next_attempt(&app).await;
        }
        if self.operation.as_ref().is_some_and(|running| running.is_unrecorded)
            && (ticked || pending.application)
        {
            return self.record_again().await;
        }
        if pending.application && is_terminating(&app) {
            return self.step(Event::Terminate).await;
        }
        let mut turn = Turn::Go;
        if ticked {
            turn = self.step(Event::Tick).await;
        }
        if (!pending.live.is_empty() || pending.surroundings || pending.application)
            && self.operation.is_some()
        {
            turn = self.step(Event::LiveChanged).await;
        }
        if self.operation.is_some() {
            self.look_while_syncing(&app, &pending).await;
        }
        turn
    }

    /// Keeps the status true while a long operation runs: at once when a user asks, now and then otherwise.
    async fn look_while_syncing(&mut self, app: &Arc<Application>, pending: &Pending) {
        let asked = app.metadata.annotation(REFRESH).is_some();
        if !asked {
            if pending.compare.is_some() && self.timers.compare.is_none() {
                self.timers.compare = Some(Instant::now() + COMPARE_WHILE_SYNCING);
            }
            if pending.live.is_empty() && pending.compare.is_none() {
                return;
            }
            if self.looked_at.is_some_and(|at| at.elapsed() < COMPARE_WHILE_SYNCING) {
                return;
            }
        }
        self.looked_at = Some(Instant::now());
        let Some(wanted) = self.desired.as_ref().map(|desired| desired.wanted.clone()) else { return };
        let revisions = self.desired.as_ref().map(|desired| desired.revisions()).unwrap_or_default();
        let look = Look {
            render: asked.then(|| (wanted.pinned(&revisions), Freshness::Cached)),
            overlooks_unavailable: true,
        };
        let Ok(assessed) = self.assess(app, look).await else { return };
        let level = if asked { CompareLevel::Latest } else { CompareLevel::Recent };
        let Some(running) = &self.operation else { return };
        let status = self.status(&running.draft.next, &assessed, level, None);
        let Some(running) = &mut self.operation else { return };
        let before = running.draft.base().clone();
        running.draft.next.status = status;
        if asked {
            running.draft.next.metadata.annotations.remove(REFRESH);
            running.draft.next.metadata.annotations.remove(REFRESH_TIMESTAMP);
        }
        match running.draft.store(&self.context, &self.key).await {
            Ok(_) => {
                let now = running.draft.base().clone();
                self.context.events.status_changed(&before, &now);
            }
            Err(error) => {
                tracing::debug!(application = %self.key, %error, "a status during a sync was not stored");
            }
        }
    }

    /// Stops an operation of an Application that is being deleted.
    pub(super) async fn terminate(&mut self) -> Turn {
        match self.operation.as_ref().map(|running| &running.stage) {
            Some(Stage::Working { .. }) => self.step(Event::Terminate).await,
            Some(Stage::Ending(_)) => self.conclude().await,
            Some(Stage::Waiting { .. } | Stage::Blocked { .. }) | None => {
                self.operation = None;
                self.handle.mailbox.post(|pending| pending.application = true);
                Turn::Go
            }
        }
    }

    fn wait_for_retry(&mut self, draft: Draft, state: OperationState, until: DateTime<Utc>) {
        self.timers.operation = Some(instant(until));
        let stage = Stage::Waiting { state: Box::new(state), until };
        self.operation = Some(RunningOperation::new(draft, stage, None));
    }

    async fn next_attempt(&mut self, app: &Application) -> Turn {
        let Some(RunningOperation { draft, stage, .. }) = self.operation.take() else { return Turn::Go };
        let (mut state, source, is_retry) = match stage {
            Stage::Waiting { state, .. } => (state, Source::Asked, true),
            Stage::Blocked { state, source } => (state, source, false),
            Stage::Working { .. } | Stage::Ending(_) => return Turn::Go,
        };
        if is_terminating(app) {
            let message = "Operation terminated".to_owned();
            let conclusion = retry::conclude(*state, OperationPhase::Failed, message, true, Utc::now());
            let stage = Stage::Ending(Box::new(conclusion));
            self.operation = Some(RunningOperation::new(draft, stage, None));
            return Box::pin(self.conclude()).await;
        }
        if is_retry {
            start_retry(&mut state);
        }
        let Some(permit) = self.permit().await else { return Turn::Go };
        Box::pin(self.attempt_operation(draft, *state, source, Some(permit))).await
    }

    /// Writes the end of an attempt: the record alone when another follows, else record, history and the status that the
    /// sync has led to, in one patch.
    async fn conclude(&mut self) -> Turn {
        let Some(running) = &self.operation else { return Turn::Go };
        let Stage::Ending(conclusion) = &running.stage else { return Turn::Go };
        let conclusion = conclusion.clone();
        let is_done = conclusion.next == Next::Done;
        let base = running.draft.base().clone();
        let mut next = running.draft.next.clone();
        next.status.operation_state = Some(conclusion.state.clone());
        if is_done {
            next.operation = None;
            if let Some(entry) = history_entry(&base.status.history, &conclusion.state) {
                let limit = base.spec.history_limit();
                next.status.history.clone_from(&base.status.history);
                next.status.history.push(entry);
                let surplus = next.status.history.len().saturating_sub(limit);
                next.status.history.drain(..surplus);
            }
        }
        let next = Box::pin(self.with_final_status(base.clone(), next)).await;
        let Some(running) = &mut self.operation else { return Turn::Go };
        running.draft.next = next;
        match running.draft.store(&self.context, &self.key).await {
            Ok(_) | Err(StoreError::Gone) => {}
            Err(error) => return self.retry_later(&error),
        }
        self.failures = 0;
        let Some(running) = self.operation.take() else { return Turn::Go };
        let stored = running.draft.base().clone();
        self.context.events.status_changed(&base, &stored);
        match conclusion.next {
            Next::RetryAt(until) => self.wait_for_retry(running.draft, conclusion.state, until),
            Next::Done => self.ended(&stored, &conclusion.state),
        }
        Turn::Go
    }

    /// The status as the cluster is now. An operation that synced something else than what is tracked leads to a
    /// comparison with what is tracked.
    async fn with_final_status(&mut self, base: Arc<Application>, mut next: Application) -> Application {
        let tracked = Wanted::tracked(&base);
        let is_tracked = self.desired.as_ref().is_some_and(|desired| {
            desired.wanted.sources == tracked.sources
                && (base.status.sync.revision.is_empty() && base.status.sync.revisions.is_empty()
                    || desired.revisions() == revisions_of(&base)
                    || desired.wanted.revisions.iter().all(String::is_empty))
        });
        let render = (!is_tracked).then_some((tracked, Freshness::Cached));
        if render.is_some() {
            self.resolved_at = Some(Instant::now());
        }
        let look = Look { render, overlooks_unavailable: true };
        if let Ok(assessed) = self.assess(&base, look).await {
            next.status = self.status(&next, &assessed, CompareLevel::Latest, None);
            next.status.conditions.retain(|condition| {
                condition.type_ != tiphys_api::words::ApplicationConditionType::SyncError
                    || next.status.operation_state.as_ref().is_some_and(|state| state.phase.is_failed())
            });
        }
        next
    }

    fn ended(&mut self, app: &Arc<Application>, state: &OperationState) {
        let succeeded = state.phase == OperationPhase::Succeeded;
        let revision = state.sync_result.as_ref().map(|result| result.revision.clone()).unwrap_or_default();
        let what = if succeeded {
            format!("Sync operation to {revision} succeeded")
        } else {
            format!("Sync operation to {revision} failed: {}", state.message)
        };
        tracing::info!(application = %self.key, phase = state.phase.as_str(), revision, "operation ended");
        self.context.events.operation_completed(app, succeeded, what);
        let seconds = state
            .finished_at
            .map(|at| (at.as_datetime() - state.started_at.as_datetime()).num_milliseconds())
            .unwrap_or_default();
        let dry_run = state.operation.sync.as_ref().is_some_and(|sync| sync.dry_run);
        #[expect(clippy::cast_precision_loss, reason = "a duration in milliseconds is far below 2^52")]
        let seconds = seconds as f64 / 1000.0;
        let server =
            self.assessed.as_ref().map(|assessed| assessed.cluster.server().to_owned()).unwrap_or_default();
        self.context.metrics.synced(app, &server, state.phase.as_str(), dry_run, seconds);
        self.timers.operation = None;
        self.timers.compare = None;
        // What happened during the last write, and a failure that self-heal may answer, are looked at once more.
        self.handle.mailbox.post(|pending| pending.ask(CompareLevel::Recent));
    }
}

/// Where an attempt gets its target from.
enum Source {
    /// A comparison that was just made.
    Assessed(Arc<Assessed>),
    /// The operation's own sources and revisions, resolved now unless they are pinned.
    Asked,
    /// As before, for an attempt that was under way.
    Recorded,
}

fn is_terminating(app: &Application) -> bool {
    app.status.operation_state.as_ref().is_some_and(|state| state.phase == OperationPhase::Terminating)
}

fn revisions_of(app: &Application) -> Vec<String> {
    let sync = &app.status.sync;
    if sync.revisions.is_empty() { vec![sync.revision.clone()] } else { sync.revisions.clone() }
}

fn pin_to(state: &mut OperationState, assessed: &Assessed, app: &Application) {
    let Some(desired) = &assessed.desired else { return };
    let pinned = Pinned {
        revisions: desired.revisions(),
        sources: desired.wanted.sources.clone(),
        is_multi_source: app.spec.has_multiple_sources(),
        managed_namespace_metadata: app
            .spec
            .sync_policy
            .as_ref()
            .and_then(|policy| policy.managed_namespace_metadata.clone()),
    };
    pin(state, pinned);
}

/// Evidence that the kinds of objects that may be pruned were observed completely.
fn prune_proof(assessed: &Assessed) -> Option<LiveProof> {
    let observation = assessed.cluster.observation();
    let kinds: HashSet<_> = assessed
        .comparison
        .resources
        .iter()
        .map(|resource| resource.key.group_kind())
        .filter(|kind| observation.state(kind) != Some(&KindState::NotWatched))
        .collect();
    observation.proof(&kinds).ok()
}

/// What the Event of an automated sync says. Syncs that users start have the API server's.
fn message_of_start(operation: &Operation) -> String {
    let revision = operation.sync.as_ref().map(|sync| sync.revision.as_str()).unwrap_or_default();
    format!("Initiated automated sync to '{revision}'")
}
