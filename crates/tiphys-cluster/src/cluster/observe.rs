//! The tasks that keep the index up: discovery, one watch per kind and namespace, and the state of the whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tiphys_live::{Change, ChangeKind, KindInfo, KindState, LiveNode};
use tiphys_manifest::{GroupKind, Gvk, ResourceKey};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::{ClusterState, Inner};
use crate::client::Call;
use crate::discovery::{Discovered, ServerVersion, discover};
use crate::error::ApiError;
use crate::link::{Backoff, Reachability};
use crate::path::ResourceType;
use crate::watch::{self, Event, EventKind, Scope, Sink};

/// Hints at new kinds come in groups: time for the group to be complete.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// Least time between two discoveries.
const PACE: Duration = Duration::from_millis(150);
/// Time until a group whose API service did not answer is asked for again.
const FAILED_GROUP_RETRY: Duration = Duration::from_secs(30);

/// A running watch of a kind.
struct Running {
    gvk: Gvk,
    namespaced: bool,
    tasks: Vec<AbortHandle>,
}

/// Observes until it is dropped, and all watches with it.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut tasks = JoinSet::new();
    tasks.spawn(follow_link(inner.clone()));
    let mut running: HashMap<GroupKind, Running> = HashMap::new();
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut hidden = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        let began = Instant::now();
        let found = match find(&inner).await {
            Ok(found) => found,
            Err(error) => {
                inner.refuse(Some(&error));
                inner.discoveries.send_modify(|count| *count += 1);
                tokio::select! {
                    () = inner.client.after_failure(&error, &mut backoff) => {}
                    () = hurry(&inner, began) => {}
                }
                continue;
            }
        };
        backoff.reset();
        inner.client.link().report_up();
        inner.refuse(None);
        let mut wait = inner.options.rediscovery;
        if !found.failed_groups.is_empty() {
            wait = wait.min(FAILED_GROUP_RETRY);
        }
        if inner.reread.swap(false, Ordering::AcqRel) {
            for (_, watched) in running.drain() {
                watched.tasks.iter().for_each(AbortHandle::abort);
            }
            inner.index.write().reread();
        }
        inner.take_over(found);
        inner.adjust(&mut tasks, &mut running);
        inner.update_state();
        inner.discoveries.send_modify(|count| *count += 1);
        // A definition that is established but not yet in the discovery document will be there in a moment.
        if inner.has_hidden_definitions() {
            wait = wait.min(hidden.next());
        } else {
            hidden.reset();
        }
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = hurry(&inner, began) => {}
        }
    }
}

/// Waits for a hint that there are other kinds now.
async fn hurry(inner: &Inner, began: Instant) {
    inner.rediscover.notified().await;
    tokio::time::sleep(DEBOUNCE).await;
    tokio::time::sleep_until(began + PACE).await;
}

async fn find(inner: &Inner) -> Result<Discovered, ApiError> {
    let version: ServerVersion = inner.client.json(Call::get("/version")).await?;
    let found = discover(&inner.client).await?;
    let mut server = inner.server.lock();
    server.version = version;
    if *server.api_versions != *found.api_versions {
        server.api_versions = found.api_versions.clone().into();
    }
    Ok(found)
}

/// Makes what the connection says known to the index and to those who ask for the state.
async fn follow_link(inner: Arc<Inner>) {
    let mut link = inner.client.link().subscribe();
    loop {
        let reason = match &*link.borrow_and_update() {
            Reachability::Down(reason) => Some(reason.clone()),
            Reachability::Unknown | Reachability::Up => None,
        };
        inner.index.write().set_unavailable(reason);
        inner.update_state();
        if link.changed().await.is_err() {
            return;
        }
    }
}

impl Inner {
    fn refuse(&self, error: Option<&ApiError>) {
        *self.refused.lock() =
            error.filter(|error| !error.is_transport()).map(|error| error.to_string().into());
        self.update_state();
    }

    pub(super) fn update_state(&self) {
        let down = match &*self.client.link().subscribe().borrow() {
            Reachability::Down(reason) => Some(reason.clone()),
            _ => None,
        };
        let failed = down.or_else(|| self.refused.lock().clone());
        let synced = self.index.read().observation().is_synced();
        self.state.send_if_modified(|state| match (failed, synced) {
            (Some(reason), _) => {
                let next = ClusterState::Failed(reason);
                let differs = *state != next;
                *state = next;
                differs
            }
            (None, true) if state.is_synced() => false,
            (None, true) => {
                *state = ClusterState::Synced { at: Utc::now() };
                true
            }
            // A kind that was just added does not take back what is known of the others.
            (None, false) if state.is_synced() => false,
            (None, false) => {
                let differs = *state != ClusterState::Connecting;
                *state = ClusterState::Connecting;
                differs
            }
        });
    }

