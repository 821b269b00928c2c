//! The options of the controller, resolved from its arguments.

use std::path::PathBuf;
use std::time::Duration;

use tiphys_settings::glob;

use crate::args::Args;

/// What the controller is told at its start and never changes.
#[derive(Debug, Clone)]
pub struct Config {
    /// Namespace of Applications, projects and settings.
    pub namespace: String,
    /// Further namespaces of Applications: globs, or regular expressions between slashes.
    pub application_namespaces: Vec<String>,
    /// Period of the normal refresh; zero turns it off.
    pub resync: Duration,
    /// Largest random delay of a normal refresh.
    pub resync_jitter: Duration,
    /// Period of the hard refresh; zero turns it off.
    pub hard_resync: Duration,
    /// How many applications are compared at once.
    pub status_processors: usize,
    /// How many operations run at once.
    pub operation_processors: usize,
    /// How many requests to one cluster are in flight at once.
    pub requests_in_flight: usize,
    /// `host:port` of the repo-server.
    pub repo_server: String,
    /// How long one render may take.
    pub repo_server_timeout: Duration,
    /// Whether the repo-server is spoken to without TLS.
    pub repo_server_plaintext: bool,
    /// How long errors of the repo-server are overlooked.
    pub repo_error_grace: Duration,
    /// Fixed wait before undoing a manual change; zero: the back-off below.
    pub self_heal_timeout: Duration,
    /// First wait, factor and longest wait between two attempts of self-heal.
    pub self_heal_backoff: (Duration, u32, Duration),
    /// Time after which an operation is terminated; zero: never.
    pub sync_timeout: Duration,
    /// Pause between two waves.
    pub sync_wave_delay: Duration,
    /// Whether the health of resources is written into the Application.
    pub persist_resource_health: bool,
    /// Which Kubernetes Events are written: `all`, `none`, or reasons.
    pub events: Vec<String>,
    /// Address that the api-server asks.
    pub state_address: String,
    /// Address of metrics and health.
    pub probes_address: String,
    /// Folder with certificates for the connections between services, instead of the Secret.
    pub internal_tls_dir: Option<PathBuf>,
    /// Application labels in `argocd_app_labels`.
    pub metrics_labels: Vec<String>,
    /// Conditions in `argocd_app_condition`.
    pub metrics_conditions: Vec<String>,
}

impl Config {
    /// Takes the options of the command line. `namespace` is the one of the kubeconfig or service account.
    #[must_use]
    pub fn new(args: &Args, namespace: &str) -> Self {
        let seconds = Duration::from_secs;
        Self {
            namespace: args
                .namespace
                .clone()
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| namespace.to_owned()),
            application_namespaces: args
                .application_namespaces
                .iter()
                .filter(|n| !n.is_empty())
                .cloned()
                .collect(),
            resync: args.app_resync,
            resync_jitter: args.app_resync_jitter,
            hard_resync: args.app_hard_resync,
            status_processors: args.status_processors.max(1),
            operation_processors: args.operation_processors.max(1),
            requests_in_flight: usize::try_from(args.kubectl_parallelism_limit)
                .ok()
                .filter(|n| *n > 0)
                .unwrap_or(usize::MAX >> 8),
            repo_server: args.repo_server.clone(),
            repo_server_timeout: seconds(args.repo_server_timeout_seconds),
            repo_server_plaintext: args.repo_server_plaintext,
            repo_error_grace: seconds(args.repo_error_grace_period_seconds),
            self_heal_timeout: seconds(args.self_heal_timeout_seconds),
            self_heal_backoff: (
                seconds(args.self_heal_backoff_timeout_seconds),
                args.self_heal_backoff_factor,
                seconds(args.self_heal_backoff_cap_seconds),
            ),
            sync_timeout: args.sync_timeout,
            sync_wave_delay: seconds(args.sync_wave_delay),
            persist_resource_health: args.persist_resource_health,
            events: args.enable_k8s_event.clone(),
            state_address: args.state_address.clone(),
            probes_address: format!("{}:{}", args.metrics_address, args.metrics_port),
            internal_tls_dir: args.internal_tls_dir.clone(),
            metrics_labels: args.metrics_application_labels.clone(),
            metrics_conditions: args.metrics_application_conditions.clone(),
        }
    }

    /// Whether Applications outside the control plane's namespace are looked at.
    pub(crate) fn watches_all_namespaces(&self) -> bool {
        !self.application_namespaces.is_empty()
    }

    /// Whether Applications of this namespace are this controller's.
    pub(crate) fn reconciles_namespace(&self, namespace: &str) -> bool {
        namespace == self.namespace || glob::matches_any(&self.application_namespaces, namespace)
    }
}
