//! The objects of one repository on this machine, and open handles on them.
//!
//! A repository of this machine is read where it is. Any other has a bare copy in a folder of its own, into
//! which packs are written whole or not at all.

use std::fs;
use std::io::Write;
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository, RepositoryInitOptions};
use parking_lot::Mutex;

use crate::error::GitError;

/// Handles that are kept open per repository.
const IDLE_HANDLES: usize = 4;

/// Prefix of the references that keep fetched commits and tell the server what is here already.
const KEPT: &str = "refs/tiphys/";

/// Packs above which they are written anew as one: a look-up asks each of them.
const PACKS: usize = 40;

/// Commits that are told to a server at most.
const HAVES: usize = 64;

/// The objects of one repository.
#[derive(Debug)]
pub(crate) struct Mirror {
    path: PathBuf,
    name: String,
    /// Not ours to change.
    in_place: bool,
    idle: Mutex<Vec<Handle>>,
}

struct Handle(Repository);

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Repository")
    }
}

/// An open repository, given back when dropped.
pub(crate) struct Opened {
    mirror: Arc<Mirror>,
    repository: Option<Repository>,
}

impl Mirror {
    /// A repository of this machine, read in place.
    pub(crate) fn in_place(path: &Path, name: &str) -> Result<Self, GitError> {
        let mirror =
            Self { path: path.to_owned(), name: name.to_owned(), in_place: true, idle: Mutex::default() };
        let repository = Repository::open(path).map_err(|error| GitError::NotFound {
            repository: name.to_owned(),
            detail: error.message().to_owned(),
        })?;
        mirror.idle.lock().push(Handle(repository));
        Ok(mirror)
    }

    /// A bare copy at `path`, made when it is not there, made anew when it can't be opened.
    pub(crate) fn copy(path: &Path, name: &str) -> Result<Self, GitError> {
        let mirror =
            Self { path: path.to_owned(), name: name.to_owned(), in_place: false, idle: Mutex::default() };
        let repository = match Repository::open_bare(path) {
            Ok(repository) => repository,
            Err(error) => {
                if path.exists() {
                    tracing::warn!(repository = name, %error, "the local copy can't be opened and is made anew");
                    discard(path).map_err(|error| GitError::storage("remove", name, error))?;
                }
                create(path, name)?
            }
        };
        mirror.idle.lock().push(Handle(repository));
        Ok(mirror)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a copy is no longer where it was put: somebody tidied up.
    pub(crate) fn is_gone(&self) -> bool {
        !self.in_place && !self.path.join("HEAD").exists()
    }

    /// Remembers, in a copy's time of change, that it was used.
    pub(crate) fn mark_used(&self) {
        if !self.in_place {
            // A time that can't be written makes the copy go early, nothing worse.
            let now = std::time::SystemTime::now();
            let _ = fs::File::open(&self.path).and_then(|folder| folder.set_modified(now));
        }
    }

    /// Closes the handles that nobody uses: what they know about packs is out of date.
    pub(crate) fn close_idle(&self) {
        self.idle.lock().clear();
    }

    /// An open handle.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Opened, GitError> {
        let idle = self.idle.lock().pop();
        let repository = match idle {
            Some(handle) => handle.0,
            None => {
                Repository::open(&self.path).map_err(|error| GitError::storage("open", &self.name, error))?
            }
        };
        Ok(Opened { mirror: Arc::clone(self), repository: Some(repository) })
    }
}

impl Opened {
    /// Whether a commit and the tree it names are here.
    pub(crate) fn has_commit(&self, id: Oid) -> bool {
        self.find_commit(id).and_then(|commit| commit.tree()).is_ok()
    }

