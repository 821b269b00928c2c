//! Runs `cargo test` and counts what it says.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::cargo_command;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

/// Runs all tests of the workspace; prints all lines but those of single tests that passed.
pub(super) fn run(path: &OsStr) -> Result<Count> {
    let mut child = cargo_command()?
        .args(["test", "--quiet", "--workspace", "--locked", "--no-fail-fast", "--", "--format", "pretty"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start `cargo test`")?;
    let stdout = child.stdout.take().context("standard output was asked for")?;
    let mut count = Count::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("failed to read what `cargo test` says")?;
        if let Some(result) = parse_result(&line) {
            count.passed += result.passed;
            count.failed += result.failed;
        }
        if !is_noise(&line) {
            println!("{line}");
        }
    }
    let status = child.wait().context("failed to wait for `cargo test`")?;
    if !status.success() && count.failed == 0 {
        bail!("`cargo test` ended with {status}: something did not build, or a test ended its whole process");
    }
    Ok(count)
}

/// Reads `test result: ok. 17 passed; 0 failed; 0 ignored; …`.
fn parse_result(line: &str) -> Option<Count> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| {
        let (before, _) = rest.split_once(word)?;
        before.trim_end().rsplit([' ', ';']).next()?.parse().ok()
    };
    Some(Count { passed: number(" passed")?, failed: number(" failed")? })
}

fn is_noise(line: &str) -> bool {
    let passed_test = line.starts_with("test ") && line.ends_with(" ... ok");
    let counts = line.starts_with("running ") && line.contains(" test");
    let nothing = line.starts_with("test result: ok. 0 passed");
    passed_test || counts || nothing || line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 17 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out; finished in 5.15s";
        assert_eq!(parse_result(line), Some(Count { passed: 17, failed: 2 }));
        assert_eq!(parse_result("test a::b ... ok"), None);
    }

    #[test]
    fn failures_are_shown_and_passes_are_not() {
        assert!(is_noise("test a::b ... ok"));
        assert!(!is_noise("test a::b ... FAILED"));
        assert!(!is_noise("thread 'a' panicked at src/lib.rs:1:1:"));
        assert!(!is_noise("skipped: no sshd"));
    }
}
