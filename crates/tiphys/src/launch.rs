//! From arguments to a running service: log, cluster, certificates, listeners, signals.
//!
//! The services themselves know nothing of processes, so that `serve` can run all three in one.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tiphys_cluster::{ApiClient, ClientOptions, ClusterConfig};
use tiphys_repo_server::TlsChoice;
use tiphys_wire::{DirectoryStore, InternalCertificates, InternalTls, KeyedStore, logging, shutdown};
use tokio_util::sync::CancellationToken;

/// The Secret in which the services of an installation share their certificates.
const INTERNAL_TLS_SECRET: &str = tiphys_api::names::secret::INTERNAL_TLS;
/// Pause between two tries to reach an API server that does not answer yet.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs a service to its end and says why when it failed.
pub(crate) fn report(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the repo-server.
pub(crate) fn repo_server(args: &tiphys_repo_server::Args) -> Result<()> {
    start_log(&args.logformat, &args.loglevel)?;
    let config = tiphys_repo_server::Config::new(args)?;
    block_on(async {
        let shutdown = shutdown::on_signal()?;
        let tls = match &config.tls {
            TlsChoice::Plaintext => InternalTls::Plaintext,
            TlsChoice::Folder(folder) => {
                InternalCertificates::load_or_create(&DirectoryStore::new(folder)).await?.into()
            }
            TlsChoice::Mounted(files) => InternalCertificates::from_files(files)?.into(),
            TlsChoice::Secret => {
                let local = local_cluster(args.kubeconfig.as_deref(), None).await?;
                let namespace = namespace(args.namespace.as_deref(), &local);
                shared_certificates(&local, &namespace, &shutdown).await?
            }
        };
        let listeners = tiphys_repo_server::Listeners::bind(&config).await?;
        tiphys_repo_server::run(config, listeners, tls, shutdown).await?;
        Ok(())
    })
}

/// Runs the application-controller.
pub(crate) fn application_controller(args: &tiphys_application_controller::Args) -> Result<()> {
    start_log(&args.logformat, &args.loglevel)?;
    for notice in args.unbuilt.check()? {
        tracing::warn!("{notice}");
    }
    block_on(async {
        let shutdown = shutdown::on_signal()?;
        let local = local_cluster(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        let config = tiphys_application_controller::Config::new(args, local.namespace());
        let tls = match &config.internal_tls_dir {
            Some(folder) => InternalCertificates::load_or_create(&DirectoryStore::new(folder)).await?.into(),
            None => shared_certificates(&local, &config.namespace, &shutdown).await?,
        };
        let listeners = tiphys_application_controller::Listeners::bind(&config).await?;
        tiphys_application_controller::run(config, local, listeners, tls, shutdown).await?;
        Ok(())
    })
}

/// Runs the api-server.
pub(crate) fn api_server(args: &tiphys_api_server::Args) -> Result<()> {
    start_log(&args.logformat, &args.loglevel)?;
    for notice in args.unbuilt.check()? {
        tracing::warn!("{notice}");
    }
    block_on(async {
        let shutdown = shutdown::on_signal()?;
        let local = local_cluster(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        let config = tiphys_api_server::Config::new(args, local.namespace());
        let tls = match &args.internal_tls_dir {
            Some(folder) => InternalCertificates::load_or_create(&DirectoryStore::new(folder)).await?.into(),
            None => shared_certificates(&local, &config.namespace, &shutdown).await?,
        };
        let listeners = tiphys_api_server::Listeners::bind(args).await?;
        let api = ApiClient::new(&local, &ClientOptions::default())?;
        tiphys_api_server::run(config, api, tls, listeners, shutdown).await?;
        Ok(())
    })
}

pub(crate) fn start_log(format: &str, level: &str) -> Result<()> {
    let format = format.parse().map_err(anyhow::Error::msg)?;
    let level = level.parse().map_err(anyhow::Error::msg)?;
    logging::init(format, level);
    tiphys_wire::tls::install_crypto_provider();
    Ok(())
}

pub(crate) fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(work)
}

/// The cluster of the control plane: by the kubeconfig where one is named, else the one this runs in.
pub(crate) async fn local_cluster(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<ClusterConfig> {
    let path = kubeconfig.filter(|path| !path.as_os_str().is_empty());
    Ok(if path.is_some() || context.is_some() {
        ClusterConfig::from_kubeconfig(path, context).await?
    } else {
        ClusterConfig::infer().await?
    })
}

fn namespace(asked: Option<&str>, local: &ClusterConfig) -> String {
    asked.filter(|name| !name.is_empty()).unwrap_or(local.namespace()).to_owned()
}

/// The certificates of the installation, made by whichever service is first. A control plane that does not answer yet is
/// waited for: everything is started at once, and somebody has to be last.
async fn shared_certificates(
    local: &ClusterConfig,
    namespace: &str,
    shutdown: &CancellationToken,
) -> Result<InternalTls> {
    let api = ApiClient::new(local, &ClientOptions::default())?;
    let store = secret_store(&api, namespace);
    loop {
        match InternalCertificates::load_or_create(&store).await {
            Ok(certificates) => return Ok(certificates.into()),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(
                    error = format!("{error:#}"),
                    "can't get the internal certificates; trying again"
                );
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => anyhow::bail!("ended before the internal certificates were there"),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

fn secret_store(api: &ApiClient, namespace: &str) -> KeyedStore {
    let place = format!("secret {namespace}/{INTERNAL_TLS_SECRET}");
    let (load, create) = (api.clone(), api.clone());
    let (load_from, create_in) = (namespace.to_owned(), namespace.to_owned());
    KeyedStore::new(
        place,
        move || {
            let (api, namespace) = (load.clone(), load_from.clone());
            async move { Ok(api.load_secret(&namespace, INTERNAL_TLS_SECRET).await?) }
        },
        move |values| {
            let (api, namespace) = (create.clone(), create_in.clone());
            async move {
                let labels = [("app.kubernetes.io/part-of".to_owned(), "argocd".to_owned())].into();
                match api.create_secret(&namespace, INTERNAL_TLS_SECRET, &labels, &values).await {
                    Ok(()) => Ok(true),
                    Err(error) if error.is_already_exists() => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        },
    )
}
