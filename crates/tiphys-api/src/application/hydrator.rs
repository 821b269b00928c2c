//! The source hydrator: a dry source is rendered into a branch, and that branch is what gets synced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::{
    ApplicationSource, ApplicationSourceDirectory, ApplicationSourceHelm, ApplicationSourceKustomize,
    ApplicationSourcePlugin,
};
use crate::json::{absent, nullable};
use crate::time::Time;
use crate::words::HydrateOperationPhase;

/// From which dry source manifests are rendered and to which branch they go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceHydrator {
    /// Where the manifests are rendered from.
    #[serde(deserialize_with = "nullable")]
    pub dry_source: DrySource,
    /// Where the rendered manifests are synced from.
    #[serde(deserialize_with = "nullable")]
    pub sync_source: SyncSource,
    /// A branch to push to that is not the synced one, so that a pull request can stand between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hydrate_to: Option<HydrateTo>,
}

/// The source that is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DrySource {
    /// URL of the Git repository.
    #[serde(rename = "repoURL", deserialize_with = "nullable")]
    pub repo_url: String,
    /// Branch, tag or commit.
    #[serde(deserialize_with = "nullable")]
    pub target_revision: String,
    /// Folder inside the repository.
    #[serde(deserialize_with = "nullable")]
    pub path: String,
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
}

/// The rendered manifests' place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncSource {
    /// Branch that holds the rendered manifests.
    #[serde(deserialize_with = "nullable")]
    pub target_branch: String,
    /// Folder in the branch; not the root, because hydrating clears the folder.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("minLength" = 1, "pattern" = "^.{2,}|[^./]$"))]
    pub path: String,
    /// Repository of the rendered manifests; the dry source's when empty.
    #[serde(rename = "repoURL", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub repo_url: String,
}

/// Where rendered manifests are pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HydrateTo {
    /// Branch that is pushed to.
    #[serde(deserialize_with = "nullable")]
    pub target_branch: String,
}

/// What the hydrator did last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceHydratorStatus {
    /// The last run that pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_successful_operation: Option<SuccessfulHydrateOperation>,
    /// The run that is going on, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_operation: Option<HydrateOperation>,
    /// Newest dry commit that was looked at.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub last_compared_dry_revision: String,
}

/// One run of the hydrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HydrateOperation {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended; missing while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How far it is.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("enum" = ["Hydrating", "Failed", "Hydrated"]))]
    pub phase: HydrateOperationPhase,
    /// What happened, in words.
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// Commit that was rendered.
    #[serde(rename = "drySHA", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub dry_sha: String,
    /// Commit that holds the result.
    #[serde(rename = "hydratedSHA", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hydrated_sha: String,
    /// The settings that it ran with.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_hydrator: SourceHydrator,
}

/// A run of the hydrator that pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SuccessfulHydrateOperation {
    /// Commit that was rendered.
    #[serde(rename = "drySHA", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub dry_sha: String,
    /// Commit that holds the result.
    #[serde(rename = "hydratedSHA", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hydrated_sha: String,
    /// The settings that it ran with.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_hydrator: SourceHydrator,
}

impl SourceHydrator {
    /// Returns the source that is synced: a folder of plain manifests in the hydrated branch.
    #[must_use]
    pub fn sync_source(&self) -> ApplicationSource {
        let sync = &self.sync_source;
        let repo_url = if sync.repo_url.is_empty() { &self.dry_source.repo_url } else { &sync.repo_url };
        ApplicationSource {
            repo_url: repo_url.clone(),
            path: sync.path.clone(),
            target_revision: sync.target_branch.clone(),
            ..ApplicationSource::default()
        }
    }

    /// Returns the source that is rendered, in the shape of an ordinary one.
    #[must_use]
    pub fn dry_source(&self) -> ApplicationSource {
        let dry = self.dry_source.clone();
        ApplicationSource {
            repo_url: dry.repo_url,
            path: dry.path,
            target_revision: dry.target_revision,
            helm: dry.helm,
            kustomize: dry.kustomize,
            directory: dry.directory,
            plugin: dry.plugin,
            ..ApplicationSource::default()
        }
    }
}
