//! The programs that tests and the demo run beside Tiphys: which ones, which version, where they lie.
//!
//! Each is built from its Go module into a cache folder outside the repository, once. How a build goes is in
//! [`build`]; what the programs are used for is left to the callers.

mod build;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Version of Kubernetes that the control plane runs.
pub const KUBERNETES_VERSION: &str = "v1.36.3";

/// One program of the toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// The store behind the API server.
    Etcd,
    /// The Kubernetes API server.
    KubeApiserver,
    /// The controllers of Kubernetes: garbage collection, Deployments, Jobs, namespaces.
    KubeControllerManager,
    /// The scheduler, which puts Pods on the one simulated Node.
    KubeScheduler,
    /// The command line of Kubernetes, from the same sources as the API server.
    Kubectl,
    /// Plays the part of kubelets: Nodes and Pods without containers.
    Kwok,
    /// Helm 3.
    Helm,
    /// Kustomize 5.
    Kustomize,
}

impl Tool {
    /// All programs, quick ones to build last.
    pub const ALL: &[Self] = &[
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
        Self::Kwok,
        Self::Etcd,
        Self::Helm,
        Self::Kustomize,
    ];

    /// What a control plane and its tests need.
    pub const CONTROL_PLANE: &[Self] = &[
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
        Self::Kwok,
        Self::Etcd,
    ];

    /// What rendering manifests needs.
    pub const RENDERERS: &[Self] = &[Self::Helm, Self::Kustomize];

    /// File name of the program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
        }
    }

    /// Version of the module that the program is built from, with its leading `v`.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Etcd => "v3.6.5",
            Self::KubeApiserver | Self::KubeControllerManager | Self::KubeScheduler | Self::Kubectl => {
                KUBERNETES_VERSION
            }
            Self::Kwok => "v0.8.0",
            Self::Helm => "v3.22.0",
            Self::Kustomize => "v5.8.2",
        }
    }
}

/// A folder of built programs. All programs of a value that [`Tools::ensure`] returned for them exist.
#[derive(Clone, Debug)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// The cache folder: `$TIPHYS_TOOLS`, else `tiphys/tools` in `$XDG_CACHE_HOME`, else in `~/.cache`.
    ///
    /// # Errors
    /// When none of the three variables (the last is `HOME`) is set.
    pub fn cache_folder() -> Result<PathBuf> {
        if let Some(folder) = non_empty("TIPHYS_TOOLS") {
            return Ok(PathBuf::from(folder));
        }
        Ok(user_cache_folder()?.join("tools"))
    }

    /// Builds those of `wanted` that the cache folder lacks and returns where they all are.
    ///
    /// Two processes that ask at once do not build twice: the second waits for the first. Progress goes to
    /// standard error.
    ///
    /// # Errors
    /// When `go` is missing, a module cannot be fetched or does not build, or the cache cannot be written.
    pub fn ensure(wanted: &[Tool]) -> Result<Self> {
        Self::ensure_in(&Self::cache_folder()?, wanted)
    }

    /// As [`Tools::ensure`], in a folder of the caller's choice.
    ///
    /// # Errors
    /// As [`Tools::ensure`].
    pub fn ensure_in(root: &Path, wanted: &[Tool]) -> Result<Self> {
        let tools = Self { root: root.to_owned() };
        if !tools.missing(wanted).is_empty() {
            let _lock = build::lock(root)?;
            // Another process may have built them while this one waited.
            let missing = tools.missing(wanted);
            for (position, tool) in missing.iter().enumerate() {
                build::build(root, *tool, &tools.path(*tool), position + 1, missing.len())
                    .with_context(|| format!("failed to build {} {}", tool.program(), tool.version()))?;
            }
        }
        match tools.missing(wanted).first() {
            Some(tool) => bail!("{} is still missing after its build", tools.path(*tool).display()),
            None => Ok(tools),
        }
    }

    /// Where a program lies, built or not.
    #[must_use]
    pub fn path(&self, tool: Tool) -> PathBuf {
        self.root.join(tool.program()).join(tool.version()).join(tool.program())
    }

    /// Path of `etcd`.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.path(Tool::Etcd)
    }

    /// Path of `kube-apiserver`.
    #[must_use]
    pub fn kube_apiserver(&self) -> PathBuf {
        self.path(Tool::KubeApiserver)
    }

    /// Path of `kube-controller-manager`.
    #[must_use]
    pub fn kube_controller_manager(&self) -> PathBuf {
        self.path(Tool::KubeControllerManager)
    }

    /// Path of `kube-scheduler`.
    #[must_use]
    pub fn kube_scheduler(&self) -> PathBuf {
        self.path(Tool::KubeScheduler)
    }

    /// Path of `kubectl`.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.path(Tool::Kubectl)
    }

    /// Path of `kwok`.
    #[must_use]
    pub fn kwok(&self) -> PathBuf {
        self.path(Tool::Kwok)
    }

    /// Path of `helm`.
    #[must_use]
    pub fn helm(&self) -> PathBuf {
        self.path(Tool::Helm)
    }

    /// Path of `kustomize`.
    #[must_use]
    pub fn kustomize(&self) -> PathBuf {
        self.path(Tool::Kustomize)
    }

    /// A value for `PATH` that finds the programs given before anything else of the same name.
    ///
    /// # Errors
    /// When the present `PATH` holds an entry that cannot be joined again.
    pub fn search_path(&self, tools: &[Tool]) -> Result<OsString> {
        let mut folders: Vec<PathBuf> =
            tools.iter().filter_map(|tool| self.path(*tool).parent().map(Path::to_owned)).collect();
        if let Some(present) = std::env::var_os("PATH") {
            folders.extend(std::env::split_paths(&present));
        }
        std::env::join_paths(folders).context("failed to put the tools before the present PATH")
    }

    fn missing(&self, wanted: &[Tool]) -> Vec<Tool> {
        wanted.iter().copied().filter(|tool| !self.path(*tool).is_file()).collect()
    }
}

/// The folder for everything that outlives a run: `tiphys` in `$XDG_CACHE_HOME` or in `~/.cache`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn user_cache_folder() -> Result<PathBuf> {
    if let Some(folder) = non_empty("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(folder).join("tiphys"));
    }
    match non_empty("HOME") {
        Some(home) => Ok(PathBuf::from(home).join(".cache/tiphys")),
        None => bail!("failed to find a cache folder: none of TIPHYS_TOOLS, XDG_CACHE_HOME and HOME is set"),
    }
}

fn non_empty(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_lies_in_a_folder_of_its_name_and_version() {
        let tools = Tools { root: PathBuf::from("/cache") };
        assert_eq!(tools.helm(), PathBuf::from("/cache/helm/v3.22.0/helm"));
    }

    #[test]
    fn a_program_that_is_there_is_not_built() {
        let root = tempfile::tempdir().unwrap();
        let helm = Tools { root: root.path().to_owned() }.helm();
        std::fs::create_dir_all(helm.parent().unwrap()).unwrap();
        std::fs::write(&helm, "here").unwrap();
        let tools = Tools::ensure_in(root.path(), &[Tool::Helm]).unwrap();
        assert_eq!(std::fs::read_to_string(tools.helm()).unwrap(), "here");
    }

    #[test]
    fn the_search_path_finds_the_tools_first() {
        let tools = Tools { root: PathBuf::from("/cache") };
        let path = tools.search_path(Tool::RENDERERS).unwrap();
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        assert_eq!(folders[0], PathBuf::from("/cache/helm/v3.22.0"));
        assert_eq!(folders[1], PathBuf::from("/cache/kustomize/v5.8.2"));
    }
}
