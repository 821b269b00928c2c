//! What the API server fills into built-in kinds, beyond the defaults that its OpenAPI documents name.
//!
//! By definition and field, because the same definition stands in many kinds. Used only where one side of a
//! comparison lacks a field.

use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// The values that the server may fill in for a missing field of `parent`.
pub(crate) fn candidates(definition: &str, field: &str, parent: &Fields) -> Vec<Value> {
    one(definition, field, parent).map_or_else(|| several(definition, field), |value| vec![value])
}

fn one(definition: &str, field: &str, parent: &Fields) -> Option<Value> {
    let text = |key: &str| parent.get(key).and_then(Value::as_str).unwrap_or_default();
    Some(match definition {
        "PodSpec"
        | "PodTemplateSpec"
        | "Container"
        | "EphemeralContainer"
        | "Volume"
        | "Probe"
        | "HTTPGetAction"
        | "SecretVolumeSource"
        | "ConfigMapVolumeSource"
        | "DownwardAPIVolumeSource"
        | "ProjectedVolumeSource"
        | "ServiceAccountTokenProjection"
        | "HostPathVolumeSource"
        | "ImageVolumeSource"
        | "ObjectFieldSelector" => {
            return pod(definition, field, parent);
        }
        "Service" | "ServiceSpec" | "ServicePort" | "SessionAffinityConfig" | "ClientIPConfig" => {
            return service(definition, field, parent);
        }
        "DeploymentSpec"
        | "DeploymentStrategy"
        | "RollingUpdateDeployment"
        | "DaemonSetSpec"
        | "DaemonSetUpdateStrategy"
        | "RollingUpdateDaemonSet"
        | "StatefulSetSpec"
        | "StatefulSetUpdateStrategy"
        | "RollingUpdateStatefulSetStrategy"
        | "StatefulSetPersistentVolumeClaimRetentionPolicy"
        | "ReplicaSetSpec"
        | "ReplicationControllerSpec"
        | "JobSpec"
        | "CronJobSpec"
        | "PodFailurePolicyOnPodConditionsPattern" => return workload(definition, field, parent),
        "ValidatingWebhook"
        | "MutatingWebhook"
        | "RuleWithOperations"
        | "NamedRuleWithOperations"
        | "ServiceReference"
        | "ValidatingAdmissionPolicySpec"
        | "MutatingAdmissionPolicySpec"
        | "MatchResources" => {
            return admission(definition, field);
        }
        "CSIDriverSpec" => return csi_driver(field),
        _ => match (definition, field) {
            ("Secret", "type") => json!("Opaque"),
            ("PersistentVolumeSpec", "persistentVolumeReclaimPolicy") => json!("Retain"),
            ("PersistentVolumeSpec" | "PersistentVolumeClaimSpec", "volumeMode") => json!("Filesystem"),
            // The claims within a StatefulSet come back as whole objects.
            ("PersistentVolumeClaim", "apiVersion") => json!("v1"),
            ("PersistentVolumeClaim", "kind") => json!("PersistentVolumeClaim"),
            ("PersistentVolumeClaim", "status") => json!({"phase": "Pending"}),
            ("PersistentVolumeClaimStatus", "phase") => json!("Pending"),
            ("ResourceFieldSelector", "divisor") => json!("0"),
            ("EndpointPort", "protocol") => json!("TCP"),
            ("EndpointPort", "name") => json!(""),
            ("NetworkPolicyPort", "protocol") => json!("TCP"),
            ("NetworkPolicySpec", "policyTypes") => {
                let egress =
                    parent.get("egress").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
                if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) }
            }
            ("IngressClassParametersReference", "scope") => json!("Cluster"),
            ("RoleRef", "apiGroup") => json!("rbac.authorization.k8s.io"),
            ("Subject", "apiGroup") => match text("kind") {
                "User" | "Group" => json!("rbac.authorization.k8s.io"),
                _ => json!(""),
            },
            ("StorageClass", "reclaimPolicy") => json!("Delete"),
            ("StorageClass", "volumeBindingMode") => json!("Immediate"),
            ("PriorityClass", "preemptionPolicy") => json!("PreemptLowerPriority"),
            ("FlowSchemaSpec", "matchingPrecedence") => json!(1000),
            ("LimitedPriorityLevelConfiguration", "nominalConcurrencyShares") => json!(30),
            ("ExemptPriorityLevelConfiguration", "nominalConcurrencyShares")
            | ("LimitedPriorityLevelConfiguration" | "ExemptPriorityLevelConfiguration", "lendablePercent") =>
            {
                json!(0)
            }
            ("QueuingConfiguration", "queues") => json!(64),
            ("QueuingConfiguration", "handSize") => json!(8),
            ("QueuingConfiguration", "queueLengthLimit") => json!(50),
            ("ExactDeviceRequest" | "DeviceSubRequest", "allocationMode") => json!("ExactCount"),
            ("ExactDeviceRequest" | "DeviceSubRequest", "count") => json!(1),
            ("HorizontalPodAutoscalerSpec", "minReplicas") => json!(1),
            ("HorizontalPodAutoscalerSpec", "metrics") => json!([{
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
            }]),
            ("HPAScalingRules", "selectPolicy") => json!("Max"),
            ("CustomResourceDefinitionSpec", "conversion") => json!({"strategy": "None"}),
            ("CustomResourceDefinitionNames", "singular") => json!(text("kind").to_lowercase()),
            ("CustomResourceDefinitionNames", "listKind") => json!(format!("{}List", text("kind"))),
            _ => return None,
        },
    })
}

