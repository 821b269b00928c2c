//! `Rollback`: back to an entry of the history.
//!
//! Automated sync would undo a rollback at once, so the reference refuses it while automated sync is on. That is the
//! default here too; with `disableAutoSync` it is turned off in the same write, and stays off until somebody turns it on.

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};

use super::find::{Target, typed};
use crate::access::Caller;
use crate::audit::Reason;
use crate::errors::unreadable;
use crate::server::Shared;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    name: String,
    id: i64,
    dry_run: bool,
    prune: bool,
    disable_auto_sync: bool,
}

/// `Rollback`.
pub(super) async fn rollback(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let request = Request::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    let action = if server.settings.load().server.rollback_enforce { "rollback" } else { "sync" };
    server.require(&caller, action, &application)?;
    let app = typed(&application)?;
    if app.metadata.deletion_timestamp.is_some() {
        return Err(WireError::failed_precondition("application is deleting"));
    }
    server.require_open_window(&app)?;
    let mut spec = None;
    if app.spec.automated().is_some() {
        if request.disable_auto_sync && !request.dry_run {
            server.require(&caller, "update", &application)?;
            spec = Some(json!({"syncPolicy": {"automated": {"enabled": false}}}));
        } else {
            return Err(WireError::failed_precondition(
                "rollback cannot be initiated when auto-sync is enabled",
            ));
        }
    }
    let entry = app.status.history.iter().find(|entry| entry.id == request.id).ok_or_else(|| {
        WireError::invalid_argument(format!(
            "application {} does not have deployment with id {}",
            request.name, request.id
        ))
    })?;
    let source = serde_json::to_value(&entry.source).unwrap_or_default();
    let has_source = source.get("repoURL").and_then(Value::as_str).is_some_and(|url| !url.is_empty());
    if !has_source && entry.sources.is_empty() {
        return Err(WireError::failed_precondition(
            "cannot rollback to revision deployed with Argo CD v0.12 or lower. sync to revision instead.",
        ));
    }
    let mut sync = json!({
        "dryRun": request.dry_run,
        "prune": request.prune,
        "syncStrategy": {"apply": {}},
    });
    if let Some(policy) = &app.spec.sync_policy
        && !policy.sync_options.is_empty()
    {
        sync["syncOptions"] = policy.sync_options.clone().into();
    }
    if entry.sources.is_empty() {
        sync["revision"] = entry.revision.clone().into();
        sync["source"] = source;
    } else {
        sync["revisions"] = entry.revisions.clone().into();
        sync["sources"] = serde_json::to_value(&entry.sources).unwrap_or_default();
    }
    let operation = json!({"sync": sync, "initiatedBy": {"username": caller.name()}});
    let locked = spec.is_some();
    let application = server.start(&application, operation, spec).await?;
    let what = format!(
        "initiated rollback to {}{}",
        request.id,
        if locked { " and turned automated sync off" } else { "" }
    );
    server.record(&call.context, &caller, Reason::OperationStarted, &application, &what);
    Ok(Reply::one(application))
}
