//! Service: a load balancer needs an address, every other service is healthy as soon as it exists.

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Healthy, Progressing};

use crate::Health;
use crate::field::items;

pub(crate) fn assess(object: &Value) -> Health {
    let waits = object["spec"]["type"] == "LoadBalancer"
        && items(&object["status"]["loadBalancer"]["ingress"]).is_empty();
    Health::of(if waits { Progressing } else { Healthy })
}
