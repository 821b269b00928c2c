//! `Sync` and `TerminateOperation`: what is asked of the controller is written into the Application.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::{ApplicationSource, Info, RetryStrategy, SyncOperationResource, SyncStrategy};
use tiphys_rbac::SyncKind;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};

use super::find::{Target, typed};
use crate::access::Caller;
use crate::audit::Reason;
use crate::errors::{from_sibling, unreadable};
use crate::repository;
use crate::server::{Server, Shared};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SyncRequest {
    revision: String,
    dry_run: bool,
    prune: bool,
    strategy: Option<SyncStrategy>,
    resources: Vec<SyncOperationResource>,
    manifests: Vec<String>,
    infos: Vec<Info>,
    retry_strategy: Option<RetryStrategy>,
    sync_options: Option<Items>,
    source_positions: Vec<i64>,
    revisions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Items {
    items: Vec<String>,
}

/// `Sync`.
pub(super) async fn sync(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let request = SyncRequest::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    server.require(&caller, "sync", &application)?;
    let app = typed(&application)?;
    if app.metadata.deletion_timestamp.is_some() {
        return Err(WireError::failed_precondition("application is deleting"));
    }
    server.require_open_window(&app)?;
    let automated = app.spec.automated().is_some() && !request.dry_run;
    if !request.manifests.is_empty() {
        server.require(&caller, "override", &application)?;
        if automated {
            return Err(WireError::failed_precondition(
                "cannot use local sync when Automatic Sync Policy is enabled unless for dry run",
            ));
        }
    }
    let sources = app.spec.effective_sources();
    let asked = asked_revisions(&request, sources.len())?;
    for (source, revision) in sources.iter().zip(&asked) {
        if !revision.is_empty() && *revision != source.target_revision {
            if automated {
                let set_to = if source.target_revision.is_empty() { "HEAD" } else { &source.target_revision };
                return Err(WireError::failed_precondition(format!(
                    "Cannot sync to {revision}: auto-sync currently set to {set_to}"
                )));
            }
            if server.settings.load().server.require_override_for_revision_sync {
                server.require(&caller, "override", &application)?;
            }
        }
    }
    let options = match request.sync_options {
        // The request's list stands in place of the application's, also when it is empty.
        Some(options) => options.items,
        None => app.spec.sync_policy.as_ref().map(|policy| policy.sync_options.clone()).unwrap_or_default(),
    };
    let replaces = options.iter().any(|option| option == "Replace=true");
    if replaces && !server.config.sync_with_replace_allowed {
        return Err(WireError::failed_precondition(
            "sync with replace was disabled on the API Server level via the server configuration",
        ));
    }
    let revisions = if request.manifests.is_empty() {
        server.resolve_revisions(&app, &sources, &asked).await?
    } else {
        asked.clone()
    };
    let retry = request
        .retry_strategy
        .or_else(|| app.spec.sync_policy.as_ref().and_then(|policy| policy.retry.clone()))
        .unwrap_or_default();
    let mut sync = json!({"prune": request.prune, "dryRun": request.dry_run, "syncOptions": options});
    let mut put = |key: &str, value: Result<Value, serde_json::Error>| {
        value.map(|value| sync[key] = value).map_err(|error| WireError::internal(error.to_string()))
    };
    put("resources", serde_json::to_value(&request.resources))?;
    put("manifests", serde_json::to_value(&request.manifests))?;
    if let Some(strategy) = &request.strategy {
        put("syncStrategy", serde_json::to_value(strategy))?;
    }
    if app.spec.has_multiple_sources() {
        put("revisions", serde_json::to_value(&revisions))?;
        put("sources", serde_json::to_value(&sources))?;
    } else {
        put("revision", Ok(revisions.first().cloned().unwrap_or_default().into()))?;
        if let Some(source) = sources.first() {
            put("source", serde_json::to_value(source))?;
        }
    }
    drop_empty(&mut sync);
    let mut operation = json!({
        "sync": sync,
        "initiatedBy": {"username": caller.name()},
        "info": serde_json::to_value(&request.infos).unwrap_or_default(),
        "retry": serde_json::to_value(&retry).unwrap_or_default(),
    });
    drop_empty(&mut operation);
    let application = server.start(&application, operation, None).await?;
    let shown =
        asked.iter().zip(&sources).map(|(asked, source)| shown(asked, source)).collect::<Vec<_>>().join(", ");
    let what = if request.dry_run { "dry run of a sync" } else { "sync" };
    server.record(
        &call.context,
        &caller,
        Reason::OperationStarted,
        &application,
        &format!("initiated {what} to {shown}"),
    );
    Ok(Reply::one(application))
}

/// What a person asked for, in their words.
fn shown(asked: &str, source: &ApplicationSource) -> String {
    match (asked, source.target_revision.as_str()) {
        ("", "") => "HEAD".to_owned(),
        ("", target) => target.to_owned(),
        (asked, _) => asked.to_owned(),
    }
}

/// The revision for each source, empty where none was asked for.
fn asked_revisions(request: &SyncRequest, sources: usize) -> Result<Vec<String>, WireError> {
    let mut asked = vec![String::new(); sources];
    if request.source_positions.is_empty() {
        if request.revisions.is_empty() {
            if let Some(first) = asked.first_mut() {
                first.clone_from(&request.revision);
            }
        } else {
            for (place, revision) in asked.iter_mut().zip(&request.revisions) {
                place.clone_from(revision);
            }
        }
        return Ok(asked);
    }
    if request.source_positions.len() != request.revisions.len() {
        return Err(WireError::invalid_argument("source positions and revisions must be of the same number"));
    }
    for (position, revision) in request.source_positions.iter().zip(&request.revisions) {
        let place = usize::try_from(*position).ok().and_then(|position| position.checked_sub(1));
        let place = place.and_then(|place| asked.get_mut(place)).ok_or_else(|| {
            WireError::invalid_argument(format!(
                "there is no source at position {position}; positions begin at 1"
            ))
        })?;
        place.clone_from(revision);
    }
    Ok(asked)
}

/// Lists and texts that say nothing are left out of what is stored.
fn drop_empty(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => true,
        });
    }
}

