//! The programs that render: where they are, and which of them they are.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::RenderError;

/// A program that is there. Two are equal when they are the same file, unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    pub(crate) path: PathBuf,
    size: u64,
    modified: (i64, i64),
}

/// Where the programs are looked for.
#[derive(Clone, Debug, Default)]
pub struct Toolbox {
    /// Helm; looked for on `PATH` when not set.
    pub helm: Option<PathBuf>,
    /// Kustomize; looked for on `PATH` when not set.
    pub kustomize: Option<PathBuf>,
    /// Folders of programs, as the `PATH` of this process.
    pub search: Vec<PathBuf>,
}

impl Toolbox {
    /// Looks on the `PATH` of this process for what is not given.
    #[must_use]
    pub fn new(helm: Option<PathBuf>, kustomize: Option<PathBuf>) -> Self {
        let search =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Self { helm, kustomize, search }
    }

    pub(crate) fn helm(&self) -> Result<Tool, RenderError> {
        self.find("helm", self.helm.as_deref(), "--helm-binary or TIPHYS_HELM_BINARY")
    }

    pub(crate) fn kustomize(&self) -> Result<Tool, RenderError> {
        self.find("kustomize", self.kustomize.as_deref(), "--kustomize-binary or TIPHYS_KUSTOMIZE_BINARY")
    }

    /// A program at a place that the operator named.
    pub(crate) fn named(program: &'static str, path: &Path) -> Result<Tool, RenderError> {
        tool_at(path).ok_or_else(|| RenderError::MissingTool {
            program,
            detail: format!("there is no program at {}", path.display()),
        })
    }

    fn find(&self, program: &'static str, given: Option<&Path>, setting: &str) -> Result<Tool, RenderError> {
        match given {
            Some(path) => tool_at(path).ok_or_else(|| RenderError::MissingTool {
                program,
                detail: format!("there is no program at {} (set by {setting})", path.display()),
            }),
            None => self.search.iter().find_map(|folder| tool_at(&folder.join(program))).ok_or_else(|| {
                let detail =
                    format!("no such program on the PATH of the repo-server; install it or set {setting}");
                RenderError::MissingTool { program, detail }
            }),
        }
    }
}

fn tool_at(path: &Path) -> Option<Tool> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return None;
    }
    let path = std::path::absolute(path).ok()?;
    Some(Tool { path, size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
}
