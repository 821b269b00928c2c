//! Metrics under the reference's names and labels.
//!
//! Counters and histograms are updated where things happen. What describes the present (one series for each
//! application) is computed from the store when somebody asks, so that an idle controller does no work for it and a
//! deleted application leaves no series behind.

use std::sync::{Arc, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tiphys_api::Application;
use tiphys_settings::{Settings, normalise_url};

use crate::store::Store;

/// Buckets of the reference's reconciliation histograms, in seconds.
const RECONCILE_BUCKETS: [f64; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// The counters that the controller increments.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    syncs: IntCounterVec,
    sync_seconds: CounterVec,
    reconcile: HistogramVec,
    requests: IntCounterVec,
    cluster_events: IntCounterVec,
}

impl Metrics {
    /// Creates and registers every family.
    ///
    /// # Errors
    /// When two families have the same name, which is a mistake in this file.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            syncs: IntCounterVec::new(
                Opts::new("argocd_app_sync_total", "Number of application syncs."),
                &["namespace", "name", "project", "dest_server", "phase", "dry_run"],
            )?,
            sync_seconds: CounterVec::new(
                Opts::new(
                    "argocd_app_sync_duration_seconds_total",
                    "Application sync performance in seconds total.",
                ),
                &["namespace", "name", "project", "dest_server"],
            )?,
            reconcile: HistogramVec::new(
                HistogramOpts::new(
                    "argocd_app_reconcile",
                    "Application reconciliation performance in seconds.",
                )
                .buckets(RECONCILE_BUCKETS.to_vec()),
                &["namespace", "dest_server"],
            )?,
            requests: IntCounterVec::new(
                Opts::new(
                    "argocd_app_k8s_request_total",
                    "Number of requests executed while applications were handled.",
                ),
                &["server", "response_code", "verb", "resource_kind", "dry_run"],
            )?,
            cluster_events: IntCounterVec::new(
                Opts::new("argocd_cluster_events_total", "Number of processed changes of live objects."),
                &["server", "group", "kind"],
            )?,
        };
        metrics.registry.register(Box::new(metrics.syncs.clone()))?;
        metrics.registry.register(Box::new(metrics.sync_seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile.clone()))?;
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.cluster_events.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Publishes the series that describe the applications of a store.
    pub(crate) fn describe(
        &self,
        store: &Arc<Store>,
        labels: Vec<String>,
        conditions: Vec<String>,
    ) -> Result<(), prometheus::Error> {
        let collector = ApplicationCollector::new(Arc::downgrade(store), labels, conditions)?;
        self.registry.register(Box::new(collector))
    }

    /// Counts a finished operation and the seconds it took.
    pub(crate) fn synced(&self, app: &Application, server: &str, phase: &str, dry_run: bool, seconds: f64) {
        let (namespace, name) = (app.metadata.namespace.as_str(), app.metadata.name.as_str());
        let project = app.spec.project_name();
        let dry_run = if dry_run { "true" } else { "false" };
        self.syncs.with_label_values(&[namespace, name, project, server, phase, dry_run]).inc();
        self.sync_seconds.with_label_values(&[namespace, name, project, server]).inc_by(seconds.max(0.0));
    }

    /// Records how long one comparison took, rendering included.
    pub(crate) fn reconciled(&self, namespace: &str, server: &str, seconds: f64) {
        self.reconcile.with_label_values(&[namespace, server]).observe(seconds);
    }

    /// Counts a request to a cluster.
    pub(crate) fn requested(&self, server: &str, code: u16, verb: &str, kind: &str, dry_run: bool) {
        let dry_run = if dry_run { "true" } else { "false" };
        self.requests.with_label_values(&[server, &code.to_string(), verb, kind, dry_run]).inc();
    }

    /// Counts a change of a live object.
    pub(crate) fn changed(&self, server: &str, group: &str, kind: &str) {
        self.cluster_events.with_label_values(&[server, group, kind]).inc();
    }

    /// Forgets the series of an application that is gone.
    pub(crate) fn forget(&self, app: &Application, server: &str) {
        let (namespace, name) = (app.metadata.namespace.as_str(), app.metadata.name.as_str());
        let _absent =
            self.sync_seconds.remove_label_values(&[namespace, name, app.spec.project_name(), server]);
        for phase in ["Succeeded", "Failed", "Error"] {
            for dry_run in ["true", "false"] {
                let labels = [namespace, name, app.spec.project_name(), server, phase, dry_run];
                let _absent = self.syncs.remove_label_values(&labels);
            }
        }
    }
}

