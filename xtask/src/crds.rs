//! `cargo xtask crds`: the CustomResourceDefinitions in `crds/`, written from the Rust types.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace;

const FOLDER: &str = "crds";

#[derive(Args)]
pub(crate) struct CrdsArgs {
    /// Writes nothing and fails when a file is not what it would be
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(args: &CrdsArgs) -> Result<()> {
    let folder = workspace::root()?.join(FOLDER);
    let files = tiphys_api::crd::files().context("failed to write the definitions")?;
    let mut stale = Vec::new();
    for (name, text) in &files {
        let path = format!("{FOLDER}/{name}");
        if workspace::read(&path)?.as_deref() != Some(text) {
            stale.push(path);
        }
    }
    if stale.is_empty() {
        println!("crds: {} files are up to date", files.len());
        return Ok(());
    }
    if args.check {
        bail!("{} out of date: run `cargo xtask crds`", stale.join(", "));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("failed to create {FOLDER}/"))?;
    for (name, text) in &files {
        std::fs::write(folder.join(name), text)
            .with_context(|| format!("failed to write {FOLDER}/{name}"))?;
    }
    println!("crds: wrote {}", stale.join(", "));
    Ok(())
}
