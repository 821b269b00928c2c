//! Serves rendered manifests for a repository, revision and source.
//!
//! Knows how a request becomes commits, a plan, a render and an answer, and what of it is kept. How repositories
//! are read and tools are run is in `tiphys-git` and `tiphys-render`.

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
