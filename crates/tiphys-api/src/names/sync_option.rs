//! Sync options and compare options, on applications and on objects.

/// The object is never pruned.
pub const PRUNE_FALSE: &str = "Prune=false";
/// The object is pruned after a user has confirmed it.
pub const PRUNE_CONFIRM: &str = "Prune=confirm";
/// The object stays when the application is deleted.
pub const DELETE_FALSE: &str = "Delete=false";
/// The object is deleted with the application after a user has confirmed it.
pub const DELETE_CONFIRM: &str = "Delete=confirm";
/// Manifests are not checked against the schema.
pub const VALIDATE_FALSE: &str = "Validate=false";
/// An unknown kind is not an error of the dry run.
pub const SKIP_DRY_RUN_ON_MISSING_RESOURCE: &str = "SkipDryRunOnMissingResource=true";
/// Only objects that differ are applied.
pub const APPLY_OUT_OF_SYNC_ONLY: &str = "ApplyOutOfSyncOnly=true";
/// How dependents go with a pruned object: `foreground`, `background` or `orphan`.
pub const PRUNE_PROPAGATION_POLICY_PREFIX: &str = "PrunePropagationPolicy=";
/// The object is pruned after everything else.
pub const PRUNE_LAST: &str = "PruneLast=true";
/// Objects are replaced, not applied.
pub const REPLACE: &str = "Replace=true";
/// The object is applied although the application replaces.
pub const REPLACE_FALSE: &str = "Replace=false";
/// An object that cannot be changed is deleted and created again.
pub const FORCE: &str = "Force=true";
/// Objects are applied by the API server.
pub const SERVER_SIDE_APPLY: &str = "ServerSideApply=true";
/// The object is applied by the client although the application says otherwise.
pub const SERVER_SIDE_APPLY_FALSE: &str = "ServerSideApply=false";
/// Server-side apply does not take over the fields of client-side apply.
pub const CLIENT_SIDE_APPLY_MIGRATION_FALSE: &str = "ClientSideApplyMigration=false";
/// The destination namespace is created.
pub const CREATE_NAMESPACE: &str = "CreateNamespace=true";
/// An object of another application fails the sync.
pub const FAIL_ON_SHARED_RESOURCE: &str = "FailOnSharedResource=true";
/// Ignored differences are left alone by syncs too.
pub const RESPECT_IGNORE_DIFFERENCES: &str = "RespectIgnoreDifferences=true";
/// Compare option: the object may be there without being in the source.
pub const IGNORE_EXTRANEOUS: &str = "IgnoreExtraneous";
/// Compare option: the API server says what an apply would change.
pub const SERVER_SIDE_DIFF: &str = "ServerSideDiff=true";
/// Compare option: the API server is not asked, although the controller is set to.
pub const SERVER_SIDE_DIFF_FALSE: &str = "ServerSideDiff=false";
/// Compare option: changes by admission webhooks count.
pub const INCLUDE_MUTATION_WEBHOOK: &str = "IncludeMutationWebhook=true";
