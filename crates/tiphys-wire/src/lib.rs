//! One service definition on three wires, TLS between services, errors to status codes, metrics and shutdown.

pub mod internal;
pub mod unbuilt;
