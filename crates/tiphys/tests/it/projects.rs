//! Projects: what they forbid is said and not done.

use serde_json::{Value, json};

use crate::fixture::{Fixture, IN_CLUSTER, automated, config_map, result, text};

const PROJECTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects";

/// A project with the name of the fixture that permits everything in its namespace, with changes.
fn project(fixture: &Fixture, change: impl FnOnce(&mut Value)) {
    let mut project = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": fixture.name},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": IN_CLUSTER, "namespace": fixture.name}],
        },
    });
    change(&mut project);
    fixture.api.create(PROJECTS, &project).unwrap();
}

fn permit(fixture: &Fixture, patch: &Value) {
    fixture.api.merge_patch(&format!("{PROJECTS}/{}", fixture.name), patch).unwrap();
}

/// Creates the Application in the fixture's project, synced automatically.
fn create(fixture: &Fixture) {
    fixture.create(|app| {
        app["spec"]["project"] = json!(fixture.name);
        app["spec"]["syncPolicy"] = automated();
    });
}

// covers: PRJ-019, APP-028
#[test]
fn the_default_project_is_there_and_permits_everything() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["spec"]["project"] = json!("");
        app["spec"]["syncPolicy"] = automated();
    });
    fixture.wait_well();
    let project = fixture.api.get(&format!("{PROJECTS}/default")).unwrap();
    assert_eq!(project["spec"]["sourceRepos"], json!(["*"]));
    assert_eq!(project["spec"]["destinations"], json!([{"server": "*", "namespace": "*"}]));
    assert_eq!(project["spec"]["clusterResourceWhitelist"], json!([{"group": "*", "kind": "*"}]));
}

// covers: REC-009, REC-027
#[test]
fn a_project_that_is_missing_is_said_and_healed_by_making_it() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    create(&fixture);
    let words = format!("Application referencing project {} which does not exist", fixture.name);
    let app = fixture.wait_condition("InvalidSpecError", &[&words]);
    assert_eq!(text(&app, "/status/sync/status"), "Unknown");
    assert_eq!(text(&app, "/status/health/status"), "Unknown");
    project(&fixture, |_| {});
    let app = fixture.wait_well();
    assert!(crate::fixture::conditions(&app).is_empty());
}

// covers: PRJ-001
#[test]
fn a_source_that_is_not_permitted_is_not_deployed() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    project(&fixture, |project| project["spec"]["sourceRepos"] = json!(["https://git.example/*"]));
    create(&fixture);
    let words =
        format!("application repo {} is not permitted in project '{}'", fixture.repo.url(), fixture.name);
    fixture.wait_condition("InvalidSpecError", &[&words]);
    assert!(!fixture.has("one"));
    permit(&fixture, &json!({"spec": {"sourceRepos": [fixture.repo.url()]}}));
    fixture.wait_well();
}

// covers: PRJ-002
#[test]
fn a_destination_that_is_not_permitted_is_not_deployed_to() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    project(&fixture, |project| project["spec"]["destinations"][0]["namespace"] = json!("elsewhere"));
    create(&fixture);
    let words = format!(
        "application destination server '{IN_CLUSTER}' and namespace '{}' do not match any of the allowed",
        fixture.name
    );
    fixture.wait_condition("InvalidSpecError", &[&words]);
    assert!(!fixture.has("one"));
    permit(&fixture, &json!({"spec": {"destinations": [{"server": IN_CLUSTER, "namespace": "it-*"}]}}));
    fixture.wait_well();
}

// covers: PRJ-006, PRJ-009, SYN-036
#[test]
fn kinds_that_are_not_permitted_fail_the_sync_and_nothing_is_applied() {
    let fixture = Fixture::new(&[
        ("one.yaml", &config_map("one", "1")),
        ("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\nstringData:\n  a: b\n"),
    ]);
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {}\nrules: []\n",
        fixture.name
    );
    fixture.commit(&[("role.yaml", &role)]);
    project(&fixture, |project| {
        project["spec"]["namespaceResourceBlacklist"] = json!([{"group": "", "kind": "Secret"}]);
    });
    fixture.create(|app| app["spec"]["project"] = json!(fixture.name));
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Failed", "{state}");
    for (kind, name, resource) in [
        ("Secret", "key", ":Secret"),
        ("ClusterRole", &fixture.name, "rbac.authorization.k8s.io:ClusterRole"),
    ] {
        let refused = result(&state, kind, name);
        assert_eq!(refused["status"], "SyncFailed", "{state}");
        let words = format!("resource {resource} is not permitted in project {}.", fixture.name);
        assert_eq!(refused["message"], words);
    }
    assert!(!fixture.has("one"));

    permit(
        &fixture,
        &json!({"spec": {
            "namespaceResourceBlacklist": null,
            "clusterResourceWhitelist": [{"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}],
        }}),
    );
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    let role = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{}", fixture.name);
    assert!(fixture.api.get_optional(&role).unwrap().is_some());
    fixture.wait_well();
    fixture.api.delete(&role).unwrap();
}

// covers: PRJ-020
#[test]
fn a_global_project_lends_what_it_permits() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    project(&fixture, |project| {
        project["metadata"]["labels"] = json!({"lends-from": fixture.name});
        project["spec"]["sourceRepos"] = json!([]);
    });
    create(&fixture);
    fixture.wait_condition("InvalidSpecError", &["is not permitted in project"]);

    let global = format!("{}-global", fixture.name);
    let lender = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": global},
        "spec": {"sourceRepos": [fixture.repo.url()]},
    });
    fixture.api.create(PROJECTS, &lender).unwrap();
    let lenders = format!(
        "- projectName: {global}\n  labelSelector:\n    matchExpressions:\n    - {{key: lends-from, operator: In, values: [{}]}}\n",
        fixture.name
    );
    let settings = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": {"globalProjects": lenders},
    });
    fixture.api.apply("/api/v1/namespaces/argocd/configmaps/argocd-cm", "tester", &settings).unwrap();
    fixture.wait_well();
}

#[test]
fn an_operation_waits_for_the_windows_of_its_project() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    project(&fixture, |project| {
        project["spec"]["syncWindows"] =
            json!([{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}]);
    });
    fixture.create(|app| app["spec"]["project"] = json!(fixture.name));
    let mark = fixture.sync(|_| {});
    fixture.wait("it is blocked", |app| {
        text(app, "/status/operationState/message") == "Sync operation blocked by sync window"
            && text(app, "/status/operationState/phase") == "Running"
    });
    assert!(!fixture.has("one"));
    permit(&fixture, &json!({"spec": {"syncWindows": null}}));
    let state = fixture.wait_operation(&mark);
    assert_eq!(state["phase"], "Succeeded", "{state}");
    assert!(fixture.has("one"));
}
