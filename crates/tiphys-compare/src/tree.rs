//! The tree of objects behind an application, and what is shown of it as a whole: images and links (REC-019, REC-022,
//! REC-023).
//!
//! Made from a comparison and the live index when somebody asks for it. The walk keeps to what the project permits:
//! below an object that it does not permit nothing is shown.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tiphys_api::application::{ApplicationCondition, ApplicationSummary, HealthStatus};
use tiphys_api::project::OrphanedResourcesMonitorSettings;
use tiphys_api::resource_tree::{
    ApplicationTree, HostInfo, HostResourceInfo, InfoItem, LoadBalancerIngress, NodeSystemInfo,
    ResourceNetworkingInfo, ResourceNode, ResourceRef,
};
use tiphys_api::words::ApplicationConditionType::OrphanedResourceWarning;
use tiphys_api::words::HealthStatusCode;
use tiphys_live::{LiveIndex, LiveNode, LoadBalancerAddress, Networking, OwnerRef};
use tiphys_manifest::{GroupKind, ResourceKey};
use tiphys_rbac::{Destination, Project};
use tiphys_settings::glob;

use crate::comparison::Comparison;
use crate::conditions::condition;
use crate::messages;

/// What a project shows of a cluster.
#[derive(Clone, Copy)]
pub struct ProjectView<'a> {
    /// The limits of the project.
    pub project: &'a Project,
    /// The cluster.
    pub cluster: Destination<'a>,
    /// Objects that nobody manages are looked for in the destination namespace.
    pub orphaned: Option<&'a OrphanedResourcesMonitorSettings>,
    /// Namespace that the application deploys to.
    pub destination_namespace: &'a str,
    /// Labels of nodes that may be shown.
    pub allowed_node_labels: &'a [String],
}

impl ProjectView<'_> {
    fn permits(&self, key: &ResourceKey) -> bool {
        self.project.permits_resource(self.cluster, key.group(), key.kind(), key.namespace(), key.name())
    }

    fn ignores_orphan(&self, key: &ResourceKey) -> bool {
        let matches = |pattern: &str, text: &str| pattern.is_empty() || glob::matches(pattern, text);
        self.orphaned.is_some_and(|orphaned| {
            orphaned.ignore.iter().any(|ignored| {
                glob::matches(&ignored.group, key.group())
                    && matches(&ignored.kind, key.kind())
                    && matches(&ignored.name, key.name())
            })
        })
    }
}

/// The managed live objects and everything below them that the project permits, each once and after its owner.
#[must_use]
pub fn tree_nodes(comparison: &Comparison, index: &LiveIndex, view: &ProjectView<'_>) -> Vec<Arc<LiveNode>> {
    // The index may know a newer state than the comparison, also of a cluster that could not be compared just now. The
    // tree shows what is known.
    let roots = comparison.resources.iter().filter_map(|resource| index.get(&resource.key)).collect();
    walk(roots, index, view, |_| true)
}

fn walk(
    roots: Vec<Arc<LiveNode>>,
    index: &LiveIndex,
    view: &ProjectView<'_>,
    is_wanted: impl Fn(&LiveNode) -> bool,
) -> Vec<Arc<LiveNode>> {
    let mut seen: HashSet<ResourceKey> = HashSet::with_capacity(roots.len() * 2);
    let mut queue: VecDeque<Arc<LiveNode>> = VecDeque::with_capacity(roots.len());
    let mut nodes = Vec::with_capacity(roots.len() * 2);
    queue.extend(roots);
    while let Some(node) = queue.pop_front() {
        if !seen.insert(node.key.clone()) || !view.permits(&node.key) || !is_wanted(&node) {
            continue;
        }
        queue.extend(index.children(&node));
        nodes.push(node);
    }
    nodes
}

