//! Plain manifests in a folder.

use globset::{GlobBuilder, GlobMatcher};
use serde::Serialize;
use serde_json::Value;
use tiphys_api::application::ApplicationSourceDirectory;
use tiphys_git::{Snapshot, Target, Walking};
use tiphys_manifest::yaml;

use crate::error::RenderError;
use crate::inputs::{Limits, ToolOptions};
use crate::manifests::{Collected, Rendered, missing_identity};
use crate::plan::{Files, SourceType};

/// Text that keeps a file out, behind a `#` on a line of its own.
const SKIP_FILE: &str = "+argocd:skip-file-rendering";

/// What a file begins with whose content is elsewhere. Ignoring it, as with other files that are no manifests,
/// would make its objects disappear.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Files to be read as manifests, in order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DirectoryPlan {
    files: Files,
    /// Every file is read whatever its name.
    any_extension: bool,
    limit_bytes: u64,
    limit_objects: usize,
}

/// Chooses the files.
pub(crate) fn plan(
    snapshot: &Snapshot,
    folder: &Target,
    source: Option<&ApplicationSourceDirectory>,
    options: &ToolOptions,
    limits: &Limits,
) -> Result<DirectoryPlan, RenderError> {
    let default = ApplicationSourceDirectory::default();
    let source = source.unwrap_or(&default);
    let (include, exclude) = (glob("include", &source.include)?, glob("exclude", &source.exclude)?);
    let walking = Walking {
        recurse: source.recurse,
        hidden_folders: limits.hidden_folders,
        linked_folders: false,
        skip_submodules: false,
        limit: limits.files,
    };
    let mut files = snapshot.files(folder, &walking)?;
    files.retain(|file| {
        let known = matches!(extension(&file.path), "yaml" | "yml" | "json" | "jsonnet");
        (known || source.disable_extension_filter)
            && exclude.as_ref().is_none_or(|exclude| !exclude.is_match(&file.path))
            && include.as_ref().is_none_or(|include| include.is_match(&file.path))
    });
    if options.jsonnet_disabled {
        files.retain(|file| extension(&file.path) != "jsonnet");
    }
    if let Some(file) = files.iter().find(|file| extension(&file.path) == "jsonnet") {
        let path = &file.target.path;
        return Err(RenderError::NotBuilt(format!(
            "{path}: Jsonnet is not supported yet; exclude the file with directory.exclude, or set jsonnet.enable \
             to false"
        )));
    }
    let mut bytes: u64 = 0;
    for file in &files {
        bytes = bytes.saturating_add(snapshot.size(&file.target)?);
        if limits.directory_bytes > 0 && bytes > limits.directory_bytes {
            let path = if folder.path.is_empty() { "." } else { &folder.path };
            return Err(RenderError::TooLarge {
                what: format!(
                    "{path}: exceeded max combined manifest file size: the size of its manifest files"
                ),
                limit: format!("{} bytes", limits.directory_bytes),
            });
        }
    }
    Ok(DirectoryPlan {
        files: Files(files),
        any_extension: source.disable_extension_filter,
        limit_bytes: limits.directory_bytes,
        limit_objects: limits.objects,
    })
}

impl DirectoryPlan {
    /// Reads the files.
    pub(crate) fn render(&self, snapshot: &Snapshot) -> Result<Rendered, RenderError> {
        let limit = if self.limit_bytes > 0 { self.limit_bytes } else { u64::MAX };
        let mut collected = Collected::new(self.limit_objects);
        for file in &self.files.0 {
            let bytes = snapshot.read(&file.target, limit)?;
            let text = utf8(bytes);
            if text.starts_with(LFS_POINTER) {
                let path = &file.target.path;
                return Err(RenderError::NotBuilt(format!(
                    "{path}: the file is kept in Git LFS, which is not supported yet"
                )));
            }
            if is_skipped(&text) {
                continue;
            }
            let path = file.target.path.as_str();
            for object in objects(path, &file.path, &text)? {
                collected.add(object, |problem| unreadable(path, &problem))?;
            }
        }
        Ok(collected.finish(SourceType::Directory))
    }
}

