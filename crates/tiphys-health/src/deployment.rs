//! Deployment: is the newest template rolled out?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Suspended};

use crate::field::{condition, int, is_behind, name};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    if object["spec"]["paused"] == true {
        return Health::with(Suspended, messages::DEPLOYMENT_PAUSED);
    }
    if is_behind(object) {
        return Health::with(Progressing, messages::DEPLOYMENT_BEHIND);
    }
    if condition(object, "Progressing").is_some_and(|found| found["reason"] == "ProgressDeadlineExceeded") {
        return Health::with(Degraded, messages::deadline_exceeded(name(object)));
    }
    let status = &object["status"];
    let updated = int(&status["updatedReplicas"]);
    let replicas = int(&status["replicas"]);
    let available = int(&status["availableReplicas"]);
    match object["spec"]["replicas"].as_i64() {
        Some(wanted) if updated < wanted => {
            Health::with(Progressing, messages::replicas_to_update(updated, wanted))
        }
        _ if replicas > updated => Health::with(Progressing, messages::replicas_to_end(replicas - updated)),
        _ if available < updated => {
            Health::with(Progressing, messages::replicas_to_become_available(available, updated))
        }
        _ => Health::of(Healthy),
    }
}
