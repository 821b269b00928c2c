//! A Git repository to write fixtures into: a bare one that others fetch from, and a work tree beside it.
//!
//! Everything is done by the `git` program, without the configuration of the machine or of its user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Name of the first branch.
pub const MAIN: &str = "main";

/// A bare repository `<name>.git` and its work tree `<name>`, both in one folder.
#[derive(Debug)]
pub struct GitRepo {
    bare: PathBuf,
    work: PathBuf,
    _temporary: Option<TempDir>,
}

impl GitRepo {
    /// An empty repository in a temporary folder that goes away with the value.
    ///
    /// # Errors
    /// When the folder cannot be made or `git` fails.
    pub fn new() -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix("tiphys-git-")
            .tempdir()
            .context("failed to create a temporary folder")?;
        let mut repo = Self::create(temporary.path(), "repo")?;
        repo._temporary = Some(temporary);
        Ok(repo)
    }

    /// A repository with these files committed, in a temporary folder.
    ///
    /// # Errors
    /// As [`GitRepo::new`].
    pub fn with_files<P: AsRef<str>, T: AsRef<str>>(files: impl IntoIterator<Item = (P, T)>) -> Result<Self> {
        let repo = Self::new()?;
        for (path, text) in files {
            repo.write(path.as_ref(), text.as_ref())?;
        }
        repo.commit("first")?;
        Ok(repo)
    }

    /// An empty repository `<name>.git` with the work tree `<name>` in `folder`, both of which stay.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        let bare = folder.join(format!("{name}.git"));
        let work = folder.join(name);
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        git(folder, &["init", "--quiet", "--bare", "--initial-branch", MAIN, &bare.to_string_lossy()])?;
        git(folder, &["init", "--quiet", "--initial-branch", MAIN, &work.to_string_lossy()])?;
        git(&work, &["remote", "add", "origin", &bare.to_string_lossy()])?;
        for (key, value) in [("user.name", "Tiphys Tests"), ("user.email", "tests@tiphys.invalid")] {
            git(&work, &["config", key, value])?;
        }
        Ok(Self { bare, work, _temporary: None })
    }

    /// URL of the bare repository on this machine, `file://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    /// Path of the bare repository.
    #[must_use]
    pub fn bare(&self) -> &Path {
        &self.bare
    }

    /// Path of the work tree.
    #[must_use]
    pub fn work_tree(&self) -> &Path {
        &self.work
    }

    /// Writes a file into the work tree, making its folders.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.make_room_for(path)?;
        fs::write(&path, content).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Writes a file that may be executed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_executable(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        self.write(path, content)?;
        let path = self.work.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("failed to make {} executable", path.display()))
    }

    /// Makes a symbolic link in the work tree; `target` is taken as it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn symlink(&self, path: &str, target: &str) -> Result<()> {
        let path = self.make_room_for(path)?;
        symlink(target, &path).with_context(|| format!("failed to link {}", path.display()))
    }

    /// Removes a file or a folder with all that is in it.
    ///
    /// # Errors
    /// When it is not there or cannot be removed.
    pub fn remove(&self, path: &str) -> Result<()> {
        let path = self.work.join(path);
        let outcome = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        outcome.with_context(|| format!("failed to remove {}", path.display()))
    }

    /// Copies a folder of this machine into the work tree.
    ///
    /// # Errors
    /// When something in it cannot be read or written.
    pub fn copy_folder(&self, from: &Path, path: &str) -> Result<()> {
        copy_folder(from, &self.work.join(path))
    }

    /// Commits the whole work tree to the present branch, publishes it, and returns the SHA of the commit. A
    /// commit without a change is made too.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn commit(&self, message: &str) -> Result<String> {
        git(&self.work, &["add", "--all"])?;
        git(&self.work, &["commit", "--quiet", "--allow-empty", "--message", message])?;
        git(&self.work, &["push", "--quiet", "--force", "origin", "HEAD"])?;
        self.head()
    }

    /// SHA of the last commit of the present branch.
    ///
    /// # Errors
    /// When there is no commit.
    pub fn head(&self) -> Result<String> {
        self.resolve("HEAD")
    }

    /// SHA of the commit that a branch, tag or expression of the work tree names.
    ///
    /// # Errors
    /// When it names none.
    pub fn resolve(&self, revision: &str) -> Result<String> {
        Ok(git(&self.work, &["rev-parse", "--verify", &format!("{revision}^{{commit}}")])?.trim().to_owned())
    }

    /// Goes to a branch, which is made at the present commit when it does not exist.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn checkout(&self, branch: &str) -> Result<()> {
        if git(&self.work, &["checkout", "--quiet", branch]).is_err() {
            git(&self.work, &["checkout", "--quiet", "-b", branch])?;
        }
        Ok(())
    }

    /// Makes or moves a branch to a commit and publishes it, also where that is no step forward.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn set_branch(&self, branch: &str, commit: &str) -> Result<()> {
        git(&self.work, &["push", "--quiet", "--force", "origin", &format!("{commit}:refs/heads/{branch}")])?;
        Ok(())
    }

    /// Deletes a published branch.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn delete_branch(&self, branch: &str) -> Result<()> {
        git(&self.work, &["push", "--quiet", "origin", &format!(":refs/heads/{branch}")])?;
        Ok(())
    }

    /// Puts a lightweight tag on the present commit, moving it when it exists, and publishes it.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn tag(&self, name: &str) -> Result<()> {
        git(&self.work, &["tag", "--force", name])?;
        self.push_tag(name)
    }

    /// Puts an annotated tag on the present commit, moving it when it exists, and publishes it.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn annotated_tag(&self, name: &str, message: &str) -> Result<()> {
        git(&self.work, &["tag", "--force", "--annotate", "--message", message, name])?;
        self.push_tag(name)
    }

    /// Runs `git` in the work tree and returns what it printed.
    ///
    /// # Errors
    /// When it fails; the message holds what it said.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        git(&self.work, arguments)
    }

    fn push_tag(&self, name: &str) -> Result<()> {
        git(&self.work, &["push", "--quiet", "--force", "origin", &format!("refs/tags/{name}")])?;
        Ok(())
    }

    fn make_room_for(&self, path: &str) -> Result<PathBuf> {
        let path = self.work.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        }
        Ok(path)
    }
}

