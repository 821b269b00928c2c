//! What is known of a kind of objects: its versions, its scope, and whether it can be watched.

use std::sync::Arc;

use tiphys_manifest::{GroupKind, Gvk};

/// A kind that a cluster serves, from its discovery documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindInfo {
    /// Group, the version that the cluster prefers (and that is watched), and kind.
    pub gvk: Gvk,
    /// Name of the kind in request paths, for example `deployments`.
    pub plural: Arc<str>,
    /// Objects of the kind live in namespaces.
    pub namespaced: bool,
    /// Verbs that the preferred version has, for example `list`.
    pub verbs: Arc<[Arc<str>]>,
    /// Served versions, the preferred one first.
    pub versions: Arc<[Arc<str>]>,
}

impl KindInfo {
    /// A kind with one version that can be listed and watched.
    pub fn watchable(gvk: Gvk, plural: impl Into<Arc<str>>, namespaced: bool) -> Self {
        let versions = Arc::new([gvk.version.clone()]);
        let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"].map(Arc::from);
        Self { gvk, plural: plural.into(), namespaced, verbs: Arc::new(verbs), versions }
    }

    /// Group and kind.
    pub fn group_kind(&self) -> GroupKind {
        self.gvk.group_kind()
    }

    /// Whether the preferred version has the verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|it| &**it == verb)
    }

    /// Whether objects can be listed and watched.
    pub fn is_watchable(&self) -> bool {
        self.has_verb("list") && self.has_verb("watch")
    }

    /// Whether the cluster serves the kind in this version.
    pub fn serves(&self, version: &str) -> bool {
        self.versions.iter().any(|it| &**it == version)
    }
}
