//! What the repo-server counts, under the reference's names.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use tiphys_git::{Observer, Request};

/// Buckets of requests to Git servers, in seconds.
const GIT_BUCKETS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0];

/// Buckets of waiting, in seconds.
const WAIT_BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Buckets of renders, in seconds.
const RENDER_BUCKETS: [f64; 9] = [0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 4.0, 15.0, 60.0];

/// The counters. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    git_requests: IntCounterVec,
    git_durations: HistogramVec,
    fetch_failures: IntCounterVec,
    listing_failures: IntCounterVec,
    pending: IntGaugeVec,
    waits: Histogram,
    renders: IntCounterVec,
    render_durations: HistogramVec,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let counter =
            |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let metrics = Self {
            registry: Registry::new(),
            git_requests: counter(
                "argocd_git_request_total",
                "Number of requests to Git servers",
                &["repo", "request_type"],
            )?,
            git_durations: HistogramVec::new(
                HistogramOpts::new(
                    "argocd_git_request_duration_seconds",
                    "Duration of requests to Git servers",
                )
                .buckets(GIT_BUCKETS.to_vec()),
                &["repo", "request_type"],
            )?,
            fetch_failures: counter(
                "argocd_git_fetch_fail_total",
                "Number of fetches that failed",
                &["repo", "revision"],
            )?,
            listing_failures: counter(
                "argocd_git_lsremote_fail_total",
                "Number of lists of references that failed",
                &["repo", "revision"],
            )?,
            pending: IntGaugeVec::new(
                Opts::new("argocd_repo_pending_request_total", "Number of requests under way or waiting"),
                &["repo"],
            )?,
            waits: Histogram::with_opts(
                HistogramOpts::new(
                    "argocd_repo_parallelism_wait_duration_seconds",
                    "Time that renders wait for others to end",
                )
                .buckets(WAIT_BUCKETS.to_vec()),
            )?,
            renders: counter(
                "tiphys_repo_render_total",
                "Number of requests for manifests by tool and by where the result came from",
                &["source_type", "result"],
            )?,
            render_durations: HistogramVec::new(
                HistogramOpts::new("tiphys_repo_render_duration_seconds", "Duration of renders")
                    .buckets(RENDER_BUCKETS.to_vec()),
                &["source_type"],
            )?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.git_requests.clone()))?;
        registry.register(Box::new(metrics.git_durations.clone()))?;
        registry.register(Box::new(metrics.fetch_failures.clone()))?;
        registry.register(Box::new(metrics.listing_failures.clone()))?;
        registry.register(Box::new(metrics.pending.clone()))?;
        registry.register(Box::new(metrics.waits.clone()))?;
        registry.register(Box::new(metrics.renders.clone()))?;
        registry.register(Box::new(metrics.render_durations.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Counts a request for as long as the returned value lives.
    pub(crate) fn pending(&self, repository: &str) -> Pending {
        let gauge = self.pending.with_label_values(&[repository]);
        gauge.inc();
        Pending(gauge)
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    pub(crate) fn answered(&self, source_type: &str, result: &str) {
        self.renders.with_label_values(&[source_type, result]).inc();
    }

    pub(crate) fn rendered(&self, source_type: &str, took: Duration) {
        self.render_durations.with_label_values(&[source_type]).observe(took.as_secs_f64());
    }
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Pending(prometheus::IntGauge);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Observer for Metrics {
    fn request_ended(
        &self,
        request: Request,
        repository: &str,
        revision: &str,
        took: Duration,
        failed: bool,
    ) {
        let (kind, failures) = match request {
            Request::LsRemote => ("ls-remote", &self.listing_failures),
            Request::Fetch => ("fetch", &self.fetch_failures),
        };
        self.git_requests.with_label_values(&[repository, kind]).inc();
        self.git_durations.with_label_values(&[repository, kind]).observe(took.as_secs_f64());
        if failed {
            failures.with_label_values(&[repository, revision]).inc();
        }
        tracing::debug!(
            repository,
            kind,
            revision,
            seconds = took.as_secs_f64(),
            failed,
            "request to a Git server"
        );
    }
}
