//! Which files a chart gets its values from.
//!
//! A path is relative to the chart, from the repository's root when it begins with `/`, or in another source when
//! it begins with `$ref/`. It never leaves its repository.

use globset::GlobBuilder;
use serde::Serialize;
use tiphys_api::application::ApplicationSourceHelm;
use tiphys_git::{Commit, FoundFile, Kind, Oid, Snapshot, Target, TreeError, Walking};

use crate::environment::Environment;
use crate::error::RenderError;
use crate::inputs::Inputs;

/// Files that one glob may choose from.
const GLOB_FILES: usize = 100_000;

/// A file with values.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ValueFile {
    #[serde(serialize_with = "as_text")]
    pub(crate) id: Oid,
    /// Its path as users know it.
    #[serde(skip)]
    pub(crate) shown: String,
    #[serde(skip)]
    pub(crate) target: Target,
    #[serde(skip)]
    pub(crate) commit: Commit,
}

fn as_text<S: serde::Serializer>(id: &Oid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

pub(super) struct Resolver<'a> {
    inputs: &'a Inputs,
    snapshot: &'a Snapshot,
    folder: &'a Target,
    environment: &'a Environment,
}

/// A place where a path is looked up.
struct Place<'a> {
    snapshot: Opened<'a>,
    commit: Commit,
    /// Folder that the path is relative to.
    from: String,
    path: String,
    /// Put before what is shown.
    prefix: String,
}

enum Opened<'a> {
    Same(&'a Snapshot),
    Other(Box<Snapshot>),
}

impl Opened<'_> {
    fn get(&self) -> &Snapshot {
        match self {
            Self::Same(snapshot) => snapshot,
            Self::Other(snapshot) => snapshot,
        }
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        snapshot: &'a Snapshot,
        folder: &'a Target,
        environment: &'a Environment,
    ) -> Self {
        Self { inputs, snapshot, folder, environment }
    }

    /// The value files in their order; of one that is named twice, by itself and by a glob, the place that it was
    /// named at stays.
    pub(super) fn value_files(&self, source: &ApplicationSourceHelm) -> Result<Vec<ValueFile>, RenderError> {
        let mut files: Vec<(ValueFile, bool)> = Vec::new();
        for written in &source.value_files {
            let place = self.place(written)?;
            let by_glob = is_glob(&place.path);
            let found = if by_glob { expand(&place)? } else { self.one(&place)?.into_iter().collect() };
            if found.is_empty() && !source.ignore_missing_value_files {
                return Err(RenderError::Content(if by_glob {
                    format!("value files {written}: no file matches")
                } else {
                    format!("value file {written} does not exist: open {written}: no such file or directory")
                }));
            }
            for file in found {
                let same = |(other, _): &(ValueFile, bool)| {
                    other.target.path == file.target.path
                        && other.commit.id() == file.commit.id()
                        && other.shown == file.shown
                };
                match files.iter().position(same) {
                    Some(at) if files.get(at).is_some_and(|(_, explicit)| !explicit) && !by_glob => {
                        files.remove(at);
                        files.push((file, true));
                    }
                    Some(_) if by_glob => {}
                    _ => files.push((file, !by_glob)),
                }
            }
        }
        Ok(files.into_iter().map(|(file, _)| file).collect())
    }

    pub(super) fn file_parameters(
        &self,
        source: &ApplicationSourceHelm,
    ) -> Result<Vec<(String, ValueFile)>, RenderError> {
        let mut files = Vec::new();
        for parameter in &source.file_parameters {
            let found = self.one(&self.place(&parameter.path)?)?.ok_or_else(|| {
                let (name, written) = (&parameter.name, &parameter.path);
                RenderError::Content(format!(
                    "file parameter {name}: open {written}: no such file or directory"
                ))
            })?;
            files.push((parameter.name.clone(), found));
        }
        Ok(files)
    }

    /// `$name/` is another source when one has that name, and a variable of the build environment when not.
    fn place(&self, written: &str) -> Result<Place<'a>, RenderError> {
        if let Some((name, path)) =
            written.strip_prefix('$').map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        {
            if let Some(reference) = self.inputs.references.get(name) {
                let path = self.environment.substitute(path);
                return Ok(Place {
                    snapshot: Opened::Other(Box::new(reference.commit.open()?)),
                    commit: reference.commit.clone(),
                    from: String::new(),
                    path: path.trim_start_matches('/').to_owned(),
                    prefix: format!("${name}/"),
                });
            }
            if is_name(name) && !self.environment.has(name) {
                return Err(RenderError::Source(self.unknown_reference(name)));
            }
        }
        let written = &self.environment.substitute(written);
        if let Some((scheme, _)) = written.split_once("://") {
            let allowed = self.inputs.options.helm_values_file_schemes.iter().any(|known| known == scheme);
            return Err(if allowed || matches!(scheme, "http" | "https") {
                RenderError::NotBuilt(format!(
                    "value file {written}: remote value files are not supported yet"
                ))
            } else {
                RenderError::Source(format!("value file {written}: the URL scheme {scheme:?} is not allowed"))
            });
        }
        let rooted = written.strip_prefix('/');
        Ok(Place {
            snapshot: Opened::Same(self.snapshot),
            commit: self.inputs.commit.clone(),
            from: if rooted.is_some() { String::new() } else { self.folder.path.clone() },
            path: rooted.unwrap_or(written).trim_start_matches('/').to_owned(),
            prefix: String::new(),
        })
    }

    fn unknown_reference(&self, name: &str) -> String {
        let known: Vec<String> = self.inputs.references.keys().map(|known| format!("${known}")).collect();
        if known.is_empty() {
            return format!("source referenced \"${name}\", but no source has a 'ref' field defined");
        }
        let known = known.join(", ");
        format!("source referenced \"${name}\", which is not one of the available sources ({known})")
    }

    fn one(&self, place: &Place<'_>) -> Result<Option<ValueFile>, RenderError> {
        let found = place.snapshot.get().lookup_from(&place.from, &place.path);
        let target = match found {
            Err(TreeError::OutOfBounds { path }) => {
                return Err(RenderError::Source(format!(
                    "value file '{path}' resolved to outside repository root"
                )));
            }
            found => found?,
        };
        match target {
            Some(target) if target.kind != Kind::Tree => Ok(Some(value_file(place, target))),
            _ => Ok(None),
        }
    }
}

