//! The command line and environment of the application-controller: the reference's flags under the reference's names.
//!
//! It knows how a flag is spelled and what it defaults to. What is not built is refused with a clear word when
//! somebody sets it, because a setting that is silently ignored is a trap.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tiphys_api::duration;

/// Runs the application-controller: keeps the status of every Application true and carries its operations out.
#[derive(Debug, Clone, Parser)]
#[command(name = "application-controller")]
pub struct Args {
    /// Path to a kubeconfig; empty: the cluster this runs in, else $KUBECONFIG or ~/.kube/config.
    #[arg(long, env = "KUBECONFIG", hide_env_values = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use instead of its current one.
    #[arg(long)]
    pub context: Option<String>,
    /// Namespace of the control plane: where Applications, projects and settings live.
    #[arg(short = 'n', long, env = "ARGOCD_NAMESPACE")]
    pub namespace: Option<String>,
    /// Additional namespaces in which Applications are reconciled: globs or /regular expressions/.
    #[arg(long, env = "ARGOCD_APPLICATION_NAMESPACES", value_delimiter = ',')]
    pub application_namespaces: Vec<String>,

    /// Period of the normal refresh, in seconds or as a duration (120s). 0 turns it off.
    #[arg(long, env = "ARGOCD_RECONCILIATION_TIMEOUT", default_value = "120s", value_parser = parse_duration)]
    pub app_resync: Duration,
    /// Largest random delay added to a refresh by time.
    #[arg(long, env = "ARGOCD_RECONCILIATION_JITTER", default_value = "60s", value_parser = parse_duration)]
    pub app_resync_jitter: Duration,
    /// Period of the hard refresh, which renders anew. 0 turns it off.
    #[arg(long, env = "ARGOCD_HARD_RECONCILIATION_TIMEOUT", default_value = "0", value_parser = parse_duration)]
    pub app_hard_resync: Duration,
    /// How many applications are compared at once.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_STATUS_PROCESSORS", default_value_t = 20)]
    pub status_processors: usize,
    /// How many operations run at once.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_OPERATION_PROCESSORS", default_value_t = 10)]
    pub operation_processors: usize,
    /// How many writes to one cluster are in flight at once. Below 1: no limit.
    #[arg(
        long,
        env = "ARGOCD_APPLICATION_CONTROLLER_KUBECTL_PARALLELISM_LIMIT",
        default_value_t = 20,
        allow_hyphen_values = true
    )]
    pub kubectl_parallelism_limit: i64,

    /// Address of the repo-server.
    #[arg(
        long,
        env = "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER",
        default_value = "argocd-repo-server:8081"
    )]
    pub repo_server: String,
    /// How long one render may take.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_TIMEOUT_SECONDS", default_value_t = 60)]
    pub repo_server_timeout_seconds: u64,
    /// Talk to the repo-server without TLS. Anybody on the network can then read what is rendered.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_PLAINTEXT", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub repo_server_plaintext: bool,
    /// How long errors of the repository are overlooked before an application's state becomes Unknown, in seconds.
    #[arg(long, env = "ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS", default_value_t = 180)]
    pub repo_error_grace_period_seconds: u64,

    /// Seconds to wait before undoing a manual change; overrides the back-off when set.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_TIMEOUT_SECONDS", default_value_t = 0)]
    pub self_heal_timeout_seconds: u64,
    /// First delay of the self-heal back-off, in seconds.
    #[arg(
        long,
        env = "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_TIMEOUT_SECONDS",
        default_value_t = 2
    )]
    pub self_heal_backoff_timeout_seconds: u64,
    /// Factor between two delays of the self-heal back-off.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_FACTOR", default_value_t = 3)]
    pub self_heal_backoff_factor: u32,
    /// Largest delay of the self-heal back-off, in seconds.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_CAP_SECONDS", default_value_t = 300)]
    pub self_heal_backoff_cap_seconds: u64,
    /// Seconds after which a running sync is terminated. 0: never.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_SYNC_TIMEOUT", default_value = "0", value_parser = parse_duration)]
    pub sync_timeout: Duration,
    /// Delay between two sync waves, in seconds.
    #[arg(long, env = "ARGOCD_SYNC_WAVE_DELAY", default_value_t = 2)]
    pub sync_wave_delay: u64,
    /// Write the health of each resource into the Application instead of serving it from the tree.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_PERSIST_RESOURCE_HEALTH", action = clap::ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub persist_resource_health: bool,
    /// Which Kubernetes Events are written: `all`, `none`, or a list of reasons.
    #[arg(long, env = "ARGOCD_ENABLE_K8S_EVENT", default_value = "all", value_delimiter = ',')]
    pub enable_k8s_event: Vec<String>,

    /// Address on which trees and diffs are served to the api-server.
    #[arg(long, env = "TIPHYS_CONTROLLER_LISTEN_ADDRESS", default_value = "0.0.0.0:8085")]
    pub state_address: String,
    /// Address of metrics and health.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_METRICS_ADDRESS", default_value = "0.0.0.0")]
    pub metrics_address: String,
    /// Port of metrics and health.
    #[arg(long, default_value_t = 8082)]
    pub metrics_port: u16,
    /// Folder with ca.crt, ca.key, tls.crt and tls.key for the connections between services, instead of the Secret.
    #[arg(long, env = "TIPHYS_INTERNAL_TLS_DIR")]
    pub internal_tls_dir: Option<PathBuf>,
    /// Application labels to publish in argocd_app_labels.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_METRICS_APPLICATION_LABELS", value_delimiter = ',')]
    pub metrics_application_labels: Vec<String>,
    /// Application conditions to publish in argocd_app_condition.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_METRICS_APPLICATION_CONDITIONS", value_delimiter = ',')]
    pub metrics_application_conditions: Vec<String>,

    /// Format of the log: json or text.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_LOGFORMAT", default_value = "json")]
    pub logformat: String,
    /// Level of the log: debug, info, warn or error.
    #[arg(long, env = "ARGOCD_APPLICATION_CONTROLLER_LOGLEVEL", default_value = "info")]
    pub loglevel: String,

    /// Flags of the reference that are not built yet.
    #[command(flatten)]
    pub unbuilt: crate::unbuilt::Unbuilt,
}

/// A Go duration (`120s`, `3m`) or a bare number of seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    duration::parse_duration_or_seconds(text).map_err(|error| error.to_string())
}
