//! Generators: where the parameters of a template come from.
//!
//! Matrix and merge generators hold other generators. The CRD ends the recursion after one level and keeps the next as
//! plain JSON; [`NestedMatrixGenerator`] and [`NestedMergeGenerator`] are what that JSON has to look like.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pull_request::PullRequestGenerator;
use super::scm_provider::ScmProviderGenerator;
use super::spec::ApplicationSetTemplate;
use crate::json::{absent, nullable};
use crate::metadata::LabelSelector;

/// One generator; exactly one of the kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetGenerator {
    /// A fixed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListGenerator>,
    /// Registered clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterGenerator>,
    /// Folders or files of a Git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGenerator>,
    /// Repositories of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scm_provider: Option<ScmProviderGenerator>,
    /// Clusters that the status of some object names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_decision_resource: Option<DuckTypeGenerator>,
    /// Open pull requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestGenerator>,
    /// All combinations of two generators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<MatrixGenerator>,
    /// Generators put over each other by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeGenerator>,
    /// Only parameter sets that match are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// A service of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginGenerator>,
}

/// A generator inside a matrix or merge generator; exactly one of the kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetNestedGenerator {
    /// A fixed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListGenerator>,
    /// Registered clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterGenerator>,
    /// Folders or files of a Git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGenerator>,
    /// Repositories of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scm_provider: Option<ScmProviderGenerator>,
    /// Clusters that the status of some object names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_decision_resource: Option<DuckTypeGenerator>,
    /// Open pull requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestGenerator>,
    /// A matrix generator of simple generators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Value>,
    /// A merge generator of simple generators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<Value>,
    /// Only parameter sets that match are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// A service of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginGenerator>,
}

/// A generator that holds no other; exactly one of the kinds is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetTerminalGenerator {
    /// A fixed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListGenerator>,
    /// Registered clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterGenerator>,
    /// Folders or files of a Git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGenerator>,
    /// Repositories of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scm_provider: Option<ScmProviderGenerator>,
    /// Clusters that the status of some object names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_decision_resource: Option<DuckTypeGenerator>,
    /// Open pull requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestGenerator>,
    /// A service of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginGenerator>,
    /// Only parameter sets that match are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What the JSON of a nested matrix generator holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct NestedMatrixGenerator {
    /// The generators.
    #[serde(deserialize_with = "nullable")]
    pub generators: Vec<ApplicationSetTerminalGenerator>,
}

/// What the JSON of a nested merge generator holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct NestedMergeGenerator {
    /// The generators.
    #[serde(deserialize_with = "nullable")]
    pub generators: Vec<ApplicationSetTerminalGenerator>,
    /// Parameters by which sets are matched.
    #[serde(deserialize_with = "nullable")]
    pub merge_keys: Vec<String>,
}

/// A fixed list of parameter sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ListGenerator {
    /// The sets, each an object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub elements: Vec<Value>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// More sets as YAML text, itself a template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub elements_yaml: String,
}

/// One parameter set for each registered cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterGenerator {
    /// Labels of the cluster Secrets.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub selector: LabelSelector,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
    /// One set that holds all clusters as a list.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub flat_list: bool,
}

/// Clusters that the status of some object names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DuckTypeGenerator {
    /// ConfigMap that says which kind of object and which fields.
    #[serde(deserialize_with = "nullable")]
    pub config_map_ref: String,
    /// Name of the object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Seconds between looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Labels of the object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub label_selector: LabelSelector,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
}

/// Folders or files of a Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GitGenerator {
    /// URL of the repository.
    #[serde(rename = "repoURL", deserialize_with = "nullable")]
    pub repo_url: String,
    /// Folders, one parameter set each.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub directories: Vec<GitDirectoryGeneratorItem>,
    /// Files whose content is the parameter set.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub files: Vec<GitFileGeneratorItem>,
    /// Branch, tag or commit.
    #[serde(deserialize_with = "nullable")]
    pub revision: String,
    /// Seconds between looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// Prefix for the path parameters, so that two Git generators can be combined.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub path_param_prefix: String,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
}

/// Folders that are used or left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GitDirectoryGeneratorItem {
    /// Glob of the path.
    #[serde(deserialize_with = "nullable")]
    pub path: String,
    /// The folders are left out.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exclude: bool,
}

/// Files that are used or left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GitFileGeneratorItem {
    /// Glob of the path.
    #[serde(deserialize_with = "nullable")]
    pub path: String,
    /// The files are left out.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exclude: bool,
}

/// All combinations of the parameter sets of two generators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct MatrixGenerator {
    /// The two generators.
    #[serde(deserialize_with = "nullable")]
    pub generators: Vec<ApplicationSetNestedGenerator>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
}

/// The first generator's sets, with values of the others put over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct MergeGenerator {
    /// The generators, the base first.
    #[serde(deserialize_with = "nullable")]
    pub generators: Vec<ApplicationSetNestedGenerator>,
    /// Parameters by which sets are matched.
    #[serde(deserialize_with = "nullable")]
    pub merge_keys: Vec<String>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
}

/// Parameter sets from a service of one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PluginGenerator {
    /// ConfigMap with the address and token of the service.
    #[serde(deserialize_with = "nullable")]
    pub config_map_ref: PluginConfigMapRef,
    /// What the service is given.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub input: PluginInput,
    /// Seconds between calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
}

/// A ConfigMap by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PluginConfigMapRef {
    /// Name of the ConfigMap.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
}

/// What a plugin generator is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PluginInput {
    /// Any JSON values by name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub parameters: BTreeMap<String, Value>,
}
