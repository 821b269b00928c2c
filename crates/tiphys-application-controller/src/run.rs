//! Starting and stopping.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tiphys_cluster::{ApiClient, ClientOptions, ClusterConfig, ResourceType, TransportError};
use tiphys_rbac::default_project;
use tiphys_settings::Settings;
use tiphys_wire::{
    InternalTls, Readiness, ServeError, internal_channel, serve_internal, serve_probes, state_service,
};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clusters::Clusters;
use crate::config::Config;
use crate::context::Context;
use crate::control_plane;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::render::RepoServer;
use crate::state_service::State;
use crate::store::Store;

/// Why the controller did not start, or stopped.
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
    /// There is no way to the control plane's API server.
    #[error("failed to set up the connection to the control plane")]
    ControlPlane(#[source] TransportError),
    /// The address of the repo-server is none.
    #[error("failed to set up the connection to the repo-server")]
    RepoServer(#[from] tiphys_wire::ChannelError),
    /// The metrics contradict each other.
    #[error("failed to set up metrics")]
    Metrics(#[from] prometheus::Error),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Where the controller listens.
#[derive(Debug)]
pub struct Listeners {
    /// For the api-server, which asks for trees and diffs.
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
        Ok(Self { services: bind(&config.state_address).await?, probes: bind(&config.probes_address).await? })
    }
}

/// Runs until `shutdown`. `local` is the cluster of the control plane, which is also the in-cluster destination.
///
/// # Errors
/// When a connection can't be set up or serving fails as a whole. A control plane that does not answer is waited for.
pub async fn run(
    config: Config,
    local: ClusterConfig,
    listeners: Listeners,
    tls: InternalTls,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    tiphys_wire::tls::install_crypto_provider();
    let ending = shutdown.child_token();
    let metrics = Metrics::new()?;
    let options = ClientOptions {
        user_agent: concat!("tiphys-application-controller/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ClientOptions::default()
    };
    let api = ApiClient::new(&local, &options).map_err(RunError::ControlPlane)?;
    let repo_tls = if config.repo_server_plaintext { InternalTls::Plaintext } else { tls.clone() };
    let channel = internal_channel(&config.repo_server, &repo_tls)?;
    let store = Arc::new(Store::new(Settings::default()));
    metrics.describe(&store, config.metrics_labels.clone(), config.metrics_conditions.clone())?;
    let context = Arc::new(Context {
        store,
        registry: Registry::default(),
        clusters: Clusters::new(local, config.requests_in_flight, metrics.clone()),
        repo_server: RepoServer::new(channel, config.repo_server_timeout),
        events: Events::new(&api, &config.events),
        metrics: metrics.clone(),
        api: api.clone(),
        status_permits: Semaphore::new(config.status_processors),
        operation_permits: Arc::new(Semaphore::new(config.operation_processors)),
        shutdown: ending.clone(),
        listed: AtomicBool::new(false),
        config,
    });
    context.clusters.report_to(&context);
    let readiness = {
        let context = Arc::downgrade(&context);
        Readiness::new(move || match context.upgrade() {
            Some(context) if context.is_ready() => Ok(()),
            _ => Err("Applications are not listed yet".to_owned()),
        })
    };
    let watching = {
        let (context, api, ending) = (context.clone(), api.clone(), ending.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = control_plane::watch(&context, &api, &ending) => {}
                () = ending.cancelled() => {}
            }
        })
    };
    let routes = tonic::service::Routes::new(state_service(State::new(context.clone())));
    let services = serve_internal(listeners.services, routes, &tls, ending.clone());
    let probes = serve_probes(listeners.probes, metrics.registry().clone(), readiness, ending.clone());
    tracing::info!(namespace = context.config.namespace, "application-controller is ready");
    // Whichever ends first ends the other.
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
    let _watches_ended = watching.await;
    services?;
    probes?;
    Ok(())
}

/// Creates the `default` project where it is missing, as applications that name no project are in it.
pub(crate) async fn ensure_default_project(context: &Context) {
    let namespace = &context.config.namespace;
    let project = default_project(namespace);
    if context.store.project(&project.metadata.name).is_some() {
        return;
    }
    let Ok(object) = serde_json::to_value(&project) else { return };
    match context.api.create_object(&ResourceType::app_projects(), namespace, &object).await {
        Ok(_) => {
            // Applications need not wait until the watch tells of it.
            context.store.put_project(project);
            tracing::info!(namespace, "created the project `default`");
        }
        Err(error) if error.is_already_exists() => {}
        Err(error) => tracing::warn!(%error, "can't create the project `default`"),
    }
}
