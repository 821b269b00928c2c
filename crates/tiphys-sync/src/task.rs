//! One thing that a sync does to one object.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use tiphys_api::application::ResourceResult;
use tiphys_api::words;
use tiphys_manifest::{Gvk, Manifest, ResourceKey};

use crate::hook::{Hook, HookType};
use crate::images;
use crate::options::ResourceOptions;

/// The phases of a sync, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Before the objects.
    PreSync,
    /// The objects, and hooks among them.
    Sync,
    /// After the objects are healthy.
    PostSync,
    /// After the sync has failed.
    SyncFail,
}

impl Phase {
    /// The phase's hooks.
    pub fn hook_type(self) -> HookType {
        match self {
            Phase::PreSync => HookType::PreSync,
            Phase::Sync => HookType::Sync,
            Phase::PostSync => HookType::PostSync,
            Phase::SyncFail => HookType::SyncFail,
        }
    }

    /// The phase as it is written in results.
    pub fn as_str(self) -> &'static str {
        self.hook_type().as_str()
    }
}

/// The number of a task in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(pub u32);

impl TaskId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why an object that left the source is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeepReason {
    /// The operation was not asked to prune.
    PruneNotRequested,
    /// An option forbids it.
    PruneForbidden,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// The destination namespace is created, or its labels and annotations are brought in line.
    PrepareNamespace,
    /// The object is brought in line with the source.
    Apply,
    /// The hook is run.
    RunHook,
    /// The live object is deleted, because it left the source.
    Prune,
    /// The live object left the source, but stays.
    Keep(KeepReason),
}

/// One thing to do to one object.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// The phase it belongs to.
    pub phase: Phase,
    /// The wave it is done in. For prunes this is the mirrored one.
    pub wave: i64,
    /// What is done.
    pub action: Action,
    /// The object. Of a hook with a `generateName` the name is already made.
    #[serde(serialize_with = "as_text")]
    pub key: ResourceKey,
    /// Group, version and kind to speak of the object.
    #[serde(serialize_with = "as_text")]
    pub gvk: Gvk,
    /// What makes it a hook; `None` for an ordinary object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// The options that hold for it.
    pub options: ResourceOptions,
    /// The object as it shall be. Of a hook: with name, finalizer and stamp. `None` for prunes.
    #[serde(skip)]
    pub desired: Option<Arc<Manifest>>,
    /// The live object's uid when the plan was made; empty when there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub live_uid: String,
}

impl Task {
    /// Whether it runs a hook.
    pub fn is_hook(&self) -> bool {
        self.action == Action::RunHook
    }

    /// Whether it is about an object that left the source.
    pub fn is_prune(&self) -> bool {
        matches!(self.action, Action::Prune | Action::Keep(_))
    }

    /// Whether it is a CustomResourceDefinition.
    pub fn is_definition(&self) -> bool {
        is_definition(&self.key)
    }

    /// The entry of this task in `status.operationState.syncResult.resources`, without an outcome.
    pub(crate) fn result(&self) -> ResourceResult {
        ResourceResult {
            group: self.gvk.group.to_string(),
            version: self.gvk.version.to_string(),
            kind: self.gvk.kind.to_string(),
            namespace: self.key.namespace().to_owned(),
            name: self.key.name().to_owned(),
            hook_type: match self.is_hook() {
                true => words::HookType::from(self.phase.as_str()),
                false => words::HookType::default(),
            },
            sync_phase: words::SyncPhase::from(self.phase.as_str()),
            images: self.desired.as_deref().map(|desired| images::of(desired.value())).unwrap_or_default(),
            ..ResourceResult::default()
        }
    }

    /// `configmap/a`, `deployment.apps/web`: how kubectl names the object.
    pub(crate) fn kubectl_name(&self) -> String {
        let kind = self.gvk.kind.to_lowercase();
        match &*self.gvk.group {
            "" => format!("{kind}/{}", self.key.name()),
            group => format!("{kind}.{group}/{}", self.key.name()),
        }
    }

    /// `apps/Deployment/web`, `/Pod/a`: how messages about waiting name the object.
    pub(crate) fn waiting_name(&self) -> String {
        format!("{}/{}/{}", self.key.group(), self.key.kind(), self.key.name())
    }
}

pub(crate) fn is_definition(key: &ResourceKey) -> bool {
    key.kind() == "CustomResourceDefinition" && key.group() == "apiextensions.k8s.io"
}

pub(crate) fn is_namespace(key: &ResourceKey) -> bool {
    key.kind() == "Namespace" && key.group().is_empty()
}

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
