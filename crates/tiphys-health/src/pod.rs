//! Pod: a pod that restarts its containers is meant to stay and be ready, any other one is meant to end.

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Unknown};

use crate::field::{condition, int, items, text};
use crate::{Health, messages};

/// Judges a pod that ends by itself as if it were meant to stay.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(crate) fn assess(object: &Value) -> Health {
    let status = &object["status"];
    let message = text(&status["message"]);
    let policy = text(&object["spec"]["restartPolicy"]);
    // A hook that waits for its image must not fail the sync: it would start after the sync has ended.
    let is_meant_to_stay = policy == "Always"
        || object["metadata"]["annotations"][IGNORE_RESTART_POLICY] == "true" && !is_hook(object);
    if is_meant_to_stay && let Some(message) = waiting_in_vain(status) {
        return Health::with(Degraded, message);
    }
    match text(&status["phase"]) {
        "Pending" => Health::with(Progressing, message),
        "Succeeded" => Health::with(Healthy, message),
        "Failed" => Health::with(Degraded, failure(status)),
        "Running" if is_meant_to_stay => {
            if condition(object, "Ready").is_some_and(|ready| ready["status"] == "True") {
                Health::with(Healthy, message)
            } else if items(&status["containerStatuses"])
                .iter()
                .any(|container| container["lastState"]["terminated"].is_object())
            {
                Health::with(Degraded, message)
            } else {
                Health::with(Progressing, message)
            }
        }
        "Running" if matches!(policy, "OnFailure" | "Never") => Health::with(Progressing, message),
        _ => Health::with(Unknown, message),
    }
}

/// What containers say that wait for something which will not come by itself.
fn waiting_in_vain(status: &Value) -> Option<String> {
    let mut messages: Vec<&str> = Vec::new();
    for container in items(&status["containerStatuses"]) {
        let waiting = &container["state"]["waiting"];
        let reason = text(&waiting["reason"]);
        if reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff") {
            messages.push(text(&waiting["message"]));
        }
    }
    (!messages.is_empty()).then(|| messages.join(", "))
}

/// Why a pod failed: its own words, or those of its first container that has any.
fn failure(status: &Value) -> String {
    let message = text(&status["message"]);
    if !message.is_empty() {
        return message.to_owned();
    }
    items(&status["initContainerStatuses"])
        .iter()
        .chain(items(&status["containerStatuses"]))
        .find_map(|container| {
            let terminated = &container["state"]["terminated"];
            let message = text(&terminated["message"]);
            if !message.is_empty() {
                return Some(message.to_owned());
            }
            if terminated["reason"] == "OOMKilled" {
                return Some("OOMKilled".to_owned());
            }
            let code = int(&terminated["exitCode"]);
            (code != 0).then(|| messages::container_failed(text(&container["name"]), code))
        })
        .unwrap_or_default()
}

/// Whether the pod is a hook of a sync, which is meant to end whatever its annotations say.
fn is_hook(object: &Value) -> bool {
    let annotations = &object["metadata"]["annotations"];
    match annotations["argocd.argoproj.io/hook"].as_str() {
        Some(hook) => hook.trim() != "Skip",
        None => annotations["helm.sh/hook"].as_str().is_some_and(|hook| hook.trim() != "crd-install"),
    }
}
