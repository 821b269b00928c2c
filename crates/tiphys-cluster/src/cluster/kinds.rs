//! Kinds that were not there a moment ago: an operation that creates a definition and then an object of it.

use std::sync::Arc;

use thiserror::Error;
use tiphys_live::{KindInfo, NotObserved};
use tiphys_manifest::{GroupKind, Gvk};
use tokio::time::{Instant, sleep, timeout_at};

use super::observe::defined_kind;
use super::{Cluster, ClusterState};

/// Time between two looks at a definition that is being established.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// Why a kind can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownKind {
    /// The cluster does not serve the kind.
    #[error("the cluster has no kind {kind:?} in API version {version:?}")]
    NotServed {
        /// `apiVersion`, as an object of the kind would name it.
        version: String,
        /// The kind.
        kind: Arc<str>,
    },
    /// The cluster serves the kind in other versions.
    #[error("the cluster has kind {kind:?} in {served}, not in API version {version:?}")]
    OtherVersions {
        /// `apiVersion`, as an object of the kind would name it.
        version: String,
        /// The kind.
        kind: Arc<str>,
        /// Versions that are served.
        served: String,
    },
    /// Whether the cluster serves the kind can't be found out.
    #[error("the kinds of API group {group:?} are not known: {reason}")]
    Undiscovered {
        /// The API group.
        group: Arc<str>,
        /// Why discovery failed.
        reason: String,
    },
}

impl Cluster {
    /// The kind in this version. When it is not known the API server is asked at once; when a
    /// CustomResourceDefinition that defines it exists, until it is served or the time for that has passed.
    ///
    /// # Errors
    ///
    /// When the cluster does not serve the kind or does not answer.
    pub async fn ensure_kind(&self, gvk: &Gvk) -> Result<Arc<KindInfo>, UnknownKind> {
        let group_kind = gvk.group_kind();
        if let Some(info) = self.served(&group_kind, gvk) {
            return Ok(info);
        }
        let deadline = Instant::now() + self.inner.options.kind_deadline;
        let mut discoveries = self.inner.discoveries.subscribe();
        loop {
            // A discovery that is under way may have begun before the definition was there: the one after it
            // counts.
            for _ in 0..2 {
                discoveries.borrow_and_update();
                self.inner.rediscover.notify_one();
                if timeout_at(deadline, discoveries.changed()).await.is_err() {
                    return Err(self.unknown(gvk));
                }
                if let Some(info) = self.served(&group_kind, gvk) {
                    return Ok(info);
                }
            }
            if !self.is_defined(&group_kind) || Instant::now() >= deadline {
                return Err(self.unknown(gvk));
            }
            sleep(LOOK).await;
        }
    }

    fn served(&self, kind: &GroupKind, gvk: &Gvk) -> Option<Arc<KindInfo>> {
        self.kind(kind).filter(|info| info.serves(&gvk.version))
    }

    fn is_defined(&self, kind: &GroupKind) -> bool {
        let definitions = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
        self.read(|index| {
            index
                .of_kind(&definitions)
                .any(|node| node.body().and_then(|body| defined_kind(&body)).as_ref() == Some(kind))
        })
    }

    fn unknown(&self, gvk: &Gvk) -> UnknownKind {
        let observation = self.observation();
        let undiscovered = |reason: String| UnknownKind::Undiscovered { group: gvk.group.clone(), reason };
        if let ClusterState::Failed(reason) = self.state() {
            return undiscovered(reason.to_string());
        }
        if let Some(reason) = observation.failed_group(&gvk.group) {
            return undiscovered(reason.to_string());
        }
        if !observation.is_discovered() {
            return undiscovered(NotObserved::Undiscovered.to_string());
        }
        match observation.kind(&gvk.group_kind()) {
            Some(info) => UnknownKind::OtherVersions {
                version: gvk.api_version(),
                kind: gvk.kind.clone(),
                served: info.versions.join(", "),
            },
            None => UnknownKind::NotServed { version: gvk.api_version(), kind: gvk.kind.clone() },
        }
    }
}
