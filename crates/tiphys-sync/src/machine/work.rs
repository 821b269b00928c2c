//! The work on one task: decide, send, take the answer.

use tiphys_api::words::{OperationPhase, ResultCode};

use super::{ESTABLISH, Effect, Failure, FailureReason, MAX_TRIES, Progress, Request, Stage, Step};
use crate::live::LiveObject;
use crate::message::{self, Done};
use crate::request::{self, Decision, Write};
use crate::task::{Action, Task, TaskId};

impl Step<'_> {
    /// Does what can be done for a task now. Tasks that wait for an answer or are over are left alone.
    pub(super) fn work(&mut self, id: TaskId) {
        let (Some(task), Some(state)) = (self.task(id).cloned(), self.state(id)) else { return };
        match &state.progress {
            Progress::Pending => self.begin(&task),
            Progress::Waiting { until } if *until <= self.now => self.begin(&task),
            Progress::Waiting { until } => {
                let until = *until;
                self.wake_at(until);
            }
            Progress::Clearing { .. } => {
                if self.clear_one(&task) {
                    self.begin(&task);
                }
            }
            Progress::Sent { .. }
            | Progress::Reading
            | Progress::Pruning
            | Progress::Running { .. }
            | Progress::Done => {}
        }
    }

    fn begin(&mut self, task: &Task) {
        match task.action {
            Action::Keep(reason) => self.settle_task(
                task.id,
                ResultCode::PruneSkipped,
                OperationPhase::Succeeded,
                message::kept(reason),
            ),
            Action::Prune => self.begin_prune(task),
            Action::Apply | Action::RunHook | Action::PrepareNamespace => self.begin_apply(task),
        }
    }

    /// Writes the result of a task that is over.
    fn settle_task(
        &mut self,
        id: TaskId,
        status: ResultCode,
        phase: OperationPhase,
        text: impl Into<String>,
    ) {
        self.sync.set_result(id, status, phase, text);
        self.set_progress(id, Progress::Done);
    }

    fn fail_task(&mut self, id: TaskId, text: impl Into<String>) {
        self.settle_task(id, ResultCode::SyncFailed, OperationPhase::Failed, text);
    }

    // --- prune ---------------------------------------------------------------------------------------------------

    fn begin_prune(&mut self, task: &Task) {
        if self.sync.plan.dry_run {
            return self.settle_task(
                task.id,
                ResultCode::Pruned,
                OperationPhase::Succeeded,
                message::PRUNED_DRY_RUN,
            );
        }
        match self.live(task) {
            // Only the object that was planned for is deleted: another one of the same name has not been compared.
            Some(live) if *live.uid == *task.live_uid && !live.is_deleting => {
                let request = request::deletion(task, &live, self.sync.plan.propagation);
                self.effects.push(Effect::Delete { task: task.id, request });
                self.set_progress(task.id, Progress::Pruning);
            }
            _ => self.pruned(task.id),
        }
    }

    fn pruned(&mut self, id: TaskId) {
        self.settle_task(id, ResultCode::Pruned, OperationPhase::Succeeded, message::PRUNED);
    }

    // --- apply ---------------------------------------------------------------------------------------------------

    fn begin_apply(&mut self, task: &Task) {
        let read = self.state_mut(task.id).and_then(|state| state.read.take());
        let live = match read {
            Some(read) => read,
            None => self.live(task),
        };
        if task.is_hook()
            && let Some(live) = live.as_ref().filter(|live| self.is_this_run(task, live))
        {
            return self.adopt(task, live);
        }
        if !self.sync.plan.dry_run && !self.kind_is_served(task) {
            return;
        }
        let decision = request::decide(task, live.as_ref(), self.view);
        if self.sync.plan.dry_run {
            return self.pretend(task, &decision);
        }
        match decision {
            Decision::Send(write, done) => self.send(task, write, done),
            Decision::Unchanged => self.written(task, Done::Unchanged),
            Decision::Read => {
                let (gvk, key) = (task.gvk.clone(), task.key.clone());
                self.effects.push(Effect::Read { task: task.id, gvk, key });
                self.set_progress(task.id, Progress::Reading);
            }
            Decision::Recreate => self.recreate(task),
            Decision::Refuse(reason) => self.fail_task(task.id, reason),
        }
    }

    /// A hook that an earlier life of this controller has created for this very attempt.
    fn adopt(&mut self, task: &Task, _live: &LiveObject) {
        if self.sync.result_of(task.id).is_none() {
            self.written(task, Done::Created);
        } else {
            self.set_progress(task.id, Progress::Running { absent_since: None });
        }
    }

    /// Whether the kind can be written. One whose definition is on its way is waited for.
    fn kind_is_served(&mut self, task: &Task) -> bool {
        if self.view.serves(&task.gvk) {
            return true;
        }
        let now = self.now;
        let Some(state) = self.state_mut(task.id) else { return false };
        let since = *state.kind_missing_since.get_or_insert(now);
        if now >= since + ESTABLISH {
            self.fail_task(task.id, message::kind_not_found(&task.gvk, &task.key));
        } else {
            self.look_again();
        }
        false
    }

    /// A dry run sends nothing: it says what would be sent.
    fn pretend(&mut self, task: &Task, decision: &Decision) {
        let done = match decision {
            Decision::Send(_, done) => *done,
            Decision::Unchanged => Done::Unchanged,
            Decision::Read => Done::Configured,
            Decision::Recreate => Done::Replaced,
            Decision::Refuse(reason) => return self.fail_task(task.id, reason),
        };
        let text = message::applied(task, done, true);
        self.settle_task(task.id, ResultCode::Synced, OperationPhase::Succeeded, text);
    }

    fn send(&mut self, task: &Task, write: Write, done: Done) {
        let is_migration =
            done == Done::ServerSideApplied && matches!(write, Write::Patch { field_manager: Some(_), .. });
        let request = Box::new(request::apply(task, write));
        self.effects.push(Effect::Apply { task: task.id, request });
        self.set_progress(task.id, Progress::Sent { done, is_migration });
    }

    fn recreate(&mut self, task: &Task) {
        let nothing =
            Progress::Clearing { uid: String::new(), delete: Request::NotSent, finalizer: Request::NotSent };
        self.set_progress(task.id, nothing);
        if self.clear_one(task) {
            self.begin(task);
        }
    }

    fn written(&mut self, task: &Task, done: Done) {
        let text = message::applied(task, done, false);
        self.sync.set_result(task.id, ResultCode::Synced, OperationPhase::Running, text);
        self.set_progress(task.id, Progress::Running { absent_since: None });
    }

    // --- answers -------------------------------------------------------------------------------------------------

    pub(super) fn applied_one(&mut self, id: TaskId, result: Result<LiveObject, Failure>) {
        let Some(task) = self.task(id).cloned() else { return };
        let Some(Progress::Sent { done, is_migration }) = self.state(id).map(|state| state.progress.clone())
        else {
            return;
        };
        match result {
            Ok(live) if is_migration => {
                // The second half: the server-side apply itself. What was read last is the object without the old
                // manager, so that the migration is not decided on again.
                if let Some(state) = self.state_mut(id) {
                    state.read = Some(Some(live));
                    state.progress = Progress::Pending;
                }
                self.finish_migration(&task);
            }
            Ok(_) => self.written(&task, done),
            Err(failure) => self.apply_failed(&task, failure),
        }
    }

    fn finish_migration(&mut self, task: &Task) {
        let Some(desired) = task.desired.as_deref() else { return };
        if let Some(state) = self.state_mut(task.id) {
            state.read = None;
        }
        let write = Write::ServerSideApply {
            body: desired.value().clone(),
            field_manager: request::FIELD_MANAGER.to_owned(),
        };
        self.send(task, write, Done::ServerSideApplied);
    }

    fn apply_failed(&mut self, task: &Task, failure: Failure) {
        let id = task.id;
        if self.sync.stage == Stage::Terminating {
            return self.fail_task(id, failure.message);
        }
        match failure.reason {
            // What is there has to be looked at: somebody else's object, our own of a lost answer, or a newer state.
            FailureReason::AlreadyExists | FailureReason::Conflict | FailureReason::OutcomeUnknown => {
                if self.again(id).is_some() {
                    let (gvk, key) = (task.gvk.clone(), task.key.clone());
                    self.effects.push(Effect::Read { task: id, gvk, key });
                    return self.set_progress(id, Progress::Reading);
                }
                if failure.reason == FailureReason::Conflict && self.may_force(task) {
                    return self.recreate(task);
                }
                self.fail_task(id, failure.message);
            }
            FailureReason::NotFound
                if !task.live_uid.is_empty() && self.state(id).is_some_and(|s| s.tries == 0) =>
            {
                // The object went between plan and write; what is missing now is created.
                let _ = self.again(id);
                let (gvk, key) = (task.gvk.clone(), task.key.clone());
                self.effects.push(Effect::Read { task: id, gvk, key });
                self.set_progress(id, Progress::Reading);
            }
            FailureReason::Busy => match self.again(id) {
                Some(until) => {
                    self.wake_at(until);
                    self.set_progress(id, Progress::Waiting { until });
                }
                None => self.fail_task(id, failure.message),
            },
            FailureReason::Invalid if self.may_force(task) => self.recreate(task),
            FailureReason::NotFound | FailureReason::Invalid | FailureReason::Refused => {
                self.fail_task(id, failure.message);
            }
        }
    }

    fn may_force(&self, task: &Task) -> bool {
        let exists = self.live(task).is_some();
        let is_first = self.state(task.id).is_some_and(|state| state.tries <= MAX_TRIES);
        task.options.force && exists && is_first && request::may_be_recreated(&task.key)
    }

    pub(super) fn read_one(&mut self, id: TaskId, result: Result<Option<LiveObject>, Failure>) {
        if !self.state(id).is_some_and(|state| matches!(state.progress, Progress::Reading)) {
            return;
        }
        match result {
            Ok(live) => {
                if let Some(state) = self.state_mut(id) {
                    state.read = Some(live);
                    state.progress = Progress::Pending;
                }
            }
            Err(failure) => match self.again(id) {
                Some(until)
                    if matches!(failure.reason, FailureReason::Busy | FailureReason::OutcomeUnknown) =>
                {
                    self.wake_at(until);
                    self.set_progress(id, Progress::Waiting { until });
                }
                _ => self.fail_task(id, failure.message),
            },
        }
    }

    pub(super) fn deleted_one(&mut self, id: TaskId, result: Result<(), Failure>) {
        match self.state(id).map(|state| state.progress.clone()) {
            Some(Progress::Pruning) => match result {
                Ok(()) => self.pruned(id),
                Err(failure) => match failure.reason {
                    // Gone, or not the object any more that was to be pruned.
                    FailureReason::NotFound | FailureReason::Conflict => self.pruned(id),
                    FailureReason::Busy | FailureReason::OutcomeUnknown => match self.again(id) {
                        Some(until) => {
                            self.wake_at(until);
                            self.set_progress(id, Progress::Waiting { until });
                        }
                        None => self.fail_task(id, failure.message),
                    },
                    _ => self.fail_task(id, failure.message),
                },
            },
            Some(Progress::Clearing { uid, finalizer, .. }) => {
                let delete = match result {
                    Ok(()) => Request::Answered,
                    Err(failure) => match failure.reason {
                        FailureReason::NotFound | FailureReason::Conflict => Request::Answered,
                        _ => match self.again(id) {
                            Some(at) => Request::Again(at),
                            None => return self.clearing_failed(id, &failure),
                        },
                    },
                };
                self.set_progress(id, Progress::Clearing { uid, delete, finalizer });
            }
            _ => self.cleaned_up(id, result, false),
        }
    }

    fn clearing_failed(&mut self, id: TaskId, failure: &Failure) {
        let text = format!("failed to delete resource: {}", failure.message);
        self.settle_task(id, ResultCode::default(), OperationPhase::Error, text);
    }

    pub(super) fn released_one(&mut self, id: TaskId, result: Result<(), Failure>) {
        match self.state(id).map(|state| state.progress.clone()) {
            Some(Progress::Clearing { uid, delete, .. }) => {
                let finalizer = match result {
                    Ok(()) => Request::Answered,
                    Err(failure) if failure.reason == FailureReason::NotFound => Request::Answered,
                    Err(failure) => match self.again(id) {
                        Some(at) => Request::Again(at),
                        None => return self.clearing_failed(id, &failure),
                    },
                };
                self.set_progress(id, Progress::Clearing { uid, delete, finalizer });
            }
            _ => self.cleaned_up(id, result, true),
        }
    }
}
