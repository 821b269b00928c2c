//! Options of the tools that render: Helm, Kustomize and Jsonnet.

use std::collections::BTreeMap;

use crate::reading::{Reader, split};

/// Options of the tools that render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOptions {
    /// Charts are rendered (`helm.enable`).
    pub helm_enabled: bool,
    /// Kustomizations are built (`kustomize.enable`).
    pub kustomize_enabled: bool,
    /// Jsonnet files are evaluated (`jsonnet.enable`).
    pub jsonnet_enabled: bool,
    /// URL schemes of remote values files (`helm.valuesFileSchemes`); none when the key is there and empty.
    pub helm_values_file_schemes: Vec<String>,
    /// Options of `kustomize build` (`kustomize.buildOptions`).
    pub kustomize_build_options: String,
    /// Further Kustomize versions, by their name.
    pub kustomize_versions: BTreeMap<String, KustomizeVersion>,
}

/// A Kustomize version that applications can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KustomizeVersion {
    /// Path of the program (`kustomize.path.<version>`); empty when only options are set.
    pub path: String,
    /// Options of its `build` (`kustomize.buildOptions.<version>`), in place of the general ones.
    pub build_options: Option<String>,
}

impl ToolOptions {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        let mut versions: BTreeMap<String, KustomizeVersion> = BTreeMap::new();
        for (key, value) in cm.entries() {
            let path = key.strip_prefix("kustomize.path.").or_else(|| key.strip_prefix("kustomize.version."));
            if let Some(name) = path {
                let version = versions.entry(name.to_owned()).or_default();
                if !version.path.is_empty() && version.path != value.trim() {
                    cm.problem(key, format!("version {name} has two paths; `{}` is used", version.path));
                } else {
                    value.trim().clone_into(&mut version.path);
                }
            }
            if let Some(name) = key.strip_prefix("kustomize.buildOptions.") {
                versions.entry(name.to_owned()).or_default().build_options = Some(value.to_owned());
            }
        }
        Self {
            helm_enabled: cm.flag("helm.enable", true),
            kustomize_enabled: cm.flag("kustomize.enable", true),
            jsonnet_enabled: cm.flag("jsonnet.enable", true),
            helm_values_file_schemes: cm
                .raw("helm.valuesFileSchemes")
                .map_or_else(|| vec!["https".to_owned(), "http".to_owned()], split),
            kustomize_build_options: cm.raw("kustomize.buildOptions").unwrap_or_default().to_owned(),
            kustomize_versions: versions,
        }
    }
}
