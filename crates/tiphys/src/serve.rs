//! All three services in one process: a whole installation in one small pod, or on a laptop.
//!
//! It is the same code and the same protocol as with three processes. The services talk over loopback, with
//! certificates that live only in this process.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use tiphys_cluster::{ApiClient, ClientOptions};
use tiphys_wire::{InternalCertificates, InternalTls, shutdown};
use tokio::net::TcpListener;

use crate::launch::{block_on, local_cluster, start_log};

/// Runs the repo-server, the application-controller and the api-server in one process.
#[derive(Debug, Parser)]
#[command(name = "tiphys serve")]
pub(crate) struct Args {
    /// Path to a kubeconfig; empty: the cluster this runs in, else $KUBECONFIG or ~/.kube/config.
    #[arg(long, env = "KUBECONFIG", hide_env_values = true)]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use instead of its current one.
    #[arg(long)]
    context: Option<String>,
    /// Namespace of the control plane.
    #[arg(short = 'n', long, env = "ARGOCD_NAMESPACE")]
    namespace: Option<String>,
    /// Address for users.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// Listen for users without TLS.
    #[arg(long)]
    insecure: bool,
    /// Folder for copies of repositories; empty: a temporary one.
    #[arg(long, env = "TIPHYS_REPO_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// Format of the log: json or text.
    #[arg(long, default_value = "text")]
    logformat: String,
    /// Level of the log: debug, info, warn or error.
    #[arg(long, default_value = "info")]
    loglevel: String,
}

/// A port of loopback that nobody else has.
async fn loopback() -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await.context("listen on loopback")
}

/// Runs until a signal ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    start_log(&args.logformat, &args.loglevel)?;
    block_on(serve(args))
}

async fn serve(args: &Args) -> Result<()> {
    let shutdown = shutdown::on_signal()?;
    let local = local_cluster(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| local.namespace().to_owned());
    let tls: InternalTls = InternalCertificates::ephemeral()?.into();
    let (renders, states) = (loopback().await?, loopback().await?);
    let (repo_server, controller) = (renders.local_addr()?.to_string(), states.local_addr()?.to_string());

    // Environment variables of the single services hold here too; these arguments win over them.
    let common = ["tiphys", "--namespace", &namespace];
    let mut of_repo_server: Vec<String> = vec!["tiphys".to_owned()];
    if let Some(folder) = &args.cache_dir {
        of_repo_server.extend(["--cache-dir".to_owned(), folder.display().to_string()]);
    }
    let repo_config =
        tiphys_repo_server::Config::new(&tiphys_repo_server::Args::try_parse_from(of_repo_server)?)?;
    let of_controller = common.into_iter().chain(["--repo-server", &repo_server]);
    let controller_args = tiphys_application_controller::Args::try_parse_from(of_controller)?;
    let controller_config = tiphys_application_controller::Config::new(&controller_args, &namespace);
    let insecure = args.insecure.to_string();
    let of_api_server = common.into_iter().chain([
        "--repo-server",
        &repo_server,
        "--controller",
        &controller,
        "--insecure",
        &insecure,
    ]);
    let api_args = tiphys_api_server::Args::try_parse_from(of_api_server)?;
    let api_config = tiphys_api_server::Config::new(&api_args, &namespace);
    let api = ApiClient::new(&local, &ClientOptions::default())?;
    let web = TcpListener::bind(args.address).await.with_context(|| format!("listen on {}", args.address))?;

    let ending = shutdown.child_token();
    let repo_server = tiphys_repo_server::run(
        repo_config,
        tiphys_repo_server::Listeners { services: renders, probes: loopback().await? },
        tls.clone(),
        ending.clone(),
    );
    let controller = tiphys_application_controller::run(
        controller_config,
        local,
        tiphys_application_controller::Listeners { services: states, probes: loopback().await? },
        tls.clone(),
        ending.clone(),
    );
    let api_server = tiphys_api_server::run(
        api_config,
        api,
        tls,
        tiphys_api_server::Listeners { web, metrics: None },
        ending.clone(),
    );
    // The first that ends, ends all.
    let (repo_server, controller, api_server) = tokio::join!(
        async { (Box::pin(repo_server).await, ending.cancel()).0 },
        async { (Box::pin(controller).await, ending.cancel()).0 },
        async { (Box::pin(api_server).await, ending.cancel()).0 },
    );
    repo_server.context("repo-server")?;
    controller.context("application-controller")?;
    api_server.context("api-server")
}
