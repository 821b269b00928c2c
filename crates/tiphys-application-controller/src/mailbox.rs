//! What an application's actor is asked to look at, joined until it has time.
//!
//! A mailbox knows nothing of applications: it merges posts by their strongest meaning and wakes its one reader. A
//! hundred posts while the reader is busy are one wake-up, so a storm of watch events costs one comparison.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tiphys_compare::CompareLevel;
use tiphys_live::ChangeKind;
use tiphys_manifest::ResourceKey;
use tokio::sync::Notify;

/// Everything posted since the reader last looked.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The Application object itself has a newer version in the store, or is gone.
    pub(crate) application: bool,
    /// The strongest comparison that somebody asked for; `None` when nobody did.
    pub(crate) compare: Option<CompareLevel>,
    /// Live objects of this application that changed, with the latest kind of change.
    pub(crate) live: HashMap<ResourceKey, ChangeKind>,
    /// Projects, settings or clusters changed: everything derived from them is looked at again.
    pub(crate) surroundings: bool,
}

impl Pending {
    /// Whether there is anything to do.
    pub(crate) fn is_empty(&self) -> bool {
        !self.application && self.compare.is_none() && self.live.is_empty() && !self.surroundings
    }

    /// Asks for a comparison of at least this level.
    pub(crate) fn ask(&mut self, level: CompareLevel) {
        self.compare = Some(self.compare.map_or(level, |have| have.max(level)));
    }
}

/// A mailbox with many writers and one reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Mailbox {
    /// Merges a post into what is pending and wakes the reader.
    pub(crate) fn post(&self, merge: impl FnOnce(&mut Pending)) {
        merge(&mut self.inner.pending.lock());
        self.inner.wake.notify_one();
    }

    /// Takes everything that is pending.
    pub(crate) fn take(&self) -> Pending {
        std::mem::take(&mut *self.inner.pending.lock())
    }

    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.pending.lock().is_empty()
    }

    /// Returns when there may be something to take. A post before the call counts.
    pub(crate) async fn wait(&self) {
        self.inner.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn posts_before_the_reader_waits_are_not_lost_and_wake_it_once() {
        let mailbox = Mailbox::default();
        for _ in 0..100 {
            mailbox.post(|pending| pending.ask(CompareLevel::Recent));
        }
        mailbox.wait().await;
        assert_eq!(mailbox.take().compare, Some(CompareLevel::Recent));
        assert!(mailbox.take().is_empty());
    }

    #[test]
    fn the_strongest_level_wins_in_any_order() {
        let mailbox = Mailbox::default();
        mailbox.post(|pending| pending.ask(CompareLevel::ForceResolve));
        mailbox.post(|pending| pending.ask(CompareLevel::Nothing));
        assert_eq!(mailbox.take().compare, Some(CompareLevel::ForceResolve));
    }
}
