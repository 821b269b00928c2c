//! Reading a commit's files from the object database, without a checkout.
//!
//! A path never leaves the repository: `..` beyond the root and symbolic links that are absolute or lead out are
//! errors that name the link. Nothing here touches the file system of this machine.

use std::sync::Arc;

use git2::{ObjectType, Oid};

use crate::error::GitError;
use crate::mirror::{Mirror, Opened};

/// Links that one look-up follows at most, as with Linux.
const LINKS: usize = 40;

/// Longest path that is looked up, in bytes.
const LONGEST_PATH: usize = 4096;

/// Why a path can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// `..` beyond the root, or an absolute path where none is allowed.
    #[error("{path}: the path leads out of the repository")]
    OutOfBounds {
        /// The path.
        path: String,
    },
    /// A symbolic link that leads out of the repository.
    #[error("repository contains out-of-bounds symlinks. file: {link}")]
    OutOfBoundsLink {
        /// Path of the link.
        link: String,
    },
    /// Links that point at each other, or more than 40 of them.
    #[error("{link}: too many levels of symbolic links")]
    LinkLoop {
        /// Path of the link at which following ended.
        link: String,
    },
    /// A submodule, whose files are in another repository.
    #[error("{path}: files of a submodule are not available, submodules are not fetched")]
    Submodule {
        /// Path of the submodule.
        path: String,
    },
    /// A path of more than 4,096 bytes or with a NUL byte.
    #[error("the path is too long or contains a NUL byte")]
    BadPath,
    /// More bytes or files than allowed.
    #[error("{path}: more than {limit} {what}")]
    TooLarge {
        /// Where.
        path: String,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A name in the repository that no file may have.
    #[error("{path}: a file of this name can't be read")]
    BadName {
        /// The path, with what is not UTF-8 replaced.
        path: String,
    },
    /// An object that is missing or damaged.
    #[error("{path}: object {object} can't be read from the repository's local copy")]
    Object {
        /// What was read.
        path: String,
        /// The object.
        object: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The objects can't be opened.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl TreeError {
    /// Whether the local copy seems damaged, so that fetching it anew may help.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Object { .. })
    }
}

/// What a name in a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A folder.
    Tree,
    /// A file.
    File {
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link.
    Link,
    /// Another repository.
    Submodule,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its object.
    pub id: Oid,
    /// What it is.
    pub kind: Kind,
}

/// What a path leads to, with all links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its path from the root, without links, `.` and `..`; empty for the root.
    pub path: String,
    /// Its object.
    pub id: Oid,
    /// `Tree` or `File`.
    pub kind: Kind,
}

/// A commit that is here and can be opened for reading.
#[derive(Clone, Debug)]
pub struct Commit {
    mirror: Arc<Mirror>,
    id: Oid,
}

impl Commit {
    pub(crate) fn new(mirror: Arc<Mirror>, id: Oid) -> Self {
        Self { mirror, id }
    }

    /// Id of the commit.
    #[must_use]
    pub fn id(&self) -> Oid {
        self.id
    }

    /// Opens it. Blocking, as all that is done with a snapshot.
    ///
    /// # Errors
    /// When the commit or its tree can't be read.
    pub fn open(&self) -> Result<Snapshot, TreeError> {
        let opened = self.mirror.open()?;
        let root = opened.find_commit(self.id).map(|commit| commit.tree_id()).map_err(|source| {
            TreeError::Object { path: String::new(), object: self.id.to_string(), source }
        })?;
        Ok(Snapshot { opened, commit: self.id, root })
    }
}

/// The files of one commit.
pub struct Snapshot {
    opened: Opened,
    commit: Oid,
    root: Oid,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Snapshot").field("commit", &self.commit).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Id of the commit.
    #[must_use]
    pub fn commit(&self) -> Oid {
        self.commit
    }

    /// The root folder.
    #[must_use]
    pub fn root(&self) -> Target {
        Target { path: String::new(), id: self.root, kind: Kind::Tree }
    }

    /// Follows a path from the root. `Ok(None)`: nothing there.
    ///
    /// # Errors
    /// When the path or a link on it leads out of the repository, goes through a submodule or can't be read.
    pub fn lookup(&self, path: &str) -> Result<Option<Target>, TreeError> {
        self.lookup_from("", path)
    }

    /// Follows a path from a folder (given without links). An absolute path is an error.
    ///
    /// # Errors
    /// As [`Snapshot::lookup`].
    pub fn lookup_from(&self, folder: &str, path: &str) -> Result<Option<Target>, TreeError> {
        if path.len() > LONGEST_PATH || path.contains('\0') {
            return Err(TreeError::BadPath);
        }
        if path.starts_with('/') {
            return Err(TreeError::OutOfBounds { path: path.to_owned() });
        }
        let mut walk = Walk { snapshot: self, stack: vec![self.root()], links: 0 };
        let mut todo: Vec<Step> = Vec::new();
        push_steps(&mut todo, path, None);
        push_steps(&mut todo, folder, None);
        walk.run(&mut todo, path)
    }

