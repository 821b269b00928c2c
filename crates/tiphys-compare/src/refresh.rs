//! When an application has to be compared again, and how thoroughly (REC-001 to REC-006).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::ApplicationStatus;
use tiphys_api::names::annotation::{REFRESH, REFRESH_TIMESTAMP};
use tiphys_api::words::RefreshType;

use crate::source::{same_source, same_sources};

/// How thoroughly an application is compared; a higher level includes what the lower ones do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompareLevel {
    /// Only the tree is looked at: a child of a managed object has changed.
    Nothing,
    /// The revision of the last comparison is compared with the cluster: a managed object has changed.
    Recent,
    /// The newest known revision is.
    Latest,
    /// The revision is resolved anew at the repository.
    ForceResolve,
}

/// Why an application is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshReason {
    /// A user asked for it with the annotation.
    Requested,
    /// The source, or one of the sources, is another one than was compared.
    SourceChanged,
    /// The last comparison is too old.
    Expired,
    /// The destination is another one.
    DestinationChanged,
    /// The labels or annotations of the destination namespace are others.
    NamespaceMetadataChanged,
    /// The differences to ignore are others.
    IgnoreDifferencesChanged,
    /// The controller has seen something that asks for it.
    Controller,
}

impl fmt::Display for RefreshReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "refresh requested",
            Self::SourceChanged => "spec.source differs",
            Self::Expired => "comparison expired",
            Self::DestinationChanged => "spec.destination differs",
            Self::NamespaceMetadataChanged => "spec.syncPolicy.managedNamespaceMetadata differs",
            Self::IgnoreDifferencesChanged => "spec.ignoreDifferences differs",
            Self::Controller => "controller refresh requested",
        })
    }
}

/// A comparison that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// How thoroughly.
    pub level: CompareLevel,
    /// Manifests are rendered anew, past the cache.
    pub is_hard: bool,
    /// Why.
    pub reason: RefreshReason,
}

/// How old a comparison may get. `None` for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefreshTimeouts {
    /// Until it is compared again; an application's jitter is already added.
    pub soft: Option<Duration>,
    /// Until its manifests are rendered anew.
    pub hard: Option<Duration>,
}

/// Whether an application has to be compared, in the order of reasons of the reference. `asked` is what the controller
/// itself asks for, for instance because a live object has changed.
#[must_use]
pub fn refresh_reason(
    app: &Application,
    now: DateTime<Utc>,
    timeouts: RefreshTimeouts,
    asked: Option<CompareLevel>,
) -> Option<Refresh> {
    let refresh = |level, reason| Some(Refresh { level, is_hard: false, reason });
    if let Some(requested) = requested(app) {
        let is_hard = requested == RefreshType::Hard;
        return Some(Refresh {
            level: CompareLevel::ForceResolve,
            is_hard,
            reason: RefreshReason::Requested,
        });
    }
    let compared = &app.status.sync.compared_to;
    if source_differs(app) {
        return refresh(CompareLevel::ForceResolve, RefreshReason::SourceChanged);
    }
    let is_past = |timeout| expiry(&app.status, timeout).is_some_and(|at| at < now);
    if app.status.reconciled_at.is_none() || is_past(timeouts.hard) || is_past(timeouts.soft) {
        let is_hard =
            timeouts.hard.is_some() && (app.status.reconciled_at.is_none() || is_past(timeouts.hard));
        return Some(Refresh { level: CompareLevel::Latest, is_hard, reason: RefreshReason::Expired });
    }
    if app.spec.destination != compared.destination {
        return refresh(CompareLevel::Latest, RefreshReason::DestinationChanged);
    }
    if namespace_metadata_differs(app) {
        return refresh(CompareLevel::Latest, RefreshReason::NamespaceMetadataChanged);
    }
    if app.spec.ignore_differences != compared.ignore_differences {
        return refresh(CompareLevel::Latest, RefreshReason::IgnoreDifferencesChanged);
    }
    refresh(asked?, RefreshReason::Controller)
}

/// When the comparison of an application gets too old; `None` for never. An application that was never compared is due at
/// once, so this asks for nothing then.
#[must_use]
pub fn expires_at(status: &ApplicationStatus, timeouts: RefreshTimeouts) -> Option<DateTime<Utc>> {
    [timeouts.soft, timeouts.hard].into_iter().filter_map(|timeout| expiry(status, timeout)).min()
}

