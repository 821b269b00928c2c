//! Keeps the status of every Application true and carries its operations out.
//!
//! One actor for each Application is fed by watches of the control plane and of the destination clusters. The
//! decisions are made in the core crates; here are the tasks, the timers and the order of writes.

mod actor;
pub mod args;
mod clusters;
mod config;
mod context;
mod control_plane;
mod desired;
mod effects;
mod events;
mod mailbox;
mod metrics;
mod registry;
mod render;
mod run;
mod state_service;
mod store;
mod unbuilt;
mod view;

pub use args::Args;
pub use config::Config;
pub use run::{Listeners, RunError, run};
