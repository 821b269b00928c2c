//! Desired against live, object by object, and what that makes of the application.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tiphys_api::Application;
use tiphys_api::application::ApplicationCondition;
use tiphys_api::words::ApplicationConditionType::{ComparisonError, SharedResourceWarning};
use tiphys_api::words::{HealthStatusCode, SyncStatusCode};
use tiphys_health::Health;
use tiphys_live::{KindState, LiveNode, LiveSnapshot};
use tiphys_manifest::{GroupKind, Gvk, Manifest, ResourceKey};
use tiphys_rbac::{Destination, Project};
use tiphys_settings::Settings;
use tiphys_sync::hook::{self, Hook};
use tiphys_sync::{LiveObject, Removal, RenderProof, SyncOptions, SyncResource};

use crate::conditions::condition;
use crate::health;
use crate::messages;
use crate::order::by_joined_text;
use crate::refresh::namespace_metadata_differs;
use crate::target::{ApiScopes, Target, TargetObject, TargetState};
use crate::verdict::{self, MergeSchemas, Rules};

/// What a comparison is made of.
pub struct CompareInput<'a> {
    /// The application.
    pub app: &'a Application,
    /// Namespace of the control plane.
    pub control_namespace: &'a str,
    /// The limits of its project.
    pub project: &'a Project,
    /// The cluster that it deploys to.
    pub cluster: Destination<'a>,
    /// What it should look like.
    pub target: &'a Target,
    /// What the cluster holds of it; the error says why that is not known.
    pub live: Result<&'a LiveSnapshot, &'a str>,
    /// The settings.
    pub settings: &'a Arc<Settings>,
    /// Schemas of the cluster's kinds.
    pub schemas: &'a dyn MergeSchemas,
    /// Which kinds live in namespaces.
    pub scopes: &'a dyn ApiScopes,
    /// The comparison before this one. Objects that are the very same on both sides are not looked at again.
    pub previous: Option<&'a Comparison>,
}

/// One object of an application: as it should be, as it is, or both.
#[derive(Clone, Debug)]
pub struct ComparedResource {
    /// Its identity.
    pub key: ResourceKey,
    /// Its kind and version: of the live object where there is one.
    pub gvk: Gvk,
    /// The object as it should be.
    pub desired: Option<Arc<Manifest>>,
    /// The object as it is.
    pub live: Option<Arc<LiveNode>>,
    /// Whether the two are alike; empty for hooks and for objects that are left out of syncs.
    pub status: SyncStatusCode,
    /// What makes it a hook.
    pub hook: Option<Hook>,
    /// Its wave.
    pub wave: i64,
    /// It is tracked by the application and left its sources.
    pub requires_pruning: bool,
    /// A user has to confirm before it is deleted.
    pub requires_deletion_confirmation: bool,
    /// Its health; `Missing` when it is not there, `None` for kinds without rules.
    pub health: Option<Health>,
    /// An apply would change it. Also true when one side is missing.
    pub is_modified: bool,
    facts: Facts,
    /// The verdict was found with a schema.
    had_schema: bool,
}

/// What the annotations of the live object say.
#[derive(Clone, Debug, Default)]
struct Facts {
    hook: Option<Hook>,
    ignores_health: bool,
    ignores_extraneous: bool,
    options: SyncOptions,
}

impl ComparedResource {
    /// It is listed without a verdict: a hook, or an object that is left out of every sync.
    #[must_use]
    pub fn is_hook(&self) -> bool {
        self.hook.as_ref().is_some_and(|hook| !hook.is_skip())
    }

    /// It counts for the application's sync status.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.hook.is_none()
    }

    pub(crate) fn ignores_health(&self) -> bool {
        self.facts.ignores_health
    }

    /// What makes the live object a hook.
    pub(crate) fn live_hook(&self) -> Option<&Hook> {
        self.facts.hook.as_ref()
    }
}

