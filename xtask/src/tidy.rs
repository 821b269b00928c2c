//! Rules of the tree that the compiler does not know. Each rule is a file below; this one runs them all.

mod files;
mod integration;
mod layers;
mod licences;
mod purity;
mod words;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::workspace;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Where, `file` or `file:line`.
    pub(crate) place: String,
    /// What is wrong and what would be right.
    pub(crate) what: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// All text files of the workspace by path.
pub(crate) type Sources = BTreeMap<String, String>;

/// Runs all rules and prints what they find.
pub(crate) fn run() -> Result<()> {
    let problems = check()?;
    for problem in &problems {
        eprintln!("{}: {}", problem.place, problem.what);
    }
    if problems.is_empty() {
        println!("tidy: no problem found");
        return Ok(());
    }
    bail!("tidy: {} problems", problems.len())
}

fn check() -> Result<Vec<Problem>> {
    let mut sources = Sources::new();
    for path in workspace::files()? {
        if let Some(text) = workspace::read(&path)? {
            sources.insert(path, text);
        }
    }
    let metadata = metadata()?;
    let crates = layers::Crates::of(&metadata)?;
    let mut problems = crates.check();
    problems.extend(licences::check(&metadata, sources.get("deny.toml").map_or("", String::as_str))?);
    problems.extend(purity::check(&sources, &crates.pure_folders()));
    problems.extend(files::check(&sources));
    problems.extend(integration::check(&sources));
    problems.extend(words::check(&sources));
    problems.sort();
    problems.dedup();
    Ok(problems)
}

fn metadata() -> Result<Metadata> {
    let manifest = workspace::root()?.join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(&manifest)
        .other_options(["--offline".to_owned()])
        .exec()
        // What is not on the machine yet has to be fetched.
        .or_else(|_| MetadataCommand::new().manifest_path(&manifest).exec())
        .context("failed to run `cargo metadata`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let problems = check().unwrap();
        let lines: Vec<_> =
            problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
        assert!(lines.is_empty(), "{} problems:\n{}", lines.len(), lines.join("\n"));
    }
}
