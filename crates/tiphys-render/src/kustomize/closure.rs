//! The files that a kustomization reads: its folder and, from there, every folder that it builds on.
//!
//! Kustomize itself refuses files outside a kustomization's folder, so folders are enough. Where that rule is
//! switched off, or a chart folder lies elsewhere, the whole repository is taken.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tiphys_git::{FoundFile, Kind, Snapshot, Target, Walking, join};
use tiphys_manifest::yaml;

use crate::detect::KUSTOMIZATIONS;
use crate::error::RenderError;
use crate::inputs::Limits;

/// Bytes of one kustomization file.
const KUSTOMIZATION_LIMIT: u64 = 4 << 20;

/// Folders that one kustomization may build on.
const FOLDERS: usize = 2000;

/// Fields whose entries may be folders with a kustomization of their own.
const FOLDER_FIELDS: [&str; 6] =
    ["resources", "bases", "components", "generators", "transformers", "validators"];

/// What a build reads.
#[derive(Debug, Default)]
pub(super) struct Closure {
    /// Files, by their path in the repository.
    pub(super) files: Vec<FoundFile>,
    /// It also reads something that is not in this commit.
    pub(super) reads_elsewhere: bool,
}

/// Finds the files of `folder` and of what it builds on, `components` included.
pub(super) fn of(
    snapshot: &Snapshot,
    folder: &Target,
    components: &[String],
    everything: bool,
    limits: &Limits,
) -> Result<Closure, RenderError> {
    let mut search =
        Search { snapshot, seen: BTreeSet::new(), todo: Vec::new(), whole: everything, elsewhere: false };
    search.found(folder.clone());
    for component in components {
        search.entry(folder, component)?;
    }
    while let Some(folder) = search.todo.pop() {
        search.kustomization(&folder)?;
    }
    let mut files: BTreeMap<String, FoundFile> = BTreeMap::new();
    let walking = Walking {
        recurse: true,
        hidden_folders: true,
        linked_folders: true, // Of a whole repository, most is of no concern.
        skip_submodules: search.whole,
        limit: limits.files,
    };
    let roots = if search.whole { vec![snapshot.root()] } else { search.roots() };
    for root in roots {
        for file in snapshot.files(&root, &walking)? {
            let path = join(&root.path, &file.path);
            files.insert(path.clone(), FoundFile { path, target: file.target });
        }
    }
    Ok(Closure { files: files.into_values().collect(), reads_elsewhere: search.elsewhere })
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    seen: BTreeSet<(String, tiphys_git::Oid)>,
    todo: Vec<Target>,
    whole: bool,
    elsewhere: bool,
}

impl Search<'_> {
    fn found(&mut self, folder: Target) {
        if self.seen.insert((folder.path.clone(), folder.id)) {
            self.todo.push(folder);
        }
    }

    /// The folders found, without those inside others.
    fn roots(&self) -> Vec<Target> {
        let mut roots: Vec<Target> = Vec::new();
        for (path, id) in &self.seen {
            let inside = |root: &Target| root.path.is_empty() || path.starts_with(&format!("{}/", root.path));
            if !roots.iter().any(inside) {
                roots.push(Target { path: path.clone(), id: *id, kind: Kind::Tree });
            }
        }
        roots
    }

    fn kustomization(&mut self, folder: &Target) -> Result<(), RenderError> {
        if self.seen.len() > FOLDERS {
            let what = format!("{}: the number of folders that the kustomization builds on", folder.path);
            return Err(RenderError::TooLarge { what, limit: FOLDERS.to_string() });
        }
        for name in KUSTOMIZATIONS {
            let path = join(&folder.path, name);
            let Some(file) = self.snapshot.lookup(&path)? else { continue };
            if file.kind == Kind::Tree {
                continue;
            }
            let text = self.snapshot.read(&file, KUSTOMIZATION_LIMIT)?;
            // What can't be read here is reported by kustomize, in its words.
            let Ok(Value::Object(fields)) = yaml::parse_one(&text) else { continue };
            for field in FOLDER_FIELDS {
                for entry in fields.get(field).and_then(Value::as_array).into_iter().flatten() {
                    if let Some(entry) = entry.as_str() {
                        self.entry(folder, entry)?;
                    }
                }
            }
            let charts =
                ["helmCharts", "helmChartInflationGenerator"].iter().any(|field| fields.contains_key(*field));
            if charts || fields.contains_key("helmGlobals") {
                self.elsewhere = true;
                let home = fields.get("helmGlobals").and_then(|globals| globals.get("chartHome"));
                self.whole |= home.and_then(Value::as_str).is_some_and(|home| home.contains(".."));
            }
            if fields.get("openapi").and_then(|openapi| openapi.get("path")).is_some() {
                // May lie beside the folder.
                self.whole = true;
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Target, entry: &str) -> Result<(), RenderError> {
        // A resource may also stand in the list itself, as YAML.
        if entry.contains('\n') {
            return Ok(());
        }
        let is_url = entry.contains("://") || entry.starts_with("git@");
        let found = if is_url { None } else { self.snapshot.lookup_from(&folder.path, entry)? };
        match found {
            Some(target) if target.kind == Kind::Tree => self.found(target),
            Some(_) => {}
            None => self.elsewhere = true,
        }
        Ok(())
    }
}