/// What a comparison found.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Whether the cluster equals the sources.
    pub sync_status: SyncStatusCode,
    /// What the sources resolved to, in their order; empty when that is not known.
    pub revisions: Vec<String>,
    /// The tools that rendered the sources, in their order.
    pub source_types: Vec<String>,
    /// All objects but desired hooks, in the order of the status.
    pub resources: Vec<ComparedResource>,
    /// Hooks that the sources have.
    pub hooks: Vec<TargetObject>,
    /// How well the application is.
    pub health: HealthStatusCode,
    /// Which objects are the cause; empty when all are well.
    pub health_message: String,
    /// What was wrong, without beginnings.
    pub conditions: Vec<ApplicationCondition>,
    /// The complete render, when there is one.
    pub render: Option<Arc<RenderProof>>,
    /// Why something is not known; `None` when everything is.
    pub unknown: Option<String>,
    /// Hooks run before the application is deleted.
    pub has_pre_delete_hooks: bool,
    /// Hooks run after the application's objects are deleted.
    pub has_post_delete_hooks: bool,
    pub(crate) rules: Arc<Rules>,
    settings: Arc<Settings>,
}

impl Comparison {
    /// The objects as a sync plans with them, hooks included.
    #[must_use]
    pub fn sync_resources(&self) -> Vec<SyncResource> {
        let compared = self.resources.iter().map(|resource| SyncResource {
            key: resource.key.clone(),
            gvk: resource.desired.as_ref().map_or_else(|| resource.gvk.clone(), |desired| desired.gvk()),
            desired: resource.desired.clone(),
            live: resource.live.as_ref().map(LiveObject::from),
            is_out_of_sync: resource.is_modified,
            requires_pruning: resource.requires_pruning,
        });
        // A hook that is there already was found under its name among the tracked objects.
        let live: HashMap<&ResourceKey, &Arc<LiveNode>> = self
            .resources
            .iter()
            .filter_map(|resource| Some((&resource.key, resource.live.as_ref()?)))
            .collect();
        let hooks = self.hooks.iter().map(|hook| SyncResource {
            key: hook.key.clone(),
            gvk: hook.gvk.clone(),
            desired: Some(hook.manifest.clone()),
            live: live.get(&hook.key).map(|node| LiveObject::from(*node)),
            is_out_of_sync: true,
            requires_pruning: false,
        });
        let is_desired_hook: HashSet<&ResourceKey> = self.hooks.iter().map(|hook| &hook.key).collect();
        compared.filter(|resource| !is_desired_hook.contains(&resource.key)).chain(hooks).collect()
    }

    /// Gives the objects that are there already the fields that `ignoreDifferences` chooses as they are live
    /// (`RespectIgnoreDifferences=true`). Hooks are as they are desired.
    pub fn keep_ignored_fields(&self, resources: &mut [SyncResource], schemas: &dyn MergeSchemas) {
        let live: HashMap<&ResourceKey, &Arc<LiveNode>> = self
            .resources
            .iter()
            .filter(|resource| resource.hook.is_none())
            .filter_map(|resource| Some((&resource.key, resource.live.as_ref()?)))
            .collect();
        let hooks: HashSet<&ResourceKey> = self.hooks.iter().map(|hook| &hook.key).collect();
        for resource in resources.iter_mut().filter(|resource| !hooks.contains(&resource.key)) {
            let (Some(desired), Some(node)) = (&resource.desired, live.get(&resource.key)) else { continue };
            let Some(body) = self.rules.live_body(node, &resource.gvk) else { continue };
            let schema = schemas.schema(&resource.gvk);
            let kept = self.rules.ignore.with_live_fields(desired.value(), &body, schema.as_deref());
            if let Some(kept) = kept.and_then(|kept| Manifest::new(kept).ok()) {
                resource.desired = Some(Arc::new(kept));
            }
        }
    }

    /// The live objects that the application manages.
    pub fn live_nodes(&self) -> impl Iterator<Item = &Arc<LiveNode>> {
        self.resources.iter().filter_map(|resource| resource.live.as_ref())
    }

    /// The words of the first condition about an object that another application claims too.
    #[must_use]
    pub fn shared_resource(&self) -> Option<&str> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == SharedResourceWarning)
            .map(|condition| condition.message.as_str())
    }
}

