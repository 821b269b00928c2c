//! The plan of a sync: everything it is going to do, in order, as a value.
//!
//! Knows which objects become tasks, in which phase, wave and step, and what makes a plan impossible. Carrying it out
//! is [`crate::machine`]'s.

mod dependency;
mod namespace;
mod order;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use tiphys_api::application::{ManagedNamespaceMetadata, OperationState, ResourceResult, SyncOperation};
use tiphys_api::words::{OperationPhase, ResultCode};
use tiphys_live::LiveProof;
use tiphys_manifest::tracking::TRACKING_ID_ANNOTATION;
use tiphys_manifest::{Gvk, Manifest, ResourceKey, TrackingId};

use crate::hook::{self, HOOK_FINALIZER, Hook};
use crate::live::LiveObject;
use crate::options::{PropagationPolicy, Removal, ResourceOptions, SyncOptions};
use crate::proof::RenderProof;
use crate::stamp::{OPERATION_ANNOTATION, Stamp};
use crate::task::{Action, KeepReason, Phase, Task, TaskId};
use crate::{message, wave};

/// One object of an application: as the source has it, as the cluster has it, or both.
#[derive(Clone, Debug)]
pub struct SyncResource {
    /// Its identity, with the namespace filled in. A hook with only a `generateName` has an empty name.
    pub key: ResourceKey,
    /// Group, version and kind; of the desired object where there is one.
    pub gvk: Gvk,
    /// The object as it shall be, with tracking written; `None` when it left the source.
    pub desired: Option<Arc<Manifest>>,
    /// The object as it is.
    pub live: Option<LiveObject>,
    /// Whether the two differ, or one of them is missing.
    pub is_out_of_sync: bool,
    /// Whether it is tracked by the application and missing from the source, so that a prune may delete it.
    pub requires_pruning: bool,
}

/// The destination namespace, for `CreateNamespace=true`.
#[derive(Clone, Debug)]
pub struct DestinationNamespace<'a> {
    /// Its name; empty when the application names none.
    pub name: &'a str,
    /// The live namespace.
    pub live: Option<LiveObject>,
    /// Labels and annotations that the application manages on it.
    pub metadata: Option<&'a ManagedNamespaceMetadata>,
    /// The annotation (name and value) that makes the application the owner of a namespace that it manages; `None`
    /// where tracking is by label.
    pub tracking: Option<(&'a str, &'a str)>,
}

/// What a plan is made of.
pub struct PlanInput<'a> {
    /// What was asked for.
    pub operation: &'a SyncOperation,
    /// The options of the operation ([`SyncOptions::of_operation`]).
    pub options: &'a SyncOptions,
    /// The operation's state: its start gives generated names.
    pub state: &'a OperationState,
    /// The attempt.
    pub stamp: &'a Stamp,
    /// All objects of the application, hooks included.
    pub resources: &'a [SyncResource],
    /// The destination namespace.
    pub namespace: DestinationNamespace<'a>,
    /// Whether the project permits the object; `Err` says in one sentence why it does not.
    pub permits: &'a dyn Fn(&Gvk, &ResourceKey) -> Result<(), String>,
    /// Whether the cluster serves the kind.
    pub serves: &'a dyn Fn(&Gvk) -> bool,
    /// The complete render that `resources` come from.
    pub render: &'a RenderProof,
    /// Evidence that the cluster was observed completely; without it nothing is pruned.
    pub observed: Option<&'a LiveProof>,
    /// What another application also claims, in words; for `FailOnSharedResource=true`.
    pub shared_resource: Option<&'a str>,
}

/// Why there is no plan. The operation has failed with this, and nothing was done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Some objects can't be synced: their kind is unknown or the project forbids them. Each has a result.
    #[error("one or more synchronization tasks are not valid")]
    NotValid {
        /// One entry for each such object.
        results: Vec<ResourceResult>,
    },
    /// Another application claims an object, and `FailOnSharedResource=true` is set.
    #[error("Shared resource found: {0}")]
    SharedResource(String),
    /// Something is to be deleted, but the cluster was not observed completely.
    #[error("cannot prune {object}: {reason}")]
    NotProven {
        /// The first such object.
        object: String,
        /// What is missing.
        reason: String,
    },
}

