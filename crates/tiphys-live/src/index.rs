//! The index itself: what is stored, and how a new state of an object gets in.

mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use tiphys_manifest::{GroupKind, ResourceKey};

use crate::change::{Change, ChangeKind, ChangedFields};
use crate::kind::KindInfo;
use crate::node::LiveNode;
use crate::order::is_older;
use crate::proof::{KindState, Observation};
use crate::rules::Rules;
use crate::snapshot::LiveSnapshot;

/// How many uids of deleted objects are remembered, so that a late event does not bring one back.
const TOMBSTONES: usize = 4096;

/// The observed objects of one cluster.
///
/// States of an object may arrive twice, late, and from watches as well as from answers to our own writes: a
/// state that is older than the stored one is ignored, and a deleted object does not come back.
#[derive(Debug, Default)]
pub struct LiveIndex {
    rules: Rules,
    nodes: HashMap<ResourceKey, Arc<LiveNode>>,
    by_uid: HashMap<Arc<str>, ResourceKey>,
    /// Objects by what they name as their owner, whether or not it exists.
    owned: HashMap<graph::OwnerId, Vec<ResourceKey>>,
    tracked: HashMap<Arc<str>, BTreeSet<ResourceKey>>,
    by_kind: HashMap<GroupKind, HashSet<ResourceKey>>,
    by_namespace: HashMap<Box<str>, HashSet<ResourceKey>>,
    wanted: HashSet<ResourceKey>,
    /// Objects that were read by rules that are no longer those of the index.
    outdated: HashSet<ResourceKey>,
    deleted: HashSet<Arc<str>>,
    deleted_order: VecDeque<Arc<str>>,
    observation: Arc<Observation>,
    /// The newest resourceVersion that a list of a kind and namespace was read at.
    listed_at: HashMap<(GroupKind, Box<str>), Box<str>>,
}

