//! One table per kind: an object's state, and the verdict that an Argo CD user sees for it.

use serde_json::{Value, json};
use tiphys_api::words::HealthStatusCode::{self, Degraded, Healthy, Progressing, Suspended, Unknown};

use crate::{Health, assess};

#[track_caller]
fn check(api_version: &str, kind: &str, state: &Value, expected: (HealthStatusCode, &str)) {
    let mut object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}});
    if let (Some(object), Some(state)) = (object.as_object_mut(), state.as_object()) {
        for (key, value) in state {
            if key == "metadata" {
                for (key, value) in value.as_object().into_iter().flatten() {
                    object["metadata"][key] = value.clone();
                }
            } else {
                object.insert(key.clone(), value.clone());
            }
        }
    }
    assert_eq!(assess(&object), Some(Health::with(expected.0, expected.1)), "{object:#}");
}

// covers: HLT-002
#[test]
fn an_object_that_is_being_deleted_is_progressing_unless_it_is_a_finished_hook() {
    let deleted = "2024-01-01T00:00:00Z";
    let pending = (Progressing, "Pending deletion");
    check("v1", "ConfigMap", &json!({"metadata": {"deletionTimestamp": deleted}}), pending.clone());
    check(
        "v1",
        "Pod",
        &json!({"metadata": {"deletionTimestamp": deleted}, "status": {"phase": "Failed"}}),
        pending.clone(),
    );
    check(
        "v1",
        "Pod",
        &json!({
            "metadata": {"deletionTimestamp": deleted, "finalizers": ["argocd.argoproj.io/hook-finalizer"]},
            "status": {"phase": "Succeeded"}
        }),
        (Healthy, ""),
    );
    check(
        "v1",
        "Pod",
        &json!({"metadata": {"deletionTimestamp": deleted, "finalizers": ["other"]}, "status": {"phase": "Succeeded"}}),
        pending,
    );
}

// covers: HLT-010
#[test]
fn a_kind_without_a_rule_has_no_health() {
    for (api_version, kind) in [
        ("v1", "ConfigMap"),
        ("argoproj.io/v1alpha1", "Application"),
        ("example.com/v1", "Deployment"),
        ("apps/v1", "ControllerRevision"),
    ] {
        let conditions = json!([{"type": "Ready", "status": "False"}]);
        let object = json!({"apiVersion": api_version, "kind": kind, "status": {"conditions": conditions}});
        assert_eq!(assess(&object), None, "{api_version} {kind}");
    }
}

#[test]
fn what_is_not_an_object_has_no_health() {
    for value in [json!(null), json!(1), json!([]), json!({}), json!({"kind": 1, "apiVersion": []})] {
        assert_eq!(assess(&value), None, "{value}");
    }
}

#[test]
fn a_version_with_another_status_is_unknown() {
    check(
        "apps/v1beta1",
        "Deployment",
        &json!({}),
        (Unknown, "unsupported Deployment GVK: apps/v1beta1, Kind=Deployment"),
    );
    check(
        "autoscaling/v2beta1",
        "HorizontalPodAutoscaler",
        &json!({}),
        (Unknown, "unsupported HPA GVK: autoscaling/v2beta1, Kind=HorizontalPodAutoscaler"),
    );
}

