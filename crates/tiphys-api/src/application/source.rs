//! Where an application's manifests come from: one repository, a path or chart in it, and the options of the tool
//! that renders them.
//!
//! Which tool is used when several or no options are set is the repo-server's decision; here is only the data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::{IntOrString, RawObject, absent, nullable};

/// One source of manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSource {
    /// URL of the Git repository, of the Helm repository, or of the OCI artifact (`oci://…`).
    #[serde(rename = "repoURL", deserialize_with = "nullable")]
    pub repo_url: String,
    /// Folder inside the repository or artifact, relative to its root.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub path: String,
    /// Branch, tag, commit or semantic version range; empty means `HEAD`. For a chart: version or range.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub target_revision: String,
    /// Options for Helm charts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<ApplicationSourceHelm>,
    /// Options for Kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<ApplicationSourceKustomize>,
    /// Options for a folder of plain manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<ApplicationSourceDirectory>,
    /// Options for a config management plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ApplicationSourcePlugin>,
    /// Name of the Helm chart; when set, `repoURL` is a Helm repository and `path` is not used.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub chart: String,
    /// Alias under which other sources of the same application reach this source's files (`$alias/path`).
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ref_: String,
    /// Name of the source, shown to users and accepted by commands that pick one of several sources.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Only tags with this prefix take part when `targetRevision` is a version range; the prefix is cut off
    /// before versions are compared.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tag_prefix: String,
}

/// How a Helm chart is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceHelm {
    /// Values files, relative to the chart or as `$alias/path` into another source; later files win.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub value_files: Vec<String>,
    /// Single values (`--set`); they win over every file.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub parameters: Vec<HelmParameter>,
    /// Release name; the application's name when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub release_name: String,
    /// Values as a block of YAML; wins over the files.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: String,
    /// Values that are read from files (`--set-file`).
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub file_parameters: Vec<HelmFileParameter>,
    /// Helm major version (`v3`); kept for manifests that carry it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// Sends the repository's credentials to all domains that the chart refers to.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub pass_credentials: bool,
    /// A values file that does not exist is skipped, not an error.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore_missing_value_files: bool,
    /// Leaves out the manifests of the chart's `crds` folder.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub skip_crds: bool,
    /// Values as an object; wins over `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_object: Option<RawObject>,
    /// Namespace that the chart is rendered with; the destination's when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Kubernetes version that the chart sees; the destination cluster's when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kube_version: String,
    /// API versions that the chart sees (`[group/]version/kind`); the destination cluster's when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_versions: Vec<String>,
    /// Leaves out the chart's test manifests.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub skip_tests: bool,
    /// Values are not checked against the chart's `values.schema.json`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub skip_schema_validation: bool,
}

/// One value that is set on the chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HelmParameter {
    /// Name of the value, with dots for nesting and Helm's own escapes.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// The value, as text.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub value: String,
    /// Keeps a value that looks like a number or boolean a string (`--set-string`).
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force_string: bool,
}

/// One value whose text is read from a file of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HelmFileParameter {
    /// Name of the value, with dots for nesting.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Path of the file that holds the value.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub path: String,
}

/// Changes made to a kustomization before it is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceKustomize {
    /// Prefix for the names of all objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name_prefix: String,
    /// Suffix for the names of all objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name_suffix: String,
    /// Image overrides, each `[old=]name[:tag][@digest]`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub images: Vec<String>,
    /// Labels for all objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub common_labels: BTreeMap<String, String>,
    /// Which of the configured Kustomize versions builds it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// Annotations for all objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub common_annotations: BTreeMap<String, String>,
    /// `commonLabels` replace labels that the kustomization sets to another value.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force_common_labels: bool,
    /// `commonAnnotations` replace annotations that the kustomization sets to another value.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force_common_annotations: bool,
    /// Namespace for all objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// `$ARGOCD_APP_…` variables in the values of `commonAnnotations` are replaced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub common_annotations_envsubst: bool,
    /// Replica counts by object name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub replicas: Vec<KustomizeReplica>,
    /// Patches that are added to the kustomization.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub patches: Vec<KustomizePatch>,
    /// Components that are added, as paths relative to the kustomization.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub components: Vec<String>,
    /// A component whose folder does not exist is skipped, not an error.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore_missing_components: bool,
    /// `commonLabels` are not written into selectors.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub label_without_selector: bool,
    /// Kubernetes version that inflated Helm charts see.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kube_version: String,
    /// API versions that inflated Helm charts see.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_versions: Vec<String>,
    /// `commonLabels` reach pod templates also when `labelWithoutSelector` is set.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub label_include_templates: bool,
}

/// The replica count of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizeReplica {
    /// Name of the Deployment, StatefulSet or ReplicaSet.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Number of replicas; text is accepted when it holds a number, so that build variables work.
    #[serde(deserialize_with = "nullable")]
    pub count: IntOrString,
}

/// One patch of a kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizePatch {
    /// File that holds the patch.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub path: String,
    /// The patch itself: a strategic merge or a JSON patch.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub patch: String,
    /// Which objects are patched; needed for a JSON patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<KustomizeSelector>,
    /// Switches such as `allowNameChange` and `allowKindChange`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub options: BTreeMap<String, bool>,
}

/// Which objects a patch is for; empty fields match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KustomizeSelector {
    /// API group, as a regular expression.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// API version, as a regular expression.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// Kind, as a regular expression.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Object name, as a regular expression.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Namespace, as a regular expression.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Selector over annotations.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotation_selector: String,
    /// Selector over labels.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub label_selector: String,
}

/// How a folder of plain manifests is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceDirectory {
    /// Folders inside the folder are read too.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub recurse: bool,
    /// Options for Jsonnet files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jsonnet: Option<ApplicationSourceJsonnet>,
    /// Glob of files that are left out; wins over `include`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exclude: String,
    /// Glob of files that are read; all manifests when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub include: String,
    /// Reads files whatever their extension, instead of `.yaml`, `.yml`, `.json` and `.jsonnet` only.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub disable_extension_filter: bool,
}

/// Options for Jsonnet files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourceJsonnet {
    /// External variables.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ext_vars: Vec<JsonnetVar>,
    /// Top-level arguments.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tlas: Vec<JsonnetVar>,
    /// Library search folders, relative to the repository's root.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub libs: Vec<String>,
}

/// One Jsonnet variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct JsonnetVar {
    /// Name of the variable.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Its value.
    #[serde(deserialize_with = "nullable")]
    pub value: String,
    /// The value is Jsonnet code, not a string.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub code: bool,
}

/// How a config management plugin renders the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourcePlugin {
    /// Name of the plugin; it is discovered when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Environment variables; the plugin sees them with the prefix `ARGOCD_ENV_`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub env: Vec<EnvEntry>,
    /// Parameters that the plugin announces.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub parameters: Vec<ApplicationSourcePluginParameter>,
}

/// One environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct EnvEntry {
    /// Name of the variable.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Its value.
    #[serde(deserialize_with = "nullable")]
    pub value: String,
}

/// One plugin parameter, of one of three shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSourcePluginParameter {
    /// Name of the parameter.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Value of a string parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// Value of a map parameter; an empty map is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
    /// Value of a list parameter; an empty list is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<Vec<String>>,
}
