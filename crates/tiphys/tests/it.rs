//! The whole product against a real control plane: the three services as processes, driven from outside.

#[path = "it/deletion.rs"]
mod deletion;
#[path = "it/fixture.rs"]
mod fixture;
#[path = "it/hooks.rs"]
mod hooks;
#[path = "it/projects.rs"]
mod projects;
#[path = "it/sync.rs"]
mod sync;
