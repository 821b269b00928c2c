//! `cargo xtask manifests`: the rendered files of `deploy/` and the chart's tables of parameters.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use tiphys_api::names::{component, parameters};
use tiphys_test_kit::{Tool, Tools};

use crate::workspace;

const HEADER: &str = "# Written by `cargo xtask manifests`; change the folders beside it instead.\n";

#[derive(Args)]
pub(crate) struct ManifestsArgs {
    /// Writes nothing and fails when a file is not what it would be
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(args: &ManifestsArgs) -> Result<()> {
    let root = workspace::root()?;
    let files = files()?;
    let mut stale = Vec::new();
    for (path, text) in &files {
        if workspace::read(path)?.as_deref() != Some(text) {
            stale.push(path.as_str());
            if !args.check {
                std::fs::write(root.join(path), text).with_context(|| format!("failed to write {path}"))?;
            }
        }
    }
    match (stale.is_empty(), args.check) {
        (true, _) => println!("manifests: {} files are up to date", files.len()),
        (false, true) => bail!("{} out of date: run `cargo xtask manifests`", stale.join(", ")),
        (false, false) => println!("manifests: wrote {}", stale.join(", ")),
    }
    Ok(())
}

fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for (file, folder) in
        [("install.yaml", "cluster-install"), ("namespace-install.yaml", "namespace-install")]
    {
        files.push((format!("deploy/{file}"), format!("{HEADER}{}", build(folder)?)));
    }
    for component in [component::API_SERVER, component::REPO_SERVER, component::APPLICATION_CONTROLLER] {
        files.push((format!("charts/tiphys/files/parameters/{component}.yaml"), table(component)));
    }
    Ok(files)
}

fn build(folder: &str) -> Result<String> {
    let tools = Tools::ensure(&[Tool::Kustomize])?;
    let folder = workspace::root()?.join("deploy").join(folder);
    let output = Command::new(tools.kustomize())
        .arg("build")
        .arg(&folder)
        .output()
        .with_context(|| format!("failed to run kustomize on {}", folder.display()))?;
    if !output.status.success() {
        bail!("kustomize failed on {}: {}", folder.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("kustomize printed something that is no text")
}

/// The environment variables of a component and the keys behind them, by variable.
fn table(component: &str) -> String {
    let mut lines: Vec<_> =
        parameters::of(component).iter().map(|parameter| (parameter.env, parameter.key)).collect();
    lines.sort_unstable();
    let mut text = format!(
        "# Written by `cargo xtask manifests`: environment variables of {component} and the keys of \
         argocd-cmd-params-cm behind them.\n"
    );
    for (env, key) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{env}: {key}");
    }
    text
}
