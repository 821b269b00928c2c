//! What a render would do, complete: nothing that is not in a plan can change its result.

use std::fmt;

use serde::{Serialize, Serializer};
use tiphys_git::{FoundFile, Kind};

use crate::directory::DirectoryPlan;
use crate::helm::HelmPlan;
use crate::kustomize::KustomizePlan;

/// The tool that renders a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum SourceType {
    /// Plain manifests.
    Directory,
    /// A kustomization.
    Kustomize,
    /// A Helm chart.
    Helm,
    /// A config management plugin.
    Plugin,
}

impl SourceType {
    /// The name that `status.sourceType` has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "Directory",
            Self::Kustomize => "Kustomize",
            Self::Helm => "Helm",
            Self::Plugin => "Plugin",
        }
    }
}

/// A render that is ready to be carried out, or to be found in a cache by its key.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) work: Work,
    /// What a carried-out plan reads from.
    pub(crate) commit: tiphys_git::Commit,
    key: RenderKey,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) enum Work {
    Directory(DirectoryPlan),
    Kustomize(KustomizePlan),
    Helm(HelmPlan),
}

impl Plan {
    pub(crate) fn new(work: Work, commit: tiphys_git::Commit) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The key covers the whole of the work, so that a new field can't be forgotten.
        if serde_json::to_writer(&mut hasher, &work).is_err() {
            // A plan has no map with keys other than strings: this is out of reach, and a key of its own is safe.
            hasher.update(commit.id().as_bytes());
            hasher.update(format!("{work:?}").as_bytes());
        }
        let key = RenderKey(*hasher.finalize().as_bytes());
        Self { work, commit, key }
    }

    /// Equal for two plans exactly when their results are.
    #[must_use]
    pub fn key(&self) -> RenderKey {
        self.key
    }

    /// The tool.
    #[must_use]
    pub fn source_type(&self) -> SourceType {
        match self.work {
            Work::Directory(_) => SourceType::Directory,
            Work::Kustomize(_) => SourceType::Kustomize,
            Work::Helm(_) => SourceType::Helm,
        }
    }
}

/// Hash of everything that goes into a render.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderKey(pub(crate) [u8; 32]);

impl fmt::Debug for RenderKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// Files that a render reads; in a key they are their paths and contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files(pub(crate) Vec<FoundFile>);

impl Files {
    /// Hash of paths, contents and the right to execute.
    pub(crate) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for file in &self.0 {
            hasher.update(&(file.path.len() as u64).to_le_bytes());
            hasher.update(file.path.as_bytes());
            hasher.update(file.target.id.as_bytes());
            hasher.update(&[u8::from(file.target.kind == (Kind::File { executable: true }))]);
        }
        hasher.finalize()
    }
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digest().to_hex())
    }
}
