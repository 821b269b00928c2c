//! Changes on their way to those who want to know: one waiting change per object, however slow the reader is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tiphys_live::{Change, ChangeKind, ChangedFields};
use tiphys_manifest::ResourceKey;
use tokio::sync::Notify;

/// Everybody who gets changes.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    readers: Mutex<Vec<Weak<Waiting>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Mutex<HashMap<ResourceKey, Change>>,
    arrived: Notify,
    /// No more will come.
    ended: AtomicBool,
}

/// The changes of a cluster for one reader, from the moment it was made.
#[derive(Debug)]
pub struct Changes {
    waiting: Arc<Waiting>,
    /// Time for more changes to come together after the first.
    batch: Duration,
}

impl Feed {
    pub(crate) fn subscribe(&self, batch: Duration) -> Changes {
        let waiting = Arc::new(Waiting::default());
        self.readers.lock().push(Arc::downgrade(&waiting));
        Changes { waiting, batch }
    }

    pub(crate) fn push(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.readers.lock().retain(|reader| {
            let Some(reader) = reader.upgrade() else { return false };
            let mut waiting = reader.changes.lock();
            for change in changes {
                match waiting.get_mut(&change.key) {
                    Some(earlier) => merge(earlier, change.clone()),
                    None => {
                        waiting.insert(change.key.clone(), change.clone());
                    }
                }
            }
            drop(waiting);
            reader.arrived.notify_one();
            true
        });
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        for reader in self.readers.get_mut().iter().filter_map(Weak::upgrade) {
            reader.ended.store(true, Ordering::Release);
            reader.arrived.notify_one();
        }
    }
}

impl Changes {
    /// The changes since the last call, at most one per object, as soon as there are any. Waits a little for
    /// more to come with the first. Empty when the cluster is no longer observed. Cancelling the call loses
    /// nothing.
    pub async fn next(&mut self) -> Vec<Change> {
        loop {
            // Looked at before waiting: an earlier call may have been cancelled after it was woken.
            if !self.waiting.changes.lock().is_empty() {
                if !self.batch.is_zero() {
                    tokio::time::sleep(self.batch).await;
                }
                let changes = self.take();
                if !changes.is_empty() {
                    return changes;
                }
            }
            if self.waiting.ended.load(Ordering::Acquire) {
                return Vec::new();
            }
            self.waiting.arrived.notified().await;
        }
    }

    /// The changes since the last call, without waiting.
    pub fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut *self.waiting.changes.lock()).into_values().collect()
    }
}

/// Two changes of an object that nobody has seen yet are one.
fn merge(earlier: &mut Change, later: Change) {
    let mut apps = std::mem::take(&mut earlier.apps);
    apps.extend(later.apps);
    apps.sort();
    apps.dedup();
    let kind = match (earlier.kind, later.kind) {
        (ChangeKind::Added, ChangeKind::Modified) => ChangeKind::Added,
        (_, kind) => kind,
    };
    *earlier = Change {
        key: later.key,
        kind,
        apps,
        tracked: earlier.tracked || later.tracked,
        fields: ChangedFields::union(earlier.fields, later.fields),
        node: later.node,
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_live::{KindInfo, LiveIndex, Rules};
    use tiphys_manifest::Gvk;

    use super::*;

    fn change(index: &mut LiveIndex, version: &str, app: &str) -> Change {
        let kind = KindInfo::watchable(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
        let id = format!("{app}:/ConfigMap:n/a");
        let object = json!({"metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": version,
            "annotations": {"argocd.argoproj.io/tracking-id": id}}});
        index.apply(&kind, object).unwrap()
    }

    #[tokio::test]
    async fn a_slow_reader_gets_one_change_per_object_that_names_every_application() {
        let feed = Feed::default();
        let mut reader = feed.subscribe(Duration::ZERO);
        let mut index = LiveIndex::new(Rules::default());
        feed.push(&[change(&mut index, "1", "one")]);
        feed.push(&[change(&mut index, "2", "two")]);
        let changes = reader.next().await;
        assert_eq!(changes.len(), 1);
        let change = changes.first().unwrap();
        assert_eq!(change.kind, ChangeKind::Added);
        assert_eq!(change.apps, ["one".into(), "two".into()]);
        assert!(reader.take().is_empty());
    }

    #[tokio::test]
    async fn a_call_that_is_cancelled_loses_nothing() {
        let feed = Feed::default();
        let mut reader = feed.subscribe(Duration::from_millis(50));
        let mut index = LiveIndex::new(Rules::default());
        feed.push(&[change(&mut index, "1", "one")]);
        // Cancelled while it waits for more to come.
        assert!(tokio::time::timeout(Duration::from_millis(5), reader.next()).await.is_err());
        assert_eq!(tokio::time::timeout(Duration::from_secs(5), reader.next()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_reader_is_told_the_end_after_the_last_changes() {
        let feed = Feed::default();
        let mut reader = feed.subscribe(Duration::ZERO);
        let mut index = LiveIndex::new(Rules::default());
        feed.push(&[change(&mut index, "1", "one")]);
        drop(feed);
        assert_eq!(reader.next().await.len(), 1);
        assert!(reader.next().await.is_empty());
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_is_forgotten() {
        let feed = Feed::default();
        drop(feed.subscribe(Duration::ZERO));
        let mut index = LiveIndex::new(Rules::default());
        feed.push(&[change(&mut index, "1", "one")]);
        assert!(feed.readers.lock().is_empty());
    }
}
