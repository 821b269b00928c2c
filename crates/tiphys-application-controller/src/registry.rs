//! The actors that are alive: one for each Application, found by its key or by the name that its objects carry.
//!
//! It starts an actor when an Application appears and forgets it when the actor has ended. What an actor does is its
//! own affair.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tiphys_live::Change;

use crate::mailbox::{Mailbox, Pending};
use crate::store::AppKey;
use crate::view::AppView;

/// What others may do with an actor: post to it, and look at what it shows.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) mailbox: Mailbox,
    pub(crate) view: Arc<AppView>,
}

/// All actors.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    actors: RwLock<Actors>,
}

#[derive(Debug, Default)]
struct Actors {
    by_key: HashMap<AppKey, Handle>,
    by_instance: HashMap<Arc<str>, AppKey>,
}

impl Registry {
    /// The handle of an application, made by `start` when there is none yet.
    pub(crate) fn get_or_start(&self, key: &AppKey, instance: &str, start: impl FnOnce(Handle)) -> Handle {
        if let Some(handle) = self.actors.read().by_key.get(key) {
            return handle.clone();
        }
        let mut actors = self.actors.write();
        if let Some(handle) = actors.by_key.get(key) {
            return handle.clone();
        }
        let handle = Handle { mailbox: Mailbox::default(), view: Arc::default() };
        actors.by_key.insert(key.clone(), handle.clone());
        actors.by_instance.insert(Arc::from(instance), key.clone());
        drop(actors);
        start(handle.clone());
        handle
    }

    /// Forgets an actor that has ended, unless something was posted to it meanwhile.
    pub(crate) fn forget(&self, key: &AppKey, instance: &str, mailbox: &Mailbox) -> bool {
        let mut actors = self.actors.write();
        if !mailbox.is_empty() {
            return false;
        }
        actors.by_key.remove(key);
        actors.by_instance.remove(instance);
        true
    }

    pub(crate) fn get(&self, key: &AppKey) -> Option<Handle> {
        self.actors.read().by_key.get(key).cloned()
    }

    /// Tells an application of a change in its tree. Only tracked objects are compared; others only redraw the tree.
    pub(crate) fn changed(&self, instance: &str, change: &Change) {
        let actors = self.actors.read();
        let Some(handle) = actors.by_instance.get(instance).and_then(|key| actors.by_key.get(key)) else {
            return;
        };
        if change.tracked {
            handle.mailbox.post(|pending| {
                pending.live.insert(change.key.clone(), change.kind);
            });
        }
        handle.view.changed();
    }

    /// Posts to every application.
    pub(crate) fn post_to_all(&self, merge: impl Fn(&mut Pending)) {
        for handle in self.actors.read().by_key.values() {
            handle.mailbox.post(&merge);
        }
    }
}
