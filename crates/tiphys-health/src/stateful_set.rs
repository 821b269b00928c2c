//! StatefulSet: are all pods ready, and on the revision that the update strategy promises?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Healthy, Progressing};

use crate::field::{int, is_behind, text};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    let spec = &object["spec"];
    let status = &object["status"];
    if int(&status["observedGeneration"]) == 0 || is_behind(object) {
        return Health::with(Progressing, messages::STATEFUL_SET_BEHIND);
    }
    let wanted = spec["replicas"].as_i64();
    let ready = int(&status["readyReplicas"]);
    if let Some(wanted) = wanted
        && ready < wanted
    {
        return Health::with(Progressing, messages::pods_to_become_ready(wanted - ready));
    }
    let updated = int(&status["updatedReplicas"]);
    let strategy = &spec["updateStrategy"];
    if strategy["type"] == "RollingUpdate" && strategy["rollingUpdate"].is_object() {
        // With a partition, the pods below it keep the old revision on purpose, so revisions are never compared here.
        if let (Some(wanted), Some(partition)) = (wanted, strategy["rollingUpdate"]["partition"].as_i64())
            && updated < wanted - partition
        {
            return Health::with(Progressing, messages::partition_to_update(updated, wanted - partition));
        }
        return Health::with(Healthy, messages::partition_updated(updated));
    }
    if strategy["type"] == "OnDelete" {
        return Health::with(Healthy, messages::stateful_set_on_delete(ready));
    }
    let update_revision = text(&status["updateRevision"]);
    let current_revision = text(&status["currentRevision"]);
    if update_revision != current_revision {
        return Health::with(Progressing, messages::stateful_set_updating(updated, update_revision));
    }
    Health::with(Healthy, messages::stateful_set_updated(int(&status["currentReplicas"]), current_revision))
}
