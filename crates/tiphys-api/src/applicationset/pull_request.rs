//! The generator that finds open pull requests.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credentials::{
    BasicAuthBitbucketServer, BearerTokenBitbucket, BearerTokenBitbucketCloud, ConfigMapKeyRef, SecretRef,
};
use super::spec::ApplicationSetTemplate;
use crate::json::{absent, nullable};

/// Open pull requests of a repository; exactly one provider is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGenerator {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<PullRequestGeneratorGithub>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<PullRequestGeneratorGitlab>,
    /// Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<PullRequestGeneratorGitea>,
    /// Bitbucket Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<PullRequestGeneratorBitbucketServer>,
    /// Which pull requests are used; one of the filters has to match.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub filters: Vec<PullRequestGeneratorFilter>,
    /// Seconds between looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides of the template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<PullRequestGeneratorBitbucket>,
    /// Azure DevOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azuredevops: Option<PullRequestGeneratorAzureDevOps>,
    /// More parameters, under `values`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: BTreeMap<String, String>,
    /// A repository that does not exist gives no parameters instead of an error.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub continue_on_repo_not_found_error: bool,
}

/// Pull requests on GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorGithub {
    /// Organisation or user.
    #[serde(deserialize_with = "nullable")]
    pub owner: String,
    /// Repository.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Secret of a repository with GitHub App credentials.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub app_secret_name: String,
    /// Labels that a pull request must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: Vec<String>,
}

/// Merge requests on GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorGitlab {
    /// The project, by id or path.
    #[serde(deserialize_with = "nullable")]
    pub project: String,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Labels that a merge request must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: Vec<String>,
    /// State that a merge request must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub pull_request_state: String,
    /// The server's certificate is not checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Certificate authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
}

/// Pull requests on Gitea.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorGitea {
    /// Organisation or user.
    #[serde(deserialize_with = "nullable")]
    pub owner: String,
    /// Repository.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// Address of the server.
    #[serde(deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// The server's certificate is not checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Labels that a pull request must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: Vec<String>,
}

/// Pull requests on Bitbucket Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorBitbucketServer {
    /// The project.
    #[serde(deserialize_with = "nullable")]
    pub project: String,
    /// Repository.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// Address of the API.
    #[serde(deserialize_with = "nullable")]
    pub api: String,
    /// User and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
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

/// Pull requests on Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorBitbucket {
    /// The workspace.
    #[serde(deserialize_with = "nullable")]
    pub owner: String,
    /// Repository.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// Address of the API.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// User and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<BearerTokenBitbucketCloud>,
}

/// Pull requests on Azure DevOps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorAzureDevOps {
    /// The organisation.
    #[serde(deserialize_with = "nullable")]
    pub organization: String,
    /// The project.
    #[serde(deserialize_with = "nullable")]
    pub project: String,
    /// Repository.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Labels that a pull request must have.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: Vec<String>,
}

/// Conditions on a pull request; all that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorFilter {
    /// Regular expression for the source branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_match: Option<String>,
    /// Regular expression for the target branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_branch_match: Option<String>,
    /// Regular expression for the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_match: Option<String>,
}
