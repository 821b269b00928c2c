//! The disk that copies of repositories take: what was not used for longest goes first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::Inner;
use crate::access::{Access, AccessKey};
use crate::mirror::discard;

struct Copy {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Inner {
    /// Removes copies until the rest fits; the one that `access` has just used stays. Blocking.
    pub(super) fn make_room(self: &Arc<Self>, access: &Access) {
        let limit = self.options.copies_limit;
        if limit == 0 {
            return;
        }
        let own = self.options.root.join(access.key().folder());
        let mut copies = copies(&self.options.root);
        let mut total: u64 = copies.iter().map(|copy| copy.bytes).sum();
        copies.sort_by_key(|copy| copy.used);
        for copy in copies.into_iter().filter(|copy| copy.path != own) {
            if total <= limit {
                break;
            }
            let state = self.state_of(&copy.path);
            // One that is being fetched into is in use.
            let Ok(_server) = state.as_ref().map(|state| state.server.try_lock()).transpose() else {
                continue;
            };
            if let Some(state) = &state {
                *state.mirror.lock() = None;
            }
            match discard(&copy.path) {
                Ok(()) => {
                    total = total.saturating_sub(copy.bytes);
                    tracing::info!(folder = %copy.path.display(), bytes = copy.bytes, "a copy made room for others");
                }
                Err(error) => {
                    tracing::warn!(folder = %copy.path.display(), %error, "a copy can't be removed");
                }
            }
        }
    }

    fn state_of(&self, folder: &Path) -> Option<Arc<super::State>> {
        let name = folder.file_name()?.to_str()?;
        let states = self.states.lock();
        states
            .iter()
            .find(|(key, _): &(&AccessKey, _)| key.folder() == name)
            .map(|(_, state)| Arc::clone(state))
    }
}

fn copies(root: &Path) -> Vec<Copy> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let copies = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_dir)?;
        let path = entry.path();
        Some(Copy { bytes: bytes_in(&path), used: metadata.modified().ok()?, path })
    });
    copies.collect()
}

fn bytes_in(folder: &Path) -> u64 {
    let mut bytes: u64 = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let more = if metadata.is_dir() { bytes_in(&entry.path()) } else { metadata.len() };
        bytes = bytes.saturating_add(more);
    }
    bytes
}
