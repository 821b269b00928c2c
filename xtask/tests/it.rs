//! Tests of the commands as a user starts them, and of the examples on a real control plane.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]

#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/examples.rs"]
mod examples;
