//! Connections to destination clusters: made when the first application needs one, shared by all, ended when the
//! cluster is no longer registered.
//!
//! It turns what a connection reports (changes of live objects, the cluster's own state) into posts to actors.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tiphys_api::cluster::Cluster as Registered;
use tiphys_cluster::{
    ClientOptions, Cluster, ClusterConfig, ClusterOptions, KindFilter, RequestObserver, RequestRecord,
};
use tiphys_live::Rules;
use tiphys_settings::{IN_CLUSTER_SERVER, RespectRbac, Settings};

use crate::context::Context;
use crate::metrics::Metrics;

/// All connections.
pub(crate) struct Clusters {
    /// The cluster of the control plane, which needs no Secret.
    local: ClusterConfig,
    requests_in_flight: usize,
    metrics: Metrics,
    connected: Mutex<HashMap<String, Connection>>,
    /// Set once, when the context that owns this exists.
    context: OnceLock<Weak<Context>>,
}

struct Connection {
    registered: Registered,
    cluster: Arc<Cluster>,
}

impl Clusters {
    pub(crate) fn new(local: ClusterConfig, requests_in_flight: usize, metrics: Metrics) -> Self {
        Self { local, requests_in_flight, metrics, connected: Mutex::default(), context: OnceLock::new() }
    }

    /// Tells where posts go. Called once, before the first connection.
    pub(crate) fn report_to(&self, context: &Arc<Context>) {
        let _set_before = self.context.set(Arc::downgrade(context));
    }

    /// The connection to a registered cluster, made if there is none. A cluster that does not answer is connected too: its
    /// state says so.
    pub(crate) fn get(&self, registered: &Registered, settings: &Settings) -> Result<Arc<Cluster>, String> {
        let mut connected = self.connected.lock();
        if let Some(connection) = connected.get(&registered.server)
            && same_connection(&connection.registered, registered)
        {
            return Ok(connection.cluster.clone());
        }
        let config = self.config(registered)?;
        let options = ClusterOptions {
            client: ClientOptions {
                max_in_flight: self.requests_in_flight,
                observer: Arc::new(Observer(self.metrics.clone())),
                user_agent: concat!("tiphys-application-controller/", env!("CARGO_PKG_VERSION")).to_owned(),
                ..ClientOptions::default()
            },
            rules: rules(settings),
            filter: filter(settings, &registered.server),
            namespaces: registered.namespaces.clone(),
            cluster_resources: registered.cluster_resources,
            respect_rbac: settings.respect_rbac != RespectRbac::Off,
            rbac_review: settings.respect_rbac == RespectRbac::Strict,
            ..ClusterOptions::default()
        };
        let cluster = Cluster::connect(&config, options).map_err(|error| chain(&error))?;
        if let Some(context) = self.context.get() {
            tokio::spawn(forward_changes(context.clone(), Arc::downgrade(&cluster)));
            tokio::spawn(forward_states(context.clone(), Arc::downgrade(&cluster)));
        }
        let connection = Connection { registered: registered.clone(), cluster: cluster.clone() };
        connected.insert(registered.server.clone(), connection);
        Ok(cluster)
    }

    /// Ends connections to clusters that are no longer registered, and tells the others about new rules.
    pub(crate) fn settings_changed(&self, settings: &Settings) {
        let mut connected = self.connected.lock();
        connected.retain(|server, connection| {
            settings
                .clusters
                .by_server(server)
                .is_some_and(|now| same_connection(&connection.registered, now))
        });
        for (server, connection) in connected.iter() {
            connection.cluster.set_filter(filter(settings, server));
            let before = connection.cluster.read(|index| index.rules().clone());
            let now = rules(settings);
            if before.tracking != now.tracking || before.custom_labels != now.custom_labels {
                connection.cluster.set_rules(now);
            }
        }
    }

    /// All connections there are.
    pub(crate) fn connected(&self) -> Vec<Arc<Cluster>> {
        self.connected.lock().values().map(|connection| connection.cluster.clone()).collect()
    }

    fn config(&self, registered: &Registered) -> Result<ClusterConfig, String> {
        if registered.server == IN_CLUSTER_SERVER && registered.config == Default::default() {
            return Ok(self.local.clone().registered_as(&registered.server, &registered.name));
        }
        ClusterConfig::from_registered(registered).map_err(|error| chain(&error))
    }
}

/// Whether two registrations mean the same connection: what differs otherwise (labels, say) does not matter to it.
fn same_connection(one: &Registered, other: &Registered) -> bool {
    one.server == other.server
        && one.config == other.config
        && one.namespaces == other.namespaces
        && one.cluster_resources == other.cluster_resources
        // Who asks for a refresh wants everything read anew.
        && one.refresh_requested_at == other.refresh_requested_at
}

fn rules(settings: &Settings) -> Rules {
    Rules {
        tracking: settings.tracking.clone(),
        custom_labels: settings.custom_labels.clone(),
        ..Rules::default()
    }
}

fn filter(settings: &Settings, server: &str) -> KindFilter {
    let filter = settings.resource_filter.clone();
    let server = server.to_owned();
    Arc::new(move |kind| !filter.is_excluded(&kind.group, &kind.kind, &server))
}

async fn forward_changes(context: Weak<Context>, cluster: Weak<Cluster>) {
    let Some(mut changes) = cluster.upgrade().map(|cluster| cluster.changes()) else { return };
    loop {
        let batch = changes.next().await;
        let (Some(context), Some(cluster)) = (context.upgrade(), cluster.upgrade()) else { return };
        if batch.is_empty() {
            return;
        }
        for change in batch {
            context.metrics.changed(cluster.server(), change.key.group(), change.key.kind());
            for app in &change.apps {
                context.registry.changed(app, &change);
            }
        }
    }
}

/// When a cluster comes or goes, what is known of its applications changes as a whole.
async fn forward_states(context: Weak<Context>, cluster: Weak<Cluster>) {
    let Some(mut states) = cluster.upgrade().map(|cluster| cluster.states()) else { return };
    while states.changed().await.is_ok() {
        let state = states.borrow_and_update().clone();
        let (Some(context), Some(cluster)) = (context.upgrade(), cluster.upgrade()) else { return };
        match state.failure() {
            Some(reason) => tracing::warn!(server = cluster.server(), reason, "a cluster can't be used"),
            None => tracing::info!(server = cluster.server(), ?state, "the state of a cluster changed"),
        }
        context.registry.post_to_all(|pending| pending.surroundings = true);
    }
}

struct Observer(Metrics);

impl RequestObserver for Observer {
    fn observed(&self, record: &RequestRecord<'_>) {
        if record.verb != "watch" {
            self.0.requested(
                record.server,
                record.code.unwrap_or(0),
                record.verb,
                record.kind,
                record.dry_run,
            );
        }
    }
}

/// An error with its sources in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CLU-006
    #[test]
    fn a_requested_refresh_makes_another_connection_and_a_label_does_not() {
        let registered = Registered { server: "https://one".to_owned(), ..Registered::default() };
        let mut labelled = registered.clone();
        labelled.labels.insert("team".to_owned(), "a".to_owned());
        assert!(same_connection(&registered, &labelled));
        let mut asked = registered.clone();
        asked.refresh_requested_at = "2026-01-02T03:04:05Z".parse().ok();
        assert!(asked.refresh_requested_at.is_some());
        assert!(!same_connection(&registered, &asked));
        assert!(same_connection(&asked, &asked.clone()));
    }
}
