//! How well an application is: the worst of its objects, with the names of those that are the cause (HLT-006, HLT-007).

use std::sync::Arc;

use tiphys_api::Application;
use tiphys_api::words::HealthStatusCode;
use tiphys_health::Health;
use tiphys_live::LiveNode;
use tiphys_manifest::ResourceKey;

use crate::comparison::ComparedResource;

/// So many causes are named; a message is for people.
const CAUSES_SHOWN: usize = 3;

/// Health of an object as it is; `Missing` when it is not.
pub(crate) fn of_live(node: Option<&Arc<LiveNode>>) -> Option<Health> {
    node.map_or_else(|| Some(Health::of(HealthStatusCode::Missing)), |node| node.health.clone())
}

/// The worst health of the objects and which of them have it. Hooks do not count, nor objects that say so. Objects that
/// are missing make the application out of sync, not ill, unless none is there at all.
pub(crate) fn aggregate(resources: &[ComparedResource], app: &Application) -> (HealthStatusCode, String) {
    let mut worst = HealthStatusCode::Healthy;
    let mut causes: Vec<&ResourceKey> = Vec::new();
    let (mut has_objects, mut has_live_objects) = (false, false);
    for resource in resources {
        if resource.hook.is_some() || resource.live_hook().is_some() {
            continue;
        }
        has_objects = true;
        if resource.live.is_none() {
            continue;
        }
        has_live_objects = true;
        let Some(health) = &resource.health else { continue };
        if resource.ignores_health()
            || is_application(&resource.key) && does_not_spread(resource, health, app)
        {
            continue;
        }
        if health.status.worse_than(&worst) {
            worst = health.status.clone();
            causes.clear();
        }
        if health.status == worst && worst != HealthStatusCode::Healthy {
            causes.push(&resource.key);
        }
    }
    if has_objects && !has_live_objects {
        return (HealthStatusCode::Missing, String::new());
    }
    let message = name_causes(&causes);
    (worst, message)
}

fn is_application(key: &ResourceKey) -> bool {
    key.group() == tiphys_api::GROUP && key.kind() == "Application"
}

/// An application that manages itself must not keep itself ill, and one whose health is not known yet says nothing about
/// its parent.
fn does_not_spread(resource: &ComparedResource, health: &Health, app: &Application) -> bool {
    let is_self =
        resource.key.name() == app.metadata.name && resource.key.namespace() == app.metadata.namespace;
    is_self || matches!(health.status, HealthStatusCode::Missing | HealthStatusCode::Unknown)
}

fn name_causes(causes: &[&ResourceKey]) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = causes
        .iter()
        .take(CAUSES_SHOWN)
        .map(|key| {
            let kind = if key.group().is_empty() { String::new() } else { format!("{}/", key.group()) };
            let namespace =
                if key.namespace().is_empty() { String::new() } else { format!("{}/", key.namespace()) };
            format!("{kind}{}:{namespace}{}", key.kind(), key.name())
        })
        .collect();
    let more = causes.len().saturating_sub(CAUSES_SHOWN);
    let shown = shown.join(", ");
    if more == 0 { format!("Caused by {shown}") } else { format!("Caused by {shown} and {more} more") }
}
