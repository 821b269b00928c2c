//! `cargo xtask demo`: from a Git commit to a converged cluster, to look at and to try out.
//!
//! Everything that runs here is a process of its own, as in an installation: control plane, services, Git server. The
//! demo sees Applications only through the Kubernetes API.

mod applications;
mod cluster;
mod repositories;
mod screen;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use tiphys_test_kit::{Installation, InstallationConfig, Service, Tool, Tools};

use self::applications::Row;
use self::cluster::Cluster;
use self::repositories::{Expected, Repositories};
use self::screen::Screen;
use crate::workspace;

/// Namespace of the installation, that of Argo CD's own manifests.
const NAMESPACE: &str = "argocd";
/// How often the Applications are looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// How often the services ask Git for news here; the default of two minutes is long for somebody who watches.
const POLL: &str = "10s";

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Ends, successfully, when all Applications are Synced and Healthy
    #[arg(long)]
    once: bool,
    /// Uses the current context of this file instead of a control plane of its own
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Runs this `tiphys` instead of building it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Seconds after which Applications that are not Synced and Healthy are an error
    #[arg(long, default_value_t = 300)]
    timeout: u64,
}

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let tools = Tools::ensure(Tool::ALL)?;
    let program = match &args.program {
        Some(program) => {
            program.canonicalize().with_context(|| format!("failed to find {}", program.display()))?
        }
        None => build_program()?,
    };
    let started = Instant::now();

    say("starting a cluster");
    let cluster = Cluster::start(args.kubeconfig.as_deref(), &tools)?;
    say("starting the services");
    let installation = Installation::start(
        cluster.api(),
        InstallationConfig {
            program,
            crds: workspace::root()?.join("crds"),
            kubeconfig: cluster.kubeconfig().to_owned(),
            namespace: NAMESPACE.to_owned(),
            folder: None,
            environment: vec![
                ("ARGOCD_RECONCILIATION_TIMEOUT".to_owned(), POLL.to_owned()),
                ("ARGOCD_RECONCILIATION_JITTER".to_owned(), "1s".to_owned()),
            ],
            arguments: Vec::new(),
        },
    )?;
    say("publishing the example repositories");
    let repositories = Repositories::publish(&workspace::root()?.join("examples"))?;
    say("applying the application of applications");
    cluster.kubectl().apply(NAMESPACE, &repositories.root_application()?)?;

    let expected = repositories.applications()?;
    converge(&cluster, &installation, &expected, Duration::from_secs(args.timeout))?;
    println!(
        "\nall {} Applications are Synced and Healthy, {:.1} s after the start",
        expected.len(),
        started.elapsed().as_secs_f64()
    );
    if args.once {
        return Ok(());
    }
    println!("{}", things_to_try(&cluster, &installation, &repositories, &tools));
    follow(&cluster, &expected)
}

/// The program, from this workspace. The build that tests use too: it is there soonest.
fn build_program() -> Result<PathBuf> {
    let root = workspace::root()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&root)
        .args(["build", "--locked", "--package", "tiphys", "--bin", "tiphys"])
        .status()
        .context("failed to start cargo")?;
    if !status.success() {
        bail!("the program did not build");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join("debug/tiphys"))
}

/// Shows the Applications until all are Synced and Healthy.
fn converge(
    cluster: &Cluster,
    installation: &Installation,
    expected: &[Expected],
    within: Duration,
) -> Result<()> {
    let deadline = Instant::now() + within;
    let mut screen = Screen::new();
    loop {
        let rows = look(cluster, expected);
        let rows = rows.as_deref().unwrap_or_default();
        screen.show(rows);
        if rows.len() == expected.len() && rows.iter().all(Row::is_well) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let unwell: Vec<_> = rows.iter().filter(|row| !row.is_well()).map(Row::line).collect();
            bail!(
                "{} of {} Applications are not Synced and Healthy after {} s:\n{}\nthe end of the controller's log:\n{}",
                expected.len() - rows.iter().filter(|row| row.is_well()).count(),
                expected.len(),
                within.as_secs(),
                unwell.join("\n"),
                installation.log_tail(Service::ApplicationController, 15)
            );
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Says what changes, for as long as the user likes. Ctrl-C ends the process and all that it started.
fn follow(cluster: &Cluster, expected: &[Expected]) -> Result<()> {
    let mut before = look(cluster, expected)?;
    loop {
        std::thread::sleep(INTERVAL);
        let Ok(now) = look(cluster, expected) else { continue };
        for line in applications::changes(&before, &now) {
            println!("{line}");
        }
        before = now;
    }
}

fn look(cluster: &Cluster, expected: &[Expected]) -> Result<Vec<Row>> {
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications");
    let objects = cluster.api().list(&path)?;
    Ok(applications::rows(&objects, expected))
}

fn things_to_try(
    cluster: &Cluster,
    installation: &Installation,
    repositories: &Repositories,
    tools: &Tools,
) -> String {
    let kubectl = screen::on_path("kubectl").unwrap_or_else(|| tools.kubectl().display().to_string());
    let password = cluster.secret(NAMESPACE, "argocd-initial-admin-secret", "password");
    let password = password.unwrap_or_else(|| "(no Secret argocd-initial-admin-secret)".to_owned());
    let harbour = repositories.work_tree("harbour");
    format!(
        "
  export KUBECONFIG={kubeconfig}
  API server  {url}   user admin   password {password}
  Git         {git}   work trees in {work}

Three things to try in another terminal:

  1. Commit a change: three piers become five.
       cd {harbour}
       sed -i 's/count: 3/count: 5/' overlays/prod/kustomization.yaml
       git commit --all --message 'Two more piers' && git push
     Within {POLL} harbour-prod is OutOfSync, is synced, and is Healthy when the new Pods are.

  2. Edit a live object: somebody scales by hand.
       {kubectl} --namespace demo-harbour-dev scale deployment dev-pier --replicas=9
     harbour-dev heals itself: within seconds the Deployment has one replica again.

  3. Delete one.
       {kubectl} --namespace demo-logbook delete service desk
     logbook is OutOfSync and Missing for a moment, and the Service is made again.

Changes are shown below. Ctrl-C ends everything.
",
        kubeconfig = cluster.kubeconfig().display(),
        url = installation.api_url(),
        git = repositories.url(),
        work = repositories.folder().display(),
        harbour = harbour.display(),
    )
}

fn say(what: &str) {
    println!("demo: {what}");
}
