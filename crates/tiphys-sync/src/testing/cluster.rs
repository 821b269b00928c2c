//! A cluster and a controller that fit into a map: enough API server for the machine, with faults on demand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::Operation;
use tiphys_api::patch;
use tiphys_manifest::{Gvk, Manifest, ResourceKey};

use super::{at, live_proof};
use crate::hook::{self, HOOK_FINALIZER};
use crate::live::{LiveObject, LiveView, PatchKind, ThreeWayPatch, annotation};
use crate::machine::{Effect, Event, Failure, FailureReason, SyncSettings, SyncState, refuse};
use crate::options::SyncOptions;
use crate::plan::{DestinationNamespace, PlanInput, SyncResource, plan};
use crate::proof::RenderProof;
use crate::record;
use crate::request::{ApplyRequest, Write};
use crate::retry::{self, Next};
use crate::stamp::{OPERATION_ANNOTATION, Stamp};

/// Objects by key, and what was done to them.
#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) objects: BTreeMap<ResourceKey, Value>,
    /// Each write that was carried out, in words.
    pub(crate) log: Vec<String>,
    /// How often each hook run (name and mark) was created.
    pub(crate) hook_runs: HashMap<String, usize>,
    /// Faults: the next write of the object with this name fails like this.
    pub(crate) faults: Vec<(&'static str, FailureReason)>,
    pub(crate) approved: Option<DateTime<Utc>>,
    /// Kinds that appear only with their definition.
    pub(crate) defined_kinds: Vec<&'static str>,
    uids: usize,
}

fn failure(reason: FailureReason, message: &str) -> Failure {
    Failure { reason, message: message.to_owned() }
}

fn live_of(value: &Value) -> LiveObject {
    LiveObject::of(Arc::new(value.clone()), tiphys_health::assess(value))
}

impl LiveView for Cluster {
    fn live(&self, key: &ResourceKey) -> Option<LiveObject> {
        self.objects.get(key).map(live_of)
    }

    fn serves(&self, gvk: &Gvk) -> bool {
        !self.defined_kinds.contains(&&*gvk.kind)
            || self.objects.values().any(|object| {
                object["kind"] == "CustomResourceDefinition" && object["spec"]["names"]["kind"] == *gvk.kind
            })
    }

    fn three_way(&self, _: &Gvk, desired: &Value, live: &Value) -> Result<Option<ThreeWayPatch>, String> {
        let last = tiphys_diff::apply::last_applied(live);
        let mut target = live.clone();
        if let Some(removals) = patch::merge_patch(&last.unwrap_or(json!({})), desired) {
            patch::apply(&mut target, &removals);
        }
        patch::apply(&mut target, desired);
        Ok(patch::merge_patch(live, &target).map(|patch| ThreeWayPatch { kind: PatchKind::Merge, patch }))
    }

    fn deletion_approved_at(&self) -> Option<DateTime<Utc>> {
        self.approved
    }
}

impl Cluster {
    pub(crate) fn insert(&mut self, mut object: Value) {
        self.uids += 1;
        object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        object["metadata"]["resourceVersion"] = json!("1");
        self.objects.insert(super::key(&object), object);
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let names = self.objects.keys().map(ResourceKey::name);
        names.collect()
    }

    fn fault(&mut self, name: &str) -> Option<FailureReason> {
        let place = self.faults.iter().position(|(faulty, _)| *faulty == name)?;
        Some(self.faults.remove(place).1)
    }

    fn write(&mut self, request: &ApplyRequest) -> Result<LiveObject, Failure> {
        let key = &request.key;
        let fault = self.fault(key.name());
        match fault {
            None | Some(FailureReason::OutcomeUnknown) => {}
            Some(reason) => return Err(failure(reason, "a fault of the test")),
        }
        assert!(self.serves(&request.gvk), "{key} was sent before its kind is served");
        let exists = self.objects.contains_key(key);
        let (verb, object) = match &request.write {
            Write::Create { .. } if exists => {
                return Err(failure(FailureReason::AlreadyExists, "already exists"));
            }
            Write::Create { body } => {
                self.uids += 1;
                let mut object = body.clone();
                object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
                if let Some(mark) = annotation(body, OPERATION_ANNOTATION) {
                    *self.hook_runs.entry(format!("{} {mark}", key.name())).or_default() += 1;
                }
                ("create", object)
            }
            Write::Patch { patch, .. } => {
                let Some(live) = self.objects.get(key) else {
                    return Err(failure(FailureReason::NotFound, "not found"));
                };
                let mut object = live.clone();
                patch::apply(&mut object, patch);
                ("patch", object)
            }
            Write::Replace { body } => {
                let Some(live) = self.objects.get(key) else {
                    return Err(failure(FailureReason::NotFound, "not found"));
                };
                if body["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"] {
                    return Err(failure(FailureReason::Conflict, "the object has been modified"));
                }
                let mut object = body.clone();
                object["metadata"]["uid"] = live["metadata"]["uid"].clone();
                ("replace", object)
            }
            Write::ServerSideApply { body, field_manager } => {
                assert_eq!(field_manager, "argocd-controller");
                let mut object = self.objects.get(key).cloned().unwrap_or_else(|| {
                    self.uids += 1;
                    json!({"metadata": {"uid": format!("uid-{}", self.uids)}})
                });
                patch::apply(&mut object, body);
                ("ssa", object)
            }
        };
        let mut object = object;
        let version =
            object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
        object["metadata"]["resourceVersion"] = json!((version.unwrap_or(0) + 1).to_string());
        self.log.push(format!("{verb} {}", key.name()));
        self.objects.insert(key.clone(), object.clone());
        match fault {
            Some(reason) => Err(failure(reason, "the answer was lost")),
            None => Ok(live_of(&object)),
        }
    }

