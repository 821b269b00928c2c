//! What `app get` says of an application before its objects.

use chrono::{DateTime, Utc};
use tiphys_api::Application;
use tiphys_api::application::{ApplicationSource, OperationState};
use tiphys_api::duration::format_duration;
use tiphys_rbac::{SyncKind, SyncWindows};

use crate::rows;
use crate::table::Table;

fn line(text: &mut String, label: &str, value: &str) {
    text.push_str(&format!("{label:<20}{value}\n"));
}

/// What is known of the times at which an application may be synced.
#[derive(Clone, Debug)]
pub(crate) enum Windows {
    /// Nobody asked.
    NotAsked,
    /// The project can't be read.
    Unknown,
    /// Those of the project that are for the application.
    Known(SyncWindows),
}

impl Windows {
    /// The verdict, and the windows themselves.
    fn words(&self, now: DateTime<Utc>) -> (&'static str, String) {
        let windows = match self {
            Windows::NotAsked => return ("Sync Allowed", String::new()),
            Windows::Unknown => return ("Unknown", String::new()),
            Windows::Known(windows) => windows,
        };
        // A window that can't be evaluated forbids, here as at a sync.
        let may = |kind| windows.can_sync(kind, now, None).unwrap_or(false);
        let verdict = match (may(SyncKind::Automated), may(SyncKind::Manual)) {
            (true, _) => "Sync Allowed",
            (false, true) => "Manual Allowed",
            (false, false) => "Sync Denied",
        };
        let list =
            windows.iter().map(|window| format!("{}:{}:{}", window.kind, window.schedule, window.duration));
        (verdict, list.collect::<Vec<_>>().join(","))
    }
}

/// Name, destination, sources, sync windows, policy and status.
pub(crate) fn summary(app: &Application, url: &str, windows: &Windows, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    line(&mut text, "Name:", &app.qualified_name(""));
    line(&mut text, "Project:", app.spec.project_name());
    line(&mut text, "Server:", rows::cluster(app));
    line(&mut text, "Namespace:", &app.spec.destination.namespace);
    line(&mut text, "URL:", url);
    text.push_str(if app.spec.has_multiple_sources() { "Sources:\n" } else { "Source:\n" });
    for source in app.spec.effective_sources() {
        source_lines(&mut text, &source);
    }
    let (verdict, assigned) = windows.words(now);
    line(&mut text, "SyncWindow:", verdict);
    if !assigned.is_empty() {
        line(&mut text, "Assigned Windows:", &assigned);
    }
    let policy = match rows::sync_policy(app) {
        "Auto-Prune" => "Automated (Prune)",
        "Auto" => "Automated",
        other => other,
    };
    line(&mut text, "Sync Policy:", policy);
    let target = rows::first_source(app).target_revision;
    let mut sync = match app.status.sync.status.as_str() {
        "Synced" => format!("Synced to {target}"),
        "OutOfSync" => format!("OutOfSync from {target}"),
        other => other.to_owned(),
    };
    let revision = &app.status.sync.revision;
    if !rows::is_commit(&target) && revision.len() > 7 {
        sync.push_str(&format!(" ({})", rows::short(revision)));
    }
    line(&mut text, "Sync Status:", &sync);
    line(&mut text, "Health Status:", app.status.health.status.as_str());
    text
}

fn source_lines(text: &mut String, source: &ApplicationSource) {
    line(text, "- Repo:", &source.repo_url);
    line(text, "  Target:", &source.target_revision);
    if !source.path.is_empty() {
        line(text, "  Path:", &source.path);
    }
    if !source.ref_.is_empty() {
        line(text, "  Ref:", &source.ref_);
    }
    if let Some(files) = source.helm.as_ref().map(|helm| &helm.value_files).filter(|files| !files.is_empty())
    {
        line(text, "  Helm Values:", &files.join(","));
    }
    if let Some(prefix) = source.kustomize.as_ref().map(|kustomize| &kustomize.name_prefix)
        && !prefix.is_empty()
    {
        line(text, "  Name Prefix:", prefix);
    }
}

/// The conditions, as a table; empty when there are none.
pub(crate) fn conditions(app: &Application) -> String {
    if app.status.conditions.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    table.row(["CONDITION", "MESSAGE", "LAST TRANSITION"]);
    for condition in &app.status.conditions {
        let at = condition.last_transition_time.map_or_else(|| "<nil>".to_owned(), rows::time);
        table.row([condition.type_.to_string(), condition.message.clone(), at]);
    }
    table.take()
}

/// The last operation, or the one that runs.
pub(crate) fn operation(state: &OperationState, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    if let Some(result) = &state.sync_result {
        line(&mut text, "Operation:", "Sync");
        let revision = match result.revisions.is_empty() {
            true => result.revision.clone(),
            false => result.revisions.join(", "),
        };
        line(&mut text, "Sync Revision:", &revision);
    }
    line(&mut text, "Phase:", state.phase.as_str());
    line(&mut text, "Start:", &rows::time(state.started_at));
    line(&mut text, "Finished:", &state.finished_at.map_or_else(|| "<nil>".to_owned(), rows::time));
    let end = state.finished_at.map_or(now, |at| at.as_datetime());
    let seconds = u64::try_from((end.timestamp() - state.started_at.unix()).max(0)).unwrap_or_default();
    line(&mut text, "Duration:", &format_duration(std::time::Duration::from_secs(seconds)));
    if !state.message.is_empty() {
        line(&mut text, "Message:", &state.message);
    }
    text
}

