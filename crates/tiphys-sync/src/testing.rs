//! What the tests of planner and machine share: manifests, proofs and plans made of a few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::application::{Operation, OperationState, SyncOperation};
use tiphys_live::{KindInfo, KindState, LiveIndex, LiveProof, Rules};
use tiphys_manifest::{GroupKind, Gvk, Manifest, ResourceKey};

use crate::live::LiveObject;
use crate::options::SyncOptions;
use crate::plan::{DestinationNamespace, PlanError, PlanInput, SyncPlan, SyncResource, plan};
use crate::proof::RenderProof;
use crate::record;
use crate::stamp::Stamp;
use crate::task::Task;

pub(crate) mod cluster;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// An object of namespace `n` (none for cluster-scoped kinds) with these annotations under the reference's prefix.
pub(crate) fn object(api_version: &str, kind: &str, name: &str, annotations: &[(&str, &str)]) -> Value {
    let mut metadata = json!({"name": name});
    if !matches!(kind, "Namespace" | "CustomResourceDefinition" | "ClusterRole") {
        metadata["namespace"] = json!("n");
    }
    for (key, value) in annotations {
        let key = if key.contains('/') { (*key).to_owned() } else { format!("argocd.argoproj.io/{key}") };
        metadata["annotations"][key] = json!(value);
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
}

pub(crate) fn config_map(name: &str, annotations: &[(&str, &str)]) -> Value {
    object("v1", "ConfigMap", name, annotations)
}

pub(crate) fn deployment(name: &str, annotations: &[(&str, &str)]) -> Value {
    let mut deployment = object("apps/v1", "Deployment", name, annotations);
    deployment["spec"] = json!({"replicas": 1, "template": {"spec": {"containers": [{"image": "web:1"}]}}});
    deployment
}

pub(crate) fn job(name: &str, annotations: &[(&str, &str)]) -> Value {
    let mut job = object("batch/v1", "Job", name, annotations);
    job["spec"] = json!({"template": {"spec": {"containers": [{"image": "job:1"}]}}});
    job
}

pub(crate) fn definition(plural: &str, group: &str, kind: &str) -> Value {
    let name = format!("{plural}.{group}");
    let mut definition = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", &name, &[]);
    definition["spec"] = json!({"group": group, "names": {"kind": kind}});
    definition
}

pub(crate) fn key(value: &Value) -> ResourceKey {
    Manifest::new(value.clone()).unwrap().key()
}

/// A live object as the API server gives it: with uid, and judged by the rules of its kind.
pub(crate) fn live(value: &Value) -> LiveObject {
    let mut value = value.clone();
    if value["metadata"]["uid"].is_null() {
        value["metadata"]["uid"] = json!(format!("uid-{}", value["metadata"]["name"].as_str().unwrap()));
    }
    let health = tiphys_health::assess(&value);
    LiveObject::of(Arc::new(value), health)
}

pub(crate) fn desired(value: &Value) -> SyncResource {
    let manifest = Manifest::new(value.clone()).unwrap();
    SyncResource {
        key: manifest.key(),
        gvk: manifest.gvk(),
        desired: Some(Arc::new(manifest)),
        live: None,
        is_out_of_sync: true,
        requires_pruning: false,
    }
}

pub(crate) fn in_sync(value: &Value) -> SyncResource {
    SyncResource { live: Some(live(value)), is_out_of_sync: false, ..desired(value) }
}

pub(crate) fn extra(value: &Value) -> SyncResource {
    SyncResource { desired: None, live: Some(live(value)), requires_pruning: true, ..desired(value) }
}

/// Evidence for the kinds of the given resources, from an index that has listed them.
pub(crate) fn live_proof<'a>(resources: impl IntoIterator<Item = &'a SyncResource>) -> LiveProof {
    let kinds: Vec<GroupKind> = resources.into_iter().map(|resource| resource.key.group_kind()).collect();
    let mut index = LiveIndex::new(Rules::default());
    let infos = kinds.iter().map(|kind| {
        let gvk = Gvk::new(kind.group.clone(), "v1", kind.kind.clone());
        (KindInfo::watchable(gvk, kind.kind.to_lowercase(), true), true)
    });
    index.discovered(infos.collect(), BTreeMap::new());
    for kind in &kinds {
        index.set_kind_state(kind, KindState::Observed);
    }
    index.observation().proof(&kinds).unwrap()
}

