//! Bad input: every case ends in a condition that says what and where, prunes nothing, disturbs nobody else, and heals
//! when the cause is gone.

use serde_json::{Value, json};

use crate::fixture::{Fixture, automated, conditions, config_map, result, text, wait};

/// A healthy application whose one object is `one`.
fn healthy() -> Fixture {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    fixture
}

/// Shows that an application that cannot be rendered keeps what it has and that another one goes on.
#[track_caller]
fn nothing_is_pruned_and_others_go_on(fixture: &Fixture) {
    let other = healthy();
    let next = other.commit(&[("one.yaml", &config_map("one", "2"))]);
    other.wait_well_at(&next);
    assert!(fixture.has("one"), "nothing is pruned");
    let app = fixture.get();
    assert_eq!(text(&app, "/status/sync/status"), "Unknown");
    assert!(app.get("operation").is_none());
}

#[track_caller]
fn heals(fixture: &Fixture) {
    let app = fixture.wait_well();
    assert!(conditions(&app).is_empty(), "{app}");
}

#[test]
fn a_repository_that_does_not_exist() {
    let fixture = healthy();
    let hidden = fixture.repo.bare().with_extension("hidden");
    std::fs::rename(fixture.repo.bare(), &hidden).unwrap();
    fixture.wait_condition("ComparisonError", &["Failed to load target state: ", &fixture.repo.url()]);
    nothing_is_pruned_and_others_go_on(&fixture);
    std::fs::rename(&hidden, fixture.repo.bare()).unwrap();
    heals(&fixture);
}

