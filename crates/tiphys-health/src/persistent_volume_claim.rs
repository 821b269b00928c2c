//! PersistentVolumeClaim: is there a volume?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Unknown};

use crate::Health;
use crate::field::text;

pub(crate) fn assess(object: &Value) -> Health {
    Health::of(match text(&object["status"]["phase"]) {
        "Bound" => Healthy,
        "Pending" => Progressing,
        "Lost" => Degraded,
        _ => Unknown,
    })
}
