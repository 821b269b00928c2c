//! What became of objects and hooks that were written.

use tiphys_api::words::{HealthStatusCode, OperationPhase, ResultCode};

use super::{Progress, Step};
use crate::live::LiveObject;
use crate::task::{Action, Task, TaskId};

impl Step<'_> {
    /// Looks at everything that runs and writes down what has ended.
    pub(super) fn observe(&mut self) {
        for id in self.all_tasks() {
            let Some(Progress::Running { absent_since }) = self.state(id).map(|state| state.progress.clone())
            else {
                continue;
            };
            let Some(task) = self.task(id).cloned() else { continue };
            let live = self.live(&task);
            let verdict = match &live {
                None => None,
                Some(live) if task.is_hook() => hook_verdict(live),
                Some(live) => object_verdict(live),
            };
            match (verdict, &live) {
                (Some((phase, text)), _) => {
                    let status = match task.is_hook() {
                        true => ResultCode::default(),
                        false => ResultCode::Synced,
                    };
                    let status = self.keep_status(id, status);
                    self.sync.set_result(id, status, phase, text);
                    self.set_done(id);
                }
                // It was there: it was written, and the answer is in the index. Somebody deletes it.
                (None, live) if live.as_ref().is_none_or(|live| task.is_hook() && live.is_deleting) => {
                    let since = absent_since.unwrap_or(self.now);
                    if self.is_lost(since) {
                        let text =
                            format!("{} was deleted while the sync waited for it", task.kubectl_name());
                        let status = self.keep_status(id, ResultCode::Synced);
                        self.sync.set_result(id, status, OperationPhase::Failed, text);
                        self.set_done(id);
                    } else if let Some(state) = self.state_mut(id) {
                        state.progress = Progress::Running { absent_since: Some(since) };
                    }
                }
                (None, Some(live)) => {
                    let words =
                        live.health.as_ref().and_then(|health| health.message.clone()).unwrap_or_default();
                    if task.is_hook() && !words.is_empty() {
                        let status = self.keep_status(id, ResultCode::Synced);
                        self.sync.set_result(id, status, OperationPhase::Running, words);
                    }
                    if let Some(state) = self.state_mut(id) {
                        state.progress = Progress::Running { absent_since: None };
                    }
                }
                (None, None) => {}
            }
        }
    }

    /// A task that is over, without claiming that this machine began it. The end of a hook belongs into the record.
    fn set_done(&mut self, id: TaskId) {
        self.sync.is_unrecorded |= self.task(id).is_some_and(Task::is_hook);
        if let Some(state) = self.state_mut(id) {
            state.progress = Progress::Done;
        }
    }

    fn keep_status(&self, id: TaskId, default: ResultCode) -> ResultCode {
        self.sync.result_of(id).map_or(default, |result| result.status.clone())
    }

    fn all_tasks(&self) -> Vec<TaskId> {
        self.sync.plan.tasks.iter().map(|task| task.id).collect()
    }

    /// Tasks that the current wave waits for: hooks always, objects only where another wave follows. Once the
    /// operation has failed, only the SyncFail hooks are waited for.
    pub(super) fn running(&self) -> Vec<TaskId> {
        let waits_for_objects = self.sync.plan.is_multi_step() && self.sync.failure.is_none();
        let is_running = |task: &&Task| {
            self.state(task.id).is_some_and(|state| matches!(state.progress, Progress::Running { .. }))
        };
        let tasks = self.sync.plan.tasks.iter().filter(is_running);
        tasks
            .filter(|task| match self.sync.failure {
                Some(_) => super::is_failure_phase(task.phase),
                None => task.is_hook() || waits_for_objects,
            })
            .map(|task| task.id)
            .collect()
    }

    /// Pruned objects that are still there.
    pub(super) fn leaving(&self) -> Vec<TaskId> {
        let tasks = self.sync.plan.tasks.iter();
        tasks
            .filter(|task| task.action == Action::Prune && self.is_done(task.id) && !self.has_failed(task.id))
            .filter(|task| {
                self.live(task).is_some_and(|live| live.is_deleting && *live.uid == *task.live_uid)
            })
            .map(|task| task.id)
            .collect()
    }
}

/// Whether a live object is as healthy as it gets.
pub(super) fn is_healthy(live: &LiveObject) -> bool {
    live.health.as_ref().is_none_or(|health| health.status == HealthStatusCode::Healthy)
}

/// The end of a hook; `None` while it runs.
pub(super) fn hook_verdict(live: &LiveObject) -> Option<(OperationPhase, String)> {
    let Some(health) = &live.health else { return Some((OperationPhase::Succeeded, String::new())) };
    let phase = match health.status {
        HealthStatusCode::Progressing | HealthStatusCode::Suspended => return None,
        HealthStatusCode::Degraded | HealthStatusCode::Unknown => OperationPhase::Failed,
        _ => OperationPhase::Succeeded,
    };
    Some((phase, health.message.clone().unwrap_or_default()))
}

/// Whether an ordinary object has become healthy or broken; `None` while neither is certain.
fn object_verdict(live: &LiveObject) -> Option<(OperationPhase, String)> {
    let Some(health) = &live.health else { return Some((OperationPhase::Succeeded, String::new())) };
    let phase = match health.status {
        HealthStatusCode::Healthy => OperationPhase::Succeeded,
        HealthStatusCode::Degraded => OperationPhase::Failed,
        _ => return None,
    };
    Some((phase, health.message.clone().unwrap_or_default()))
}