/// Everything that a plan is made of, with defaults that permit everything.
pub(crate) struct Ask {
    pub(crate) operation: SyncOperation,
    pub(crate) options: SyncOptions,
    pub(crate) resources: Vec<SyncResource>,
    pub(crate) namespace: &'static str,
    pub(crate) namespace_live: Option<LiveObject>,
    pub(crate) metadata: Option<tiphys_api::application::ManagedNamespaceMetadata>,
    pub(crate) forbidden: &'static [&'static str],
    pub(crate) unserved: &'static [&'static str],
    pub(crate) is_observed: bool,
    pub(crate) shared: Option<&'static str>,
}

impl Ask {
    pub(crate) fn of(resources: impl IntoIterator<Item = SyncResource>) -> Self {
        Ask {
            operation: SyncOperation { prune: true, ..SyncOperation::default() },
            options: SyncOptions::default(),
            resources: resources.into_iter().collect(),
            namespace: "n",
            namespace_live: None,
            metadata: None,
            forbidden: &[],
            unserved: &[],
            is_observed: true,
            shared: None,
        }
    }

    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        self.options = SyncOptions::parse(options.iter().copied());
        self
    }

    pub(crate) fn state(&self) -> OperationState {
        let operation = Operation { sync: Some(self.operation.clone()), ..Operation::default() };
        record::begin(&operation, at(0))
    }

    pub(crate) fn try_plan(&self) -> Result<SyncPlan, PlanError> {
        let proof = live_proof(&self.resources);
        let objects: Vec<_> = self.resources.iter().filter_map(|resource| resource.desired.clone()).collect();
        let state = self.state();
        plan(&PlanInput {
            operation: &self.operation,
            options: &self.options,
            state: &state,
            stamp: &Stamp::new("uid-app", state.started_at, state.retry_count),
            resources: &self.resources,
            namespace: DestinationNamespace {
                name: self.namespace,
                live: self.namespace_live.clone(),
                metadata: self.metadata.as_ref(),
                tracking: Some(("argocd.argoproj.io/tracking-id", "app:/Namespace:n/n")),
            },
            permits: &|gvk, _| match self.forbidden.contains(&&*gvk.kind) {
                true => {
                    Err(format!("resource {}:{} is not permitted in project default.", gvk.group, gvk.kind))
                }
                false => Ok(()),
            },
            serves: &|gvk| !self.unserved.contains(&&*gvk.kind),
            render: &RenderProof::complete(vec!["0123456789".to_owned()], Vec::new(), &objects),
            observed: self.is_observed.then_some(&proof),
            shared_resource: self.shared,
        })
    }

    pub(crate) fn plan(&self) -> SyncPlan {
        self.try_plan().unwrap()
    }

    /// The plan in words: `PreSync 0: job | Sync 0: -old a b, c` with prunes marked by `-` and steps cut by `,`.
    pub(crate) fn words(&self) -> String {
        words(&self.plan())
    }
}

pub(crate) fn words(plan: &SyncPlan) -> String {
    let name = |id: &crate::TaskId| plan.task(*id).map(|task| task.key.name().to_owned()).unwrap_or_default();
    let waves = plan.waves.iter().chain(&plan.failure_waves).map(|wave| {
        let prunes = wave.prunes.iter().map(|id| format!("-{} ", name(id))).collect::<String>();
        let steps = wave.steps.iter().map(|step| step.iter().map(name).collect::<Vec<_>>().join(" "));
        let steps = steps.collect::<Vec<_>>().join(", ");
        format!("{} {}: {}", wave.phase.as_str(), wave.number, format!("{prunes}{steps}").trim_end())
    });
    waves.collect::<Vec<_>>().join(" | ")
}

pub(crate) fn task<'a>(plan: &'a SyncPlan, name: &str) -> &'a Task {
    plan.tasks.iter().find(|task| task.key.name() == name).unwrap()
}
