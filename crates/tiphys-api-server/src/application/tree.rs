//! What only the application-controller knows: the objects of an application, how they are and how they differ.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Document, Reply};
use tiphys_wire::internal::{self, ApplicationRef, LiveObjectRequest};

use super::find::{Target, names};
use crate::access::Caller;
use crate::errors::{from_sibling, unreadable};
use crate::server::{Server, Shared};

const CONTROLLER: &str = "application-controller";
/// How long an Application may wait for the health of its resources before it is shown without.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// What narrows a tree or a list of resources down. Empty: anything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    namespace: String,
    name: String,
    version: String,
    group: String,
    kind: String,
}

impl Resources {
    fn lets_through(&self, object: &Value) -> bool {
        let is = |wanted: &str, key: &str| {
            wanted.is_empty() || object.get(key).and_then(Value::as_str).unwrap_or_default() == wanted
        };
        is(&self.namespace, "namespace")
            && is(&self.name, "name")
            && is(&self.version, "version")
            && is(&self.group, "group")
            && is(&self.kind, "kind")
    }

    fn narrow(&self, document: &mut Value, key: &str) {
        if let Some(items) = document.get_mut(key).and_then(Value::as_array_mut) {
            items.retain(|item| self.lets_through(item));
        }
    }
}

fn reference(application: &Value) -> ApplicationRef {
    let (namespace, name) = names(application);
    ApplicationRef { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn parse(document: &internal::Document) -> Result<Value, WireError> {
    serde_json::from_slice(&document.json).map_err(|error| {
        tracing::error!(error = %error, "the controller's answer can't be read");
        WireError::internal("the application-controller's answer can't be read")
    })
}

/// `ResourceTree`.
pub(super) async fn resource_tree(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let application = server.find(&caller, "get", &Target::named(&call.request, "applicationName"))?;
    let filter = Resources::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let mut tree = server.tree(&application).await?;
    filter.narrow(&mut tree, "nodes");
    filter.narrow(&mut tree, "orphanedNodes");
    Ok(Reply::one(tree))
}

/// `WatchResourceTree`.
pub(super) async fn watch_resource_tree(
    server: Shared,
    caller: Caller,
    call: Call,
) -> Result<Reply, WireError> {
    let application = server.find(&caller, "get", &Target::named(&call.request, "applicationName"))?;
    let filter = Arc::new(Resources::deserialize(&call.request).map_err(|error| unreadable(&error))?);
    let answer = server.controller.clone().watch_resource_tree(reference(&application)).await;
    let trees = answer.map_err(|status| from_sibling(CONTROLLER, status))?.into_inner();
    let trees = trees.map(move |tree| {
        let mut tree = parse(&tree.map_err(|status| from_sibling(CONTROLLER, status))?)?;
        filter.narrow(&mut tree, "nodes");
        filter.narrow(&mut tree, "orphanedNodes");
        Ok(Document::from(tree))
    });
    Ok(Reply::Stream(trees.boxed()))
}

/// `ManagedResources`.
pub(super) async fn managed_resources(
    server: Shared,
    caller: Caller,
    call: Call,
) -> Result<Reply, WireError> {
    let application = server.find(&caller, "get", &Target::named(&call.request, "applicationName"))?;
    let filter = Resources::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let answer = server.controller.clone().managed_resources(reference(&application)).await;
    let mut resources = parse(&answer.map_err(|status| from_sibling(CONTROLLER, status))?.into_inner())?;
    filter.narrow(&mut resources, "items");
    Ok(Reply::one(resources))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LiveObject {
    namespace: String,
    resource_name: String,
    group: String,
    kind: String,
}

/// `GetResource`.
pub(super) async fn live_object(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let wanted = LiveObject::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    let request = LiveObjectRequest {
        application: Some(reference(&application)),
        group: wanted.group,
        kind: wanted.kind,
        namespace: wanted.namespace,
        name: wanted.resource_name,
    };
    let answer = server.controller.clone().live_object(request).await;
    let object = answer.map_err(|status| from_sibling(CONTROLLER, status))?.into_inner();
    let manifest = String::from_utf8(object.json.to_vec())
        .map_err(|_| WireError::internal("the application-controller's answer can't be read"))?;
    Ok(Reply::one(json!({ "manifest": manifest })))
}

impl Server {
    async fn tree(&self, application: &Value) -> Result<Value, WireError> {
        let answer = self.controller.clone().resource_tree(reference(application)).await;
        parse(&answer.map_err(|status| from_sibling(CONTROLLER, status))?.into_inner())
    }

    /// The Application with the health of its resources, where the controller keeps that in the tree alone. Without an
    /// answer in time it is shown as it is.
    pub(super) async fn with_resource_health(&self, application: Arc<Value>) -> Arc<Value> {
        let in_tree =
            application.pointer("/status/resourceHealthSource").and_then(Value::as_str) == Some("appTree");
        if !in_tree {
            return application;
        }
        let Ok(Ok(tree)) = tokio::time::timeout(HEALTH_TIMEOUT, self.tree(&application)).await else {
            return application;
        };
        let mut filled = Arc::unwrap_or_clone(application);
        fill_health(&mut filled, &tree);
        Arc::new(filled)
    }
}

fn fill_health(application: &mut Value, tree: &Value) {
    let key = |object: &Value| {
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("group"), text("kind"), text("namespace"), text("name"))
    };
    let nodes = tree.get("nodes").and_then(Value::as_array).into_iter().flatten();
    let health: HashMap<_, _> = nodes
        .filter_map(|node| Some((key(node), node.get("health").filter(|health| !health.is_null())?)))
        .collect();
    let resources = application.pointer_mut("/status/resources").and_then(Value::as_array_mut);
    for resource in resources.into_iter().flatten() {
        if let (Some(health), true) = (health.get(&key(resource)), resource.get("health").is_none()) {
            resource["health"] = (*health).clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: APP-052
    #[test]
    fn the_health_of_resources_is_filled_in_from_the_tree() {
        let mut application = json!({"status": {"resources": [
            {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "web", "status": "Synced"},
            {"kind": "ConfigMap", "namespace": "n", "name": "web"},
        ]}});
        let tree = json!({"nodes": [
            {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "web", "health": {"status": "Healthy"}},
            {"kind": "ConfigMap", "namespace": "n", "name": "web"},
            {"kind": "Pod", "namespace": "n", "name": "web", "health": {"status": "Degraded"}},
        ]});
        fill_health(&mut application, &tree);
        assert_eq!(application["status"]["resources"][0]["health"], json!({"status": "Healthy"}));
        assert_eq!(application["status"]["resources"][1].get("health"), None);
    }
}