/// Copies a folder with its files, links and folders.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to read {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().with_context(|| format!("failed to read {}", source.display()))?;
        if kind.is_dir() {
            copy_folder(&source, &target)?;
        } else if kind.is_symlink() {
            let link =
                fs::read_link(&source).with_context(|| format!("failed to read {}", source.display()))?;
            symlink(link, &target).with_context(|| format!("failed to link {}", target.display()))?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("failed to copy {}", source.display()))?;
        }
    }
    Ok(())
}

/// Runs `git` without the configuration of machine and user.
pub(crate) fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(variable);
    }
    command
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = git_command(folder).args(arguments).output().context("failed to start `git`")?;
    if !output.status.success() {
        bail!("`git {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_published_to_the_bare_repository() {
        let repo = GitRepo::with_files([("a/b.yaml", "one: 1\n")]).unwrap();
        let published = git(repo.bare(), &["rev-parse", MAIN]).unwrap();
        assert_eq!(published.trim(), repo.head().unwrap());
        assert_eq!(git(repo.bare(), &["show", "main:a/b.yaml"]).unwrap(), "one: 1\n");
    }

    #[test]
    fn branches_and_tags_move() {
        let repo = GitRepo::with_files([("a", "1")]).unwrap();
        let first = repo.head().unwrap();
        repo.tag("v1").unwrap();
        repo.annotated_tag("v1.0.0", "release").unwrap();
        repo.checkout("feature").unwrap();
        repo.write("a", "2").unwrap();
        let second = repo.commit("second").unwrap();
        assert_ne!(first, second);
        repo.tag("v1").unwrap();
        let at = |reference: &str| git(repo.bare(), &["rev-parse", reference]).unwrap().trim().to_owned();
        assert_eq!(at("v1"), second);
        assert_eq!(at("v1.0.0^{commit}"), first);
        assert_ne!(at("v1.0.0"), first, "an annotated tag is an object of its own");
        repo.set_branch(MAIN, &second).unwrap();
        repo.set_branch(MAIN, &first).unwrap();
        assert_eq!(at(MAIN), first);
        repo.delete_branch("feature").unwrap();
        assert!(git(repo.bare(), &["rev-parse", "--verify", "--quiet", "feature"]).is_err());
    }

    #[test]
    fn links_are_stored_as_links() {
        let repo = GitRepo::new().unwrap();
        repo.symlink("out", "/etc/hostname").unwrap();
        repo.commit("link").unwrap();
        assert!(git(repo.bare(), &["ls-tree", MAIN]).unwrap().starts_with("120000"));
    }
}
