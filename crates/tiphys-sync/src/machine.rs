//! Carries a plan out: `step(event)` changes the state and gives effects.
//!
//! The machine is told that something happened, looks at the cluster through [`LiveView`], and goes as far as it can.
//! It never polls and never waits by itself: where time matters it asks to be woken. It may be dropped at any moment
//! and be made anew from the recorded operation state and a plan of the same revision ([`SyncState::resume`]).

mod ending;
mod event;
mod observe;
mod run;
mod work;

use std::time::Duration;

use chrono::{DateTime, Utc};
pub use event::{Effect, Event, Failure, FailureReason};
use tiphys_api::application::{OperationState, ResourceResult, SyncOperationResult};
use tiphys_api::words::{OperationPhase, ResultCode};

use crate::live::{LiveObject, LiveView};
use crate::plan::{PlanError, SyncPlan};
use crate::retry::{self, Conclusion};
use crate::task::{Phase, Task, TaskId};

/// Settings of all syncs of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncSettings {
    /// The pause between two waves (`controller.sync.wave.delay.seconds`, `ARGOCD_SYNC_WAVE_DELAY`).
    pub wave_delay: Duration,
    /// How long an operation may take (`controller.sync.timeout.seconds`); `None` for no limit.
    pub timeout: Option<Duration>,
}

impl Default for SyncSettings {
    fn default() -> Self {
        SyncSettings { wave_delay: Duration::from_secs(2), timeout: None }
    }
}

/// How far one task is.
#[derive(Clone, Debug, Default)]
enum Progress {
    /// Not begun.
    #[default]
    Pending,
    /// The old object (with this uid) is on its way out; a new one is made when it is gone.
    Clearing { uid: String, delete: Request, finalizer: Request },
    /// A write was sent and is not answered.
    Sent { done: crate::message::Done, is_migration: bool },
    /// A read was sent and is not answered.
    Reading,
    /// A deletion for pruning was sent and is not answered.
    Pruning,
    /// Nothing can be done before this time.
    Waiting { until: DateTime<Utc> },
    /// Written; its health or its end is still awaited.
    Running { absent_since: Option<DateTime<Utc>> },
    /// Over, well or not; the result says which.
    Done,
}

/// One request besides the main one of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Request {
    #[default]
    NotSent,
    Sent,
    Answered,
    /// Not before this time.
    Again(DateTime<Utc>),
}

#[derive(Clone, Debug, Default)]
struct TaskState {
    progress: Progress,
    /// Place of the task's entry in the list of results.
    result: Option<usize>,
    /// Requests that failed and were repeated.
    tries: u32,
    /// The live object as the task's own read gave it; used once.
    read: Option<Option<LiveObject>>,
    /// The task was begun by this machine, not taken over from a record.
    is_ours: bool,
    /// When the task began to wait for its kind.
    kind_missing_since: Option<DateTime<Utc>>,
    /// What is done with the hook when the operation ends.
    cleanup: Cleanup,
}

#[derive(Clone, Debug, Default)]
struct Cleanup {
    finalizer: Request,
    delete: Request,
    tries: u32,
}

/// What the machine is at.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// Before [`Event::Started`].
    Created,
    /// The start is being recorded.
    Recording,
    /// The destination namespace is being made.
    Namespace,
    /// The waves, or, after a failure, those of SyncFail.
    Wave { index: usize, part: Part },
    /// Told to stop; requests on their way are awaited.
    Terminating,
    /// Hooks are being cleaned up.
    Ending { phase: OperationPhase, message: String, terminated: bool, recorded: bool },
    /// Over.
    Finished,
}

/// The parts of a wave, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Prunes.
    Prune,
    /// Old hooks are removed.
    Clear,
    /// The step with this number is applied.
    Apply(usize),
    /// Definitions of the step with this number become usable, until this time at most.
    Establish(usize, DateTime<Utc>),
    /// Health, hooks and deletions are awaited, until this time at least.
    Settle { not_before: DateTime<Utc> },
}

/// A sync that is being carried out.
#[derive(Debug)]
pub struct SyncState {
    plan: SyncPlan,
    settings: SyncSettings,
    state: OperationState,
    tasks: Vec<TaskState>,
    stage: Stage,
    /// Set while the SyncFail hooks run: why the operation has failed.
    failure: Option<String>,
    /// The record lacks something that should be in it.
    is_unrecorded: bool,
    /// A record is being stored.
    is_recording: bool,
    /// Terminate has been asked for.
    is_stopped: bool,
    is_resumed: bool,
}

impl SyncState {
    /// A sync that begins. `state` is the operation's state, with start and pinned revision
    /// ([`crate::record::begin`], [`crate::record::pin`]); it is recorded before anything is done.
    pub fn new(plan: SyncPlan, state: OperationState, settings: SyncSettings) -> Self {
        let tasks = plan.tasks.iter().map(|_| TaskState::default()).collect();
        SyncState {
            plan,
            settings,
            state,
            tasks,
            stage: Stage::Created,
            failure: None,
            is_unrecorded: true,
            is_recording: false,
            is_stopped: false,
            is_resumed: false,
        }
    }

