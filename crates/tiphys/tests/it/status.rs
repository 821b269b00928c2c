//! What an Application says about itself: status fields in the reference's JSON, Events, metrics.

use serde_json::{Value, json};
use tiphys_test_kit::{GitHttpConfig, GitHttpServer, Service};

use crate::fixture::{Fixture, automated, config_map, config_map_with, installation, resource, text, wait};

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: init, image: 'registry.example/init:2', command: ['true']}]
      containers: [{name: main, image: 'registry.example/web:1'}]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{name: http, port: 80}]
";

// covers: APP-051, APP-052, APP-054, APP-059, APP-063, APP-064, APP-065, REC-006, REC-014, REC-022
#[test]
fn the_status_has_the_references_fields() {
    let link = r#"{"link.argocd.argoproj.io/docs": "https://docs.example/one"}"#;
    let fixture = Fixture::new(&[("web.yaml", WEB), ("one.yaml", &config_map_with("one", "1", link))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    let status = &app["status"];
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["controllerNamespace"], "argocd");
    assert_eq!(status["resourceHealthSource"], "appTree");
    assert!(status["reconciledAt"].is_string());
    assert_eq!(status["summary"]["images"], json!(["registry.example/init:2", "registry.example/web:1"]));
    assert_eq!(status["summary"]["externalURLs"], json!(["https://docs.example/one"]));
    assert_eq!(status["sync"]["comparedTo"]["source"]["path"], "app");
    assert_eq!(status["sync"]["comparedTo"]["destination"]["namespace"], fixture.name);
    assert!(status["health"]["lastTransitionTime"].is_string());

    let named = |kind: &str, name: &str, group: &str, version: &str| {
        let mut entry = json!({
            "version": version, "kind": kind, "namespace": fixture.name, "name": name, "status": "Synced",
        });
        if !group.is_empty() {
            entry["group"] = json!(group);
        }
        entry
    };
    assert_eq!(
        status["resources"],
        json!([
            named("ConfigMap", "one", "", "v1"),
            named("Service", "web", "", "v1"),
            named("Deployment", "web", "apps", "v1"),
        ])
    );
    let state = &status["operationState"];
    assert!(state["startedAt"].is_string() && state["finishedAt"].is_string());
    assert_eq!(state["operation"]["sync"]["revision"], status["sync"]["revision"]);
    assert_eq!(state["syncResult"]["source"]["targetRevision"], "HEAD");
    let kinds: Vec<&str> = state["syncResult"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| text(result, "/kind"))
        .collect();
    assert_eq!(kinds, ["ConfigMap", "Service", "Deployment"], "in the order in which they were applied");
}

// covers: APP-009, REC-006
#[test]
fn a_refresh_request_is_carried_out_and_taken_off() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    fixture.wait("compared", |app| text(app, "/status/sync/status") == "OutOfSync");
    for kind in ["normal", "hard"] {
        let before = text(&fixture.get(), "/status/reconciledAt").to_owned();
        wait("reconciledAt moves", || {
            let app = fixture.refresh(kind);
            let after = text(&app, "/status/reconciledAt").to_owned();
            if after > before { Ok(()) } else { Err(after) }
        });
    }
}

// covers: APP-056, HLT-007
#[test]
fn a_degraded_object_degrades_the_application_and_says_which() {
    let broken = WEB.replace("registry.example/web:1", "registry.example/web:missing");
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "task"},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": ["false"]}],
        }}},
    });
    let fixture = Fixture::new(&[("web.yaml", &broken), ("task.yaml", &job.to_string())]);
    fixture.create_automated();
    let app = fixture.wait("Degraded", |app| text(app, "/status/health/status") == "Degraded");
    let message = text(&app, "/status/health/message");
    assert!(message.contains(&format!("batch/Job:{}/task", fixture.name)), "{message}");
}

// covers: REC-018
#[test]
fn events_tell_what_happened() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    let app = fixture.wait_well();
    let head = fixture.repo.head().unwrap();
    wait("the events are there", || {
        let events =
            fixture.api.list("/api/v1/namespaces/argocd/events").map_err(|error| error.to_string())?;
        let mine: Vec<(&str, &str, &str)> = events
            .iter()
            .filter(|event| event["involvedObject"]["uid"] == app["metadata"]["uid"])
            .map(|event| (text(event, "/reason"), text(event, "/message"), text(event, "/type")))
            .collect();
        let has = |reason: &str, message: &str| mine.contains(&(reason, message, "Normal"));
        let all = has("OperationStarted", &format!("Initiated automated sync to '{head}'"))
            && has("OperationCompleted", &format!("Sync operation to {head} succeeded"))
            && has("ResourceUpdated", "Updated sync status: OutOfSync -> Synced")
            && has("ResourceUpdated", "Updated health status: Missing -> Healthy");
        if all { Ok(()) } else { Err(format!("{mine:?}")) }
    });
}

