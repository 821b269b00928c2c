//! What a tree shows.

use serde_json::{Value, json};

use super::*;
use crate::testing::{World, config_map, deployment, key, with_annotation};

fn owned(mut object: Value, group: &str, kind: &str, name: &str) -> Value {
    object["metadata"]["namespace"] = json!("n");
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") },
        "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true,
    }]);
    object
}

fn replica_set(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": {"replicas": 1}})
}

fn pod(name: &str, node: &str, cpu: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n"},
           "spec": {"nodeName": node, "containers": [{"name": "c", "image": format!("{name}:1"),
               "resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}}]},
           "status": {"phase": "Running"}})
}

/// A Deployment with a ReplicaSet and a Pod, and a ConfigMap that is missing.
fn world() -> World {
    let mut world = World::new();
    world.put_synced(deployment("web"));
    world.put(owned(replica_set("web-1"), "apps", "Deployment", "web"));
    world.put(owned(pod("web-1-a", "host", "100m"), "apps", "ReplicaSet", "web-1"));
    world
}

fn tree(world: &World, objects: Vec<Value>) -> ApplicationTree {
    let project = world.compiled_project();
    resource_tree(&world.compare(objects), &world.index, &world.view(&project))
}

fn names(nodes: &[ResourceNode]) -> Vec<String> {
    nodes.iter().map(|node| format!("{}/{}", node.reference.kind, node.reference.name)).collect()
}

// covers: REC-019
#[test]
fn a_tree_holds_missing_and_managed_objects_and_what_these_own() {
    let world = world();
    let tree = tree(&world, vec![deployment("web"), config_map("gone", "1")]);
    assert_eq!(names(&tree.nodes), ["ConfigMap/gone", "Deployment/web", "ReplicaSet/web-1", "Pod/web-1-a"]);
    let written = serde_json::to_value(&tree.nodes).unwrap();
    assert_eq!(
        written[0],
        json!({"version": "v1", "kind": "ConfigMap", "namespace": "n", "name": "gone", "health": {"status": "Missing"}})
    );
    let parent = json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "n", "name": "web",
                        "uid": "Deployment-web"});
    assert_eq!(written[2]["parentRefs"], json!([parent]));
    assert_eq!(written[1]["health"]["status"], "Progressing");
    assert_eq!(written[3]["images"], json!(["web-1-a:1"]));
    assert_eq!(written[3]["uid"], "Pod-web-1-a");
}

// covers: PRJ-010
#[test]
fn below_what_the_project_forbids_nothing_is_shown() {
    let mut world = world();
    world.project.spec.namespace_resource_blacklist =
        vec![serde_json::from_value(json!({"group": "apps", "kind": "ReplicaSet"})).unwrap()];
    assert_eq!(names(&tree(&world, vec![deployment("web")]).nodes), ["Deployment/web"]);
}

// covers: REC-019
#[test]
fn hosts_are_the_nodes_of_the_applications_pods() {
    let mut world = world();
    world.put(pod("neighbour", "host", "300m"));
    world.put(pod("elsewhere", "other", "1"));
    world.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "host", "labels": {"a": "b"}},
        "status": {"capacity": {"cpu": "2", "memory": "1Gi"}, "nodeInfo": {"kubeletVersion": "v1.36.0"}}}));
    let tree = tree(&world, vec![deployment("web")]);
    assert_eq!(tree.hosts.len(), 1);
    let host = &tree.hosts[0];
    assert_eq!((host.name.as_str(), host.system_info.kubelet_version.as_str()), ("host", "v1.36.0"));
    let cpu = &host.resources_info[0];
    assert_eq!((cpu.requested_by_app, cpu.requested_by_neighbors, cpu.capacity), (100, 300, 2000));
    assert!(host.labels.is_empty());
}

// covers: APP-064, REC-022, REC-023
#[test]
fn the_summary_has_images_and_links_each_once_and_sorted() {
    let mut world = world();
    let ingress = with_annotation(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"},
               "spec": {"rules": [{"host": "shop.example.com", "http": {"paths": [{"path": "/"}]}}],
                        "tls": [{"hosts": ["shop.example.com"]}]},
               "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}),
        "link.argocd.argoproj.io/docs",
        "https://a.example.com",
    );
    world.put_synced(ingress.clone());
    let child =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "child"}});
    world.put_synced(child.clone());
    let comparison = world.compare(vec![deployment("web"), ingress, child]);
    let project = world.compiled_project();
    let found = summary(&tree_nodes(&comparison, &world.index, &world.view(&project)));
    assert_eq!(found.images, ["web-1-a:1"]);
    assert!(found.is_app_of_apps);
    assert!(
        found.external_urls.is_sorted()
            && found.external_urls.iter().any(|url| url.contains("a.example.com"))
    );
    assert!(
        found.external_urls.iter().any(|url| url == "https://shop.example.com/"),
        "{:?}",
        found.external_urls
    );
    world.delete(&key("argoproj.io", "Application", "child"));
    assert!(!summary(&tree_nodes(&comparison, &world.index, &world.view(&project))).is_app_of_apps);
}

// covers: TRK-009, PRJ-011
#[test]
fn orphans_are_shown_and_said_when_the_project_looks_for_them() {
    let mut world = world();
    let mut orphan = config_map("orphan", "1");
    orphan["metadata"]["namespace"] = json!("n");
    world.put(orphan);
    let mut default = config_map("kube-root-ca.crt", "1");
    default["metadata"]["namespace"] = json!("n");
    world.put(default);
    let look = |world: &mut World, orphaned: Value| {
        world.project.spec.orphaned_resources = serde_json::from_value(orphaned).unwrap();
        let project = world.compiled_project();
        let view = world.view(&project);
        let said = orphaned_condition(&world.index, &view).map(|condition| condition.message);
        (names(&tree(world, vec![deployment("web")]).orphaned_nodes), said)
    };
    let found = vec!["ConfigMap/orphan".to_owned()];
    let said = Some("Application has 1 orphaned resources".to_owned());
    assert_eq!(look(&mut world, json!(null)), (vec![], None));
    assert_eq!(look(&mut world, json!({})), (found.clone(), said));
    assert_eq!(look(&mut world, json!({"warn": false})), (found, None));
    let ignored = json!({"ignore": [{"group": "", "kind": "ConfigMap", "name": "orph*"}]});
    assert_eq!(look(&mut world, ignored), (vec![], None));
}
