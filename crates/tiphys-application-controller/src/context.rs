//! What all actors of one controller share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tiphys_cluster::ApiClient;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::actor;
use crate::clusters::Clusters;
use crate::config::Config;
use crate::events::Events;
use crate::mailbox::Pending;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::render::RepoServer;
use crate::store::{AppKey, Store};

/// The shared parts; one for each running controller.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) store: Arc<Store>,
    pub(crate) registry: Registry,
    pub(crate) clusters: Clusters,
    pub(crate) repo_server: RepoServer,
    pub(crate) metrics: Metrics,
    pub(crate) events: Events,
    /// The API server of the control plane, where Applications are written.
    pub(crate) api: ApiClient,
    /// Bounds how many applications are rendered and compared at once.
    pub(crate) status_permits: Semaphore,
    /// Bounds how many operations run at once.
    pub(crate) operation_permits: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) listed: AtomicBool,
}

impl Context {
    /// Posts to an application, whose actor is started when there is none.
    pub(crate) fn post(self: &Arc<Self>, key: &AppKey, merge: impl FnOnce(&mut Pending)) {
        let instance: Arc<str> = key.instance_name(&self.config.namespace).into();
        let handle = self.registry.get_or_start(key, &instance, |handle| {
            actor::spawn(self.clone(), key.clone(), instance.clone(), handle);
        });
        handle.mailbox.post(merge);
    }

    /// Notes that the first list of Applications was read: the controller is ready.
    pub(crate) fn applications_listed(&self) {
        self.listed.store(true, Ordering::Release);
    }

    /// Whether the controller knows its Applications.
    pub(crate) fn is_ready(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }
}
