//! Serves rendered manifests for a repository, revision and source.
//!
//! Knows how a request becomes commits, a plan, a render and an answer, and what of it is kept. How repositories
//! are read and tools are run is in `tiphys-git` and `tiphys-render`.
//!
//! Where it is not as Argo CD's repo-server, on purpose:
//!
//! - Files are read from a repository's objects, there is no checkout. Symbolic links that leave the repository are
//!   an error where a source reaches them, and do not matter elsewhere.
//! - A result is kept by what went into it, not by its commit: a commit that does not touch a source's files renders
//!   nothing.
//! - Two sources of an application may refer to one repository at different revisions.
//! - Repositories of this machine (`file://`) are read in place and always at their present state.
//! - Copies of a repository belong to the credentials that they were fetched with.
//! - A tool sees neither the environment nor the credentials of the service, and what it starts ends with it.

mod args;
mod config;
mod failures;
mod metrics;
mod rendering;
mod request;
mod server;
mod service;
mod status;
mod unbuilt;

pub use args::Args;
pub use config::{Config, ConfigError, Pause, TlsChoice};
pub use server::{Listeners, RunError, run};
pub use unbuilt::RepoServerFlags;
