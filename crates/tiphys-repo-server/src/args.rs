//! The command line and environment of the repo-server: the reference's flags under the reference's names, ours
//! beside them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use tiphys_api::duration::{parse_duration, parse_duration_or_seconds};

/// Runs the repo-server: turns repositories into manifests.
#[derive(Debug, Clone, Parser)]
#[command(name = "repo-server")]
pub struct Args {
    /// Address to serve the other services on.
    #[arg(long, env = "ARGOCD_REPO_SERVER_LISTEN_ADDRESS", default_value = "0.0.0.0")]
    pub address: String,
    /// Port to serve the other services on.
    #[arg(long, default_value_t = 8081)]
    pub port: u16,
    /// Address of metrics and health.
    #[arg(long, env = "ARGOCD_REPO_SERVER_LISTEN_METRICS_ADDRESS", default_value = "0.0.0.0")]
    pub metrics_address: String,
    /// Port of metrics and health.
    #[arg(long, default_value_t = 8084)]
    pub metrics_port: u16,

    /// Serve without TLS. Anybody on the network can then have manifests rendered and read them.
    #[arg(long, env = "ARGOCD_REPO_SERVER_DISABLE_TLS", action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub disable_tls: bool,
    /// PEM bundle of the authorities that clients are checked against, with the certificate that is mounted at
    /// /app/config/reposerver/tls; empty: the installation's own certificates.
    #[arg(long, env = "ARGOCD_REPO_SERVER_CLIENT_CA_PATH")]
    pub client_ca_path: Option<PathBuf>,
    /// Folder with ca.crt, ca.key, tls.crt and tls.key for the connections between services, instead of the Secret.
    #[arg(long, env = "TIPHYS_INTERNAL_TLS_DIR")]
    pub internal_tls_dir: Option<PathBuf>,
    /// Path to a kubeconfig, for the Secret with the installation's certificates.
    #[arg(long, env = "KUBECONFIG", hide_env_values = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the control plane.
    #[arg(short = 'n', long, env = "ARGOCD_NAMESPACE")]
    pub namespace: Option<String>,

    /// How many renders run at once; 0: as many as suit the machine.
    #[arg(long, env = "ARGOCD_REPO_SERVER_PARALLELISM_LIMIT", default_value_t = 0)]
    pub parallelismlimit: usize,
    /// How long rendered manifests are kept.
    #[arg(long, env = "ARGOCD_REPO_CACHE_EXPIRATION", default_value = "24h", value_parser = go_duration)]
    pub repo_cache_expiration: Duration,
    /// How long a list of a repository's branches and tags is good.
    #[arg(long, env = "ARGOCD_RECONCILIATION_TIMEOUT", default_value = "3m", value_parser = go_duration)]
    pub revision_cache_expiration: Duration,
    /// Size of all manifests of a directory source together; 0: no limit.
    #[arg(long, env = "ARGOCD_REPO_SERVER_MAX_COMBINED_DIRECTORY_MANIFESTS_SIZE", default_value = "10M", value_parser = quantity)]
    pub max_combined_directory_manifests_size: u64,
    /// Recursive directory sources include folders whose name begins with a dot.
    #[arg(long, env = "ARGOCD_REPO_SERVER_INCLUDE_HIDDEN_DIRECTORIES", action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub include_hidden_directories: bool,

    /// Time for listing branches and tags of a repository.
    #[arg(long, hide = true, env = "ARGOCD_GIT_REQUEST_TIMEOUT", default_value = "15s", value_parser = go_duration)]
    pub git_request_timeout: Duration,
    /// Lists of branches and tags that are asked for at once; 0: any number.
    #[arg(long, hide = true, env = "ARGOCD_GIT_LS_REMOTE_PARALLELISM_LIMIT", default_value_t = 0)]
    pub git_ls_remote_parallelism_limit: usize,
    /// Time after which a tool is asked to end.
    #[arg(long, hide = true, env = "ARGOCD_EXEC_TIMEOUT", default_value = "90s", value_parser = go_duration)]
    pub exec_timeout: Duration,
    /// Time after that at which it is ended.
    #[arg(long, hide = true, env = "ARGOCD_EXEC_FATAL_TIMEOUT", default_value = "10s", value_parser = go_duration)]
    pub exec_fatal_timeout: Duration,
    /// Failures in a row after which a source is no longer rendered for a while; 0: never.
    #[arg(long, hide = true, env = "ARGOCD_PAUSE_GEN_AFTER_FAILED_ATTEMPTS", default_value_t = 3)]
    pub pause_generation_after_failed_attempts: u32,
    /// Minutes for which it is not rendered; 0: no limit by time.
    #[arg(long, hide = true, env = "ARGOCD_PAUSE_GEN_MINUTES", default_value_t = 60)]
    pub pause_generation_on_failure_for_minutes: u64,
    /// Requests for which it is not rendered; 0: no limit by requests.
    #[arg(long, hide = true, env = "ARGOCD_PAUSE_GEN_REQUESTS", default_value_t = 0)]
    pub pause_generation_on_failure_for_requests: u32,

