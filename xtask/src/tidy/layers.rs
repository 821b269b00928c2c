//! Layers: an arrow between crates goes down only, and what has input and output stays out of the lower two.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};

use super::Problem;

/// Layers from the bottom up. `development` stands beside them: it may use all and is used by tests alone.
const ORDER: [&str; 5] = ["vocabulary", "core", "adapter", "service", "binary"];
const DEVELOPMENT: &str = "development";

/// Arrows within a layer that the design has; any other is a new decision.
const WITHIN_LAYER: &[(&str, &str)] = &[
    ("tiphys-manifest", "tiphys-api"),
    ("tiphys-rbac", "tiphys-settings"),
    ("tiphys-live", "tiphys-health"),
    ("tiphys-compare", "tiphys-health"),
    ("tiphys-compare", "tiphys-diff"),
    ("tiphys-compare", "tiphys-live"),
    ("tiphys-compare", "tiphys-settings"),
    ("tiphys-compare", "tiphys-rbac"),
    // What a render proves and how an object is hooked into a sync is said there.
    ("tiphys-compare", "tiphys-sync"),
    ("tiphys-sync", "tiphys-health"),
    ("tiphys-sync", "tiphys-diff"),
    ("tiphys-sync", "tiphys-live"),
    ("tiphys-sync", "tiphys-settings"),
    // The cache is a structure in memory that joins equal fetches in flight.
    ("tiphys-git", "tiphys-cache"),
    // Rendering reads trees of a commit without a checkout, and remembers what it read.
    ("tiphys-render", "tiphys-git"),
    ("tiphys-render", "tiphys-cache"),
];

/// Crates that vocabulary and core must not reach, not even through others.
const FORBIDDEN_BELOW: &[&str] =
    &["tokio", "async-std", "smol", "kube", "tonic", "axum", "clap", "hyper", "reqwest", "git2", "rand"];

/// One crate of the workspace.
struct Member {
    layer: Option<String>,
    /// Folder relative to the root.
    folder: String,
    /// Direct dependencies for normal and build use, without those of tests alone.
    dependencies: BTreeSet<String>,
    inherits_lints: bool,
}

/// The crates of the workspace, and who depends on whom, strangers included.
pub(super) struct Crates {
    members: BTreeMap<String, Member>,
    /// For every package id its name and the ids that it uses outside of tests.
    graph: BTreeMap<String, (String, Vec<String>)>,
    ids: BTreeMap<String, String>,
}

