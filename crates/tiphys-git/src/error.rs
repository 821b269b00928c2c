//! What can go wrong between a repository and its objects.

use std::sync::Arc;
use std::time::Duration;

use crate::known_hosts::HostKeyError;
use crate::refs::ResolveError;

/// A failed request to a repository. Texts name the repository, never a credential.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The revision is not there.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The commit is not in the repository, or the server does not give it out.
    #[error("commit {commit} is not in {repository}")]
    NoCommit {
        /// The repository.
        repository: String,
        /// The commit.
        commit: String,
    },
    /// Several commits begin with these digits.
    #[error("{prefix} is the beginning of several commits of {repository}")]
    Ambiguous {
        /// The repository.
        repository: String,
        /// The digits.
        prefix: String,
    },
    /// The server knows no such repository, or the folder is none.
    #[error("repository not found: {repository}{}", Detail(detail))]
    NotFound {
        /// The repository.
        repository: String,
        /// What the other side said.
        detail: String,
    },
    /// The server wants credentials, or refuses the given ones.
    #[error("authentication required: {repository}{}", Detail(detail))]
    Authentication {
        /// The repository.
        repository: String,
        /// What the other side said.
        detail: String,
    },
    /// The SSH host is not the one that is known.
    #[error("failed to connect to {repository}: {problem}")]
    HostKey {
        /// The repository.
        repository: String,
        /// What is wrong with the key.
        problem: HostKeyError,
    },
    /// No connection, or one that broke.
    #[error("failed to {action} {repository}: {detail}")]
    Transfer {
        /// What was tried.
        action: &'static str,
        /// The repository.
        repository: String,
        /// What happened.
        detail: String,
    },
    /// The other side did not speak the protocol.
    #[error("{repository} does not answer as a Git server: {detail}")]
    Protocol {
        /// The repository.
        repository: String,
        /// What was wrong.
        detail: String,
    },
    /// It took too long.
    #[error("failed to {action} {repository}: no result within {}", Seconds(*limit))]
    Timeout {
        /// What was tried.
        action: &'static str,
        /// The repository.
        repository: String,
        /// The time that it was given.
        limit: Duration,
    },
    /// More than is allowed.
    #[error("{repository} sends more than {limit} bytes of {what}")]
    TooLarge {
        /// The repository.
        repository: String,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The settings of the connection can't be used.
    #[error("failed to set up the connection to {repository}: {detail}")]
    Connection {
        /// The repository.
        repository: String,
        /// What is wrong.
        detail: String,
    },
    /// The copy on disk can't be read or written.
    #[error("failed to {action} the local copy of {repository}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// The repository.
        repository: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The work ended without a result.
    #[error("the work on {repository} was lost")]
    Lost {
        /// The repository.
        repository: String,
    },
}

impl GitError {
    pub(crate) fn storage(
        action: &'static str,
        repository: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Storage { action, repository: repository.to_owned(), source: Arc::new(source) }
    }

    /// Whether trying again later may help without anybody changing something.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Transfer { .. } | Self::Timeout { .. } | Self::Storage { .. } | Self::Lost { .. }
        )
    }
}

struct Detail<'a>(&'a str);

impl std::fmt::Display for Detail<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.0) }
    }
}

struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} s", self.0.as_secs_f64())
    }
}