/// Defaults that depend on more than the parent.
fn several(definition: &str, field: &str) -> Vec<Value> {
    let up = json!([
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}
    ]);
    let down = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
    match (definition, field) {
        ("HPAScalingRules", "policies") => vec![up, down],
        ("HPAScalingRules", "stabilizationWindowSeconds") => vec![json!(0)],
        ("HorizontalPodAutoscalerBehavior", "scaleUp") => {
            vec![json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": up})]
        }
        ("HorizontalPodAutoscalerBehavior", "scaleDown") => {
            vec![json!({"selectPolicy": "Max", "policies": down})]
        }
        _ => Vec::new(),
    }
}

fn pod(definition: &str, field: &str, parent: &Fields) -> Option<Value> {
    Some(match (definition, field) {
        ("PodSpec", "dnsPolicy") => json!("ClusterFirst"),
        ("PodSpec", "restartPolicy") => json!("Always"),
        ("PodSpec", "securityContext") => json!({}),
        ("PodSpec", "terminationGracePeriodSeconds") => json!(30),
        ("PodSpec", "schedulerName") => json!("default-scheduler"),
        ("PodSpec", "enableServiceLinks") => json!(true),
        ("PodSpec", "priority") => json!(0),
        ("PodSpec", "preemptionPolicy") => json!("PreemptLowerPriority"),
        // Two names of one field; the server writes both.
        ("PodSpec", "serviceAccount") => parent.get("serviceAccountName")?.clone(),
        ("PodSpec", "serviceAccountName") => parent.get("serviceAccount")?.clone(),
        ("Container" | "EphemeralContainer", "terminationMessagePath") => json!("/dev/termination-log"),
        ("Container" | "EphemeralContainer", "terminationMessagePolicy") => json!("File"),
        ("Container" | "EphemeralContainer", "imagePullPolicy") => {
            json!(pull_policy(parent.get("image")?.as_str()?))
        }
        ("ImageVolumeSource", "pullPolicy") => json!(pull_policy(parent.get("reference")?.as_str()?)),
        ("Volume", "emptyDir") if parent.keys().all(|key| key == "name") => json!({}),
        ("Probe", "timeoutSeconds" | "successThreshold") => json!(1),
        ("Probe", "periodSeconds") => json!(10),
        ("Probe", "failureThreshold") => json!(3),
        ("HTTPGetAction", "path") => json!("/"),
        ("HTTPGetAction", "scheme") => json!("HTTP"),
        ("ObjectFieldSelector", "apiVersion") => json!("v1"),
        ("ServiceAccountTokenProjection", "expirationSeconds") => json!(3600),
        ("HostPathVolumeSource", "type") => json!(""),
        (
            "SecretVolumeSource"
            | "ConfigMapVolumeSource"
            | "DownwardAPIVolumeSource"
            | "ProjectedVolumeSource",
            "defaultMode",
        ) => json!(0o644),
        _ => return None,
    })
}

