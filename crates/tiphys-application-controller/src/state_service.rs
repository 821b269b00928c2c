//! Answers the api-server: trees, diffs and live objects, from the last look at each application.
//!
//! Everything is computed when it is asked for. An application that nobody has looked at for a while is looked at again
//! first.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use serde::Serialize;
use serde_json::{Value, json};
use tiphys_compare::{CompareLevel, ProjectView, managed_resources, resource_tree};
use tiphys_manifest::ResourceKey;
use tiphys_manifest::masking::mask_secrets;
use tiphys_rbac::Destination;
use tiphys_wire::internal::state_service_server::StateService;
use tiphys_wire::internal::{ApplicationRef, ClustersRequest, Document, LiveObjectRequest};
use tonic::{Request, Response, Status};

use crate::actor::Assessed;
use crate::context::Context;
use crate::registry::Handle;
use crate::store::AppKey;

/// How long a first look at an application is waited for.
const FIRST_LOOK: Duration = Duration::from_secs(20);
/// A tree that is being watched is sent this often at most.
const TREE_INTERVAL: Duration = Duration::from_millis(100);

/// The service.
#[derive(Clone)]
pub(crate) struct State {
    context: Arc<Context>,
}

impl State {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn handle(&self, reference: Option<&ApplicationRef>) -> Result<(AppKey, Handle), Status> {
        let reference =
            reference.ok_or_else(|| Status::invalid_argument("the request names no application"))?;
        let key = AppKey::new(&reference.namespace, &reference.name);
        let handle = self.context.registry.get(&key);
        let handle = handle.ok_or_else(|| Status::not_found(format!("there is no application {key}")))?;
        Ok((key, handle))
    }

    /// The last look; a new one where there is none.
    async fn look(&self, key: &AppKey, handle: &Handle) -> Result<Arc<Assessed>, Status> {
        if let Some(assessed) = handle.view.get() {
            return Ok(assessed);
        }
        let mut changes = handle.view.watch();
        handle.mailbox.post(|pending| pending.ask(CompareLevel::Recent));
        let looked = tokio::time::timeout(FIRST_LOOK, async {
            loop {
                if changes.changed().await.is_err() {
                    return None;
                }
                if let Some(assessed) = handle.view.get() {
                    return Some(assessed);
                }
            }
        });
        match looked.await {
            Ok(Some(assessed)) => Ok(assessed),
            Ok(None) => Err(Status::not_found(format!("there is no application {key}"))),
            Err(_) => Err(Status::unavailable(format!(
                "the resources of {key} are not known; its conditions say why"
            ))),
        }
    }

    fn tree(&self, assessed: &Assessed) -> Result<Document, Status> {
        let project = self.context.store.project(assessed.app.spec.project_name());
        let orphaned = project.as_ref().and_then(|project| project.spec.orphaned_resources.as_ref());
        let view = ProjectView {
            project: &assessed.project,
            cluster: Destination { server: assessed.cluster.server(), name: assessed.cluster.name() },
            orphaned,
            destination_namespace: &assessed.app.spec.destination.namespace,
            allowed_node_labels: &assessed.settings.allowed_node_labels,
        };
        document(&assessed.cluster.read(|index| resource_tree(&assessed.comparison, index, &view)))
    }
}

fn document(value: &impl Serialize) -> Result<Document, Status> {
    let json =
        serde_json::to_vec(value).map_err(|error| Status::internal(format!("write the answer: {error}")))?;
    Ok(Document { json: json.into() })
}

#[tonic::async_trait]
impl StateService for State {
    async fn resource_tree(&self, request: Request<ApplicationRef>) -> Result<Response<Document>, Status> {
        let (key, handle) = self.handle(Some(request.get_ref()))?;
        let assessed = self.look(&key, &handle).await?;
        Ok(Response::new(self.tree(&assessed)?))
    }

    type WatchResourceTreeStream = Pin<Box<dyn Stream<Item = Result<Document, Status>> + Send>>;

