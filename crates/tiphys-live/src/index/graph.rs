//! How objects hang together: owners, children, trees, and the applications that an object concerns.
//!
//! Owner references come from the cluster and may point to nothing, to each other, or in a circle. Every walk
//! keeps the keys that it has seen.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use tiphys_manifest::{GroupKind, ResourceKey};

use super::LiveIndex;
use crate::node::LiveNode;

/// Owners above an object are followed so many levels: real chains have four or five.
const DEPTH: usize = 32;

/// By what an object names its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum OwnerId {
    Uid(Arc<str>),
    Key(ResourceKey),
}

/// By what an object names its owners. A claim names every StatefulSet that its name could be made of.
pub(super) fn owner_ids(node: &LiveNode) -> Vec<OwnerId> {
    let namespace = node.key.namespace();
    let mut ids: Vec<OwnerId> = node
        .owners
        .iter()
        .map(|owner| {
            if owner.uid.is_empty() {
                OwnerId::Key(ResourceKey::new(&owner.group, &owner.kind, namespace, &owner.name))
            } else {
                OwnerId::Uid(owner.uid.clone())
            }
        })
        .collect();
    if node.owners.is_empty() && is_claim(&node.key) {
        ids.extend(
            claim_candidates(node.key.name())
                .map(|(_, set)| OwnerId::Key(ResourceKey::new("apps", "StatefulSet", namespace, set))),
        );
    }
    ids
}

fn is_claim(key: &ResourceKey) -> bool {
    key.kind() == "PersistentVolumeClaim" && key.group().is_empty()
}

/// `<template>-<set>-<ordinal>` can be cut at each hyphen.
fn claim_candidates(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let stem = name
        .rsplit_once('-')
        .filter(|(_, ordinal)| !ordinal.is_empty() && ordinal.bytes().all(|it| it.is_ascii_digit()))
        .map_or("", |(stem, _)| stem);
    stem.match_indices('-')
        .filter_map(move |(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)))
        .filter(|(template, set)| !template.is_empty() && !set.is_empty())
}

impl LiveIndex {
    /// The owners of an object that exist, in the order in which it names them.
    pub fn parents(&self, node: &LiveNode) -> Vec<Arc<LiveNode>> {
        owner_ids(node)
            .into_iter()
            .filter_map(|owner| match owner {
                OwnerId::Uid(uid) => self.by_uid(&uid),
                OwnerId::Key(key) => self.get(&key),
            })
            .filter(|parent| owns(parent, node))
            .collect()
    }

    /// The objects that name this one as their owner, in the order of their keys.
    pub fn children(&self, node: &LiveNode) -> Vec<Arc<LiveNode>> {
        let by_uid = self.owned.get(&OwnerId::Uid(node.uid.clone()));
        let by_key = self.owned.get(&OwnerId::Key(node.key.clone()));
        let mut children: Vec<Arc<LiveNode>> = by_uid
            .into_iter()
            .chain(by_key)
            .flatten()
            .filter_map(|key| self.get(key))
            .filter(|child| owns(node, child))
            .collect();
        children.sort_by(|one, other| one.key.cmp(&other.key));
        children.dedup_by(|one, other| one.key == other.key);
        children
    }

    /// The tracked objects of an application and everything below them, each object once and after an owner
    /// of it.
    pub fn tree(&self, app_instance: &str) -> Vec<Arc<LiveNode>> {
        self.below(self.tracked(app_instance))
    }

    /// The given objects and everything below them, each object once and after an owner of it.
    pub fn below(&self, roots: Vec<Arc<LiveNode>>) -> Vec<Arc<LiveNode>> {
        let mut seen: HashSet<ResourceKey> = roots.iter().map(|node| node.key.clone()).collect();
        let mut queue: VecDeque<Arc<LiveNode>> = roots.into();
        let mut tree = Vec::with_capacity(queue.len());
        while let Some(node) = queue.pop_front() {
            for child in self.children(&node) {
                if seen.insert(child.key.clone()) {
                    queue.push_back(child);
                }
            }
            tree.push(node);
        }
        tree
    }

    /// Top-level objects of a namespace that no application tracks, without those that every namespace has
    /// (TRK-009, TRK-010), in the order of their keys.
    pub fn orphans(&self, namespace: &str) -> Vec<Arc<LiveNode>> {
        let mut orphans: Vec<Arc<LiveNode>> = self
            .by_namespace
            .get(namespace)
            .filter(|_| !namespace.is_empty())
            .into_iter()
            .flatten()
            .filter_map(|key| self.get(key))
            .filter(|node| node.tracked_by.is_none() && node.owners.is_empty() && !is_everywhere(&node.key))
            .filter(|node| self.parents(node).is_empty())
            .collect();
        orphans.sort_by(|one, other| one.key.cmp(&other.key));
        orphans
    }

    /// Instance names of the applications that track the object or one of its owners, sorted.
    pub fn apps_of(&self, node: &LiveNode) -> Vec<Arc<str>> {
        let mut apps: BTreeSet<Arc<str>> = node.tracked_by.iter().cloned().collect();
        // Most objects have no owner and no second look is needed.
        let mut level = self.parents(node);
        let mut seen: HashSet<ResourceKey> = HashSet::new();
        for _ in 0..DEPTH {
            if level.is_empty() {
                break;
            }
            let mut above = Vec::new();
            for parent in level {
                if seen.insert(parent.key.clone()) {
                    apps.extend(parent.tracked_by.iter().cloned());
                    above.extend(self.parents(&parent));
                }
            }
            level = above;
        }
        apps.into_iter().collect()
    }

    /// Number of objects of each kind, for figures.
    pub fn counts(&self) -> impl Iterator<Item = (&GroupKind, usize)> {
        self.by_kind.iter().map(|(kind, keys)| (kind, keys.len()))
    }
}

/// An inferred ownership holds only when both sides agree: a claim belongs to a StatefulSet that has the
/// template, Endpoints to a Service. A written one holds by uid, whatever the namespace says.
fn owns(parent: &LiveNode, child: &LiveNode) -> bool {
    if parent.key == child.key {
        return false;
    }
    if child.owners.is_empty() && is_claim(&child.key) {
        return claim_candidates(child.key.name()).any(|(template, set)| {
            set == parent.key.name() && parent.claim_templates.iter().any(|it| &**it == template)
        });
    }
    true
}

fn is_everywhere(key: &ResourceKey) -> bool {
    key.group().is_empty()
        && matches!(
            (key.kind(), key.namespace(), key.name()),
            ("ServiceAccount", _, "default")
                | ("Service", "default", "kubernetes")
                | ("ConfigMap", _, "kube-root-ca.crt")
        )
}
