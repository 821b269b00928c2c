//! The cluster adapter against a real control plane, and against a scripted server where a real one can't be
//! made to misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

#[path = "it/connection.rs"]
mod connection;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/kinds.rs"]
mod kinds;
#[path = "it/objects.rs"]
mod objects;
#[path = "it/observation.rs"]
mod observation;
#[path = "it/scripted.rs"]
mod scripted;
#[path = "it/support.rs"]
mod support;
#[path = "it/writes.rs"]
mod writes;
