//! What a repository's `ls-remote` says, and how a revision that a user wrote is found in it.

use std::collections::BTreeMap;

use git2::Oid;

use crate::constraint::{Constraint, version};

/// Branches, tags and other references of a repository at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    /// Commit of `HEAD`; none in an empty repository.
    pub head: Option<Oid>,
    /// Full name of the branch that `HEAD` points at, where the server says so.
    pub head_branch: Option<String>,
    /// Commits by full name (`refs/heads/main`). Annotated tags are peeled.
    pub commits: BTreeMap<String, Oid>,
}

/// A revision that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A commit.
    Commit {
        /// Its id.
        id: Oid,
        /// Full name of the reference that led to it; none when the revision was a commit already.
        reference: Option<String>,
    },
    /// The first digits of a commit that no reference names; the objects must be asked.
    Abbreviated(String),
}

/// Why a revision is not in a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No reference has this name.
    #[error("unable to resolve '{0}' to a commit SHA")]
    Unknown(String),
    /// `tagPrefix` without a version range.
    #[error("tagPrefix {prefix:?} needs a version constraint as targetRevision, and {revision:?} is none")]
    PrefixWithoutConstraint {
        /// The prefix.
        prefix: String,
        /// The revision.
        revision: String,
    },
    /// No tag satisfies the range.
    #[error("unable to resolve '{constraint}' to a commit SHA: no tag{} satisfies it", With(prefix))]
    NoVersion {
        /// The range.
        constraint: String,
        /// Prefix of the tags that took part.
        prefix: String,
    },
    /// There is no commit yet.
    #[error("the repository is empty: it has no commit that '{0}' could be resolved to")]
    Empty(String),
}

struct With<'a>(&'a str);

impl std::fmt::Display for With<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, " that starts with '{}'", self.0) }
    }
}

/// A complete commit id is taken verbatim.
#[must_use]
pub fn full_commit(revision: &str) -> Option<Oid> {
    if revision.len() == 40 && is_hexadecimal(revision) { Oid::from_str(revision).ok() } else { None }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Refs {
    /// Finds a revision: a commit, a version range among the tags, a branch, a tag, a reference by its full name,
    /// at least seven digits of a commit. Empty means `HEAD`. A branch wins over a tag of the same name.
    ///
    /// # Errors
    /// When nothing has this name.
    pub fn resolve(&self, revision: &str, tag_prefix: &str) -> Result<Found, ResolveError> {
        let revision = if revision.is_empty() { "HEAD" } else { revision };
        if let Some(id) = full_commit(revision) {
            return Ok(Found::Commit { id, reference: None });
        }
        if !tag_prefix.is_empty() && (version(revision).is_some() || Constraint::parse(revision).is_none()) {
            return Err(ResolveError::PrefixWithoutConstraint {
                prefix: tag_prefix.to_owned(),
                revision: revision.to_owned(),
            });
        }
        let constraint = if version(revision).is_some() { None } else { Constraint::parse(revision) };
        if let Some(constraint) = &constraint {
            if let Some((reference, id)) = self.newest_tag(constraint, tag_prefix) {
                return Ok(Found::Commit { id, reference: Some(reference.to_owned()) });
            }
            if !tag_prefix.is_empty() {
                return Err(no_version(revision, tag_prefix));
            }
        }
        if revision == "HEAD" {
            let id = self.head.ok_or_else(|| ResolveError::Empty(revision.to_owned()))?;
            return Ok(Found::Commit { id, reference: self.head_branch.clone() });
        }
        for name in candidates(revision) {
            if let Some(id) = self.commits.get(&name) {
                return Ok(Found::Commit { id: *id, reference: Some(name) });
            }
        }
        if revision.len() >= 7 && revision.len() < 40 && is_hexadecimal(revision) {
            let prefix = revision.to_ascii_lowercase();
            let named = self.commits.values().find(|id| id.to_string().starts_with(&prefix));
            return Ok(
                named.map_or(Found::Abbreviated(prefix), |id| Found::Commit { id: *id, reference: None })
            );
        }
        Err(match constraint {
            Some(_) => no_version(revision, ""),
            None if self.commits.is_empty() => ResolveError::Empty(revision.to_owned()),
            None => ResolveError::Unknown(revision.to_owned()),
        })
    }

    /// Short names of the branches, sorted.
    pub fn branches(&self) -> impl Iterator<Item = &str> {
        self.commits.keys().filter_map(|name| name.strip_prefix("refs/heads/"))
    }

    /// Short names of the tags, sorted.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.commits.keys().filter_map(|name| name.strip_prefix("refs/tags/"))
    }

    /// Short names of the tags that point at a commit, sorted.
    pub fn tags_of(&self, commit: Oid) -> impl Iterator<Item = &str> {
        let of_commit = self.commits.iter().filter(move |(_, id)| **id == commit);
        of_commit.filter_map(|(name, _)| name.strip_prefix("refs/tags/"))
    }

    fn newest_tag(&self, constraint: &Constraint, prefix: &str) -> Option<(&str, Oid)> {
        let versions = self.commits.iter().filter_map(|(name, id)| {
            let tag = name.strip_prefix("refs/tags/")?.strip_prefix(prefix)?;
            version(tag).map(|version| (version, name.as_str(), *id))
        });
        let mut newest: Option<(semver::Version, &str, Oid)> = None;
        for candidate in versions.filter(|(version, ..)| constraint.matches(version)) {
            if newest.as_ref().is_none_or(|newest| candidate.0.cmp_precedence(&newest.0).is_gt()) {
                newest = Some(candidate);
            }
        }
        newest.map(|(_, name, id)| (name, id))
    }
}

