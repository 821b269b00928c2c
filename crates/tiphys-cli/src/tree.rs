//! Objects and what they own, drawn as trees.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use tiphys_api::resource_tree::ResourceNode;

use crate::resources::ResourceState;
use crate::rows;
use crate::table::Table;

/// A forest: each node with the lines that lead to it.
struct Forest<'a> {
    children: HashMap<&'a str, Vec<&'a ResourceNode>>,
    roots: Vec<&'a ResourceNode>,
}

impl<'a> Forest<'a> {
    fn of(nodes: &'a [ResourceNode]) -> Self {
        let known: HashSet<&str> = nodes.iter().map(|node| node.reference.uid.as_str()).collect();
        let mut children: HashMap<&str, Vec<&ResourceNode>> = HashMap::new();
        let mut roots = Vec::new();
        for node in nodes {
            let parents: Vec<&str> = node
                .parent_refs
                .iter()
                .map(|parent| parent.uid.as_str())
                .filter(|uid| known.contains(uid) && *uid != node.reference.uid)
                .collect();
            if parents.is_empty() {
                roots.push(node);
            }
            for parent in parents {
                children.entry(parent).or_default().push(node);
            }
        }
        let order = |node: &&ResourceNode| {
            let reference = &node.reference;
            (reference.kind.clone(), reference.namespace.clone(), reference.name.clone())
        };
        roots.sort_by_key(order);
        children.values_mut().for_each(|children| children.sort_by_key(order));
        Forest { children, roots }
    }

    /// Each node with its prefix, parents before children. A node that owns itself in a circle is shown once.
    fn walk(&self, mut visit: impl FnMut(&str, &ResourceNode)) {
        let mut open: Vec<(String, String, &ResourceNode)> = Vec::new();
        let mut seen = HashSet::new();
        for root in self.roots.iter().rev() {
            open.push((String::new(), String::new(), root));
        }
        while let Some((prefix, below, node)) = open.pop() {
            if !seen.insert((below.clone(), node.reference.uid.as_str())) || below.chars().count() > 64 {
                continue;
            }
            visit(&prefix, node);
            let children =
                self.children.get(node.reference.uid.as_str()).map(Vec::as_slice).unwrap_or_default();
            for (place, child) in children.iter().enumerate().rev() {
                let is_last = place + 1 == children.len();
                let branch = format!("{below}{}", if is_last { "└─" } else { "├─" });
                let next = format!("{below}{}", if is_last { "  " } else { "│ " });
                open.push((branch, next, child));
            }
        }
    }
}

fn health(node: &ResourceNode) -> (String, String) {
    let health = node.health.as_ref();
    (
        health.map(|health| health.status.to_string()).unwrap_or_default(),
        health.map(|health| health.message.clone()).unwrap_or_default(),
    )
}

fn age(node: &ResourceNode, now: DateTime<Utc>) -> String {
    match node.created_at {
        Some(at) => rows::age(now.timestamp() - at.unix()),
        None => "<unknown>".to_owned(),
    }
}

/// The tree of `app get -o tree`: objects by kind and name, with what is known of them.
pub(crate) fn application(
    nodes: &[ResourceNode],
    states: &[ResourceState],
    detailed: bool,
    now: DateTime<Utc>,
) -> String {
    let by_name: BTreeMap<(&str, &str), &ResourceState> =
        states.iter().map(|state| ((state.kind.as_str(), state.name.as_str()), state)).collect();
    let mut table = Table::default();
    match detailed {
        true => table.row(["KIND/NAME", "STATUS", "HEALTH", "AGE", "MESSAGE", "REASON"]),
        false => table.row(["KIND/NAME", "STATUS", "HEALTH", "MESSAGE"]),
    }
    Forest::of(nodes).walk(|prefix, node| {
        let reference = &node.reference;
        let title = format!("{prefix}{}/{}", reference.kind, reference.name);
        let (own_health, reason) = health(node);
        let state = by_name.get(&(reference.kind.as_str(), reference.name.as_str()));
        let (status, health, message) = match state {
            Some(state) => (state.status.clone(), state.health.clone(), state.message.clone()),
            None => (String::new(), own_health, String::new()),
        };
        match detailed {
            true => table.row([title, status, health, age(node, now), message, reason]),
            false => table.row([title, status, health, message]),
        }
    });
    table.take()
}

/// The formats of `app resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceFormat {
    List,
    Tree,
    Detailed,
}