/// Images and links of an application.
#[must_use]
pub fn summary<'a>(nodes: impl IntoIterator<Item = &'a Arc<LiveNode>>) -> ApplicationSummary {
    let mut images: BTreeSet<&str> = BTreeSet::new();
    let mut urls: BTreeSet<&str> = BTreeSet::new();
    let mut is_app_of_apps = false;
    for node in nodes {
        let info = node.info();
        images.extend(info.images.iter().map(|image| &**image));
        urls.extend(
            info.networking.iter().flat_map(|networking| networking.external_urls.iter().map(|url| &**url)),
        );
        is_app_of_apps |= node.key.kind() == "Application" && node.key.group() == tiphys_api::GROUP;
    }
    let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
    ApplicationSummary { external_urls: owned(urls), images: owned(images), is_app_of_apps }
}

/// Objects in the destination namespace that no application manages, with what is below them; none when the project does
/// not look for them.
fn orphaned_nodes(index: &LiveIndex, view: &ProjectView<'_>) -> Vec<Arc<LiveNode>> {
    if view.orphaned.is_none() {
        return Vec::new();
    }
    let roots = index
        .orphans(view.destination_namespace)
        .into_iter()
        .filter(|node| !view.ignores_orphan(&node.key))
        .collect();
    walk(roots, index, view, |node| node.tracked_by.is_none())
}

/// The condition about objects in the destination namespace that nobody manages.
#[must_use]
pub fn orphaned_condition(index: &LiveIndex, view: &ProjectView<'_>) -> Option<ApplicationCondition> {
    view.orphaned.filter(|orphaned| orphaned.warn.unwrap_or(true))?;
    let count = orphaned_nodes(index, view).len();
    (count > 0).then(|| condition(OrphanedResourceWarning, messages::orphaned_resources(count)))
}

/// The tree as the API gives it.
#[must_use]
pub fn resource_tree(comparison: &Comparison, index: &LiveIndex, view: &ProjectView<'_>) -> ApplicationTree {
    let live = tree_nodes(comparison, index, view);
    let mut nodes: Vec<ResourceNode> = comparison
        .resources
        .iter()
        .filter(|resource| resource.live.is_none() && index.get(&resource.key).is_none())
        .map(|resource| ResourceNode {
            reference: reference(&resource.key, &resource.gvk.version, ""),
            health: Some(HealthStatus { status: HealthStatusCode::Missing, ..HealthStatus::default() }),
            ..ResourceNode::default()
        })
        .collect();
    nodes.extend(live.iter().map(|node| resource_node(node, index)));
    let mut orphaned_nodes: Vec<ResourceNode> =
        orphaned_nodes(index, view).iter().map(|node| resource_node(node, index)).collect();
    orphaned_nodes.sort_by(|one, other| one.reference.cmp(&other.reference));
    ApplicationTree { hosts: hosts(&live, index, view), nodes, orphaned_nodes, shards_count: 0 }
}

fn reference(key: &ResourceKey, version: &str, uid: &str) -> ResourceRef {
    ResourceRef {
        group: key.group().to_owned(),
        version: version.to_owned(),
        kind: key.kind().to_owned(),
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        uid: uid.to_owned(),
    }
}

fn resource_node(node: &LiveNode, index: &LiveIndex) -> ResourceNode {
    let info = node.info();
    ResourceNode {
        reference: reference(&node.key, &node.version, &node.uid),
        parent_refs: parents(node, index),
        info: info
            .items
            .iter()
            .map(|(name, value)| InfoItem { name: name.to_string(), value: value.to_string() })
            .collect(),
        networking_info: info.networking.as_deref().map(networking),
        resource_version: node.resource_version.to_string(),
        images: info.images.iter().map(ToString::to_string).collect(),
        health: node.health.as_ref().map(|health| HealthStatus {
            status: health.status.clone(),
            message: health.message.clone().unwrap_or_default(),
            last_transition_time: None,
        }),
        created_at: node.created_at.parse().ok(),
    }
}