impl Server {
    /// Refuses a sync that somebody asks for while the windows of the project forbid it.
    pub(super) fn require_open_window(&self, app: &Application) -> Result<(), WireError> {
        self.check_project(app)?;
        let project = self.projects.limits(app.spec.project_name(), &self.settings.load());
        let windows = project.map(|project| project.sync_windows(app)).unwrap_or_default();
        match windows.can_sync(SyncKind::Manual, chrono::Utc::now(), None) {
            Ok(true) => Ok(()),
            Ok(false) => Err(WireError::permission_denied("cannot sync: blocked by sync window")),
            // A window that can't be evaluated may have been meant to forbid.
            Err(error) => {
                Err(WireError::permission_denied(format!("cannot sync: invalid sync window: {error}")))
            }
        }
    }

    /// The commits that the asked revisions are now. What was not asked for stays open: the controller takes the target.
    async fn resolve_revisions(
        &self,
        app: &Application,
        sources: &[ApplicationSource],
        asked: &[String],
    ) -> Result<Vec<String>, WireError> {
        let settings = self.settings.load_full();
        let mut resolved = Vec::with_capacity(asked.len());
        for (source, revision) in sources.iter().zip(asked) {
            if revision.is_empty() || is_commit(revision) || !source.chart.is_empty() {
                resolved.push(revision.clone());
                continue;
            }
            let request = tiphys_wire::internal::ResolveRevisionRequest {
                source: Some(repository::source(&settings, app.spec.project_name(), source, revision)),
                no_revision_cache: true,
            };
            let mut client = self.repo_server.clone();
            let answer =
                tokio::time::timeout(self.config.repo_server_timeout, client.resolve_revision(request))
                    .await
                    .map_err(|_| WireError::deadline_exceeded("the repo-server did not answer in time"))?;
            let answer = answer.map_err(|status| {
                let error = from_sibling("repo-server", status);
                WireError::new(error.kind, format!("Unable to resolve git revision: {}", error.message))
            })?;
            resolved.push(answer.into_inner().revision);
        }
        Ok(resolved)
    }

    /// Writes an operation into the Application, together with a change of its spec. One at a time.
    pub(super) async fn start(
        &self,
        application: &Arc<Value>,
        operation: Value,
        spec: Option<Value>,
    ) -> Result<Arc<Value>, WireError> {
        self.change(application, |current| {
            let busy = current.get("operation").is_some_and(|operation| !operation.is_null());
            if busy {
                return Err(WireError::failed_precondition("another operation is already in progress"));
            }
            let mut patch = json!({"operation": operation, "status": {"operationState": null}});
            if let Some(spec) = &spec {
                patch["spec"] = spec.clone();
            }
            Ok(Some(patch))
        })
        .await
    }
}

/// A full SHA-1 or SHA-256 name of a commit.
fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `TerminateOperation`.
pub(super) async fn terminate(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    server.require(&caller, "sync", &application)?;
    let application = server
        .change(&application, |current| {
            let is_there = |pointer| current.pointer(pointer).is_some_and(|value| !value.is_null());
            if !is_there("/operation") || !is_there("/status/operationState") {
                return Err(WireError::invalid_argument(
                    "Unable to terminate operation. No operation is in progress",
                ));
            }
            Ok(Some(json!({"status": {"operationState": {"phase": "Terminating"}}})))
        })
        .await?;
    server.record(&call.context, &caller, Reason::Updated, &application, "terminated running operation");
    Ok(Reply::one(json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: &Value, sources: usize) -> Result<Vec<String>, WireError> {
        asked_revisions(&SyncRequest::deserialize(request).unwrap(), sources)
    }

    #[test]
    fn revisions_go_to_the_sources_at_their_positions() {
        assert_eq!(asked(&json!({"revision": "v1"}), 1).unwrap(), ["v1"]);
        assert_eq!(asked(&json!({}), 2).unwrap(), ["", ""]);
        let request = json!({"sourcePositions": [2], "revisions": ["v2"]});
        assert_eq!(asked(&request, 2).unwrap(), ["", "v2"]);
        for wrong in [
            json!({"sourcePositions": [3], "revisions": ["x"]}),
            json!({"sourcePositions": [0], "revisions": ["x"]}),
            json!({"sourcePositions": [1]}),
        ] {
            assert!(asked(&wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_commit_is_told_from_a_branch() {
        assert!(is_commit("0123456789abcdef0123456789abcdef01234567"));
        assert!(!is_commit("0123456"));
        assert!(!is_commit("main"));
    }
}