    fn delete(&mut self, key: &ResourceKey, uid: &str) -> Result<(), Failure> {
        if let Some(reason) = self.fault(key.name()) {
            return Err(failure(reason, "a fault of the test"));
        }
        let Some(object) = self.objects.get_mut(key) else {
            return Err(failure(FailureReason::NotFound, "not found"));
        };
        if object["metadata"]["uid"] != uid {
            return Err(failure(FailureReason::Conflict, "the uid does not match"));
        }
        self.log.push(format!("delete {}", key.name()));
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        self.collect(key);
        Ok(())
    }

    /// Finalizers off, object gone.
    fn collect(&mut self, key: &ResourceKey) {
        let Some(object) = self.objects.get(key) else { return };
        let holds = object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
        if object["metadata"]["deletionTimestamp"].is_string() && !holds {
            self.objects.remove(key);
        }
    }

    fn json_patch(&mut self, key: &ResourceKey, patch: &Value) -> Result<(), Failure> {
        let Some(object) = self.objects.get_mut(key) else {
            return Err(failure(FailureReason::NotFound, "not found"));
        };
        for operation in patch.as_array().unwrap() {
            let path = operation["path"].as_str().unwrap();
            match operation["op"].as_str().unwrap() {
                "test" if object.pointer(path) != Some(&operation["value"]) => {
                    return Err(failure(FailureReason::Invalid, "the test failed"));
                }
                "test" => {}
                "remove" => {
                    let (parent, index) = path.rsplit_once('/').unwrap();
                    let list = object.pointer_mut(parent).unwrap().as_array_mut().unwrap();
                    list.remove(index.parse().unwrap());
                }
                other => panic!("{other}"),
            }
        }
        self.log.push(format!("release {}", key.name()));
        self.collect(key);
        Ok(())
    }

    /// Workloads make progress: jobs end, deployments roll out. The annotation `fate: fail` makes them end badly,
    /// `fate: never` not at all. Gives whether anything changed.
    pub(crate) fn run(&mut self) -> bool {
        let mut changed = false;
        for object in self.objects.values_mut() {
            let fate =
                object["metadata"]["annotations"]["argocd.argoproj.io/fate"].as_str().unwrap_or_default();
            if fate == "never" || !object["status"].is_null() {
                continue;
            }
            let status = match (object["kind"].as_str().unwrap(), fate == "fail") {
                ("Job", false) => json!({"conditions": [{"type": "Complete", "status": "True"}]}),
                ("Job", true) => {
                    json!({"conditions": [{"type": "Failed", "status": "True", "message": "it broke"}]})
                }
                ("Deployment", false) => {
                    json!({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1})
                }
                ("Deployment", true) => json!({"conditions": [{
                    "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow",
                }]}),
                ("CustomResourceDefinition", _) => json!({"conditions": [
                    {"type": "Established", "status": "True"}, {"type": "NamesAccepted", "status": "True"},
                ]}),
                _ => continue,
            };
            object["status"] = status;
            changed = true;
        }
        changed
    }
}

/// When the controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// Before the effect with this number is carried out.
    Before(usize),
    /// After it was carried out, before the answer arrives.
    After(usize),
}

/// An Application, its source, its cluster, and a controller that may die.
pub(crate) struct World {
    pub(crate) application: Application,
    pub(crate) desired: Vec<Value>,
    pub(crate) options: SyncOptions,
    pub(crate) settings: SyncSettings,
    pub(crate) cluster: Cluster,
    pub(crate) now: DateTime<Utc>,
    pub(crate) crash: Option<Crash>,
    /// Terminate when this many effects were carried out.
    pub(crate) terminate_at: Option<usize>,
    /// Effects that were carried out, `WakeAt` left out.
    pub(crate) effects: usize,
    /// Records are stored only when nothing else can be done.
    pub(crate) slow_record: bool,
    unstored: Option<tiphys_api::application::OperationState>,
    /// Each recorded phase and message, neighbours different.
    pub(crate) told: Vec<String>,
    /// How often an operation's end was recorded.
    pub(crate) ends: usize,
    /// Attempts that were begun or taken up again.
    pub(crate) lives: usize,
}

