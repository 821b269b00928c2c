//! `Get`: one Application, freshly compared when that is asked for; and the Kubernetes Events about it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::names::annotation;
use tiphys_cluster::ResourceType;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};
use tokio::sync::broadcast::error::RecvError;

use super::find::{Target, names, not_found};
use crate::access::Caller;
use crate::applications::ChangeKind;
use crate::errors::{from_api, unreadable};
use crate::server::{Server, Shared};

/// A caller without a deadline of its own is not kept waiting for ever.
const LONGEST_REFRESH: Duration = Duration::from_secs(300);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    name: String,
    refresh: Option<String>,
    #[serde(rename = "appNamespace")]
    app_namespace: String,
    project: Vec<String>,
    projects: Vec<String>,
}

/// `Get`.
pub(super) async fn get(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let query = Query::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    // Of several projects none is meant in particular.
    let projects: Vec<String> = query.project.into_iter().chain(query.projects).collect();
    let project = if let [project] = projects.as_slice() { project.clone() } else { String::new() };
    let target = Target { name: query.name, app_namespace: query.app_namespace, project };
    let application = server.find(&caller, "get", &target)?;
    let application = match query.refresh.as_deref().filter(|kind| !kind.is_empty()) {
        None => application,
        Some(kind @ ("normal" | "hard")) => server.refresh(&application, kind).await?,
        Some(other) => {
            return Err(WireError::invalid_argument(format!("unknown refresh {other:?}: normal or hard")));
        }
    };
    Ok(Reply::one(server.with_resource_health(application).await))
}

impl Server {
    /// Asks the controller to compare the Application anew and waits until it has.
    pub(super) async fn refresh(
        &self,
        application: &Arc<Value>,
        kind: &str,
    ) -> Result<Arc<Value>, WireError> {
        let (namespace, name) = names(application);
        let mut changes = self.applications.subscribe();
        let asked = self
            .change(application, |current| {
                let mut annotations = json!({annotation::REFRESH: kind});
                if current.pointer("/spec/sourceHydrator").is_some_and(|hydrator| !hydrator.is_null()) {
                    annotations[annotation::HYDRATE] = "normal".into();
                }
                Ok(Some(json!({"metadata": {"annotations": annotations}})))
            })
            .await?;
        if !is_asked(&asked) {
            return Ok(asked);
        }
        let waiting = async {
            loop {
                match changes.recv().await {
                    Ok(change) if names(&change.application) == (namespace, name) => {
                        if change.kind == ChangeKind::Deleted {
                            return Err(not_found(name));
                        }
                        if !is_asked(&change.application) {
                            return Ok(change.application);
                        }
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => match self.applications.get(namespace, name) {
                        Some(current) if is_asked(&current) => {}
                        Some(current) => return Ok(current),
                        None => return Err(not_found(name)),
                    },
                    Err(RecvError::Closed) => return Err(WireError::unavailable("the server is ending")),
                }
            }
        };
        tokio::time::timeout(LONGEST_REFRESH, waiting)
            .await
            .unwrap_or_else(|_| Err(WireError::deadline_exceeded("application refresh deadline exceeded")))
    }
}

/// Whether the controller has still to answer a request for a refresh.
fn is_asked(application: &Value) -> bool {
    application
        .pointer("/metadata/annotations")
        .is_some_and(|annotations| annotations.get(annotation::REFRESH).is_some())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventsQuery {
    resource_namespace: String,
    resource_name: String,
    #[serde(rename = "resourceUID")]
    resource_uid: String,
}

/// `ListResourceEvents`: Events about the Application itself. Those of its resources are in the destination's cluster,
/// which this server does not talk to.
pub(super) async fn events(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let query = EventsQuery::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    if !(query.resource_name.is_empty()
        && query.resource_namespace.is_empty()
        && query.resource_uid.is_empty())
    {
        return Err(WireError::unimplemented(
            "events of resources are not available in this version of the server",
        ));
    }
    let (namespace, name) = names(&application);
    let uid = application.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let all = server
        .api
        .list_objects(&ResourceType::events(), namespace, "")
        .await
        .map_err(|error| from_api(&error))?;
    let about = |event: &Value| {
        let text = |key| event.pointer(key).and_then(Value::as_str).unwrap_or_default();
        text("/involvedObject/kind") == "Application"
            && text("/involvedObject/name") == name
            && text("/involvedObject/uid") == uid
    };
    let items: Vec<Value> = all.into_iter().filter(about).collect();
    Ok(Reply::one(json!({"metadata": {}, "items": items})))
}
