//! Ingress: healthy when the load balancer has an address.

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Healthy, Progressing};

use crate::Health;
use crate::field::items;

pub(crate) fn assess(object: &Value) -> Health {
    let waits = items(&object["status"]["loadBalancer"]["ingress"]).is_empty();
    Health::of(if waits { Progressing } else { Healthy })
}