/// What a step of the simulation leads to.
enum Fate {
    GoesOn,
    Died,
    Ended,
}

impl World {
    #[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
    pub(crate) fn new(desired: impl IntoIterator<Item = Value>, operation: Value) -> Self {
        let application = json!({
            "metadata": {"name": "app", "uid": "uid-app", "resourceVersion": "1"},
            "spec": {"project": "default", "destination": {"namespace": "n"}},
            "operation": operation,
        });
        World {
            application: serde_json::from_value(application).unwrap(),
            desired: desired.into_iter().collect(),
            options: SyncOptions::default(),
            settings: SyncSettings::default(),
            cluster: Cluster::default(),
            now: at(0),
            crash: None,
            terminate_at: None,
            slow_record: false,
            unstored: None,
            effects: 0,
            told: Vec::new(),
            ends: 0,
            lives: 0,
        }
    }

    pub(crate) fn sync(desired: impl IntoIterator<Item = Value>) -> Self {
        World::new(desired, json!({"sync": {"prune": true}}))
    }

    pub(crate) fn state(&self) -> &tiphys_api::application::OperationState {
        self.application.status.operation_state.as_ref().unwrap()
    }

    pub(crate) fn message(&self) -> &str {
        &self.state().message
    }

    pub(crate) fn phase(&self) -> &str {
        self.state().phase.as_str()
    }

    /// `name: status/phase message` of each result.
    pub(crate) fn results(&self) -> Vec<String> {
        let results = &self.state().sync_result.as_ref().unwrap().resources;
        let words = results.iter().map(|result| {
            format!("{}: {}/{} {}", result.name, result.status, result.hook_phase, result.message)
        });
        words.collect()
    }

    /// Runs controllers until the operation has ended.
    pub(crate) fn run(&mut self) {
        for _ in 0..60 {
            if self.application.operation.is_none() {
                return;
            }
            self.live();
        }
        panic!("the operation does not end: {:?}", self.told);
    }

    fn resources(&self) -> Vec<SyncResource> {
        let mut resources: Vec<SyncResource> = self.desired.iter().map(super::desired).collect();
        for resource in &mut resources {
            resource.live = self.cluster.live(&resource.key);
        }
        for (key, value) in &self.cluster.objects {
            // The namespace that a sync makes is not tracked.
            if !resources.iter().any(|resource| resource.key == *key)
                && key.kind() != "Namespace"
                && !hook::is_hook(&Manifest::new(value.clone()).unwrap())
            {
                let mut extra = super::extra(value);
                extra.live = Some(live_of(value));
                resources.push(extra);
            }
        }
        resources
    }

