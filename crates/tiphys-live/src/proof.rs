//! What has been observed of a cluster, and the proof that an absence is an absence.
//!
//! "Not in the index" means "not in the cluster" only when discovery was complete and the first list of the
//! kind was read to its end. [`LiveProof`] says that and can be made only from an [`Observation`] in which it
//! is so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use thiserror::Error;
use tiphys_manifest::GroupKind;

use crate::kind::KindInfo;

/// How far the observation of a kind has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindState {
    /// The first list has not been read to its end.
    Pending,
    /// Listed and watched.
    Observed,
    /// The watch is broken, for this reason; what is known may be old.
    Lost(Arc<str>),
    /// Not watched: excluded by settings, not watchable, or not permitted.
    NotWatched,
}

/// The kinds of a cluster and how far each has been observed. A value: it does not change after it was taken.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    discovered: bool,
    unavailable: Option<Arc<str>>,
    failed_groups: BTreeMap<Arc<str>, Arc<str>>,
    kinds: HashMap<GroupKind, (Arc<KindInfo>, KindState)>,
}

/// Why an absence from the index proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotObserved {
    /// The kinds of the cluster are not known yet.
    #[error("the kinds of the cluster are not known yet")]
    Undiscovered,
    /// The cluster can't be reached.
    #[error("the cluster is not reachable: {0}")]
    Unavailable(Arc<str>),
    /// The kinds of a group are not known.
    #[error("the kinds of API group {group:?} are not known: {reason}")]
    Group {
        /// The API group.
        group: Arc<str>,
        /// Why discovery of the group failed.
        reason: Arc<str>,
    },
    /// A kind is not listed to its end.
    #[error("objects of kind {0} have not been listed yet")]
    Pending(GroupKind),
    /// The watch of a kind is broken.
    #[error("the watch on kind {kind} is interrupted: {reason}")]
    Lost {
        /// The kind.
        kind: GroupKind,
        /// What the API server or the connection said.
        reason: Arc<str>,
    },
    /// A kind is not watched at all.
    #[error("kind {0} is not watched")]
    NotWatched(GroupKind),
}

/// Says that the index knew every object of certain kinds when it was taken. Pruning takes one as argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveProof {
    kinds: BTreeSet<GroupKind>,
}

impl LiveProof {
    /// The proof holds for this kind.
    pub fn covers(&self, kind: &GroupKind) -> bool {
        self.kinds.contains(kind)
    }

    /// The kinds for which the proof holds.
    pub fn kinds(&self) -> impl Iterator<Item = &GroupKind> {
        self.kinds.iter()
    }
}

impl Observation {
    /// A served kind.
    pub fn kind(&self, kind: &GroupKind) -> Option<&Arc<KindInfo>> {
        self.kinds.get(kind).map(|(info, _)| info)
    }

    /// How far a kind has been observed; `None` for a kind that the cluster does not serve.
    pub fn state(&self, kind: &GroupKind) -> Option<&KindState> {
        self.kinds.get(kind).map(|(_, state)| state)
    }

    /// All served kinds, in no order.
    pub fn kinds(&self) -> impl Iterator<Item = (&Arc<KindInfo>, &KindState)> {
        self.kinds.values().map(|(info, state)| (info, state))
    }

    /// Why the kinds of a group are not known; `None` when they are.
    pub fn failed_group(&self, group: &str) -> Option<&Arc<str>> {
        self.failed_groups.get(group)
    }

    /// Discovery has been answered once.
    pub fn is_discovered(&self) -> bool {
        self.discovered
    }

    /// No kind is waiting for its first list.
    pub fn is_synced(&self) -> bool {
        self.discovered && !self.kinds.values().any(|(_, state)| *state == KindState::Pending)
    }

    /// A proof for the kinds, or the first reason why there is none. A kind that the cluster does not serve,
    /// with its group discovered, has no objects: the proof covers it.
    ///
    /// # Errors
    ///
    /// [`NotObserved`] with the kind or group and the reason.
    pub fn proof<'a>(
        &self,
        kinds: impl IntoIterator<Item = &'a GroupKind>,
    ) -> Result<LiveProof, NotObserved> {
        if let Some(reason) = &self.unavailable {
            return Err(NotObserved::Unavailable(reason.clone()));
        }
        if !self.discovered {
            return Err(NotObserved::Undiscovered);
        }
        let mut covered = BTreeSet::new();
        for kind in kinds {
            if let Some(reason) = self.failed_groups.get(&kind.group) {
                return Err(NotObserved::Group { group: kind.group.clone(), reason: reason.clone() });
            }
            match self.kinds.get(kind).map(|(_, state)| state) {
                None | Some(KindState::Observed) => {}
                Some(KindState::Pending) => return Err(NotObserved::Pending(kind.clone())),
                Some(KindState::Lost(reason)) => {
                    return Err(NotObserved::Lost { kind: kind.clone(), reason: reason.clone() });
                }
                Some(KindState::NotWatched) => return Err(NotObserved::NotWatched(kind.clone())),
            }
            covered.insert(kind.clone());
        }
        Ok(LiveProof { kinds: covered })
    }

    /// Takes the result of a discovery over and gives the kinds that are no longer served. Kinds of failed
    /// groups stay as they were.
    pub(crate) fn discover(
        &mut self,
        kinds: impl IntoIterator<Item = (KindInfo, bool)>,
        failed_groups: BTreeMap<Arc<str>, Arc<str>>,
    ) -> Vec<GroupKind> {
        let mut before = std::mem::take(&mut self.kinds);
        for (info, watched) in kinds {
            let kind = info.group_kind();
            let state = match before.remove(&kind) {
                // What was not watched stays so until its first list: it may be a kind that we are not
                // permitted to read.
                Some((old, state)) if old.gvk == info.gvk && old.namespaced == info.namespaced => {
                    if watched {
                        state
                    } else {
                        KindState::NotWatched
                    }
                }
                // Another version or scope is another list.
                _ if watched => KindState::Pending,
                _ => KindState::NotWatched,
            };
            self.kinds.insert(kind, (Arc::new(info), state));
        }
        let mut gone = Vec::new();
        for (kind, entry) in before {
            if failed_groups.contains_key(&kind.group) {
                self.kinds.insert(kind, entry);
            } else {
                gone.push(kind);
            }
        }
        self.discovered = true;
        self.failed_groups = failed_groups;
        gone.sort();
        gone
    }

    pub(crate) fn set_state(&mut self, kind: &GroupKind, state: KindState) {
        if let Some(entry) = self.kinds.get_mut(kind) {
            entry.1 = state;
        }
    }

    pub(crate) fn set_unavailable(&mut self, reason: Option<Arc<str>>) {
        self.unavailable = reason;
    }
}
