//! The program: picks a service or the command line by its first argument or its own name.

mod dispatch;
mod launch;
mod serve;

use std::process::ExitCode;

/// Thousands of short-lived JSON values on many threads: this allocator keeps less of them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dispatch::run(std::env::args_os().collect())
}