// covers: HLT-011
#[test]
fn a_deployment_is_healthy_when_its_newest_template_is_rolled_out() {
    let check = |state: Value, status, message| check("apps/v1", "Deployment", &state, (status, message));
    check(json!({"spec": {"paused": true}}), Suspended, "Deployment is paused");
    check(
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
        Progressing,
        "Waiting for rollout to finish: observed deployment generation less than desired generation",
    );
    check(
        json!({"status": {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}}),
        Degraded,
        "Deployment \"web\" exceeded its progress deadline",
    );
    check(
        json!({"spec": {"replicas": 3}, "status": {"updatedReplicas": 1}}),
        Progressing,
        "Waiting for rollout to finish: 1 out of 3 new replicas have been updated...",
    );
    check(
        json!({"spec": {"replicas": 1}, "status": {"updatedReplicas": 1, "replicas": 3}}),
        Progressing,
        "Waiting for rollout to finish: 2 old replicas are pending termination...",
    );
    check(
        json!({"spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}}),
        Progressing,
        "Waiting for rollout to finish: 1 of 2 updated replicas are available...",
    );
    check(
        json!({"spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}}),
        Healthy,
        "",
    );
    check(json!({"spec": {"replicas": 0}}), Healthy, "");
}

// covers: HLT-012
#[test]
fn a_stateful_set_is_healthy_as_its_update_strategy_promises() {
    let check = |state: Value, status, message| check("apps/v1", "StatefulSet", &state, (status, message));
    let behind = "Waiting for statefulset spec update to be observed...";
    check(json!({}), Progressing, behind);
    check(json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 2}}), Progressing, behind);
    check(
        json!({"spec": {"replicas": 3}, "status": {"observedGeneration": 1, "readyReplicas": 1}}),
        Progressing,
        "Waiting for 2 pods to be ready...",
    );
    let rolling = |partition: Value, updated: i64| {
        json!({
            "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": partition}},
            "status": {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": updated,
                       "updateRevision": "b", "currentRevision": "a"}
        })
    };
    check(
        rolling(json!({"partition": 1}), 1),
        Progressing,
        "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
    );
    let complete = "partitioned roll out complete: 2 new pods have been updated...";
    check(rolling(json!({"partition": 1}), 2), Healthy, complete);
    check(rolling(json!({}), 2), Healthy, complete);
    check(
        rolling(json!(null), 2),
        Progressing,
        "waiting for statefulset rolling update to complete 2 pods at revision b...",
    );
    check(
        json!({"spec": {"replicas": 1, "updateStrategy": {"type": "OnDelete"}},
               "status": {"observedGeneration": 1, "readyReplicas": 1, "updateRevision": "b"}}),
        Healthy,
        "statefulset has 1 ready pods",
    );
    check(
        json!({"spec": {"replicas": 1}, "status": {"observedGeneration": 1, "readyReplicas": 1, "currentReplicas": 1,
               "updateRevision": "b", "currentRevision": "b"}}),
        Healthy,
        "statefulset rolling update complete 1 pods at revision b...",
    );
}

// covers: HLT-013
#[test]
fn a_daemon_set_is_healthy_when_every_node_runs_its_pod() {
    let check = |state: Value, status, message| check("apps/v1", "DaemonSet", &state, (status, message));
    check(
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
        Progressing,
        "Waiting for rollout to finish: observed daemon set generation less than desired generation",
    );
    let counts = json!({"desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 2});
    check(
        json!({"spec": {"updateStrategy": {"type": "OnDelete"}}, "status": counts}),
        Healthy,
        "daemon set 2 out of 3 new pods have been updated",
    );
    check(
        json!({"status": counts}),
        Progressing,
        "Waiting for daemon set \"web\" rollout to finish: 2 out of 3 new pods have been updated...",
    );
    check(
        json!({"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}}),
        Progressing,
        "Waiting for daemon set \"web\" rollout to finish: 2 of 3 updated pods are available...",
    );
    check(
        json!({"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}}),
        Healthy,
        "",
    );
}

// covers: HLT-014
#[test]
fn a_replica_set_is_healthy_when_its_replicas_are_available() {
    let check = |state: Value, status, message| check("apps/v1", "ReplicaSet", &state, (status, message));
    check(
        json!({"metadata": {"generation": 2}}),
        Progressing,
        "Waiting for rollout to finish: observed replica set generation less than desired generation",
    );
    check(
        json!({"spec": {"replicas": 2},
               "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]}}),
        Degraded,
        "quota",
    );
    check(
        json!({"spec": {"replicas": 2}, "status": {"availableReplicas": 1}}),
        Progressing,
        "Waiting for rollout to finish: 1 out of 2 new replicas are available...",
    );
    check(json!({"spec": {"replicas": 2}, "status": {"availableReplicas": 2}}), Healthy, "");
}

// covers: HLT-015
#[test]
fn a_pod_is_judged_by_whether_it_is_meant_to_stay() {
    let check = |policy: &str, status: Value, verdict, message| {
        check("v1", "Pod", &json!({"spec": {"restartPolicy": policy}, "status": status}), (verdict, message));
    };
    let waiting = |reason: &str| json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "why"}}}]});
    for reason in ["ErrImagePull", "CreateContainerConfigError", "CrashLoopBackOff", "ImagePullBackOff"] {
        check("Always", waiting(reason), Degraded, "why");
        check("Never", waiting(reason), Progressing, "");
    }
    check("Always", waiting("ContainerCreating"), Progressing, "");
    check("Always", json!({"phase": "Pending", "message": "no node"}), Progressing, "no node");
    check("Never", json!({"phase": "Succeeded"}), Healthy, "");
    check("Never", json!({"phase": "Failed", "message": "evicted"}), Degraded, "evicted");
    let ended = |terminated: Value| {
        json!({"phase": "Failed", "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 0}}}],
               "containerStatuses": [{"name": "main", "state": {"terminated": terminated}}]})
    };
    check("Never", ended(json!({"exitCode": 1, "message": "boom"})), Degraded, "boom");
    check("Never", ended(json!({"exitCode": 137, "reason": "OOMKilled"})), Degraded, "OOMKilled");
    check("Never", ended(json!({"exitCode": 2})), Degraded, "container \"main\" failed with exit code 2");
    check("Never", json!({"phase": "Failed"}), Degraded, "");
    let running = |ready: &str, container: Value| json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}], "containerStatuses": [container]});
    check("Always", running("True", json!({})), Healthy, "");
    check("Always", running("False", json!({})), Progressing, "");
    check("Always", running("False", json!({"lastState": {"terminated": {"exitCode": 1}}})), Degraded, "");
    check("Never", running("True", json!({})), Progressing, "");
    check("OnFailure", running("True", json!({})), Progressing, "");
    check("Always", json!({"phase": "Unknown"}), Unknown, "");
}