    /// Commits that a server need not send again, newest first.
    pub(crate) fn haves(&self) -> Result<Vec<Oid>, git2::Error> {
        let mut kept = Vec::new();
        for reference in self.references_glob(&format!("{KEPT}*"))?.flatten() {
            if let Some(id) = reference.target()
                && let Ok(commit) = self.find_commit(id)
            {
                kept.push((commit.time().seconds(), id));
            }
        }
        kept.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in kept.iter().skip(HAVES) {
            // Its objects stay; only the server no longer hears of it.
            if let Ok(mut reference) = self.find_reference(&format!("{KEPT}{id}")) {
                let _ = reference.delete();
            }
        }
        kept.truncate(HAVES);
        Ok(kept.into_iter().map(|(_, id)| id).collect())
    }

    /// Remembers that a commit and its history are here.
    pub(crate) fn keep(&self, id: Oid) -> Result<(), git2::Error> {
        self.reference(&format!("{KEPT}{id}"), id, true, "fetched").map(|_| ())
    }

    /// Writes all packs as one when there are many, because each fetch leaves another.
    pub(crate) fn compact(&self) -> Result<bool, git2::Error> {
        let folder = self.path().join("objects/pack");
        let packs = packs_in(&folder);
        if packs.len() <= PACKS || self.is_shallow() {
            return Ok(false);
        }
        let mut walk = self.revwalk()?;
        for reference in self.references()?.flatten() {
            if let Some(id) = reference.target() {
                walk.push(id)?;
            }
        }
        let mut builder = self.packbuilder()?;
        // It is done beside other work.
        builder.set_threads(1);
        builder.insert_walk(&mut walk)?;
        builder.write(&folder, 0o444)?;
        let written = builder.name()?.map(|name| format!("pack-{name}"));
        if let Some(written) = written.filter(|name| folder.join(format!("{name}.idx")).exists()) {
            for old in packs.into_iter().filter(|name| *name != written) {
                // The index goes first: without it nobody looks for the pack.
                for extension in ["idx", "pack"] {
                    let _ = fs::remove_file(folder.join(format!("{old}.{extension}")));
                }
            }
        }
        Ok(true)
    }

    /// Records where history was cut, in addition to what is recorded.
    pub(crate) fn cut_at(&self, commits: &[Oid]) -> std::io::Result<()> {
        if commits.is_empty() {
            return Ok(());
        }
        let file = self.path().join("shallow");
        let mut all: Vec<String> =
            fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned).collect();
        all.extend(commits.iter().map(Oid::to_string));
        all.sort();
        all.dedup();
        let new = self.path().join("shallow.new");
        let mut out = fs::File::create(&new)?;
        out.write_all((all.join("\n") + "\n").as_bytes())?;
        out.sync_all()?;
        fs::rename(new, file)
    }
}

impl Deref for Opened {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        // Only `drop` takes it out.
        #[allow(clippy::expect_used)]
        self.repository.as_ref().expect("the handle is there until it is dropped")
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut idle = self.mirror.idle.lock();
        if let Some(repository) = self.repository.take()
            && idle.len() < IDLE_HANDLES
        {
            idle.push(Handle(repository));
        }
    }
}

/// Names of the packs in a folder, without extension.
fn packs_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".pack").map(str::to_owned)).collect()
}

fn create(path: &Path, name: &str) -> Result<Repository, GitError> {
    let failed = |error: std::io::Error| GitError::storage("create", name, error);
    let new = path.with_extension("new");
    if new.exists() {
        discard(&new).map_err(failed)?;
    }
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&new).map_err(failed)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let mut options = RepositoryInitOptions::new();
    // No template: hooks of this machine have no business in a copy.
    options.bare(true).external_template(false).no_reinit(true);
    Repository::init_opts(&new, &options).map_err(|error| GitError::storage("create", name, error))?;
    fs::rename(&new, path).map_err(failed)?;
    Repository::open_bare(path).map_err(|error| GitError::storage("open", name, error))
}

/// Takes a folder out of sight first, so that whoever looks meanwhile sees all of it or nothing.
pub(crate) fn discard(path: &Path) -> std::io::Result<()> {
    let aside = path.with_extension(format!("old-{}", std::process::id()));
    let _ = fs::remove_dir_all(&aside);
    match fs::rename(path, &aside) {
        Ok(()) => fs::remove_dir_all(aside),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
