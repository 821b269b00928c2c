//! The generator that finds the repositories of an organisation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::{BasicAuthBitbucketServer, BearerTokenBitbucket, ConfigMapKeyRef, SecretRef};
use super::spec::ApplicationSetTemplate;
use crate::json::{absent, nullable};

/// Repositories of an organisation; exactly one provider is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGenerator {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<ScmProviderGeneratorGithub>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<ScmProviderGeneratorGitlab>,
    /// Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<ScmProviderGeneratorBitbucket>,
    /// Bitbucket Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<ScmProviderGeneratorBitbucketServer>,
    /// Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<ScmProviderGeneratorGitea>,
    /// Azure DevOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_dev_ops: Option<ScmProviderGeneratorAzureDevOps>,
    /// Which repositories are used; one of the filters has to match.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub filters: Vec<ScmProviderGeneratorFilter>,
    /// `ssh` or `https`; each provider has its default.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub clone_protocol: String,
    /// Seconds between looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
    /// AWS CodeCommit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_code_commit: Option<ScmProviderGeneratorAwsCodeCommit>,
}

/// Repositories of a GitHub organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorGithub {
    /// The organisation.
    #[serde(deserialize_with = "nullable")]
    pub organization: String,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Secret of a repository with GitHub App credentials.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub app_secret_name: String,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
    /// Archived repositories are left out.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exclude_archived_repos: bool,
}

/// Projects of a GitLab group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorGitlab {
    /// The group, by id or path.
    #[serde(deserialize_with = "nullable")]
    pub group: String,
    /// Subgroups too.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub include_subgroups: bool,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
    /// The server's certificate is not checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Projects that are shared with the group too; true when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_shared_projects: Option<bool>,
    /// Only projects with this topic.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub topic: String,
    /// Certificate authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
    /// Archived projects too.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub include_archived_repos: bool,
}

/// Repositories of a Bitbucket Cloud workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorBitbucket {
    /// The workspace.
    #[serde(deserialize_with = "nullable")]
    pub owner: String,
    /// User that the app password belongs to.
    #[serde(deserialize_with = "nullable")]
    pub user: String,
    /// App password.
    pub app_password_ref: Option<SecretRef>,
    /// All branches, not only the main one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
}

/// Repositories of a Bitbucket Server project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorBitbucketServer {
    /// The project.
    #[serde(deserialize_with = "nullable")]
    pub project: String,
    /// Address of the API.
    #[serde(deserialize_with = "nullable")]
    pub api: String,
    /// User and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<BearerTokenBitbucket>,
    /// The server's certificate is not checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Certificate authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
}

/// Repositories of a Gitea organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorGitea {
    /// The organisation.
    #[serde(deserialize_with = "nullable")]
    pub owner: String,
    /// Address of the server.
    #[serde(deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
    /// The server's certificate is not checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Archived repositories are left out.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exclude_archived_repos: bool,
}

/// Repositories of an Azure DevOps project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorAzureDevOps {
    /// The organisation.
    #[serde(deserialize_with = "nullable")]
    pub organization: String,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// The project.
    #[serde(deserialize_with = "nullable")]
    pub team_project: String,
    /// Token.
    pub access_token_ref: Option<SecretRef>,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
}

/// Repositories of an AWS account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorAwsCodeCommit {
    /// Tags of the repositories.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tag_filters: Vec<TagFilter>,
    /// Role to take on.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub role: String,
    /// Region.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub region: String,
    /// All branches, not only the default one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub all_branches: bool,
}

/// A tag, and if wanted its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TagFilter {
    /// The tag.
    #[serde(deserialize_with = "nullable")]
    pub key: String,
    /// Its value; any when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub value: String,
}

/// Conditions on a repository; all that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorFilter {
    /// Regular expression for the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_match: Option<String>,
    /// Paths that must exist.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub paths_exist: Vec<String>,
    /// Paths that must not exist.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub paths_do_not_exist: Vec<String>,
    /// Regular expression for one of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_match: Option<String>,
    /// Regular expression for the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_match: Option<String>,
}
