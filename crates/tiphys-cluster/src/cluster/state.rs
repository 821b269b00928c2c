//! How a cluster is doing, in the words that others show.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Whether the index says what the cluster holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterState {
    /// Kinds are being discovered or their first lists read.
    Connecting,
    /// Every watched kind has been listed, or is known to be unreadable.
    Synced {
        /// When the last list was read to its end.
        at: DateTime<Utc>,
    },
    /// The cluster does not answer or refuses us, for this reason. What is known is kept.
    Failed(Arc<str>),
}

impl ClusterState {
    /// The index can be used.
    pub fn is_synced(&self) -> bool {
        matches!(self, Self::Synced { .. })
    }

    /// Why the cluster can't be used.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(reason) => Some(reason),
            _ => None,
        }
    }
}
