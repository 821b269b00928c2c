//! A real Kubernetes control plane on this machine, without containers: etcd, API server, controller manager,
//! scheduler, and kwok for the part of the kubelets.
//!
//! Everything listens on loopback with ports of its own, so several run side by side. What the programs are
//! started with is in [`programs`], the keys and certificates in [`credentials`].

pub mod audit;
pub mod credentials;
mod programs;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use self::credentials::Credentials;
use self::programs::Ports;
pub use self::shared::shared_control_plane;
use crate::kube_api::KubeApi;
use crate::kubectl::Kubectl;
use crate::scratch::ScratchFolder;
use crate::supervise::{Signal, Supervised};
use crate::toolchain::{Tool, Tools};

/// Name of the one Node of a control plane.
pub const NODE_NAME: &str = "sim";
/// How long a start may take. A warm start takes four seconds; a loaded machine may take many times that.
const START_DEADLINE: Duration = Duration::from_secs(240);
/// How often a start begins anew because another process took one of its ports.
const START_ATTEMPTS: usize = 4;
/// What a program says when its port is taken.
const PORT_TAKEN: &str = "address already in use";

/// Whether requests to the API server are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// Not written.
    #[default]
    Off,
    /// One line of JSON for each finished request, without bodies.
    Metadata,
}

/// Whether Pods run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workloads {
    /// A scheduler and simulated kubelets: Pods become Ready, Jobs end.
    #[default]
    Simulated,
    /// Neither scheduler nor kubelets: every Pod stays Pending. Saves two programs.
    Pending,
}

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct ControlPlaneConfig {
    /// Name of cluster, user and context in the kubeconfig.
    pub name: String,
    /// Whether Pods run.
    pub workloads: Workloads,
    /// Whether requests are written down; see [`ControlPlane::audit_log`].
    pub audit_log: AuditLog,
    /// Folder for data, logs and keys, which is kept; nothing means a temporary one that is removed.
    pub folder: Option<PathBuf>,
    /// Flags for `kube-apiserver` after the usual ones, which they override.
    pub apiserver_flags: Vec<String>,
    /// Flags for `kube-controller-manager` after the usual ones, which they override.
    pub controller_manager_flags: Vec<String>,
}

impl Default for ControlPlaneConfig {
    fn default() -> Self {
        Self {
            name: "tiphys".to_owned(),
            workloads: Workloads::default(),
            audit_log: AuditLog::default(),
            folder: None,
            apiserver_flags: Vec::new(),
            controller_manager_flags: Vec::new(),
        }
    }
}

/// A running control plane. Dropping it ends its programs and removes its temporary folder; both also happen
/// when the process ends without dropping it.
#[derive(Debug)]
pub struct ControlPlane {
    // Order of the fields is order of their end: programs before the folder that they write to.
    running: Mutex<Running>,
    config: ControlPlaneConfig,
    tools: Tools,
    ports: Ports,
    credentials: Credentials,
    api: KubeApi,
    path: PathBuf,
    _scratch: Option<ScratchFolder>,
}

/// The programs, first the ones that need the others.
#[derive(Debug, Default)]
struct Running {
    kwok: Option<Supervised>,
    scheduler: Option<Supervised>,
    controller_manager: Option<Supervised>,
    apiserver: Option<Supervised>,
    etcd: Option<Supervised>,
}

impl Running {
    fn all(&self) -> impl Iterator<Item = &Supervised> {
        [&self.kwok, &self.scheduler, &self.controller_manager, &self.apiserver, &self.etcd]
            .into_iter()
            .flatten()
    }
}

impl ControlPlane {
    /// Builds what is missing of the programs, starts them and waits until the API server is ready, the
    /// namespace `default` exists and the Node is Ready. Blocks for some seconds.
    ///
    /// # Errors
    /// When a program cannot be built or ends early; the message holds the end of its log.
    pub fn start(config: ControlPlaneConfig) -> Result<Self> {
        let tools = Tools::ensure(Tool::CONTROL_PLANE)?;
        for _ in 1..START_ATTEMPTS {
            match Self::start_once(config.clone(), tools.clone()) {
                Err(error) if format!("{error:#}").contains(PORT_TAKEN) => {}
                outcome => return outcome,
            }
        }
        Self::start_once(config, tools)
    }