#[test]
fn a_revision_that_does_not_exist() {
    let fixture = healthy();
    fixture.patch(&json!({"spec": {"source": {"targetRevision": "no-such-branch"}}}));
    fixture.wait_condition("ComparisonError", &["no-such-branch"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.repo.set_branch("no-such-branch", &fixture.repo.head().unwrap()).unwrap();
    heals(&fixture);
}

// covers: APP-044
#[test]
fn a_path_that_does_not_exist() {
    let fixture = healthy();
    fixture.patch(&json!({"spec": {"source": {"path": "nowhere"}}}));
    fixture.wait_condition("ComparisonError", &["nowhere", "does not exist"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.repo.write("nowhere/one.yaml", config_map("one", "1")).unwrap();
    fixture.commit(&[]);
    heals(&fixture);
}

// covers: APP-044
#[test]
fn a_path_that_leaves_the_repository() {
    let fixture = healthy();
    for path in ["../elsewhere", "/etc"] {
        fixture.patch(&json!({"spec": {"source": {"path": path}}}));
        fixture.wait("a condition that names the path", |app| {
            conditions(app).iter().any(|condition| text(condition, "/message").contains(path))
        });
        nothing_is_pruned_and_others_go_on(&fixture);
    }
    fixture.patch(&json!({"spec": {"source": {"path": "app"}}}));
    heals(&fixture);
}

// covers: TOOL-013
#[test]
fn a_link_that_leaves_the_repository() {
    let fixture = healthy();
    fixture.repo.symlink("app/secret.yaml", "/etc/hostname").unwrap();
    fixture.commit(&[]);
    fixture.wait_condition("ComparisonError", &["app/secret.yaml"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.commit_without("secret.yaml");
    heals(&fixture);
}

#[test]
fn broken_yaml() {
    let fixture = healthy();
    fixture.commit(&[("two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\n bad: [1\n")]);
    fixture.wait_condition("ComparisonError", &["two.yaml", "line"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.commit(&[("two.yaml", &config_map("two", "1"))]);
    heals(&fixture);
    assert!(fixture.has("two"));
}

#[test]
fn a_chart_that_does_not_render() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  value: {{ required \"a value is needed\" .Values.value | quote }}\n";
    let fixture = Fixture::new(&[
        ("Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
        ("values.yaml", "value: '1'\n"),
        ("templates/one.yaml", template),
    ]);
    fixture.create_automated();
    let app = fixture.wait_well();
    assert_eq!(app["status"]["sourceType"], "Helm");
    fixture.commit(&[("values.yaml", "value: ''\n")]);
    fixture.wait_condition("ComparisonError", &["a value is needed", "one.yaml"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.commit(&[("values.yaml", "value: '2'\n")]);
    heals(&fixture);
}

#[test]
fn a_kustomization_that_does_not_build() {
    let fixture = Fixture::new(&[
        ("kustomization.yaml", "resources: [one.yaml]\n"),
        ("one.yaml", &config_map("one", "1")),
    ]);
    fixture.create_automated();
    fixture.wait_well();
    fixture.commit(&[("kustomization.yaml", "resources: [one.yaml, missing.yaml]\n")]);
    fixture.wait_condition("ComparisonError", &["missing.yaml"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.commit(&[("kustomization.yaml", "resources: [one.yaml]\n")]);
    heals(&fixture);
}

fn definition(group: &str) -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("ships.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "ships", "singular": "ship", "kind": "Ship"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "properties": {"masts": {"type": "integer"}}}},
            }}}],
        },
    })
    .to_string()
}

fn ship(group: &str) -> String {
    json!({"apiVersion": format!("{group}/v1"), "kind": "Ship", "metadata": {"name": "argo"}, "spec": {"masts": 1}})
        .to_string()
}

#[test]
fn an_unknown_kind() {
    let fixture = healthy();
    let group = format!("{}.example.com", fixture.name);
    fixture.commit(&[("ship.yaml", &ship(&group)), ("two.yaml", &config_map("two", "1"))]);
    let app = fixture.wait("the sync fails", |app| {
        text(app, "/status/operationState/message").contains("failed to apply")
            || text(app, "/status/operationState/message").contains("not valid")
    });
    let failed = result(&app["status"]["operationState"], "Ship", "argo");
    assert_eq!(failed["status"], "SyncFailed");
    let message = text(failed, "/message");
    assert!(message.contains(&group) && message.contains("Ship") && message.contains("CRD"), "{message}");
    assert!(fixture.has("one"), "nothing is pruned");
    // Somebody installs the definition.
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition: Value = serde_json::from_str(&definition(&group)).unwrap();
    fixture.api.create(path, &definition).unwrap();
    heals(&fixture);
    assert!(fixture.has("two"));
    fixture.api.delete(&format!("{path}/ships.{group}")).unwrap();
}

// covers: SYN-003
#[test]
fn a_definition_and_its_object_in_one_sync() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    let group = format!("{}.example.com", fixture.name);
    fixture.commit(&[("a-ship.yaml", &ship(&group)), ("definition.yaml", &definition(&group))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    assert_eq!(app["status"]["operationState"]["phase"], "Succeeded");
    assert_eq!(app["status"]["operationState"]["retryCount"], Value::Null, "at the first attempt");
    let path = format!("/apis/{group}/v1/namespaces/{}/ships/argo", fixture.name);
    assert_eq!(fixture.api.get(&path).unwrap()["spec"]["masts"], 1);
    // Objects of the new kind are watched: a change is undone.
    fixture.api.merge_patch(&path, &json!({"spec": {"masts": 3}})).unwrap();
    wait("the change is undone", || match fixture.api.get(&path) {
        Ok(found) if found["spec"]["masts"] == 1 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    fixture
        .api
        .delete(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ships.{group}"))
        .unwrap();
}

#[test]
fn a_namespace_that_is_missing() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    let namespace = format!("{}-later", fixture.name);
    fixture.create(|app| {
        app["spec"]["destination"]["namespace"] = json!(namespace);
        app["spec"]["syncPolicy"] = automated();
        app["spec"]["syncPolicy"]["retry"] =
            json!({"limit": -1, "backoff": {"duration": "1s", "maxDuration": "2s"}});
    });
    let app = fixture.wait("the sync fails", |app| {
        text(app, "/status/operationState/message").contains("Retrying attempt")
    });
    let failed = result(&app["status"]["operationState"], "ConfigMap", "one");
    assert_eq!(failed["status"], "SyncFailed");
    assert!(text(failed, "/message").contains(&format!("namespaces \"{namespace}\" not found")), "{failed}");
    fixture.api.create("/api/v1/namespaces", &json!({"metadata": {"name": namespace}})).unwrap();
    heals(&fixture);
}

// covers: SYN-038, SYN-054, APP-039
#[test]
fn a_namespace_that_is_to_be_created() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    let namespace = format!("{}-made", fixture.name);
    fixture.create(|app| {
        app["spec"]["destination"]["namespace"] = json!(namespace);
        app["spec"]["syncPolicy"] = automated();
        app["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
        app["spec"]["syncPolicy"]["managedNamespaceMetadata"] = json!({"labels": {"team": "blue"}});
    });
    let app = fixture.wait_well();
    let made = fixture.api.get(&format!("/api/v1/namespaces/{namespace}")).unwrap();
    assert_eq!(made["metadata"]["labels"]["team"], "blue");
    let one = format!("/api/v1/namespaces/{namespace}/configmaps/one");
    assert!(fixture.api.get_optional(&one).unwrap().is_some());
    assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(1));
}

// covers: REC-033, SYN-055
#[test]
fn two_applications_that_claim_one_object() {
    let fixture = healthy();
    let other = Fixture::new(&[("one.yaml", &config_map("one", "other"))]);
    other.create(|app| app["spec"]["destination"]["namespace"] = json!(fixture.name));
    let words = format!("ConfigMap/one is part of applications argocd/{} and {}", other.name, fixture.name);
    other.wait_condition("SharedResourceWarning", &[&words]);
    let state = other.sync_and_wait(|operation| {
        operation["sync"]["syncOptions"] = json!(["FailOnSharedResource=true"]);
    });
    assert_eq!(state["phase"], "Failed", "{state}");
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "1");
    let next = fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    fixture.wait_well_at(&next);
    // The first one gives it up, without deleting it.
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    let state = other.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    heals(&other);
}

// covers: REC-030
#[test]
fn an_object_that_is_there_twice() {
    let fixture =
        Fixture::new(&[("a.yaml", &config_map("one", "first")), ("b.yaml", &config_map("one", "second"))]);
    fixture.create_automated();
    let words =
        format!("Resource /ConfigMap/{}/one appeared 2 times among application resources.", fixture.name);
    fixture.wait_condition("RepeatedResourceWarning", &[&words]);
    fixture.wait_well();
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "second");
    fixture.commit_without("a.yaml");
    fixture.wait("the warning is gone", |app| conditions(app).is_empty());
}

// covers: APP-032
#[test]
fn a_destination_that_is_nowhere() {
    let fixture = healthy();
    fixture.patch(&json!({"spec": {"destination": {"server": "https://nowhere.invalid"}}}));
    fixture.wait_condition("InvalidSpecError", &["https://nowhere.invalid"]);
    nothing_is_pruned_and_others_go_on(&fixture);
    fixture.patch(&json!({"spec": {"destination": {"server": "https://kubernetes.default.svc"}}}));
    heals(&fixture);
}

// covers: SYN-060, SYN-059
#[test]
fn an_object_that_the_api_server_refuses() {
    let fixture = healthy();
    fixture.patch(&json!({"spec": {"syncPolicy": {"retry": {"limit": 0}}}}));
    let bad = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{port: 123456}]\n";
    let commit = fixture.commit(&[("web.yaml", bad)]);
    let words = format!("Failed last sync attempt to [{commit}]");
    let app = fixture.wait_condition("SyncError", &[&words, "spec.ports[0].port"]);
    let failed = result(&app["status"]["operationState"], "Service", "web");
    assert_eq!(failed["status"], "SyncFailed");
    assert!(fixture.has("one"));
    fixture.commit(&[("web.yaml", &bad.replace("123456", "80"))]);
    heals(&fixture);
}

#[test]
fn an_application_that_makes_no_sense() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["spec"]["source"]["helm"] = json!({"releaseName": "a"});
        app["spec"]["source"]["kustomize"] = json!({"namePrefix": "a-"});
    });
    fixture.wait("a condition that names both tools", |app| {
        conditions(app).iter().any(|condition| {
            let message = text(condition, "/message");
            message.contains("multiple application sources defined") && message.contains("Kustomize")
        })
    });
    fixture.patch(&json!({"spec": {"source": {"helm": null, "kustomize": null}, "syncPolicy": automated()}}));
    heals(&fixture);
}
