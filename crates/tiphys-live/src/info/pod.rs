//! The state of a Pod in the words that `kubectl get pods` uses, its images, and what it asks of its Node.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{NodeInfo, PodUsage, items, milli_value, string_pairs};

pub(super) fn describe(object: &Value, info: &mut NodeInfo) {
    let images: BTreeSet<&str> = items(object, "/spec/initContainers")
        .chain(items(object, "/spec/containers"))
        .filter_map(|container| container.get("image")?.as_str())
        .collect();
    info.images = images.into_iter().map(Into::into).collect();

    let summary = Summary::of(object);
    if !summary.reason.is_empty() {
        info.item("Status Reason", summary.reason.as_str());
    }
    let phase = text(object, "/status/phase");
    let node = text(object, "/spec/nodeName");
    let (cpu_milli, memory_milli) = requests(object);
    info.item("Node", node);
    info.item("Containers", format!("{}/{}", summary.ready, summary.total));
    if summary.restarts > 0 {
        info.item("Restart Count", summary.restarts.to_string());
    }
    if !is_terminal(phase) {
        info.item("Requests (CPU)", cpu_milli.to_string());
        info.item("Requests (MEM)", memory_milli.to_string());
    }
    info.pod = Some(Box::new(PodUsage { node: node.into(), phase: phase.into(), cpu_milli, memory_milli }));
    info.networking.get_or_insert_default().labels = string_pairs(object.pointer("/metadata/labels"));
}

struct Summary {
    reason: String,
    ready: usize,
    total: usize,
    restarts: i64,
}

impl Summary {
    /// The one word for a Pod: its phase, overruled by what its containers are stuck in.
    fn of(pod: &Value) -> Self {
        let phase = text(pod, "/status/phase");
        let status_reason = text(pod, "/status/reason");
        let mut reason = if status_reason.is_empty() { phase } else { status_reason }.to_owned();
        if items(pod, "/status/conditions")
            .any(|it| text(it, "/type") == "PodScheduled" && text(it, "/reason") == "SchedulingGated")
        {
            reason = "SchedulingGated".into();
        }

        let sidecars: BTreeSet<&str> = items(pod, "/spec/initContainers")
            .filter(|container| text(container, "/restartPolicy") == "Always")
            .map(|container| text(container, "/name"))
            .collect();
        let mut summary = Self {
            reason,
            ready: 0,
            total: items(pod, "/spec/containers").count() + sidecars.len(),
            restarts: 0,
        };
        let initializing = summary.init_containers(pod, &sidecars);
        let initialized = items(pod, "/status/conditions")
            .find(|it| text(it, "/type") == "Initialized")
            .is_some_and(|it| text(it, "/status") == "True");
        if !initializing || initialized {
            summary.containers(pod);
        }
        if pod.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null()) {
            if status_reason == "NodeLost" {
                summary.reason = "Unknown".into();
            } else if !is_terminal(phase) {
                summary.reason = "Terminating".into();
            }
        }
        summary
    }

    /// Counts the init containers; true when one of them has not done its work.
    fn init_containers(&mut self, pod: &Value, sidecars: &BTreeSet<&str>) -> bool {
        let declared = items(pod, "/spec/initContainers").count();
        for (index, status) in items(pod, "/status/initContainerStatuses").enumerate() {
            self.restarts += number(status, "/restartCount");
            let terminated = status.pointer("/state/terminated").filter(|it| it.is_object());
            let waiting = text(status, "/state/waiting/reason");
            if terminated.is_some_and(|it| number(it, "/exitCode") == 0) {
                continue;
            }
            if sidecars.contains(text(status, "/name")) && flag(status, "/started") {
                self.ready += usize::from(flag(status, "/ready"));
                continue;
            }
            self.reason = match terminated {
                Some(state) => format!("Init:{}", exit(state)),
                None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
                None => format!("Init:{index}/{declared}"),
            };
            return true;
        }
        false
    }

    fn containers(&mut self, pod: &Value) {
        let mut running = false;
        let statuses: Vec<&Value> = items(pod, "/status/containerStatuses").collect();
        // The first container has the last word.
        for status in statuses.into_iter().rev() {
            self.restarts += number(status, "/restartCount");
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                self.reason = waiting.into();
            } else if let Some(state) = status.pointer("/state/terminated").filter(|it| it.is_object()) {
                self.reason = exit(state);
            } else if flag(status, "/ready") && status.pointer("/state/running").is_some_and(Value::is_object)
            {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && running {
            self.reason = "Running".into();
        }
    }
}