    async fn watch_resource_tree(
        &self,
        request: Request<ApplicationRef>,
    ) -> Result<Response<Self::WatchResourceTreeStream>, Status> {
        let (key, handle) = self.handle(Some(request.get_ref()))?;
        let state = self.clone();
        let changes = handle.view.watch();
        let start = (state, key, handle, changes, true);
        let trees = futures::stream::unfold(start, |(state, key, handle, mut changes, first)| async move {
            if !first {
                changes.changed().await.ok()?;
                tokio::time::sleep(TREE_INTERVAL).await;
                changes.mark_unchanged();
            }
            state.context.registry.get(&key)?;
            let tree = match state.look(&key, &handle).await {
                Ok(assessed) => state.tree(&assessed),
                Err(status) => Err(status),
            };
            Some((tree, (state, key, handle, changes, false)))
        });
        Ok(Response::new(Box::pin(trees)))
    }

    async fn managed_resources(
        &self,
        request: Request<ApplicationRef>,
    ) -> Result<Response<Document>, Status> {
        let (key, handle) = self.handle(Some(request.get_ref()))?;
        let assessed = self.look(&key, &handle).await?;
        let sensitive = &assessed.settings.sensitive_annotations;
        let items = managed_resources(&assessed.comparison, &assessed.schemas, sensitive);
        Ok(Response::new(document(&json!({"items": items}))?))
    }

    async fn live_object(&self, request: Request<LiveObjectRequest>) -> Result<Response<Document>, Status> {
        let request = request.into_inner();
        let (app, handle) = self.handle(request.application.as_ref())?;
        let assessed = self.look(&app, &handle).await?;
        let key = ResourceKey::new(&request.group, &request.kind, &request.namespace, &request.name);
        // In the words of the reference, which calls it a mistake of the caller.
        let absent = || {
            let (kind, group, name) = (key.kind(), key.group(), key.name());
            Status::invalid_argument(format!(
                "{kind} {group} {name} not found as part of application {}",
                app.name
            ))
        };
        let node = assessed.cluster.node(&key).ok_or_else(absent)?;
        let view = Destination { server: assessed.cluster.server(), name: assessed.cluster.name() };
        let permitted =
            assessed.project.permits_resource(view, key.group(), key.kind(), key.namespace(), key.name());
        let instance = app.instance_name(&self.context.config.namespace);
        let belongs =
            assessed.cluster.read(|index| index.apps_of(&node).iter().any(|owner| **owner == *instance));
        if !permitted || !belongs {
            return Err(absent());
        }
        let mut body = match node.body() {
            Some(body) => body,
            None => assessed
                .cluster
                .get(&node.gvk(), key.namespace(), key.name())
                .await
                .map_err(|error| Status::unavailable(error.to_string()))?
                .ok_or_else(absent)?,
        };
        let sensitive: Vec<&str> =
            assessed.settings.sensitive_annotations.iter().map(String::as_str).collect();
        mask_secrets(&mut [&mut body], &sensitive);
        Ok(Response::new(document(&body)?))
    }

    async fn clusters(&self, _: Request<ClustersRequest>) -> Result<Response<Document>, Status> {
        let items: Vec<Value> = self
            .context
            .clusters
            .connected()
            .iter()
            .map(|cluster| {
                let state = cluster.state();
                let (status, message) = match (state.failure(), state.is_synced()) {
                    (Some(reason), _) => ("Failed", reason.to_owned()),
                    (None, true) => ("Successful", String::new()),
                    (None, false) => ("Unknown", "the objects of the cluster are being listed".to_owned()),
                };
                json!({
                    "server": cluster.server(),
                    "name": cluster.name(),
                    "serverVersion": cluster.version().short(),
                    "connectionState": {"status": status, "message": message},
                    "info": {
                        "serverVersion": cluster.version().short(),
                        "apiVersions": *cluster.api_versions(),
                        "cacheInfo": {"resourcesCount": cluster.read(tiphys_live::LiveIndex::len)},
                    },
                })
            })
            .collect();
        Ok(Response::new(document(&json!({"items": items}))?))
    }
}
