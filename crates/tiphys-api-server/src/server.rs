//! What all handlers share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tiphys_cluster::{ApiClient, EventWriter};
use tiphys_identity::{Attempts, Revocations};
use tiphys_rbac::Enforcer;
use tiphys_settings::Settings;
use tiphys_wire::api::Schema;
use tiphys_wire::internal::repo_service_client::RepoServiceClient;
use tiphys_wire::internal::state_service_client::StateServiceClient;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::applications::Applications;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::projects::Projects;

/// A handle that every handler gets.
pub(crate) type Shared = Arc<Server>;

/// The state of the api-server.
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) schema: Arc<Schema>,
    pub(crate) api: ApiClient,
    pub(crate) applications: Applications,
    pub(crate) projects: Projects,
    pub(crate) settings: ArcSwap<Settings>,
    pub(crate) enforcer: ArcSwap<Enforcer>,
    pub(crate) repo_server: RepoServiceClient<Channel>,
    pub(crate) controller: StateServiceClient<Channel>,
    pub(crate) attempts: Mutex<Attempts>,
    pub(crate) revocations: Mutex<Revocations>,
    pub(crate) logins: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) events: EventWriter,
    /// Cancelled when the server is to end.
    pub(crate) ending: CancellationToken,
}

impl Server {
    /// Why the server can't answer yet, if it can't.
    pub(crate) fn readiness(&self) -> Result<(), String> {
        if !self.projects.is_listed() {
            return Err("projects are not listed yet".to_owned());
        }
        if !self.applications.is_listed() {
            return Err("applications are not listed yet".to_owned());
        }
        Ok(())
    }
}
