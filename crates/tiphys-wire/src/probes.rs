//! The plain HTTP port of a service for those who watch over it: `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::serve::ServeError;

/// Says whether the service can do its work: `Err` with the reason otherwise. Asked at each probe.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> Result<(), String> + Send + Sync>);

impl Readiness {
    /// Asks `check` at each probe; it must not block.
    pub fn new(check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Ready as soon as it listens.
    pub fn always() -> Self {
        Self::new(|| Ok(()))
    }

    /// The answer now.
    pub fn check(&self) -> Result<(), String> {
        (self.0)()
    }
}

#[derive(Clone)]
struct Probes {
    registry: Registry,
    readiness: Readiness,
}

/// Serves `/healthz` and `/readyz` (200 `ok`, or 503 with the reason) and `/metrics` (Prometheus text) until `shutdown`.
pub async fn serve_probes(
    listener: TcpListener,
    registry: Registry,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    axum::serve(listener, probe_routes(registry, readiness))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .map_err(ServeError::Probes)
}

/// The same routes, to be mounted on a listener that serves other things too.
pub fn probe_routes(registry: Registry, readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(health))
        .route("/metrics", get(metrics))
        .with_state(Probes { registry, readiness })
}

async fn health(State(probes): State<Probes>) -> Response {
    match probes.readiness.check() {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(probes): State<Probes>) -> Response {
    let mut text = String::new();
    let families = probes.registry.gather();
    if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
        tracing::error!(error = %error, "write the metrics");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    text.push_str(&process_metrics());
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response()
}

/// Memory, CPU time and open files of this process, under the names every Prometheus dashboard knows. Empty where
/// there is no `/proc`.
fn process_metrics() -> String {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return String::new() };
    // The second field is the program's name in brackets and may contain anything; fields are counted after it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime in ticks of 1/100 s, vsize in bytes, rss in pages of 4 KiB: fixed by the ABI on Linux targets.
    let cpu = number(11) + number(12);
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let mut text = String::new();
    for (name, kind, help, value) in [
        (
            "process_cpu_seconds_total",
            "counter",
            "CPU time used, in seconds.",
            format!("{}.{:02}", cpu / 100, cpu % 100),
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory, in bytes.",
            (number(21) * 4096).to_string(),
        ),
        ("process_virtual_memory_bytes", "gauge", "Virtual memory, in bytes.", number(20).to_string()),
        ("process_open_fds", "gauge", "Open file descriptors.", files.to_string()),
        ("process_threads", "gauge", "Threads.", number(17).to_string()),
    ] {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
    }
    text
}
