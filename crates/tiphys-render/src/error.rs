//! Why a source gives no manifests.

use std::sync::Arc;

use tiphys_git::{ExportError, TreeError};

/// A failed render. The text is shown to users as it is; it names files by their path in the repository.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The source itself can't be used: the user must change the application.
    #[error("{0}")]
    Source(String),
    /// Something in the repository is wrong: the user must change a file.
    #[error("{0}")]
    Content(String),
    /// The repository's files can't be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The files can't be given to a tool.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A tool did not succeed.
    #[error("`{command}` failed {how}")]
    Tool {
        /// The command, with paths as in the repository.
        command: String,
        /// How it ended and what it said.
        how: String,
    },
    /// A tool was still running when its time was over.
    #[error("`{command}` failed timeout after {seconds} s")]
    ToolTimeout {
        /// The command, with paths as in the repository.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// More than is allowed.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// Of what.
        what: String,
        /// The bound, with its unit.
        limit: String,
    },
    /// A program is not there.
    #[error("{program} is not installed: {detail}")]
    MissingTool {
        /// Its name.
        program: &'static str,
        /// Where it was looked for, and where to set it.
        detail: String,
    },
    /// What the source asks for is not built.
    #[error("{0}")]
    NotBuilt(String),
    /// This machine.
    #[error("failed to {action}")]
    Machine {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
}

impl RenderError {
    pub(crate) fn machine(action: impl Into<String>, source: std::io::Error) -> Self {
        Self::Machine { action: action.into(), source: Arc::new(source) }
    }

    /// Whether the same request would fail again for as long as nobody changes the commit or the application.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        !matches!(
            self,
            Self::Machine { .. }
                | Self::MissingTool { .. }
                | Self::Tree(TreeError::Object { .. } | TreeError::Git(_))
                | Self::Export(ExportError::Disk { .. } | ExportError::Tree(TreeError::Object { .. }))
        )
    }

    /// Whether the local copy of the repository seems damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Tree(error) | Self::Export(ExportError::Tree(error)) => error.is_damage(),
            _ => false,
        }
    }
}