// covers: HLT-016
#[test]
fn a_pod_that_ends_by_itself_can_be_judged_like_one_that_stays_but_a_hook_can_not() {
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    let with = |annotations: Value| json!({"metadata": {"annotations": annotations}, "spec": {"restartPolicy": "Never"}, "status": ready});
    let ignore = "argocd.argoproj.io/ignore-restart-policy";
    check("v1", "Pod", &with(json!({ignore: "true"})), (Healthy, ""));
    check("v1", "Pod", &with(json!({ignore: "false"})), (Progressing, ""));
    check(
        "v1",
        "Pod",
        &with(json!({ignore: "true", "argocd.argoproj.io/hook": "PreSync"})),
        (Progressing, ""),
    );
    check("v1", "Pod", &with(json!({ignore: "true", "helm.sh/hook": "pre-install"})), (Progressing, ""));
}

// covers: HLT-017
#[test]
fn a_job_is_judged_by_how_it_ended() {
    let check = |conditions: Value, status, message| {
        check("batch/v1", "Job", &json!({"status": {"conditions": conditions}}), (status, message));
    };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "message": kind});
    check(json!([]), Progressing, "");
    check(json!([condition("Failed", "True"), condition("Complete", "True")]), Degraded, "Failed");
    check(json!([condition("Suspended", "True")]), Suspended, "Suspended");
    check(json!([condition("Suspended", "False")]), Progressing, "");
    check(json!([condition("Suspended", "False"), condition("Complete", "True")]), Healthy, "Complete");
}

// covers: HLT-036
#[test]
fn a_cron_job_is_degraded_only_when_its_last_job_failed() {
    let check = |state: Value, status, message| check("batch/v1", "CronJob", &state, (status, message));
    let (early, late) = ("2024-01-01T00:00:00Z", "2024-01-01T00:05:00Z");
    check(json!({"spec": {"suspend": true}}), Healthy, "CronJob is Suspended");
    check(json!({}), Progressing, "Waiting for CronJob");
    check(json!({"status": {}}), Healthy, "CronJob has not been scheduled yet");
    check(
        json!({"status": {"lastScheduleTime": early}}),
        Healthy,
        "The CronJob never completed successfully. It may not be healthy",
    );
    check(
        json!({"status": {"lastScheduleTime": late, "lastSuccessfulTime": early, "active": [{}]}}),
        Healthy,
        "The job is running. Its last execution may not have been successful",
    );
    check(
        json!({"status": {"lastScheduleTime": late, "lastSuccessfulTime": early}}),
        Degraded,
        "CronJob has not completed its last execution successfully",
    );
    check(
        json!({"status": {"lastScheduleTime": early, "lastSuccessfulTime": late}}),
        Healthy,
        "CronJob has completed its last execution successfully",
    );
}

// covers: HLT-018, HLT-019
#[test]
fn a_load_balancer_and_an_ingress_need_an_address() {
    let address = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    check("v1", "Service", &json!({"spec": {"type": "ClusterIP"}}), (Healthy, ""));
    check("v1", "Service", &json!({"spec": {"type": "LoadBalancer"}}), (Progressing, ""));
    check("v1", "Service", &json!({"spec": {"type": "LoadBalancer"}, "status": address}), (Healthy, ""));
    for api_version in ["networking.k8s.io/v1", "extensions/v1beta1"] {
        check(api_version, "Ingress", &json!({}), (Progressing, ""));
        check(api_version, "Ingress", &json!({"status": address}), (Healthy, ""));
    }
}

