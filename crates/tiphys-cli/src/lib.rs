//! The command line, against the API server or directly against Kubernetes.
//!
//! One file per command. What commands share: where to connect ([`connection`], [`config`]), how to ask ([`backend`]),
//! how to show things ([`table`], [`summary`], [`resources`], [`output`]) and when waiting is over ([`wait`]). Data goes
//! to standard output, everything else to standard error.

mod api_server;
mod app;
mod backend;
mod commands;
mod config;
mod connection;
mod console;
mod context;
mod core_mode;
mod error;
mod login;
mod logout;
mod name;
mod output;
mod plugin;
mod resources;
mod rows;
mod selector;
mod summary;
mod table;
mod tree;
mod version;
mod wait;

use std::ffi::OsString;
use std::process::ExitCode;

pub use error::{CliError, GENERIC_EXIT_CODE};

/// Runs a command line and gives the exit code. The first argument is the program's own name: it is shown in help.
///
/// Exit codes are the reference's: 0 when all went well, 1 for a command line that can't be read or an operation that
/// failed, 20 for other errors, and what `app diff` says of itself.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    commands::run(args)
}
