//! Which states end the waiting.

use serde_json::{Value, json};

use super::*;

fn app(status: &Value, operation: bool) -> Application {
    let mut app = json!({"metadata": {"name": "a"}, "status": status});
    if operation {
        app["operation"] = json!({"sync": {}});
    }
    serde_json::from_value(app).unwrap()
}

fn finished(at: &str, reconciled: Option<&str>, dry_run: bool) -> Value {
    json!({
        "sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "reconciledAt": reconciled,
        "operationState": {
            "phase": "Succeeded", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": at,
            "operation": {"sync": {"dryRun": dry_run}},
        },
    })
}

// covers: CLI-080, APP-059
#[test]
fn an_operation_is_over_when_the_application_was_compared_once_more() {
    let operation = Conditions::operation();
    let (early, late) = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:05Z");
    assert!(!operation.hold(&app(&finished(late, Some(early), false), false), &[]));
    assert!(!operation.hold(&app(&finished(late, None, false), false), &[]));
    assert!(operation.hold(&app(&finished(late, Some(late), false), false), &[]));
    assert!(operation.hold(&app(&finished(late, None, true), false), &[]), "a dry run changes nothing");
    assert!(!operation.hold(&app(&finished(early, Some(late), false), true), &[]), "asked for again");
    let running = json!({"operationState": {"phase": "Running", "startedAt": early}});
    assert!(!operation.hold(&app(&running, false), &[]));
    let sync_only = Conditions { sync: true, ..Conditions::default() };
    let synced =
        json!({"sync": {"status": "Synced"}, "operationState": {"phase": "Running", "startedAt": early}});
    assert!(sync_only.hold(&app(&synced, false), &[]), "the operation was not asked about");
}

// covers: CLI-080
#[test]
fn sync_health_and_operation_are_waited_for_when_nothing_is_asked_for() {
    let default = Conditions::default().or_default();
    assert!(default.sync && default.health && default.operation && !default.degraded);
    let state = |sync: &str, health: &str| {
        app(&json!({"sync": {"status": sync}, "health": {"status": health}}), false)
    };
    assert!(default.hold(&state("Synced", "Healthy"), &[]));
    assert!(!default.hold(&state("OutOfSync", "Healthy"), &[]));
    assert!(!default.hold(&state("Synced", "Progressing"), &[]));
    let either = Conditions { suspended: true, degraded: true, ..Conditions::default() }.or_default();
    assert!(either.hold(&state("OutOfSync", "Suspended"), &[]));
    assert!(either.hold(&state("OutOfSync", "Degraded"), &[]));
    assert!(!either.hold(&state("Synced", "Healthy"), &[]));
    let delete = Conditions { delete: true, ..Conditions::default() };
    assert!(!delete.hold(&state("Synced", "Healthy"), &[]));
}

#[test]
fn picked_objects_are_waited_for_alone() {
    let status = json!({"sync": {"status": "OutOfSync"}, "resources": [
        {"kind": "Service", "name": "a", "status": "Synced", "health": {"status": "Healthy"}},
        {"kind": "Service", "name": "b", "status": "OutOfSync"},
    ]});
    let conditions = Conditions::default().or_default();
    let selector = |text: &str| [ResourceSelector::parse(text).unwrap()];
    assert!(conditions.hold(&app(&status, false), &selector(":Service:a")));
    assert!(!conditions.hold(&app(&status, false), &selector(":Service:b")));
}

#[test]
fn hydration_is_over_when_the_last_success_is_of_the_current_commit() {
    let hydrated = Conditions { hydrated: true, ..Conditions::default() };
    let with = |current: Value, last: Value| {
        let status =
            json!({"sourceHydrator": {"currentOperation": current, "lastSuccessfulOperation": last}});
        hydrated.hold(&app(&status, false), &[])
    };
    let current = json!({"phase": "Hydrated", "drySHA": "a"});
    assert!(with(current.clone(), json!({"drySHA": "a"})));
    assert!(!with(current.clone(), json!({"drySHA": "b"})));
    assert!(!with(current, Value::Null));
    assert!(!with(json!({"phase": "Hydrating", "drySHA": "a"}), json!({"drySHA": "a"})));
}

#[test]
fn only_news_are_printed_and_a_fall_into_degraded_is_told() {
    let with = |health: &str| {
        app(
            &json!({"resources": [{"group": "apps", "kind": "Deployment", "namespace": "n", "name": "web",
            "status": "Synced", "health": {"status": health}}]}),
            false,
        )
    };
    let mut progress = Progress::default();
    let first = progress.update(&with("Progressing"), &[]);
    let line = first.rows.lines().next().unwrap();
    assert!(
        line.contains("   apps  Deployment           n                   web    Synced  Progressing"),
        "{line}"
    );
    assert_eq!(progress.update(&with("Progressing"), &[]).rows, "");
    let fall = progress.update(&with("Degraded"), &[]);
    assert_eq!(fall.degraded, Some(("Progressing".to_owned(), "Degraded".to_owned())));
    assert_eq!(progress.update(&with("Degraded"), &[]).degraded, None);
}
