//! What a project, a role or a policy permits.
//!
//! Knows the limits of projects (sources, destinations, kinds, sync windows) and the policies of `argocd-rbac-cm` and
//! of project roles. Both are compiled once and asked often. Who a user is, and which groups a token carries, is
//! `tiphys-identity`'s; how the texts are found is `tiphys-settings`'.

mod builtin;
mod cron;
mod csv;
mod enforcer;
mod policy;
mod project;
mod selector;
mod sync_window;
mod validation;
mod virtual_project;

pub use enforcer::{Enforcer, Permissions, Subject};
pub use policy::{Policy, PolicyError, project_policy, validate_project_policy};
pub use project::{Destination, Project};
pub use selector::selector_matches;
pub use sync_window::{SyncKind, SyncWindowError, SyncWindows};
pub use validation::{ProjectError, validate_project};
pub use virtual_project::{default_project, virtual_project};
