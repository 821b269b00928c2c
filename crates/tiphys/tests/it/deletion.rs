//! What goes with an Application that is deleted, and what stays.

use serde_json::{Value, json};
use tiphys_test_kit::shared_control_plane;

use crate::fixture::{Fixture, config_map, config_map_with, wait};

const RESOURCES: &str = "resources-finalizer.argocd.argoproj.io";

fn deployment(name: &str) -> String {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}]},
            },
        },
    })
    .to_string()
}

/// An application with this finalizer, synced.
fn deployed(finalizer: &str, files: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new(files);
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!([finalizer]);
        app["spec"]["syncPolicy"] = json!({"automated": {}});
    });
    fixture.wait_well();
    fixture
}

// covers: APP-004, SYN-073
#[test]
fn a_cascade_deletes_what_the_application_owns_in_reverse_waves() {
    let wave = |name: &str, wave: &str| {
        config_map_with(name, "1", &json!({"argocd.argoproj.io/sync-wave": wave}).to_string())
    };
    let fixture = deployed(
        RESOURCES,
        &[
            ("web.yaml", &deployment("web")),
            ("a.yaml", &wave("a", "-1")),
            ("b.yaml", &wave("b", "1")),
            (
                "kept.yaml",
                &config_map_with("kept", "1", r#"{"argocd.argoproj.io/sync-options": "Delete=false"}"#),
            ),
        ],
    );
    let other = json!({"metadata": {"name": "other"}, "data": {"of": "somebody else"}});
    fixture.api.create(&format!("/api/v1/namespaces/{}/configmaps", fixture.name), &other).unwrap();
    let mark = shared_control_plane().audit_mark().unwrap();
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    assert!(!fixture.has("a") && !fixture.has("b"));
    assert!(fixture.has("kept"), "an object that must not be deleted");
    assert!(fixture.has("other"), "an object of somebody else");
    let pods = fixture.api.list(&format!("/api/v1/namespaces/{}/pods", fixture.name)).unwrap();
    assert_eq!(pods, [] as [Value; 0], "the dependents go first");
    let requests = shared_control_plane().requests_since(mark).unwrap();
    let deleted: Vec<&str> = requests
        .iter()
        .filter(|request| {
            request.verb == "delete"
                && request.namespace == fixture.name
                && request.user_agent.starts_with("tiphys")
        })
        .map(|request| request.name.as_str())
        .collect();
    assert_eq!(deleted, ["b", "web", "a"]);
}

// covers: APP-005
#[test]
fn a_cascade_in_the_background_leaves_dependents_to_the_garbage_collector() {
    let fixture = deployed(&format!("{RESOURCES}/background"), &[("web.yaml", &deployment("web"))]);
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    wait("the Pods are gone", || {
        let pods = fixture.api.list(&format!("/api/v1/namespaces/{}/pods", fixture.name)).unwrap();
        if pods.is_empty() { Ok(()) } else { Err(format!("{} are there", pods.len())) }
    });
}

// covers: SYN-074
#[test]
fn without_a_finalizer_the_objects_stay_as_they_are() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    let before = fixture.api.get(&fixture.config_map("one")).unwrap();
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    // A second application is seen by the controller after the first is gone.
    let after = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    after.create_automated();
    after.wait_well();
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap(), before);
}

#[test]
fn finalizers_of_others_are_left_to_them() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!(["example.com/mine", RESOURCES]);
        app["spec"]["syncPolicy"] = json!({"automated": {}});
    });
    fixture.wait_well();
    fixture.api.delete(&fixture.path()).unwrap();
    let app = fixture
        .wait("our finalizer is off", |app| app["metadata"]["finalizers"] == json!(["example.com/mine"]));
    assert!(app["metadata"]["deletionTimestamp"].is_string());
    assert!(!fixture.has("one"));
    fixture.patch(&json!({"metadata": {"finalizers": null}}));
    fixture.wait_gone();
}

// covers: PRJ-010
#[test]
fn what_the_project_does_not_permit_is_not_deleted() {
    let fixture = Fixture::new(&[
        ("one.yaml", &config_map("one", "1")),
        ("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\nstringData:\n  a: b\n"),
    ]);
    let projects = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects";
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": fixture.name},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    });
    fixture.api.create(projects, &project).unwrap();
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!([RESOURCES]);
        app["spec"]["project"] = json!(fixture.name);
        app["spec"]["syncPolicy"] = json!({"automated": {}});
    });
    fixture.wait_well();
    let blacklist = json!({"spec": {"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}});
    fixture.api.merge_patch(&format!("{projects}/{}", fixture.name), &blacklist).unwrap();
    fixture.wait("the project is heeded", |app| {
        crate::fixture::resource(app, "Secret", "key")["status"] != "Synced"
            || !crate::fixture::conditions(app).is_empty()
    });
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    assert!(!fixture.has("one"));
    let secret = format!("/api/v1/namespaces/{}/secrets/key", fixture.name);
    assert!(fixture.api.get_optional(&secret).unwrap().is_some());
}
