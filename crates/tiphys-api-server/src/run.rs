//! Puts the service together, runs it until it is told to end, and ends it in order.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tiphys_cluster::{ApiClient, EventWriter};
use tiphys_identity::{Attempts, Revocations};
use tiphys_rbac::{Enforcer, PolicyError};
use tiphys_settings::Settings;
use tiphys_wire::api::{Limits, Router, Schema, SchemaError, WebTls, serve_web};
use tiphys_wire::tls::TlsError;
use tiphys_wire::{
    ChannelError, InternalTls, Readiness, ServeError, internal_channel, repo_client, serve_probes,
    state_client,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::applications::Applications;
use crate::args::Args;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::projects::Projects;
use crate::server::{Server, Shared};
use crate::setup::SetupError;
use crate::{application, http, session, setup, version, watches};

/// How the server signs its Events.
const COMPONENT: &str = "argocd-server";
/// Pause between two tries to reach a Kubernetes API that does not answer yet.
const AGAIN: Duration = Duration::from_secs(2);

/// Why the api-server could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address can't be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Certificates can't be made or loaded.
    #[error("prepare certificates")]
    Tls(#[from] TlsError),
    /// A sibling's address is none.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The first start failed.
    #[error("prepare the installation: {0}")]
    Setup(String),
    /// The description of the API is broken.
    #[error("read the API's schema")]
    Schema(#[from] SchemaError),
    /// A method that has a handler is not in the API.
    #[error("the API has no method {0}")]
    NoSuchMethod(String),
    /// Metrics can't be registered.
    #[error("register metrics")]
    Metrics(#[from] prometheus::Error),
    /// The built-in policy is broken.
    #[error("compile the built-in policy")]
    Policy(#[from] PolicyError),
    /// Probes can't be served.
    #[error(transparent)]
    Probes(#[from] ServeError),
}

impl From<SetupError> for RunError {
    fn from(error: SetupError) -> Self {
        use std::error::Error as _;
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        Self::Setup(format!("{error}{cause}"))
    }
}

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For users.
    pub web: TcpListener,
    /// For metrics and probes; `None`: they are not served.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// Listens on the addresses of the command line.
    ///
    /// # Errors
    /// When one of them can't be had.
    pub async fn bind(args: &Args) -> Result<Self, RunError> {
        Ok(Self {
            web: listen(&args.address, args.port).await?,
            metrics: Some(listen(&args.metrics_address, args.metrics_port).await?),
        })
    }
}

async fn listen(address: &str, port: u16) -> Result<TcpListener, RunError> {
    TcpListener::bind((address, port))
        .await
        .map_err(|source| RunError::Listen { address: format!("{address}:{port}"), source })
}

/// Prepares the installation. A Kubernetes API that does not answer yet is waited for: everything is started at once,
/// and somebody has to be last.
async fn prepared(api: &ApiClient, namespace: &str, shutdown: &CancellationToken) -> Result<(), RunError> {
    loop {
        match setup::prepare(api, namespace).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_passing() => {
                let error = RunError::from(error);
                tracing::warn!(error = %error, "can't prepare the installation; trying again");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Runs the api-server on these listeners until `shutdown`.
///
/// # Errors
/// What keeps it from starting. Once it serves, failures of others are answers to users.
pub async fn run(
    config: Config,
    api: ApiClient,
    tls: InternalTls,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let repo_tls = if config.repo_server_plaintext { InternalTls::Plaintext } else { tls.clone() };
    let server: Shared = Arc::new(Server {
        schema: Arc::new(Schema::load()?),
        applications: Applications::new(config.watch_buffer),
        projects: Projects::default(),
        settings: ArcSwap::from_pointee(Settings::default()),
        enforcer: ArcSwap::from_pointee(Enforcer::compile(&Settings::default().rbac)?),
        repo_server: repo_client(internal_channel(&config.repo_server, &repo_tls)?),
        controller: state_client(internal_channel(&config.controller, &tls)?),
        attempts: Mutex::new(Attempts::new(config.attempts)),
        revocations: Mutex::new(Revocations::default()),
        logins: Semaphore::new(config.concurrent_logins),
        metrics: Metrics::new()?,
        events: EventWriter::new(&api, COMPONENT),
        ending: shutdown.clone(),
        api,
        config,
    });
    // Probes answer while the rest still waits for the cluster.
    let probes = listeners.metrics.map(|listener| {
        let ready = server.clone();
        let readiness = Readiness::new(move || ready.readiness());
        tokio::spawn(serve_probes(listener, server.metrics.registry.clone(), readiness, shutdown.clone()))
    });
    prepared(&server.api, &server.config.namespace, &shutdown).await?;
    let certificate = tokio::select! {
        certificate = watches::start(&server, &shutdown) => certificate,
        () = shutdown.cancelled() => return Ok(()),
    };
    let web_tls = web_tls(&server, certificate, &shutdown).await?;
    let app = http::app(&server, router(&server)?);
    tracing::info!(
        address = listeners.web.local_addr().map(|address| address.to_string()).unwrap_or_default(),
        tls = !server.config.insecure,
        namespace = server.config.namespace,
        "api-server {} is listening",
        version::VERSION
    );
    serve_web(listeners.web, app, web_tls, shutdown.clone()).await;
    if let Some(probes) = probes {
        match probes.await {
            Ok(result) => result?,
            Err(error) => tracing::error!(error = %error, "the probes ended early"),
        }
    }
    Ok(())
}

/// The certificate for users, followed as the settings change.
async fn web_tls(
    server: &Shared,
    mut certificate: watch::Receiver<Option<Arc<rustls::ServerConfig>>>,
    shutdown: &CancellationToken,
) -> Result<WebTls, RunError> {
    if server.config.insecure {
        return Ok(WebTls::Off);
    }
    let first = certificate.borrow_and_update().clone();
    let first = match first {
        Some(config) => config,
        None => watches::generate_certificate(server).await?,
    };
    let (sender, receiver) = watch::channel(first);
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = certificate.changed() => if changed.is_err() { return },
            }
            if let Some(config) = certificate.borrow_and_update().clone() {
                sender.send_replace(config);
            }
        }
    });
    Ok(WebTls::On(receiver))
}

fn router(server: &Shared) -> Result<Router, RunError> {
    let limits = Limits {
        request_bytes: server.config.request_bytes,
        content_types: server.config.content_types.clone(),
    };
    let mut router = Router::new(server.schema.clone(), limits);
    router.count_with(server.metrics.calls.clone());
    let mut open = |service: &str, method: &str, handler: OpenHandler| {
        let server = server.clone();
        if router.handle(service, method, move |call| handler(server.clone(), call)) {
            Ok(())
        } else {
            Err(RunError::NoSuchMethod(format!("{service}/{method}")))
        }
    };
    open("version.VersionService", "Version", |server, call| Box::pin(version::version(server, call)))?;
    open("session.SessionService", "Create", |server, call| Box::pin(session::create(server, call)))?;
    open("session.SessionService", "Delete", |server, call| Box::pin(session::delete(server, call)))?;
    open("session.SessionService", "GetUserInfo", |server, call| Box::pin(session::user_info(server, call)))?;
    application::register(server, &mut router)?;
    Ok(router)
}

type OpenHandler =
    fn(
        Shared,
        tiphys_wire::api::Call,
    ) -> futures::future::BoxFuture<'static, Result<tiphys_wire::api::Reply, tiphys_wire::WireError>>;
