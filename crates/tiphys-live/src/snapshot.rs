//! What one application needs to know of a cluster, taken at one moment.

use std::collections::HashMap;
use std::sync::Arc;

use tiphys_manifest::{GroupKind, ResourceKey};

use crate::kind::KindInfo;
use crate::node::LiveNode;
use crate::proof::{LiveProof, NotObserved, Observation};

/// The tracked objects of one application and the objects that it wants, as they were at one moment.
#[derive(Debug, Clone, Default)]
pub struct LiveSnapshot {
    /// Tracked and wanted objects that exist.
    pub nodes: HashMap<ResourceKey, Arc<LiveNode>>,
    /// Keys of the objects that the application tracks, sorted.
    pub tracked: Vec<ResourceKey>,
    pub(crate) observation: Arc<Observation>,
}

impl LiveSnapshot {
    /// The object, when it existed.
    pub fn get(&self, key: &ResourceKey) -> Option<&Arc<LiveNode>> {
        self.nodes.get(key)
    }

    /// Whether objects of the kind live in namespaces; `None` for a kind that the cluster does not serve.
    pub fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.kind(kind).map(|info| info.namespaced)
    }

    /// A served kind.
    pub fn kind(&self, kind: &GroupKind) -> Option<&Arc<KindInfo>> {
        self.observation.kind(kind)
    }

    /// The kinds of the cluster and how far they were observed.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Wanted objects that exist but whose body is not kept, because no application tracks them. They have to
    /// be read before they can be compared.
    pub fn without_body(&self) -> impl Iterator<Item = &ResourceKey> {
        self.nodes.values().filter(|node| !node.has_body()).map(|node| &node.key)
    }

    /// Proof that all objects of these kinds were known.
    ///
    /// # Errors
    ///
    /// [`NotObserved`] with the kind and the reason.
    pub fn proof<'a>(
        &self,
        kinds: impl IntoIterator<Item = &'a GroupKind>,
    ) -> Result<LiveProof, NotObserved> {
        self.observation.proof(kinds)
    }
}
