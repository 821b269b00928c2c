//! Files of a commit as a folder of this machine, for tools that can't read a repository's objects.
//!
//! A folder is named after its content, written elsewhere and moved into place whole, and never written again.
//! It holds plain files and folders only: what was a symbolic link is the thing that it led to.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use crate::files::FoundFile;
use crate::tree::{Kind, Snapshot, TreeError};

/// Why files can't be put on disk.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file can't be read from the repository, or there is too much.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The disk.
    #[error("failed to write {path} for the tools to read")]
    Disk {
        /// The path inside the folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A path that would leave the folder.
    #[error("{path} is not a path inside a folder")]
    Path {
        /// The path.
        path: String,
    },
}

/// Folders with exported files, bounded in size.
#[derive(Debug)]
pub struct Exports {
    root: PathBuf,
    bound: u64,
    largest: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    folders: LruCache<String, Arc<Export>>,
    bytes: u64,
}

/// A folder with exported files; it stays for as long as this value is held.
#[derive(Debug)]
pub struct Export {
    path: PathBuf,
    bytes: u64,
}

impl Export {
    /// The folder. Nothing in it can be written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "an exported folder can't be removed");
        }
    }
}

impl Exports {
    /// Uses `root`, which is emptied: what a process before this one left may be incomplete. At most `bound`
    /// bytes are kept for later; one export may have `largest` bytes.
    ///
    /// # Errors
    /// When the folder can't be emptied or made.
    pub fn open(root: &Path, bound: u64, largest: u64) -> io::Result<Self> {
        if root.exists() {
            remove(root)?;
        }
        fs::DirBuilder::new().mode(0o700).recursive(true).create(root)?;
        let kept = Mutex::new(Kept { folders: LruCache::unbounded(), bytes: 0 });
        Ok(Self { root: root.to_owned(), bound, largest, kept })
    }

    /// A folder with these files, at these paths.
    ///
    /// # Errors
    /// When a file can't be read or written, when there are too many bytes, and when a path leaves the folder.
    pub fn get(&self, snapshot: &Snapshot, files: &[FoundFile]) -> Result<Arc<Export>, ExportError> {
        let name = name_of(files);
        if let Some(export) = self.kept.lock().folders.get(&name) {
            return Ok(Arc::clone(export));
        }
        let new = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&self.root)
            .map_err(|source| ExportError::Disk { path: String::new(), source })?;
        let bytes = self.write(snapshot, files, new.path())?;
        let mut kept = self.kept.lock();
        if let Some(export) = kept.folders.get(&name) {
            return Ok(Arc::clone(export));
        }
        // A folder dropped from the cache may still be in use under the plain name.
        let path = self.root.join(format!("{name}-{}", new.path().file_name().unwrap_or_default().display()));
        let disk = |source| ExportError::Disk { path: String::new(), source };
        fs::rename(new.path(), &path).map_err(disk)?;
        // Only after the move: a folder without write permission can't be moved by everybody.
        let export = Arc::new(Export { path, bytes });
        seal(export.path()).map_err(disk)?;
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.folders.put(name, Arc::clone(&export));
        while kept.bytes > self.bound && kept.folders.len() > 1 {
            let Some((_, dropped)) = kept.folders.pop_lru() else { break };
            kept.bytes = kept.bytes.saturating_sub(dropped.bytes);
        }
        Ok(export)
    }

    fn write(&self, snapshot: &Snapshot, files: &[FoundFile], into: &Path) -> Result<u64, ExportError> {
        let mut bytes: u64 = 0;
        let mut made: HashSet<PathBuf> = HashSet::new();
        for file in files {
            let relative = Path::new(&file.path);
            if !relative.components().all(|part| matches!(part, Component::Normal(_))) || file.path.is_empty()
            {
                return Err(ExportError::Path { path: file.path.clone() });
            }
            let left = self.largest.saturating_sub(bytes);
            let content = match snapshot.read(&file.target, left) {
                Err(TreeError::TooLarge { path, what, .. }) => {
                    return Err(TreeError::TooLarge { path, what, limit: self.largest }.into());
                }
                content => content?,
            };
            bytes = bytes.saturating_add(content.len() as u64);
            let disk = |source| ExportError::Disk { path: file.path.clone(), source };
            if let Some(folder) = relative.parent()
                && made.insert(folder.to_owned())
            {
                fs::DirBuilder::new().mode(0o755).recursive(true).create(into.join(folder)).map_err(disk)?;
            }
            let mode = if file.target.kind == (Kind::File { executable: true }) { 0o555 } else { 0o444 };
            let mut out = fs::OpenOptions::new();
            let mut out =
                out.write(true).create_new(true).mode(mode).open(into.join(relative)).map_err(disk)?;
            io::Write::write_all(&mut out, &content).map_err(disk)?;
        }
        Ok(bytes)
    }
}

fn name_of(files: &[FoundFile]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(&(file.path.len() as u64).to_le_bytes());
        hasher.update(file.path.as_bytes());
        hasher.update(file.target.id.as_bytes());
        hasher.update(&[u8::from(file.target.kind == (Kind::File { executable: true }))]);
    }
    hasher.finalize().to_hex().chars().take(40).collect()
}

/// Takes the permission to write from all folders.
fn seal(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            seal(&entry.path())?;
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555))
}

/// Removes a folder, sealed or not.
fn remove(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(folder)
}
