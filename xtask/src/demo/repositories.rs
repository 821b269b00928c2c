//! The example repositories: copied out of the tree, committed, and served over HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tiphys_test_kit::scratch::ScratchFolder;
use tiphys_test_kit::{GitHttpConfig, GitHttpServer, GitRepo};

/// What the examples have in the place of a Git server's address.
const PLACEHOLDER: &str = "https://git.example.org";

/// An Application of the examples and the commit that it has to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) name: String,
    pub(super) commit: String,
}

pub(super) struct Repositories {
    /// The last commit of each repository.
    commits: BTreeMap<String, String>,
    server: GitHttpServer,
    scratch: ScratchFolder,
    examples: PathBuf,
}

impl Repositories {
    /// Makes a repository of each folder of `examples` and serves them all.
    pub(super) fn publish(examples: &Path) -> Result<Self> {
        let scratch = ScratchFolder::new("tiphys-demo-git-")?;
        let server = GitHttpServer::start(scratch.path(), &GitHttpConfig::default())?;
        let mut repositories =
            Self { commits: BTreeMap::new(), server, scratch, examples: examples.to_owned() };
        let entries =
            fs::read_dir(examples).with_context(|| format!("failed to read {}", examples.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("failed to read {}", examples.display()))?.path();
            if path.is_dir() {
                let name = path.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
                let commit = repositories.publish_one(&path, &name)?;
                repositories.commits.insert(name, commit);
            }
        }
        Ok(repositories)
    }

    fn publish_one(&self, from: &Path, name: &str) -> Result<String> {
        let repo = GitRepo::create(self.scratch.path(), name)?;
        repo.copy_folder(from, ".")?;
        self.readdress(repo.work_tree())?;
        let commit = repo.commit("The examples of Tiphys")?;
        // So that a plain `git push` works in the work tree.
        repo.git(&["push", "--quiet", "--set-upstream", "origin", "main"])?;
        Ok(commit)
    }

    /// Puts the server's address into all files that name the placeholder.
    fn readdress(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let path = entry.with_context(|| format!("failed to read {}", folder.display()))?.path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() {
                self.readdress(&path)?;
                continue;
            }
            let text =
                fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            if text.contains(PLACEHOLDER) {
                fs::write(&path, self.addressed(&text))
                    .with_context(|| format!("failed to write {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn addressed(&self, text: &str) -> String {
        text.replace(PLACEHOLDER, &self.url())
    }

    /// Address of the Git server.
    pub(super) fn url(&self) -> String {
        self.server.url("").trim_end_matches('/').to_owned()
    }

    /// The manifest of the one Application that brings all others.
    pub(super) fn root_application(&self) -> Result<String> {
        let path = self.examples.join("root.yaml");
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(self.addressed(&text))
    }

    /// All Applications, the root first.
    pub(super) fn applications(&self) -> Result<Vec<Expected>> {
        let folder = self.examples.join("fleet/apps");
        let mut applications = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let path = entry.with_context(|| format!("failed to read {}", folder.display()))?.path();
            let name = path.file_stem().context("a file has a name")?.to_string_lossy().into_owned();
            let text =
                fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            applications.push(Expected { commit: self.commit_of(&text)?, name });
        }
        applications.sort_by(|one, other| one.name.cmp(&other.name));
        let root = fs::read_to_string(self.examples.join("root.yaml")).context("failed to read root.yaml")?;
        applications.insert(0, Expected { name: "fleet".to_owned(), commit: self.commit_of(&root)? });
        Ok(applications)
    }

    /// The last commit of the repository that a manifest names.
    fn commit_of(&self, manifest: &str) -> Result<String> {
        let url = manifest.lines().find_map(|line| line.trim().strip_prefix("repoURL: "));
        let url = url.context("a manifest of an Application names no repository")?;
        let name = url.rsplit('/').next().unwrap_or_default().trim_end_matches(".git");
        self.commits.get(name).cloned().with_context(|| format!("there is no example repository `{name}`"))
    }

    /// Folder of the work trees.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Work tree of one repository.
    pub(super) fn work_tree(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_examples_are_published_with_the_address_of_their_server() {
        let repositories = Repositories::publish(&workspace::root().unwrap().join("examples")).unwrap();
        let expected = repositories.applications().unwrap();
        assert_eq!(expected[0].name, "fleet");
        assert!(expected.len() >= 6, "{expected:?}");
        let distinct: std::collections::BTreeSet<_> = expected.iter().map(|one| &one.commit).collect();
        assert_eq!(distinct.len(), 5, "five repositories");
        assert!(repositories.root_application().unwrap().contains(&repositories.url()));
        for Expected { name, .. } in expected.iter().skip(1) {
            let path = repositories.work_tree("fleet").join(format!("apps/{name}.yaml"));
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains(&format!("name: {name}\n")), "the file of {name} is named after it");
            assert!(text.contains(&repositories.url()) && !text.contains(PLACEHOLDER));
        }
    }
}
