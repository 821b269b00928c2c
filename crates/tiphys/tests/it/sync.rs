//! From a commit to objects in the cluster, and what the Application says about it.

use serde_json::json;

use crate::fixture::{Fixture, config_map, text};

// covers: APP-057, SYN-058
#[test]
fn a_commit_becomes_objects_and_the_next_commit_changes_and_prunes_them() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    assert_eq!(text(&app, "/status/sync/revision"), fixture.repo.head().unwrap());
    assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(1));
    assert_eq!(app["status"]["sourceType"], "Directory");

    fixture.repo.remove("app/two.yaml").unwrap();
    let next = fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    let app = fixture.wait("the next commit", |app| {
        text(app, "/status/sync/revision") == next && text(app, "/status/sync/status") == "Synced"
    });
    assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(2));
    let one = fixture.api.get(&fixture.config_map("one")).unwrap();
    assert_eq!(one["data"]["value"], "2");
    assert!(fixture.api.get_optional(&fixture.config_map("two")).unwrap().is_none());
}

// covers: SYN-063
#[test]
fn a_manual_change_is_undone() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    let path = fixture.config_map("one");
    fixture.api.merge_patch(&path, &json!({"data": {"value": "changed"}})).unwrap();
    tiphys_test_kit::wait_until_blocking(crate::fixture::PATIENCE, "the change is undone", || {
        let found = fixture.api.get(&path).map_err(|error| error.to_string())?;
        Ok::<_, String>((found["data"]["value"] == "1").then_some(()))
    })
    .unwrap();
}
