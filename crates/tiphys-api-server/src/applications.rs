//! Applications as the watch brings them, in memory: answers to reads, and changes to those who watch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// What happened to an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

impl ChangeKind {
    /// The word of Kubernetes' watches.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) application: Arc<Value>,
}

/// All Applications, by name and namespace.
#[derive(Debug)]
pub(crate) struct Applications {
    known: RwLock<Known>,
    changes: broadcast::Sender<Change>,
    listed: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<(String, String), Arc<Value>>,
    /// The highest resourceVersion seen.
    version: u64,
}

/// Who brings an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The watch: it has the last word.
    Watch,
    /// The answer to our own write, so that a client reads what it wrote. It may be older than what the watch brought.
    Write,
}

impl Applications {
    /// Knows nothing yet. `buffer` changes may wait for a slow reader.
    pub(crate) fn new(buffer: usize) -> Self {
        Self {
            known: RwLock::default(),
            changes: broadcast::channel(buffer).0,
            listed: AtomicBool::new(false),
        }
    }

    /// Whether the first list is here.
    pub(crate) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    /// Takes a complete list: what is not in it is gone.
    pub(crate) fn reset(&self, list: Vec<Value>) {
        let mut known = self.known.write();
        let mut before = std::mem::take(&mut known.by_name);
        for object in list {
            let Some(key) = key(&object) else { continue };
            let old = before.remove(&key);
            self.insert(&mut known, key, old, object, From::Watch);
        }
        for application in before.into_values() {
            self.tell(ChangeKind::Deleted, application);
        }
        drop(known);
        self.listed.store(true, Ordering::Release);
    }

    /// Takes one Application and gives it as it is now known.
    pub(crate) fn put(&self, object: Value, from: From) -> Arc<Value> {
        let Some(key) = key(&object) else { return Arc::new(object) };
        let mut known = self.known.write();
        let old = known.by_name.remove(&key);
        self.insert(&mut known, key, old, object, from)
    }

    fn insert(
        &self,
        known: &mut Known,
        key: (String, String),
        old: Option<Arc<Value>>,
        mut object: Value,
        from: From,
    ) -> Arc<Value> {
        let version = version(&object);
        known.version = known.version.max(version);
        if let Some(old) = old {
            let same = uid(&old) == uid(&object);
            if same
                && (self::version(&old) == version || from == From::Write && self::version(&old) > version)
            {
                known.by_name.insert(key, old.clone());
                return old;
            }
            let application = Arc::new(complete(&mut object));
            known.by_name.insert(key, application.clone());
            if !same {
                self.tell(ChangeKind::Deleted, old);
            }
            self.tell(if same { ChangeKind::Modified } else { ChangeKind::Added }, application.clone());
            return application;
        }
        let application = Arc::new(complete(&mut object));
        known.by_name.insert(key, application.clone());
        self.tell(ChangeKind::Added, application.clone());
        application
    }

    /// Forgets an Application that was deleted.
    pub(crate) fn remove(&self, mut object: Value) {
        let Some(key) = key(&object) else { return };
        let mut known = self.known.write();
        known.version = known.version.max(version(&object));
        if known.by_name.remove(&key).is_some() {
            self.tell(ChangeKind::Deleted, Arc::new(complete(&mut object)));
        }
    }

    fn tell(&self, kind: ChangeKind, application: Arc<Value>) {
        // Nobody watches: nobody is told.
        let _nobody = self.changes.send(Change { kind, application });
    }

    /// One Application.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.known.read().by_name.get(&(name.to_owned(), namespace.to_owned())).cloned()
    }

    /// All Applications, sorted by name, and the resourceVersion that they are of.
    pub(crate) fn all(&self) -> (Vec<Arc<Value>>, String) {
        let known = self.known.read();
        (known.by_name.values().cloned().collect(), known.version.to_string())
    }

    /// Changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// All Applications and all changes after them, without a gap and without one twice.
    pub(crate) fn snapshot(&self) -> (Vec<Arc<Value>>, broadcast::Receiver<Change>) {
        let known = self.known.read();
        (known.by_name.values().cloned().collect(), self.changes.subscribe())
    }
}

