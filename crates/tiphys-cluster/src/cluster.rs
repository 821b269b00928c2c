//! One cluster, observed: the live index, kept up by watches, and the writes that go with it.
//!
//! [`Cluster::connect`] returns at once; what is known grows. [`ClusterState`] says when it can be used, and
//! proofs of absence can be had only for kinds that are really watched.

mod feed;
mod kinds;
mod observe;
mod openapi;
mod state;
mod write;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tiphys_live::{Change, KindInfo, LiveIndex, LiveNode, LiveSnapshot, Observation, Rules};
use tiphys_manifest::{GroupKind, ResourceKey};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::client::{ApiClient, ClientOptions};
use crate::config::ClusterConfig;
use crate::discovery::ServerVersion;
use crate::transport::TransportError;

pub use feed::Changes;
pub use kinds::UnknownKind;
pub use state::ClusterState;
pub use write::{Applied, ApplyAction, ApplyError, ApplyRequest, DeleteError, Deleted, FieldValidation};

/// Says of a group and kind whether it shall be watched (`resource.inclusions` and `resource.exclusions` of
/// the settings).
pub type KindFilter = Arc<dyn Fn(&GroupKind) -> bool + Send + Sync>;

/// Settings of an observed cluster.
#[derive(Clone)]
pub struct ClusterOptions {
    /// Settings of the connection.
    pub client: ClientOptions,
    /// How objects are read into the index.
    pub rules: Rules,
    /// Which kinds are watched. Events and metrics never are, whatever the filter says.
    pub filter: KindFilter,
    /// Namespaces that are watched; all when empty (CLU-003, REC-029).
    pub namespaces: Vec<String>,
    /// Watch cluster-scoped objects although `namespaces` is set.
    pub cluster_resources: bool,
    /// A kind that may not be listed is left out instead of being reported as unknown (TRK-013).
    pub respect_rbac: bool,
    /// With `respect_rbac`: leave a kind out only when an access review says that it may not be listed. A
    /// list can be refused for other reasons, too.
    pub rbac_review: bool,
    /// Time for changes to come together (CFG-090 allows up to 100 ms).
    pub batch: Duration,
    /// Time between discoveries when nothing hints at a change.
    pub rediscovery: Duration,
    /// Lists that are read at the same time (TRK-015).
    pub concurrent_lists: usize,
    /// Time for a kind to appear whose definition was just created.
    pub kind_deadline: Duration,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            client: ClientOptions::default(),
            rules: Rules::default(),
            filter: Arc::new(|_| true),
            namespaces: Vec::new(),
            cluster_resources: false,
            respect_rbac: false,
            rbac_review: false,
            batch: Duration::from_millis(20),
            rediscovery: Duration::from_secs(600),
            concurrent_lists: 16,
            kind_deadline: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for ClusterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterOptions")
            .field("client", &self.client)
            .field("rules", &self.rules)
            .field("namespaces", &self.namespaces)
            .field("cluster_resources", &self.cluster_resources)
            .field("respect_rbac", &self.respect_rbac)
            .finish_non_exhaustive()
    }
}