/// Compares what an application should look like with what is.
#[must_use]
pub fn compare(input: &CompareInput<'_>) -> Comparison {
    let rules = rules(input);
    let instance = input.app.instance_name(input.control_namespace);
    let mut conditions: Vec<ApplicationCondition> =
        rules.problems.iter().map(|problem| condition(ComparisonError, problem.as_str())).collect();
    let mut unknown = None;
    let mut fail = |conditions: &mut Vec<ApplicationCondition>, message: String| {
        conditions.push(condition(ComparisonError, message.as_str()));
        unknown.get_or_insert(message);
    };
    let target = match input.target {
        Target::Complete(state) => Some(&**state),
        Target::Unknown(reason) => {
            fail(&mut conditions, format!("{}{reason}", messages::TARGET_FAILED));
            None
        }
    };
    let empty = LiveSnapshot::default();
    let live = match input.live {
        Ok(live) => live,
        Err(reason) => {
            fail(&mut conditions, format!("{}{reason}", messages::LIVE_FAILED));
            &empty
        }
    };
    if let (Some(target), Ok(live)) = (target, input.live)
        && let Err(reason) = live.proof(&watched_kinds(target, live))
    {
        fail(&mut conditions, format!("{}{reason}", messages::LIVE_FAILED));
    }
    conditions.extend(target.into_iter().flat_map(|target| target.conditions.iter().cloned()));

    let verdicts = Verdicts::new(input, &rules);
    let mut seen_uids: HashSet<&str> = HashSet::new();
    let mut resources: Vec<ComparedResource> = Vec::new();
    let objects = target.map_or(&[][..], |target| target.objects.as_slice());
    for object in objects.iter().filter(|object| object.hook.as_ref().is_none_or(Hook::is_skip)) {
        let node = live.get(&object.key).filter(|node| is_permitted(input, node));
        if let Some(node) = node {
            seen_uids.insert(&node.uid);
            if let Some(other) = node.tracked_by.as_deref().filter(|other| **other != *instance) {
                // With its namespace always, also in the control namespace: so the reference writes it.
                let this = input.app.qualified_name("");
                let message = messages::shared_resource(node.key.kind(), node.key.name(), &this, other);
                conditions.push(condition(SharedResourceWarning, message));
            }
        }
        resources.push(verdicts.of_target(object, node));
    }
    let wanted: HashSet<&ResourceKey> = resources.iter().map(|resource| &resource.key).collect();
    let mut extra: Vec<ComparedResource> = Vec::new();
    for key in &live.tracked {
        let Some(node) = live.get(key).filter(|_| !wanted.contains(key)) else { continue };
        // An object with an owner is its owner's: its marks came with what it was copied from.
        let is_own = node.owners.is_empty() && (node.uid.is_empty() || !seen_uids.contains(&*node.uid));
        if is_own && is_permitted(input, node) {
            extra.push(verdicts.of_extra(node, target));
        }
    }
    resources.append(&mut extra);
    let mut sync_status = SyncStatusCode::Synced;
    for resource in &mut resources {
        if resource.status == SyncStatusCode::OutOfSync
            && !(resource.requires_pruning && resource.facts.ignores_extraneous)
        {
            sync_status = SyncStatusCode::OutOfSync;
        }
        if !input.project.permits_kind(
            resource.key.group(),
            resource.key.kind(),
            resource.key.name(),
            verdicts.is_namespaced(&resource.key),
        ) || unknown.is_some() && resource.counts()
        {
            resource.status = SyncStatusCode::Unknown;
        }
    }
    if unknown.is_some() {
        sync_status = SyncStatusCode::Unknown;
    } else if namespace_metadata_differs(input.app) {
        sync_status = SyncStatusCode::OutOfSync;
    }
    resources.sort_by(|one, other| by_joined_text(&one.key, &other.key));
    let (health, health_message) = if input.live.is_ok() {
        health::aggregate(&resources, input.app)
    } else {
        (HealthStatusCode::Unknown, String::new())
    };
    Comparison {
        sync_status,
        revisions: target.map(|target| target.proof.revisions.clone()).unwrap_or_default(),
        source_types: target.map(|target| target.proof.source_types.clone()).unwrap_or_default(),
        hooks: objects.iter().filter(|object| is_run(object)).cloned().collect(),
        render: target.map(|target| target.proof.clone()),
        has_pre_delete_hooks: target.is_some_and(|target| target.has_pre_delete_hooks),
        has_post_delete_hooks: target.is_some_and(|target| target.has_post_delete_hooks),
        resources,
        health,
        health_message,
        conditions,
        unknown,
        rules,
        settings: input.settings.clone(),
    }
}