/// The tasks of one phase and wave.
#[derive(Clone, Debug, Serialize)]
pub struct Wave {
    /// The phase.
    pub phase: Phase,
    /// The wave's number.
    pub number: i64,
    /// Objects that left the source. Deleted first, all at once: a successor of another name may need what they hold
    /// (a host name, a port).
    pub prunes: Vec<TaskId>,
    /// Objects and hooks: one step after the other, all tasks of a step at once.
    pub steps: Vec<Vec<TaskId>>,
}

impl Wave {
    /// All tasks of the wave.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.prunes.iter().chain(self.steps.iter().flatten()).copied()
    }
}

/// Everything that a sync is going to do, in order.
#[derive(Clone, Debug, Serialize)]
pub struct SyncPlan {
    /// All tasks, in the order in which they are done.
    pub tasks: Vec<Task>,
    /// The task that makes the destination namespace; it is done before all waves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<TaskId>,
    /// The waves of PreSync, Sync and PostSync.
    pub waves: Vec<Wave>,
    /// The waves of SyncFail, for when the others have failed.
    pub failure_waves: Vec<Wave>,
    /// Nothing is sent; the results say what would be.
    pub dry_run: bool,
    /// What happens to dependents of pruned objects.
    pub propagation: PropagationPolicy,
    /// The attempt that this is the plan of.
    #[serde(serialize_with = "stamp_as_text")]
    pub stamp: Stamp,
}

impl SyncPlan {
    /// A task of this plan.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.index())
    }

    /// Whether health is waited for between waves: there is more than one.
    pub fn is_multi_step(&self) -> bool {
        self.waves.len() > 1
    }
}

/// Makes the plan.
///
/// # Errors
/// [`PlanError`], when the operation has to fail before anything is done.
pub fn plan(input: &PlanInput<'_>) -> Result<SyncPlan, PlanError> {
    if let (true, Some(shared)) = (input.options.fails_on_shared_resource(), input.shared_resource) {
        return Err(PlanError::SharedResource(shared.to_owned()));
    }
    let hooks_run = runs_hooks(input.operation);
    let mut tasks: Vec<Task> = Vec::new();
    for resource in input.resources {
        match &resource.desired {
            Some(desired) => match hook::of(desired) {
                Some(hook) if hooks_run => hook_tasks(input, resource, desired, &hook, &mut tasks),
                Some(_) => {}
                None => tasks.extend(apply_task(input, resource, desired)),
            },
            None => tasks.extend(prune_task(input, resource)?),
        }
    }
    check(input, &tasks)?;
    order::mirror_prunes(&mut tasks);
    order::prune_last(&mut tasks);
    let mut tasks = dependency::sort(tasks);
    let namespace = namespace::task(input).map(|task| {
        tasks.insert(0, task);
        TaskId(0)
    });
    for (number, task) in tasks.iter_mut().enumerate() {
        task.id = TaskId(u32::try_from(number).unwrap_or(u32::MAX));
    }
    let (failure_waves, waves) =
        order::waves(&tasks, namespace).into_iter().partition(|wave| wave.phase == Phase::SyncFail);
    Ok(SyncPlan {
        tasks,
        namespace,
        waves,
        failure_waves,
        dry_run: input.operation.dry_run,
        propagation: input.options.propagation(),
        stamp: input.stamp.clone(),
    })
}

/// Hooks run unless the strategy is plain apply or single objects were picked.
fn runs_hooks(operation: &SyncOperation) -> bool {
    !operation.is_partial() && operation.sync_strategy.as_ref().is_none_or(|strategy| strategy.runs_hooks())
}