    fn take_over(&self, found: Discovered) {
        let kinds = found
            .kinds
            .into_iter()
            .map(|kind| {
                let watched = self.is_watched(&kind);
                (kind, watched)
            })
            .collect();
        for (group, reason) in &found.failed_groups {
            tracing::warn!(server = self.client.server(), %group, %reason, "an API group can't be discovered");
        }
        let changes = self.index.write().discovered(kinds, found.failed_groups);
        self.publish(&changes);
    }

    /// Starts the watches that are missing and ends those that are too many.
    fn adjust(self: &Arc<Self>, tasks: &mut JoinSet<()>, running: &mut HashMap<GroupKind, Running>) {
        let observation = self.index.read().observation().clone();
        running.retain(|kind, watched| {
            let keep = observation.kind(kind).is_some_and(|info| {
                self.is_watched(info) && info.gvk == watched.gvk && info.namespaced == watched.namespaced
            });
            if !keep {
                watched.tasks.iter().for_each(AbortHandle::abort);
            }
            keep
        });
        for (info, _) in observation.kinds() {
            let kind = info.group_kind();
            if !self.is_watched(info) || running.contains_key(&kind) {
                continue;
            }
            let namespaces = self.namespaces_of(info);
            let waiting = Arc::new(Mutex::new(namespaces.clone()));
            let handles = namespaces
                .into_iter()
                .map(|namespace| {
                    let sink = KindSink::new(self.clone(), info.clone(), namespace.clone(), waiting.clone());
                    let scope = Scope {
                        resource: resource_type(info),
                        namespace,
                        label_selector: String::new(),
                        field_selector: String::new(),
                    };
                    tasks.spawn(watch_kind(self.clone(), scope, sink))
                })
                .collect();
            running
                .insert(kind, Running { gvk: info.gvk.clone(), namespaced: info.namespaced, tasks: handles });
        }
    }

    /// Whether a CustomResourceDefinition is established whose kind was not discovered.
    fn has_hidden_definitions(&self) -> bool {
        let index = self.index.read();
        let definitions = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
        index.of_kind(&definitions).any(|node| {
            let Some(body) = node.body() else { return false };
            is_established(&body)
                && defined_kind(&body).is_some_and(|kind| index.observation().kind(&kind).is_none())
        })
    }

    /// Another set of kinds may be served after this change.
    pub(super) fn hints_at_kinds(&self, change: &Change) -> bool {
        match (change.key.group(), change.key.kind()) {
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                // Each status condition on the way to `Established` is a change; only the last one matters
                // for a new kind.
                let Some(body) = change.node.body() else { return true };
                let known = defined_kind(&body)
                    .is_some_and(|kind| self.index.read().observation().kind(&kind).is_some());
                let gone = change.kind == ChangeKind::Deleted;
                if known {
                    gone || change.fields.intersects(tiphys_live::ChangedFields::SPEC)
                } else {
                    !gone && is_established(&body)
                }
            }
            ("apiregistration.k8s.io", "APIService") => true,
            _ => false,
        }
    }
}

/// Boxed once here, so that the future of a watch, which holds its buffers, is not copied about.
async fn watch_kind(inner: Arc<Inner>, scope: Scope, mut sink: KindSink) {
    watch::run(&inner.client, &scope, &inner.lists, &mut sink).await;
}

pub(super) fn resource_type(kind: &KindInfo) -> ResourceType {
    ResourceType {
        group: kind.gvk.group.to_string(),
        version: kind.gvk.version.to_string(),
        plural: kind.plural.to_string(),
        kind: kind.gvk.kind.to_string(),
        namespaced: kind.namespaced,
    }
}

pub(super) fn is_established(definition: &Value) -> bool {
    definition.pointer("/status/conditions").and_then(Value::as_array).is_some_and(|conditions| {
        conditions.iter().any(|condition| {
            condition.get("type").and_then(Value::as_str) == Some("Established")
                && condition.get("status").and_then(Value::as_str) == Some("True")
        })
    })
}

pub(super) fn defined_kind(definition: &Value) -> Option<GroupKind> {
    let group = definition.pointer("/spec/group")?.as_str()?;
    let kind = definition.pointer("/spec/names/kind")?.as_str()?;
    Some(GroupKind::new(group, kind))
}

/// Takes what the watch of a kind (in a namespace) brings into the index.
struct KindSink {
    inner: Arc<Inner>,
    info: Arc<KindInfo>,
    kind: GroupKind,
    namespace: String,
    /// Namespaces of the kind whose first list is still to come.
    waiting: Arc<Mutex<BTreeSet<String>>>,
    listed: Vec<LiveNode>,
}

