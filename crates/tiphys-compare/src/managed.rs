//! The managed objects of an application in all their states, as the API gives them (REC-025). Values of Secrets are
//! masked before anything leaves.

use serde_json::Value;
use tiphys_api::resource_tree::ResourceDiff;
use tiphys_manifest::masking::mask_secrets;

use crate::comparison::{ComparedResource, Comparison};
use crate::verdict::MergeSchemas;

/// Every object with its desired, live, normalised and predicted state. Computed from the bodies on each call.
#[must_use]
pub fn managed_resources(
    comparison: &Comparison,
    schemas: &dyn MergeSchemas,
    sensitive_annotations: &[String],
) -> Vec<ResourceDiff> {
    let sensitive: Vec<&str> = sensitive_annotations.iter().map(String::as_str).collect();
    comparison.resources.iter().map(|resource| of(resource, comparison, schemas, &sensitive)).collect()
}

fn of(
    resource: &ComparedResource,
    comparison: &Comparison,
    schemas: &dyn MergeSchemas,
    sensitive: &[&str],
) -> ResourceDiff {
    let rules = &comparison.rules;
    let gvk = resource.desired.as_ref().map_or_else(|| resource.gvk.clone(), |desired| desired.gvk());
    let live = resource.live.as_ref().and_then(|node| rules.live_body(node, &gvk));
    let desired = resource.desired.as_ref().map(|desired| desired.value().clone());
    let (normalized, predicted) = match (&desired, &live) {
        (Some(desired), Some(live)) => {
            let schema = schemas.schema(&gvk);
            let difference = tiphys_diff::compare(desired, live, &rules.context(schema.as_deref()));
            (difference.normalized_live, difference.predicted_live)
        }
        // An object that is to be created is predicted as it is desired; one that left its sources as nothing.
        (Some(desired), None) => (Value::Null, desired.clone()),
        (None, Some(live)) => (live.clone(), Value::Null),
        (None, None) => (Value::Null, Value::Null),
    };
    let mut states = [desired.unwrap_or_default(), live.unwrap_or_default(), normalized, predicted];
    mask_secrets(&mut states.each_mut(), sensitive);
    let [target_state, live_state, normalized_live_state, predicted_live_state] =
        states.map(|state| state.to_string());
    let key = &resource.key;
    ResourceDiff {
        group: key.group().to_owned(),
        kind: key.kind().to_owned(),
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        target_state,
        live_state,
        normalized_live_state,
        predicted_live_state,
        diff: String::new(),
        hook: resource.is_hook(),
        resource_version: resource
            .live
            .as_ref()
            .map(|node| node.resource_version.to_string())
            .unwrap_or_default(),
        modified: resource.is_modified,
    }
}

#[cfg(test)]
mod tests;
