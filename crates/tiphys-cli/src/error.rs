//! Errors as a person at a terminal reads them: what was tried, why it failed, and what to do about it.

use std::fmt;

/// The exit code of errors that have none of their own.
pub const GENERIC_EXIT_CODE: u8 = 20;
/// The exit code of an operation that ended badly, and of a command line that can't be read.
pub(crate) const FAILURE_EXIT_CODE: u8 = 1;

/// What made a command fail.
#[derive(Debug)]
pub struct CliError {
    message: String,
    hint: Option<String>,
    exit_code: u8,
    kind: ErrorKind,
}

/// What commands need to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Nothing of that name, or nothing that the user may see.
    NotFound,
    /// Not logged in, or not any more.
    Unauthenticated,
    /// The connection failed; trying again may help.
    Connection,
    /// Nobody reads the output any more.
    Unread,
    /// Anything else.
    Other,
}

impl CliError {
    /// An error without anything special.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        CliError { message: message.into(), hint: None, exit_code: GENERIC_EXIT_CODE, kind: ErrorKind::Other }
    }

    /// An operation that ended badly.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        CliError { exit_code: FAILURE_EXIT_CODE, ..CliError::new(message) }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn with_exit_code(mut self, exit_code: u8) -> Self {
        self.exit_code = exit_code;
        self
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CliError {}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => ErrorKind::Unread,
            _ => ErrorKind::Other,
        };
        CliError::new(format!("cannot write the output: {error}")).of_kind(kind)
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        CliError::new(format!("cannot read the answer: {error}"))
    }
}
