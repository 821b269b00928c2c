//! APIService: does the extension API server answer?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Healthy, Progressing};

use crate::field::{condition, text};
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    let Some(available) = condition(object, "Available") else {
        return Health::with(Progressing, messages::API_SERVICE_WAITING);
    };
    let message = format!("{}: {}", text(&available["reason"]), text(&available["message"]));
    Health::with(if available["status"] == "True" { Healthy } else { Progressing }, message)
}