    /// Folder for copies of repositories and for tools to work in; a folder in the temporary folder when not set.
    #[arg(long, env = "TIPHYS_REPO_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Time for fetching the objects of a commit.
    #[arg(long, env = "TIPHYS_GIT_FETCH_TIMEOUT", default_value = "10m", value_parser = go_duration)]
    pub git_fetch_timeout: Duration,
    /// Time for one request of another service.
    #[arg(long, env = "TIPHYS_REPO_REQUEST_TIMEOUT", default_value = "10m", value_parser = go_duration)]
    pub request_timeout: Duration,
    /// Memory for rendered manifests.
    #[arg(long, env = "TIPHYS_RENDER_CACHE_SIZE", default_value = "64M", value_parser = quantity)]
    pub render_cache_size: u64,
    /// Disk for files that tools have read and may read again.
    #[arg(long, env = "TIPHYS_EXPORT_CACHE_SIZE", default_value = "1G", value_parser = quantity)]
    pub export_cache_size: u64,
    /// Disk for copies of repositories; 0: no limit.
    #[arg(long, env = "TIPHYS_GIT_CACHE_SIZE", default_value = "20G", value_parser = quantity)]
    pub git_cache_size: u64,
    /// The helm program; looked for on PATH when not set.
    #[arg(long, env = "TIPHYS_HELM_BINARY")]
    pub helm_binary: Option<PathBuf>,
    /// The kustomize program; looked for on PATH when not set.
    #[arg(long, env = "TIPHYS_KUSTOMIZE_BINARY")]
    pub kustomize_binary: Option<PathBuf>,

    /// Format of the log: json or text.
    #[arg(long, env = "ARGOCD_REPO_SERVER_LOGFORMAT", default_value = "json")]
    pub logformat: String,
    /// Level of the log: debug, info, warn or error.
    #[arg(long, env = "ARGOCD_REPO_SERVER_LOGLEVEL", default_value = "info")]
    pub loglevel: String,

    /// Flags of the reference that are not built yet.
    #[command(flatten)]
    pub unbuilt: crate::unbuilt::Unbuilt,
}

fn go_duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).or_else(|_| parse_duration_or_seconds(text)).map_err(|error| error.to_string())
}

/// A Kubernetes quantity of bytes: `10M`, `1Gi`, `5000`.
fn quantity(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 9] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("", 1),
    ];
    let wrong = || format!("{text:?} is not a size: write 10M, 1G or 512Mi");
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| text.strip_suffix(name).map(|number| (number, *unit)))
        .ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    if !(0.0..1e18).contains(&bytes) {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_kubernetes_quantities() {
        assert_eq!(quantity("10M"), Ok(10_000_000));
        assert_eq!(quantity("1Gi"), Ok(1 << 30));
        assert_eq!(quantity("1.5k"), Ok(1500));
        assert_eq!(quantity("0"), Ok(0));
        for text in ["", "M", "-1", "ten", "1e40", "NaN", "1 GB"] {
            assert!(quantity(text).is_err(), "{text}");
        }
    }

    // covers: CFG-107, CFG-108, TOOL-018, TOOL-019, TOOL-020, CFG-142
    #[test]
    fn the_defaults_are_the_references() {
        let args = Args::try_parse_from(["repo-server"]).unwrap();
        assert_eq!((args.port, args.metrics_port), (8081, 8084));
        assert_eq!(args.revision_cache_expiration, Duration::from_secs(180));
        assert_eq!(args.repo_cache_expiration, Duration::from_secs(24 * 3600));
        assert_eq!(args.max_combined_directory_manifests_size, 10_000_000);
        assert_eq!(
            (args.exec_timeout, args.exec_fatal_timeout),
            (Duration::from_secs(90), Duration::from_secs(10))
        );
        assert_eq!(args.pause_generation_after_failed_attempts, 3);
        assert_eq!(args.pause_generation_on_failure_for_minutes, 60);
        assert_eq!(args.pause_generation_on_failure_for_requests, 0);
        assert_eq!(args.git_request_timeout, Duration::from_secs(15));
        assert_eq!(args.parallelismlimit, 0);
        assert!(args.unbuilt.check().unwrap().is_empty());
    }

    #[test]
    fn a_flag_that_is_not_built_is_refused_when_it_is_set() {
        let args = Args::try_parse_from(["repo-server", "--allow-oob-symlinks"]).unwrap();
        assert!(args.unbuilt.check().unwrap_err().to_string().contains("allow-oob-symlinks"));
    }
}
