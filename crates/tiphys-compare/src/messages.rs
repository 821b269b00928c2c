//! The words of conditions, events and health. Users know them and scripts match them, so they are the reference's.

use tiphys_manifest::ResourceKey;

/// Starts the message of a condition about sources that could not be rendered.
pub const TARGET_FAILED: &str = "Failed to load target state: ";
/// Starts the message of a condition about a cluster that could not be observed.
pub const LIVE_FAILED: &str = "Failed to load live state: ";
/// A status that the API server refused for its size.
pub const STATUS_TOO_LARGE: &str = "Application status exceeds the Kubernetes resource size limit and could not be \
     persisted. The displayed status may be stale. Reduce the number of managed resources, set \
     ApplyOutOfSyncOnly=true, lower spec.revisionHistoryLimit, or split the Application.";
/// A source without repository, or without anything in it.
pub const SOURCE_INCOMPLETE: &str =
    "spec.source.repoURL and either spec.source.path or spec.source.chart are required";
/// A chart without version.
pub const CHART_WITHOUT_REVISION: &str =
    "spec.source.targetRevision is required if the manifest source is a helm chart";
/// A hydrator without repository.
pub const DRY_SOURCE_WITHOUT_REPO: &str = "spec.sourceHydrator.drySource.repoURL is required";
/// A hydrator without branch.
pub const SYNC_SOURCE_WITHOUT_BRANCH: &str = "spec.sourceHydrator.syncSource.targetBranch is required";
/// A hydrator whose staging branch has no name.
pub const HYDRATE_TO_WITHOUT_BRANCH: &str =
    "when spec.sourceHydrator.hydrateTo is set, spec.sourceHydrator.hydrateTo.targetBranch is required";
/// Two sources with one alias.
pub const REPEATED_REF: &str = "invalid sources: multiple sources had the same `ref` key";

/// A setting without which a sync would have more rights than the operator wants it to have.
pub const IMPERSONATION_NOT_BUILT: &str = "application.sync.impersonation.enabled is set in argocd-cm, and syncs \
     under another service account are not supported yet: nothing is synced until it is switched off";

/// A project whose commits have to be signed.
#[must_use]
pub fn signatures_not_built(project: &str) -> String {
    format!(
        "project {project} asks for signed commits (signatureKeys or sourceIntegrity), and signatures are not \
         verified yet: nothing of the project is synced until it asks for none"
    )
}

/// An object that two applications claim.
#[must_use]
pub fn shared_resource(kind: &str, name: &str, this: &str, other_instance: &str) -> String {
    // An instance name joins namespace and name with a character that neither of them can have.
    let other = other_instance.replace('_', "/");
    format!("{kind}/{name} is part of applications {this} and {other}")
}

/// An object that sources have more than once.
#[must_use]
pub fn repeated_resource(key: &ResourceKey, count: usize) -> String {
    let (group, kind, namespace, name) = (key.group(), key.kind(), key.namespace(), key.name());
    format!("Resource {group}/{kind}/{namespace}/{name} appeared {count} times among application resources.")
}

/// An object of a kind that the settings exclude.
#[must_use]
pub fn excluded_resource(key: &ResourceKey) -> String {
    format!("Resource {}/{} {} is excluded in the settings", key.group(), key.kind(), key.name())
}

/// A namespaced object for which there is no namespace.
#[must_use]
pub fn namespace_missing(name: &str, api_version: &str, kind: &str) -> String {
    format!("Namespace for {name} {api_version}, Kind={kind} is missing.")
}

/// Objects in the destination namespace that nobody manages.
#[must_use]
pub fn orphaned_resources(count: usize) -> String {
    format!("Application has {count} orphaned resources")
}

/// A project that is not there.
#[must_use]
pub fn project_missing(project: &str) -> String {
    format!("Application referencing project {project} which does not exist")
}

/// An application outside the namespaces of its project.
#[must_use]
pub fn namespace_not_permitted(namespace: &str, app: &str, project: &str) -> String {
    format!("application '{app}' in namespace '{namespace}' is not permitted to use project '{project}'")
}

/// A repository that the project does not permit.
#[must_use]
pub fn source_not_permitted(url: &str, project: &str) -> String {
    format!("application repo {url} is not permitted in project '{project}'")
}

/// A repository of hydrated manifests that the project does not permit.
#[must_use]
pub fn sync_source_not_permitted(url: &str, project: &str) -> String {
    format!("sync source repo {url} is not permitted in project '{project}'")
}

/// A destination that the project does not permit.
#[must_use]
pub fn destination_not_permitted(server: &str, namespace: &str, project: &str) -> String {
    format!(
        "application destination server '{server}' and namespace '{namespace}' do not match any of the allowed \
         destinations in project '{project}'"
    )
}

/// One of several sources that lacks something. The number counts from 1, as commands do.
#[must_use]
pub fn source_of_many_incomplete(number: usize, url: &str) -> String {
    format!(
        "spec.source.repoURL and either source.path, source.chart, or source.ref are required for source {number} \
         (repoURL \"{url}\")"
    )
}

/// More than one tool in one source.
#[must_use]
pub fn several_tools(tools: &[&str]) -> String {
    format!("multiple application sources defined: {}", tools.join(","))
}

/// An alias that cannot be written in a path.
#[must_use]
pub fn bad_ref(name: &str) -> String {
    format!("sources.ref {name} cannot contain any special characters except '_' and '-'")
}

/// A managed-by address that no browser opens.
#[must_use]
pub fn bad_managed_by_url(value: &str) -> String {
    format!("invalid managed-by URL \"{value}\": must be an http or https URL")
}

/// The last sync to these revisions did not work.
#[must_use]
pub fn failed_last_sync(revisions: &[String], message: &str) -> String {
    format!("Failed last sync attempt to [{}]: {message}", revisions.join(" "))
}

/// An automated sync would delete everything.
#[must_use]
pub fn would_wipe_out(revisions: &[String]) -> String {
    format!("Skipping sync attempt to [{}]: auto-sync will wipe out all resources", revisions.join(" "))
}

/// An automated sync was started.
#[must_use]
pub fn initiated_automated_sync(revisions: &[String]) -> String {
    format!("Initiated automated sync to '{}'", revisions.join(", "))
}

/// The sync status became another one.
#[must_use]
pub fn sync_status_changed(from: &str, to: &str) -> String {
    format!("Updated sync status: {from} -> {to}")
}

/// The health became another one.
#[must_use]
pub fn health_changed(from: &str, to: &str, cause: &str) -> String {
    let change = format!("Updated health status: {from} -> {to}");
    if cause.is_empty() { change } else { format!("{change} ({cause})") }
}
