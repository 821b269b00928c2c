//! `ApplicationSet`: applications made from a template and generators of its parameters.

mod credentials;
mod generator;
mod pull_request;
mod scm_provider;
mod spec;
mod status;

pub use credentials::{
    BasicAuthBitbucketServer, BearerTokenBitbucket, BearerTokenBitbucketCloud, ConfigMapKeyRef, SecretRef,
};
pub use generator::{
    ApplicationSetGenerator, ApplicationSetNestedGenerator, ApplicationSetTerminalGenerator,
    ClusterGenerator, DuckTypeGenerator, GitDirectoryGeneratorItem, GitFileGeneratorItem, GitGenerator,
    ListGenerator, MatrixGenerator, MergeGenerator, NestedMatrixGenerator, NestedMergeGenerator,
    PluginConfigMapRef, PluginGenerator, PluginInput,
};
pub use pull_request::{
    PullRequestGenerator, PullRequestGeneratorAzureDevOps, PullRequestGeneratorBitbucket,
    PullRequestGeneratorBitbucketServer, PullRequestGeneratorFilter, PullRequestGeneratorGitea,
    PullRequestGeneratorGithub, PullRequestGeneratorGitlab,
};
pub use scm_provider::{
    ScmProviderGenerator, ScmProviderGeneratorAwsCodeCommit, ScmProviderGeneratorAzureDevOps,
    ScmProviderGeneratorBitbucket, ScmProviderGeneratorBitbucketServer, ScmProviderGeneratorFilter,
    ScmProviderGeneratorGitea, ScmProviderGeneratorGithub, ScmProviderGeneratorGitlab, TagFilter,
};
pub use spec::{
    ApplicationMatchExpression, ApplicationPreservedFields, ApplicationSetResourceIgnoreDifferences,
    ApplicationSetRolloutStep, ApplicationSetRolloutStrategy, ApplicationSetSpec, ApplicationSetStrategy,
    ApplicationSetSyncPolicy, ApplicationSetTemplate, ApplicationSetTemplateMeta,
};
pub use status::{ApplicationSetApplicationStatus, ApplicationSetCondition, ApplicationSetStatus};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{absent, nullable};
use crate::metadata::{ListMeta, ObjectMeta};

/// Applications made from a template and generators of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSet {
    /// Version of the schema: `argoproj.io/v1alpha1`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `ApplicationSet`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard object metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// A template of applications and where its parameters come from.
    #[serde(deserialize_with = "nullable")]
    pub spec: ApplicationSetSpec,
    /// What is known about the ApplicationSet.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub status: ApplicationSetStatus,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// A list of ApplicationSets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetList {
    /// Version of the schema.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `ApplicationSetList`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The ApplicationSets.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<ApplicationSet>,
}