/// A hook with at least one point at which it runs.
fn is_run(object: &TargetObject) -> bool {
    object.hook.as_ref().is_some_and(|hook| !hook.is_skip() && !hook.types.is_empty())
}

/// The rules of the comparison before, when they would come out the same.
fn rules(input: &CompareInput<'_>) -> Arc<Rules> {
    match input.previous {
        Some(previous)
            if Arc::ptr_eq(&previous.settings, input.settings)
                && previous.rules.own == input.app.spec.ignore_differences =>
        {
            previous.rules.clone()
        }
        _ => Arc::new(Rules::new(input.app, input.settings)),
    }
}

/// The kinds whose absence has to be a true absence: all that are desired, but those that nobody watches, which are read
/// one by one, and those whose watch is broken at the moment. What was seen of these last still holds for a comparison; a
/// verdict that came and went with every broken connection would only be noise. Pruning asks for a proof of its own.
fn watched_kinds(target: &TargetState, live: &LiveSnapshot) -> HashSet<GroupKind> {
    target
        .objects
        .iter()
        .filter(|object| object.hook.is_none())
        .map(|object| object.gvk.group_kind())
        .filter(|kind| {
            !matches!(live.observation().state(kind), Some(KindState::NotWatched | KindState::Lost(_)))
        })
        .collect()
}

/// What the project does not permit is neither shown nor touched.
fn is_permitted(input: &CompareInput<'_>, node: &LiveNode) -> bool {
    let key = &node.key;
    input.project.permits_resource(input.cluster, key.group(), key.kind(), key.namespace(), key.name())
}

/// Judges single objects, and remembers what the comparison before found of them.
struct Verdicts<'a> {
    input: &'a CompareInput<'a>,
    rules: &'a Arc<Rules>,
    options: SyncOptions,
    previous: HashMap<&'a ResourceKey, &'a ComparedResource>,
}

impl<'a> Verdicts<'a> {
    fn new(input: &'a CompareInput<'a>, rules: &'a Arc<Rules>) -> Self {
        let previous = input
            .previous
            .filter(|previous| Arc::ptr_eq(&previous.rules, rules))
            .map(|previous| previous.resources.iter().map(|resource| (&resource.key, resource)).collect())
            .unwrap_or_default();
        let written =
            input.app.spec.sync_policy.as_ref().map_or(&[][..], |policy| policy.sync_options.as_slice());
        let options = SyncOptions::parse(written.iter().map(String::as_str));
        Self { input, rules, options, previous }
    }

    fn is_namespaced(&self, key: &ResourceKey) -> bool {
        self.input.scopes.is_namespaced(&key.group_kind()).unwrap_or(!key.namespace().is_empty())
    }

    fn of_target(&self, object: &TargetObject, node: Option<&Arc<LiveNode>>) -> ComparedResource {
        let schema = self.input.schemas.schema(&object.gvk);
        let known = self.previous.get(&object.key).filter(|known| {
            known.had_schema == schema.is_some()
                && is_same(known.live.as_ref(), node)
                && known.desired.as_ref().is_some_and(|desired| Arc::ptr_eq(desired, &object.manifest))
        });
        let (is_modified, facts) = match (known, node) {
            (Some(known), _) => (known.is_modified, known.facts.clone()),
            (None, None) => (true, Facts::default()),
            (None, Some(node)) => {
                let body = self.rules.live_body(node, &object.gvk);
                let is_modified =
                    verdict::is_modified(&object.manifest, body.as_ref(), self.rules, schema.as_deref());
                (is_modified, Facts::read(body))
            }
        };
        let is_skipped = object.hook.is_some();
        let is_managed_namespace = node.is_none() && self.is_managed_namespace(&object.key);
        let status = match (is_skipped, is_modified && !is_managed_namespace) {
            (true, _) => SyncStatusCode::default(),
            (false, true) => SyncStatusCode::OutOfSync,
            (false, false) => SyncStatusCode::Synced,
        };
        ComparedResource {
            key: object.key.clone(),
            gvk: node.map_or_else(|| object.gvk.clone(), |node| node.gvk()),
            desired: Some(object.manifest.clone()),
            status,
            hook: object.hook.clone(),
            wave: object.wave,
            requires_pruning: false,
            requires_deletion_confirmation: self.needs_confirmation(&SyncOptions::of(&object.manifest))
                || node.is_some() && self.needs_confirmation(&facts.options),
            health: health::of_live(node),
            is_modified,
            live: node.cloned(),
            facts,
            had_schema: schema.is_some(),
        }
    }

