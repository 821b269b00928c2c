//! Charts that a chart depends on: those beside it in the repository, and those that must be fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use serde_json::Value;
use tiphys_git::{FoundFile, Kind, Snapshot, Target, join};
use tiphys_manifest::yaml;

use super::walking;
use crate::error::RenderError;
use crate::inputs::Limits;
use crate::process::Run;
use crate::renderer::Workspace;
use crate::toolbox::Tool;

/// Bytes of a file that names dependencies.
const CHART_LIMIT: u64 = 1 << 20;

/// Charts that may depend on each other.
const CHARTS: usize = 200;

/// The files of a chart.
#[derive(Debug, Default)]
pub(super) struct ChartFiles {
    /// Files of the chart and of the local charts that it depends on, by their path in the repository.
    pub(super) files: Vec<FoundFile>,
    /// A dependency is neither packed inside the chart nor beside it.
    pub(super) fetches: bool,
}

/// Finds a chart's files.
pub(super) fn files(
    snapshot: &Snapshot,
    folder: &Target,
    limits: &Limits,
) -> Result<ChartFiles, RenderError> {
    let mut files: BTreeMap<String, FoundFile> = BTreeMap::new();
    let mut seen: BTreeSet<String> = BTreeSet::from([folder.path.clone()]);
    let mut todo = vec![folder.clone()];
    let mut fetches = false;
    while let Some(chart) = todo.pop() {
        for file in snapshot.files(&chart, &walking(limits))? {
            let path = join(&chart.path, &file.path);
            files.insert(path.clone(), FoundFile { path, target: file.target });
        }
        for dependency in dependencies(snapshot, &chart)? {
            match dependency.strip_prefix("file://") {
                Some(path) => {
                    let target =
                        snapshot.lookup_from(&chart.path, path)?.filter(|target| target.kind == Kind::Tree);
                    if let Some(target) = target
                        && seen.len() < CHARTS
                        && seen.insert(target.path.clone())
                    {
                        todo.push(target);
                    }
                }
                None => fetches |= snapshot.lookup(&join(&chart.path, "charts"))?.is_none(),
            }
        }
    }
    Ok(ChartFiles { files: files.into_values().collect(), fetches })
}

/// Repositories of the chart's dependencies.
fn dependencies(snapshot: &Snapshot, chart: &Target) -> Result<Vec<String>, RenderError> {
    let mut repositories = Vec::new();
    for name in ["Chart.yaml", "requirements.yaml"] {
        let file = snapshot.lookup(&join(&chart.path, name))?;
        let Some(file) = file.filter(|file| file.kind != Kind::Tree) else { continue };
        // What can't be read here is reported by helm, in its words.
        let Ok(value) = yaml::parse_one(&snapshot.read(&file, CHART_LIMIT)?) else { continue };
        repositories.extend(repositories_of(&value));
    }
    Ok(repositories)
}

fn repositories_of(chart: &Value) -> Vec<String> {
    let list = chart.get("dependencies").and_then(Value::as_array);
    let repositories =
        list.into_iter().flatten().filter_map(|one| one.get("repository").and_then(Value::as_str));
    repositories.filter(|repository| !repository.is_empty()).map(str::to_owned).collect()
}

/// Whether helm's words say that dependencies have to be built first.
pub(super) fn are_missing(words: &str) -> bool {
    words.contains("found in Chart.yaml, but missing in charts/ directory")
        || words.contains("found in requirements.yaml, but missing in charts/ directory")
}

/// Builds the dependencies in a copy of the files that may be written.
pub(super) async fn build(
    tool: &Tool,
    workspace: &mut Workspace,
    chart: &str,
    limits: &Limits,
) -> Result<(), RenderError> {
    workspace.make_writable()?;
    let folder = workspace.files().join(chart);
    let mut repositories = Vec::new();
    for name in ["Chart.yaml", "requirements.yaml"] {
        if let Ok(text) = std::fs::read(folder.join(name))
            && let Ok(value) = yaml::parse_one(&text)
        {
            repositories.extend(repositories_of(&value));
        }
    }
    repositories.sort();
    repositories.dedup();
    for (position, url) in repositories.iter().filter(|url| url.starts_with("http")).enumerate() {
        let name = format!("dependency-{position}");
        let words = ["repo", "add", "--", &name, url].map(OsString::from).to_vec();
        run(tool, workspace, &folder, words).output(limits).await?;
    }
    run(tool, workspace, &folder, vec!["dependency".into(), "build".into()]).output(limits).await?;
    Ok(())
}

fn run<'a>(
    tool: &'a Tool,
    workspace: &'a Workspace,
    folder: &'a std::path::Path,
    arguments: Vec<OsString>,
) -> Run<'a> {
    Run { tool, arguments, folder, home: workspace.home(), shown: workspace.shown() }
}
