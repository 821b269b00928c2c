//! The order of kinds within one sync wave.
//!
//! Knows only names of kinds. Phases, waves and names, which come before and after the kind, are the planner's.

/// Kinds in the order in which they are applied. What others need comes first: a namespace before what lives in
/// it, rights and configuration before workloads, workloads before what routes to them.
pub const KIND_ORDER: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The place of a kind in [`KIND_ORDER`]; kinds that are not in it share the place after the last. Groups are not
/// looked at, as in the reference.
pub fn kind_rank(kind: &str) -> usize {
    KIND_ORDER.iter().position(|known| *known == kind).unwrap_or(KIND_ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: SYN-002
    #[test]
    fn kinds_come_in_the_order_of_the_table_and_unlisted_kinds_after_all_of_them() {
        let mut kinds = ["Rollout", "APIService", "Ingress", "Deployment", "Service", "Secret", "Namespace"];
        kinds.sort_by_key(|kind| kind_rank(kind));
        assert_eq!(
            kinds,
            ["Namespace", "Secret", "Service", "Deployment", "Ingress", "APIService", "Rollout"]
        );
        assert_eq!(kind_rank("Rollout"), kind_rank("Application"));
        assert!(kind_rank("CustomResourceDefinition") < kind_rank("ClusterRole"));
        assert!(kind_rank("CronJob") < kind_rank("IngressClass"));
    }
}