    fn start_once(config: ControlPlaneConfig, tools: Tools) -> Result<Self> {
        let scratch = match &config.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("failed to create {}", folder.display()))?;
                None
            }
            None => Some(ScratchFolder::new("tiphys-control-plane-")?),
        };
        let path = match (&scratch, &config.folder) {
            (Some(scratch), _) => scratch.path().to_owned(),
            (None, Some(folder)) => folder.clone(),
            (None, None) => bail!("a control plane needs a folder"),
        };
        let ports = Ports::choose()?;
        let credentials = Credentials::generate()?;
        credentials.write(&path, &config.name, ports.apiserver)?;
        programs::write_files(&path)?;
        let api = KubeApi::new(ports.apiserver, credentials.ca_pem(), credentials.token())?;
        let plane = Self {
            running: Mutex::default(),
            config,
            tools,
            ports,
            credentials,
            api,
            path,
            _scratch: scratch,
        };
        plane.start_programs()?;
        Ok(plane)
    }

    fn start_programs(&self) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        self.running().etcd = Some(programs::etcd(self).start()?);
        self.until(deadline, "etcd listens", || {
            std::net::TcpStream::connect(("127.0.0.1", self.ports.etcd_client)).is_ok()
        })?;
        self.running().apiserver = Some(programs::apiserver(self).start()?);
        self.wait_for_apiserver(deadline)?;
        self.running().controller_manager = Some(programs::controller_manager(self).start()?);
        if self.config.workloads == Workloads::Simulated {
            self.running().scheduler = Some(programs::scheduler(self).start()?);
            self.create_node()?;
            self.running().kwok = Some(programs::kwok(self).start()?);
            self.until(deadline, "the node is Ready", || self.node_is_ready())?;
        }
        self.until(deadline, "the namespace `default` has what controllers put there", || {
            let path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt";
            matches!(self.api.get_optional(path), Ok(Some(_)))
        })
    }

    fn wait_for_apiserver(&self, deadline: Instant) -> Result<()> {
        self.until(deadline, "the API server is ready", || {
            self.api.get_text("/readyz").is_ok_and(|answer| answer == "ok")
                && matches!(self.api.get_optional("/api/v1/namespaces/default"), Ok(Some(_)))
        })
    }

    fn create_node(&self) -> Result<()> {
        let room = json!({"cpu": "1000", "memory": "4Ti", "pods": "100000", "ephemeral-storage": "4Ti"});
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": NODE_NAME,
                "labels": {
                    "kubernetes.io/hostname": NODE_NAME,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "node.kubernetes.io/instance-type": "simulated",
                },
            },
            "status": {"allocatable": room, "capacity": room},
        });
        self.api.create("/api/v1/nodes", &node).context("failed to create the node")?;
        // Admission taints a new Node until a controller, which does not run here, finds it ready.
        let untaint = json!({"spec": {"taints": null}});
        self.api
            .merge_patch(&format!("/api/v1/nodes/{NODE_NAME}"), &untaint)
            .context("failed to take the taint off the node")?;
        Ok(())
    }

    fn node_is_ready(&self) -> bool {
        let Ok(node) = self.api.get(&format!("/api/v1/nodes/{NODE_NAME}")) else { return false };
        let conditions = node.pointer("/status/conditions").and_then(|conditions| conditions.as_array());
        conditions.is_some_and(|all| {
            all.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
    }

    /// Polls a condition; ends early with its log when a program has ended.
    fn until(&self, deadline: Instant, what: &str, condition: impl Fn() -> bool) -> Result<()> {
        loop {
            if condition() {
                return Ok(());
            }
            if let Some(ended) = self.running().all().find(|program| program.ended().is_some()) {
                bail!(
                    "{} ended while waiting until {what}; the end of its log:\n{}",
                    ended.name(),
                    ended.log_tail(15)
                );
            }
            if Instant::now() >= deadline {
                let logs: Vec<_> = self
                    .running()
                    .all()
                    .map(|program| format!("--- {}\n{}", program.name(), program.log_tail(8)))
                    .collect();
                bail!("gave up waiting until {what}; the ends of the logs:\n{}", logs.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// URL of the API server, `https://127.0.0.1:…`.
    #[must_use]
    pub fn server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver)
    }

    /// A kubeconfig file with the rights of `system:masters`.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// The bearer token of the user in the kubeconfig.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        self.credentials.token()
    }

    /// The certificate authority of the API server and of client certificates, and how to issue some.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A client with the rights of `system:masters`.
    #[must_use]
    pub fn api(&self) -> &KubeApi {
        &self.api
    }

    /// `kubectl` against this control plane.
    #[must_use]
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.tools.kubectl(), self.kubeconfig())
    }

    /// Creates a namespace whose name begins with `prefix` and is used by nobody else, and returns the name.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn create_namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{:06x}", rand::random::<u32>() & 0x00ff_ffff);
        self.api
            .create("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
            .with_context(|| format!("failed to create the namespace {name}"))?;
        Ok(name)
    }

    /// Folder of data, keys and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// The file with one line of JSON for each request, when the configuration asked for it.
    #[must_use]
    pub fn audit_log(&self) -> Option<PathBuf> {
        (self.config.audit_log == AuditLog::Metadata).then(|| self.path.join("audit.log"))
    }

    /// The end of a program's log: `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `kwok`.
    #[must_use]
    pub fn log_tail(&self, program: &str, lines: usize) -> String {
        self.running()
            .all()
            .find(|running| running.name() == program)
            .map(|running| running.log_tail(lines))
            .unwrap_or_default()
    }

    /// Kills the API server without warning; connections break. Its data stay.
    pub fn kill_apiserver(&self) {
        // Taken out first: the kill waits, and others may look at the programs meanwhile.
        let apiserver = self.running().apiserver.take();
        if let Some(apiserver) = apiserver {
            apiserver.kill();
        }
    }

    /// Starts the API server after [`ControlPlane::kill_apiserver`] on its old port and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_apiserver(&self) -> Result<()> {
        if self.running().apiserver.is_none() {
            let started = programs::apiserver(self).start()?;
            self.running().apiserver = Some(started);
        }
        self.wait_for_apiserver(Instant::now() + START_DEADLINE)?;
        // The controller manager and the scheduler end when the API server stays away for long.
        let mut running = self.running();
        if running.controller_manager.as_ref().is_some_and(|program| program.ended().is_some()) {
            running.controller_manager = Some(programs::controller_manager(self).start()?);
        }
        if running.scheduler.as_ref().is_some_and(|program| program.ended().is_some()) {
            running.scheduler = Some(programs::scheduler(self).start()?);
        }
        if running.kwok.as_ref().is_some_and(|program| program.ended().is_some()) {
            running.kwok = Some(programs::kwok(self).start()?);
        }
        Ok(())
    }

    /// Ends the API server in order and starts it again on the same port and data.
    ///
    /// # Errors
    /// When it does not become ready again.
    pub fn restart_apiserver(&self) -> Result<()> {
        let apiserver = self.running().apiserver.take();
        if let Some(apiserver) = apiserver {
            apiserver.stop();
        }
        self.start_apiserver()
    }

    /// Makes the API server stand still: connections stay open and nothing answers.
    pub fn pause_apiserver(&self) {
        if let Some(apiserver) = &self.running().apiserver {
            apiserver.signal(Signal::Stop);
        }
    }

    /// Lets the API server go on after [`ControlPlane::pause_apiserver`].
    pub fn resume_apiserver(&self) {
        if let Some(apiserver) = &self.running().apiserver {
            apiserver.signal(Signal::Cont);
        }
    }

    /// Ends all programs and waits until they are gone. The files of a configured folder stay.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.running());
        // No start takes the data up again, so nothing has to be brought to an orderly end, which takes seconds.
        running.all().for_each(|program| program.signal(Signal::Kill));
        running.all().for_each(Supervised::ask_to_end);
        drop(running);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stop();
    }
}