fn exit(terminated: &Value) -> String {
    let reason = text(terminated, "/reason");
    if !reason.is_empty() {
        return reason.to_owned();
    }
    match number(terminated, "/signal") {
        0 => format!("ExitCode:{}", number(terminated, "/exitCode")),
        signal => format!("Signal:{signal}"),
    }
}

/// CPU and memory that the scheduler reserves, in thousandths: the sum of containers and sidecars, or what
/// the largest init container needs (with the sidecars started before it), plus overhead. A Pod-level request
/// overrules.
fn requests(pod: &Value) -> (i64, i64) {
    let mut total: BTreeMap<&str, i64> = BTreeMap::new();
    for resource in ["cpu", "memory"] {
        let of = |container: &Value| {
            container
                .get("resources")
                .and_then(|resources| resources.get("requests"))
                .and_then(|requests| requests.get(resource))
                .and_then(Value::as_str)
                .and_then(milli_value)
                .unwrap_or(0)
        };
        let mut sum: i64 = items(pod, "/spec/containers").map(of).fold(0, i64::saturating_add);
        let mut sidecars = 0i64;
        let mut peak = 0i64;
        for container in items(pod, "/spec/initContainers") {
            let need = of(container);
            if text(container, "/restartPolicy") == "Always" {
                sidecars = sidecars.saturating_add(need);
                peak = peak.max(sidecars);
            } else {
                peak = peak.max(sidecars.saturating_add(need));
            }
        }
        sum = sum.saturating_add(sidecars).max(peak);
        let pod_level = pod.get("spec").map_or(0, of);
        if pod_level > 0 {
            sum = pod_level;
        }
        let overhead = pod
            .pointer("/spec/overhead")
            .and_then(|overhead| overhead.get(resource))
            .and_then(Value::as_str)
            .and_then(milli_value)
            .unwrap_or(0);
        total.insert(resource, sum.saturating_add(overhead));
    }
    (total.get("cpu").copied().unwrap_or(0), total.get("memory").copied().unwrap_or(0))
}

fn is_terminal(phase: &str) -> bool {
    matches!(phase, "Failed" | "Succeeded")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::NodeInfo;

    fn item<'a>(info: &'a NodeInfo, name: &str) -> Option<&'a str> {
        info.items.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    #[test]
    fn a_running_pod_shows_containers_node_restarts_and_images() {
        let pod = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "nodeName": "n1",
                "initContainers": [{"name": "wait", "image": "busybox:1"}],
                "containers": [
                    {"name": "a", "image": "web:2", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}},
                    {"name": "b", "image": "web:2", "resources": {"requests": {"cpu": "0.4"}}}
                ]
            },
            "status": {"phase": "Running",
                "initContainerStatuses": [{"name": "wait", "state": {"terminated": {"exitCode": 0}}}],
                "containerStatuses": [
                    {"name": "a", "ready": true, "restartCount": 2, "state": {"running": {}}},
                    {"name": "b", "ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
                ]}
        });
        let info = NodeInfo::of("", "v1", "Pod", &pod, &[]);
        assert_eq!(item(&info, "Status Reason"), Some("CrashLoopBackOff"));
        assert_eq!(item(&info, "Node"), Some("n1"));
        assert_eq!(item(&info, "Containers"), Some("1/2"));
        assert_eq!(item(&info, "Restart Count"), Some("3"));
        assert_eq!(item(&info, "Requests (CPU)"), Some("500"));
        assert_eq!(info.images, vec!["busybox:1".into(), "web:2".into()]);
    }

    #[test]
    fn a_pod_that_is_stuck_says_in_what() {
        for (status, deleted, reason) in [
            (json!({"phase": "Pending"}), false, "Pending"),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}),
                false,
                "Init:ImagePullBackOff",
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}),
                false,
                "Init:0/1",
            ),
            (
                json!({"phase": "Failed", "containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 3}}}]}),
                false,
                "ExitCode:3",
            ),
            (json!({"phase": "Running"}), true, "Terminating"),
            (json!({"phase": "Running", "reason": "NodeLost"}), true, "Unknown"),
        ] {
            let mut pod = json!({"metadata": {}, "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "a"}]}, "status": status});
            if deleted {
                pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            }
            let info = NodeInfo::of("", "v1", "Pod", &pod, &[]);
            assert_eq!(item(&info, "Status Reason"), Some(reason), "{pod}");
        }
    }
}
