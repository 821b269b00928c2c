//! What results and operations say, in the words that scripts and people know from the reference.

use tiphys_manifest::{Gvk, ResourceKey};

use crate::task::{KeepReason, Task};

pub(crate) const ALL_TASKS_RUN: &str = "successfully synced (all tasks run)";
pub(crate) const NO_MORE_TASKS: &str = "successfully synced (no more tasks)";
pub(crate) const TASKS_RUNNING: &str = "one or more tasks are running";
pub(crate) const FAILED_TO_APPLY: &str = "one or more objects failed to apply";
pub(crate) const COMPLETED_UNSUCCESSFULLY: &str =
    "one or more synchronization tasks completed unsuccessfully";
pub(crate) const NAMESPACE_FAILED: &str = "the namespace failed to apply";
pub(crate) const TERMINATED: &str = "Operation terminated";
pub(crate) const TERMINATION_ERRORS: &str = "Operation termination had errors";
pub(crate) const TERMINATING_BY_TIMEOUT: &str = "operation is terminating due to timeout";
pub(crate) const PRUNED: &str = "pruned";
pub(crate) const PRUNED_DRY_RUN: &str = "pruned (dry run)";

/// What an apply did, as kubectl says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Created,
    Configured,
    Unchanged,
    Replaced,
    ServerSideApplied,
}

/// `deployment.apps/web configured`.
pub(crate) fn applied(task: &Task, done: Done, dry_run: bool) -> String {
    let verb = match done {
        Done::Created => "created",
        Done::Configured => "configured",
        Done::Unchanged => "unchanged",
        Done::Replaced => "replaced",
        Done::ServerSideApplied => "serverside-applied",
    };
    format!("{} {verb}{}", task.kubectl_name(), if dry_run { " (dry run)" } else { "" })
}

pub(crate) fn kept(reason: KeepReason) -> &'static str {
    match reason {
        KeepReason::PruneNotRequested => "ignored (requires pruning)",
        KeepReason::PruneForbidden => "ignored (no prune)",
    }
}

/// Why a task's kind can't be written.
pub(crate) fn kind_not_found(gvk: &Gvk, key: &ResourceKey) -> String {
    format!(
        "The Kubernetes API could not find {}/{} for requested resource {}/{}. Make sure the \"{}\" CRD is installed on the destination cluster.",
        gvk.group,
        gvk.kind,
        key.namespace(),
        key.name(),
        gvk.kind,
    )
}

/// What an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitingFor {
    Completion,
    Health,
    Deletion,
}

/// `waiting for healthy state of apps/Deployment/web and 2 more resources`; empty for no task. Hooks are named before
/// ordinary objects.
pub(crate) fn waiting<'a>(tasks: impl Iterator<Item = &'a Task>, deletion: bool) -> String {
    let (hooks, objects): (Vec<&Task>, Vec<&Task>) = tasks.partition(|task| task.is_hook());
    let (waiting_for, noun, tasks) = match (deletion, hooks.is_empty()) {
        (_, false) => (WaitingFor::Completion, "hooks", hooks),
        (_, true) => (WaitingFor::Health, "resources", objects),
    };
    let waiting_for = if deletion { WaitingFor::Deletion } else { waiting_for };
    let Some(first) = tasks.first() else { return String::new() };
    let what = match waiting_for {
        WaitingFor::Completion => "completion of hook",
        WaitingFor::Health => "healthy state of",
        WaitingFor::Deletion => "deletion of",
    };
    let more = match tasks.len() {
        1 => String::new(),
        count => format!(" and {} more {noun}", count - 1),
    };
    format!("waiting for {what} {}{more}", first.waiting_name())
}

/// `Waiting for pruning confirmation of apps/v1/Deployment/web and 1 more resources`.
pub(crate) fn confirmation(tasks: &[&Task]) -> String {
    let Some(first) = tasks.first() else { return String::new() };
    let more = match tasks.len() {
        1 => String::new(),
        count => format!(" and {} more resources", count - 1),
    };
    let (api_version, kind, name) = (first.gvk.api_version(), first.key.kind(), first.key.name());
    format!("Waiting for pruning confirmation of {api_version}/{kind}/{name}{more}")
}

/// `one or more objects failed to apply, reason: a,b`.
pub(crate) fn failed<'a>(what: &str, reasons: impl Iterator<Item = &'a str>) -> String {
    let reasons: Vec<&str> = reasons.collect();
    if reasons.is_empty() { what.to_owned() } else { format!("{what}, reason: {}", reasons.join(",")) }
}