/// Clients read some parts of a status without looking whether they are there, because the reference always writes them.
/// Managed fields are of no use to users and a third of an object.
fn complete(object: &mut Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(map) = object.as_object_mut() {
        let status = map.entry("status").or_insert_with(|| json!({}));
        if let Some(status) = status.as_object_mut() {
            status.entry("health").or_insert_with(|| json!({}));
            status.entry("summary").or_insert_with(|| json!({}));
            status.entry("sync").or_insert_with(
                || json!({"status": "", "comparedTo": {"destination": {}, "source": {"repoURL": ""}}}),
            );
        }
    }
    object.take()
}

fn key(object: &Value) -> Option<(String, String)> {
    let metadata = object.get("metadata")?;
    let text = |key| metadata.get(key).and_then(Value::as_str);
    Some((text("name")?.to_owned(), text("namespace")?.to_owned()))
}

/// Versions of one API server are numbers that grow; where they are not, every version is as good as another.
pub(crate) fn version(object: &Value) -> u64 {
    object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn uid(object: &Value) -> &str {
    object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(name: &str, version: u64, uid: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "argocd", "uid": uid, "resourceVersion": version.to_string()}})
    }

    fn kinds(receiver: &mut broadcast::Receiver<Change>) -> Vec<(&'static str, u64)> {
        std::iter::from_fn(|| receiver.try_recv().ok())
            .map(|change| (change.kind.as_str(), version(&change.application)))
            .collect()
    }

    #[test]
    fn our_own_write_is_read_at_once_and_its_echo_is_no_change() {
        let applications = Applications::new(16);
        applications.reset(vec![application("a", 1, "u")]);
        let mut changes = applications.subscribe();
        applications.put(application("a", 5, "u"), From::Write);
        assert_eq!(version(&applications.get("argocd", "a").unwrap()), 5);
        applications.put(application("a", 5, "u"), From::Watch);
        assert_eq!(kinds(&mut changes), [("MODIFIED", 5)]);
    }

    #[test]
    fn an_answer_that_comes_after_a_newer_event_changes_nothing() {
        let applications = Applications::new(16);
        applications.reset(vec![application("a", 7, "u")]);
        let mut changes = applications.subscribe();
        let known = applications.put(application("a", 6, "u"), From::Write);
        assert_eq!(version(&known), 7);
        assert!(kinds(&mut changes).is_empty());
    }

    #[test]
    fn a_new_list_tells_what_is_gone_new_and_other() {
        let applications = Applications::new(16);
        assert!(!applications.is_listed());
        applications.reset(vec![application("a", 1, "u"), application("b", 2, "v")]);
        assert!(applications.is_listed());
        let mut changes = applications.subscribe();
        applications.reset(vec![application("b", 3, "v"), application("c", 4, "w")]);
        assert_eq!(kinds(&mut changes), [("MODIFIED", 3), ("ADDED", 4), ("DELETED", 1)]);
        let (all, highest) = applications.all();
        assert_eq!((all.len(), highest.as_str()), (2, "4"));
    }

    #[test]
    fn an_application_made_anew_under_the_same_name_is_another_one() {
        let applications = Applications::new(16);
        applications.reset(vec![application("a", 1, "u")]);
        let mut changes = applications.subscribe();
        applications.put(application("a", 9, "other"), From::Watch);
        assert_eq!(kinds(&mut changes), [("DELETED", 1), ("ADDED", 9)]);
    }

    #[test]
    fn what_clients_read_blindly_is_there_from_the_start() {
        let applications = Applications::new(16);
        let mut object = application("a", 1, "u");
        object["metadata"]["managedFields"] = json!([{}]);
        let known = applications.put(object, From::Watch);
        assert_eq!(known["status"]["health"], json!({}));
        assert_eq!(known["status"]["sync"]["status"], "");
        assert_eq!(known["metadata"].get("managedFields"), None);
    }
}
