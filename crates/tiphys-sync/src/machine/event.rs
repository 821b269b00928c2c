//! What the machine is told and what it asks for.

use chrono::{DateTime, Utc};
use tiphys_api::application::OperationState;
use tiphys_manifest::{Gvk, ResourceKey};

use crate::live::LiveObject;
use crate::request::{ApplyRequest, DeleteRequest, FinalizerRequest};
use crate::retry::Conclusion;
use crate::task::TaskId;

/// Why a request failed, as far as it matters for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// The object exists already.
    AlreadyExists,
    /// The object, its namespace or its kind does not exist.
    NotFound,
    /// The object has changed since it was read, or it is another one than the request was meant for.
    Conflict,
    /// The API server refuses the object as it is, for instance a change of an immutable field.
    Invalid,
    /// The server is busy or a webhook did not answer: the same request may work later. Nothing was done.
    Busy,
    /// The answer was lost. The write may have happened.
    OutcomeUnknown,
    /// Anything else; trying again is of no use.
    Refused,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Why.
    pub reason: FailureReason,
    /// In the API server's words.
    pub message: String,
}

/// What happened. Answers carry the task that they answer; everything else only says "look again".
#[derive(Clone, Debug)]
pub enum Event {
    /// Begin, or go on after a restart.
    Started,
    /// The operation state of the last [`Effect::Persist`] is stored.
    Persisted,
    /// An [`Effect::Apply`] was answered, with the object as it is now.
    Applied {
        /// The task.
        task: TaskId,
        /// The object, or why not.
        result: Result<LiveObject, Failure>,
    },
    /// An [`Effect::Read`] was answered; `None` when there is no such object.
    Read {
        /// The task.
        task: TaskId,
        /// The object, or why not.
        result: Result<Option<LiveObject>, Failure>,
    },
    /// An [`Effect::Delete`] was accepted (the object may still be there), or not.
    Deleted {
        /// The task.
        task: TaskId,
        /// Why not.
        result: Result<(), Failure>,
    },
    /// An [`Effect::RemoveFinalizer`] was answered.
    FinalizerRemoved {
        /// The task.
        task: TaskId,
        /// Why not.
        result: Result<(), Failure>,
    },
    /// Some live object of the application, or the Application's annotations, may have changed.
    LiveChanged,
    /// The time of an [`Effect::WakeAt`] has come.
    Tick,
    /// The operation is to stop (its recorded phase became `Terminating`).
    Terminate,
}

/// What is to be done. Each `Apply`, `Read`, `Delete` and `RemoveFinalizer` is answered by exactly one event with the
/// same task, each `Persist` by one `Persisted`. Effects of one step may be carried out at the same time, in any order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Store this as `status.operationState`. When the Application has changed meanwhile, read it again and retry;
    /// when its phase has become `Terminating`, send [`Event::Terminate`].
    Persist(Box<OperationState>),
    /// Write an object. Never retried blindly.
    Apply {
        /// The task.
        task: TaskId,
        /// The request.
        request: Box<ApplyRequest>,
    },
    /// Read an object from the API server.
    Read {
        /// The task.
        task: TaskId,
        /// Group, version and kind.
        gvk: Gvk,
        /// The object.
        key: ResourceKey,
    },
    /// Delete an object.
    Delete {
        /// The task.
        task: TaskId,
        /// The request.
        request: DeleteRequest,
    },
    /// Take the hook finalizer off an object.
    RemoveFinalizer {
        /// The task.
        task: TaskId,
        /// The request.
        request: FinalizerRequest,
    },
    /// Send [`Event::Tick`] at this time. A later `WakeAt` takes the place of an earlier one.
    WakeAt(DateTime<Utc>),
    /// The attempt has ended; the machine does nothing more.
    Finish(Box<Conclusion>),
}
