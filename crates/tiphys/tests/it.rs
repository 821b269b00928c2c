//! The whole product against a real control plane: the three services as processes, driven from outside.

#[path = "it/fixture.rs"]
mod fixture;
#[path = "it/sync.rs"]
mod sync;
