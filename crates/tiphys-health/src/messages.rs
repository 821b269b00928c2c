//! The words of a verdict. They are shown to users and matched by scripts, so they are the reference's.

/// The object is on its way out.
pub const PENDING_DELETION: &str = "Pending deletion";
/// The rollout was stopped by a person.
pub const DEPLOYMENT_PAUSED: &str = "Deployment is paused";
/// The controller is yet to see the newest specification.
pub const DEPLOYMENT_BEHIND: &str =
    "Waiting for rollout to finish: observed deployment generation less than desired generation";
/// The controller is yet to see the newest specification.
pub const STATEFUL_SET_BEHIND: &str = "Waiting for statefulset spec update to be observed...";
/// The controller is yet to see the newest specification.
pub const DAEMON_SET_BEHIND: &str =
    "Waiting for rollout to finish: observed daemon set generation less than desired generation";
/// The controller is yet to see the newest specification.
pub const REPLICA_SET_BEHIND: &str =
    "Waiting for rollout to finish: observed replica set generation less than desired generation";
/// The autoscaler has said nothing yet.
pub const AUTOSCALER_WAITING: &str = "Waiting to Autoscale";
/// The API server has said nothing about the API service yet.
pub const API_SERVICE_WAITING: &str = "Waiting to be processed";
/// The CRD has no conditions yet.
pub const CRD_WITHOUT_CONDITIONS: &str = "Status conditions not found";
/// The CRD's API is being set up.
pub const CRD_INSTALLING: &str = "CRD is being installed";
/// The CRD's API is not served.
pub const CRD_NOT_ESTABLISHED: &str = "CRD is not established";
/// The CRD's API is served.
pub const CRD_HEALTHY: &str = "CRD is healthy";
/// The CRON job starts no jobs.
pub const CRON_JOB_SUSPENDED: &str = "CronJob is Suspended";
/// No success is on record.
pub const CRON_JOB_NEVER_SUCCEEDED: &str = "The CronJob never completed successfully. It may not be healthy";
/// A job runs, so the last result is not known.
pub const CRON_JOB_RUNNING: &str = "The job is running. Its last execution may not have been successful";
/// The last job failed.
pub const CRON_JOB_FAILED: &str = "CronJob has not completed its last execution successfully";
/// The last job succeeded.
pub const CRON_JOB_SUCCEEDED: &str = "CronJob has completed its last execution successfully";
/// No job has been started yet.
pub const CRON_JOB_NOT_SCHEDULED: &str = "CronJob has not been scheduled yet";
/// The CRON job has no status yet.
pub const CRON_JOB_WAITING: &str = "Waiting for CronJob";

/// No rule for that version of the kind.
#[must_use]
pub fn unsupported_version(kind: &str, api_version: &str) -> String {
    let short = if kind == "HorizontalPodAutoscaler" { "HPA" } else { kind };
    format!("unsupported {short} GVK: {api_version}, Kind={kind}")
}

/// The rollout took longer than it may.
#[must_use]
pub fn deadline_exceeded(name: &str) -> String {
    format!("Deployment \"{name}\" exceeded its progress deadline")
}

/// Not all replicas have the newest template.
#[must_use]
pub fn replicas_to_update(updated: i64, wanted: i64) -> String {
    format!("Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated...")
}

/// Replicas with an older template are still there.
#[must_use]
pub fn replicas_to_end(old: i64) -> String {
    format!("Waiting for rollout to finish: {old} old replicas are pending termination...")
}

/// Not all updated replicas are available.
#[must_use]
pub fn replicas_to_become_available(available: i64, updated: i64) -> String {
    format!("Waiting for rollout to finish: {available} of {updated} updated replicas are available...")
}

/// Not all replicas of a set are available.
#[must_use]
pub fn set_replicas_to_become_available(available: i64, wanted: i64) -> String {
    format!("Waiting for rollout to finish: {available} out of {wanted} new replicas are available...")
}

/// Some pods are not ready.
#[must_use]
pub fn pods_to_become_ready(missing: i64) -> String {
    format!("Waiting for {missing} pods to be ready...")
}

/// A partitioned rollout is not through.
#[must_use]
pub fn partition_to_update(updated: i64, wanted: i64) -> String {
    format!(
        "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
    )
}

/// A partitioned rollout is through.
#[must_use]
pub fn partition_updated(updated: i64) -> String {
    format!("partitioned roll out complete: {updated} new pods have been updated...")
}

/// Pods are replaced only when someone deletes them.
#[must_use]
pub fn stateful_set_on_delete(ready: i64) -> String {
    format!("statefulset has {ready} ready pods")
}

/// A rolling update is not through.
#[must_use]
pub fn stateful_set_updating(updated: i64, revision: &str) -> String {
    format!("waiting for statefulset rolling update to complete {updated} pods at revision {revision}...")
}

/// A rolling update is through.
#[must_use]
pub fn stateful_set_updated(current: i64, revision: &str) -> String {
    format!("statefulset rolling update complete {current} pods at revision {revision}...")
}

/// Pods are replaced only when someone deletes them.
#[must_use]
pub fn daemon_set_on_delete(updated: i64, wanted: i64) -> String {
    format!("daemon set {updated} out of {wanted} new pods have been updated")
}

/// Not all nodes run the newest template.
#[must_use]
pub fn daemon_set_to_update(name: &str, updated: i64, wanted: i64) -> String {
    format!(
        "Waiting for daemon set \"{name}\" rollout to finish: {updated} out of {wanted} new pods have been updated..."
    )
}

/// Not all pods are available.
#[must_use]
pub fn daemon_set_to_become_available(name: &str, available: i64, wanted: i64) -> String {
    format!(
        "Waiting for daemon set \"{name}\" rollout to finish: {available} of {wanted} updated pods are available..."
    )
}

/// A container of a failed pod.
#[must_use]
pub fn container_failed(name: &str, code: i64) -> String {
    format!("container \"{name}\" failed with exit code {code}")
}

/// The CRD is being removed.
#[must_use]
pub fn crd_terminating(message: &str) -> String {
    format!("CRD is terminating: {message}")
}

/// The CRD's names collide with others.
#[must_use]
pub fn crd_names_refused(message: &str) -> String {
    format!("CRD names have not been accepted: {message}")
}

/// The CRD's schema breaks rules.
#[must_use]
pub fn crd_schema_violations(message: &str) -> String {
    format!("Schema violations found: {message}")
}