    /// One life of a controller: from reading the Application to the end of an attempt, or death.
    fn live(&mut self) {
        self.lives += 1;
        self.unstored = None;
        let operation: Operation = self.application.operation.clone().unwrap();
        let recorded = self.application.status.operation_state.clone();
        let recorded = recorded.filter(|state| !state.phase.is_completed() && state.operation == operation);
        let (mut state, is_resumed) = match recorded {
            Some(mut state) => {
                let waits = retry::pending_retry(&state);
                if let Some(at) = waits {
                    self.now = self.now.max(at);
                    retry::start_retry(&mut state);
                }
                (state, waits.is_none())
            }
            None => (record::begin(&operation, self.now), false),
        };
        if state.sync_result.is_none() {
            record::pin(
                &mut state,
                record::Pinned {
                    revisions: vec!["0123456789".to_owned()],
                    sources: Vec::new(),
                    is_multi_source: false,
                    managed_namespace_metadata: None,
                },
            );
        }
        let resources = self.resources();
        let proof = live_proof(&resources);
        let objects: Vec<_> = resources.iter().filter_map(|resource| resource.desired.clone()).collect();
        let stamp = Stamp::new("uid-app", state.started_at, state.retry_count);
        let planned = plan(&PlanInput {
            operation: operation.sync.as_ref().unwrap(),
            options: &self.options,
            state: &state,
            stamp: &stamp,
            resources: &resources,
            namespace: DestinationNamespace {
                name: "n",
                live: self.cluster.live(&ResourceKey::new("", "Namespace", "", "n")),
                metadata: None,
                tracking: None,
            },
            permits: &|_, _| Ok(()),
            serves: &|gvk| self.cluster.serves(gvk),
            render: &RenderProof::complete(vec!["0123456789".to_owned()], Vec::new(), &objects),
            observed: Some(&proof),
            shared_resource: None,
        });
        let mut sync = match planned {
            Ok(plan) if is_resumed => SyncState::resume(plan, state, self.settings),
            Ok(plan) => SyncState::new(plan, state, self.settings),
            Err(error) => return self.conclude(&refuse(state, &error, self.now)),
        };
        let mut events = vec![Event::Started];
        let mut wake = None;
        let mut idle = 0;
        loop {
            while !events.is_empty() {
                let event = events.remove(0);
                for effect in sync.step(event, &self.cluster, self.now) {
                    if let Effect::WakeAt(at) = effect {
                        wake = Some(at);
                        continue;
                    }
                    idle = 0;
                    match self.carry_out(effect, &mut events) {
                        Fate::GoesOn => {}
                        Fate::Died | Fate::Ended => return,
                    }
                }
            }
            if let Some(state) = self.unstored.take() {
                self.store(&state);
                events.push(Event::Persisted);
            } else if self.cluster.run() {
                events.push(Event::LiveChanged);
            } else if let Some(at) = wake.take() {
                self.now = self.now.max(at);
                events.push(Event::Tick);
            } else {
                idle += 1;
                assert!(idle < 5, "stuck: {} in {:?}", sync.operation_state().message, self.cluster.log);
                events.push(Event::Tick);
                if self.terminate_at.take().is_some() {
                    events.push(Event::Terminate);
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect, events: &mut Vec<Event>) -> Fate {
        let number = self.effects;
        self.effects += 1;
        if self.crash == Some(Crash::Before(number)) {
            return Fate::Died;
        }
        let ended = matches!(effect, Effect::Finish(_));
        let answer = match effect {
            Effect::Persist(state) if self.slow_record => {
                assert!(self.unstored.is_none(), "two records on their way");
                self.unstored = Some(*state);
                None
            }
            Effect::Persist(state) => {
                self.store(&state);
                Some(Event::Persisted)
            }
            Effect::Apply { task, request } => {
                Some(Event::Applied { task, result: self.cluster.write(&request) })
            }
            Effect::Read { task, key, .. } => Some(Event::Read { task, result: Ok(self.cluster.live(&key)) }),
            Effect::Delete { task, request } => {
                Some(Event::Deleted { task, result: self.cluster.delete(&request.key, &request.uid) })
            }
            Effect::RemoveFinalizer { task, request } => {
                self.check_release(&request.key);
                let result = self.cluster.json_patch(&request.key, &request.patch);
                Some(Event::FinalizerRemoved { task, result })
            }
            Effect::Finish(conclusion) => {
                self.conclude(&conclusion);
                None
            }
            Effect::WakeAt(_) => None,
        };
        if self.crash == Some(Crash::After(number)) {
            return Fate::Died;
        }
        events.extend(answer);
        if self.terminate_at == Some(self.effects) {
            events.push(Event::Terminate);
        }
        if ended { Fate::Ended } else { Fate::GoesOn }
    }

    /// A hook of the operation that runs is released only when the record has its result.
    fn check_release(&self, key: &ResourceKey) {
        let Some(object) = self.cluster.objects.get(key) else { return };
        let mark = annotation(object, OPERATION_ANNOTATION).unwrap_or_default();
        let state = self.state();
        let own = Stamp::new("uid-app", state.started_at, state.retry_count).to_string();
        if mark.starts_with(&own) {
            let results = &state.sync_result.as_ref().unwrap().resources;
            assert!(
                results.iter().any(|result| result.name == key.name()
                    && mark.ends_with(result.sync_phase.as_str())
                    && !result.hook_phase.is_empty()),
                "{key} is released before its result is recorded: {results:?}"
            );
        }
        assert!(object["metadata"]["finalizers"].as_array().unwrap().contains(&json!(HOOK_FINALIZER)));
    }

    fn store(&mut self, state: &tiphys_api::application::OperationState) {
        if let Some(patch) = record::progress_patch(&self.application, state, true) {
            self.patch(&patch);
        }
    }

    fn conclude(&mut self, conclusion: &retry::Conclusion) {
        let patch = record::terminal_patch(&self.application, conclusion);
        self.patch(&patch);
        if conclusion.next == Next::Done {
            self.ends += 1;
        }
    }

    /// What the API server does with a merge patch of the Application.
    fn patch(&mut self, patch: &Value) {
        let version = self.application.metadata.resource_version.clone();
        assert_eq!(patch["metadata"]["resourceVersion"], *version, "the patch is not fenced");
        let mut value = serde_json::to_value(&self.application).unwrap();
        patch::apply(&mut value, patch);
        value["metadata"]["resourceVersion"] = json!((version.parse::<u64>().unwrap() + 1).to_string());
        self.application = serde_json::from_value(value).unwrap();
        let told = format!("{}: {}", self.phase(), self.message());
        if self.told.last() != Some(&told) {
            self.told.push(told);
        }
    }
}
