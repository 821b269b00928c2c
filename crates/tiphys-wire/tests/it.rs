//! Tests over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

#[path = "it/internal.rs"]
mod internal;
