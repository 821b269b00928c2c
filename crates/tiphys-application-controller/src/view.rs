//! What an actor shows to the service that answers the api-server: its last look, from which trees and diffs are made
//! on demand.
//!
//! The actor replaces it as a whole; a reader gets one consistent state. Nothing here is computed ahead, because most
//! applications are not looked at, and what was not looked at for a while is forgotten.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::actor::Assessed;

/// The last look and a counter that grows with every change of it or of the live objects.
pub(crate) struct AppView {
    shown: Mutex<Option<Arc<Assessed>>>,
    changes: watch::Sender<u64>,
}

impl Default for AppView {
    fn default() -> Self {
        Self { shown: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl std::fmt::Debug for AppView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppView").field("changes", &*self.changes.borrow()).finish_non_exhaustive()
    }
}

impl AppView {
    /// The last look; `None` when there was none or it was forgotten.
    pub(crate) fn get(&self) -> Option<Arc<Assessed>> {
        self.shown.lock().clone()
    }

    pub(crate) fn show(&self, shown: Option<Arc<Assessed>>) {
        *self.shown.lock() = shown;
        self.changed();
    }

    /// Tells watchers that the tree may look different now.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Wakes at every change; a slow reader sees only the last.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
