//! The api-server as its users see it: real sockets, a real Kubernetes API, siblings that speak the internal protocol.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

#[path = "it/access.rs"]
mod access;
#[path = "it/applications.rs"]
mod applications;
#[path = "it/foreign_client.rs"]
mod foreign_client;
#[path = "it/operations.rs"]
mod operations;
#[path = "it/sessions.rs"]
mod sessions;
#[path = "it/siblings.rs"]
mod siblings;
#[path = "it/support.rs"]
mod support;