/// The label that both services give to a repository: without `.git`.
fn repo_label(url: &str) -> String {
    format!("repo=\"{}\"", url.trim_end_matches(".git"))
}

/// The value of the first sample of a metric whose line holds all these words.
fn sample(metrics: &str, name: &str, words: &[&str]) -> Option<f64> {
    metrics
        .lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
        .find(|line| words.iter().all(|word| line.contains(word)))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

// covers: MET-001, MET-004, MET-006, MET-007, MET-010
#[test]
fn the_controllers_metrics_have_the_references_names() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create_automated();
    fixture.wait_well();
    let name = format!("name=\"{}\"", fixture.name);
    wait("the metrics count it", || {
        let metrics =
            installation().metrics(Service::ApplicationController).map_err(|error| error.to_string())?;
        let repo = repo_label(&fixture.repo.url().to_lowercase());
        let info = sample(
            &metrics,
            "argocd_app_info",
            &[
                &name,
                &repo,
                "namespace=\"argocd\"",
                "project=\"default\"",
                "autosync_enabled=\"true\"",
                "dest_server=\"https://kubernetes.default.svc\"",
                "sync_status=\"Synced\"",
                "health_status=\"Healthy\"",
                "operation=\"\"",
            ],
        );
        let synced = sample(
            &metrics,
            "argocd_app_sync_total",
            &[&name, "phase=\"Succeeded\"", "dry_run=\"false\"", "project=\"default\""],
        );
        let reconciled = sample(
            &metrics,
            "argocd_app_reconcile_count",
            &["namespace=", "dest_server=\"https://kubernetes.default.svc\""],
        );
        let requested =
            sample(&metrics, "argocd_app_k8s_request_total", &["resource_kind=\"ConfigMap\"", "verb="]);
        let events = sample(&metrics, "argocd_cluster_events_total", &["kind=\"ConfigMap\""]);
        let all = info == Some(1.0)
            && synced == Some(1.0)
            && [reconciled, requested, events].iter().all(|count| count.is_some_and(|count| count > 0.0));
        if all { Ok(()) } else { Err(format!("{info:?} {synced:?} {reconciled:?} {requested:?} {events:?}")) }
    });
}

// covers: MET-022, MET-027
#[test]
fn the_other_services_count_what_they_do() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    let server =
        GitHttpServer::start(fixture.repo.bare().parent().unwrap(), &GitHttpConfig::default()).unwrap();
    let url = server.url("repo.git");
    fixture.create(|app| {
        app["spec"]["source"]["repoURL"] = json!(url);
        app["spec"]["syncPolicy"] = automated();
    });
    fixture.wait_well();
    let metrics = installation().metrics(Service::RepoServer).unwrap();
    let repo = repo_label(&url);
    for type_ in ["ls-remote", "fetch"] {
        let type_ = format!("request_type=\"{type_}\"");
        let requests = sample(&metrics, "argocd_git_request_total", &[&repo, &type_]);
        assert!(requests.is_some_and(|count| count > 0.0), "{type_}: {metrics}");
    }
    let metrics = installation().metrics(Service::ApiServer).unwrap();
    assert_eq!(sample(&metrics, "argocd_info", &["version="]), Some(1.0), "{metrics}");
}

// covers: REC-001
#[test]
fn a_commit_is_found_without_being_told() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|_| {});
    fixture.wait("compared", |app| text(app, "/status/sync/status") == "OutOfSync");
    let next = fixture.commit(&[("one.yaml", &config_map("one", "2"))]);
    fixture.wait("the commit is seen", |app| text(app, "/status/sync/revision") == next);
}

#[test]
fn fields_that_nobody_knows_survive() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["metadata"]["annotations"] = json!({"example.com/note": "kept"});
        app["spec"]["syncPolicy"] = automated();
        app["spec"]["info"] = json!([{"name": "team", "value": "blue"}]);
    });
    let app = fixture.wait_well();
    assert_eq!(app["metadata"]["annotations"], json!({"example.com/note": "kept"}));
    assert_eq!(app["spec"]["info"], json!([{"name": "team", "value": "blue"}]));
    assert_eq!(resource(&app, "ConfigMap", "one")["requiresPruning"], Value::Null);
}
