//! A repo-server and an application-controller that speak the internal protocol and answer what a test put there.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_wire::InternalTls;
use tiphys_wire::internal::render_part::Part;
use tiphys_wire::internal::repo_service_server::RepoService;
use tiphys_wire::internal::state_service_server::StateService;
use tiphys_wire::internal::{
    ApplicationRef, ClustersRequest, Document, ListRefsRequest, ListRefsResponse, LiveObjectRequest,
    RenderFooter, RenderHeader, RenderPart, RenderRequest, ResolveRevisionRequest, ResolveRevisionResponse,
    RevisionMetadataRequest, RevisionMetadataResponse,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

type Stream<T> = Pin<Box<dyn futures::Stream<Item = Result<T, Status>> + Send>>;

/// Both of them, and the tree that the controller has of every application.
pub(crate) struct Siblings {
    pub(crate) repo_server: String,
    pub(crate) controller: String,
    pub(crate) tree: Arc<watch::Sender<Value>>,
}

impl Siblings {
    pub(crate) async fn start(tls: &InternalTls, stop: &CancellationToken) -> Self {
        let tree = Arc::new(watch::channel(tree("Healthy")).0);
        let controller = Controller { tree: tree.clone() };
        let repo_server =
            serve(tonic::service::Routes::new(tiphys_wire::repo_service(RepoServer)), tls, stop).await;
        let controller =
            serve(tonic::service::Routes::new(tiphys_wire::state_service(controller)), tls, stop).await;
        Self { repo_server, controller, tree }
    }
}

async fn serve(routes: tonic::service::Routes, tls: &InternalTls, stop: &CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tls, stop) = (tls.clone(), stop.clone());
    tokio::spawn(async move { tiphys_wire::serve_internal(listener, routes, &tls, stop).await.unwrap() });
    address
}

/// A tree with one Deployment and its ReplicaSet.
pub(crate) fn tree(health: &str) -> Value {
    let deployment = json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "n", "name": "web", "uid": "1"});
    let mut node = deployment.clone();
    node["health"] = json!({"status": health});
    node["createdAt"] = "2026-01-02T03:04:05Z".into();
    json!({"nodes": [
        node,
        {"group": "apps", "version": "v1", "kind": "ReplicaSet", "namespace": "n", "name": "web-1", "uid": "2", "parentRefs": [deployment]},
    ]})
}

struct Controller {
    tree: Arc<watch::Sender<Value>>,
}

fn document(value: &Value) -> Document {
    Document { json: value.to_string().into_bytes().into() }
}

#[tonic::async_trait]
impl StateService for Controller {
    async fn resource_tree(&self, _: Request<ApplicationRef>) -> Result<Response<Document>, Status> {
        Ok(Response::new(document(&self.tree.borrow())))
    }

    type WatchResourceTreeStream = Stream<Document>;

    async fn watch_resource_tree(
        &self,
        _: Request<ApplicationRef>,
    ) -> Result<Response<Stream<Document>>, Status> {
        let mut trees = self.tree.subscribe();
        trees.mark_changed();
        let stream = futures::stream::unfold(trees, |mut trees| async move {
            trees.changed().await.ok()?;
            let next = document(&trees.borrow_and_update());
            Some((Ok(next), trees))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn managed_resources(
        &self,
        request: Request<ApplicationRef>,
    ) -> Result<Response<Document>, Status> {
        let name = request.into_inner().name;
        let item = |kind: &str| json!({"kind": kind, "name": name, "namespace": "n", "liveState": "{}", "targetState": "{}"});
        Ok(Response::new(document(&json!({"items": [item("ConfigMap"), item("Service")]}))))
    }

    async fn live_object(&self, request: Request<LiveObjectRequest>) -> Result<Response<Document>, Status> {
        let wanted = request.into_inner();
        if wanted.name == "web" {
            return Ok(Response::new(document(
                &json!({"kind": wanted.kind, "metadata": {"name": wanted.name}}),
            )));
        }
        Err(Status::invalid_argument(format!("{} not found as part of application", wanted.name)))
    }

    async fn clusters(&self, _: Request<ClustersRequest>) -> Result<Response<Document>, Status> {
        Ok(Response::new(document(&json!([]))))
    }
}

struct RepoServer;

#[tonic::async_trait]
impl RepoService for RepoServer {
    type RenderStream = Stream<RenderPart>;

    async fn render(&self, request: Request<RenderRequest>) -> Result<Response<Stream<RenderPart>>, Status> {
        let request = request.into_inner();
        let source = request.source.unwrap_or_default();
        if String::from_utf8_lossy(&source.source_json).contains("no-such-path") {
            return Err(Status::invalid_argument("no-such-path: app path does not exist"));
        }
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": request.app_name}, "data": {"password": "c2VjcmV0"}});
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": source.revision}});
        let mut parts = vec![
            Part::Header(RenderHeader { revision: COMMIT.to_owned(), source_type: "Directory".to_owned() }),
            Part::Manifests(format!("{secret}\n{config}\n").into_bytes()),
            Part::Footer(RenderFooter { count: 2, ..RenderFooter::default() }),
        ];
        if source.revision == "cut" {
            parts.pop();
        }
        let parts = parts.into_iter().map(|part| Ok(RenderPart { part: Some(part) }));
        Ok(Response::new(Box::pin(futures::stream::iter(parts.collect::<Vec<_>>()))))
    }

    async fn resolve_revision(
        &self,
        request: Request<ResolveRevisionRequest>,
    ) -> Result<Response<ResolveRevisionResponse>, Status> {
        let source = request.into_inner().source.unwrap_or_default();
        let url = source.repository.unwrap_or_default().url;
        if url.contains("missing") || source.revision == "nowhere" {
            return Err(Status::not_found(format!("{url} has no such revision")));
        }
        Ok(Response::new(ResolveRevisionResponse {
            revision: COMMIT.to_owned(),
            ..ResolveRevisionResponse::default()
        }))
    }

    async fn revision_metadata(
        &self,
        request: Request<RevisionMetadataRequest>,
    ) -> Result<Response<RevisionMetadataResponse>, Status> {
        let revision = request.into_inner().revision;
        Ok(Response::new(RevisionMetadataResponse {
            author: "Ada <ada@example.com>".to_owned(),
            date: 1_767_323_045,
            message: format!("change {revision}"),
            tags: vec!["v1".to_owned()],
        }))
    }

    async fn list_refs(&self, _: Request<ListRefsRequest>) -> Result<Response<ListRefsResponse>, Status> {
        Ok(Response::new(ListRefsResponse::default()))
    }
}
