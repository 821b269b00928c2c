//! What a render is asked to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tiphys_api::application::ApplicationSource;
use tiphys_git::Commit;

/// One source of one application, with everything that may change its manifests.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// `<name>` in the control plane's namespace, `<namespace>_<name>` elsewhere.
    pub app_instance_name: String,
    /// Bare name of the application: Helm's release name unless the source has one.
    pub app_name: String,
    /// Project of the application.
    pub project: String,
    /// Namespace of the destination.
    pub namespace: String,
    /// The source.
    pub source: ApplicationSource,
    /// The commit that is rendered.
    pub commit: Commit,
    /// Other sources of the application that value files may point into, by their `ref`.
    pub references: BTreeMap<String, Reference>,
    /// Version of the destination cluster.
    pub kube_version: String,
    /// `group/version/Kind` and `group/version` that the destination cluster serves.
    pub api_versions: Vec<String>,
    /// Settings of the operator.
    pub options: ToolOptions,
}

/// A source that value files may point into.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its repository, as the user wrote it.
    pub repo_url: String,
    /// Its commit.
    pub commit: Commit,
}

/// What the operator allows and sets for the tools.
#[derive(Clone, Debug, Default)]
pub struct ToolOptions {
    /// Charts are read as directories.
    pub helm_disabled: bool,
    /// Kustomizations are read as directories.
    pub kustomize_disabled: bool,
    /// Jsonnet files are skipped.
    pub jsonnet_disabled: bool,
    /// Schemes of remote value files that are allowed.
    pub helm_values_file_schemes: Vec<String>,
    /// Words that are added to `kustomize build`.
    pub kustomize_build_options: String,
    /// Kustomize programs by the name that applications use in `kustomize.version`.
    pub kustomize_binaries: BTreeMap<String, PathBuf>,
    /// Words that are added to `kustomize build`, by version name.
    pub kustomize_build_options_by_version: BTreeMap<String, String>,
}

/// Bounds on one render.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the manifest files of a directory, together; 0: no limit.
    pub directory_bytes: u64,
    /// Bytes that a tool may write to its standard output.
    pub output_bytes: usize,
    /// Objects of one result.
    pub objects: usize,
    /// Files that a source may consist of.
    pub files: usize,
    /// Bytes of all files that a tool gets.
    pub export_bytes: u64,
    /// Time after which a tool is asked to end.
    pub tool_timeout: Duration,
    /// Time after that at which it is ended.
    pub tool_grace: Duration,
    /// Folders whose name begins with a dot are part of a recursive directory source.
    pub hidden_folders: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            directory_bytes: 10_000_000,
            output_bytes: 128 << 20,
            objects: 50_000,
            files: 200_000,
            export_bytes: 1 << 30,
            tool_timeout: Duration::from_secs(90),
            tool_grace: Duration::from_secs(10),
            hidden_folders: false,
        }
    }
}
