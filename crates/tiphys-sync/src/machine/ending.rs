//! The end: hooks are released and deleted once their results are recorded, then the attempt is concluded.

use tiphys_api::words::{OperationPhase, ResultCode};

use super::observe::hook_verdict;
use super::{Cleanup, Effect, Failure, FailureReason, MAX_TRIES, Progress, Request, Stage, Step, pause};
use crate::hook::HookDeletePolicy;
use crate::live::LiveObject;
use crate::message;
use crate::request::{self, FinalizerRequest};
use crate::retry;
use crate::task::{Task, TaskId};

impl Step<'_> {
    /// Told to stop: nothing new is sent; answers that are on their way are awaited, then running hooks are deleted.
    pub(super) fn terminate(&mut self) -> bool {
        let is_open = |progress: &Progress| match progress {
            Progress::Sent { .. } | Progress::Reading | Progress::Pruning => true,
            Progress::Clearing { delete, finalizer, .. } => {
                *delete == Request::Sent || *finalizer == Request::Sent
            }
            _ => false,
        };
        if self.sync.tasks.iter().any(|state| is_open(&state.progress)) {
            return false;
        }
        for (task, live) in self.own_hooks() {
            let (phase, text) =
                hook_verdict(&live).unwrap_or((OperationPhase::Succeeded, "Deleted".to_owned()));
            self.sync.set_result(task.id, ResultCode::default(), phase, text);
            if let Some(state) = self.sync.tasks.get_mut(task.id.index()) {
                state.progress = Progress::Done;
                state.cleanup.delete = match hook_verdict(&live) {
                    None => Request::NotSent,
                    Some(_) => Request::Answered,
                };
            }
        }
        self.go(Stage::Ending {
            phase: OperationPhase::Failed,
            message: message::TERMINATED.to_owned(),
            terminated: true,
            recorded: false,
        })
    }

    pub(super) fn end(
        &mut self,
        phase: OperationPhase,
        text: String,
        terminated: bool,
        recorded: bool,
    ) -> bool {
        if self.sync.plan.dry_run {
            return self.finish(phase, text, terminated);
        }
        let hooks = self.own_hooks();
        if !recorded && !hooks.is_empty() {
            self.observe();
            self.sync.is_unrecorded = true;
            if !terminated {
                self.say(text.clone());
            }
            self.record();
            return self.go(Stage::Ending { phase, message: text, terminated, recorded: true });
        }
        if !hooks.is_empty() && !self.is_recorded() {
            return false;
        }
        for (task, live) in &hooks {
            self.release(task, live, &phase, terminated);
        }
        let is_open = |cleanup: &Cleanup| {
            matches!(cleanup.finalizer, Request::Sent | Request::Again(_))
                || matches!(cleanup.delete, Request::Sent | Request::Again(_))
        };
        if self.sync.tasks.iter().any(|state| is_open(&state.cleanup)) {
            return false;
        }
        let broken = self.sync.tasks.iter().any(|state| state.cleanup.tries >= MAX_TRIES);
        match terminated && broken {
            true => self.finish(OperationPhase::Error, message::TERMINATION_ERRORS.to_owned(), terminated),
            false => self.finish(phase, text, terminated),
        }
    }

    fn finish(&mut self, phase: OperationPhase, text: String, terminated: bool) -> bool {
        let conclusion = retry::conclude(self.sync.state.clone(), phase, text, terminated, self.now);
        self.sync.state = conclusion.state.clone();
        self.effects.push(Effect::Finish(Box::new(conclusion)));
        self.sync.stage = Stage::Finished;
        false
    }

    /// Hooks of this attempt that are in the cluster.
    fn own_hooks(&self) -> Vec<(Task, LiveObject)> {
        let tasks = self.sync.plan.tasks.iter().filter(|task| task.is_hook());
        tasks
            .filter_map(|task| {
                let live = self.live(task).filter(|live| self.is_this_run(task, live))?;
                Some((task.clone(), live))
            })
            .collect()
    }

    /// Takes the finalizer off a hook and deletes it where its policy says so.
    fn release(&mut self, task: &Task, live: &LiveObject, phase: &OperationPhase, terminated: bool) {
        let Some(mut cleanup) = self.state(task.id).map(|state| state.cleanup.clone()) else { return };
        if self.is_due(cleanup.finalizer) {
            let patch = live.body().and_then(|body| request::without_hook_finalizer(&body));
            cleanup.finalizer = match patch {
                Some(patch) => {
                    let request = FinalizerRequest { gvk: task.gvk.clone(), key: task.key.clone(), patch };
                    self.effects.push(Effect::RemoveFinalizer { task: task.id, request });
                    Request::Sent
                }
                None => Request::Answered,
            };
        }
        if self.is_due(cleanup.delete) {
            let is_to_go = live.is_deleting || self.goes(task, phase, terminated);
            cleanup.delete = match is_to_go && !live.is_deleting {
                true => {
                    let request = request::deletion(task, live, self.sync.plan.propagation);
                    self.effects.push(Effect::Delete { task: task.id, request });
                    Request::Sent
                }
                false => Request::Answered,
            };
        }
        if let Some(state) = self.state_mut(task.id) {
            state.cleanup = cleanup;
        }
    }

    fn goes(&self, task: &Task, phase: &OperationPhase, terminated: bool) -> bool {
        if terminated {
            // What had ended before was marked as answered when the operation was stopped.
            return true;
        }
        let policy = match phase {
            OperationPhase::Succeeded => HookDeletePolicy::HookSucceeded,
            _ => HookDeletePolicy::HookFailed,
        };
        let has_ended = self.state(task.id).is_some_and(|state| matches!(state.progress, Progress::Done));
        has_ended && task.hook.as_ref().is_some_and(|hook| hook.has_policy(policy))
    }

    /// The answer to a request of the clean-up.
    pub(super) fn cleaned_up(&mut self, id: TaskId, result: Result<(), Failure>, is_finalizer: bool) {
        let now = self.now;
        let Some(state) = self.state_mut(id) else { return };
        let answer = match result {
            Ok(()) => Request::Answered,
            Err(failure) if failure.reason == FailureReason::NotFound => Request::Answered,
            Err(failure) if failure.reason == FailureReason::Conflict && !is_finalizer => Request::Answered,
            Err(_) => {
                state.cleanup.tries += 1;
                match state.cleanup.tries < MAX_TRIES {
                    true => Request::Again(now + pause(state.cleanup.tries)),
                    // The hook stays; the next run of it clears it away.
                    false => Request::Answered,
                }
            }
        };
        match is_finalizer {
            true => state.cleanup.finalizer = answer,
            false => state.cleanup.delete = answer,
        }
    }
}
