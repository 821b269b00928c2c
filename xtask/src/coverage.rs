//! `cargo xtask coverage`: what of Argo CD's behaviour is shown by which test, as `docs/compatibility.md`.
//!
//! The rows come from the table of features beside the checkout or, without it, from the document itself; the
//! tests from their `covers:` comments; the states of rows without a test from `docs/compatibility.toml`.

mod rows;
mod states;
mod table;
mod tags;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace;

const DOCUMENT: &str = "docs/compatibility.md";
const STATES: &str = "docs/compatibility.toml";

#[derive(Args)]
pub(crate) struct CoverageArgs {
    /// Writes nothing and fails when the document is not what it would be
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(args: &CoverageArgs) -> Result<()> {
    let root = workspace::root()?;
    let present = workspace::read(DOCUMENT)?.unwrap_or_default();
    let source = match workspace::reference_folder()?.map(|folder| folder.join("features.md")) {
        Some(path) if path.is_file() => {
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?
        }
        _ => present.clone(),
    };
    let sections = rows::parse(&source);
    if sections.is_empty() {
        bail!("there are no rows: neither a table of features beside the checkout nor {DOCUMENT} has any");
    }

    let mut sources = BTreeMap::new();
    for path in workspace::files()? {
        if tags::may_hold_tests(&path)
            && let Some(text) = workspace::read(&path)?
        {
            sources.insert(path, text);
        }
    }
    let found = tags::scan(&sources);
    let states = states::parse(&workspace::read(STATES)?.unwrap_or_default())
        .with_context(|| format!("failed to read {STATES}"))?;
    let mut problems = found.problems.clone();
    problems.extend(rows::unknown(&sections, &found.by_row));
    problems.extend(states.problems(&sections, &found.by_row));
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }

    let (text, counts) = table::render(&sections, &found.by_row, &states);
    println!("coverage: {counts}");
    if args.check {
        if text != present {
            bail!("{DOCUMENT} is out of date: run `cargo xtask coverage`");
        }
        return Ok(());
    }
    if text != present {
        std::fs::create_dir_all(root.join("docs")).context("failed to create docs/")?;
        std::fs::write(root.join(DOCUMENT), text).with_context(|| format!("failed to write {DOCUMENT}"))?;
    }
    Ok(())
}