impl LiveIndex {
    /// An empty index.
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// The rules by which objects are read.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sets other rules. Stored objects stay as they were read until they are brought again, see
    /// [`reread`](Self::reread).
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.outdated = self.nodes.keys().cloned().collect();
    }

    /// Everything is about to be listed again: until then no kind counts as observed, and states that are
    /// known already are read anew.
    pub fn reread(&mut self) {
        self.outdated = self.nodes.keys().cloned().collect();
        let observed: Vec<GroupKind> = self
            .observation
            .kinds()
            .filter(|(_, state)| **state != KindState::NotWatched)
            .map(|(info, _)| info.group_kind())
            .collect();
        for kind in observed {
            self.set_kind_state(&kind, KindState::Pending);
        }
    }

    /// Reads an object with its body for one comparison, without taking it into the index.
    pub fn read_whole(&self, kind: &KindInfo, object: Value) -> Option<LiveNode> {
        LiveNode::read(kind, object, &self.rules, true)
    }

    /// Reads an object into a node without storing it, so that a caller needs no exclusive access for that.
    /// `None` for what has no name.
    pub fn prepare(&self, kind: &KindInfo, object: Value) -> Option<LiveNode> {
        let keep_body = !self.wanted.is_empty() && self.wanted.contains(&key_of(kind, &object)?);
        LiveNode::read(kind, object, &self.rules, keep_body)
    }

    /// Takes a state of an object. `None` when it changes nothing that the index keeps, or is older than what
    /// is stored.
    pub fn apply(&mut self, kind: &KindInfo, object: Value) -> Option<Change> {
        let node = self.prepare(kind, object)?;
        self.apply_node(node)
    }

    /// As [`apply`](Self::apply), for a prepared node.
    pub fn apply_node(&mut self, node: LiveNode) -> Option<Change> {
        if !node.uid.is_empty() && self.deleted.contains(&node.uid) {
            return None;
        }
        if let Some(old) = self.nodes.get(&node.key) {
            let adds_body = node.has_body() && !old.has_body();
            // Rules or the watched version changed: the same state has to be read once more.
            let reread = self.outdated.contains(&node.key) || old.version != node.version;
            if is_older(&node.resource_version, &old.resource_version)
                || (old.uid == node.uid
                    && old.resource_version == node.resource_version
                    && !adds_body
                    && !reread)
            {
                return None;
            }
        }
        self.put(node)
    }

    /// Whether exactly this state is stored: a watch event that says so can be dropped before it is parsed.
    pub fn is_current(&self, uid: &str, resource_version: &str) -> bool {
        self.by_uid.get(uid).and_then(|key| self.nodes.get(key)).is_some_and(|node| {
            &*node.resource_version == resource_version && !self.outdated.contains(&node.key)
        })
    }

    /// An object is gone. With a uid, only that very object: a later one of the same name stays.
    pub fn delete(&mut self, key: &ResourceKey, uid: Option<&str>) -> Option<Change> {
        if let Some(uid) = uid.filter(|uid| !uid.is_empty()) {
            self.bury(uid.into());
            if self.nodes.get(key).is_some_and(|node| !node.uid.is_empty() && &*node.uid != uid) {
                return None;
            }
        }
        self.remove(key)
    }

    /// A complete list of a kind (in a namespace, when the kind is watched by namespace), read at
    /// `resource_version`. Objects that are not in it are gone, unless they are newer than the list: an
    /// answer to our own write may have overtaken it. A list older than the one before means that the cluster
    /// was set back: then it is the truth.
    pub fn reset(
        &mut self,
        kind: &GroupKind,
        namespace: Option<&str>,
        resource_version: &str,
        listed: Vec<LiveNode>,
    ) -> Vec<Change> {
        let scope = (kind.clone(), Box::from(namespace.unwrap_or_default()));
        let set_back = self.listed_at.get(&scope).is_some_and(|before| is_older(resource_version, before));
        self.listed_at.insert(scope, resource_version.into());

        let keys: HashSet<&ResourceKey> = listed.iter().map(|node| &node.key).collect();
        let mut gone: Vec<ResourceKey> = self
            .by_kind
            .get(kind)
            .into_iter()
            .flatten()
            .filter(|key| namespace.is_none_or(|it| it == key.namespace()) && !keys.contains(key))
            .filter(|key| {
                set_back
                    || self
                        .nodes
                        .get(*key)
                        .is_none_or(|node| !is_older(resource_version, &node.resource_version))
            })
            .cloned()
            .collect();
        gone.sort();
        let mut changes: Vec<Change> = gone
            .into_iter()
            .filter_map(|key| {
                let uid = self.nodes.get(&key)?.uid.clone();
                self.delete(&key, Some(&uid))
            })
            .collect();
        for node in listed {
            if set_back {
                self.deleted.remove(&node.uid);
                changes.extend(self.put(node));
            } else {
                changes.extend(self.apply_node(node));
            }
        }
        changes
    }

    /// The kind is no longer served or watched: its objects are forgotten, as if they were deleted.
    pub fn forget_kind(&mut self, kind: &GroupKind) -> Vec<Change> {
        self.listed_at.retain(|(listed, _), _| listed != kind);
        let mut keys: Vec<ResourceKey> = self.by_kind.get(kind).into_iter().flatten().cloned().collect();
        keys.sort();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }

    /// Takes the result of a discovery over: every served kind and whether it shall be watched, and the
    /// groups whose kinds could not be learnt, with the reason. Objects of kinds that are gone or not watched
    /// any more are forgotten.
    pub fn discovered(
        &mut self,
        kinds: Vec<(KindInfo, bool)>,
        failed_groups: BTreeMap<Arc<str>, Arc<str>>,
    ) -> Vec<Change> {
        let observation = Arc::make_mut(&mut self.observation);
        let mut forget = observation.discover(kinds, failed_groups);
        for (info, state) in observation.kinds() {
            if *state == KindState::NotWatched {
                forget.push(info.group_kind());
            }
        }
        forget.iter().flat_map(|kind| self.forget_kind(kind)).collect()
    }

    /// How far a kind has been observed.
    pub fn set_kind_state(&mut self, kind: &GroupKind, state: KindState) {
        if self.observation.state(kind).is_some_and(|before| *before != state) {
            Arc::make_mut(&mut self.observation).set_state(kind, state);
        }
    }

    /// The cluster can't be reached, for this reason, or it can again.
    pub fn set_unavailable(&mut self, reason: Option<Arc<str>>) {
        Arc::make_mut(&mut self.observation).set_unavailable(reason);
    }

    /// The kinds of the cluster and how far they have been observed.
    pub fn observation(&self) -> &Arc<Observation> {
        &self.observation
    }

    /// Keep the body of this object from its next state on although no application tracks it.
    pub fn want_body(&mut self, key: &ResourceKey) {
        self.wanted.insert(key.clone());
    }

    /// One object.
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<LiveNode>> {
        self.nodes.get(key).cloned()
    }

    /// One object by its uid.
    pub fn by_uid(&self, uid: &str) -> Option<Arc<LiveNode>> {
        self.get(self.by_uid.get(uid)?)
    }

    /// The objects that an application tracks, in the order of their keys.
    pub fn tracked(&self, app_instance: &str) -> Vec<Arc<LiveNode>> {
        self.tracked.get(app_instance).into_iter().flatten().filter_map(|key| self.get(key)).collect()
    }

    /// Instance names of the applications that track at least one object.
    pub fn tracking_apps(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tracked.keys()
    }

    /// The objects of a kind, in no order.
    pub fn of_kind<'a>(&'a self, kind: &GroupKind) -> impl Iterator<Item = &'a Arc<LiveNode>> + use<'a> {
        self.by_kind.get(kind).into_iter().flatten().filter_map(|key| self.nodes.get(key))
    }

    /// What one application needs: its tracked objects and those of `desired` that exist.
    pub fn snapshot<'a>(
        &self,
        app_instance: &str,
        desired: impl IntoIterator<Item = &'a ResourceKey>,
    ) -> LiveSnapshot {
        let tracked: Vec<ResourceKey> =
            self.tracked.get(app_instance).into_iter().flatten().cloned().collect();
        let mut nodes: HashMap<ResourceKey, Arc<LiveNode>> = HashMap::with_capacity(tracked.len());
        nodes.extend(tracked.iter().filter_map(|key| Some((key.clone(), self.get(key)?))));
        nodes.extend(desired.into_iter().filter_map(|key| Some((key.clone(), self.get(key)?))));
        LiveSnapshot { nodes, tracked, observation: self.observation.clone() }
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Bytes of all kept bodies, for figures about memory.
    pub fn body_bytes(&self) -> usize {
        self.nodes.values().map(|node| node.body_size()).sum()
    }

    /// Stores a node whatever was there before.
    fn put(&mut self, mut node: LiveNode) -> Option<Change> {
        self.outdated.remove(&node.key);
        if let Some(app) = node.tracked_by.as_ref().and_then(|app| self.tracked.get_key_value(app)) {
            node.tracked_by = Some(app.0.clone());
        }
        let node = Arc::new(node);
        let Some(old) = self.nodes.get(&node.key).cloned() else {
            self.link(&node);
            let apps = self.apps_of(&node);
            return Some(change(ChangeKind::Added, ChangedFields::EXISTENCE, apps, node));
        };
        let fields = ChangedFields::between(&old, &node, self.rules.ignore_updates.as_ref());
        if fields.is_empty() {
            // Only the resourceVersion and what nobody looks at: same links.
            self.nodes.insert(node.key.clone(), node);
            return None;
        }
        let mut apps = self.apps_of(&old);
        self.unlink(&old);
        self.link(&node);
        apps.extend(self.apps_of(&node));
        apps.sort();
        apps.dedup();
        let recreated = fields.intersects(ChangedFields::EXISTENCE);
        if recreated && !old.uid.is_empty() {
            self.bury(old.uid.clone());
        }
        let kind = if recreated { ChangeKind::Added } else { ChangeKind::Modified };
        let mut change = change(kind, fields, apps, node);
        change.tracked |= old.tracked_by.is_some();
        Some(change)
    }

    fn remove(&mut self, key: &ResourceKey) -> Option<Change> {
        let node = self.nodes.get(key)?.clone();
        let apps = self.apps_of(&node);
        self.unlink(&node);
        self.nodes.remove(key);
        self.outdated.remove(key);
        Some(change(ChangeKind::Deleted, ChangedFields::EXISTENCE, apps, node))
    }

    fn link(&mut self, node: &Arc<LiveNode>) {
        let key = &node.key;
        self.nodes.insert(key.clone(), node.clone());
        if !node.uid.is_empty() {
            self.by_uid.insert(node.uid.clone(), key.clone());
        }
        for owner in graph::owner_ids(node) {
            self.owned.entry(owner).or_default().push(key.clone());
        }
        if let Some(app) = &node.tracked_by {
            self.tracked.entry(app.clone()).or_default().insert(key.clone());
        }
        self.by_kind.entry(key.group_kind()).or_default().insert(key.clone());
        if !self.by_namespace.contains_key(key.namespace()) {
            self.by_namespace.insert(key.namespace().into(), HashSet::new());
        }
        if let Some(keys) = self.by_namespace.get_mut(key.namespace()) {
            keys.insert(key.clone());
        }
    }

    fn unlink(&mut self, node: &LiveNode) {
        let key = &node.key;
        if self.by_uid.get(&node.uid) == Some(key) {
            self.by_uid.remove(&node.uid);
        }
        for owner in graph::owner_ids(node) {
            if let Some(keys) = self.owned.get_mut(&owner) {
                keys.retain(|it| it != key);
                if keys.is_empty() {
                    self.owned.remove(&owner);
                }
            }
        }
        if let Some(app) = &node.tracked_by
            && let Some(keys) = self.tracked.get_mut(app)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.tracked.remove(app);
            }
        }
        let kind = key.group_kind();
        if let Some(keys) = self.by_kind.get_mut(&kind) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_kind.remove(&kind);
            }
        }
        if let Some(keys) = self.by_namespace.get_mut(key.namespace()) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_namespace.remove(key.namespace());
            }
        }
    }

    /// A uid is never given twice: what was deleted can't change any more.
    fn bury(&mut self, uid: Arc<str>) {
        if self.deleted.insert(uid.clone()) {
            self.deleted_order.push_back(uid);
            if self.deleted_order.len() > TOMBSTONES
                && let Some(oldest) = self.deleted_order.pop_front()
            {
                self.deleted.remove(&oldest);
            }
        }
    }
}

fn change(kind: ChangeKind, fields: ChangedFields, apps: Vec<Arc<str>>, node: Arc<LiveNode>) -> Change {
    Change { key: node.key.clone(), kind, apps, tracked: node.tracked_by.is_some(), fields, node }
}

fn key_of(kind: &KindInfo, object: &Value) -> Option<ResourceKey> {
    let metadata = object.get("metadata")?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    Some(ResourceKey::new(
        &kind.gvk.group,
        &kind.gvk.kind,
        text("namespace").unwrap_or_default(),
        text("name")?,
    ))
}