/// Whether a sync of picked objects includes this one. An empty namespace picks any: automated self-heal writes none.
fn is_picked(operation: &SyncOperation, key: &ResourceKey) -> bool {
    operation.resources.is_empty()
        || operation.resources.iter().any(|picked| {
            picked.group == key.group()
                && picked.kind == key.kind()
                && picked.name == key.name()
                && (picked.namespace.is_empty() || picked.namespace == key.namespace())
        })
}

fn apply_task(input: &PlanInput<'_>, resource: &SyncResource, desired: &Arc<Manifest>) -> Option<Task> {
    if !is_picked(input.operation, &resource.key) {
        return None;
    }
    if input.options.applies_out_of_sync_only() && !resource.is_out_of_sync && resource.live.is_some() {
        return None;
    }
    let mut options = ResourceOptions::resolve(input.options, desired);
    options.force |= input.operation.sync_strategy.as_ref().is_some_and(|strategy| strategy.is_forced());
    Some(Task {
        id: TaskId(0),
        phase: Phase::Sync,
        wave: wave::of(desired),
        action: Action::Apply,
        key: resource.key.clone(),
        gvk: resource.gvk.clone(),
        hook: None,
        options,
        desired: Some(desired.clone()),
        live_uid: uid(resource),
    })
}

fn hook_tasks(
    input: &PlanInput<'_>,
    resource: &SyncResource,
    desired: &Arc<Manifest>,
    hook: &Hook,
    tasks: &mut Vec<Task>,
) {
    for phase in [Phase::PreSync, Phase::Sync, Phase::PostSync, Phase::SyncFail] {
        if !hook.runs_at(phase.hook_type()) {
            continue;
        }
        let manifest = stamped(input, desired, phase);
        let key = ResourceKey::new(
            resource.key.group(),
            resource.key.kind(),
            resource.key.namespace(),
            manifest.name(),
        );
        tasks.push(Task {
            id: TaskId(0),
            phase,
            wave: wave::of(desired),
            action: Action::RunHook,
            key,
            gvk: resource.gvk.clone(),
            hook: Some(hook.clone()),
            options: ResourceOptions::resolve(input.options, desired),
            desired: Some(Arc::new(manifest)),
            live_uid: uid(resource),
        });
    }
}

/// The hook as it is created: with a name, the finalizer that keeps it until its result is recorded, and the mark of
/// this attempt.
fn stamped(input: &PlanInput<'_>, desired: &Manifest, phase: Phase) -> Manifest {
    let mut manifest = desired.clone();
    if manifest.name().is_empty() {
        let started_at = input.state.started_at.unix();
        let name = hook::generated_name(
            manifest.generate_name(),
            input.render.revision(),
            phase.hook_type(),
            started_at,
        );
        // The mark of the owner was made without the name, and would not be believed: a change of the hook would
        // then be nobody's.
        let mark = manifest.annotation(TRACKING_ID_ANNOTATION).and_then(TrackingId::parse);
        let mark =
            mark.filter(|id| id.name.is_empty()).map(|id| TrackingId { name: &name, ..id }.to_string());
        // The identity stays complete, so the edit can't fail.
        let _ = manifest.edit(|value| {
            if let Some(metadata) = value.get_mut("metadata").and_then(|metadata| metadata.as_object_mut()) {
                metadata.insert("name".to_owned(), name.as_str().into());
                metadata.remove("generateName");
            }
        });
        if let Some(mark) = mark {
            manifest.set_annotation(TRACKING_ID_ANNOTATION, &mark);
        }
    }
    if !manifest.finalizers().any(|finalizer| finalizer == HOOK_FINALIZER) {
        let _ = manifest.edit(|value| {
            let metadata = value.get_mut("metadata").and_then(|metadata| metadata.as_object_mut());
            let finalizers = metadata.map(|metadata| {
                metadata.entry("finalizers").or_insert_with(|| serde_json::Value::Array(Vec::new()))
            });
            match finalizers {
                Some(serde_json::Value::Array(list)) => list.push(HOOK_FINALIZER.into()),
                Some(other) => *other = vec![HOOK_FINALIZER].into(),
                None => {}
            }
        });
    }
    manifest.set_annotation(OPERATION_ANNOTATION, &input.stamp.of_phase(phase));
    manifest
}

