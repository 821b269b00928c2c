//! What is shown of managed objects.

use serde_json::{Value, json};

use super::*;
use crate::testing::{World, config_map};
use crate::verdict::NoSchemas;

fn managed(world: &World, objects: Vec<Value>) -> Vec<ResourceDiff> {
    managed_resources(&world.compare(objects), &NoSchemas, &["secret-note".to_owned()])
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_object_has_its_states_as_json_and_null_where_there_is_none() {
    let mut world = World::new();
    world.put_synced(config_map("changed", "1"));
    world.put_synced(config_map("extra", "1"));
    let found = managed(&world, vec![config_map("changed", "2"), config_map("missing", "1")]);
    let changed = &found[0];
    assert!(changed.modified);
    assert_eq!(changed.resource_version, "1");
    assert_eq!(parsed(&changed.target_state)["data"]["key"], "2");
    assert_eq!(parsed(&changed.live_state)["data"]["key"], "1");
    assert_eq!(parsed(&changed.normalized_live_state)["data"]["key"], "1");
    assert_eq!(parsed(&changed.predicted_live_state)["data"]["key"], "2");
    assert_eq!(parsed(&changed.normalized_live_state)["metadata"]["uid"], json!(null));
    let extra = &found[1];
    assert_eq!((extra.target_state.as_str(), extra.predicted_live_state.as_str()), ("null", "null"));
    let missing = &found[2];
    assert_eq!((missing.live_state.as_str(), missing.resource_version.as_str()), ("null", ""));
}

// covers: REC-025
#[test]
fn values_of_secrets_never_leave_but_whether_they_differ_does() {
    let secret = |value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret",
               "metadata": {"name": "s", "annotations": {"secret-note": value}}, "stringData": {"password": value}})
    };
    let live = json!({"apiVersion": "v1", "kind": "Secret", "data": {"password": "b2xkLXZhbHVl"},
                      "metadata": {"name": "s", "annotations": {"secret-note": "old-value"}}});
    let mut world = World::new();
    world.put_synced(live);
    let found = managed(&world, vec![secret("new-value")]);
    let text = format!("{found:?}");
    for value in ["new-value", "old-value", "b2xkLXZhbHVl", "bmV3LXZhbHVl"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    let password = |state: &str| parsed(state)["data"]["password"].as_str().unwrap().to_owned();
    assert_ne!(password(&found[0].live_state), password(&found[0].predicted_live_state));
    assert!(found[0].modified);
}
