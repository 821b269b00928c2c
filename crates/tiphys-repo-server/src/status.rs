//! Errors as the status codes of an answer. The text is what users see in a condition.

use std::error::Error;
use std::sync::Arc;

use tiphys_git::{GitError, TreeError, UrlError};
use tiphys_render::RenderError;
use tonic::{Code, Status};

/// Why a request was not answered.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request itself.
    #[error("{0}")]
    Request(String),
    /// Something that is not built.
    #[error("{0}")]
    NotBuilt(String),
    /// The repository.
    #[error("{0}")]
    Git(Arc<GitError>),
    /// The render.
    #[error("{0}")]
    Render(Arc<RenderError>),
    /// An earlier failure that is repeated instead of tried again.
    #[error("Manifest generation error (cached): {0}")]
    Paused(Arc<str>),
    /// It took too long.
    #[error("the request took longer than {0} s")]
    Timeout(u64),
    /// The work ended without a result.
    #[error("the work on the request was lost")]
    Lost,
}

impl From<Arc<GitError>> for Failure {
    fn from(error: Arc<GitError>) -> Self {
        Self::Git(error)
    }
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        Self::Request(error.to_string())
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::Render(Arc::new(error))
    }
}

impl Failure {
    /// The text with all causes.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Git(error) => chain(error.as_ref()),
            Self::Render(error) => chain(error.as_ref()),
            other => other.to_string(),
        }
    }

    pub(crate) fn status(&self) -> Status {
        let code = match self {
            Self::Request(_) => Code::InvalidArgument,
            Self::NotBuilt(_) => Code::Unimplemented,
            Self::Git(error) => git(error),
            Self::Render(error) => render(error),
            Self::Paused(_) => Code::FailedPrecondition,
            Self::Timeout(_) => Code::DeadlineExceeded,
            Self::Lost => Code::Internal,
        };
        Status::new(code, self.text())
    }
}

fn git(error: &GitError) -> Code {
    match error {
        GitError::Resolve(_) | GitError::NoCommit { .. } | GitError::NotFound { .. } => Code::NotFound,
        GitError::Ambiguous { .. } | GitError::Connection { .. } => Code::InvalidArgument,
        GitError::Authentication { .. } | GitError::HostKey { .. } => Code::PermissionDenied,
        GitError::Transfer { .. } => Code::Unavailable,
        GitError::Timeout { .. } => Code::DeadlineExceeded,
        // Trying again does not help: something has to be changed, at the server or in the limits.
        GitError::Protocol { .. } | GitError::TooLarge { .. } => Code::FailedPrecondition,
        GitError::Storage { .. } | GitError::Lost { .. } => Code::Internal,
    }
}

fn render(error: &RenderError) -> Code {
    match error {
        RenderError::Source(_) => Code::InvalidArgument,
        RenderError::Content(_) | RenderError::Tool { .. } | RenderError::MissingTool { .. } => {
            Code::FailedPrecondition
        }
        RenderError::Tree(TreeError::Git(error)) => git(error),
        RenderError::Tree(TreeError::Object { .. })
        | RenderError::Export(_)
        | RenderError::Machine { .. } => Code::Internal,
        RenderError::Tree(_) | RenderError::ToolTimeout { .. } | RenderError::TooLarge { .. } => {
            Code::FailedPrecondition
        }
        RenderError::NotBuilt(_) => Code::Unimplemented,
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
