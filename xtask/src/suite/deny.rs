//! Licences and known weaknesses of dependencies, by cargo-deny.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tiphys_test_kit::Tools;

use super::{Outcome, cargo, cargo_command};
use crate::workspace;

const VERSION: &str = "0.19";

/// Checks with cargo-deny. Where it is missing, the step is skipped unless it may be installed.
pub(super) fn run(install: bool) -> Result<Outcome> {
    let program = match find() {
        Some(program) => program,
        None if install => {
            let root = Tools::cache_folder()?.join("cargo-deny");
            let root_text = root.to_string_lossy();
            cargo(&[
                "install",
                "--locked",
                "--quiet",
                "cargo-deny",
                "--version",
                VERSION,
                "--root",
                &root_text,
            ])?;
            root.join("bin/cargo-deny")
        }
        None => {
            return Ok(Outcome::Skipped("cargo-deny is not installed, `--deny` installs it; licences are checked by tidy, advisories are not".to_owned()));
        }
    };
    let check = |what: &[&str]| -> Result<bool> {
        let status = Command::new(&program)
            .current_dir(workspace::root()?)
            .args(["--log-level", "error", "check", "--hide-inclusion-graph"])
            .args(what)
            .status()
            .context("failed to start cargo-deny")?;
        Ok(status.success())
    };
    if !check(&["licenses", "bans", "sources"])? {
        bail!("cargo-deny refuses a licence or a source");
    }
    // The database of advisories may be out of reach, and a new advisory is no fault of this tree.
    if !check(&["advisories"])? {
        println!("deny: advisories could not be read, or there are some; see above");
    }
    Ok(Outcome::Passed)
}

fn find() -> Option<PathBuf> {
    let cached = Tools::cache_folder().ok()?.join("cargo-deny/bin/cargo-deny");
    if cached.is_file() {
        return Some(cached);
    }
    let answers = cargo_command()
        .ok()?
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    answers.then(|| PathBuf::from("cargo-deny"))
}