impl Crates {
    pub(super) fn of(metadata: &Metadata) -> Result<Self> {
        let mut members = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for package in metadata.workspace_packages() {
            let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
            let manifest = std::fs::read_to_string(&package.manifest_path)
                .with_context(|| format!("failed to read {}", package.manifest_path))?;
            let parsed: toml::Table =
                manifest.parse().with_context(|| format!("failed to read {}", package.manifest_path))?;
            let inherits_lints = parsed.get("lints").and_then(|lints| lints.get("workspace"))
                == Some(&toml::Value::Boolean(true));
            let layer = package.metadata.pointer("/tiphys/layer").and_then(|layer| layer.as_str());
            let dependencies = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect();
            let name = package.name.to_string();
            ids.insert(name.clone(), package.id.repr.clone());
            let folder = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder).to_string();
            members.insert(
                name,
                Member { layer: layer.map(str::to_owned), folder, dependencies, inherits_lints },
            );
        }
        let names: BTreeMap<_, _> = metadata
            .packages
            .iter()
            .map(|package| (package.id.repr.clone(), package.name.to_string()))
            .collect();
        let mut graph = BTreeMap::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let used = node
                .deps
                .iter()
                .filter(|dependency| {
                    dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
                })
                .map(|dependency| dependency.pkg.repr.clone())
                .collect();
            let name = names.get(&node.id.repr).cloned().unwrap_or_default();
            graph.insert(node.id.repr.clone(), (name, used));
        }
        Ok(Self { members, graph, ids })
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, member) in &self.members {
            let place = format!("{}/Cargo.toml", member.folder);
            if !member.inherits_lints {
                problems.push(Problem::new(&place, "lacks `[lints] workspace = true`"));
            }
            let Some(layer) = known_layer(member) else {
                problems.push(Problem::new(
                    &place,
                    format!("needs `[package.metadata.tiphys] layer`: {} or {DEVELOPMENT}", ORDER.join(", ")),
                ));
                continue;
            };
            for used in &member.dependencies {
                let Some(other) = self.members.get(used).and_then(known_layer) else { continue };
                if let Some(what) = breach((name, layer), (used, other)) {
                    problems.push(Problem::new(&place, what));
                }
            }
            if is_pure(layer) {
                problems.extend(self.forbidden(name).into_iter().map(|path| {
                    let what = format!(
                        "{layer} must not reach {}: {}",
                        path.last().map_or("", |end| end),
                        path.join(" → ")
                    );
                    Problem::new(&place, what)
                }));
            }
        }
        problems
    }

    /// Folders of the sources of the two lower layers.
    pub(super) fn pure_folders(&self) -> Vec<String> {
        self.members
            .values()
            .filter(|member| known_layer(member).is_some_and(is_pure))
            .map(|member| format!("{}/src/", member.folder))
            .collect()
    }

    /// Ways from a crate to what it must not reach, each as a list of names.
    fn forbidden(&self, name: &str) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<(String, Vec<String>)> =
            self.ids.get(name).map(|id| vec![(id.clone(), Vec::new())]).unwrap_or_default();
        while let Some((id, mut way)) = open.pop() {
            let Some((name, used)) = self.graph.get(&id) else { continue };
            way.push(name.clone());
            if FORBIDDEN_BELOW.contains(&name.as_str()) {
                found.push(way);
                continue;
            }
            for next in used {
                if seen.insert(next.clone()) {
                    open.push((next.clone(), way.clone()));
                }
            }
        }
        found
    }
}

fn known_layer(member: &Member) -> Option<&str> {
    member.layer.as_deref().filter(|layer| *layer == DEVELOPMENT || ORDER.contains(layer))
}

fn is_pure(layer: &str) -> bool {
    layer == "vocabulary" || layer == "core"
}

/// What is wrong with an arrow, if anything.
fn breach((name, layer): (&str, &str), (used, other): (&str, &str)) -> Option<String> {
    if layer == DEVELOPMENT {
        return None;
    }
    if other == DEVELOPMENT {
        return Some(format!("only tests may depend on {used}"));
    }
    let height = |layer: &str| ORDER.iter().position(|known| *known == layer);
    match height(layer).cmp(&height(other)) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Less => {
            Some(format!("{layer} must not depend on {other} {used}: arrows go down only"))
        }
        std::cmp::Ordering::Equal if WITHIN_LAYER.contains(&(name, used)) => None,
        std::cmp::Ordering::Equal => Some(format!("{layer} {name} must not depend on {layer} {used}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_go_down_only() {
        assert!(breach(("a", "core"), ("b", "vocabulary")).is_none());
        assert!(breach(("a", "core"), ("b", "adapter")).is_some());
        assert!(breach(("a", "service"), ("b", "service")).is_some());
        assert!(breach(("tiphys-render", "adapter"), ("tiphys-cluster", "adapter")).is_some());
        assert!(breach(("tiphys-sync", "core"), ("tiphys-live", "core")).is_none());
        assert!(breach(("a", "service"), ("tiphys-test-kit", DEVELOPMENT)).is_some());
        assert!(breach(("xtask", DEVELOPMENT), ("a", "service")).is_none());
    }

    #[test]
    fn a_forbidden_crate_is_found_through_others() {
        let node = |name: &str, used: &[&str]| {
            (name.to_owned(), (name.to_owned(), used.iter().map(|used| (*used).to_owned()).collect()))
        };
        let crates = Crates {
            members: BTreeMap::new(),
            graph: [
                node("mine", &["serde", "sly"]),
                node("serde", &[]),
                node("sly", &["tokio"]),
                node("tokio", &[]),
            ]
            .into(),
            ids: [("mine".to_owned(), "mine".to_owned())].into(),
        };
        assert_eq!(crates.forbidden("mine"), [["mine", "sly", "tokio"]]);
    }
}
