//! HorizontalPodAutoscaler: can it read its metrics and scale? Version 1 keeps its conditions in an annotation.

use serde_json::Value;
use tiphys_api::words::HealthStatusCode::{Degraded, Healthy, Progressing, Unknown};

use crate::field::{items, text};
use crate::{Health, messages};

const CONDITIONS_OF_V1: &str = "autoscaling.alpha.kubernetes.io/conditions";

pub(crate) fn assess(object: &Value) -> Health {
    if object["apiVersion"] != "autoscaling/v1" {
        return judge(items(&object["status"]["conditions"]));
    }
    let Some(annotation) = object["metadata"]["annotations"][CONDITIONS_OF_V1].as_str() else {
        return judge(&[]);
    };
    match serde_json::from_str::<Vec<Value>>(annotation) {
        Ok(conditions) => judge(&conditions),
        Err(error) => {
            Health::with(Unknown, format!("failed to convert conditions annotation to typed: {error}"))
        }
    }
}

fn judge(conditions: &[Value]) -> Health {
    let find = |rule: fn(&Value) -> bool| conditions.iter().find(|condition| rule(condition));
    if let Some(condition) = find(is_failure) {
        return Health::with(Degraded, text(&condition["message"]));
    }
    if let Some(condition) = find(is_success) {
        return Health::with(Healthy, text(&condition["message"]));
    }
    Health::with(Progressing, messages::AUTOSCALER_WAITING)
}

fn is_failure(condition: &Value) -> bool {
    matches!(
        (text(&condition["type"]), text(&condition["reason"])),
        ("AbleToScale", "FailedGetScale" | "FailedUpdateScale")
            | (
                "ScalingActive",
                "FailedGetResourceMetric"
                    | "FailedGetObjectMetric"
                    | "FailedGetPodsMetric"
                    | "FailedGetExternalMetric"
                    | "FailedComputeMetricsReplicas"
                    | "InvalidSelector"
            )
    )
}

fn is_success(condition: &Value) -> bool {
    matches!(text(&condition["type"]), "AbleToScale" | "ScalingLimited") && condition["status"] == "True"
}
