//! DaemonSet: does every node that should run the newest pod run it?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Healthy, Progressing};

use crate::field::{int, is_behind, name};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    if is_behind(object) {
        return Health::with(Progressing, messages::DAEMON_SET_BEHIND);
    }
    let status = &object["status"];
    let wanted = int(&status["desiredNumberScheduled"]);
    let updated = int(&status["updatedNumberScheduled"]);
    let available = int(&status["numberAvailable"]);
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Health::with(Healthy, messages::daemon_set_on_delete(updated, wanted));
    }
    if updated < wanted {
        return Health::with(Progressing, messages::daemon_set_to_update(name(object), updated, wanted));
    }
    if available < wanted {
        let message = messages::daemon_set_to_become_available(name(object), available, wanted);
        return Health::with(Progressing, message);
    }
    Health::of(Healthy)
}