/// `Always` for the tag `latest`, written or implied; a digest has no tag.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let latest = match name.split_once('@') {
        Some((tagged, _)) => tagged.ends_with(":latest"),
        None => !name.contains(':') || name.ends_with(":latest"),
    };
    if latest { "Always" } else { "IfNotPresent" }
}

fn service(definition: &str, field: &str, parent: &Fields) -> Option<Value> {
    let kind =
        parent.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP");
    Some(match (definition, field) {
        ("ServiceSpec", "type") => json!("ClusterIP"),
        ("ServiceSpec", "sessionAffinity") => json!("None"),
        ("ServiceSpec", "internalTrafficPolicy") if kind != "ExternalName" => json!("Cluster"),
        ("ServiceSpec", "externalTrafficPolicy") => {
            let external_ips =
                parent.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
            if !matches!(kind, "NodePort" | "LoadBalancer") && !external_ips {
                return None;
            }
            json!("Cluster")
        }
        ("ServiceSpec", "allocateLoadBalancerNodePorts") if kind == "LoadBalancer" => json!(true),
        ("ServiceSpec", "sessionAffinityConfig") => json!({"clientIP": {"timeoutSeconds": 10800}}),
        ("ClientIPConfig", "timeoutSeconds") => json!(10800),
        ("ServicePort", "protocol") => json!("TCP"),
        ("ServicePort", "targetPort") => parent.get("port")?.clone(),
        _ => return None,
    })
}

fn workload(definition: &str, field: &str, parent: &Fields) -> Option<Value> {
    let kind = parent.get("type").and_then(Value::as_str).unwrap_or_default();
    let rolling = matches!(kind, "" | "RollingUpdate");
    Some(match (definition, field) {
        (
            "DeploymentSpec" | "StatefulSetSpec" | "ReplicaSetSpec" | "ReplicationControllerSpec",
            "replicas",
        ) => json!(1),
        ("DeploymentSpec" | "StatefulSetSpec" | "DaemonSetSpec", "revisionHistoryLimit") => json!(10),
        ("DeploymentSpec", "progressDeadlineSeconds") => json!(600),
        ("ReplicationControllerSpec", "selector") => {
            parent.get("template")?.pointer("/metadata/labels")?.clone()
        }
        ("DeploymentStrategy" | "DaemonSetUpdateStrategy" | "StatefulSetUpdateStrategy", "type") => {
            json!("RollingUpdate")
        }
        ("DeploymentStrategy" | "DaemonSetUpdateStrategy" | "StatefulSetUpdateStrategy", "rollingUpdate")
            if rolling =>
        {
            json!({})
        }
        ("RollingUpdateDeployment", "maxSurge" | "maxUnavailable") => json!("25%"),
        ("RollingUpdateDaemonSet" | "RollingUpdateStatefulSetStrategy", "maxUnavailable") => json!(1),
        ("RollingUpdateDaemonSet", "maxSurge") | ("RollingUpdateStatefulSetStrategy", "partition") => {
            json!(0)
        }
        ("StatefulSetSpec", "podManagementPolicy") => json!("OrderedReady"),
        ("StatefulSetSpec", "persistentVolumeClaimRetentionPolicy") => json!({}),
        ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted" | "whenScaled") => json!("Retain"),
        ("JobSpec", "completions") if !parent.contains_key("parallelism") => json!(1),
        ("JobSpec", "parallelism") => json!(1),
        ("JobSpec", "backoffLimit") if parent.contains_key("backoffLimitPerIndex") => json!(i32::MAX),
        ("JobSpec", "backoffLimit") => json!(6),
        ("JobSpec", "completionMode") => json!("NonIndexed"),
        ("JobSpec", "suspend" | "manualSelector") | ("CronJobSpec", "suspend") => json!(false),
        ("JobSpec", "podReplacementPolicy") if parent.contains_key("podFailurePolicy") => json!("Failed"),
        ("JobSpec", "podReplacementPolicy") => json!("TerminatingOrFailed"),
        ("CronJobSpec", "concurrencyPolicy") => json!("Allow"),
        ("CronJobSpec", "successfulJobsHistoryLimit") => json!(3),
        ("CronJobSpec", "failedJobsHistoryLimit") => json!(1),
        ("PodFailurePolicyOnPodConditionsPattern", "status") => json!("True"),
        _ => return None,
    })
}

