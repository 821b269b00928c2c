//! Handlers by method, and the way from any of the three wires to them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::{HeaderMap, Request, Response, header};
use serde_json::Value;

use super::document::Document;
use super::metrics::CallMetrics;
use super::schema::{Method, Schema};
use crate::error::WireError;

/// Which wire a call came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// gRPC over HTTP/2.
    Grpc,
    /// gRPC-Web over HTTP/1.1 or 2.
    GrpcWeb,
    /// JSON over HTTP.
    Rest,
}

/// What came with a call beside the request itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The wire.
    pub wire: Wire,
    /// HTTP headers; over gRPC these are the metadata.
    pub headers: HeaderMap,
    /// The other end of the connection, where known.
    pub peer: Option<SocketAddr>,
    /// `application.ApplicationService`.
    pub service: Arc<str>,
    /// `List`.
    pub method: Arc<str>,
}

impl Context {
    /// gRPC metadata by its lower-case key. Over REST it is what a `Grpc-Metadata-<key>` header holds.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let value = match self.wire {
            Wire::Rest => self.headers.get(format!("grpc-metadata-{key}")),
            Wire::Grpc | Wire::GrpcWeb => self.headers.get(key),
        };
        value.and_then(|value| value.to_str().ok())
    }
}

/// A request on its way to its handler.
#[derive(Debug)]
pub struct Call {
    /// The JSON of the request message; always an object with fields of the schema's types.
    pub request: Value,
    /// Everything else.
    pub context: Context,
}

/// The answer to a call that is not a stream.
#[derive(Debug)]
pub struct Answer {
    /// The JSON of the response message.
    pub body: Document,
    /// Values of `Set-Cookie`, for browsers; sent over REST alone.
    pub cookies: Vec<String>,
    /// Metadata of the response, by lower-case key.
    pub metadata: Vec<(&'static str, String)>,
}

/// What a handler answers.
pub enum Reply {
    /// One message.
    One(Answer),
    /// Messages as they come; an error ends the stream.
    Stream(BoxStream<'static, Result<Document, WireError>>),
}

impl Reply {
    /// One message and nothing beside it.
    pub fn one(body: impl Into<Document>) -> Self {
        Self::One(Answer { body: body.into(), cookies: Vec::new(), metadata: Vec::new() })
    }
}

/// Carries out one method.
pub trait Handler: Send + Sync + 'static {
    /// Answers `call`. Dropping the future is how a caller that went away is noticed.
    fn call(&self, call: Call) -> BoxFuture<'static, Result<Reply, WireError>>;
}

impl<F, R> Handler for F
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Reply, WireError>> + Send + 'static,
{
    fn call(&self, call: Call) -> BoxFuture<'static, Result<Reply, WireError>> {
        Box::pin(self(call))
    }
}

/// What is accepted.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request, in bytes.
    pub request_bytes: usize,
    /// Content types that a REST request with a verb other than GET may have; empty: any.
    pub content_types: Vec<String>,
}

impl Default for Limits {
    /// The reference's: 200 MB, `application/json`.
    fn default() -> Self {
        Self { request_bytes: 200 << 20, content_types: vec!["application/json".to_owned()] }
    }
}

/// Serves the API's methods over gRPC, gRPC-Web and REST. Methods without a handler answer that they are not there.
pub struct Router {
    pub(super) schema: Arc<Schema>,
    pub(super) limits: Limits,
    metrics: Option<CallMetrics>,
    handlers: HashMap<usize, Box<dyn Handler>>,
    by_path: HashMap<String, usize>,
    /// Method and route number, the more precise first.
    pub(super) routes: Vec<(usize, usize)>,
}

impl Router {
    /// A router without handlers.
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        let by_path =
            schema.methods().iter().enumerate().map(|(index, method)| (method.path(), index)).collect();
        let mut routes: Vec<(usize, usize)> = Vec::new();
        for (index, method) in schema.methods().iter().enumerate() {
            routes.extend((0..method.routes.len()).map(|route| (index, route)));
        }
        let precedence = |(method, route): &(usize, usize)| {
            schema
                .methods()
                .get(*method)
                .and_then(|m| m.routes.get(*route))
                .map(super::route::Route::precedence)
        };
        routes.sort_by_key(precedence);
        Self { schema, limits, metrics: None, handlers: HashMap::new(), by_path, routes }
    }

    /// Counts every call there.
    pub fn count_with(&mut self, metrics: CallMetrics) {
        self.metrics = Some(metrics);
    }

    /// Gives the method to `handler`. Says whether there is such a method.
    #[must_use]
    pub fn handle(&mut self, service: &str, method: &str, handler: impl Handler) -> bool {
        match self.by_path.get(&format!("/{service}/{method}")) {
            Some(index) => {
                self.handlers.insert(*index, Box::new(handler));
                true
            }
            None => false,
        }
    }

    /// Whether [`serve`](Self::serve) is the one to answer this request: any gRPC, or a path below `/api/`.
    pub fn wants<B>(request: &Request<B>) -> bool {
        is_grpc(request.headers()) || request.uri().path().starts_with("/api/")
    }

    /// Answers one HTTP request of any of the three wires.
    pub async fn serve(&self, request: Request<Body>) -> Response<Body> {
        match content_type(request.headers()) {
            "application/grpc" | "application/grpc+proto" => self.serve_grpc(request, Wire::Grpc).await,
            "application/grpc-web" | "application/grpc-web+proto" => {
                self.serve_grpc(request, Wire::GrpcWeb).await
            }
            _ => self.serve_rest(request).await,
        }
    }

    pub(super) fn method_by_path(&self, path: &str) -> Option<(usize, &Method)> {
        let index = *self.by_path.get(path)?;
        Some((index, self.schema.methods().get(index)?))
    }

    /// Runs the handler of a method.
    pub(super) async fn invoke(
        &self,
        index: usize,
        method: &Method,
        request: Value,
        context: Context,
    ) -> Result<Reply, WireError> {
        let watch = self.metrics.as_ref().map(|metrics| metrics.begin(method));
        let result = self.invoke_uncounted(index, method, request, context).await;
        if let Some(watch) = watch {
            return watch.end(result);
        }
        result
    }

    async fn invoke_uncounted(
        &self,
        index: usize,
        method: &Method,
        request: Value,
        context: Context,
    ) -> Result<Reply, WireError> {
        let Some(handler) = self.handlers.get(&index) else {
            return Err(WireError::unimplemented(format!(
                "{}/{} is not available in this version of the server",
                method.service, method.name
            )));
        };
        let request = if request.is_null() { Value::Object(serde_json::Map::new()) } else { request };
        match self.schema.missing(method.input, &request) {
            Ok(None) => handler.call(Call { request, context }).await,
            Ok(Some(key)) => Err(WireError::invalid_argument(format!("the request must have {key}"))),
            Err(error) => Err(WireError::internal(error.to_string())),
        }
    }

    pub(super) fn context(method: &Method, wire: Wire, parts: &http::request::Parts) -> Context {
        Context {
            wire,
            headers: parts.headers.clone(),
            peer: parts.extensions.get::<SocketAddr>().copied(),
            service: method.service.as_str().into(),
            method: method.name.as_str().into(),
        }
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("application/grpc")
}
