//! Registered clusters, the cluster that the control plane runs in, and which of them a destination means.

use tiphys_api::application::ApplicationDestination;
use tiphys_api::cluster::{Cluster, ClusterConfig};

use crate::reading::split;
use crate::{Problem, SecretData};

/// Address of the cluster that the control plane runs in.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Name of the cluster that the control plane runs in, when no Secret says otherwise.
pub const IN_CLUSTER_NAME: &str = "in-cluster";

const SECRET_TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";
const REFRESH_ANNOTATION: &str = "argocd.argoproj.io/refresh";
const SKIP_RECONCILE_ANNOTATION: &str = "argocd.argoproj.io/skip-reconcile";
const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const MANAGED_BY_ANNOTATION: &str = "managed-by";

/// Why a destination names no cluster. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Neither address nor name.
    #[error("Destination server missing from app spec")]
    Missing,
    /// Both address and name.
    #[error("application destination can't have both name and server defined: {name} {server}")]
    Both {
        /// The name.
        name: String,
        /// The address.
        server: String,
    },
    /// No cluster has this name.
    #[error("there are no clusters with this name: {name}")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// Several clusters have this name.
    #[error("there are {} clusters with the same name: [{}]", servers.len(), servers.join(" "))]
    AmbiguousName {
        /// Their addresses.
        servers: Vec<String>,
    },
    /// No cluster has this address.
    #[error("error getting cluster by server \"{server}\": cluster \"{server}\" not found")]
    UnknownServer {
        /// The address.
        server: String,
    },
    /// The address is the control plane's own cluster, which the settings switch off.
    #[error("error getting cluster by server \"{server}\": cluster \"{server}\" is disabled")]
    Disabled {
        /// The address.
        server: String,
    },
}

/// All clusters that applications may name.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    clusters: Vec<Cluster>,
    in_cluster_enabled: bool,
}

impl Clusters {
    pub(crate) fn read(
        secrets: &[SecretData],
        in_cluster_enabled: bool,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut clusters: Vec<Cluster> = Vec::new();
        let mut sorted: Vec<&SecretData> = secrets.iter().collect();
        sorted.sort_by(|one, other| one.name.cmp(&other.name));
        for secret in sorted {
            let mut note = |key: &str, message: String| {
                problems.push(Problem { subject: format!("secret {}: {key}", secret.name), message });
            };
            let Some(cluster) = read_cluster(secret, &mut note) else { continue };
            if cluster.server == IN_CLUSTER_SERVER && !in_cluster_enabled {
                continue;
            }
            if clusters.iter().any(|known| known.server == cluster.server) {
                note(
                    "server",
                    format!("cluster {} is registered twice; this Secret is ignored", cluster.server),
                );
                continue;
            }
            clusters.push(cluster);
        }
        if in_cluster_enabled && !clusters.iter().any(|cluster| cluster.server == IN_CLUSTER_SERVER) {
            clusters.push(Cluster {
                server: IN_CLUSTER_SERVER.to_owned(),
                name: IN_CLUSTER_NAME.to_owned(),
                ..Cluster::default()
            });
        }
        Self { clusters, in_cluster_enabled }
    }

    /// The cluster with this address; slashes at its end do not count.
    #[must_use]
    pub fn by_server(&self, server: &str) -> Option<&Cluster> {
        let server = server.trim_end_matches('/');
        self.clusters.iter().find(|cluster| cluster.server == server)
    }

    /// The clusters with this name.
    pub fn by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Cluster> + 'a {
        self.clusters.iter().filter(move |cluster| cluster.name == name)
    }

    /// The cluster that a destination means.
    ///
    /// # Errors
    ///
    /// When the destination has not exactly one of address and name, or not exactly one cluster has it.
    pub fn resolve<'a>(
        &'a self,
        destination: &ApplicationDestination,
    ) -> Result<&'a Cluster, DestinationError> {
        let ApplicationDestination { server, name, .. } = destination;
        match (server.is_empty(), name.is_empty()) {
            (true, true) => Err(DestinationError::Missing),
            (false, false) => Err(DestinationError::Both { name: name.clone(), server: server.clone() }),
            (false, true) => self.by_server(server).ok_or_else(|| {
                let server = server.trim_end_matches('/').to_owned();
                if server == IN_CLUSTER_SERVER && !self.in_cluster_enabled {
                    DestinationError::Disabled { server }
                } else {
                    DestinationError::UnknownServer { server }
                }
            }),
            (true, false) => {
                let found: Vec<&'a Cluster> =
                    self.clusters.iter().filter(|cluster| cluster.name == *name).collect();
                match found.as_slice() {
                    [] => Err(DestinationError::UnknownName { name: name.clone() }),
                    [cluster] => Ok(cluster),
                    several => Err(DestinationError::AmbiguousName {
                        servers: several.iter().map(|cluster| cluster.server.clone()).collect(),
                    }),
                }
            }
        }
    }

    /// All clusters, the control plane's own last when no Secret names it.
    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter()
    }

    /// The clusters that are registered for this project alone.
    pub fn of_project<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Cluster> + 'a {
        self.iter().filter(move |cluster| !project.is_empty() && cluster.project == project)
    }

    /// Whether applications of this cluster are left alone (`argocd.argoproj.io/skip-reconcile` on its Secret).
    #[must_use]
    pub fn is_skipped(cluster: &Cluster) -> bool {
        cluster.annotations.get(SKIP_RECONCILE_ANNOTATION).is_some_and(|value| value == "true")
    }
}

fn read_cluster(secret: &SecretData, note: &mut impl FnMut(&str, String)) -> Option<Cluster> {
    let server = secret.text("server").trim().trim_end_matches('/').to_owned();
    if server.is_empty() {
        note("server", "missing; the cluster is ignored".to_owned());
        return None;
    }
    let config = match secret.text("config").trim() {
        "" => ClusterConfig::default(),
        text => match serde_json::from_str::<ClusterConfig>(text) {
            Ok(config) => config,
            Err(error) => {
                // The error's own words could repeat a credential.
                let place = format!("line {} column {}", error.line(), error.column());
                note("config", format!("not a cluster configuration ({place}); the cluster is ignored"));
                return None;
            }
        },
    };
    if config.tls_client_config.insecure && !config.tls_client_config.ca_data.is_empty() {
        note("config", "insecure cannot be combined with caData; the cluster is ignored".to_owned());
        return None;
    }
    let shard = match secret.text("shard").trim() {
        "" => None,
        text => text.parse().map_err(|_| note("shard", "no whole number; it is ignored".to_owned())).ok(),
    };
    let refresh_requested_at = secret.annotations.get(REFRESH_ANNOTATION).and_then(|text| {
        text.parse()
            .map_err(|_| note("metadata.annotations", format!("{REFRESH_ANNOTATION} is no RFC 3339 time")))
            .ok()
    });
    let mut labels = secret.labels.clone();
    labels.remove(SECRET_TYPE_LABEL);
    let mut annotations = secret.annotations.clone();
    annotations.remove(LAST_APPLIED_ANNOTATION);
    annotations.remove(MANAGED_BY_ANNOTATION);
    Some(Cluster {
        server,
        name: secret.text("name").trim().to_owned(),
        config,
        namespaces: split(secret.text("namespaces")),
        refresh_requested_at,
        shard,
        cluster_resources: secret.text("clusterResources") == "true",
        project: secret.text("project").trim().to_owned(),
        labels,
        annotations,
        ..Cluster::default()
    })
}