/// One observed cluster. Ends its watches when it is dropped.
pub struct Cluster {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

/// What the tasks of a cluster share.
pub(crate) struct Inner {
    name: String,
    client: ApiClient,
    options: ClusterOptions,
    filter: RwLock<KindFilter>,
    index: RwLock<LiveIndex>,
    feed: feed::Feed,
    state: watch::Sender<ClusterState>,
    /// Why discovery fails while the API server answers, for example for lack of permission.
    refused: Mutex<Option<Arc<str>>>,
    server: Mutex<ServerInfo>,
    /// Counts finished discoveries, also failed ones.
    discoveries: watch::Sender<u64>,
    rediscover: Notify,
    /// All objects have to be read anew: the rules are others.
    reread: AtomicBool,
    lists: Semaphore,
    schemas: openapi::Schemas,
}

#[derive(Debug, Clone, Default)]
struct ServerInfo {
    version: ServerVersion,
    api_versions: Arc<[String]>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cluster {
    /// Begins to observe a cluster. Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Only when certificates, credentials or the proxy can't be used; a cluster that does not answer is a
    /// state.
    pub fn connect(config: &ClusterConfig, options: ClusterOptions) -> Result<Arc<Self>, TransportError> {
        let client = ApiClient::new(config, &options.client)?;
        let inner = Arc::new(Inner {
            name: config.name().to_owned(),
            client,
            filter: RwLock::new(options.filter.clone()),
            index: RwLock::new(LiveIndex::new(options.rules.clone())),
            feed: feed::Feed::default(),
            state: watch::Sender::new(ClusterState::Connecting),
            refused: Mutex::new(None),
            server: Mutex::new(ServerInfo::default()),
            discoveries: watch::Sender::new(0),
            rediscover: Notify::new(),
            reread: AtomicBool::new(false),
            lists: Semaphore::new(options.concurrent_lists.max(1)),
            schemas: openapi::Schemas::default(),
            options,
        });
        let task = tokio::spawn(observe::run(inner.clone()));
        Ok(Arc::new(Self { inner, task }))
    }

    /// Address under which the cluster is registered.
    pub fn server(&self) -> &str {
        self.inner.client.server()
    }

    /// Name under which the cluster is registered.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The client, for objects that are not deployed but the control plane's own.
    pub fn client(&self) -> &ApiClient {
        &self.inner.client
    }

    /// How the cluster is doing.
    pub fn state(&self) -> ClusterState {
        self.inner.state.borrow().clone()
    }

    /// How the cluster is doing, with every change of that.
    pub fn states(&self) -> watch::Receiver<ClusterState> {
        self.inner.state.subscribe()
    }

    /// Waits until the cluster can be used, or until it is known that it can't now.
    pub async fn settled(&self) -> ClusterState {
        let mut states = self.states();
        let settled = states.wait_for(|state| *state != ClusterState::Connecting).await;
        settled.map_or(ClusterState::Connecting, |state| state.clone())
    }

    /// Changes of objects from now on.
    pub fn changes(&self) -> Changes {
        self.inner.feed.subscribe(self.inner.options.batch)
    }

    /// Asks the index. The index can't change while `ask` runs, so it has to be quick.
    pub fn read<R>(&self, ask: impl FnOnce(&LiveIndex) -> R) -> R {
        ask(&self.inner.index.read())
    }

    /// What one application needs to know.
    pub fn snapshot<'a>(
        &self,
        app_instance: &str,
        desired: impl IntoIterator<Item = &'a ResourceKey>,
    ) -> LiveSnapshot {
        self.inner.index.read().snapshot(app_instance, desired)
    }

    /// One object as it was last seen.
    pub fn node(&self, key: &ResourceKey) -> Option<Arc<LiveNode>> {
        self.inner.index.read().get(key)
    }

    /// The kinds of the cluster and how far they are observed.
    pub fn observation(&self) -> Arc<Observation> {
        self.inner.index.read().observation().clone()
    }

    /// A served kind.
    pub fn kind(&self, kind: &GroupKind) -> Option<Arc<KindInfo>> {
        self.inner.index.read().observation().kind(kind).cloned()
    }

    /// Version of the API server; empty until it answered.
    pub fn version(&self) -> ServerVersion {
        self.inner.server.lock().version.clone()
    }

    /// Everything that is served, as `group/version` and `group/version/Kind`, sorted; empty until it is known.
    pub fn api_versions(&self) -> Arc<[String]> {
        self.inner.server.lock().api_versions.clone()
    }

    /// Watches other kinds from now on.
    pub fn set_filter(&self, filter: KindFilter) {
        *self.inner.filter.write() = filter;
        self.inner.rediscover.notify_one();
    }

    /// Reads objects by other rules from now on, and all known ones anew (REC-028). Proofs of absence are not
    /// available until everything is listed again.
    pub fn set_rules(&self, rules: Rules) {
        self.inner.index.write().set_rules(rules);
        self.inner.reread.store(true, Ordering::Release);
        self.inner.rediscover.notify_one();
    }

    /// Lists everything again, as somebody asked for (CLU-006).
    pub fn relist(&self) {
        self.inner.reread.store(true, Ordering::Release);
        self.inner.rediscover.notify_one();
    }
}

impl Inner {
    /// Kinds that nobody deploys and that change all the time, without regard to settings (TRK-011).
    fn is_watched(&self, kind: &KindInfo) -> bool {
        let group = &*kind.gvk.group;
        let never = matches!(
            group,
            "events.k8s.io" | "metrics.k8s.io" | "custom.metrics.k8s.io" | "external.metrics.k8s.io"
        ) || (group.is_empty() && &*kind.gvk.kind == "Event");
        let in_reach =
            kind.namespaced || self.options.namespaces.is_empty() || self.options.cluster_resources;
        !never && in_reach && kind.is_watchable() && (self.filter.read())(&kind.group_kind())
    }

    /// The namespaces that a kind is watched in; an empty name stands for all.
    fn namespaces_of(&self, kind: &KindInfo) -> BTreeSet<String> {
        if kind.namespaced && !self.options.namespaces.is_empty() {
            self.options.namespaces.iter().cloned().collect()
        } else {
            BTreeSet::from([String::new()])
        }
    }

    fn publish(&self, changes: &[Change]) {
        self.feed.push(changes);
    }
}
