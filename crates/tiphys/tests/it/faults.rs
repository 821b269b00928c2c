//! Faults: parts of the installation die or stand still, and everything goes on where it was once they are back.
//!
//! Tests that end a service or the API server have an installation of their own.

use serde_json::{Value, json};
use tiphys_test_kit::{ControlPlane, Service};

use crate::fixture::{Fixture, Own, conditions, config_map, is_well, text, wait};

/// Writes a chart whose render takes long: enough to be killed in.
fn slow_chart(fixture: &Fixture) {
    let template = "{{- range $i := until 400 }}{{- range $j := until 400 }}{{- $x := printf \"%d-%d\" $i $j | sha256sum }}{{- end }}{{- end }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
data:
  value: '1'
";
    fixture.commit(&[
        ("Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
        ("templates/one.yaml", template),
    ]);
}

fn job(name: &str, command: &str, annotations: &Value) -> String {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": [command]}],
        }}},
    })
    .to_string()
}

#[test]
fn a_repo_server_that_dies_in_mid_render_costs_nothing_but_time() {
    let own = Own::start(|_| {});
    let fixture = own.fixture(&[("one.yaml", &config_map("one", "1"))]);
    let quiet = own.fixture(&[("one.yaml", &config_map("one", "1"))]);
    for app in [&fixture, &quiet] {
        app.create_automated();
        app.wait_well();
    }
    fixture.repo.remove("app/one.yaml").unwrap();
    slow_chart(&fixture);
    wait("the render has begun", || {
        let metrics = own.installation.metrics(Service::RepoServer).map_err(|error| error.to_string())?;
        let url = fixture.repo.url();
        let pending = metrics.lines().any(|line| {
            line.starts_with("argocd_repo_pending_request_total")
                && line.contains(&url)
                && line.ends_with(" 1")
        });
        if pending { Ok(()) } else { Err("nothing is rendered".to_owned()) }
    });
    own.installation.kill(Service::RepoServer);
    let app = fixture.wait_condition("ComparisonError", &["ask the repo-server: "]);
    assert_eq!(text(&app, "/status/sync/status"), "Unknown");
    assert!(fixture.has("one") && quiet.has("one"), "nothing is pruned");
    // What is live is still watched, and known commits are still kept in force.
    quiet.api.merge_patch(&quiet.config_map("one"), &json!({"data": {"value": "changed"}})).unwrap();

    own.installation.restart(Service::RepoServer).unwrap();
    let commit = fixture.repo.head().unwrap();
    let app = fixture.wait_well_at(&commit);
    assert_eq!(app["status"]["sourceType"], "Helm");
    let app = quiet.wait("healed", |app| is_well(app) && conditions(app).is_empty());
    assert_eq!(text(&app, "/status/sync/status"), "Synced");
    assert_eq!(quiet.api.get(&quiet.config_map("one")).unwrap()["data"]["value"], "1");
}

