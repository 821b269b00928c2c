//! Flags and files that the programs of a control plane are started with, and why.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::{AuditLog, ControlPlane};
use crate::ports::free_ports;
use crate::supervise::Program;

const STAGES: &str = include_str!("stages.yaml");
/// Requests per second that a controller may send, and its burst: the defaults (20, 30) are made for a large
/// shared cluster and would make every test wait.
const CLIENT_QPS: u32 = 400;
const CLIENT_BURST: u32 = 800;
/// Workers of each controller.
const WORKERS: u32 = 20;

/// The ports of one control plane, all on loopback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) apiserver: u16,
    pub(super) etcd_client: u16,
    etcd_peer: u16,
    controller_manager: u16,
    scheduler: u16,
    kwok: u16,
}

impl Ports {
    pub(super) fn choose() -> Result<Self> {
        match free_ports(6)?.as_slice() {
            &[apiserver, etcd_client, etcd_peer, controller_manager, scheduler, kwok] => {
                Ok(Self { apiserver, etcd_client, etcd_peer, controller_manager, scheduler, kwok })
            }
            ports => anyhow::bail!("asked for six ports and got {}", ports.len()),
        }
    }
}

/// Writes what the programs read besides keys and certificates.
pub(super) fn write_files(folder: &Path) -> Result<()> {
    let scheduler = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": folder.join("kubeconfig"),
            "qps": CLIENT_QPS,
            "burst": CLIENT_BURST,
        },
        "leaderElection": {"leaderElect": false},
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 2,
    });
    let audit = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata"}],
    });
    for (name, text) in [
        ("scheduler.yaml", format!("{scheduler:#}")),
        ("audit-policy.yaml", format!("{audit:#}")),
        ("stages.yaml", STAGES.to_owned()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

pub(super) fn etcd(plane: &ControlPlane) -> Program {
    let client = format!("http://127.0.0.1:{}", plane.ports.etcd_client);
    let peer = format!("http://127.0.0.1:{}", plane.ports.etcd_peer);
    program(plane, "etcd", plane.tools.etcd())
        .arg(flag("data-dir", plane.path.join("etcd").display()))
        .arg(flag("listen-client-urls", &client))
        .arg(flag("advertise-client-urls", &client))
        .arg(flag("listen-peer-urls", &peer))
        .arg(flag("initial-advertise-peer-urls", &peer))
        .arg(flag("initial-cluster", format!("default={peer}")))
        .arg(flag("log-level", "warn"))
        // Losing data with the machine is no loss here, and waiting for the disk is most of etcd's time.
        .arg("--unsafe-no-fsync")
}

pub(super) fn apiserver(plane: &ControlPlane) -> Program {
    let at = |name: &str| plane.path.join(name);
    let mut program = program(plane, "kube-apiserver", plane.tools.kube_apiserver())
        .arg(flag("etcd-servers", format!("http://127.0.0.1:{}", plane.ports.etcd_client)))
        .arg(flag("bind-address", "127.0.0.1"))
        .arg(flag("advertise-address", "127.0.0.1"))
        .arg(flag("secure-port", plane.ports.apiserver))
        .arg(flag("tls-cert-file", at("apiserver.crt").display()))
        .arg(flag("tls-private-key-file", at("apiserver.key").display()))
        .arg(flag("client-ca-file", at("ca.crt").display()))
        .arg(flag("token-auth-file", at("tokens.csv").display()))
        .arg(flag("service-account-key-file", at("service-account.pub").display()))
        .arg(flag("service-account-signing-key-file", at("service-account.key").display()))
        .arg(flag("service-account-issuer", "https://kubernetes.default.svc"))
        .arg(flag("service-cluster-ip-range", "10.96.0.0/16"))
        .arg(flag("authorization-mode", "RBAC,Node"))
        .arg(flag("endpoint-reconciler-type", "none"))
        // With it, no Pod is admitted before a controller has made its namespace's service account.
        .arg(flag("disable-admission-plugins", "ServiceAccount"))
        .arg(flag("allow-privileged", "true"))
        // Tests put load on purpose; a refusal would measure the limit instead.
        .arg(flag("max-requests-inflight", 4000))
        .arg(flag("max-mutating-requests-inflight", 2000))
        .arg(flag("profiling", "false"));
    if plane.config.audit_log == AuditLog::Metadata {
        program = program
            .arg(flag("audit-policy-file", at("audit-policy.yaml").display()))
            .arg(flag("audit-log-path", at("audit.log").display()))
            .arg(flag("audit-log-mode", "blocking"));
    }
    program.args(&plane.config.apiserver_flags)
}

pub(super) fn controller_manager(plane: &ControlPlane) -> Program {
    let mut program = program(plane, "kube-controller-manager", plane.tools.kube_controller_manager())
        .arg(flag("kubeconfig", plane.kubeconfig().display()))
        .arg(flag("bind-address", "127.0.0.1"))
        .arg(flag("secure-port", plane.ports.controller_manager))
        .arg(flag("leader-elect", "false"))
        .arg(flag("service-account-private-key-file", plane.path.join("service-account.key").display()))
        .arg(flag("root-ca-file", plane.path.join("ca.crt").display()))
        .arg(flag("controllers", "*,-nodeipam,-route,-cloud-node-lifecycle,-nodelifecycle"))
        .arg(flag("kube-api-qps", CLIENT_QPS))
        .arg(flag("kube-api-burst", CLIENT_BURST))
        // Otherwise a controller that is told of nothing waits for a random part of a second at its start.
        .arg(flag("controller-start-interval", "0s"))
        .arg(flag("profiling", "false"));
    for controller in [
        "concurrent-deployment-syncs",
        "concurrent-replicaset-syncs",
        "concurrent-statefulset-syncs",
        "concurrent-job-syncs",
        "concurrent-gc-syncs",
        "concurrent-namespace-syncs",
        "concurrent-service-endpoint-syncs",
        "concurrent-endpoint-syncs",
    ] {
        program = program.arg(flag(controller, WORKERS));
    }
    program.args(&plane.config.controller_manager_flags)
}

pub(super) fn scheduler(plane: &ControlPlane) -> Program {
    program(plane, "kube-scheduler", plane.tools.kube_scheduler())
        .arg(flag("config", plane.path.join("scheduler.yaml").display()))
        .arg(flag("bind-address", "127.0.0.1"))
        .arg(flag("secure-port", plane.ports.scheduler))
}

pub(super) fn kwok(plane: &ControlPlane) -> Program {
    program(plane, "kwok", plane.tools.kwok())
        .arg(flag("kubeconfig", plane.kubeconfig().display()))
        .arg(flag("config", plane.path.join("stages.yaml").display()))
        .arg("--manage-all-nodes")
        .arg(flag("node-ip", "127.0.0.1"))
        .arg(flag("node-port", plane.ports.kwok))
        .arg(flag("server-address", format!("127.0.0.1:{}", plane.ports.kwok)))
        .arg(flag("node-lease-duration-seconds", 0))
        // Its own state stays out of the user's home.
        .env("KWOK_WORKDIR", plane.path.join("kwok"))
}

fn program(plane: &ControlPlane, name: &str, path: std::path::PathBuf) -> Program {
    Program::new(name, path, plane.path.join(format!("{name}.log")))
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}
