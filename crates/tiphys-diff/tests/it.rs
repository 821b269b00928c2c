//! The comparison against a real API server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/mutations.rs"]
mod mutations;
#[path = "it/real_objects.rs"]
mod real_objects;
