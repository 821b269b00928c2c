//! References of a repository on this machine, read from its files at the moment of the question.

use git2::{ErrorCode, Repository};

use crate::constraint::{Constraint, version};
use crate::error::GitError;
use crate::refs::{Found, Refs, ResolveError, candidates, full_commit};

/// Finds a revision as [`Refs::resolve`] does, and without listing all references where a name is enough.
pub(crate) fn resolve(
    repository: &Repository,
    name: &str,
    revision: &str,
    tag_prefix: &str,
) -> Result<Found, GitError> {
    still_there(repository, name)?;
    let revision = if revision.is_empty() { "HEAD" } else { revision };
    if let Some(id) = full_commit(revision) {
        return Ok(Found::Commit { id, reference: None });
    }
    let is_range = version(revision).is_none() && Constraint::parse(revision).is_some();
    if is_range || !tag_prefix.is_empty() {
        return Ok(list(repository, name)?.resolve(revision, tag_prefix)?);
    }
    let failed = |error: git2::Error| GitError::storage("list refs of", name, error);
    if revision == "HEAD" {
        return match repository.head() {
            Ok(head) => {
                let id = head.peel_to_commit().map_err(failed)?.id();
                Ok(Found::Commit { id, reference: head.name().ok().map(str::to_owned) })
            }
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                Err(ResolveError::Empty(revision.to_owned()).into())
            }
            Err(error) => Err(failed(error)),
        };
    }
    for candidate in candidates(revision) {
        match repository.find_reference(&candidate) {
            Ok(reference) => {
                let id = reference.peel_to_commit().map_err(failed)?.id();
                return Ok(Found::Commit { id, reference: Some(candidate) });
            }
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(list(repository, name)?.resolve(revision, tag_prefix)?)
}

/// A repository that was moved away stays open, and looks as if it had no commits.
fn still_there(repository: &Repository, name: &str) -> Result<(), GitError> {
    if repository.path().join("HEAD").exists() {
        return Ok(());
    }
    Err(GitError::NotFound { repository: name.to_owned(), detail: "the folder is gone".to_owned() })
}

/// Lists all references.
pub(crate) fn list(repository: &Repository, name: &str) -> Result<Refs, GitError> {
    still_there(repository, name)?;
    let failed = |error: git2::Error| GitError::storage("list refs of", name, error);
    let mut refs = Refs::default();
    if let Ok(head) = repository.head() {
        refs.head = head.peel_to_commit().ok().map(|commit| commit.id());
        refs.head_branch = head.name().ok().map(str::to_owned);
    }
    for reference in repository.references().map_err(failed)? {
        let reference = reference.map_err(failed)?;
        // A tag of something other than a commit can't be deployed.
        if let (Ok(name), Ok(commit)) = (reference.name(), reference.peel_to_commit()) {
            refs.commits.insert(name.to_owned(), commit.id());
        }
    }
    Ok(refs)
}
