//! CustomResourceDefinition: is the new API served?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing};

use crate::field::{items, text};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    let conditions = items(&object["status"]["conditions"]);
    if conditions.is_empty() {
        return Health::with(Progressing, messages::CRD_WITHOUT_CONDITIONS);
    }
    let mut is_established = false;
    for condition in conditions {
        let message = text(&condition["message"]);
        match (text(&condition["type"]), text(&condition["status"])) {
            ("Terminating", "True") => return Health::with(Progressing, messages::crd_terminating(message)),
            ("NamesAccepted", "False") => {
                return Health::with(Degraded, messages::crd_names_refused(message));
            }
            ("NonStructuralSchema", "True") => {
                return Health::with(Degraded, messages::crd_schema_violations(message));
            }
            ("Established", "True") => is_established = true,
            ("Established", _) if condition["reason"] == "Installing" => {
                return Health::with(Progressing, messages::CRD_INSTALLING);
            }
            _ => {}
        }
    }
    if is_established {
        Health::with(Healthy, messages::CRD_HEALTHY)
    } else {
        Health::with(Degraded, messages::CRD_NOT_ESTABLISHED)
    }
}
