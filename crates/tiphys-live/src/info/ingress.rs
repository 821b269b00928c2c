//! Where traffic enters and where it goes: Services, Ingresses, Istio and Gateway API routes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    IGNORE_DEFAULT_LINKS, LoadBalancerAddress, NodeInfo, TargetRef, annotation, items, string_pairs,
};

pub(super) fn service(object: &Value, info: &mut NodeInfo) {
    let networking = info.networking.get_or_insert_default();
    networking.target_labels = string_pairs(object.pointer("/spec/selector"));
    if object.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer") {
        networking.ingress = addresses(object);
    }
}

/// Targets and URLs of an Ingress. `links` (from annotations) is added to.
pub(super) fn ingress(
    group: &str,
    version: &str,
    object: &Value,
    info: &mut NodeInfo,
    links: &mut Vec<Box<str>>,
) {
    let addresses = addresses(object);
    let mut targets = BTreeSet::new();
    let mut urls = BTreeSet::new();
    // `defaultBackend` is the name since networking.k8s.io/v1, `backend` the one before.
    for pointer in ["/spec/backend", "/spec/defaultBackend"] {
        targets.extend(object.pointer(pointer).and_then(|it| backend(group, version, object, it)));
    }
    for rule in items(object, "/spec/rules") {
        let host = rule
            .get("host")
            .and_then(Value::as_str)
            .filter(|host| !host.is_empty())
            .or_else(|| addresses.first().map(LoadBalancerAddress::as_str));
        for path in items(rule, "/http/paths") {
            targets.extend(path.get("backend").and_then(|it| backend(group, version, object, it)));
            let Some(host) = host else { continue };
            let scheme = if has_tls(object, host) { "https" } else { "http" };
            let sub_path = path.get("path").and_then(Value::as_str).unwrap_or_default();
            urls.insert(format!("{scheme}://{host}{}", sub_path.strip_suffix('*').unwrap_or(sub_path)));
        }
    }
    if !matches!(annotation(object, IGNORE_DEFAULT_LINKS), Some("true" | "1" | "t" | "T" | "TRUE" | "True")) {
        links.extend(urls.into_iter().map(Into::into));
    }
    let networking = info.networking.get_or_insert_default();
    networking.target_refs = targets.into_iter().collect();
    networking.ingress = addresses;
}

/// Services that an Istio VirtualService routes to.
pub(super) fn virtual_service(object: &Value, info: &mut NodeInfo) {
    let own = namespace(object);
    let targets: BTreeSet<TargetRef> = items(object, "/spec/http")
        .flat_map(|rule| items(rule, "/route"))
        .filter_map(|route| route.pointer("/destination/host")?.as_str())
        .map(|host| {
            let mut parts = host.split('.');
            let name = parts.next().unwrap_or_default();
            service_ref(parts.next().unwrap_or(own), name)
        })
        .collect();
    info.networking.get_or_insert_default().target_refs = targets.into_iter().collect();
}

/// Pods that an Istio ServiceEntry selects.
pub(super) fn service_entry(object: &Value, info: &mut NodeInfo) {
    let Some(labels) = object.pointer("/spec/workloadSelector/labels").filter(|it| it.is_object()) else {
        return;
    };
    let networking = info.networking.get_or_insert_default();
    networking.target_labels = string_pairs(Some(labels));
    networking.target_refs =
        vec![TargetRef { group: "".into(), kind: "Pod".into(), namespace: "".into(), name: "".into() }];
}

/// Services and host names of a Gateway API route. Whether TLS ends at its Gateway is not known here: the URL
/// is https, which a Gateway without it rarely serves to the outside.
pub(super) fn route(object: &Value, info: &mut NodeInfo, links: &mut Vec<Box<str>>) {
    let own = namespace(object);
    let targets: BTreeSet<TargetRef> = items(object, "/spec/rules")
        .flat_map(|rule| items(rule, "/backendRefs"))
        .filter(|backend| backend.get("kind").and_then(Value::as_str).is_none_or(|kind| kind == "Service"))
        .filter_map(|backend| {
            let namespace = backend.get("namespace").and_then(Value::as_str).unwrap_or(own);
            Some(service_ref(namespace, backend.get("name")?.as_str()?))
        })
        .collect();
    info.networking.get_or_insert_default().target_refs = targets.into_iter().collect();
    let hosts = items(object, "/spec/hostnames").filter_map(Value::as_str).filter(|host| !host.contains('*'));
    links.extend(hosts.map(|host| format!("https://{host}").into()));
}

fn addresses(object: &Value) -> Vec<LoadBalancerAddress> {
    items(object, "/status/loadBalancer/ingress")
        .filter_map(|entry| {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text("hostname")
                .map(|name| LoadBalancerAddress::Hostname(name.into()))
                .or_else(|| text("ip").map(|address| LoadBalancerAddress::Ip(address.into())))
        })
        .collect()
}

fn backend(group: &str, version: &str, object: &Value, backend: &Value) -> Option<TargetRef> {
    let name = if group == "networking.k8s.io" && version == "v1" {
        backend.pointer("/service/name")?.as_str()?
    } else {
        backend.get("serviceName")?.as_str()?
    };
    Some(service_ref(namespace(object), name))
}

/// An entry with a Secret covers every host, as in the reference; without one it covers the hosts that it
/// lists.
fn has_tls(object: &Value, host: &str) -> bool {
    items(object, "/spec/tls").any(|entry| {
        entry.get("secretName").is_some_and(|name| !name.is_null())
            || items(entry, "/hosts").any(|listed| listed.as_str() == Some(host))
    })
}

fn service_ref(namespace: &str, name: &str) -> TargetRef {
    TargetRef { group: "".into(), kind: "Service".into(), namespace: namespace.into(), name: name.into() }
}

fn namespace(object: &Value) -> &str {
    object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::NodeInfo;

    // covers: REC-023
    #[test]
    fn an_ingress_gives_urls_and_the_services_behind_it() {
        let object = json!({
            "metadata": {"namespace": "shop"},
            "spec": {
                "tls": [{"secretName": "cert"}],
                "rules": [{"host": "shop.example.org", "http": {"paths": [
                    {"path": "/api/*", "backend": {"service": {"name": "api"}}},
                    {"path": "/", "backend": {"service": {"name": "web"}}}
                ]}}]
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        });
        let info = NodeInfo::of("networking.k8s.io", "v1", "Ingress", &object, &[]);
        let networking = info.networking.unwrap_or_default();
        assert_eq!(
            networking.external_urls,
            vec!["https://shop.example.org/".into(), "https://shop.example.org/api/".into()]
        );
        let names: Vec<&str> = networking.target_refs.iter().map(|target| &*target.name).collect();
        assert_eq!(names, ["api", "web"]);
        assert_eq!(networking.ingress.first().map(|it| it.as_str()), Some("192.0.2.1"));
    }

    #[test]
    fn an_ingress_without_host_is_reached_at_its_load_balancer() {
        let object = json!({
            "spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}
        });
        let info = NodeInfo::of("networking.k8s.io", "v1", "Ingress", &object, &[]);
        assert_eq!(info.networking.unwrap_or_default().external_urls, vec!["http://lb.example.org".into()]);
    }
}
