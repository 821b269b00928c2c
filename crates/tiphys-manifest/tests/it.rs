//! Our reading of YAML and JSON against kubectl's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "it/kubectl.rs"]
mod kubectl;
#[path = "it/snippets.rs"]
mod snippets;
