//! A folder that is removed when its owner ends, however it ends.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Waits for the owner's pipe to close, then removes the folder; programs that still end may write for a while.
const JANITOR: &str = r#"
trap '' INT TERM HUP
read -r _
tries=100
while [ -e "$1" ] && [ "$tries" -gt 0 ]; do
  rm -rf "$1" 2>/dev/null || sleep 0.1
  tries=$((tries-1))
done
"#;

/// A temporary folder with a janitor process: also a killed owner leaves nothing behind.
#[derive(Debug)]
pub struct ScratchFolder {
    path: PathBuf,
    janitor: Option<Child>,
}

impl ScratchFolder {
    /// Creates a folder in the system's place for temporary files.
    ///
    /// # Errors
    /// When the folder or its janitor cannot be made.
    pub fn new(prefix: &str) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir()
            .context("failed to create a temporary folder")?
            .keep();
        let janitor = Command::new("sh")
            .args(["-c", JANITOR, "tiphys-janitor"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("failed to start the janitor of a temporary folder")?;
        Ok(Self { path, janitor: Some(janitor) })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if let Some(mut janitor) = self.janitor.take() {
            drop(janitor.stdin.take());
            // The janitor gives up by itself after ten seconds.
            let _ = janitor.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_folder_is_gone() {
        let folder = ScratchFolder::new("tiphys-scratch-").unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