#[test]
fn a_controller_that_is_killed_in_mid_sync_takes_the_operation_up_again() {
    let own = Own::start(|_| {});
    let pre = job("pre", "true", &json!({"argocd.argoproj.io/hook": "PreSync"}));
    let slow = job("slow", "sleep", &json!({"argocd.argoproj.io/hook": "Sync"}));
    let fixture =
        own.fixture(&[("pre.yaml", &pre), ("slow.yaml", &slow), ("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    let mark = fixture.sync(|_| {});
    let jobs = format!("/apis/batch/v1/namespaces/{}/jobs", fixture.name);
    fixture.wait("the second hook is waited for", |app| {
        text(app, "/status/operationState/message") == "waiting for completion of hook batch/Job/slow"
    });
    let before: Vec<Value> = ["pre", "slow"]
        .iter()
        .map(|name| fixture.api.get(&format!("{jobs}/{name}")).unwrap()["metadata"]["uid"].clone())
        .collect();
    own.installation.kill(Service::ApplicationController);
    // A new commit does not change what is being synced.
    let old = fixture.get()["status"]["operationState"]["operation"].clone();
    let first = fixture.repo.resolve("HEAD").unwrap();
    fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    own.installation.restart(Service::ApplicationController).unwrap();
    fixture.wait("it is still the same operation", |app| {
        text(app, "/status/operationState/phase") == "Running"
            && app["status"]["operationState"]["operation"] == old
    });
    // The hook ends well now: its Pod does.
    let pods = format!("/api/v1/namespaces/{}/pods", fixture.name);
    let done = json!({"status": {"phase": "Succeeded", "conditions": null}});
    for pod in fixture.api.list(&pods).unwrap() {
        if text(&pod, "/metadata/name").starts_with("slow-") {
            fixture
                .api
                .merge_patch(&format!("{pods}/{}/status", text(&pod, "/metadata/name")), &done)
                .unwrap();
        }
    }
    let state = fixture.wait_operation(&mark);
    assert_eq!(state["phase"], "Succeeded", "{state}");
    assert_eq!(state["syncResult"]["revision"], first);
    let after: Vec<Value> = ["pre", "slow"]
        .iter()
        .map(|name| fixture.api.get(&format!("{jobs}/{name}")).unwrap()["metadata"]["uid"].clone())
        .collect();
    assert_eq!(before, after, "no hook has run twice");
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"]["value"], "1");
    assert_eq!(fixture.get()["status"]["history"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_controller_that_is_killed_again_and_again_loses_nothing() {
    let own = Own::start(|_| {});
    let files: Vec<(String, String)> =
        (0..40).map(|number| (format!("{number}.yaml"), config_map(&format!("map-{number}"), "1"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let fixtures: Vec<Fixture> = (0..4).map(|_| own.fixture(&files)).collect();
    for fixture in &fixtures {
        fixture.create_automated();
    }
    for round in 0..3 {
        let first = &fixtures[0];
        wait("something is written", || {
            let path = format!("/api/v1/namespaces/{}/configmaps", first.name);
            let found = first.api.list(&path).map_err(|error| error.to_string())?.len();
            if found > round { Ok(()) } else { Err(found.to_string()) }
        });
        own.installation.restart(Service::ApplicationController).unwrap();
    }
    for fixture in &fixtures {
        let app = fixture.wait_well();
        assert_eq!(app["status"]["resources"].as_array().map(Vec::len), Some(40));
        assert_eq!(app["status"]["history"].as_array().map(Vec::len), Some(1));
        assert!(conditions(&app).is_empty(), "{app}");
    }
}

/// A deleted object comes back: the controller watches and works.
#[track_caller]
fn heals_itself(fixture: &Fixture) {
    fixture.api.delete(&fixture.config_map("one")).unwrap();
    wait("the object is there again", || {
        if fixture.has("one") { Ok(()) } else { Err("it is missing".to_owned()) }
    });
}

#[test]
fn an_api_server_that_restarts_is_found_again() {
    let own = Own::start(|_| {});
    let fixture =
        own.fixture(&[("one.yaml", &config_map("one", "1")), ("two.yaml", &config_map("two", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    let uid = fixture.api.get(&fixture.config_map("one")).unwrap()["metadata"]["uid"].clone();
    let restart = |how: fn(&ControlPlane)| {
        how(&own.plane);
        own.plane.start_apiserver().unwrap();
    };
    for (round, how) in
        [ControlPlane::kill_apiserver, |plane: &ControlPlane| plane.restart_apiserver().unwrap()]
            .into_iter()
            .enumerate()
    {
        let commit = fixture.commit(&[("two.yaml", &config_map("two", &format!("after {round}")))]);
        restart(how);
        let app = fixture.wait_well_at(&commit);
        assert!(conditions(&app).is_empty(), "{app}");
        let one = fixture.api.get(&fixture.config_map("one")).unwrap();
        assert_eq!(one["metadata"]["uid"], uid, "nothing was deleted and made anew");
        assert_eq!(
            fixture.api.get(&fixture.config_map("two")).unwrap()["data"]["value"],
            format!("after {round}")
        );
    }
    heals_itself(&fixture);
}

#[test]
fn an_api_server_that_stands_still_is_survived() {
    let own = Own::start(|_| {});
    let fixture = own.fixture(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    own.plane.pause_apiserver();
    let commit = fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    // Longer than the period in which the commit is found: a write is on its way to the server that stands still.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(6);
    wait("the pause is over", || {
        if std::time::Instant::now() > until { Ok(()) } else { Err("not yet".to_owned()) }
    });
    own.plane.resume_apiserver();
    fixture.wait_well_at(&commit);
    heals_itself(&fixture);
}
