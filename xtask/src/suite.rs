//! `cargo xtask test`: everything that has to pass, in order, with a summary at the end.

mod cargo_test;
mod deny;

use std::ffi::OsString;
use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use tiphys_test_kit::{Tool, Tools};

use self::cargo_test::Count;
use crate::{coverage, crds, manifests, tidy, workspace};

/// The suite has said what failed; nothing is left to print.
#[derive(Debug)]
pub(crate) struct Reported;

impl fmt::Display for Reported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not everything passed")
    }
}

impl std::error::Error for Reported {}

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Runs these steps only
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,
    /// Leaves these steps out
    #[arg(long, value_enum, value_delimiter = ',')]
    skip: Vec<Step>,
    /// Installs cargo-deny where it is missing; otherwise its step is then skipped
    #[arg(long)]
    deny: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The programs that tests run: built where they are missing
    Tools,
    /// cargo fmt --check
    Format,
    /// cargo clippy, warnings are errors
    Lints,
    /// Unit, service and cluster tests
    Tests,
    /// Rules of the tree
    Tidy,
    /// crds/ is what the types make it
    Crds,
    /// deploy/ and charts/ are what they are rendered from
    Manifests,
    /// docs/compatibility.md is what the tests make it
    Coverage,
    /// Licences and advisories of dependencies
    Deny,
    /// The demo, until all is Synced and Healthy
    Demo,
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed(anyhow::Error),
}

pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let mut count = Count::default();
    let mut outcomes: Vec<(Step, Outcome, Duration)> = Vec::new();
    for step in Step::value_variants() {
        let wanted = args.only.is_empty() || args.only.contains(step);
        if !wanted || args.skip.contains(step) {
            continue;
        }
        println!("── {}", step.name());
        let started = Instant::now();
        let outcome = run_step(*step, args, &mut count).unwrap_or_else(Outcome::Failed);
        if let Outcome::Failed(error) = &outcome {
            println!("{} failed: {error:#}", step.name());
        }
        outcomes.push((*step, outcome, started.elapsed()));
    }

    println!("── summary");
    for (step, outcome, elapsed) in &outcomes {
        let word = match outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Skipped(why) => format!("skipped: {why}"),
            Outcome::Failed(_) => "FAILED".to_owned(),
        };
        println!("{:>9.1} s  {:<9} {word}", elapsed.as_secs_f64(), step.name());
    }
    let ran_tests = outcomes.iter().any(|(step, ..)| *step == Step::Tests);
    if ran_tests && count.passed + count.failed == 0 {
        println!("no test ran");
    }
    let failed = outcomes.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)));
    println!("{} passed, {} failed", count.passed, count.failed);
    if failed { Err(Reported.into()) } else { Ok(()) }
}

fn run_step(step: Step, args: &TestArgs, count: &mut Count) -> Result<Outcome> {
    match step {
        Step::Tools => {
            Tools::ensure(Tool::ALL)?;
        }
        Step::Format => cargo(&["fmt", "--all", "--", "--check", "-l"])?,
        Step::Lints => {
            cargo(&[
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])?;
        }
        Step::Tests => {
            *count = cargo_test::run(&tools_path()?)?;
            if count.passed + count.failed == 0 {
                bail!("no test ran");
            }
            if count.failed > 0 {
                bail!("{} tests failed", count.failed);
            }
        }
        Step::Tidy => tidy::run()?,
        Step::Crds => crds::run(&crds::CrdsArgs { check: true })?,
        Step::Manifests => manifests::run(&manifests::ManifestsArgs { check: true })?,
        Step::Coverage => coverage::run(&coverage::CoverageArgs { check: true })?,
        Step::Deny => return deny::run(args.deny),
        Step::Demo => return run_demo(),
    }
    Ok(Outcome::Passed)
}

/// In a process of its own, as a user starts it. Not by this program's own path: the tests before may have linked it anew,
/// and then nothing is left there.
fn run_demo() -> Result<Outcome> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["xtask", "demo", "--once"])
        .current_dir(workspace::root()?)
        .status()
        .context("failed to start the demo")?;
    if !status.success() {
        bail!("the demo ended with {status}");
    }
    Ok(Outcome::Passed)
}

/// Runs cargo as the user would.
fn cargo(arguments: &[&str]) -> Result<()> {
    let status = cargo_command()?.args(arguments).status().context("failed to start cargo")?;
    if !status.success() {
        bail!("`cargo {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}

fn cargo_command() -> Result<Command> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(workspace::root()?);
    Ok(command)
}

/// A `PATH` on which renderers are found before those of the machine.
fn tools_path() -> Result<OsString> {
    Tools::ensure(Tool::RENDERERS)?.search_path(Tool::RENDERERS)
}
