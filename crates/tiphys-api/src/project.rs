//! `AppProject`: which sources, destinations and kinds the applications of a project may use, and who may act on them.
//!
//! What the globs and lists mean is decided in `tiphys-rbac`; here is only the data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::application::ApplicationDestination;
use crate::json::{absent, nullable};
use crate::metadata::{ListMeta, ObjectMeta};

/// A group of applications with common limits: allowed sources, destinations and kinds, roles and sync
/// windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProject {
    /// Version of the schema: `argoproj.io/v1alpha1`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `AppProject`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard object metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    /// The limits.
    #[serde(deserialize_with = "nullable")]
    pub spec: AppProjectSpec,
    /// Tokens that have been handed out.
    #[serde(deserialize_with = "nullable")]
    #[schemars(extend("x-optional" = true))]
    pub status: AppProjectStatus,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// A list of projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProjectList {
    /// Version of the schema.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// Always `AppProjectList`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The projects.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<AppProject>,
}

/// The limits of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProjectSpec {
    /// Globs of repository URLs that applications may use; `!` in front denies; nothing is allowed when
    /// empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_repos: Vec<String>,
    /// Globs of clusters and namespaces that applications may deploy to.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub destinations: Vec<ApplicationDestination>,
    /// What the project is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    #[schemars(extend("maxLength" = 255))]
    pub description: String,
    /// Roles with policies, for groups and tokens.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub roles: Vec<ProjectRole>,
    /// Cluster-scoped kinds that applications may manage; none when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub cluster_resource_whitelist: Vec<ClusterResourceRestrictionItem>,
    /// Namespaced kinds that applications may not manage; wins over the whitelist.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace_resource_blacklist: Vec<GroupKind>,
    /// Reports objects that no application manages; off when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphaned_resources: Option<OrphanedResourcesMonitorSettings>,
    /// Times at which applications may or may not be synced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_windows: Vec<SyncWindow>,
    /// Namespaced kinds that applications may manage; all when missing, none for an empty list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_resource_whitelist: Option<Vec<GroupKind>>,
    /// Keys that commits must be signed with; `sourceIntegrity` is the newer way.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub signature_keys: Vec<SignatureKey>,
    /// Cluster-scoped kinds that applications may not manage; wins over the whitelist.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub cluster_resource_blacklist: Vec<ClusterResourceRestrictionItem>,
    /// Globs of namespaces, besides the control plane's, in which the project's applications may live.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub source_namespaces: Vec<String>,
    /// Applications may only use clusters that are registered for this project.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub permit_only_project_scoped_clusters: bool,
    /// Service accounts that syncs act as, by destination; the first match counts.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub destination_service_accounts: Vec<ApplicationDestinationServiceAccount>,
    /// How sources are checked before they are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_integrity: Option<SourceIntegrity>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// What is known about a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AppProjectStatus {
    /// Tokens by role.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub jwt_tokens_by_role: BTreeMap<String, JwtTokens>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// Tokens of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct JwtTokens {
    /// The tokens.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub items: Vec<JwtToken>,
}

/// A token that was handed out; the token itself is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct JwtToken {
    /// When it was issued, in seconds since 1970.
    #[serde(deserialize_with = "nullable")]
    pub iat: i64,
    /// When it expires, in seconds since 1970; never for 0.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub exp: i64,
    /// Name of the token.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub id: String,
}

/// A role inside a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ProjectRole {
    /// Name of the role.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// What the role is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub description: String,
    /// Policy lines of the form `p, proj:PROJECT:ROLE, RESOURCE, ACTION, OBJECT, EFFECT`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub policies: Vec<String>,
    /// Tokens of the role.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub jwt_tokens: Vec<JwtToken>,
    /// Single sign-on groups that have the role.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub groups: Vec<String>,
}

/// A kind in an API group; both may be globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GroupKind {
    /// API group; empty for the core group.
    #[serde(deserialize_with = "nullable")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
}

/// A cluster-scoped kind, and if wanted the names of its objects; all may be globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterResourceRestrictionItem {
    /// API group; empty for the core group.
    #[serde(deserialize_with = "nullable")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// Name of the object; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
}

/// How objects that no application manages are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OrphanedResourcesMonitorSettings {
    /// Applications get a condition for them; true when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn: Option<bool>,
    /// Objects that are not reported.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore: Vec<OrphanedResourceKey>,
}

/// Objects that may be orphaned; all fields may be globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct OrphanedResourceKey {
    /// API group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// Kind.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
}

/// A time at which applications may (`allow`) or may not (`deny`) be synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Start of the window, in cron format.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub schedule: String,
    /// Length of the window, as a Go duration.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub duration: String,
    /// Globs of applications that the window is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub applications: Vec<String>,
    /// Globs of destination namespaces that the window is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespaces: Vec<String>,
    /// Globs of destination clusters that the window is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub clusters: Vec<String>,
    /// Users may sync also while the window forbids automated sync.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub manual_sync: bool,
    /// Time zone of the schedule; UTC when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub time_zone: String,
    /// An application has to match all three lists, not just one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub and_operator: bool,
    /// What the window is for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub description: String,
    /// A sync that began while it was allowed may go on after the window has changed that.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub sync_overrun: bool,
}

/// A key that commits may be signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SignatureKey {
    /// Id of the key: 16 hexadecimal digits.
    #[serde(rename = "keyID", deserialize_with = "nullable")]
    pub key_id: String,
}

/// The service account that syncs to a destination act as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationDestinationServiceAccount {
    /// Glob of cluster addresses.
    #[serde(deserialize_with = "nullable")]
    pub server: String,
    /// Glob of namespaces.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Service account, as `name` or `namespace:name`.
    #[serde(deserialize_with = "nullable")]
    pub default_service_account: String,
}

/// How sources are checked before they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrity {
    /// Checks of Git sources.
    pub git: Option<SourceIntegrityGit>,
}

/// Checks of Git sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityGit {
    /// Policies; the first whose repositories match counts.
    #[serde(deserialize_with = "nullable")]
    pub policies: Vec<SourceIntegrityGitPolicy>,
}

/// What is asked of the commits of some repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityGitPolicy {
    /// The repositories.
    #[serde(deserialize_with = "nullable")]
    pub repos: Vec<SourceIntegrityGitPolicyRepo>,
    /// Signatures that are needed.
    pub gpg: Option<SourceIntegrityGitPolicyGpg>,
}

/// Repositories that a policy is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityGitPolicyRepo {
    /// Glob of the URL; `!` in front excludes.
    #[serde(deserialize_with = "nullable")]
    pub url: String,
}

/// Signatures that are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceIntegrityGitPolicyGpg {
    /// `none`, `head` (the commit or tag that is deployed) or `strict` (the whole history).
    #[serde(deserialize_with = "nullable")]
    pub mode: String,
    /// Ids or fingerprints of the keys that count.
    #[serde(deserialize_with = "nullable")]
    pub keys: Vec<String>,
}
