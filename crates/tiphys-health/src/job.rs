//! Job: has it ended, and how?

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Suspended};

use crate::Health;
use crate::field::{items, text};

pub(crate) fn assess(object: &Value) -> Health {
    let mut verdict = Progressing;
    let mut message = "";
    for condition in items(&object["status"]["conditions"]) {
        match text(&condition["type"]) {
            "Failed" => return Health::with(Degraded, text(&condition["message"])),
            "Complete" if verdict != Suspended => {
                verdict = Healthy;
                message = text(&condition["message"]);
            }
            "Suspended" if condition["status"] == "True" => {
                verdict = Suspended;
                message = text(&condition["message"]);
            }
            // A job that was resumed keeps the condition with status False: the reference calls it healthy until it
            // ends, although it runs. It runs, so it is still progressing here.
            _ => {}
        }
    }
    Health::with(verdict, message)
}
