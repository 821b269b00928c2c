//! Development commands: `cargo xtask …`.
#![allow(clippy::print_stdout, reason = "a command line prints")]

mod bench;
mod cluster;
mod coverage;
mod crds;
mod demo;
mod manifests;
mod suite;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development commands of Tiphys", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A Kubernetes control plane on this machine, without containers
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// From a Git commit to a converged cluster: control plane, services, example repositories
    Demo(demo::DemoArgs),
    /// Measures the services under the load of many applications
    Bench(bench::BenchArgs),
    /// Everything that has to pass: format, lints, all tests, checks of the tree, the demo
    Test(suite::TestArgs),
    /// Rules that the compiler does not know: layers, file sizes, forgotten files, words
    Tidy,
    /// Writes docs/compatibility.md from the tags of the tests
    Coverage(coverage::CoverageArgs),
    /// Writes crds/ from the Rust types
    Crds(crds::CrdsArgs),
    /// Writes the rendered files of deploy/ and charts/
    Manifests(manifests::ManifestsArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Cluster(command) => cluster::run(&command),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Test(args) => suite::run(&args),
        Command::Tidy => tidy::run(),
        Command::Coverage(args) => coverage::run(&args),
        Command::Crds(args) => crds::run(&args),
        Command::Manifests(args) => manifests::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<suite::Reported>() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
