//! Tests of the test kit on the real programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

#[path = "it/control_plane.rs"]
mod control_plane;
#[path = "it/git_servers.rs"]
mod git_servers;
#[path = "it/toolchain.rs"]
mod toolchain;
