//! `Delete`: with its resources or without them, which is a matter of finalizers.

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::names::finalizer;
use tiphys_cluster::{Propagation, ResourceType};
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};

use super::find::{Target, names};
use crate::access::Caller;
use crate::audit::Reason;
use crate::errors::{from_api, unreadable};
use crate::server::Shared;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    cascade: Option<bool>,
    propagation_policy: Option<String>,
}

/// `Delete`.
pub(super) async fn delete(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let request = Request::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "delete", &target)?;
    let cascade = request.cascade.unwrap_or(true);
    let policy = request.propagation_policy.filter(|policy| !policy.is_empty());
    let wanted = match (cascade, policy.as_deref()) {
        (false, Some(_)) => {
            return Err(WireError::invalid_argument(
                "cannot set propagation policy when cascading is disabled",
            ));
        }
        (false, None) => None,
        (true, None | Some("foreground")) => Some(finalizer::RESOURCES),
        (true, Some("background")) => Some(finalizer::RESOURCES_BACKGROUND),
        (true, Some(other)) => {
            return Err(WireError::invalid_argument(format!(
                "invalid propagation policy: {other}: foreground or background"
            )));
        }
    };
    let application = server.change(&application, |current| Ok(finalizers(current, wanted))).await?;
    let (namespace, name) = names(&application);
    let uid = application.pointer("/metadata/uid").and_then(Value::as_str);
    server
        .api
        .delete_object(&ResourceType::applications(), namespace, name, uid, Propagation::Background)
        .await
        .map_err(|error| from_api(&error))?;
    server.record(&call.context, &caller, Reason::Deleted, &application, "deleted application");
    Ok(Reply::one(json!({})))
}

/// The patch after which the Application has `wanted` and no other finalizer that cascades; `None` if it is so already.
fn finalizers(current: &Value, wanted: Option<&str>) -> Option<Value> {
    const CASCADING: [&str; 3] =
        [finalizer::RESOURCES, finalizer::RESOURCES_FOREGROUND, finalizer::RESOURCES_BACKGROUND];
    let before: Vec<&str> = current
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    // A foreground policy by its own name is as good as the plain one.
    let is_right = |name: &&str| {
        Some(*name) == wanted
            || wanted == Some(finalizer::RESOURCES) && *name == finalizer::RESOURCES_FOREGROUND
    };
    let mut after: Vec<&str> =
        before.iter().copied().filter(|name| !CASCADING.contains(name) || is_right(name)).collect();
    if let Some(wanted) = wanted
        && !after.iter().any(is_right)
    {
        after.push(wanted);
    }
    (before != after).then(|| json!({"metadata": {"finalizers": after}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_the_request_replaces_that_of_the_application() {
        let with = |names: &[&str]| json!({"metadata": {"finalizers": names}});
        let own = "example.com/mine";
        let patched = |before: &[&str], wanted| {
            finalizers(&with(before), wanted).map(|patch| patch["metadata"]["finalizers"].clone())
        };
        assert_eq!(patched(&[own], Some(finalizer::RESOURCES)), Some(json!([own, finalizer::RESOURCES])));
        assert_eq!(patched(&[own, finalizer::RESOURCES], Some(finalizer::RESOURCES)), None);
        assert_eq!(patched(&[finalizer::RESOURCES_FOREGROUND], Some(finalizer::RESOURCES)), None);
        assert_eq!(
            patched(&[finalizer::RESOURCES], Some(finalizer::RESOURCES_BACKGROUND)),
            Some(json!([finalizer::RESOURCES_BACKGROUND]))
        );
        assert_eq!(patched(&[own, finalizer::RESOURCES], None), Some(json!([own])));
        assert_eq!(patched(&[own], None), None);
    }
}