// covers: HLT-020
#[test]
fn a_claim_is_healthy_when_it_is_bound() {
    for (phase, verdict) in [("Bound", Healthy), ("Pending", Progressing), ("Lost", Degraded), ("", Unknown)]
    {
        check("v1", "PersistentVolumeClaim", &json!({"status": {"phase": phase}}), (verdict, ""));
    }
}

// covers: HLT-021
#[test]
fn an_autoscaler_is_degraded_when_it_can_not_read_or_scale() {
    let condition = |kind: &str, status: &str, reason: &str| json!([{"type": kind, "status": status, "reason": reason, "message": "m"}]);
    let mut table = vec![
        (json!([]), Progressing, "Waiting to Autoscale"),
        (condition("AbleToScale", "True", "Ready"), Healthy, "m"),
        (condition("ScalingLimited", "True", "TooMany"), Healthy, "m"),
        (condition("ScalingActive", "True", "ValidMetricFound"), Progressing, "Waiting to Autoscale"),
        (condition("AbleToScale", "True", "FailedGetScale"), Degraded, "m"),
        (condition("AbleToScale", "True", "FailedUpdateScale"), Degraded, "m"),
    ];
    for reason in [
        "FailedGetResourceMetric",
        "FailedGetObjectMetric",
        "FailedGetPodsMetric",
        "FailedGetExternalMetric",
        "FailedComputeMetricsReplicas",
        "InvalidSelector",
    ] {
        table.push((condition("ScalingActive", "False", reason), Degraded, "m"));
    }
    for (conditions, verdict, message) in table {
        let annotation = conditions.to_string();
        let v2 = json!({"status": {"conditions": conditions}});
        check("autoscaling/v2", "HorizontalPodAutoscaler", &v2, (verdict.clone(), message));
        let v1 =
            json!({"metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions": annotation}}});
        check("autoscaling/v1", "HorizontalPodAutoscaler", &v1, (verdict, message));
    }
}

// covers: HLT-022
#[test]
fn an_api_service_is_healthy_when_it_is_available() {
    let check = |conditions: Value, status, message| {
        let state = json!({"status": {"conditions": conditions}});
        check("apiregistration.k8s.io/v1", "APIService", &state, (status, message));
    };
    let available =
        |status: &str| json!([{"type": "Available", "status": status, "reason": "R", "message": "m"}]);
    check(json!([]), Progressing, "Waiting to be processed");
    check(available("True"), Healthy, "R: m");
    check(available("False"), Progressing, "R: m");
}

// covers: HLT-030
#[test]
fn a_crd_is_healthy_when_its_api_is_served() {
    let check = |conditions: Value, status, message| {
        let state = json!({"status": {"conditions": conditions}});
        check("apiextensions.k8s.io/v1", "CustomResourceDefinition", &state, (status, message));
    };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "message": "m"});
    check(json!([]), Progressing, "Status conditions not found");
    check(json!([condition("NamesAccepted", "False")]), Degraded, "CRD names have not been accepted: m");
    check(json!([condition("NonStructuralSchema", "True")]), Degraded, "Schema violations found: m");
    check(json!([condition("Terminating", "True")]), Progressing, "CRD is terminating: m");
    check(
        json!([{"type": "Established", "status": "False", "reason": "Installing"}]),
        Progressing,
        "CRD is being installed",
    );
    check(json!([condition("NamesAccepted", "True")]), Degraded, "CRD is not established");
    check(
        json!([condition("NamesAccepted", "True"), condition("Established", "True")]),
        Healthy,
        "CRD is healthy",
    );
}

// covers: HLT-023
#[test]
fn a_workflow_is_judged_by_its_phase() {
    for (phase, verdict, message) in [
        ("", Progressing, "m"),
        ("Pending", Progressing, "m"),
        ("Running", Progressing, "m"),
        ("Succeeded", Healthy, "m"),
        ("Failed", Degraded, "m"),
        ("Error", Degraded, "m"),
        ("Other", Unknown, ""),
    ] {
        let state = json!({"status": {"phase": phase, "message": "m"}});
        check("argoproj.io/v1alpha1", "Workflow", &state, (verdict, message));
    }
}
