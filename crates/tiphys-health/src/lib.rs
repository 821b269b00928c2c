//! Health of one object, by the rules of its kind.
//!
//! Knows the kinds that Kubernetes brings and what their status means for a person who waits for them. A kind without
//! a rule has no health at all, which is not the same as being healthy. Knows nothing of applications: how the health
//! of many objects becomes one verdict is `tiphys-compare`'s.

use serde_json::Value;
pub use tiphys_api::words::HealthStatusCode;

mod api_service;
mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod field;
mod horizontal_pod_autoscaler;
mod ingress;
mod job;
pub mod messages;
mod persistent_volume_claim;
mod pod;
mod replica_set;
mod service;
mod stateful_set;
mod workflow;

/// Health of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The verdict.
    pub status: HealthStatusCode,
    /// The reason, in words; `None` where the verdict says it all.
    pub message: Option<String>,
}

impl Health {
    /// A verdict without a reason.
    #[must_use]
    pub fn of(status: HealthStatusCode) -> Self {
        Self { status, message: None }
    }

    /// A verdict with its reason; an empty reason is none.
    #[must_use]
    pub fn with(status: HealthStatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message: (!message.is_empty()).then_some(message) }
    }
}

/// Finalizer that keeps a finished hook in the cluster until its result has been read.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// The health of a live object; `None` when its kind has no rule.
///
/// An object that is being deleted is Progressing whatever its kind. A hook that only waits for the removal of the
/// hook finalizer is judged by its kind, because its result is still to be read.
#[must_use]
pub fn assess(object: &Value) -> Option<Health> {
    let metadata = &object["metadata"];
    if metadata["deletionTimestamp"].is_string() && !has_hook_finalizer(metadata) {
        return Some(Health::with(HealthStatusCode::Progressing, messages::PENDING_DELETION));
    }
    let kind = object["kind"].as_str()?;
    let api_version = object["apiVersion"].as_str()?;
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let rule: fn(&Value) -> Health = match (group, kind) {
        ("apps", "Deployment") => deployment::assess,
        ("apps", "StatefulSet") => stateful_set::assess,
        ("apps", "DaemonSet") => daemon_set::assess,
        ("apps", "ReplicaSet") => replica_set::assess,
        ("", "Pod") => pod::assess,
        ("", "Service") => service::assess,
        ("", "PersistentVolumeClaim") => persistent_volume_claim::assess,
        ("batch", "Job") => job::assess,
        ("batch", "CronJob") => cron_job::assess,
        ("extensions" | "networking.k8s.io", "Ingress") => ingress::assess,
        ("autoscaling", "HorizontalPodAutoscaler") => horizontal_pod_autoscaler::assess,
        ("apiregistration.k8s.io", "APIService") => api_service::assess,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => custom_resource_definition::assess,
        ("argoproj.io", "Workflow") => workflow::assess,
        _ => return None,
    };
    if !is_supported(group, kind, version) {
        let message = messages::unsupported_version(kind, api_version);
        return Some(Health::with(HealthStatusCode::Unknown, message));
    }
    Some(rule(object))
}

/// Versions whose status has the shape that the rules read.
fn is_supported(group: &str, kind: &str, version: &str) -> bool {
    match (group, kind) {
        ("apps" | "", _) | ("batch", "Job") => version == "v1",
        ("autoscaling", _) => matches!(version, "v1" | "v2"),
        ("apiregistration.k8s.io", _) => matches!(version, "v1" | "v1beta1"),
        _ => true,
    }
}

fn has_hook_finalizer(metadata: &Value) -> bool {
    field::items(&metadata["finalizers"]).iter().any(|finalizer| finalizer.as_str() == Some(HOOK_FINALIZER))
}

#[cfg(test)]
mod tests;
