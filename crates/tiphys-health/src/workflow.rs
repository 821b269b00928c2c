//! Argo Workflow: has it ended, and how?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Unknown};

use crate::Health;
use crate::field::text;

pub(crate) fn assess(object: &Value) -> Health {
    let status = &object["status"];
    let verdict = match text(&status["phase"]) {
        "" | "Pending" | "Running" => Progressing,
        "Succeeded" => Healthy,
        "Failed" | "Error" => Degraded,
        _ => return Health::of(Unknown),
    };
    Health::with(verdict, text(&status["message"]))
}
