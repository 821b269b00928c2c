//! What a tree shows of an object beyond its identity: info items, networking, images, and what a Pod asks of
//! its Node.
//!
//! Computed once when an object is applied to the index and kept instead of the object's body. Items, their
//! names and their order are the reference's (REC-019, REC-022, REC-023). Health is not here, see
//! `tiphys-health`.

mod ingress;
mod pod;
mod quantity;

use serde_json::Value;

pub use quantity::milli_value;

/// Annotations with this prefix carry a link of the object, as `URL` or `title|URL`.
const LINK_PREFIX: &str = "link.argocd.argoproj.io/";
/// Annotation that switches off the URLs derived from an Ingress.
const IGNORE_DEFAULT_LINKS: &str = "argocd.argoproj.io/ignore-default-links";
/// Annotation of an Application that names the control plane that manages it.
const MANAGED_BY_URL: &str = "argocd.argoproj.io/managed-by-url";

/// Small facts about one object, in the shape that a resource tree gives them. Empty parts take no heap memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Name and value, in display order, for example `("Status Reason", "Running")`.
    pub items: Vec<(Box<str>, Box<str>)>,
    /// Labels, selectors, targets, load balancer addresses and URLs; `None` when the object has nothing to do
    /// with networking and no link.
    pub networking: Option<Box<Networking>>,
    /// Images of a Pod's containers, sorted, each once.
    pub images: Vec<Box<str>>,
    /// What a Pod asks of the Node it runs on.
    pub pod: Option<Box<PodUsage>>,
    /// What a Node offers.
    pub host: Option<Box<HostCapacity>>,
}

/// The `networkingInfo` of a tree node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networking {
    /// Selector of the Pods that a Service or ServiceEntry sends traffic to.
    pub target_labels: Vec<(Box<str>, Box<str>)>,
    /// Objects that an Ingress or VirtualService sends traffic to.
    pub target_refs: Vec<TargetRef>,
    /// Labels of a Pod, to be matched with selectors.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Load balancer addresses.
    pub ingress: Vec<LoadBalancerAddress>,
    /// URLs under which the object is reached, and links from annotations.
    pub external_urls: Vec<Box<str>>,
}

/// One target of traffic. Fields are empty where the reference leaves them out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetRef {
    /// API group, empty for the core group.
    pub group: Box<str>,
    /// Kind, for example `Service`.
    pub kind: Box<str>,
    /// Namespace of the target.
    pub namespace: Box<str>,
    /// Name of the target; empty when any object of the kind that matches the labels is meant.
    pub name: Box<str>,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadBalancerAddress {
    /// A DNS name.
    Hostname(Box<str>),
    /// An IP address.
    Ip(Box<str>),
}

impl LoadBalancerAddress {
    /// The name or address as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hostname(text) | Self::Ip(text) => text,
        }
    }
}

/// What a Pod asks of its Node, for the hosts of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodUsage {
    /// Name of the Node; empty while the Pod is not scheduled.
    pub node: Box<str>,
    /// `status.phase`.
    pub phase: Box<str>,
    /// Requested CPU in thousandths of a core.
    pub cpu_milli: i64,
    /// Requested memory in thousandths of a byte, the unit of the reference's tree.
    pub memory_milli: i64,
}

/// What a Node offers, for the hosts of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCapacity {
    /// `status.capacity.cpu` in thousandths of a core.
    pub cpu_milli: i64,
    /// `status.capacity.memory` in thousandths of a byte.
    pub memory_milli: i64,
    /// `status.capacity.pods` in thousandths.
    pub pods_milli: i64,
    /// `status.nodeInfo` as it is.
    pub system_info: Value,
    /// Labels of the Node.
    pub labels: Vec<(Box<str>, Box<str>)>,
}

impl NodeInfo {
    /// Reads the facts from an object. `custom_labels` are the keys of `resource.customLabels`, shown as
    /// items when set.
    pub fn of(group: &str, version: &str, kind: &str, object: &Value, custom_labels: &[String]) -> Self {
        let mut info = Self::default();
        if let Some(revision) = revision(group, kind, object) {
            info.item("Revision", format!("Rev:{revision}"));
        }
        for key in custom_labels {
            if let Some(value) = label(object, key) {
                info.item(key, value);
            }
        }
        let mut links = links(object);
        match (group, kind) {
            ("", "Pod") => pod::describe(object, &mut info),
            ("", "Service") => ingress::service(object, &mut info),
            ("", "Node") => info.host = Some(Box::new(host(object))),
            ("extensions" | "networking.k8s.io", "Ingress") => {
                ingress::ingress(group, version, object, &mut info, &mut links);
            }
            ("networking.istio.io", "VirtualService") => ingress::virtual_service(object, &mut info),
            ("networking.istio.io", "ServiceEntry") => ingress::service_entry(object, &mut info),
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute") => {
                ingress::route(object, &mut info, &mut links);
            }
            ("argoproj.io", "Application") => {
                if let Some(url) = annotation(object, MANAGED_BY_URL).filter(|url| is_web_url(url)) {
                    info.item("managed-by-url", url);
                }
            }
            _ => {}
        }
        if !links.is_empty() {
            info.networking.get_or_insert_default().external_urls = links;
        }
        info
    }

    /// Nothing to show.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.networking.is_none()
            && self.images.is_empty()
            && self.pod.is_none()
            && self.host.is_none()
    }

    fn item(&mut self, name: &str, value: impl Into<Box<str>>) {
        self.items.push((name.into(), value.into()));
    }
}

