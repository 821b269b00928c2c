//! One application: desired against live becomes sync status, health, tree and conditions.
//!
//! Everything here is a function of values: the Application, what its sources rendered to, what the cluster holds, the
//! settings and the time. Nothing is read, written or remembered, except that a comparison can be handed to the next one,
//! which then looks only at what has changed.
//!
//! ```text
//! refresh_reason ─► validate ─► normalise_target ─► compare ─► autosync
//!                                                      │          │
//!                                            tree, summary   status_of ─► status_patch
//! ```

mod autosync;
mod comparison;
mod conditions;
mod health;
mod managed;
pub mod messages;
mod order;
mod refresh;
mod source;
mod spec;
mod status;
mod target;
#[cfg(test)]
mod testing;
mod tree;
mod validation;
mod verdict;

pub use autosync::{AUTOMATED_RETRY_LIMIT, AutoSync, AutoSyncOptions, SelfHealBackoff, autosync};
pub use comparison::{CompareInput, ComparedResource, Comparison, compare};
pub use conditions::{COMPARISON_CONDITIONS, condition, set_conditions};
pub use managed::managed_resources;
pub use refresh::{
    CompareLevel, Refresh, RefreshReason, RefreshTimeouts, expires_at, refresh_reason, refresh_removal_patch,
};
pub use source::{same_source, same_sources};
pub use spec::normalised_spec_patch;
pub use status::{StatusInput, invalid_status, status_of, status_patch, too_large_status};
pub use target::{ApiScopes, Normalisation, Target, TargetObject, TargetState, normalise_target};
pub use tree::{ProjectView, orphaned_condition, resource_tree, summary, tree_nodes};
pub use validation::{Validated, project_missing, validate};
pub use verdict::{MergeSchemas, NoSchemas, ignore_problems};
