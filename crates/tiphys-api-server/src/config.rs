//! The options of the api-server, resolved from its arguments.

use std::time::Duration;

use tiphys_identity::AttemptLimits;
use tiphys_settings::glob;

use crate::args::Args;

/// What the api-server is told at its start and never changes.
#[derive(Debug, Clone)]
pub struct Config {
    /// Namespace of Applications, projects and settings.
    pub namespace: String,
    /// Further namespaces of Applications: globs, or regular expressions between slashes.
    pub application_namespaces: Vec<String>,
    /// Listen without TLS.
    pub insecure: bool,
    /// Everybody may do everything.
    pub disable_auth: bool,
    /// Compress answers for clients that accept it.
    pub gzip: bool,
    /// Path of cookies: where browsers see the server.
    pub base_href: String,
    /// Path that is taken away before a request is looked at; empty, or with a slash before and none after.
    pub root_path: String,
    /// `X-Frame-Options`; empty: none.
    pub x_frame_options: String,
    /// `Content-Security-Policy`; empty: none.
    pub content_security_policy: String,
    /// Content types of requests that change something; empty: any.
    pub content_types: Vec<String>,
    /// Whether syncs may replace objects.
    pub sync_with_replace_allowed: bool,
    /// `host:port` of the repo-server.
    pub repo_server: String,
    /// How long one request to the repo-server may take.
    pub repo_server_timeout: Duration,
    /// Whether the repo-server is spoken to without TLS.
    pub repo_server_plaintext: bool,
    /// `host:port` of the application-controller.
    pub controller: String,
    /// Limits on failed sign-ins.
    pub attempts: AttemptLimits,
    /// Sign-ins that are checked at once.
    pub concurrent_logins: usize,
    /// Cookies that one session may take.
    pub max_cookies: usize,
    /// Largest request in bytes.
    pub request_bytes: usize,
    /// Events that may wait for a slow watcher.
    pub watch_buffer: usize,
}

impl Config {
    /// Takes the options of the command line. `namespace` is the one of the kubeconfig or service account.
    #[must_use]
    pub fn new(args: &Args, namespace: &str) -> Self {
        let root = args.rootpath.trim_matches('/');
        let root_path = if root.is_empty() { String::new() } else { format!("/{root}") };
        let base = if root.is_empty() { args.basehref.trim_matches('/') } else { root };
        let logins = match args.max_concurrent_login_requests_count {
            0 => tokio::sync::Semaphore::MAX_PERMITS,
            all => (all / args.api_server_replicas.max(1)).max(1),
        };
        Self {
            namespace: args
                .namespace
                .clone()
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| namespace.to_owned()),
            application_namespaces: non_empty(&args.application_namespaces),
            insecure: args.insecure,
            disable_auth: args.disable_auth,
            gzip: args.enable_gzip,
            base_href: format!("/{base}"),
            root_path,
            x_frame_options: args.x_frame_options.clone(),
            content_security_policy: args.content_security_policy.clone(),
            content_types: args
                .api_content_types
                .split(';')
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect(),
            sync_with_replace_allowed: args.sync_with_replace_allowed,
            repo_server: args.repo_server.clone(),
            repo_server_timeout: Duration::from_secs(args.repo_server_timeout_seconds),
            repo_server_plaintext: args.repo_server_plaintext,
            controller: args.controller.clone(),
            attempts: AttemptLimits {
                max_failures: args.session_failure_max_fail_count,
                window: Duration::from_secs(args.session_failure_window_seconds),
                max_names: args.session_max_cache_size,
            },
            concurrent_logins: logins,
            max_cookies: args.max_cookie_number,
            request_bytes: args.grpc_max_size_mb.saturating_mul(1 << 20),
            watch_buffer: args.watch_api_buffer_size.max(1),
        }
    }

    /// Whether Applications outside the control plane's namespace are looked at.
    pub(crate) fn watches_all_namespaces(&self) -> bool {
        !self.application_namespaces.is_empty()
    }

    /// Whether Applications may live in this namespace.
    pub(crate) fn manages_namespace(&self, namespace: &str) -> bool {
        namespace == self.namespace || glob::matches_any(&self.application_namespaces, namespace)
    }
}

fn non_empty(words: &[String]) -> Vec<String> {
    words.iter().filter(|word| !word.is_empty()).cloned().collect()
}
