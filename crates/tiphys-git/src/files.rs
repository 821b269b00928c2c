//! All files below a folder of a commit, links followed, in the order in which a walk of a checkout meets them.

use crate::tree::{Entry, Kind, Snapshot, Target, TreeError, join};

/// Folders inside one another that a walk enters at most.
const DEEPEST: usize = 200;

/// How a folder is walked.
#[derive(Clone, Copy, Debug)]
pub struct Walking {
    /// Enters folders inside the folder.
    pub recurse: bool,
    /// Enters folders whose name begins with a dot.
    pub hidden_folders: bool,
    /// Enters folders that a symbolic link leads to.
    pub linked_folders: bool,
    /// Leaves submodules out instead of failing at them.
    pub skip_submodules: bool,
    /// Files that are returned at most; more is an error.
    pub limit: usize,
}

/// A file that a walk met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path from the folder that was walked.
    pub path: String,
    /// What is there, links followed.
    pub target: Target,
}

impl Snapshot {
    /// The files below `folder`.
    ///
    /// Dangling links are left out, as a walk that reads files would.
    ///
    /// # Errors
    /// When a link leads out of the repository or into itself, when a folder that is entered is a submodule, and
    /// when there are more files or levels than allowed.
    pub fn files(&self, folder: &Target, walking: &Walking) -> Result<Vec<FoundFile>, TreeError> {
        let mut files = Vec::new();
        let mut inside = vec![folder.path.clone()];
        self.walk(folder, "", walking, &mut inside, &mut files)?;
        Ok(files)
    }

    fn walk(
        &self,
        folder: &Target,
        shown: &str,
        walking: &Walking,
        inside: &mut Vec<String>,
        files: &mut Vec<FoundFile>,
    ) -> Result<(), TreeError> {
        if inside.len() > DEEPEST {
            let path = folder.path.clone();
            return Err(TreeError::TooLarge { path, what: "levels of folders", limit: DEEPEST as u64 });
        }
        for entry in self.list(folder)? {
            let path = join(shown, &entry.name);
            let Some((target, linked)) = self.followed(folder, &entry, walking)? else { continue };
            match target.kind {
                Kind::File { .. } => {
                    if files.len() >= walking.limit {
                        let path = inside.first().cloned().unwrap_or_default();
                        let limit = walking.limit as u64;
                        return Err(TreeError::TooLarge { path, what: "files", limit });
                    }
                    files.push(FoundFile { path, target });
                }
                _ if !walking.recurse || linked && !walking.linked_folders => {}
                _ if entry.name.starts_with('.') && !walking.hidden_folders => {}
                _ => {
                    let loops =
                        |above: &String| above == &target.path || above.is_empty() && target.path.is_empty();
                    if inside.iter().any(loops) {
                        return Err(TreeError::LinkLoop { link: join(&folder.path, &entry.name) });
                    }
                    inside.push(target.path.clone());
                    self.walk(&target, &path, walking, inside, files)?;
                    inside.pop();
                }
            }
        }
        Ok(())
    }

    /// Where an entry leads, and whether by a link; `None` when it leads nowhere or need not be known.
    fn followed(
        &self,
        folder: &Target,
        entry: &Entry,
        walking: &Walking,
    ) -> Result<Option<(Target, bool)>, TreeError> {
        let path = join(&folder.path, &entry.name);
        match entry.kind {
            Kind::Link => Ok(self.lookup(&path)?.map(|target| (target, true))),
            Kind::Submodule if walking.recurse && !walking.skip_submodules => {
                Err(TreeError::Submodule { path })
            }
            Kind::Submodule => Ok(None),
            kind => Ok(Some((Target { path, id: entry.id, kind }, false))),
        }
    }
}
