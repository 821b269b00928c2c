//! The cluster that the services run in.

/// Address of the cluster that the services run in.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Name of the cluster that the services run in.
pub const IN_CLUSTER_NAME: &str = "in-cluster";
