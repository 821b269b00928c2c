//! What is known about a revision of a source: the commit, the chart's or the artifact's description.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::{absent, nullable};
use crate::time::Time;

/// A Git commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RevisionMetadata {
    /// Who made it, as `Name <address>`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub author: String,
    /// When it was made.
    #[serde(deserialize_with = "nullable")]
    pub date: Time,
    /// Tags that point to it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// Its message, possibly cut.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub message: String,
    /// What is known about its signature.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub signature_info: String,
    /// Commits that it was made from.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub references: Vec<RevisionReference>,
    /// Results of the integrity checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_integrity_result: Option<SourceIntegrityCheckResult>,
}

/// Something that a commit refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RevisionReference {
    /// A commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitMetadata>,
}

/// A commit that another one was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct CommitMetadata {
    /// Who made it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub author: String,
    /// When it was made, RFC 3339.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub date: String,
    /// First line of its message.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub subject: String,
    /// Rest of its message.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub body: String,
    /// Its hash.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sha: String,
    /// Its repository.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub repo_url: String,
}

/// Results of the integrity checks of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityCheckResult {
    /// One entry for each check.
    #[serde(rename = "Checks", deserialize_with = "nullable")]
    pub checks: Vec<SourceIntegrityCheckResultItem>,
}

/// Result of one integrity check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityCheckResultItem {
    /// The check.
    #[serde(rename = "Name", deserialize_with = "nullable")]
    pub name: String,
    /// What it found; nothing when it passed.
    #[serde(rename = "Problems", deserialize_with = "nullable")]
    pub problems: Vec<String>,
}

/// Description of a Helm chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ChartDetails {
    /// What it is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub description: String,
    /// Its home page.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub home: String,
    /// Who maintains it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub maintainers: Vec<String>,
}

/// Description of an OCI artifact, from its annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OciMetadata {
    /// When it was made.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub created_at: String,
    /// Who made it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub authors: String,
    /// Where it is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub image_url: String,
    /// Where its documentation is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub docs_url: String,
    /// Where its source is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_url: String,
    /// Its version.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// What it is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub description: String,
}