/// The Helm parameters of one source, values cut at 80 characters.
pub(crate) fn parameters(source: &ApplicationSource) -> String {
    let Some(helm) = &source.helm else { return String::new() };
    let mut table = Table::default();
    table.row(["NAME", "VALUE"]);
    for parameter in &helm.parameters {
        let value: String = match parameter.value.chars().count() > 80 {
            true => parameter.value.chars().take(77).chain("...".chars()).collect(),
            false => parameter.value.clone(),
        };
        table.row([parameter.name.clone(), value]);
    }
    format!("\n\n{}", table.take())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app() -> Application {
        serde_json::from_value(json!({
            "metadata": {"name": "guestbook", "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://git.example.com/apps", "path": "guestbook", "targetRevision": "main",
                           "helm": {"valueFiles": ["a.yaml", "b.yaml"], "parameters": [{"name": "x", "value": "1"}]}},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
                "syncPolicy": {"automated": {"prune": true}},
            },
            "status": {
                "sync": {"status": "OutOfSync", "revision": "0123456789abcdef0123456789abcdef01234567"},
                "health": {"status": "Healthy"},
                "conditions": [{"type": "SyncError", "message": "it broke", "lastTransitionTime": "2026-03-04T05:06:07Z"}],
                "operationState": {
                    "phase": "Succeeded", "startedAt": "2026-03-04T05:06:07Z", "finishedAt": "2026-03-04T05:07:17Z",
                    "message": "successfully synced (all tasks run)", "syncResult": {"revision": "0123456"},
                },
            },
        }))
        .unwrap()
    }

    // covers: CLI-066
    #[test]
    fn a_summary_has_the_lines_that_scripts_look_for() {
        assert_eq!(
            summary(&app(), "https://cd.example.com/applications/guestbook", &Windows::NotAsked, Utc::now()),
            "\
Name:               argocd/guestbook
Project:            default
Server:             https://kubernetes.default.svc
Namespace:          demo
URL:                https://cd.example.com/applications/guestbook
Source:
- Repo:             https://git.example.com/apps
  Target:           main
  Path:             guestbook
  Helm Values:      a.yaml,b.yaml
SyncWindow:         Sync Allowed
Sync Policy:        Automated (Prune)
Sync Status:        OutOfSync from main (0123456)
Health Status:      Healthy
"
        );
        assert_eq!(
            conditions(&app()),
            "CONDITION  MESSAGE   LAST TRANSITION\nSyncError  it broke  2026-03-04 05:06:07 +0000 UTC\n"
        );
    }

    // covers: SYN-085
    #[test]
    fn sync_windows_are_judged_and_listed() {
        let now: DateTime<Utc> = "2026-03-04T05:06:07Z".parse().unwrap();
        let with = |windows: serde_json::Value| {
            let windows: Vec<_> = serde_json::from_value(windows).unwrap();
            summary(&app(), "", &Windows::Known(SyncWindows::matching(&windows, &app())), now)
        };
        let window = |kind: &str, schedule: &str, manual: bool| json!({"kind": kind, "schedule": schedule, "duration": "1h", "applications": ["*"], "manualSync": manual});
        assert!(with(json!([])).contains("SyncWindow:         Sync Allowed\nSync Policy:"));
        let text = with(json!([window("deny", "0 5 * * *", false)]));
        assert!(
            text.contains("SyncWindow:         Sync Denied\nAssigned Windows:   deny:0 5 * * *:1h\n"),
            "{text}"
        );
        let text = with(json!([window("allow", "0 9 * * *", true), window("allow", "0 10 * * *", true)]));
        assert!(text.contains("SyncWindow:         Manual Allowed\n"), "{text}");
        assert!(with(json!([window("allow", "0 5 * * *", false)])).contains("Sync Allowed\n"));
        assert!(summary(&app(), "", &Windows::Unknown, now).contains("SyncWindow:         Unknown\n"));
    }

    #[test]
    fn an_operation_is_told_with_its_duration() {
        let state = app().status.operation_state.unwrap();
        assert_eq!(
            operation(&state, Utc::now()),
            "\
Operation:          Sync
Sync Revision:      0123456
Phase:              Succeeded
Start:              2026-03-04 05:06:07 +0000 UTC
Finished:           2026-03-04 05:07:17 +0000 UTC
Duration:           1m10s
Message:            successfully synced (all tasks run)
"
        );
        let running = OperationState { finished_at: None, ..state };
        let text = operation(&running, "2026-03-04T05:06:10Z".parse().unwrap());
        assert!(text.contains("Finished:           <nil>\nDuration:           3s\n"), "{text}");
    }

    #[test]
    fn parameters_are_a_table() {
        assert_eq!(parameters(&rows::first_source(&app())), "\n\nNAME  VALUE\nx     1\n");
        assert_eq!(parameters(&ApplicationSource::default()), "");
    }
}
