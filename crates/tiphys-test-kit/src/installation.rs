//! The three services of Tiphys as processes of their own, against a control plane.
//!
//! It knows the program's subcommands, flags and ports, and nothing of its insides: tests, the demo and the benchmark
//! see what a user sees.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::kube_api::KubeApi;
use crate::kubectl::Kubectl;
use crate::ports::free_ports;
use crate::scratch::ScratchFolder;
use crate::supervise::{Program, Supervised};
use crate::toolchain::{Tool, Tools};

/// How long a service may take to answer its health check. A debug build on a busy machine needs seconds.
const STARTUP: Duration = Duration::from_secs(90);

/// One of the three services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Renders.
    RepoServer,
    /// Compares and syncs.
    ApplicationController,
    /// Serves users.
    ApiServer,
}

impl Service {
    /// All of them, in the order of a start.
    pub const ALL: [Self; 3] = [Self::RepoServer, Self::ApplicationController, Self::ApiServer];

    /// The program's subcommand.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RepoServer => "repo-server",
            Self::ApplicationController => "application-controller",
            Self::ApiServer => "api-server",
        }
    }
}

/// What an installation is made of.
#[derive(Clone, Debug)]
pub struct InstallationConfig {
    /// The `tiphys` program.
    pub program: PathBuf,
    /// Folder with the files of the CRDs.
    pub crds: PathBuf,
    /// Kubeconfig of the cluster that is control plane and `in-cluster` destination.
    pub kubeconfig: PathBuf,
    /// Namespace of Applications and settings; created when missing.
    pub namespace: String,
    /// Folder for logs and caches; `None`: a temporary one that goes with the installation.
    pub folder: Option<PathBuf>,
    /// Environment of all services, on top of what is always set.
    pub environment: Vec<(String, String)>,
    /// Arguments of single services, on top of what is always given.
    pub arguments: Vec<(Service, String)>,
}

/// Running services. They end when this is dropped, and when the process ends in whatever way.
#[derive(Debug)]
pub struct Installation {
    config: InstallationConfig,
    path: PathBuf,
    _scratch: Option<ScratchFolder>,
    tools: Tools,
    ports: Ports,
    running: Mutex<Vec<(Service, Supervised)>>,
}

#[derive(Clone, Debug)]
struct Ports {
    repo: u16,
    repo_metrics: u16,
    state: u16,
    controller_metrics: u16,
    api: u16,
    api_metrics: u16,
}