fn expiry(status: &ApplicationStatus, timeout: Option<Duration>) -> Option<DateTime<Utc>> {
    let timeout = chrono::Duration::from_std(timeout?).ok()?;
    status.reconciled_at?.as_datetime().checked_add_signed(timeout)
}

/// What the refresh annotation asks for; every word but `hard` asks for a normal refresh.
fn requested(app: &Application) -> Option<RefreshType> {
    let word = app.metadata.annotation(REFRESH)?;
    Some(if word == "hard" { RefreshType::Hard } else { RefreshType::Normal })
}

fn source_differs(app: &Application) -> bool {
    let compared = &app.status.sync.compared_to;
    let sources = app.spec.effective_sources();
    if app.spec.has_multiple_sources() {
        !same_sources(&sources, &compared.sources)
    } else {
        !same_source(&sources.into_iter().next().unwrap_or_default(), &compared.source)
    }
}

/// Whether the namespace's labels and annotations are others than those of the last sync.
pub(crate) fn namespace_metadata_differs(app: &Application) -> bool {
    let wanted = app.spec.sync_policy.as_ref().and_then(|policy| policy.managed_namespace_metadata.as_ref());
    let result = app.status.operation_state.as_ref().and_then(|state| state.sync_result.as_ref());
    match (wanted, result) {
        (Some(wanted), Some(result)) => result.managed_namespace_metadata.as_ref() != Some(wanted),
        _ => false,
    }
}

