//! CronJob: did the last job succeed? A job that was never started or still runs gives no reason to complain.

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing};

use crate::field::items;
use crate::{Health, messages};

pub(crate) fn assess(object: &Value) -> Health {
    if object["spec"]["suspend"] == true {
        // Suspended would make the whole application Suspended for a state that is often the wanted one.
        return Health::with(Healthy, messages::CRON_JOB_SUSPENDED);
    }
    let status = &object["status"];
    if !status.is_object() {
        return Health::with(Progressing, messages::CRON_JOB_WAITING);
    }
    let Some(scheduled) = status["lastScheduleTime"].as_str() else {
        return Health::with(Healthy, messages::CRON_JOB_NOT_SCHEDULED);
    };
    let Some(succeeded) = status["lastSuccessfulTime"].as_str() else {
        return Health::with(Healthy, messages::CRON_JOB_NEVER_SUCCEEDED);
    };
    if !items(&status["active"]).is_empty() {
        return Health::with(Healthy, messages::CRON_JOB_RUNNING);
    }
    // Both are RFC 3339 in UTC with whole seconds, so that they sort as text.
    if succeeded < scheduled {
        return Health::with(Degraded, messages::CRON_JOB_FAILED);
    }
    Health::with(Healthy, messages::CRON_JOB_SUCCEEDED)
}