    /// A sync that was begun before a restart. `state` is the recorded one; `plan` is made of its revision and of the
    /// cluster as it is now. What the record says is done is not done again; hooks that are in the cluster with this
    /// attempt's mark are taken over.
    pub fn resume(plan: SyncPlan, state: OperationState, settings: SyncSettings) -> Self {
        let mut sync = SyncState::new(plan, state, settings);
        sync.is_resumed = true;
        sync.is_unrecorded = false;
        sync.is_stopped = sync.state.phase == OperationPhase::Terminating;
        let results =
            sync.state.sync_result.as_ref().map(|result| result.resources.as_slice()).unwrap_or_default();
        for (task, state) in sync.plan.tasks.iter().zip(&mut sync.tasks) {
            let Some(place) = results.iter().position(|result| is_of(result, task)) else { continue };
            let Some(result) = results.get(place) else { continue };
            state.result = Some(place);
            state.progress = match result.hook_phase.is_completed() {
                true => Progress::Done,
                false => Progress::Running { absent_since: None },
            };
        }
        sync
    }

    /// Tells the machine what happened; the effects are to be carried out. `now` never goes back between two steps by
    /// more than clocks do; nothing breaks when it does.
    pub fn step(&mut self, event: Event, view: &dyn LiveView, now: DateTime<Utc>) -> Vec<Effect> {
        let mut step = Step { sync: self, view, now, effects: Vec::new(), wake: None };
        step.accept(event);
        step.advance();
        step.record();
        let (mut effects, wake) = (step.effects, step.wake);
        if let Some(at) = wake.filter(|_| self.stage != Stage::Finished) {
            effects.push(Effect::WakeAt(at));
        }
        effects
    }

    /// The operation's state as it is now, recorded or not.
    pub fn operation_state(&self) -> &OperationState {
        &self.state
    }

    /// The plan that is carried out.
    pub fn plan(&self) -> &SyncPlan {
        &self.plan
    }

    /// Whether the attempt has ended.
    pub fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    fn results(&self) -> &[ResourceResult] {
        self.state.sync_result.as_ref().map(|result| result.resources.as_slice()).unwrap_or_default()
    }

    fn result_of(&self, id: TaskId) -> Option<&ResourceResult> {
        self.results().get(self.tasks.get(id.index())?.result?)
    }

    /// Writes a task's entry. An empty message leaves the one that is there.
    fn set_result(
        &mut self,
        id: TaskId,
        status: ResultCode,
        phase: OperationPhase,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let (Some(task), Some(state)) = (self.plan.task(id), self.tasks.get_mut(id.index())) else { return };
        let results = &mut self.state.sync_result.get_or_insert_with(SyncOperationResult::default).resources;
        let place = *state.result.get_or_insert_with(|| {
            results.push(task.result());
            results.len() - 1
        });
        if let Some(result) = results.get_mut(place) {
            result.status = status;
            result.hook_phase = phase;
            if !message.is_empty() {
                result.message = message;
            }
        }
    }
}

/// The end of an operation that could not be planned: nothing was done.
pub fn refuse(mut state: OperationState, error: &PlanError, now: DateTime<Utc>) -> Conclusion {
    let phase = match error {
        PlanError::NotProven { .. } => OperationPhase::Error,
        _ => OperationPhase::Failed,
    };
    if let PlanError::NotValid { results } = error {
        state.sync_result.get_or_insert_with(SyncOperationResult::default).resources.clone_from(results);
    }
    retry::conclude(state, phase, error.to_string(), false, now)
}

/// One step in the making.
struct Step<'a> {
    sync: &'a mut SyncState,
    view: &'a dyn LiveView,
    now: DateTime<Utc>,
    effects: Vec<Effect>,
    wake: Option<DateTime<Utc>>,
}

impl Step<'_> {
    fn wake_at(&mut self, at: DateTime<Utc>) {
        self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
    }

    fn task(&self, id: TaskId) -> Option<&Task> {
        self.sync.plan.task(id)
    }

    fn state(&self, id: TaskId) -> Option<&TaskState> {
        self.sync.tasks.get(id.index())
    }

    fn state_mut(&mut self, id: TaskId) -> Option<&mut TaskState> {
        self.sync.tasks.get_mut(id.index())
    }

    fn set_progress(&mut self, id: TaskId, progress: Progress) {
        if let Some(state) = self.state_mut(id) {
            state.progress = progress;
            state.is_ours = true;
        }
    }

    fn live(&self, task: &Task) -> Option<LiveObject> {
        self.view.live(&task.key)
    }

    /// Asks for the record to be stored when something is missing from it.
    fn record(&mut self) {
        let is_going = !matches!(self.sync.stage, Stage::Created | Stage::Finished);
        if self.sync.is_unrecorded && !self.sync.is_recording && is_going {
            self.sync.is_unrecorded = false;
            self.sync.is_recording = true;
            self.effects.push(Effect::Persist(Box::new(self.sync.state.clone())));
        }
    }

    /// Whether everything that the record should hold is stored.
    fn is_recorded(&self) -> bool {
        !self.sync.is_unrecorded && !self.sync.is_recording
    }
}

fn is_of(result: &ResourceResult, task: &Task) -> bool {
    result.kind == task.key.kind()
        && result.name == task.key.name()
        && result.group == task.key.group()
        && result.namespace == task.key.namespace()
        && result.sync_phase.as_str() == task.phase.as_str()
}

/// The pause before a failed request is repeated: 1, 2, 4, 8 seconds.
fn pause(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.clamp(1, 5).saturating_sub(1))
}

/// How often a request is repeated before its failure counts.
const MAX_TRIES: u32 = 5;
/// How long an object that was written may be missing, or a hook be on its way out, before it counts as lost.
const ABSENCE: Duration = Duration::from_secs(30);
/// How long a kind may take to appear after its definition was applied.
const ESTABLISH: Duration = Duration::from_secs(30);
/// How often a look at what no event announces is repeated.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Whether the waves of a phase belong to the clean-up of a failure.
fn is_failure_phase(phase: Phase) -> bool {
    phase == Phase::SyncFail
}

#[cfg(test)]
mod tests;
