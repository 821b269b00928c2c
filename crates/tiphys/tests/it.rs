//! The whole product against a real control plane: the three services as processes, driven from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

#[path = "it/api.rs"]
mod api;
#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/cli.rs"]
mod cli;
#[path = "it/clusters.rs"]
mod clusters;
#[path = "it/deletion.rs"]
mod deletion;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/fixture.rs"]
mod fixture;
#[path = "it/hooks.rs"]
mod hooks;
#[path = "it/options.rs"]
mod options;
#[path = "it/programs.rs"]
mod programs;
#[path = "it/projects.rs"]
mod projects;
#[path = "it/real_input.rs"]
mod real_input;
#[path = "it/status.rs"]
mod status;
#[path = "it/sync.rs"]
mod sync;
