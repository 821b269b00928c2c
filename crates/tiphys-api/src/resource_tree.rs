//! The tree of objects behind an application, and the managed objects with their states: what the API serves, no CRD.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::application::HealthStatus;
use crate::json::{absent, nullable};
use crate::time::Time;

/// All objects that belong to an application, directly or through owners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationTree {
    /// Managed objects and what they own.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub nodes: Vec<ResourceNode>,
    /// Objects in the destination namespace that no application manages.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub orphaned_nodes: Vec<ResourceNode>,
    /// Nodes of the cluster that run pods of the application.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hosts: Vec<HostInfo>,
    /// In how many parts a cache holds the tree; 0 for one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub shards_count: i64,
}

/// One object of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceNode {
    /// Which object it is.
    #[serde(flatten)]
    pub reference: ResourceRef,
    /// Its owners.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub parent_refs: Vec<ResourceRef>,
    /// Facts such as the number of ready containers.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub info: Vec<InfoItem>,
    /// How it takes part in networking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networking_info: Option<ResourceNetworkingInfo>,
    /// Version of the live object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_version: String,
    /// Container images.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub images: Vec<String>,
    /// Its health, when it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// Identity of a live object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRef {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// API version.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Unique id.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub uid: String,
}

/// A fact about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct InfoItem {
    /// What it is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// The fact.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub value: String,
}

/// How an object takes part in networking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceNetworkingInfo {
    /// Labels of the objects that it sends traffic to.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub target_labels: BTreeMap<String, String>,
    /// Objects that it sends traffic to.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub target_refs: Vec<ResourceRef>,
    /// Labels by which traffic finds it.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// Addresses of load balancers.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ingress: Vec<LoadBalancerIngress>,
    /// Web addresses.
    #[serde(rename = "externalURLs", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub external_urls: Vec<String>,
}

/// An address of a load balancer, as in the Kubernetes core API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerIngress {
    /// IP address.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ip: String,
    /// Host name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hostname: String,
    /// How traffic to the IP is delivered: `VIP` or `Proxy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_mode: Option<String>,
    /// Ports.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ports: Vec<PortStatus>,
}

/// A port of a load balancer, as in the Kubernetes core API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PortStatus {
    /// Number.
    #[serde(deserialize_with = "nullable")]
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    #[serde(deserialize_with = "nullable")]
    pub protocol: String,
    /// Why the port does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A node of the cluster that runs pods of the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HostInfo {
    /// Name of the node.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// What is used and what there is.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources_info: Vec<HostResourceInfo>,
    /// Software of the node.
    #[serde(deserialize_with = "nullable")]
    pub system_info: NodeSystemInfo,
    /// Labels that the settings allow to be shown.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
}

/// Use of one resource of a node, in thousandths of its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HostResourceInfo {
    /// `cpu`, `memory` and so on.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_name: String,
    /// Requested by pods of the application.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub requested_by_app: i64,
    /// Requested by other pods.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub requested_by_neighbors: i64,
    /// What the node has.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub capacity: i64,
}

/// Software of a node, as in the Kubernetes core API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSystemInfo {
    /// Id of the machine.
    #[serde(rename = "machineID", deserialize_with = "nullable")]
    pub machine_id: String,
    /// Id of the system.
    #[serde(rename = "systemUUID", deserialize_with = "nullable")]
    pub system_uuid: String,
    /// Id of the boot.
    #[serde(rename = "bootID", deserialize_with = "nullable")]
    pub boot_id: String,
    /// Version of the kernel.
    #[serde(deserialize_with = "nullable")]
    pub kernel_version: String,
    /// Name of the operating system's image.
    #[serde(deserialize_with = "nullable")]
    pub os_image: String,
    /// Version of the container runtime.
    #[serde(deserialize_with = "nullable")]
    pub container_runtime_version: String,
    /// Version of the kubelet.
    #[serde(deserialize_with = "nullable")]
    pub kubelet_version: String,
    /// Version of kube-proxy.
    #[serde(deserialize_with = "nullable")]
    pub kube_proxy_version: String,
    /// Operating system.
    #[serde(deserialize_with = "nullable")]
    pub operating_system: String,
    /// Processor architecture.
    #[serde(deserialize_with = "nullable")]
    pub architecture: String,
}

/// A managed object in its desired and live states; states are JSON texts, `null` when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceDiff {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub group: String,
    /// Kind.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// What the source asks for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub target_state: String,
    /// What is in the cluster.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub live_state: String,
    /// Kept for clients that read it; no longer written.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub diff: String,
    /// The object is a hook.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub hook: bool,
    /// The live state without what does not count.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub normalized_live_state: String,
    /// What the live state becomes after a sync, without what does not count.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub predicted_live_state: String,
    /// Version of the live object.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resource_version: String,
    /// The two normalised states differ.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub modified: bool,
}
