//! The options of the repo-server, resolved from its arguments.

use std::path::PathBuf;
use std::time::Duration;

use tiphys_render::{Limits, Toolbox};
use tiphys_wire::tls::MountedCertificates;
use tiphys_wire::unbuilt::NotBuilt;

use crate::args::Args;

/// Where the reference mounts the certificate of its repo-server.
const MOUNTED_CERTIFICATE: &str = "/app/config/reposerver/tls";

/// Why the service can't be started like this.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Flags that are not built.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
}

/// Where the certificates between services come from.
#[derive(Clone, Debug)]
pub enum TlsChoice {
    /// No TLS.
    Plaintext,
    /// A folder with the installation's certificates.
    Folder(PathBuf),
    /// Files that the operator mounted.
    Mounted(MountedCertificates),
    /// The Secret with the installation's certificates.
    Secret,
}

/// What the repo-server is told at its start and never changes.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port` for the other services.
    pub address: String,
    /// `host:port` for metrics and health.
    pub metrics_address: String,
    /// Certificates for the other services.
    pub tls: TlsChoice,
    /// Folder for copies of repositories and for tools.
    pub root: PathBuf,
    /// Renders at once; 0: as many as suit the machine.
    pub parallelism: usize,
    /// How long rendered manifests are kept.
    pub render_cache_age: Duration,
    /// Memory for rendered manifests, in bytes.
    pub render_cache_bytes: usize,
    /// Disk for exported files, in bytes.
    pub export_cache_bytes: u64,
    /// Disk for copies of repositories, in bytes; 0: no limit.
    pub git_cache_bytes: u64,
    /// How long a list of references is good.
    pub revision_cache_age: Duration,
    /// Time for listing references.
    pub git_request_timeout: Duration,
    /// Time for fetching a commit.
    pub git_fetch_timeout: Duration,
    /// Lists of references at once; 0: any number.
    pub parallel_listings: usize,
    /// Time for one request.
    pub request_timeout: Duration,
    /// Bounds on one render.
    pub limits: Limits,
    /// The programs.
    pub toolbox: Toolbox,
    /// When sources that fail are left alone.
    pub pause: Pause,
}

/// When a source that fails again and again is left alone for a while.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// Failures in a row; 0: it never is.
    pub after_failures: u32,
    /// For how long; zero: no limit by time.
    pub period: Duration,
    /// For how many requests; 0: no limit by requests.
    pub requests: u32,
}

impl Config {
    /// Takes the options of the command line.
    ///
    /// # Errors
    /// When a flag is set that is not built. Flags without effect are logged.
    pub fn new(args: &Args) -> Result<Self, ConfigError> {
        for line in args.unbuilt.check()? {
            tracing::warn!("{line}");
        }
        let tls = if args.disable_tls {
            TlsChoice::Plaintext
        } else if let Some(folder) = &args.internal_tls_dir {
            TlsChoice::Folder(folder.clone())
        } else if let Some(ca) = args.client_ca_path.clone().filter(|path| !path.as_os_str().is_empty()) {
            let mounted = PathBuf::from(MOUNTED_CERTIFICATE);
            TlsChoice::Mounted(MountedCertificates {
                ca,
                certificate: mounted.join("tls.crt"),
                key: mounted.join("tls.key"),
            })
        } else {
            TlsChoice::Secret
        };
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        // In a container the number is always the same, so that a restart finds its copies again.
        let own = || std::env::temp_dir().join(format!("tiphys-repo-server-{}", std::process::id()));
        let root = args.cache_dir.clone().unwrap_or_else(own);
        Ok(Self {
            address: format!("{}:{}", args.address, args.port),
            metrics_address: format!("{}:{}", args.metrics_address, args.metrics_port),
            tls,
            root,
            parallelism: args.parallelismlimit,
            render_cache_age: args.repo_cache_expiration,
            render_cache_bytes: bytes(args.render_cache_size),
            export_cache_bytes: args.export_cache_size,
            git_cache_bytes: args.git_cache_size,
            revision_cache_age: args.revision_cache_expiration,
            git_request_timeout: args.git_request_timeout,
            git_fetch_timeout: args.git_fetch_timeout,
            parallel_listings: args.git_ls_remote_parallelism_limit,
            request_timeout: args.request_timeout,
            limits: Limits {
                directory_bytes: args.max_combined_directory_manifests_size,
                tool_timeout: args.exec_timeout,
                tool_grace: args.exec_fatal_timeout,
                hidden_folders: args.include_hidden_directories,
                ..Limits::default()
            },
            toolbox: Toolbox::new(args.helm_binary.clone(), args.kustomize_binary.clone()),
            pause: Pause {
                after_failures: args.pause_generation_after_failed_attempts,
                period: Duration::from_secs(args.pause_generation_on_failure_for_minutes.saturating_mul(60)),
                requests: args.pause_generation_on_failure_for_requests,
            },
        })
    }
}
