//! The cluster of the demo: a control plane of its own, or one that the user has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tiphys_test_kit::ports::free_ports;
use tiphys_test_kit::scratch::ScratchFolder;
use tiphys_test_kit::supervise::{Program, Supervised};
use tiphys_test_kit::{ControlPlane, ControlPlaneConfig, KubeApi, Kubectl, Tools, wait_until_blocking};

/// How long a cluster of the user may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Cluster {
    api: KubeApi,
    kubectl: Kubectl,
    kubeconfig: PathBuf,
    // Kept for their ends.
    _plane: Option<ControlPlane>,
    _proxy: Option<(Supervised, ScratchFolder)>,
}

impl Cluster {
    /// Starts a control plane, or opens a way to the cluster of `kubeconfig`.
    pub(super) fn start(kubeconfig: Option<&Path>, tools: &Tools) -> Result<Self> {
        let Some(kubeconfig) = kubeconfig else {
            let plane = ControlPlane::start(ControlPlaneConfig {
                name: "demo".to_owned(),
                ..ControlPlaneConfig::default()
            })?;
            return Ok(Self {
                api: plane.api().clone(),
                kubectl: plane.kubectl(),
                kubeconfig: plane.kubeconfig(),
                _plane: Some(plane),
                _proxy: None,
            });
        };
        let kubeconfig =
            kubeconfig.canonicalize().with_context(|| format!("failed to find {}", kubeconfig.display()))?;
        let scratch = ScratchFolder::new("tiphys-demo-proxy-")?;
        let port = free_ports(1)?.first().copied().context("no port is free")?;
        let proxy = Program::new("kubectl-proxy", tools.kubectl(), scratch.path().join("log"))
            .args(["proxy", "--address=127.0.0.1"])
            .arg(format!("--port={port}"))
            .env("KUBECONFIG", &kubeconfig)
            .start()?;
        let api = KubeApi::through_proxy(port);
        wait_until_blocking(PATIENCE, "the cluster answers", || api.get("/version").map(|_| ()))
            .with_context(|| format!("failed to reach the cluster of {}", kubeconfig.display()))?;
        Ok(Self {
            api,
            kubectl: Kubectl::new(tools.kubectl(), &kubeconfig),
            kubeconfig,
            _plane: None,
            _proxy: Some((proxy, scratch)),
        })
    }

    pub(super) fn api(&self) -> &KubeApi {
        &self.api
    }

    pub(super) fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// One decoded key of a Secret; nothing when there is none.
    pub(super) fn secret(&self, namespace: &str, name: &str, key: &str) -> Option<String> {
        let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
        self.kubectl.run(&["get", "secret", "--namespace", namespace, name, "--output", &template]).ok()
    }
}