    /// The names in a folder, sorted bytewise.
    ///
    /// # Errors
    /// When the folder can't be read or has a name that no file may have.
    pub fn list(&self, folder: &Target) -> Result<Vec<Entry>, TreeError> {
        let tree = self.tree(folder)?;
        let mut entries = Vec::with_capacity(tree.len());
        for entry in tree.iter() {
            let name = std::str::from_utf8(entry.name_bytes()).ok().filter(|name| is_plain(name));
            let Some(name) = name else {
                let name = String::from_utf8_lossy(entry.name_bytes());
                return Err(TreeError::BadName { path: join(&folder.path, &name) });
            };
            let kind = kind_of(entry.filemode());
            entries.push(Entry { name: name.to_owned(), id: entry.id(), kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        // The same name as a link and as a folder is how a checkout is led astray.
        if let Some(pair) = entries.windows(2).find(|pair| matches!(pair, [a, b] if a.name == b.name)) {
            let name = pair.first().map_or("", |entry| entry.name.as_str());
            return Err(TreeError::BadName { path: join(&folder.path, name) });
        }
        Ok(entries)
    }

    /// Content of a file.
    ///
    /// # Errors
    /// When it has more than `limit` bytes or can't be read.
    pub fn read(&self, file: &Target, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.read_object(&file.path, file.id, limit)
    }

    /// Size of a file in bytes, without reading it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn size(&self, file: &Target) -> Result<u64, TreeError> {
        let damaged =
            |source| TreeError::Object { path: file.path.clone(), object: file.id.to_string(), source };
        let odb = self.opened.odb().map_err(damaged)?;
        odb.read_header(file.id).map(|(size, _)| size as u64).map_err(damaged)
    }

    fn read_object(&self, path: &str, id: Oid, limit: u64) -> Result<Vec<u8>, TreeError> {
        let damaged = |source| TreeError::Object { path: path.to_owned(), object: id.to_string(), source };
        let odb = self.opened.odb().map_err(damaged)?;
        // The size is known before the content is unpacked.
        let (size, kind) = odb.read_header(id).map_err(damaged)?;
        if size as u64 > limit {
            return Err(TreeError::TooLarge { path: path.to_owned(), what: "bytes", limit });
        }
        if kind != ObjectType::Blob {
            return Err(damaged(git2::Error::from_str("it is not a file")));
        }
        Ok(odb.read(id).map_err(damaged)?.data().to_vec())
    }

    fn tree(&self, folder: &Target) -> Result<git2::Tree<'_>, TreeError> {
        self.opened.find_tree(folder.id).map_err(|source| TreeError::Object {
            path: folder.path.clone(),
            object: folder.id.to_string(),
            source,
        })
    }
}

/// A name in a folder that can be a file's name and nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']) && !is_git_folder(name)
}

/// The spellings under which some file system would open `.git`.
fn is_git_folder(name: &str) -> bool {
    let visible: String =
        name.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')).collect();
    let visible = visible.trim_end_matches(['.', ' ']);
    visible.eq_ignore_ascii_case(".git") || visible.eq_ignore_ascii_case("git~1")
}

fn kind_of(mode: i32) -> Kind {
    match mode & 0o170_000 {
        0o040_000 => Kind::Tree,
        0o120_000 => Kind::Link,
        0o160_000 => Kind::Submodule,
        _ => Kind::File { executable: mode & 0o111 != 0 },
    }
}

/// Puts a name behind a folder's path.
#[must_use]
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// One part of a path that is still to be walked, and the link that it came from.
struct Step {
    name: String,
    link: Option<Arc<str>>,
}

fn push_steps(todo: &mut Vec<Step>, path: &str, link: Option<&Arc<str>>) {
    let names = path.split('/').rev().filter(|name| !name.is_empty() && *name != ".");
    todo.extend(names.map(|name| Step { name: name.to_owned(), link: link.cloned() }));
}

struct Walk<'a> {
    snapshot: &'a Snapshot,
    /// From the root to where the walk is; the last may be a file.
    stack: Vec<Target>,
    links: usize,
}

impl Walk<'_> {
    fn run(&mut self, todo: &mut Vec<Step>, asked: &str) -> Result<Option<Target>, TreeError> {
        while let Some(step) = todo.pop() {
            let out = || match &step.link {
                Some(link) => TreeError::OutOfBoundsLink { link: link.to_string() },
                None => TreeError::OutOfBounds { path: asked.to_owned() },
            };
            if step.name == ".." {
                self.stack.pop();
                if self.stack.is_empty() {
                    return Err(out());
                }
                continue;
            }
            let Some(here) = self.stack.last().cloned() else { return Err(out()) };
            if here.kind != Kind::Tree {
                return Ok(None);
            }
            let tree = self.snapshot.tree(&here)?;
            let Some(entry) = tree.get_name_bytes(step.name.as_bytes()) else { return Ok(None) };
            let path = join(&here.path, &step.name);
            match kind_of(entry.filemode()) {
                Kind::Submodule => return Err(TreeError::Submodule { path }),
                Kind::Link => {
                    self.links += 1;
                    if self.links > LINKS {
                        return Err(TreeError::LinkLoop { link: path });
                    }
                    let target = self.snapshot.read_object(&path, entry.id(), LONGEST_PATH as u64)?;
                    let target = String::from_utf8(target).ok().filter(|target| !target.contains('\0'));
                    match target {
                        Some(target) if !target.starts_with('/') => {
                            push_steps(todo, &target, Some(&Arc::from(path.as_str())));
                        }
                        _ => return Err(TreeError::OutOfBoundsLink { link: path }),
                    }
                }
                kind => self.stack.push(Target { path, id: entry.id(), kind }),
            }
        }
        Ok(self.stack.last().cloned())
    }
}
