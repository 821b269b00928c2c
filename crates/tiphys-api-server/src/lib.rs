//! Serves the API to users: command line, scripts, CI and the web page.
//!
//! It watches Applications, projects and settings into memory and answers reads from there; what it writes, it writes to
//! the Kubernetes API. Trees and managed resources come from the application-controller, manifests and revisions from the
//! repo-server. How a call reaches its handler is `tiphys-wire`'s.

mod access;
mod application;
mod applications;
mod args;
mod audit;
mod config;
mod errors;
mod http;
mod metrics;
mod projects;
mod repository;
mod run;
mod server;
mod session;
mod setup;
pub mod unbuilt;
mod version;
mod watches;

pub use args::Args;
pub use config::Config;
pub use run::{Listeners, RunError, run};
