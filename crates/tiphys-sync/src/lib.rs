//! Plans an operation as a value and advances it: `step(event)` changes a state and gives effects.
//!
//! ```text
//! comparison ─ plan() ─► SyncPlan ─ SyncState::new ─► step(event, live view, now) ─► effects ─► the cluster
//!                                        ▲                                               │
//!                                        └────────── answers, live changes, time ◄───────┘
//! ```
//!
//! Synchronous and without a clock: whoever owns the cluster carries effects out and feeds answers back. Everything
//! that must survive a crash is in `status.operationState` and in a mark on each hook.

pub mod deletion;
pub mod hook;
mod images;
pub mod live;
pub mod machine;
mod message;
pub mod options;
pub mod plan;
pub mod proof;
pub mod record;
pub mod request;
pub mod retry;
pub mod stamp;
pub mod task;
#[cfg(test)]
mod testing;
pub mod wave;

pub use live::{LiveObject, LiveView, PatchKind, ThreeWayPatch};
pub use machine::{Effect, Event, Failure, FailureReason, SyncSettings, SyncState, refuse};
pub use options::{PropagationPolicy, Removal, ResourceOptions, SyncOptions};
pub use plan::{DestinationNamespace, PlanError, PlanInput, SyncPlan, SyncResource, Wave, plan};
pub use proof::RenderProof;
pub use record::{Pinned, begin, is_recorded, pin, pinned_revisions, progress_patch, terminal_patch};
pub use request::{ApplyRequest, DeleteRequest, FIELD_MANAGER, FinalizerRequest, Write};
pub use retry::{Conclusion, Next, pending_retry, start_retry};
pub use stamp::Stamp;
pub use task::{Action, KeepReason, Phase, Task, TaskId};