/// The JSON patch that takes a refresh annotation and its timestamp away, unless a newer request has replaced the
/// timestamp; `None` when neither is there. `annotations` are those that the comparison began with.
#[must_use]
pub fn refresh_removal_patch(annotations: &BTreeMap<String, String>) -> Option<Value> {
    let path = |key: &str| format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
    let mut operations = Vec::new();
    if let Some(at) = annotations.get(REFRESH_TIMESTAMP) {
        operations.push(json!({"op": "test", "path": path(REFRESH_TIMESTAMP), "value": at}));
        operations.push(json!({"op": "remove", "path": path(REFRESH_TIMESTAMP)}));
    }
    if let Some(word) = annotations.get(REFRESH) {
        // Without a timestamp the word itself is the only thing that can tell a newer request.
        operations.push(json!({"op": "test", "path": path(REFRESH), "value": word}));
        operations.push(json!({"op": "remove", "path": path(REFRESH)}));
    }
    (!operations.is_empty()).then_some(Value::Array(operations))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOFT: RefreshTimeouts = RefreshTimeouts { soft: Some(Duration::from_secs(120)), hard: None };

    fn now() -> DateTime<Utc> {
        "2024-01-01T00:10:00Z".parse().unwrap()
    }

    /// An application that was compared at the minute and needs nothing.
    fn app(minute: u32, change: impl FnOnce(&mut Value)) -> Application {
        let mut value = json!({
            "metadata": {"name": "a"},
            "spec": {"source": {"repoURL": "u", "path": "p"}, "destination": {"server": "s"}},
            "status": {
                "reconciledAt": format!("2024-01-01T00:{minute:02}:00Z"),
                "sync": {"comparedTo": {"source": {"repoURL": "u", "path": "p"}, "destination": {"server": "s"}}},
            }
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn reason(app: &Application, timeouts: RefreshTimeouts, asked: Option<CompareLevel>) -> Option<Refresh> {
        refresh_reason(app, now(), timeouts, asked)
    }

    // covers: REC-004
    #[test]
    fn levels_are_ordered_by_how_much_they_do() {
        use CompareLevel::*;
        assert!(Nothing < Recent && Recent < Latest && Latest < ForceResolve);
    }

    // covers: APP-009, REC-003
    #[test]
    fn a_requested_refresh_comes_first_and_resolves_the_revision_anew() {
        for (word, is_hard) in [("normal", false), ("hard", true), ("whatever", false)] {
            let app = app(9, |app| {
                app["metadata"]["annotations"] = json!({"argocd.argoproj.io/refresh": word});
                app["spec"]["source"]["path"] = json!("other");
            });
            let expected =
                Refresh { level: CompareLevel::ForceResolve, is_hard, reason: RefreshReason::Requested };
            assert_eq!(reason(&app, SOFT, None), Some(expected));
        }
    }

    // covers: APP-054, REC-003
    #[test]
    fn every_input_of_the_last_comparison_is_a_reason_when_it_changes() {
        use RefreshReason::*;
        type Change = fn(&mut Value);
        let table: [(Change, RefreshReason, CompareLevel); 7] = [
            (
                |app| app["spec"]["source"]["targetRevision"] = json!("v2"),
                SourceChanged,
                CompareLevel::ForceResolve,
            ),
            (
                |app| app["spec"]["sources"] = json!([{"repoURL": "u", "path": "p"}]),
                SourceChanged,
                CompareLevel::ForceResolve,
            ),
            (
                |app| app["spec"]["destination"]["namespace"] = json!("n"),
                DestinationChanged,
                CompareLevel::Latest,
            ),
            (
                |app| app["spec"]["ignoreDifferences"] = json!([{"kind": "Deployment"}]),
                IgnoreDifferencesChanged,
                CompareLevel::Latest,
            ),
            (
                |app| {
                    app["spec"]["syncPolicy"] = json!({"managedNamespaceMetadata": {"labels": {"a": "b"}}});
                    app["status"]["operationState"] = json!({"syncResult": {"revision": "r"}});
                },
                NamespaceMetadataChanged,
                CompareLevel::Latest,
            ),
            (|app| app["status"]["reconciledAt"] = json!(null), Expired, CompareLevel::Latest),
            (
                |app| app["status"]["reconciledAt"] = json!("2024-01-01T00:07:59Z"),
                Expired,
                CompareLevel::Latest,
            ),
        ];
        assert_eq!(reason(&app(9, |_| {}), SOFT, None), None);
        for (change, expected, level) in table {
            let found = reason(&app(9, change), SOFT, Some(CompareLevel::Nothing)).unwrap();
            assert_eq!((found.reason, found.level, found.is_hard), (expected, level, false));
        }
    }

    // covers: REC-001, REC-002
    #[test]
    fn a_comparison_gets_old_softly_and_hard_or_not_at_all() {
        let old = app(1, |_| {});
        let hard = RefreshTimeouts { soft: None, hard: Some(Duration::from_secs(300)) };
        assert!(!reason(&old, SOFT, None).unwrap().is_hard);
        assert!(reason(&old, hard, None).unwrap().is_hard);
        assert_eq!(reason(&old, RefreshTimeouts::default(), None), None);
        assert_eq!(reason(&app(6, |_| {}), hard, None), None);
        let never = app(1, |app| app["status"]["reconciledAt"] = json!(null));
        assert!(reason(&never, RefreshTimeouts::default(), None).is_some_and(|refresh| !refresh.is_hard));
        assert!(reason(&never, hard, None).unwrap().is_hard);
        assert_eq!(expires_at(&old.status, SOFT).unwrap().to_rfc3339(), "2024-01-01T00:03:00+00:00");
        assert_eq!(expires_at(&never.status, SOFT), None);
    }

    // covers: REC-005
    #[test]
    fn what_the_controller_asks_for_comes_last() {
        let refresh = reason(&app(9, |_| {}), SOFT, Some(CompareLevel::Recent)).unwrap();
        assert_eq!((refresh.level, refresh.reason), (CompareLevel::Recent, RefreshReason::Controller));
    }

    // covers: APP-010, REC-007
    #[test]
    fn the_annotation_is_removed_only_while_it_is_the_same_request() {
        let annotations = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(refresh_removal_patch(&annotations(&[("other", "x")])), None);
        let patch = refresh_removal_patch(&annotations(&[
            ("argocd.argoproj.io/refresh", "hard"),
            ("argocd.argoproj.io/refresh-timestamp", "t"),
        ]));
        let path = "/metadata/annotations/argocd.argoproj.io~1refresh";
        assert_eq!(
            patch.unwrap(),
            json!([
                {"op": "test", "path": format!("{path}-timestamp"), "value": "t"},
                {"op": "remove", "path": format!("{path}-timestamp")},
                {"op": "test", "path": path, "value": "hard"},
                {"op": "remove", "path": path},
            ])
        );
    }

    #[test]
    fn a_null_inside_values_is_no_change_of_the_source() {
        let app = app(9, |app| {
            app["spec"]["source"]["helm"] = json!({"valuesObject": {"a": null, "b": 1}});
            app["status"]["sync"]["comparedTo"]["source"]["helm"] = json!({"valuesObject": {"b": 1}});
        });
        assert_eq!(reason(&app, SOFT, None), None);
    }
}
