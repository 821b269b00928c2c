//! Other clusters than the control plane's own: registered by Secret, reached in several ways, and sometimes down.
//!
//! One more control plane serves all tests; a test that stops a cluster has its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tiphys_test_kit::ControlPlane;

use crate::fixture::{
    Fixture, automated, conditions, config_map, control_plane_without_workloads, is_well,
    second_control_plane, text, wait,
};

const SECRETS: &str = "/api/v1/namespaces/argocd/secrets";
const RESOURCES: &str = "resources-finalizer.argocd.argoproj.io";

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Registers a cluster under the fixture's name.
fn register(fixture: &Fixture, server: &str, config: &Value) {
    let secret = json!({
        "metadata": {
            "name": format!("cluster-{}", fixture.name),
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {"name": fixture.name, "server": server, "config": config.to_string()},
    });
    let path = format!("{SECRETS}/cluster-{}", fixture.name);
    if fixture.api.get_optional(&path).unwrap().is_some() {
        fixture.api.merge_patch(&path, &secret).unwrap();
    } else {
        fixture.api.create(SECRETS, &secret).unwrap();
    }
}

/// Takes a cluster away again: the address belongs to several tests.
fn unregister(fixture: &Fixture) {
    fixture.api.delete(&format!("{SECRETS}/cluster-{}", fixture.name)).unwrap();
}

/// An application into the registered cluster.
fn create(fixture: &Fixture, plane: &ControlPlane) {
    plane.api().create("/api/v1/namespaces", &json!({"metadata": {"name": fixture.name}})).unwrap();
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!([RESOURCES]);
        app["spec"]["destination"] = json!({"name": fixture.name, "namespace": fixture.name});
        app["spec"]["syncPolicy"] = automated();
    });
}

// covers: CLU-001, CLU-002, CLU-012, CLU-015, APP-032
#[test]
fn clusters_are_reached_as_their_secrets_say() {
    let plane = second_control_plane();
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "0"))]);
    let authority = base64(plane.credentials().ca_pem());
    let client = plane.credentials().client_certificate("tiphys", &["system:masters"]).unwrap();
    let token = plane.admin_token();
    let foreign = ControlPlane::credentials(tiphys_test_kit::shared_control_plane()).ca_pem();

    // An authority that did not sign the server's certificate.
    let server = plane.server_url();
    register(
        &fixture,
        &server,
        &json!({"bearerToken": token, "tlsClientConfig": {"caData": base64(foreign)}}),
    );
    create(&fixture, plane);
    let app = fixture.wait_condition("ComparisonError", &["Failed to load live state: ", "certificate"]);
    assert_eq!(text(&app, "/status/sync/status"), "Unknown");

    let ways = [
        json!({"bearerToken": token, "tlsClientConfig": {"caData": authority}}),
        json!({"tlsClientConfig": {
            "caData": authority,
            "certData": base64(&client.certificate_pem),
            "keyData": base64(&client.key_pem),
        }}),
        json!({"bearerToken": token, "tlsClientConfig": {"insecure": true}}),
    ];
    for (number, config) in ways.iter().enumerate() {
        register(&fixture, &server, config);
        let value = number.to_string();
        let commit = fixture.commit(&[("one.yaml", &config_map("one", &value))]);
        let app = fixture.wait_well_at(&commit);
        assert!(conditions(&app).is_empty(), "{app}");
        let one = plane.api().get(&fixture.config_map("one")).unwrap();
        assert_eq!(one["data"]["value"], json!(value));
        assert!(!fixture.has("one"), "not in the control plane's own cluster");
    }

    // A wrong token is refused, and what was deployed stays.
    register(&fixture, &server, &json!({"bearerToken": "wrong", "tlsClientConfig": {"caData": authority}}));
    fixture.wait_condition("ComparisonError", &["Unauthorized"]);
    assert!(plane.api().get_optional(&fixture.config_map("one")).unwrap().is_some());
    register(&fixture, &server, &ways[0]);
    fixture.wait_well();

    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    assert!(plane.api().get_optional(&fixture.config_map("one")).unwrap().is_none());
    unregister(&fixture);
}

#[test]
fn a_cluster_that_is_down_disturbs_nobody_and_heals() {
    let plane = control_plane_without_workloads();
    let fixture =
        Fixture::new(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    let token = json!({"bearerToken": plane.admin_token(), "tlsClientConfig": {"insecure": true}});
    register(&fixture, &plane.server_url(), &token);
    create(&fixture, &plane);
    fixture.wait_well();

    plane.kill_apiserver();
    let app =
        fixture.wait_condition("ComparisonError", &["Failed to load live state: ", &plane.server_url()]);
    assert_eq!(text(&app, "/status/sync/status"), "Unknown");
    let commit = fixture.commit_without("two.yaml");
    let other = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    other.create_automated();
    other.wait_well();
    // An application that is deleted meanwhile waits for its objects.
    let leaving = Fixture::new(&[("leaving.yaml", &config_map("leaving", "1"))]);
    leaving.create(|app| {
        app["metadata"]["finalizers"] = json!([RESOURCES]);
        app["spec"]["destination"] = json!({"name": fixture.name, "namespace": fixture.name});
    });
    leaving.wait_condition("ComparisonError", &["Failed to load live state: "]);
    leaving.api.delete(&leaving.path()).unwrap();
    leaving.wait_condition("DeletionError", &["waiting for a complete view of the cluster"]);

    plane.start_apiserver().unwrap();
    let app = fixture.wait("healed", |app| is_well(app) && text(app, "/status/sync/revision") == commit);
    assert!(conditions(&app).is_empty(), "{app}");
    assert!(plane.api().get_optional(&fixture.config_map("one")).unwrap().is_some());
    assert!(plane.api().get_optional(&fixture.config_map("two")).unwrap().is_none());
    leaving.wait_gone();
    unregister(&fixture);
}

// covers: CLU-003
#[test]
fn only_the_namespaces_that_are_named_are_watched() {
    let plane = second_control_plane();
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    // Another spelling of the same address, which is another cluster to the control plane.
    let server = plane.server_url().replace("127.0.0.1", "localhost");
    let token = json!({"bearerToken": plane.admin_token(), "tlsClientConfig": {"insecure": true}});
    register(&fixture, &server, &token);
    let secret = format!("{SECRETS}/cluster-{}", fixture.name);
    fixture.api.merge_patch(&secret, &json!({"stringData": {"namespaces": fixture.name}})).unwrap();
    create(&fixture, plane);
    fixture.wait_well();
    let one = plane.api().get(&fixture.config_map("one")).unwrap();
    assert_eq!(one["data"]["value"], "1");
    plane.api().merge_patch(&fixture.config_map("one"), &json!({"data": {"value": "changed"}})).unwrap();
    wait("the change is undone", || match plane.api().get(&fixture.config_map("one")) {
        Ok(found) if found["data"]["value"] == "1" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    unregister(&fixture);
}