    fn of_extra(&self, node: &Arc<LiveNode>, target: Option<&TargetState>) -> ComparedResource {
        let known = self
            .previous
            .get(&node.key)
            .filter(|known| known.desired.is_none() && is_same(known.live.as_ref(), Some(node)));
        let facts = match known {
            Some(known) => known.facts.clone(),
            None => Facts::read(node.body()),
        };
        let wave_of_hook = || {
            let hooks = target.into_iter().flat_map(|target| &target.objects).filter(|object| is_run(object));
            hooks.into_iter().find(|object| object.key == node.key).map_or(0, |object| object.wave)
        };
        // A namespace that the application keeps labels on is not in the sources and still wanted.
        let is_managed_namespace = self.is_managed_namespace(&node.key);
        let is_extra = facts.hook.is_none() && !is_managed_namespace;
        ComparedResource {
            key: node.key.clone(),
            gvk: node.gvk(),
            desired: None,
            status: match (&facts.hook, is_managed_namespace) {
                (Some(_), _) => SyncStatusCode::default(),
                (None, true) => SyncStatusCode::Synced,
                (None, false) => SyncStatusCode::OutOfSync,
            },
            wave: if facts.hook.is_some() { wave_of_hook() } else { 0 },
            hook: facts.hook.clone(),
            // Without a complete render nobody knows what has left the sources.
            requires_pruning: is_extra && target.is_some(),
            requires_deletion_confirmation: self.needs_confirmation(&facts.options),
            health: health::of_live(Some(node)),
            is_modified: is_extra,
            live: Some(node.clone()),
            facts,
            had_schema: false,
        }
    }

    /// The namespace that the application deploys to, when it keeps labels or annotations on it.
    fn is_managed_namespace(&self, key: &ResourceKey) -> bool {
        let app = self.input.app;
        key.group().is_empty()
            && key.kind() == "Namespace"
            && key.name() == app.spec.destination.namespace
            && app.spec.sync_policy.as_ref().is_some_and(|policy| policy.managed_namespace_metadata.is_some())
    }

    /// The object's own word wins over the application's.
    fn needs_confirmation(&self, own: &SyncOptions) -> bool {
        own.delete.or(self.options.delete) == Some(Removal::Confirm)
            || own.prune.or(self.options.prune) == Some(Removal::Confirm)
    }
}

fn is_same(one: Option<&Arc<LiveNode>>, other: Option<&Arc<LiveNode>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

impl Facts {
    fn read(body: Option<Value>) -> Self {
        use tiphys_api::names::annotation::{COMPARE_OPTIONS, IGNORE_HEALTH_CHECK};
        use tiphys_api::names::sync_option::IGNORE_EXTRANEOUS;
        let Some(manifest) = body.and_then(|body| Manifest::new(body).ok()) else { return Self::default() };
        Self {
            hook: hook::of(&manifest),
            ignores_health: manifest.annotation(IGNORE_HEALTH_CHECK) == Some("true"),
            ignores_extraneous: manifest
                .annotation(COMPARE_OPTIONS)
                .is_some_and(|options| options.split(',').any(|option| option.trim() == IGNORE_EXTRANEOUS)),
            options: SyncOptions::of(&manifest),
        }
    }
}

#[cfg(test)]
mod tests;