impl KindSink {
    fn new(
        inner: Arc<Inner>,
        info: Arc<KindInfo>,
        namespace: String,
        waiting: Arc<Mutex<BTreeSet<String>>>,
    ) -> Self {
        Self { kind: info.group_kind(), inner, info, namespace, waiting, listed: Vec::new() }
    }

    fn publish(&self, changes: &[Change]) {
        if changes.iter().any(|change| self.inner.hints_at_kinds(change)) {
            self.inner.rediscover.notify_one();
        }
        self.inner.publish(changes);
    }

    /// The kind is left out because we are not permitted to see it. Where namespaces are watched one by one,
    /// a refusal in one says nothing of the others.
    async fn is_out_of_bounds(&self, error: &ApiError) -> bool {
        let options = &self.inner.options;
        if !(error.is_forbidden() && options.respect_rbac && self.namespace.is_empty()) {
            return false;
        }
        if !options.rbac_review {
            return true;
        }
        let reviews = ResourceType::cluster_scoped(
            "authorization.k8s.io",
            "v1",
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
        );
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": "list",
                "group": &*self.kind.group,
                "version": &*self.info.gvk.version,
                "resource": &*self.info.plural,
            }},
        });
        match self.inner.client.create_object(&reviews, "", &review).await {
            Ok(answer) => answer.pointer("/status/allowed").and_then(Value::as_bool) == Some(false),
            Err(_) => false,
        }
    }

    fn mark_observed(&self) {
        if self.waiting.lock().is_empty() {
            self.inner.index.write().set_kind_state(&self.kind, KindState::Observed);
        }
    }
}

impl Sink for KindSink {
    fn begin(&mut self) {
        self.listed.clear();
    }

    fn page(&mut self, items: &[&RawValue]) {
        let index = self.inner.index.read();
        let nodes = items.iter().filter_map(|raw| {
            let object: Value = serde_json::from_str(raw.get()).ok()?;
            index.prepare(&self.info, object)
        });
        self.listed.extend(nodes);
    }

    async fn listed(&mut self, resource_version: &str) {
        let listed = std::mem::take(&mut self.listed);
        let namespace = Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let changes = self.inner.index.write().reset(&self.kind, namespace, resource_version, listed);
        self.waiting.lock().remove(&self.namespace);
        self.mark_observed();
        self.publish(&changes);
        self.inner.update_state();
    }

    async fn events(&mut self, events: &[Event<'_>]) {
        enum Step {
            Apply(Box<LiveNode>),
            Delete(ResourceKey, String),
        }
        // Reading objects takes most of the time and needs no exclusive access.
        let steps: Vec<Step> = {
            let index = self.inner.index.read();
            events
                .iter()
                .filter_map(|event| match event.kind {
                    EventKind::Applied if index.is_current(&event.meta.uid, &event.meta.resource_version) => {
                        None
                    }
                    EventKind::Applied => {
                        let object: Value = serde_json::from_str(event.object.get()).ok()?;
                        index.prepare(&self.info, object).map(|node| Step::Apply(Box::new(node)))
                    }
                    EventKind::Deleted => {
                        let meta = &event.meta;
                        let key =
                            ResourceKey::new(&self.kind.group, &self.kind.kind, &meta.namespace, &meta.name);
                        Some(Step::Delete(key, meta.uid.clone().into_owned()))
                    }
                })
                .collect()
        };
        if steps.is_empty() {
            return;
        }
        let changes: Vec<Change> = {
            let mut index = self.inner.index.write();
            steps
                .into_iter()
                .filter_map(|step| match step {
                    Step::Apply(node) => index.apply_node(*node),
                    Step::Delete(key, uid) => index.delete(&key, Some(&uid)),
                })
                .collect()
        };
        self.publish(&changes);
    }

    async fn interrupted(&mut self, error: &ApiError) {
        let state = if self.is_out_of_bounds(error).await {
            self.waiting.lock().remove(&self.namespace);
            KindState::NotWatched
        } else {
            KindState::Lost(error.to_string().into())
        };
        if !error.is_transport() {
            tracing::warn!(
                server = self.inner.client.server(), kind = %self.kind, namespace = self.namespace, %error,
                "objects of a kind can't be watched"
            );
        }
        let changes = {
            let mut index = self.inner.index.write();
            index.set_kind_state(&self.kind, state.clone());
            if state == KindState::NotWatched { index.forget_kind(&self.kind) } else { Vec::new() }
        };
        self.publish(&changes);
        self.inner.update_state();
    }

    async fn resumed(&mut self) {
        self.mark_observed();
        self.inner.update_state();
    }
}
