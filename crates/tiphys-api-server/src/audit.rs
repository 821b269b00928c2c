//! What users do: one log line and one Kubernetes Event for each change of an Application.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_cluster::{EventRecord, EventType, ObjectReference};
use tiphys_wire::api::Context;

use crate::access::{Caller, project_of};
use crate::server::Server;

/// Reasons of Events, in the reference's words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    Created,
    Updated,
    Deleted,
    OperationStarted,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "ResourceCreated",
            Self::Updated => "ResourceUpdated",
            Self::Deleted => "ResourceDeleted",
            Self::OperationStarted => "OperationStarted",
        }
    }
}

impl Server {
    /// Records that `caller` did something to an Application. `what` goes after the name: `created application`.
    pub(crate) fn record(
        &self,
        context: &Context,
        caller: &Caller,
        reason: Reason,
        application: &Value,
        what: &str,
    ) {
        let text =
            |pointer| application.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let user = if caller.name().is_empty() { "Unknown user" } else { caller.name() };
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        tracing::info!(
            user,
            peer = context.peer.map(|peer| peer.to_string()),
            forwarded_for = context.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()),
            method = %format!("{}/{}", context.service, context.method),
            reason = reason.as_str(),
            application = %format!("{namespace}/{name}"),
            project = project_of(application),
            "{user} {what}"
        );
        let annotations = BTreeMap::from([("user".to_owned(), user.to_owned())]);
        self.events.emit(EventRecord {
            involved: ObjectReference {
                api_version: tiphys_api::API_VERSION.to_owned(),
                kind: "Application".to_owned(),
                namespace,
                name,
                uid: text("/metadata/uid"),
                resource_version: text("/metadata/resourceVersion"),
            },
            event_type: EventType::Normal,
            reason: reason.as_str().to_owned(),
            message: format!("{user} {what}"),
            labels: BTreeMap::new(),
            annotations,
        });
    }
}