fn admission(definition: &str, field: &str) -> Option<Value> {
    Some(match (definition, field) {
        (
            "ValidatingWebhook"
            | "MutatingWebhook"
            | "ValidatingAdmissionPolicySpec"
            | "MutatingAdmissionPolicySpec",
            "failurePolicy",
        ) => json!("Fail"),
        ("ValidatingWebhook" | "MutatingWebhook" | "MatchResources", "matchPolicy") => json!("Equivalent"),
        (
            "ValidatingWebhook" | "MutatingWebhook" | "MatchResources",
            "namespaceSelector" | "objectSelector",
        ) => {
            json!({})
        }
        ("ValidatingWebhook" | "MutatingWebhook", "timeoutSeconds") => json!(10),
        ("MutatingWebhook", "reinvocationPolicy") => json!("Never"),
        ("RuleWithOperations" | "NamedRuleWithOperations", "scope") => json!("*"),
        ("ServiceReference", "port") => json!(443),
        _ => return None,
    })
}

fn csi_driver(field: &str) -> Option<Value> {
    Some(match field {
        "attachRequired" => json!(true),
        "podInfoOnMount"
        | "storageCapacity"
        | "requiresRepublish"
        | "seLinuxMount"
        | "preventPodSchedulingIfMissing" => {
            json!(false)
        }
        "fsGroupPolicy" => json!("ReadWriteOnceWithFSType"),
        "volumeLifecycleModes" => json!(["Persistent"]),
        _ => return None,
    })
}

/// Fields that the server keeps when an update leaves them out.
pub(crate) fn kept(definition: &str, field: &str) -> bool {
    match definition {
        "ServiceSpec" => {
            matches!(
                field,
                "clusterIP" | "clusterIPs" | "ipFamilies" | "ipFamilyPolicy" | "healthCheckNodePort"
            )
        }
        "ServicePort" => field == "nodePort",
        _ => false,
    }
}

/// Fields in which the server silently ignores every update.
pub(crate) fn never_updated(definition: &str, field: &str) -> bool {
    match definition {
        "CertificateSigningRequest" => field == "spec",
        "CertificateSigningRequestSpec" => true,
        _ => false,
    }
}

/// Values that stand for no value in fields whose type doesn't say so.
pub(crate) fn is_unset(definition: &str, field: &str, value: &Value) -> bool {
    definition == "ServicePort" && field == "targetPort" && (*value == json!(0) || *value == json!(""))
}

/// Fills what the server derives from several fields of one map; `None` where there is nothing of that kind.
pub(crate) fn filled(definition: &str, fields: &Fields) -> Option<Fields> {
    match definition {
        "LimitRangeItem" if fields.get("type").and_then(Value::as_str) == Some("Container") => {
            let map = |key: &str| fields.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
            let (mut default, mut request) = (map("default"), map("defaultRequest"));
            for (key, value) in map("max") {
                default.entry(key).or_insert(value);
            }
            for (key, value) in default.clone().into_iter().chain(map("min")) {
                request.entry(key).or_insert(value);
            }
            let mut result = fields.clone();
            result.insert("default".to_owned(), Value::Object(default));
            result.insert("defaultRequest".to_owned(), Value::Object(request));
            Some(result)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
            ("nginx:1@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