/// The number that a roll-out counts up, from the annotations that its controllers write.
fn revision(group: &str, kind: &str, object: &Value) -> Option<i64> {
    let revision = match (group, kind) {
        ("apps", "ControllerRevision") => object.get("revision").and_then(Value::as_i64),
        ("apps", "Deployment" | "ReplicaSet") => {
            annotation(object, "deployment.kubernetes.io/revision").and_then(|text| text.parse().ok())
        }
        ("argoproj.io", "Rollout") => {
            annotation(object, "rollout.argoproj.io/revision").and_then(|text| text.parse().ok())
        }
        _ => None,
    };
    revision.filter(|number| *number > 0)
}

/// Links of annotations, sorted. What is not a web address is left out: the user interface makes links of them.
fn links(object: &Value) -> Vec<Box<str>> {
    let Some(annotations) = object.pointer("/metadata/annotations").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut links: Vec<Box<str>> = annotations
        .iter()
        .filter(|(key, _)| key.starts_with(LINK_PREFIX))
        .filter_map(|(_, value)| value.as_str())
        .filter(|value| is_web_url(value.split_once('|').map_or(*value, |(_, url)| url)))
        .map(Into::into)
        .collect();
    links.sort_unstable();
    links
}

fn is_web_url(url: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

fn host(object: &Value) -> HostCapacity {
    let capacity = |name: &str| {
        object
            .get("status")
            .and_then(|status| status.get("capacity"))
            .and_then(|capacity| capacity.get(name))
            .and_then(Value::as_str)
            .and_then(milli_value)
            .unwrap_or(0)
    };
    HostCapacity {
        cpu_milli: capacity("cpu"),
        memory_milli: capacity("memory"),
        pods_milli: capacity("pods"),
        system_info: object.pointer("/status/nodeInfo").cloned().unwrap_or_default(),
        labels: string_pairs(object.pointer("/metadata/labels")),
    }
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// A map of strings as sorted pairs; values that are not strings are left out.
pub(crate) fn string_pairs(value: Option<&Value>) -> Vec<(Box<str>, Box<str>)> {
    let Some(map) = value.and_then(Value::as_object) else { return Vec::new() };
    let mut pairs: Vec<(Box<str>, Box<str>)> =
        map.iter().filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into()))).collect();
    pairs.sort_unstable();
    pairs
}

/// The items of an array, or none when it is missing or something else.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // covers: TRK-014
    #[test]
    fn a_replica_set_shows_its_revision_and_custom_labels() {
        let object = json!({"metadata": {
            "annotations": {"deployment.kubernetes.io/revision": "7"},
            "labels": {"team": "harbour"}
        }});
        let info = NodeInfo::of("apps", "v1", "ReplicaSet", &object, &["team".into(), "absent".into()]);
        assert_eq!(info.items, vec![("Revision".into(), "Rev:7".into()), ("team".into(), "harbour".into())]);
    }

    // covers: REC-023, APP-015
    #[test]
    fn a_link_annotation_is_a_url_unless_a_browser_would_run_it() {
        let object = json!({"metadata": {"annotations": {
            "link.argocd.argoproj.io/docs": "Manual|https://example.org/manual",
            "link.argocd.argoproj.io/bad": "x|javascript:alert(1)"
        }}});
        let info = NodeInfo::of("apps", "v1", "Deployment", &object, &[]);
        let urls = info.networking.map(|networking| networking.external_urls).unwrap_or_default();
        assert_eq!(urls, vec!["Manual|https://example.org/manual".into()]);
    }

    #[test]
    fn an_object_of_wrong_shape_has_no_info() {
        for object in [json!(null), json!({"metadata": 3, "spec": "x", "status": []}), json!([1])] {
            for kind in ["Service", "ConfigMap"] {
                let info = NodeInfo::of("", "v1", kind, &object, &["a".into()]);
                assert!(info.items.is_empty(), "{kind} {object}");
            }
            let _ = NodeInfo::of("", "v1", "Pod", &object, &[]);
            let _ = NodeInfo::of("networking.k8s.io", "v1", "Ingress", &object, &[]);
        }
    }
}