/// The table of `app resources`. `nodes` and `orphaned` are `None` where they are not asked for.
pub(crate) fn resources(
    nodes: Option<&[ResourceNode]>,
    orphaned: Option<&[ResourceNode]>,
    format: ResourceFormat,
    now: DateTime<Utc>,
) -> String {
    let mut table = Table::default();
    let mut head = vec!["GROUP", "KIND", "NAMESPACE", "NAME", "ORPHANED"];
    if format == ResourceFormat::Detailed {
        head.extend(["AGE", "HEALTH", "REASON"]);
    }
    table.row(head);
    for (nodes, is_orphaned) in [(nodes, "No"), (orphaned, "Yes")] {
        let Some(nodes) = nodes else { continue };
        let mut row = |prefix: &str, node: &ResourceNode| {
            let reference = &node.reference;
            let mut cells = vec![
                format!("{prefix}{}", reference.group),
                reference.kind.clone(),
                reference.namespace.clone(),
                reference.name.clone(),
                is_orphaned.to_owned(),
            ];
            if format == ResourceFormat::Detailed {
                let (health, reason) = health(node);
                cells.extend([age(node, now), health, reason]);
            }
            table.row(cells);
        };
        match format {
            ResourceFormat::List => {
                let is_top = |node: &&ResourceNode| is_orphaned == "Yes" || node.parent_refs.is_empty();
                nodes.iter().filter(is_top).for_each(|node| row("", node));
            }
            _ => Forest::of(nodes).walk(row),
        }
    }
    table.take()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(kind: &str, name: &str, parent: Option<&str>) -> ResourceNode {
        let mut node = json!({
            "kind": kind, "namespace": "n", "name": name, "uid": format!("{kind}/{name}"), "createdAt": "2026-01-01T00:00:00Z",
            "health": {"status": "Healthy", "message": "fine"},
        });
        if let Some(parent) = parent {
            node["parentRefs"] = json!([{"kind": "x", "name": parent, "uid": parent}]);
        }
        serde_json::from_value(node).unwrap()
    }

    fn nodes() -> Vec<ResourceNode> {
        vec![
            node("Pod", "web-1-a", Some("ReplicaSet/web-1")),
            node("ReplicaSet", "web-1", Some("Deployment/web")),
            node("Pod", "web-1-b", Some("ReplicaSet/web-1")),
            node("ReplicaSet", "web-2", Some("Deployment/web")),
            node("Deployment", "web", None),
            node("Service", "web", None),
        ]
    }

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:05:00Z".parse().unwrap()
    }

    // covers: CLI-066
    #[test]
    fn an_application_is_a_tree_of_objects() {
        let state = ResourceState {
            kind: "Deployment".into(),
            name: "web".into(),
            status: "Synced".into(),
            health: "Progressing".into(),
            message: "deployment.apps/web created".into(),
            ..ResourceState::default()
        };
        assert_eq!(
            application(&nodes(), &[state], false, now()),
            "\
KIND/NAME           STATUS  HEALTH       MESSAGE
Deployment/web      Synced  Progressing  deployment.apps/web created
├─ReplicaSet/web-1          Healthy      
│ ├─Pod/web-1-a             Healthy      
│ └─Pod/web-1-b             Healthy      
└─ReplicaSet/web-2          Healthy      
Service/web                 Healthy      
"
        );
        let detailed = application(&nodes()[5..], &[], true, now());
        assert_eq!(
            detailed,
            "KIND/NAME    STATUS  HEALTH   AGE  MESSAGE  REASON\nService/web          Healthy  5m            fine\n"
        );
    }

    // covers: CLI-074
    #[test]
    fn resources_are_the_first_level_or_the_whole_tree() {
        let orphan = [node("Secret", "left", None)];
        assert_eq!(
            resources(Some(&nodes()), Some(&orphan), ResourceFormat::List, now()),
            "\
GROUP  KIND        NAMESPACE  NAME  ORPHANED
       Deployment  n          web   No
       Service     n          web   No
       Secret      n          left  Yes
"
        );
        assert_eq!(
            resources(None, Some(&orphan), ResourceFormat::Detailed, now()),
            "GROUP  KIND    NAMESPACE  NAME  ORPHANED  AGE  HEALTH   REASON\n       Secret  n          left  Yes       5m   Healthy  fine\n"
        );
        let tree = resources(Some(&nodes()), None, ResourceFormat::Tree, now());
        assert!(tree.contains("│ └─   Pod "), "{tree}");
    }

    #[test]
    fn objects_that_own_each_other_do_not_hang_the_tree() {
        let mut circle = vec![node("A", "a", Some("B/b")), node("B", "b", Some("A/a")), node("C", "c", None)];
        circle[2].parent_refs = Vec::new();
        let text = application(&circle, &[], false, now());
        assert!(text.contains("C/c"), "{text}");
    }
}
