//! Tests over real sockets, and of the API's descriptors against what clients of the reference expect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test may panic")]

#[path = "it/internal.rs"]
mod internal;
#[path = "it/numbers.rs"]
mod numbers;
#[path = "it/transcoding.rs"]
mod transcoding;
#[path = "it/wires.rs"]
mod wires;
