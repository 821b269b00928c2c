//! The mark that a hook carries, so that a restarted controller knows its own.
//!
//! A hook must run at most once for one attempt of one operation. The API server's object is the only record that is
//! written in the same moment in which the hook is created, so the attempt is written there.

use std::fmt;

use tiphys_api::time::Time;

use crate::task::Phase;

/// The annotation with the mark.
pub const OPERATION_ANNOTATION: &str = "tiphys.io/operation";

/// One attempt of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The operation: the Application's uid and the operation's start, which is recorded before the first hook is
    /// created and never changes.
    pub operation: String,
    /// The attempt: 0 for the first, then `status.operationState.retryCount`.
    pub attempt: i64,
}

impl Stamp {
    /// The stamp of an attempt of the operation that was started at this time on the Application with this uid.
    pub fn new(application_uid: &str, started_at: Time, attempt: i64) -> Self {
        Stamp { operation: format!("{application_uid}.{}", started_at.unix()), attempt }
    }

    /// The annotation's value. A hook that runs in two phases is two runs.
    pub fn of_phase(&self, phase: Phase) -> String {
        format!("{self}.{}", phase.as_str())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.operation, self.attempt)
    }
}