impl Installation {
    /// Applies the CRDs and the namespace, starts the services and waits until each is healthy.
    ///
    /// # Errors
    /// When the cluster refuses something, a program is missing, or a service is not healthy in time; with the end of
    /// its log.
    pub fn start(api: &KubeApi, config: InstallationConfig) -> Result<Self> {
        let tools = Tools::ensure(&[Tool::Kubectl, Tool::Helm, Tool::Kustomize])?;
        let (path, scratch) = match &config.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("failed to create {}", folder.display()))?;
                (folder.clone(), None)
            }
            None => {
                let scratch = ScratchFolder::new("tiphys-installation")?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let kubectl = Kubectl::new(tools.kubectl(), &config.kubeconfig);
        prepare(api, &kubectl, &config)?;
        let ports = free_ports(6)?;
        let [repo, repo_metrics, state, controller_metrics, api_port, api_metrics] = ports[..] else {
            bail!("failed to find six free ports");
        };
        let ports = Ports { repo, repo_metrics, state, controller_metrics, api: api_port, api_metrics };
        let installation = Self { config, path, _scratch: scratch, tools, ports, running: Mutex::default() };
        for service in Service::ALL {
            installation.spawn(service)?;
        }
        for service in Service::ALL {
            installation.wait_healthy(service)?;
        }
        Ok(installation)
    }

    /// Base URL of the API server, plain HTTP.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.api)
    }

    /// Address of the repo-server's gRPC port.
    #[must_use]
    pub fn repo_server_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.repo)
    }

    /// Address of the application-controller's gRPC port.
    #[must_use]
    pub fn controller_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.state)
    }

    /// Namespace of Applications and settings.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.config.namespace
    }

    /// Folder of logs and caches.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// The metrics of one service, in Prometheus' text format.
    ///
    /// # Errors
    /// When the service does not answer.
    pub fn metrics(&self, service: Service) -> Result<String> {
        let (status, body) = plain_get(self.probe_port(service), "/metrics")?;
        if status != 200 {
            bail!("{} answered {status} to /metrics", service.name());
        }
        Ok(body)
    }

    /// Process ids of the services, for measuring from outside.
    #[must_use]
    pub fn pids(&self) -> Vec<(Service, u32)> {
        self.running()
            .iter()
            .filter_map(|(service, process)| Some((*service, process.program_pid()?)))
            .collect()
    }

    /// Kills a service without warning.
    pub fn kill(&self, service: Service) {
        let mut running = self.running();
        running.retain(|(running, process)| {
            if *running == service {
                process.kill();
            }
            *running != service
        });
    }

    /// Starts a service that was killed, on the ports it had, and waits until it is healthy.
    ///
    /// # Errors
    /// When it is not healthy in time; with the end of its log.
    pub fn restart(&self, service: Service) -> Result<()> {
        self.kill(service);
        self.spawn(service)?;
        self.wait_healthy(service)
    }

    /// The end of a service's log.
    #[must_use]
    pub fn log_tail(&self, service: Service, lines: usize) -> String {
        let text = std::fs::read_to_string(self.log(service)).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }

    /// Ends all services and waits for it.
    pub fn stop(&self) {
        for (_, process) in self.running().drain(..) {
            process.stop();
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<(Service, Supervised)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, service: Service) -> PathBuf {
        self.path.join(format!("{}.log", service.name()))
    }

    fn probe_port(&self, service: Service) -> u16 {
        match service {
            Service::RepoServer => self.ports.repo_metrics,
            Service::ApplicationController => self.ports.controller_metrics,
            Service::ApiServer => self.ports.api_metrics,
        }
    }

    fn spawn(&self, service: Service) -> Result<()> {
        let ports = &self.ports;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut program = Program::new(service.name(), &self.config.program, self.log(service))
            .arg(service.name())
            .env("KUBECONFIG", &self.config.kubeconfig)
            .env("ARGOCD_NAMESPACE", &self.config.namespace)
            .env("PATH", self.tools.search_path(&[Tool::Helm, Tool::Kustomize])?)
            .env("TMPDIR", &self.path);
        program = match service {
            Service::RepoServer => program
                .args(["--address", "127.0.0.1", "--metrics-address", "127.0.0.1"])
                .args(["--port", &ports.repo.to_string(), "--metrics-port", &ports.repo_metrics.to_string()])
                .env("TIPHYS_REPO_CACHE_DIR", self.path.join("repo-cache")),
            Service::ApplicationController => program
                .args(["--repo-server", &local(ports.repo), "--state-address", &local(ports.state)])
                .args([
                    "--metrics-address",
                    "127.0.0.1",
                    "--metrics-port",
                    &ports.controller_metrics.to_string(),
                ]),
            Service::ApiServer => program
                .args([
                    "--repo-server",
                    &local(ports.repo),
                    "--controller",
                    &local(ports.state),
                    "--insecure",
                ])
                .args(["--address", "127.0.0.1", "--metrics-address", "127.0.0.1"])
                .args(["--port", &ports.api.to_string(), "--metrics-port", &ports.api_metrics.to_string()]),
        };
        for (name, value) in &self.config.environment {
            program = program.env(name, value);
        }
        let own = self.config.arguments.iter().filter(|(of, _)| *of == service).map(|(_, argument)| argument);
        let process = program.args(own).start()?;
        self.running().push((service, process));
        Ok(())
    }

    fn wait_healthy(&self, service: Service) -> Result<()> {
        let deadline = Instant::now() + STARTUP;
        loop {
            if plain_get(self.probe_port(service), "/healthz").is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            let ended = self
                .running()
                .iter()
                .any(|(running, process)| *running == service && process.ended().is_some());
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "is not healthy in time" };
                bail!("{} {what}; the end of its log:\n{}", service.name(), self.log_tail(service, 30));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}

/// The CRDs and the namespace, applied as a user would.
fn prepare(api: &KubeApi, kubectl: &Kubectl, config: &InstallationConfig) -> Result<()> {
    let crds = config.crds.display().to_string();
    kubectl
        .run(&["apply", "--server-side", "--force-conflicts", "-k", &crds])
        .context("failed to apply the CRDs")?;
    for crd in ["applications", "appprojects", "applicationsets"] {
        api.wait_until_served(&format!("{crd}.argoproj.io"))?;
    }
    if api.get_optional(&format!("/api/v1/namespaces/{}", config.namespace))?.is_none() {
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": config.namespace}}))?;
    }
    Ok(())
}

/// A GET without TLS to a port of this machine: status and body.
fn plain_get(port: u16, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("no status")?;
    Ok((status, body.to_owned()))
}
