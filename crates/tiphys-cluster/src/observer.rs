//! What others may want to count of requests: the source of metrics, without a metrics library here.

use std::sync::Arc;
use std::time::Duration;

/// One finished request to an API server.
#[derive(Debug, Clone, Copy)]
pub struct RequestRecord<'a> {
    /// Address under which the cluster is registered.
    pub server: &'a str,
    /// Kubernetes verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// HTTP status code; `None` when there was no answer.
    pub code: Option<u16>,
    /// Kind of the object, when the request is about objects; else empty.
    pub kind: &'a str,
    /// Namespace of the object; empty for cluster-scoped ones and for requests over all namespaces.
    pub namespace: &'a str,
    /// The API server was asked only to say what it would do.
    pub dry_run: bool,
    /// From sending to the whole answer; for a watch, to its beginning.
    pub duration: Duration,
    /// Bytes sent in the body.
    pub request_bytes: usize,
    /// Bytes received in the body; 0 for a watch.
    pub response_bytes: usize,
}

/// Is told of every request. Called from many tasks: it has to be quick and must not block.
pub trait RequestObserver: Send + Sync {
    /// A request ended.
    fn observed(&self, record: &RequestRecord<'_>);

    /// A request is about to be sent; [`observed`](Self::observed) follows, unless the task that waits for
    /// it is cancelled.
    fn started(&self, _verb: &'static str) {}

    /// A request is sent again because the API server asked for it.
    fn retried(&self, _verb: &'static str) {}
}

/// An observer that keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl RequestObserver for Unobserved {
    fn observed(&self, _record: &RequestRecord<'_>) {}
}

pub(crate) type SharedObserver = Arc<dyn RequestObserver>;
