//! A Kubernetes control plane, Git servers and fixtures for tests and for the demo.
//!
//! Everything here starts the real program: etcd, the API server, Git, `sshd`. What it starts ends with the
//! process that asked for it, however that process ends. No crate of Tiphys is needed.

pub mod control_plane;
pub mod git_http;
pub mod git_repo;
pub mod git_ssh;
pub mod installation;
pub mod kube_api;
pub mod kubectl;
pub mod ports;
pub mod scratch;
pub mod supervise;
pub mod toolchain;
pub mod wait;

pub use control_plane::audit::{AuditMark, AuditedRequest};
pub use control_plane::{
    AuditLog, ControlPlane, ControlPlaneConfig, NODE_NAME, Workloads, shared_control_plane,
};
pub use git_http::{GitFault, GitHttpConfig, GitHttpServer, GitRequest, GitTls};
pub use git_repo::GitRepo;
pub use git_ssh::GitSshServer;
pub use installation::{Installation, InstallationConfig, Service};
pub use kube_api::{KubeApi, KubeApiError};
pub use kubectl::Kubectl;
pub use toolchain::{Tool, Tools, user_cache_folder};
pub use wait::{wait_until, wait_until_blocking};
