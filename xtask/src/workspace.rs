//! Where the workspace is and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_owned).context("xtask lies in the workspace's root")
}

/// The folder of reference material beside the checkout, where there is one.
pub(crate) fn reference_folder() -> Result<Option<PathBuf>> {
    let folder = root()?.join("../shared/reference");
    Ok(folder.is_dir().then_some(folder))
}

/// All files that are tracked or would be, relative to the root, in order.
pub(crate) fn files() -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root()?)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("failed to start `git ls-files`")?;
    if !output.status.success() {
        bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut files: Vec<String> =
        text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Text of a file of the workspace; nothing when it is not text or was deleted.
pub(crate) fn read(path: &str) -> Result<Option<String>> {
    match std::fs::read(root()?.join(path)) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // A link to a folder.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read {path}")),
    }
}