/// `argocd_app_info`, `argocd_app_labels` and `argocd_app_condition`, computed when asked for.
struct ApplicationCollector {
    store: Weak<Store>,
    labels: Vec<String>,
    conditions: Vec<String>,
    info: GaugeVec,
    app_labels: Option<GaugeVec>,
    app_conditions: Option<GaugeVec>,
}

impl ApplicationCollector {
    fn new(
        store: Weak<Store>,
        labels: Vec<String>,
        conditions: Vec<String>,
    ) -> Result<Self, prometheus::Error> {
        let labels: Vec<String> = labels.into_iter().filter(|l| !l.is_empty()).collect();
        let conditions: Vec<String> = conditions.into_iter().filter(|c| !c.is_empty()).collect();
        let info = GaugeVec::new(
            Opts::new("argocd_app_info", "Information about application."),
            &[
                "namespace",
                "name",
                "project",
                "autosync_enabled",
                "repo",
                "dest_server",
                "dest_namespace",
                "sync_status",
                "health_status",
                "operation",
            ],
        )?;
        let app_labels = if labels.is_empty() {
            None
        } else {
            let mut names = vec!["namespace".to_owned(), "name".to_owned(), "project".to_owned()];
            names.extend(labels.iter().map(|label| format!("label_{}", normalise(label))));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Some(GaugeVec::new(Opts::new("argocd_app_labels", "Argo Application labels."), &names)?)
        };
        let app_conditions = if conditions.is_empty() {
            None
        } else {
            let names = ["namespace", "name", "project", "condition"];
            Some(GaugeVec::new(
                Opts::new("argocd_app_condition", "Number of conditions of an application."),
                &names,
            )?)
        };
        Ok(Self { store, labels, conditions, info, app_labels, app_conditions })
    }

    fn add(&self, app: &Application, settings: &Settings) {
        let (namespace, name) = (app.metadata.namespace.as_str(), app.metadata.name.as_str());
        let project = app.spec.project_name();
        let automated =
            app.spec.automated().is_some_and(tiphys_api::application::SyncPolicyAutomated::is_enabled);
        let repo = app.spec.user_sources().first().map(|source| normalise_url(&source.repo_url));
        let destination = &app.spec.destination;
        // Where the application goes, also where it names its cluster and not the address.
        let server =
            settings.clusters.resolve(destination).map_or(&destination.server, |cluster| &cluster.server);
        let operation = operation_kind(app);
        self.info
            .with_label_values(&[
                namespace,
                name,
                project,
                if automated { "true" } else { "false" },
                &repo.unwrap_or_default(),
                server,
                &destination.namespace,
                non_empty(app.status.sync.status.as_str()),
                non_empty(app.status.health.status.as_str()),
                operation,
            ])
            .set(1.0);
        if let Some(family) = &self.app_labels {
            let mut values = vec![namespace, name, project];
            values.extend(self.labels.iter().map(|label| app.metadata.label(label).unwrap_or_default()));
            family.with_label_values(&values).set(1.0);
        }
        if let Some(family) = &self.app_conditions {
            for condition in &self.conditions {
                let count = app.status.conditions.iter().filter(|c| c.type_.as_str() == condition).count();
                if count > 0 {
                    #[expect(
                        clippy::cast_precision_loss,
                        reason = "an application has a handful of conditions"
                    )]
                    family
                        .with_label_values(&[namespace, name, project, condition.as_str()])
                        .set(count as f64);
                }
            }
        }
    }
}

impl Collector for ApplicationCollector {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.info.desc();
        all.extend(self.app_labels.iter().flat_map(Collector::desc));
        all.extend(self.app_conditions.iter().flat_map(Collector::desc));
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(store) = self.store.upgrade() else { return Vec::new() };
        self.info.reset();
        self.app_labels.iter().for_each(GaugeVec::reset);
        self.app_conditions.iter().for_each(GaugeVec::reset);
        let settings = store.settings();
        store.for_each_application(|app| self.add(app, &settings));
        let mut all = self.info.collect();
        all.extend(self.app_labels.iter().flat_map(Collector::collect));
        all.extend(self.app_conditions.iter().flat_map(Collector::collect));
        all
    }
}

/// What the reference calls the operation of an application: `sync`, `delete` or nothing.
fn operation_kind(app: &Application) -> &'static str {
    if app.metadata.is_being_deleted() {
        "delete"
    } else if app.operation.as_ref().is_some_and(|operation| operation.sync.is_some()) {
        "sync"
    } else {
        ""
    }
}

fn non_empty(status: &str) -> &str {
    if status.is_empty() { "Unknown" } else { status }
}

/// A label key as part of a metric label: everything but letters and digits becomes `_`.
fn normalise(label: &str) -> String {
    label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