fn value_file(place: &Place<'_>, target: Target) -> ValueFile {
    ValueFile {
        id: target.id,
        shown: format!("{}{}", place.prefix, target.path),
        commit: place.commit.clone(),
        target,
    }
}

/// What could be the `ref` of a source: not `{…}`, and not `$$`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The files that a glob matches, sorted. `**` crosses folders, `*` does not.
fn expand(place: &Place<'_>) -> Result<Vec<ValueFile>, RenderError> {
    let snapshot = place.snapshot.get();
    // Up to the first part with a wildcard it is a plain path, which may go up.
    let parts: Vec<&str> = place.path.split('/').collect();
    let plain = parts.iter().take_while(|part| !is_glob(part)).count();
    let (base, pattern) = parts.split_at(plain);
    let base = base.join("/");
    let pattern = pattern.join("/");
    if pattern.split('/').any(|part| part == "..") {
        return Err(RenderError::Source(format!("value files {}: '..' after a wildcard", place.path)));
    }
    let matcher = GlobBuilder::new(&pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| RenderError::Source(format!("value files {pattern}: not a glob: {}", error.kind())))?
        .compile_matcher();
    let folder = match snapshot.lookup_from(&place.from, &base) {
        Err(TreeError::OutOfBounds { path }) => {
            return Err(RenderError::Source(format!(
                "value file '{path}' resolved to outside repository root"
            )));
        }
        found => found?,
    };
    let Some(folder) = folder.filter(|folder| folder.kind == Kind::Tree) else { return Ok(Vec::new()) };
    let recurse = pattern.contains('/') || pattern.contains("**");
    let walking = Walking {
        recurse,
        hidden_folders: true,
        linked_folders: false,
        skip_submodules: false,
        limit: GLOB_FILES,
    };
    let mut files: Vec<FoundFile> = snapshot.files(&folder, &walking)?;
    files.retain(|file| matcher.is_match(&file.path));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files.into_iter().map(|file| value_file(place, file.target)).collect())
}