/// Owners that exist, as they are; and those that are only written down, as they are written.
fn parents(node: &LiveNode, index: &LiveIndex) -> Vec<ResourceRef> {
    let found = index.parents(node);
    let is_found = |owner: &OwnerRef| {
        found.iter().any(|parent| *parent.uid == *owner.uid || *parent.key.name() == *owner.name)
    };
    let written = node.owners.iter().filter(|owner| !is_found(owner)).map(|owner| ResourceRef {
        group: owner.group.to_string(),
        version: String::new(),
        kind: owner.kind.to_string(),
        namespace: node.key.namespace().to_owned(),
        name: owner.name.to_string(),
        uid: owner.uid.to_string(),
    });
    found.iter().map(|parent| reference(&parent.key, &parent.version, &parent.uid)).chain(written).collect()
}

fn networking(networking: &Networking) -> ResourceNetworkingInfo {
    let labels = |pairs: &[(Box<str>, Box<str>)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    };
    ResourceNetworkingInfo {
        target_labels: labels(&networking.target_labels),
        target_refs: networking
            .target_refs
            .iter()
            .map(|target| ResourceRef {
                group: target.group.to_string(),
                kind: target.kind.to_string(),
                namespace: target.namespace.to_string(),
                name: target.name.to_string(),
                ..ResourceRef::default()
            })
            .collect(),
        labels: labels(&networking.labels),
        ingress: networking
            .ingress
            .iter()
            .map(|address| match address {
                LoadBalancerAddress::Hostname(name) => {
                    LoadBalancerIngress { hostname: name.to_string(), ..LoadBalancerIngress::default() }
                }
                LoadBalancerAddress::Ip(ip) => {
                    LoadBalancerIngress { ip: ip.to_string(), ..LoadBalancerIngress::default() }
                }
            })
            .collect(),
        external_urls: networking.external_urls.iter().map(ToString::to_string).collect(),
    }
}

/// Nodes of the cluster that run pods of the application, with what these and other pods ask of them.
fn hosts(nodes: &[Arc<LiveNode>], index: &LiveIndex, view: &ProjectView<'_>) -> Vec<HostInfo> {
    #[derive(Default)]
    struct Requests {
        own_cpu: i64,
        own_memory: i64,
        other_cpu: i64,
        other_memory: i64,
    }
    let own_pods: HashSet<&ResourceKey> =
        nodes.iter().filter(|node| node.info().pod.is_some()).map(|node| &node.key).collect();
    let mut by_host: BTreeMap<String, Requests> = BTreeMap::new();
    for node in nodes {
        if let Some(pod) = node.info().pod.as_deref().filter(|pod| !pod.node.is_empty()) {
            by_host.entry(pod.node.to_string()).or_default();
        }
    }
    if by_host.is_empty() {
        return Vec::new();
    }
    for node in index.of_kind(&GroupKind::new("", "Pod")) {
        let Some(pod) = node.info().pod.as_deref() else { continue };
        let Some(requests) = by_host.get_mut(&*pod.node) else { continue };
        if own_pods.contains(&node.key) {
            requests.own_cpu += pod.cpu_milli;
            requests.own_memory += pod.memory_milli;
        } else if &*pod.phase == "Running" {
            requests.other_cpu += pod.cpu_milli;
            requests.other_memory += pod.memory_milli;
        }
    }
    let hosts: HashMap<&str, &Arc<LiveNode>> =
        index.of_kind(&GroupKind::new("", "Node")).map(|node| (node.key.name(), node)).collect();
    by_host
        .into_iter()
        .filter_map(|(name, requests)| {
            let host = hosts.get(name.as_str())?.info().host.as_deref()?;
            let resource = |name: &str, own, other, capacity| HostResourceInfo {
                resource_name: name.to_owned(),
                requested_by_app: own,
                requested_by_neighbors: other,
                capacity,
            };
            let system_info: NodeSystemInfo =
                serde_json::from_value(host.system_info.clone()).unwrap_or_default();
            Some(HostInfo {
                resources_info: vec![
                    resource("cpu", requests.own_cpu, requests.other_cpu, host.cpu_milli),
                    resource("memory", requests.own_memory, requests.other_memory, host.memory_milli),
                ],
                system_info,
                labels: host
                    .labels
                    .iter()
                    .filter(|(key, _)| view.allowed_node_labels.iter().any(|allowed| **allowed == **key))
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect(),
                name,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
