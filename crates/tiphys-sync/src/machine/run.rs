//! The way through namespace, waves and their parts.

use tiphys_api::words::{OperationPhase, ResultCode};

use super::{
    ABSENCE, ESTABLISH, Effect, Event, LOOK_AGAIN, MAX_TRIES, Part, Progress, Request, Stage, Step, pause,
};
use crate::hook::HookDeletePolicy;
use crate::live::{LiveObject, annotation};
use crate::message;
use crate::options::Removal;
use crate::plan::Wave;
use crate::request;
use crate::stamp::OPERATION_ANNOTATION;
use crate::task::{Action, Task, TaskId};

impl Step<'_> {
    /// Goes as far as possible. Each turn either changes the stage or ends the loop.
    pub(super) fn advance(&mut self) {
        while self.turn() {}
    }

    fn turn(&mut self) -> bool {
        if self.must_stop() {
            return self.go(Stage::Terminating);
        }
        match self.sync.stage.clone() {
            Stage::Created | Stage::Finished => false,
            Stage::Recording => match self.is_recorded() {
                true => self.go(Stage::Namespace),
                false => false,
            },
            Stage::Namespace => self.prepare_namespace(),
            Stage::Wave { index, part } => self.wave(index, part),
            Stage::Terminating => self.terminate(),
            Stage::Ending { phase, message, terminated, recorded } => {
                self.end(phase, message, terminated, recorded)
            }
        }
    }

    pub(super) fn go(&mut self, stage: Stage) -> bool {
        self.sync.stage = stage;
        true
    }

    /// Whether the operation has to stop and has not begun to.
    fn must_stop(&mut self) -> bool {
        if matches!(
            self.sync.stage,
            Stage::Created | Stage::Terminating | Stage::Ending { .. } | Stage::Finished
        ) {
            return false;
        }
        if let Some(timeout) = self.sync.settings.timeout.filter(|_| !self.sync.is_stopped) {
            let deadline = self.sync.state.started_at.as_datetime() + timeout;
            if self.now >= deadline {
                self.sync.is_stopped = true;
                self.sync.state.phase = OperationPhase::Terminating;
                self.sync.state.message = message::TERMINATING_BY_TIMEOUT.to_owned();
                self.sync.is_unrecorded = true;
            } else {
                self.wake_at(deadline);
            }
        }
        self.sync.is_stopped
    }

    fn prepare_namespace(&mut self) -> bool {
        let Some(id) = self.sync.plan.namespace else { return self.first_wave() };
        self.work(id);
        match self.state(id).map(|state| &state.progress) {
            Some(Progress::Done | Progress::Running { .. }) | None => {}
            Some(_) => return false,
        }
        if self.has_failed(id) {
            let reason = self.message_of(id);
            return self.fail(message::failed(message::NAMESPACE_FAILED, std::iter::once(&*reason)));
        }
        self.first_wave()
    }

    fn first_wave(&mut self) -> bool {
        if self.sync.plan.waves.is_empty() {
            return self.succeed(message::NO_MORE_TASKS);
        }
        self.go(Stage::Wave { index: 0, part: Part::Prune })
    }

    /// The waves that are gone through now.
    fn waves(&self) -> &[Wave] {
        match self.sync.failure {
            Some(_) => &self.sync.plan.failure_waves,
            None => &self.sync.plan.waves,
        }
    }

    fn wave(&mut self, index: usize, part: Part) -> bool {
        let Some(wave) = self.waves().get(index).cloned() else {
            return match self.sync.failure.clone() {
                Some(failure) => self.finish_failed(failure),
                None => self.succeed(message::NO_MORE_TASKS),
            };
        };
        match part {
            Part::Prune => self.prune(index, &wave),
            Part::Clear => self.clear(index, &wave),
            Part::Apply(step) => self.apply(index, &wave, step),
            Part::Establish(step, until) => self.establish(index, &wave, step, until),
            Part::Settle { not_before } => self.settle(index, &wave, not_before),
        }
    }

    fn part(&mut self, index: usize, part: Part) -> bool {
        self.go(Stage::Wave { index, part })
    }

    // --- prune ---------------------------------------------------------------------------------------------------

    fn prune(&mut self, index: usize, wave: &Wave) -> bool {
        if let Some(unconfirmed) = self.unconfirmed(wave) {
            self.announce(unconfirmed);
            return false;
        }
        for id in &wave.prunes {
            self.work(*id);
        }
        if wave.prunes.iter().any(|id| !self.is_done(*id)) {
            return false;
        }
        if wave.prunes.iter().any(|id| self.has_failed(*id)) {
            return self.fail_apply(wave);
        }
        self.part(index, Part::Clear)
    }

    /// What to say while a user has to confirm prunes; `None` when nobody has to, or it was done after the start.
    fn unconfirmed(&self, wave: &Wave) -> Option<String> {
        let pending: Vec<&Task> = wave
            .prunes
            .iter()
            .filter_map(|id| self.task(*id))
            .filter(|task| task.action == Action::Prune && task.options.prune == Removal::Confirm)
            .filter(|task| {
                self.state(task.id).is_some_and(|state| matches!(state.progress, Progress::Pending))
            })
            .collect();
        let started_at = self.sync.state.started_at.as_datetime();
        let is_approved = self.view.deletion_approved_at().is_some_and(|at| at >= started_at);
        (!pending.is_empty() && !is_approved && !self.sync.plan.dry_run)
            .then(|| message::confirmation(&pending))
    }

    // --- clear ---------------------------------------------------------------------------------------------------

    /// Removes hooks of earlier runs. Nothing is created before all of them are gone.
    fn clear(&mut self, index: usize, wave: &Wave) -> bool {
        let hooks: Vec<TaskId> = wave.steps.iter().flatten().copied().collect();
        let mut waiting = Vec::new();
        for id in hooks {
            let Some(task) = self.task(id).cloned() else { continue };
            if self.is_to_be_cleared(&task) && !self.clear_one(&task) {
                waiting.push(task);
            }
        }
        if !waiting.is_empty() {
            self.announce(message::waiting(waiting.iter(), true));
            return false;
        }
        self.part(index, Part::Apply(0))
    }

    fn is_to_be_cleared(&self, task: &Task) -> bool {
        let Some(state) = self.state(task.id) else { return false };
        if self.sync.plan.dry_run || !task.is_hook() {
            return false;
        }
        let is_open = matches!(state.progress, Progress::Pending | Progress::Clearing { .. });
        let replaces =
            task.hook.as_ref().is_some_and(|hook| hook.has_policy(HookDeletePolicy::BeforeHookCreation));
        is_open && replaces
    }

    /// Whether the live object carries the mark of this very run.
    pub(super) fn is_this_run(&self, task: &Task, live: &LiveObject) -> bool {
        let mark = self.sync.plan.stamp.of_phase(task.phase);
        live.body().is_some_and(|body| annotation(&body, OPERATION_ANNOTATION) == Some(&*mark))
    }

    /// Removes the object that stands in the way of a new one; true when there is none (any more).
    pub(super) fn clear_one(&mut self, task: &Task) -> bool {
        let live = self.live(task);
        let progress = self.state(task.id).map(|state| state.progress.clone()).unwrap_or_default();
        let (uid, delete, finalizer) = match progress {
            Progress::Clearing { uid, delete, finalizer } => (uid, delete, finalizer),
            _ => (String::new(), Request::NotSent, Request::NotSent),
        };
        let Some(live) = live.filter(|live| !self.is_this_run(task, live)) else {
            // An answer that is still on its way must not be taken for one to a later request.
            if delete == Request::Sent || finalizer == Request::Sent {
                return false;
            }
            self.set_progress(task.id, Progress::Pending);
            return true;
        };
        let is_same = *live.uid == *uid || delete == Request::Sent || finalizer == Request::Sent;
        let (mut delete, mut finalizer) =
            if is_same { (delete, finalizer) } else { (Request::NotSent, Request::NotSent) };
        // The result of a hook of this operation is recorded before the hook goes.
        let is_own = live.body().is_some_and(|body| {
            annotation(&body, OPERATION_ANNOTATION)
                .is_some_and(|mark| mark.starts_with(&self.sync.plan.stamp.operation))
        });
        if is_own && delete == Request::NotSent && !self.is_recorded() {
            return false;
        }
        if self.is_due(delete) {
            if !live.is_deleting {
                let request = request::deletion(task, &live, self.sync.plan.propagation);
                self.effects.push(Effect::Delete { task: task.id, request });
                delete = Request::Sent;
            } else {
                delete = Request::Answered;
            }
        }
        if self.is_due(finalizer) || finalizer == Request::Answered {
            // A deletion in the foreground leaves the object until this finalizer is off.
            match live.body().and_then(|body| request::without_hook_finalizer(&body)) {
                Some(patch) if finalizer != Request::Answered => {
                    let request =
                        request::FinalizerRequest { gvk: task.gvk.clone(), key: task.key.clone(), patch };
                    self.effects.push(Effect::RemoveFinalizer { task: task.id, request });
                    finalizer = Request::Sent;
                }
                Some(_) => {}
                None => finalizer = Request::Answered,
            }
        }
        let uid = live.uid.to_string();
        self.set_progress(task.id, Progress::Clearing { uid, delete, finalizer });
        false
    }

    pub(super) fn is_due(&mut self, request: Request) -> bool {
        match request {
            Request::NotSent => true,
            Request::Again(at) if at <= self.now => true,
            Request::Again(at) => {
                self.wake_at(at);
                false
            }
            Request::Sent | Request::Answered => false,
        }
    }

    // --- apply ---------------------------------------------------------------------------------------------------

    fn apply(&mut self, index: usize, wave: &Wave, step: usize) -> bool {
        let Some(tasks) = wave.steps.get(step) else { return self.applied(index, wave) };
        self.say_running();
        for id in tasks {
            self.work(*id);
        }
        if tasks.iter().any(|id| !self.is_written(*id)) {
            return false;
        }
        let waits = !self.sync.plan.dry_run
            && tasks
                .iter()
                .any(|id| self.task(*id).is_some_and(Task::is_definition) && !self.has_failed(*id));
        match waits {
            true => self.part(index, Part::Establish(step, self.now + ESTABLISH)),
            false => self.part(index, Part::Apply(step + 1)),
        }
    }

    /// Waits until the definitions of a step can be used, if anything is to follow in this wave.
    fn establish(
        &mut self,
        index: usize,
        wave: &Wave,
        step: usize,
        until: chrono::DateTime<chrono::Utc>,
    ) -> bool {
        let is_last = wave.steps.len() <= step + 1;
        let tasks = wave.steps.get(step).map(Vec::as_slice).unwrap_or_default();
        let ready = is_last
            || tasks.iter().filter_map(|id| self.task(*id)).filter(|task| task.is_definition()).all(|task| {
                self.has_failed(task.id)
                    || self.live(task).is_some_and(|live| super::observe::is_healthy(&live))
            });
        if ready || self.now >= until {
            return self.part(index, Part::Apply(step + 1));
        }
        // No application tracks a definition, so no event may say that it is served now.
        self.look_again();
        false
    }

    /// After the last step of a wave.
    fn applied(&mut self, index: usize, wave: &Wave) -> bool {
        if wave.tasks().any(|id| self.failed_to_apply(id)) {
            return self.fail_apply(wave);
        }
        let is_last = index + 1 == self.waves().len();
        let has_hooks = wave.tasks().any(|id| self.task(id).is_some_and(Task::is_hook));
        if self.sync.plan.dry_run {
            return match is_last {
                true => self.succeed(message::ALL_TASKS_RUN),
                false => self.part_of_next(index),
            };
        }
        // Objects of the last wave are not waited for: a sync is over when everything has been applied.
        if is_last && !has_hooks && self.sync.failure.is_none() {
            return self.succeed(message::ALL_TASKS_RUN);
        }
        let was_begun_here = wave.tasks().any(|id| self.state(id).is_some_and(|state| state.is_ours));
        let pauses = was_begun_here && !is_last && self.sync.failure.is_none();
        let not_before = if pauses { self.now + self.sync.settings.wave_delay } else { self.now };
        self.sync.is_unrecorded = true;
        self.part(index, Part::Settle { not_before })
    }

    fn part_of_next(&mut self, index: usize) -> bool {
        self.part(index + 1, Part::Prune)
    }

    // --- settle --------------------------------------------------------------------------------------------------

    fn settle(&mut self, index: usize, wave: &Wave, not_before: chrono::DateTime<chrono::Utc>) -> bool {
        self.observe();
        let running = self.running();
        if !running.is_empty() {
            let text = message::waiting(running.iter().filter_map(|id| self.task(*id)), false);
            self.announce(text);
            return false;
        }
        let leaving = self.leaving();
        if !leaving.is_empty() {
            let text = message::waiting(leaving.iter().filter_map(|id| self.task(*id)), true);
            self.announce(text);
            return false;
        }
        if self.sync.failure.is_none() && self.any_unsuccessful() {
            let reasons = self.apply_failures();
            let text = message::failed(message::COMPLETED_UNSUCCESSFULLY, reasons.iter().map(String::as_str));
            return self.fail(text);
        }
        if self.now < not_before {
            self.wake_at(not_before);
            return false;
        }
        let _ = wave;
        self.part_of_next(index)
    }

    // --- outcomes ------------------------------------------------------------------------------------------------

    pub(super) fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.sync.state.message = text;
        }
    }

    /// Says what is waited for, and has it recorded when it is something else than before: it may take long, and a user
    /// may have to do something about it.
    fn announce(&mut self, text: String) {
        if !text.is_empty() && self.sync.state.message != text {
            self.sync.is_unrecorded = true;
            self.say(text);
        }
    }

    fn say_running(&mut self) {
        if self.sync.failure.is_none() {
            self.say(message::TASKS_RUNNING.to_owned());
        }
    }

    fn succeed(&mut self, text: &str) -> bool {
        self.go(Stage::Ending {
            phase: OperationPhase::Succeeded,
            message: text.to_owned(),
            terminated: false,
            recorded: false,
        })
    }

    fn fail_apply(&mut self, wave: &Wave) -> bool {
        let reasons: Vec<String> =
            wave.tasks().filter(|id| self.failed_to_apply(*id)).map(|id| self.message_of(id)).collect();
        match self.sync.failure.clone() {
            None => {
                let text = message::failed(message::FAILED_TO_APPLY, reasons.iter().map(String::as_str));
                self.fail(text)
            }
            Some(failure) => {
                let text =
                    message::failed("one or more SyncFail hooks failed", reasons.iter().map(String::as_str));
                self.finish_failed(format!("{failure}\n{text}"))
            }
        }
    }

    /// The operation has failed: the SyncFail hooks run, then it ends.
    fn fail(&mut self, text: String) -> bool {
        if self.sync.plan.failure_waves.is_empty() || self.sync.plan.dry_run {
            return self.finish_failed(text);
        }
        self.say(text.clone());
        self.sync.failure = Some(text);
        self.go(Stage::Wave { index: 0, part: Part::Prune })
    }

    fn finish_failed(&mut self, text: String) -> bool {
        self.go(Stage::Ending {
            phase: OperationPhase::Failed,
            message: text,
            terminated: false,
            recorded: false,
        })
    }

    // --- questions -----------------------------------------------------------------------------------------------

    pub(super) fn is_done(&self, id: TaskId) -> bool {
        self.state(id).is_none_or(|state| matches!(state.progress, Progress::Done))
    }

    fn is_written(&self, id: TaskId) -> bool {
        self.state(id).is_none_or(|state| matches!(state.progress, Progress::Done | Progress::Running { .. }))
    }

    pub(super) fn has_failed(&self, id: TaskId) -> bool {
        self.sync.result_of(id).is_some_and(|result| result.hook_phase.is_failed())
    }

    fn failed_to_apply(&self, id: TaskId) -> bool {
        self.sync.result_of(id).is_some_and(|result| {
            result.status == ResultCode::SyncFailed
                || (result.hook_phase == OperationPhase::Error && result.status.is_empty())
        })
    }

    fn apply_failures(&self) -> Vec<String> {
        let results = self.sync.results().iter();
        results
            .filter(|result| {
                result.status == ResultCode::SyncFailed && result.sync_phase.as_str() != "SyncFail"
            })
            .map(|result| result.message.clone())
            .collect()
    }

    fn any_unsuccessful(&self) -> bool {
        self.sync.results().iter().any(|result| result.hook_phase.is_failed())
    }

    fn message_of(&self, id: TaskId) -> String {
        self.sync.result_of(id).map(|result| result.message.clone()).unwrap_or_default()
    }

    // --- events --------------------------------------------------------------------------------------------------

    pub(super) fn accept(&mut self, event: Event) {
        match event {
            Event::Started => {
                if self.sync.stage == Stage::Created {
                    self.sync.state.phase = match self.sync.is_stopped {
                        true => OperationPhase::Terminating,
                        false => OperationPhase::Running,
                    };
                    if !self.sync.is_resumed {
                        self.say(message::TASKS_RUNNING.to_owned());
                    }
                    self.sync.stage = Stage::Recording;
                }
            }
            Event::Persisted => self.sync.is_recording = false,
            Event::Terminate => {
                self.sync.is_stopped = true;
                if self.sync.stage != Stage::Finished {
                    self.sync.state.phase = OperationPhase::Terminating;
                }
            }
            Event::LiveChanged | Event::Tick => {}
            Event::Applied { task, result } => self.applied_one(task, result),
            Event::Read { task, result } => self.read_one(task, result),
            Event::Deleted { task, result } => self.deleted_one(task, result),
            Event::FinalizerRemoved { task, result } => self.released_one(task, result),
        }
    }

    /// Repeats a request later, or says that it was repeated often enough.
    pub(super) fn again(&mut self, id: TaskId) -> Option<chrono::DateTime<chrono::Utc>> {
        let now = self.now;
        let state = self.state_mut(id)?;
        state.tries += 1;
        (state.tries < MAX_TRIES).then(|| now + pause(state.tries))
    }

    /// How long a task has been without something that it needs; asks to be woken when patience ends.
    pub(super) fn is_lost(&mut self, since: chrono::DateTime<chrono::Utc>) -> bool {
        let until = since + ABSENCE;
        if self.now >= until {
            return true;
        }
        self.wake_at(until);
        false
    }

    pub(super) fn look_again(&mut self) {
        self.wake_at(self.now + LOOK_AGAIN);
    }
}
