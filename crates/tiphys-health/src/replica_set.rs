//! ReplicaSet: are all replicas available?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing};

use crate::field::{condition, int, is_behind, text};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    if is_behind(object) {
        return Health::with(Progressing, messages::REPLICA_SET_BEHIND);
    }
    if let Some(failure) = condition(object, "ReplicaFailure")
        && failure["status"] == "True"
    {
        return Health::with(Degraded, text(&failure["message"]));
    }
    let available = int(&object["status"]["availableReplicas"]);
    match object["spec"]["replicas"].as_i64() {
        Some(wanted) if available < wanted => {
            Health::with(Progressing, messages::set_replicas_to_become_available(available, wanted))
        }
        _ => Health::of(Healthy),
    }
}