fn prune_task(input: &PlanInput<'_>, resource: &SyncResource) -> Result<Option<Task>, PlanError> {
    let Some(live) = resource.live.as_ref().filter(|_| resource.requires_pruning) else { return Ok(None) };
    if !is_picked(input.operation, &resource.key) {
        return Ok(None);
    }
    let manifest = live.body().and_then(|body| Manifest::new((*body).clone()).ok());
    // A hook is no part of what the source keeps in the cluster, so its absence there means nothing.
    if manifest.as_ref().is_some_and(hook::is_hook) {
        return Ok(None);
    }
    let (options, wave) = match &manifest {
        Some(manifest) => (ResourceOptions::resolve(input.options, manifest), wave::of(manifest)),
        // What the object says about itself can't be read, so it may say that it is to be kept.
        None => return Ok(None),
    };
    let action = if !input.operation.prune {
        Action::Keep(KeepReason::PruneNotRequested)
    } else if options.prune == Removal::Forbidden {
        Action::Keep(KeepReason::PruneForbidden)
    } else {
        prove(input, resource, live)?;
        Action::Prune
    };
    Ok(Some(Task {
        id: TaskId(0),
        phase: Phase::Sync,
        wave,
        action,
        key: resource.key.clone(),
        gvk: resource.gvk.clone(),
        hook: None,
        options,
        desired: None,
        live_uid: live.uid.to_string(),
    }))
}

/// A deletion needs both proofs and the uid that it is conditional on.
fn prove(input: &PlanInput<'_>, resource: &SyncResource, live: &LiveObject) -> Result<(), PlanError> {
    let key = &resource.key;
    let refuse =
        |reason: &str| Err(PlanError::NotProven { object: key.to_string(), reason: reason.to_owned() });
    if input.render.mentions(key.group(), key.kind(), key.name()) {
        let in_namespace = input.resources.iter().any(|other| {
            other.desired.is_some()
                && other.key != *key
                && other.key.group() == key.group()
                && other.key.kind() == key.kind()
                && other.key.name() == key.name()
        });
        // The same name in another namespace explains the mention; otherwise source and comparison disagree.
        if !in_namespace {
            return refuse("the source still has an object of this name");
        }
    }
    if live.uid.is_empty() {
        return refuse("the live object has no uid");
    }
    match input.observed {
        None => refuse("the cluster has not been observed completely"),
        Some(observed) if !observed.covers(&key.group_kind()) => {
            refuse("objects of its kind have not been observed completely")
        }
        Some(_) => Ok(()),
    }
}

/// Every task's kind must be served, or come with this sync, and the project must permit it.
fn check(input: &PlanInput<'_>, tasks: &[Task]) -> Result<(), PlanError> {
    let defined: BTreeSet<(String, String)> = input
        .resources
        .iter()
        .filter_map(|resource| dependency::defines(resource.desired.as_deref()?))
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        let comes = task.options.skip_dry_run_on_missing_resource
            || defined.contains(&(task.key.group().to_owned(), task.key.kind().to_owned()));
        let problem = if !(comes || task.is_prune() || (input.serves)(&task.gvk)) {
            Some(message::kind_not_found(&task.gvk, &task.key))
        } else {
            (input.permits)(&task.gvk, &task.key).err()
        };
        if let Some(problem) = problem {
            results.push(ResourceResult {
                status: ResultCode::SyncFailed,
                message: problem,
                hook_phase: OperationPhase::default(),
                ..task.result()
            });
        }
    }
    if results.is_empty() { Ok(()) } else { Err(PlanError::NotValid { results }) }
}

fn uid(resource: &SyncResource) -> String {
    resource.live.as_ref().map(|live| live.uid.to_string()).unwrap_or_default()
}

fn stamp_as_text<S: serde::Serializer>(stamp: &Stamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(stamp)
}

#[cfg(test)]
mod tests;
