//! `cargo xtask bench`: many applications of twelve objects each, measured from outside.
//!
//! It starts a control plane and the three services, creates the load, and prints for each phase the seconds until all
//! applications are there, the CPU seconds and memory of the services, and the requests that the API server saw. The
//! floor is the same objects written straight to the same API server by as many clients as it can use; ratios to it
//! are what can be compared over time and between machines.

mod floor;
mod kube;
mod load;
mod measure;
mod phases;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tiphys_test_kit::{
    AuditLog, ControlPlane, ControlPlaneConfig, Installation, InstallationConfig, Workloads,
};

use kube::Kube;

/// How the manifests of an application are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceKind {
    /// Plain files.
    Directory,
    /// A kustomization over them.
    Kustomize,
    /// A chart of them.
    Helm,
}

/// Measures the services under the load of many applications.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How many applications.
    #[arg(long, default_value_t = 200)]
    pub(crate) apps: usize,
    /// How many ConfigMaps each has, beside a Service and a Deployment.
    #[arg(long, default_value_t = 10)]
    pub(crate) resources: usize,
    /// Over how many namespaces they are spread.
    #[arg(long, default_value_t = 10)]
    pub(crate) namespaces: usize,
    /// How the manifests are written.
    #[arg(long, value_enum, default_value = "directory")]
    pub(crate) kind: SourceKind,
    /// Which phases to run, in this order: cold, commit, refresh, heal, list, idle, delete.
    #[arg(long, value_delimiter = ',', default_value = "cold,commit,refresh,heal,idle,delete")]
    pub(crate) phases: Vec<String>,
    /// Seconds that one phase may take.
    #[arg(long, default_value_t = 420)]
    pub(crate) timeout: u64,
    /// Count requests by client, from the audit log. Costs the API server some time.
    #[arg(long)]
    pub(crate) audit: bool,
    /// Leave the floor out.
    #[arg(long)]
    pub(crate) no_floor: bool,
    /// A `tiphys` program to measure instead of building one in release mode.
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Folder for logs; kept.
    #[arg(long)]
    pub(crate) folder: Option<PathBuf>,
    /// File for the figures as JSON, beside the table.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Runs the benchmark.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let root = workspace_root()?;
    let program = match &args.program {
        Some(program) => program.clone(),
        None => build(&root)?,
    };
    eprintln!("starting the control plane");
    let plane = ControlPlane::start(ControlPlaneConfig {
        audit_log: if args.audit { AuditLog::Metadata } else { AuditLog::Off },
        workloads: Workloads::Pending,
        ..ControlPlaneConfig::default()
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let kube = Kube::new(&plane.server_url(), plane.credentials().ca_pem(), plane.admin_token())?;
    let mut figures =
        json!({"apps": args.apps, "objects_per_app": args.resources + 2, "kind": format!("{:?}", args.kind)});
    if !args.no_floor {
        eprintln!("writing {} objects straight to the API server", args.apps * (args.resources + 2));
        let floor = runtime.block_on(floor::measure(&kube, args))?;
        println!("{}", row("floor", &floor));
        figures["floor"] = floor;
    }
    eprintln!("starting the services");
    let installation = Installation::start(
        plane.api(),
        InstallationConfig {
            program,
            crds: root.join("crds"),
            kubeconfig: plane.kubeconfig(),
            namespace: "argocd".to_owned(),
            folder: args.folder.clone(),
            environment: Vec::new(),
            arguments: Vec::new(),
        },
    )?;
    let context =
        phases::Context { args, kube: &kube, installation: &installation, audit_log: plane.audit_log() };
    let result = runtime.block_on(phases::run(&context, &mut figures));
    installation.stop();
    result?;
    ratios(&mut figures);
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&figures)?)
            .with_context(|| format!("failed to write {}", file.display()))?;
    }
    Ok(())
}

fn build(root: &std::path::Path) -> Result<PathBuf> {
    eprintln!("building tiphys in release mode");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "tiphys"])
        .current_dir(root)
        .status()
        .context("failed to start cargo")?;
    if !status.success() {
        bail!("failed to build tiphys");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/tiphys"))
}

fn workspace_root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask has no parent folder")?.to_owned())
}

/// One phase as a line of text.
pub(crate) fn row(name: &str, figures: &Value) -> String {
    format!("{name:<10} {figures}")
}

/// Seconds of each phase as a multiple of the floor's.
fn ratios(figures: &mut Value) {
    let Some(floor) = figures.pointer("/floor/seconds").and_then(Value::as_f64).filter(|s| *s > 0.0) else {
        return;
    };
    let mut ratios = serde_json::Map::new();
    if let Some(phases) = figures.get("phases").and_then(Value::as_object) {
        for (name, phase) in phases {
            if let Some(all) = phase.get("all_s").and_then(Value::as_f64) {
                ratios.insert(name.clone(), json!((all / floor * 100.0).round() / 100.0));
            }
        }
    }
    println!("{}", row("ratio", &Value::Object(ratios.clone())));
    figures["ratio_to_floor"] = Value::Object(ratios);
}
