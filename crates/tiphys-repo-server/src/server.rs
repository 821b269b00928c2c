//! Starting and stopping.

use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tiphys_wire::{InternalTls, Readiness, ServeError, repo_service, serve_internal, serve_probes};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::rendering::Rendering;
use crate::service::Service;

/// Why the service did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address can't be listened on.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The cache folder can't be used.
    #[error("failed to use {folder} as the cache folder")]
    Cache {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The metrics contradict each other.
    #[error("failed to set up metrics")]
    Metrics(#[from] prometheus::Error),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Where the service listens.
#[derive(Debug)]
pub struct Listeners {
    /// For the other services.
    pub services: TcpListener,
    /// For metrics and health.
    pub probes: TcpListener,
}

impl Listeners {
    /// Listens on the addresses of the configuration.
    ///
    /// # Errors
    /// When one of them can't be had.
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        let bind = async |address: &str| {
            let bound = TcpListener::bind(address).await;
            bound.map_err(|source| RunError::Listen { address: address.to_owned(), source })
        };
        Ok(Self { services: bind(&config.address).await?, probes: bind(&config.metrics_address).await? })
    }
}

/// Serves until `shutdown`, then lets what is under way finish for a while.
///
/// # Errors
/// When the cache folder can't be used or serving fails as a whole.
pub async fn run(
    config: Config,
    listeners: Listeners,
    tls: InternalTls,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    tiphys_wire::tls::install_crypto_provider();
    let metrics = Metrics::new()?;
    let opened = {
        let (config, metrics) = (config.clone(), metrics.clone());
        tokio::task::spawn_blocking(move || {
            let lock = lock(&config.root)?;
            Ok((lock, Rendering::open(&config, metrics)?))
        })
        .await
    };
    let cache = |source| RunError::Cache { folder: config.root.display().to_string(), source };
    let (_lock, rendering) =
        opened.map_err(std::io::Error::other).and_then(|opened| opened).map_err(cache)?;
    let service = Service::new(rendering, config.request_timeout);
    let routes = tonic::service::Routes::new(repo_service(service));
    if let Ok(address) = listeners.services.local_addr() {
        tracing::info!(%address, folder = %config.root.display(), "repo-server is ready");
    }
    // Whichever ends first ends the other.
    let ending = shutdown.child_token();
    let services = serve_internal(listeners.services, routes, &tls, ending.clone());
    let probes = serve_probes(listeners.probes, metrics.registry(), Readiness::always(), ending.clone());
    let (services, probes) = tokio::join!(
        async {
            let ended = services.await;
            ending.cancel();
            ended
        },
        async {
            let ended = probes.await;
            ending.cancel();
            ended
        }
    );
    services?;
    probes?;
    Ok(())
}

/// Two processes in one folder would empty each other's files.
fn lock(root: &Path) -> std::io::Result<File> {
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(root)?;
    let file = File::create(root.join("lock"))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::Error(error) => error,
        TryLockError::WouldBlock => std::io::Error::other("another repo-server uses it"),
    })?;
    Ok(file)
}
