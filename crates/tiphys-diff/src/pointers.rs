//! Fields of built-in kinds where zero, false or empty text says something.
//!
//! The API server drops a zero value where its type has no way to tell it from a missing one. The fields of this
//! table are those scalars that can be told apart; every other zero is the same as no value.

/// Definition and fields, sorted by definition.
#[rustfmt::skip]
const FIELDS: &[(&str, &[&str])] = &[
    ("AppArmorProfile", &["localhostProfile"]),
    ("AzureDiskVolumeSource", &["cachingMode", "fsType", "kind", "readOnly"]),
    ("AzureFilePersistentVolumeSource", &["secretNamespace"]),
    ("BasicDevice", &["allNodes", "allowMultipleAllocations", "bindsToNode", "nodeName"]),
    ("CSIDriverSpec", &["attachRequired", "fsGroupPolicy", "nodeAllocatableUpdatePeriodSeconds", "podInfoOnMount", "preventPodSchedulingIfMissing", "requiresRepublish", "seLinuxMount", "serviceAccountTokenInSecrets", "storageCapacity"]),
    ("CSIVolumeSource", &["fsType", "readOnly"]),
    ("CertificateSigningRequestSpec", &["expirationSeconds"]),
    ("ClientIPConfig", &["timeoutSeconds"]),
    ("ClusterTrustBundleProjection", &["name", "optional", "signerName"]),
    ("ConfigMap", &["immutable"]),
    ("ConfigMapEnvSource", &["optional"]),
    ("ConfigMapKeySelector", &["optional"]),
    ("ConfigMapProjection", &["optional"]),
    ("ConfigMapVolumeSource", &["defaultMode", "optional"]),
    ("Container", &["restartPolicy"]),
    ("CronJobSpec", &["failedJobsHistoryLimit", "startingDeadlineSeconds", "successfulJobsHistoryLimit", "suspend", "timeZone"]),
    ("CustomResourceDefinitionVersion", &["deprecationWarning"]),
    ("CustomResourceSubresourceScale", &["labelSelectorPath"]),
    ("DaemonSetSpec", &["revisionHistoryLimit"]),
    ("DeploymentSpec", &["progressDeadlineSeconds", "replicas", "revisionHistoryLimit"]),
    ("Device", &["allNodes", "allowMultipleAllocations", "bindsToNode", "nodeName"]),
    ("DeviceAttribute", &["bool", "int", "string", "version"]),
    ("DeviceClassSpec", &["extendedResourceName"]),
    ("DeviceConstraint", &["distinctAttribute", "matchAttribute"]),
    ("DeviceRequest", &["adminAccess"]),
    ("DeviceRequestAllocationResult", &["adminAccess", "shareID"]),
    ("DeviceTaintSelector", &["device", "driver", "pool"]),
    ("DeviceToleration", &["tolerationSeconds"]),
    ("DownwardAPIVolumeFile", &["mode"]),
    ("DownwardAPIVolumeSource", &["defaultMode"]),
    ("Endpoint", &["hostname", "nodeName", "zone"]),
    ("EndpointAddress", &["nodeName"]),
    ("EndpointConditions", &["ready", "serving", "terminating"]),
    ("EndpointPort", &["appProtocol"]),
    ("EphemeralContainer", &["restartPolicy"]),
    ("EphemeralContainerCommon", &["restartPolicy"]),
    ("ExactDeviceRequest", &["adminAccess"]),
    ("ExemptPriorityLevelConfiguration", &["lendablePercent", "nominalConcurrencyShares"]),
    ("FCVolumeSource", &["lun"]),
    ("FileKeySelector", &["optional"]),
    ("GRPCAction", &["service"]),
    ("GlusterfsPersistentVolumeSource", &["endpointsNamespace"]),
    ("HPAScalingRules", &["selectPolicy", "stabilizationWindowSeconds"]),
    ("HTTPIngressPath", &["pathType"]),
    ("HorizontalPodAutoscalerSpec", &["minReplicas", "targetCPUUtilizationPercentage"]),
    ("HostPathVolumeSource", &["type"]),
    ("ISCSIPersistentVolumeSource", &["initiatorName"]),
    ("ISCSIVolumeSource", &["initiatorName"]),
    ("IngressClassParametersReference", &["apiGroup", "namespace", "scope"]),
    ("IngressSpec", &["ingressClassName"]),
    ("JSONSchemaProps", &["$ref", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields"]),
    ("JobSpec", &["activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex", "completionMode", "completions", "managedBy", "manualSelector", "maxFailedIndexes", "parallelism", "podReplacementPolicy", "suspend", "ttlSecondsAfterFinished"]),
    ("KeyToPath", &["mode"]),
    ("LeaseSpec", &["holderIdentity", "leaseDurationSeconds", "leaseTransitions", "preferredHolder", "strategy"]),
    ("Lifecycle", &["stopSignal"]),
    ("LimitedPriorityLevelConfiguration", &["borrowingLimitPercent", "lendablePercent", "nominalConcurrencyShares"]),
    ("LocalVolumeSource", &["fsType"]),
    ("MatchResources", &["matchPolicy"]),
    ("MetricTarget", &["averageUtilization"]),
    ("MutatingAdmissionPolicySpec", &["failurePolicy"]),
    ("MutatingWebhook", &["failurePolicy", "matchPolicy", "reinvocationPolicy", "sideEffects", "timeoutSeconds"]),
    ("NamedRuleWithOperations", &["scope"]),
    ("NetworkPolicyPort", &["endPort", "protocol"]),
    ("NodeAllocatableResourceMapping", &["capacityKey"]),
    ("OwnerReference", &["blockOwnerDeletion", "controller"]),
    ("ParamRef", &["parameterNotFoundAction"]),
    ("PersistentVolumeClaimSpec", &["storageClassName", "volumeAttributesClassName", "volumeMode"]),
    ("PersistentVolumeSpec", &["volumeAttributesClassName", "volumeMode"]),
    ("PodCertificateProjection", &["maxExpirationSeconds"]),
    ("PodCertificateRequestSpec", &["maxExpirationSeconds"]),
    ("PodDNSConfigOption", &["value"]),
    ("PodDisruptionBudgetSpec", &["unhealthyPodEvictionPolicy"]),
    ("PodFailurePolicyOnExitCodesRequirement", &["containerName"]),
    ("PodGroupResourceClaim", &["resourceClaimName", "resourceClaimTemplateName"]),
    ("PodGroupSpec", &["disruptionMode", "priority"]),
    ("PodGroupTemplate", &["disruptionMode", "priority"]),
    ("PodResourceClaim", &["resourceClaimName", "resourceClaimTemplateName"]),
    ("PodSchedulingGroup", &["podGroupName"]),
    ("PodSecurityContext", &["fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxChangePolicy", "supplementalGroupsPolicy"]),
    ("PodSpec", &["activeDeadlineSeconds", "automountServiceAccountToken", "enableServiceLinks", "hostUsers", "hostnameOverride", "preemptionPolicy", "priority", "runtimeClassName", "setHostnameAsFQDN", "shareProcessNamespace", "terminationGracePeriodSeconds"]),
    ("PriorityClass", &["preemptionPolicy"]),
    ("Probe", &["terminationGracePeriodSeconds"]),
    ("ProjectedVolumeSource", &["defaultMode"]),
    ("ReplicaSetSpec", &["replicas"]),
    ("ReplicationControllerSpec", &["replicas"]),
    ("ResourceHealth", &["message"]),
    ("ResourcePoolStatusRequestSpec", &["limit", "poolName"]),
    ("ResourceSliceSpec", &["allNodes", "nodeName", "perDeviceNodeSelection"]),
    ("RollingUpdateStatefulSetStrategy", &["partition"]),
    ("Rule", &["scope"]),
    ("RuleWithOperations", &["scope"]),
    ("SeccompProfile", &["localhostProfile"]),
    ("Secret", &["immutable"]),
    ("SecretEnvSource", &["optional"]),
    ("SecretKeySelector", &["optional"]),
    ("SecretProjection", &["optional"]),
    ("SecretVolumeSource", &["defaultMode", "optional"]),
    ("SecurityContext", &["allowPrivilegeEscalation", "privileged", "procMount", "readOnlyRootFilesystem", "runAsGroup", "runAsNonRoot", "runAsUser"]),
    ("ServiceAccount", &["automountServiceAccountToken"]),
    ("ServiceAccountTokenProjection", &["expirationSeconds"]),
    ("ServicePort", &["appProtocol"]),
    ("ServiceReference", &["path", "port"]),
    ("ServiceSpec", &["allocateLoadBalancerNodePorts", "internalTrafficPolicy", "ipFamilyPolicy", "loadBalancerClass", "trafficDistribution"]),
    ("StatefulSetSpec", &["replicas", "revisionHistoryLimit"]),
    ("StorageClass", &["allowVolumeExpansion", "reclaimPolicy", "volumeBindingMode"]),
    ("SuccessPolicyRule", &["succeededCount", "succeededIndexes"]),
    ("TokenRequestSpec", &["expirationSeconds"]),
    ("Toleration", &["tolerationSeconds"]),
    ("TopologySpreadConstraint", &["minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy"]),
    ("TypedLocalObjectReference", &["apiGroup"]),
    ("TypedObjectReference", &["apiGroup", "namespace"]),
    ("ValidatingAdmissionPolicySpec", &["failurePolicy"]),
    ("ValidatingWebhook", &["failurePolicy", "matchPolicy", "sideEffects", "timeoutSeconds"]),
    ("Validation", &["reason"]),
    ("ValidationRule", &["optionalOldSelf", "reason"]),
    ("VolumeAttachmentSource", &["persistentVolumeName"]),
    ("VolumeMount", &["mountPropagation", "recursiveReadOnly"]),
    ("VolumeNodeResources", &["count"]),
    ("WebhookClientConfig", &["url"]),
];

/// Whether a zero value of the field is a value.
pub(crate) fn keeps_zero(definition: &str, field: &str) -> bool {
    FIELDS
        .binary_search_by(|(name, _)| (*name).cmp(definition))
        .ok()
        .and_then(|at| FIELDS.get(at))
        .is_some_and(|(_, fields)| fields.contains(&field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(FIELDS.is_sorted_by_key(|(name, _)| *name));
        assert!(keeps_zero("PodSpec", "automountServiceAccountToken"));
        assert!(keeps_zero("DeploymentSpec", "replicas"));
        assert!(!keeps_zero("PodSpec", "hostNetwork"));
        assert!(!keeps_zero("EnvVar", "value"));
    }
}
