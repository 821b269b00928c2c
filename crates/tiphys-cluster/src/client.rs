//! One API server as a place to send requests to: bytes in, bytes out, typed failures, nothing retried behind
//! the caller's back but what the API server has refused to look at (429).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::config::ClusterConfig;
use crate::error::{ApiError, ApiStatus};
use crate::link::Link;
use crate::observer::{RequestRecord, SharedObserver, Unobserved};
use crate::transport::{self, Protocol, TransportError};
use crate::watch_connections::{WatchBody, WatchConnections};

/// Time for a request other than a watch. The API server itself gives up after 60 s.
const DEADLINE: Duration = Duration::from_secs(65);
/// Longest wait that the API server can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// How often a request that was refused unseen is sent again.
const RETRIES: u32 = 5;

/// Settings of a client.
#[derive(Clone)]
pub struct ClientOptions {
    /// Requests in flight at once, without watches.
    pub max_in_flight: usize,
    /// Protocol of requests other than watches.
    pub protocol: Protocol,
    /// Is told of every request.
    pub observer: SharedObserver,
    /// How the client calls itself.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            max_in_flight: 32,
            protocol: Protocol::default(),
            observer: Arc::new(Unobserved),
            user_agent: concat!("tiphys/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("max_in_flight", &self.max_in_flight)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// A client of one API server. Clones share connections and limits.
#[derive(Clone)]
pub struct ApiClient {
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    namespace: String,
    requests: kube::Client,
    watches: WatchConnections,
    in_flight: Semaphore,
    observer: SharedObserver,
    user_agent: Option<HeaderValue>,
    link: Link,
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient").field("server", &self.shared.server).finish_non_exhaustive()
    }
}

/// One request. `path` begins with a slash and may have a query.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) verb: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) body: Bytes,
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) dry_run: bool,
}

/// Media type of everything that is not a patch.
pub(crate) const JSON: &str = "application/json";

impl Call<'_> {
    /// A request without a body that is about no object.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            verb: "get",
            path: path.into(),
            content_type: JSON,
            accept: JSON,
            body: Bytes::new(),
            kind: "",
            namespace: "",
            dry_run: false,
        }
    }

    fn name(&self) -> String {
        let path = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path);
        format!("{} {path}", self.method)
    }
}

impl ApiClient {
    /// A client for the cluster. Makes no connection yet.
    ///
    /// # Errors
    ///
    /// When certificates, credentials or the proxy can't be used.
    pub fn new(config: &ClusterConfig, options: &ClientOptions) -> Result<Self, TransportError> {
        Ok(Self {
            shared: Arc::new(Shared {
                server: config.server().to_owned(),
                namespace: config.namespace().to_owned(),
                requests: transport::client(&config.kube, options.protocol)?,
                watches: WatchConnections::new(&config.kube)?,
                in_flight: Semaphore::new(options.max_in_flight.max(1)),
                observer: options.observer.clone(),
                user_agent: HeaderValue::from_str(&options.user_agent).ok(),
                link: Link::default(),
            }),
        })
    }

    /// Address under which the cluster is registered.
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// Namespace of the service account or kubeconfig.
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }

    /// Sends a request and reads the whole answer. Sent again only when the API server refused to look at it
    /// (429).
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Bytes, ApiError> {
        let mut attempt = 0;
        loop {
            let result = self.call_once(&call).await;
            let Err(error) = &result else { return result };
            if error.code() != Some(429) || attempt >= RETRIES {
                return result;
            }
            let asked = error.status().and_then(|status| status.retry_after);
            let wait = asked.unwrap_or(Duration::from_millis(200 << attempt)).min(LONGEST_RETRY_AFTER);
            attempt += 1;
            self.shared.observer.retried(call.verb);
            tokio::time::sleep(wait.mul_f64(rand::random_range(1.0..1.25))).await;
        }
    }

    /// As [`call`](Self::call), for a JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ApiError> {
        let request = call.name();
        let bytes = self.call(call).await?;
        serde_json::from_slice(&bytes).map_err(|source| ApiError::Decode { request, source })
    }

    async fn call_once(&self, call: &Call<'_>) -> Result<Bytes, ApiError> {
        let permit = self.shared.in_flight.acquire().await;
        let started = Instant::now();
        self.shared.observer.started(call.verb);
        let result = timeout(DEADLINE, self.exchange(call))
            .await
            .unwrap_or_else(|_| Err(ApiError::Timeout { request: call.name(), after: DEADLINE }));
        drop(permit);
        self.record(
            call,
            match &result {
                Ok((code, _)) => Some(*code),
                Err(error) => error.code(),
            },
            started.elapsed(),
            result.as_ref().map_or(0, |(_, body)| body.len()),
        );
        result.map(|(_, body)| body)
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<(u16, Bytes), ApiError> {
        let request = self.request(call)?;
        let response =
            self.shared.requests.send(request).await.map_err(|source| transport_error(call, source))?;
        let code = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = collect(response.into_body()).await.map_err(|source| transport_error(call, source))?;
        if (200..300).contains(&code) {
            Ok((code, body))
        } else {
            Err(ApiError::Status(Box::new(ApiStatus::of(code, retry_after, &body))))
        }
    }

    /// Begins a watch. The answer's body comes frame by frame.
    pub(crate) async fn stream(&self, call: Call<'_>) -> Result<WatchBody, ApiError> {
        let started = Instant::now();
        self.shared.observer.started(call.verb);
        let result = timeout(DEADLINE, async {
            let mut request = self.request(&call)?;
            // API servers since 1.37 compress each event of a watch on its own, which the decoder does not
            // read.
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let slot = self.shared.watches.slot();
            let response =
                slot.client.send(request).await.map_err(|source| transport_error(&call, source))?;
            let code = response.status().as_u16();
            if (200..300).contains(&code) {
                return Ok(WatchBody::new(response.into_body(), slot));
            }
            let retry_after = retry_after(response.headers());
            let body =
                collect(response.into_body()).await.map_err(|source| transport_error(&call, source))?;
            Err(ApiError::Status(Box::new(ApiStatus::of(code, retry_after, &body))))
        })
        .await
        .unwrap_or_else(|_| Err(ApiError::Timeout { request: call.name(), after: DEADLINE }));
        let code = match &result {
            Ok(_) => Some(200),
            Err(error) => error.code(),
        };
        self.record(&call, code, started.elapsed(), 0);
        result
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Body>, ApiError> {
        let mut builder =
            Request::builder().method(call.method.clone()).uri(&call.path).header(ACCEPT, call.accept);
        if !call.body.is_empty() {
            builder = builder.header(CONTENT_TYPE, call.content_type);
        }
        if let Some(agent) = &self.shared.user_agent {
            builder = builder.header(http::header::USER_AGENT, agent.clone());
        }
        builder
            .body(Body::from(call.body.clone()))
            .map_err(|source| ApiError::Request { request: call.name(), source })
    }

    fn record(&self, call: &Call<'_>, code: Option<u16>, duration: Duration, response_bytes: usize) {
        self.shared.observer.observed(&RequestRecord {
            server: &self.shared.server,
            verb: call.verb,
            code,
            kind: call.kind,
            namespace: call.namespace,
            dry_run: call.dry_run,
            duration,
            request_bytes: call.body.len(),
            response_bytes,
        });
    }
}

/// Bytes of a body in one piece, without a copy when they came in one.
async fn collect(mut body: Body) -> Result<Bytes, kube::Error> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn transport_error(call: &Call<'_>, source: kube::Error) -> ApiError {
    ApiError::Transport { request: call.name(), source: Box::new(source) }
}