fn no_version(constraint: &str, prefix: &str) -> ResolveError {
    ResolveError::NoVersion { constraint: constraint.to_owned(), prefix: prefix.to_owned() }
}

/// Full names that a short one may stand for, in the order in which they are tried.
pub(crate) fn candidates(revision: &str) -> impl Iterator<Item = String> + '_ {
    ["", "refs/heads/", "refs/tags/", "refs/", "refs/remotes/"]
        .into_iter()
        .filter(move |prefix| !prefix.is_empty() || revision.starts_with("refs/"))
        .map(move |prefix| format!("{prefix}{revision}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Oid {
        Oid::from_str(&digit.to_string().repeat(40)).unwrap()
    }

    fn refs() -> Refs {
        let commits = [
            ("refs/heads/main", 'a'),
            ("refs/heads/both", 'b'),
            ("refs/heads/release/1.0", 'c'),
            ("refs/tags/both", 'd'),
            ("refs/tags/v1.0.0", '1'),
            ("refs/tags/v1.2.0", '2'),
            ("refs/tags/v2.0.0-rc.1", '3'),
            ("refs/tags/web-3.1.0", '4'),
            ("refs/tags/web-3.2.0", '5'),
            ("refs/pull/7/head", '7'),
        ];
        Refs {
            head: Some(id('a')),
            head_branch: Some("refs/heads/main".into()),
            commits: commits.into_iter().map(|(name, digit)| (name.to_owned(), id(digit))).collect(),
        }
    }

    fn resolved(revision: &str, prefix: &str) -> Result<Oid, ResolveError> {
        match refs().resolve(revision, prefix)? {
            Found::Commit { id, .. } => Ok(id),
            Found::Abbreviated(_) => panic!("abbreviated"),
        }
    }

    // covers: GIT-047, APP-046
    #[test]
    fn a_revision_is_a_branch_a_tag_a_range_a_commit_or_head() {
        assert_eq!(resolved("", ""), Ok(id('a')));
        assert_eq!(resolved("HEAD", ""), Ok(id('a')));
        assert_eq!(resolved("both", ""), Ok(id('b')));
        assert_eq!(resolved("refs/tags/both", ""), Ok(id('d')));
        assert_eq!(resolved("tags/both", ""), Ok(id('d')));
        assert_eq!(resolved("release/1.0", ""), Ok(id('c')));
        assert_eq!(resolved("v1.0.0", ""), Ok(id('1')));
        assert_eq!(resolved("1.x", ""), Ok(id('2')));
        assert_eq!(resolved("*", ""), Ok(id('2')));
        assert_eq!(resolved(">=1.0.0-0", ""), Ok(id('3')));
        assert_eq!(resolved("pull/7/head", ""), Ok(id('7')));
        let unlisted = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(resolved(unlisted, ""), Ok(Oid::from_str(unlisted).unwrap()));
        assert_eq!(resolved("aaaaaaa", ""), Ok(id('a')));
        assert_eq!(refs().resolve("0123abc", ""), Ok(Found::Abbreviated("0123abc".into())));
    }

    #[test]
    fn what_is_not_there_is_an_error_that_names_it() {
        assert_eq!(
            resolved("develop", "").unwrap_err().to_string(),
            "unable to resolve 'develop' to a commit SHA"
        );
        assert!(resolved("0123ab", "").is_err());
        assert!(resolved("9.x", "").unwrap_err().to_string().contains("no tag satisfies"));
        assert!(matches!(Refs::default().resolve("", ""), Err(ResolveError::Empty(_))));
    }

    // covers: APP-047
    #[test]
    fn a_tag_prefix_narrows_the_tags_and_needs_a_range() {
        assert_eq!(resolved("3.x", "web-"), Ok(id('5')));
        assert!(resolved("3.x", "api-").unwrap_err().to_string().contains("api-"));
        assert!(matches!(resolved("main", "web-"), Err(ResolveError::PrefixWithoutConstraint { .. })));
        assert!(matches!(resolved("3.1.0", "web-"), Err(ResolveError::PrefixWithoutConstraint { .. })));
    }
}
