//! The command line and environment of the api-server: the reference's flags under the reference's names.
//!
//! It knows how a flag is spelled and what it defaults to. What is not built is refused with a clear word when somebody
//! sets it (`unbuilt.rs`).

use std::path::PathBuf;

use clap::{ArgAction, Parser};

/// Runs the api-server: gRPC, gRPC-Web and REST for users on one port.
#[derive(Debug, Clone, Parser)]
#[command(name = "api-server")]
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
    /// Additional namespaces in which Applications are managed: globs or /regular expressions/.
    #[arg(long, env = "ARGOCD_APPLICATION_NAMESPACES", value_delimiter = ',')]
    pub application_namespaces: Vec<String>,

    /// Address to listen on.
    #[arg(long, env = "ARGOCD_SERVER_LISTEN_ADDRESS", default_value = "0.0.0.0")]
    pub address: String,
    /// Port to listen on.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Address of metrics and health.
    #[arg(long, env = "ARGOCD_SERVER_METRICS_LISTEN_ADDRESS", default_value = "0.0.0.0")]
    pub metrics_address: String,
    /// Port of metrics and health.
    #[arg(long, default_value_t = 8083)]
    pub metrics_port: u16,
    /// Listen without TLS.
    #[arg(long, env = "ARGOCD_SERVER_INSECURE", action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub insecure: bool,
    /// Let everybody do everything, without a session.
    #[arg(long, env = "ARGOCD_SERVER_DISABLE_AUTH", action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub disable_auth: bool,
    /// Compress answers for clients that accept it.
    #[arg(long, env = "ARGOCD_SERVER_ENABLE_GZIP", action = ArgAction::Set, default_value_t = true, num_args = 0..=1, default_missing_value = "true")]
    pub enable_gzip: bool,
    /// Path under which browsers see the server, when a proxy in front takes it away.
    #[arg(long, env = "ARGOCD_SERVER_BASEHREF", default_value = "/")]
    pub basehref: String,
    /// Path under which the server itself serves everything.
    #[arg(long, env = "ARGOCD_SERVER_ROOTPATH", default_value = "")]
    pub rootpath: String,
    /// Value of the X-Frame-Options header; empty: none.
    #[arg(long, env = "ARGOCD_SERVER_X_FRAME_OPTIONS", default_value = "sameorigin")]
    pub x_frame_options: String,
    /// Value of the Content-Security-Policy header; empty: none.
    #[arg(long, env = "ARGOCD_SERVER_CONTENT_SECURITY_POLICY", default_value = "frame-ancestors 'self';")]
    pub content_security_policy: String,
    /// Content types that a request which changes something may have, with semicolons between; empty: any.
    #[arg(long, env = "ARGOCD_API_CONTENT_TYPES", default_value = "application/json")]
    pub api_content_types: String,
    /// Allow syncs with Replace.
    #[arg(long, env = "ARGOCD_SYNC_WITH_REPLACE_ALLOWED", action = ArgAction::Set, default_value_t = true, num_args = 0..=1, default_missing_value = "true")]
    pub sync_with_replace_allowed: bool,

    /// Address of the repo-server.
    #[arg(long, env = "ARGOCD_SERVER_REPO_SERVER", default_value = "argocd-repo-server:8081")]
    pub repo_server: String,
    /// How long one request to the repo-server may take.
    #[arg(long, env = "ARGOCD_SERVER_REPO_SERVER_TIMEOUT_SECONDS", default_value_t = 60)]
    pub repo_server_timeout_seconds: u64,
    /// Talk to the repo-server without TLS. Anybody on the network can then read what is rendered.
    #[arg(long, env = "ARGOCD_SERVER_REPO_SERVER_PLAINTEXT", action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub repo_server_plaintext: bool,
    /// Address at which the application-controller serves trees and diffs.
    #[arg(long, env = "TIPHYS_SERVER_CONTROLLER", default_value = "argocd-application-controller:8085")]
    pub controller: String,
    /// Folder with ca.crt, ca.key, tls.crt and tls.key for the connections between services, instead of the Secret.
    #[arg(long, env = "TIPHYS_INTERNAL_TLS_DIR")]
    pub internal_tls_dir: Option<PathBuf>,

    /// Failed sign-ins of one name after which it is refused for a while. 0: never.
    #[arg(long, env = "ARGOCD_SESSION_FAILURE_MAX_FAIL_COUNT", default_value_t = 5)]
    pub session_failure_max_fail_count: u32,
    /// How long failed sign-ins count, in seconds.
    #[arg(long, env = "ARGOCD_SESSION_FAILURE_WINDOW_SECONDS", default_value_t = 300)]
    pub session_failure_window_seconds: u64,
    /// Names whose failed sign-ins are remembered.
    #[arg(long, env = "ARGOCD_SESSION_MAX_CACHE_SIZE", default_value_t = 10_000)]
    pub session_max_cache_size: usize,
    /// Sign-ins that are checked at once, over all replicas. 0: no limit.
    #[arg(long, env = "ARGOCD_MAX_CONCURRENT_LOGIN_REQUESTS_COUNT", default_value_t = 50)]
    pub max_concurrent_login_requests_count: usize,
    /// How many replicas of this server there are.
    #[arg(long, env = "ARGOCD_API_SERVER_REPLICAS", default_value_t = 1)]
    pub api_server_replicas: usize,
    /// Largest number of cookies for one session.
    #[arg(long, env = "ARGOCD_MAX_COOKIE_NUMBER", default_value_t = 20)]
    pub max_cookie_number: usize,
    /// Largest request, in MB.
    #[arg(long, env = "ARGOCD_GRPC_MAX_SIZE_MB", default_value_t = 200)]
    pub grpc_max_size_mb: usize,
    /// Events that may wait for a slow watcher before it is given the whole state anew.
    #[arg(long, env = "ARGOCD_WATCH_API_BUFFER_SIZE", default_value_t = 1000)]
    pub watch_api_buffer_size: usize,

    /// Format of the log: json or text.
    #[arg(long, env = "ARGOCD_SERVER_LOGFORMAT", default_value = "json")]
    pub logformat: String,
    /// Level of the log: debug, info, warn or error.
    #[arg(long, env = "ARGOCD_SERVER_LOG_LEVEL", default_value = "info")]
    pub loglevel: String,

    /// Flags of the reference that are not built yet.
    #[command(flatten)]
    pub unbuilt: crate::unbuilt::Unbuilt,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_flag_may_be_given_with_and_without_a_value_as_go_takes_it() {
        let parse = |words: &[&str]| {
            Args::try_parse_from(std::iter::once(&"api-server").chain(words)).map(|args| args.insecure)
        };
        assert!(!parse(&[]).unwrap_or(true));
        assert!(parse(&["--insecure"]).unwrap_or(false));
        assert!(!parse(&["--insecure=false"]).unwrap_or(true));
    }

    #[test]
    fn single_sign_on_that_is_not_built_is_refused_and_its_default_accepted() {
        let parse =
            |word: &str| Args::try_parse_from(["api-server", word]).map(|args| args.unbuilt.check().is_ok());
        assert!(parse("--dex-server=http://argocd-dex-server:5556").unwrap_or(false));
        assert!(!parse("--dex-server=https://dex.example.com").unwrap_or(true));
    }
}