fn objects(path: &str, name: &str, text: &[u8]) -> Result<Vec<Value>, RenderError> {
    if extension(name) == "json" {
        return json(path, text);
    }
    let limits = yaml::Limits { bytes: text.len().saturating_add(1), ..yaml::Limits::default() };
    let problem = match yaml::parse_documents(text, &limits) {
        Ok(documents) => {
            let mut objects: Vec<Value> = Vec::with_capacity(documents.len());
            let mut problem = None;
            for document in documents {
                if let Some(missing) = missing_identity(&document.value) {
                    problem = Some(format!("line {}: {missing}", document.line));
                    break;
                }
                objects.push(document.value);
            }
            match problem {
                None => return Ok(objects),
                // Some of it is manifests: the rest was meant to be.
                Some(problem) if !objects.is_empty() => return Err(unreadable(path, &problem)),
                Some(problem) => problem,
            }
        }
        Err(error) if begins_with_object(text, error.line) => return Err(unreadable(path, &error)),
        Err(error) => error.to_string(),
    };
    let hints: [&[u8]; 3] = [b"apiVersion:", b"kind:", b"metadata:"];
    if hints.iter().all(|hint| contains(text, hint)) {
        return Err(unreadable(path, &problem));
    }
    tracing::debug!(file = path, problem, "not a manifest");
    Ok(Vec::new())
}

/// Whether a document before the broken one is a manifest.
fn begins_with_object(text: &[u8], broken_line: usize) -> bool {
    let mut end = 0;
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n').take(broken_line.saturating_sub(1)) {
        if line.starts_with(b"---") {
            end = at;
        }
        at += line.len();
    }
    let before = text.get(..end).unwrap_or_default();
    let documents = yaml::parse_stream(before).unwrap_or_default();
    documents.iter().any(|document| missing_identity(document).is_none())
}

fn json(path: &str, text: &[u8]) -> Result<Vec<Value>, RenderError> {
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    match documents.next() {
        None => Err(unreadable(path, &"the file is empty")),
        Some(Err(error)) => Err(unreadable(path, &error)),
        Some(Ok(object)) => match documents.next() {
            None => Ok(vec![object]),
            Some(Ok(_)) => Err(RenderError::Content(format!(
                "Found multiple objects in {path:?}. Only single objects are allowed in JSON files."
            ))),
            Some(Err(error)) => Err(unreadable(path, &error)),
        },
    }
}

fn unreadable(path: &str, problem: &dyn std::fmt::Display) -> RenderError {
    RenderError::Content(format!("Failed to unmarshal {path:?}: {problem}"))
}

fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn is_skipped(text: &[u8]) -> bool {
    contains(text, SKIP_FILE.as_bytes())
        && text.split(|byte| *byte == b'\n').any(|line| {
            let line = String::from_utf8_lossy(line);
            line.trim().strip_prefix('#').is_some_and(|comment| comment.trim() == SKIP_FILE)
        })
}

/// Files of some editors are UTF-16, with a mark that says so.
fn utf8(bytes: Vec<u8>) -> Vec<u8> {
    let units = |read: fn([u8; 2]) -> u16| -> Vec<u8> {
        let units = bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok()).map(read);
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
            .into_bytes()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        _ => bytes,
    }
}

/// A glob over whole paths: `*` also matches `/`, as with the reference.
fn glob(field: &str, pattern: &str) -> Result<Option<GlobMatcher>, RenderError> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let built = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
    match built {
        Ok(glob) => Ok(Some(glob.compile_matcher())),
        Err(error) => {
            Err(RenderError::Source(format!("directory.{field} {pattern:?} is not a glob: {}", error.kind())))
        }
    }
}
