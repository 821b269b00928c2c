//! Sync options and application settings, as they show in the cluster.

use serde_json::{Value, json};
use tiphys_test_kit::shared_control_plane;

use crate::fixture::{
    Fixture, automated, conditions, config_map, config_map_with, is_well, resource, result, text, wait,
};

fn with_options(name: &str, options: &str) -> String {
    config_map_with(name, "1", &json!({"argocd.argoproj.io/sync-options": options}).to_string())
}

/// A time after which the present second is over, as the API server writes it.
fn now(fixture: &Fixture) -> String {
    let maps = format!("/api/v1/namespaces/{}/configmaps?dryRun=All", fixture.name);
    let probe = fixture.api.create(&maps, &json!({"metadata": {"generateName": "clock-"}})).unwrap();
    text(&probe, "/metadata/creationTimestamp").to_owned()
}

fn approve(fixture: &Fixture) {
    let annotations = json!({"argocd.argoproj.io/deletion-approved": now(fixture)});
    fixture.patch(&json!({"metadata": {"annotations": annotations}}));
}

// covers: SYN-041, SYN-057
#[test]
fn a_prune_that_needs_confirmation_waits_for_it() {
    let fixture =
        Fixture::new(&[("a.yaml", &with_options("a", "Prune=confirm")), ("b.yaml", &config_map("b", "1"))]);
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    fixture.commit_without("a.yaml");
    let mark = fixture.sync(|_| {});
    fixture.wait("it waits", |app| {
        text(app, "/status/operationState/message") == "Waiting for pruning confirmation of v1/ConfigMap/a"
    });
    assert!(fixture.has("a"));
    wait("the second of the start is over", || {
        let started = text(&fixture.get(), "/status/operationState/startedAt").to_owned();
        if now(&fixture) > started { Ok(()) } else { Err(started) }
    });
    approve(&fixture);
    let state = fixture.wait_operation(&mark);
    assert_eq!(state["phase"], "Succeeded", "{state}");
    assert!(!fixture.has("a"));
}

// covers: SYN-043
#[test]
fn a_deletion_that_needs_confirmation_waits_for_it() {
    let fixture = Fixture::new(&[("a.yaml", &with_options("a", "Delete=confirm"))]);
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        app["spec"]["syncPolicy"] = json!({"automated": {}});
    });
    fixture.wait_well();
    fixture.api.delete(&fixture.path()).unwrap();
    // Others are deleted meanwhile.
    let other = Fixture::new(&[("a.yaml", &config_map("a", "1"))]);
    other.create(|app| {
        app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        app["spec"]["syncPolicy"] = json!({"automated": {}});
    });
    other.wait_well();
    other.api.delete(&other.path()).unwrap();
    other.wait_gone();
    assert!(fixture.has("a"));
    approve(&fixture);
    fixture.wait_gone();
    assert!(!fixture.has("a"));
}

// covers: SYN-048
#[test]
fn a_late_prune_comes_after_everything_else() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"syncOptions": ["PruneLast=true"]}));
    fixture.sync_and_wait(|_| {});
    fixture.repo.remove("app/a.yaml").unwrap();
    let wave = json!({"argocd.argoproj.io/sync-wave": "5"}).to_string();
    fixture.commit(&[("b.yaml", &config_map_with("b", "1", &wave))]);
    let mark = shared_control_plane().audit_mark().unwrap();
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded");
    let requests = shared_control_plane().requests_since(mark).unwrap();
    let writes: Vec<(&str, &str)> = requests
        .iter()
        .filter(|request| {
            request.namespace == fixture.name
                && request.resource == "configmaps"
                && request.is_write()
                && request.user_agent.starts_with("tiphys-app")
        })
        .map(|request| (request.verb.as_str(), request.name.as_str()))
        .collect();
    assert_eq!(writes, [("create", "b"), ("delete", "a")]);
}

// covers: SYN-056, APP-040
#[test]
fn ignored_differences_are_no_differences_and_survive_a_sync_when_asked_to() {
    let deployment = |image: &str| {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "main", "image": image}]},
                },
            },
        })
        .to_string()
    };
    let fixture = Fixture::new(&[("web.yaml", &deployment("registry.example/web:1"))]);
    fixture.create(|app| {
        app["spec"]["ignoreDifferences"] =
            json!([{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]);
        app["spec"]["syncPolicy"] = json!({"syncOptions": ["RespectIgnoreDifferences=true"]});
    });
    fixture.sync_and_wait(|_| {});
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", fixture.name);
    fixture.api.merge_patch(&path, &json!({"spec": {"replicas": 3}})).unwrap();
    fixture.wait_well();
    let app = fixture.refresh("hard");
    assert_eq!(text(&app, "/status/sync/status"), "Synced");
    let commit = fixture.commit(&[("web.yaml", &deployment("registry.example/web:2"))]);
    fixture.sync_and_wait(|_| {});
    fixture.wait_well_at(&commit);
    let live = fixture.api.get(&path).unwrap();
    assert_eq!(live["spec"]["replicas"], 3, "the ignored field is left to its owner");
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/web:2");
}

// covers: APP-013
#[test]
fn an_application_that_is_to_be_skipped_is_left_alone() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["metadata"]["annotations"] = json!({"argocd.argoproj.io/skip-reconcile": "true"});
        app["spec"]["syncPolicy"] = automated();
    });
    let other = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    other.create_automated();
    other.wait_well();
    let app = fixture.get();
    assert_eq!(app.get("status").unwrap_or(&json!({})), &json!({}), "{app}");
    assert!(!fixture.has("one"));
    fixture.patch(&json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": null}}}));
    fixture.wait_well();
}

// covers: APP-042
#[test]
fn the_history_has_its_limit() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| app["spec"]["revisionHistoryLimit"] = json!(2));
    for _ in 0..4 {
        fixture.sync_and_wait(|_| {});
    }
    let app = fixture.get();
    let ids: Vec<&Value> =
        app["status"]["history"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!(ids, [&json!(2), &json!(3)]);
}

// covers: APP-030, APP-048, APP-055, TOOL-038
#[test]
fn several_sources_are_one_application() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: chart\ndata:\n  value: {{ .Values.value | quote }}\n";
    fixture.repo.write("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n").unwrap();
    fixture.repo.write("chart/templates/map.yaml", template).unwrap();
    let first = fixture.commit(&[]);
    let values = Fixture::new(&[("values.yaml", "value: from another repository\n")]);
    fixture.create(|app| {
        let spec = &mut app["spec"];
        spec.as_object_mut().unwrap().remove("source");
        let url = fixture.repo.url();
        spec["sources"] = json!([
            {"repoURL": url, "path": "app"},
            {"repoURL": url, "path": "chart", "helm": {"valueFiles": ["$values/app/values.yaml"]}},
            {"repoURL": values.repo.url(), "ref": "values", "targetRevision": "main"},
        ]);
        spec["syncPolicy"] = automated();
    });
    let app = fixture.wait_well();
    let second = values.repo.head().unwrap();
    assert_eq!(app["status"]["sync"]["revisions"], json!([first, first, second]));
    assert_eq!(app["status"]["sync"].get("revision"), None);
    assert_eq!(app["status"]["sourceTypes"], json!(["Directory", "Helm", "Directory"]));
    assert_eq!(app["status"]["history"][0]["revisions"], json!([first, first, second]));
    assert_eq!(app["status"]["history"][0]["sources"].as_array().map(Vec::len), Some(3));
    let chart = fixture.api.get(&fixture.config_map("chart")).unwrap();
    assert_eq!(chart["data"]["value"], "from another repository");

    let next = values.commit(&[("values.yaml", "value: changed\n")]);
    let app = fixture.wait("the other repository is followed", |app| {
        is_well(app) && app["status"]["sync"]["revisions"][2] == next
    });
    assert!(conditions(&app).is_empty());
    assert_eq!(fixture.api.get(&fixture.config_map("chart")).unwrap()["data"]["value"], "changed");
}

// covers: REC-015
#[test]
fn what_was_deployed_to_another_place_stays_there() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"automated": {"selfHeal": true}}));
    fixture.wait_well();
    let other = shared_control_plane().create_namespace("it").unwrap();
    fixture.patch(&json!({"spec": {"destination": {"namespace": other}}}));
    let moved = format!("/api/v1/namespaces/{other}/configmaps/one");
    wait("the object is there", || match fixture.api.get_optional(&moved) {
        Ok(Some(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let app = fixture.wait("the one in the old place requires pruning", |app| {
        app["status"]["resources"].as_array().is_some_and(|resources| {
            resources
                .iter()
                .any(|found| found["requiresPruning"] == true && found["namespace"] == fixture.name)
        })
    });
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
    assert!(fixture.has("one"));
}

// covers: REC-016
#[test]
fn an_application_that_is_deleted_in_mid_sync_ends_its_operation_first() {
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "slow", "annotations": {"argocd.argoproj.io/hook": "PostSync"}},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": ["sleep"]}],
        }}},
    });
    let fixture = Fixture::new(&[("slow.yaml", &job.to_string()), ("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| {
        app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    });
    fixture.sync(|_| {});
    fixture.wait("the hook is waited for", |app| {
        text(app, "/status/operationState/message") == "waiting for completion of hook batch/Job/slow"
    });
    fixture.api.delete(&fixture.path()).unwrap();
    fixture.wait_gone();
    assert!(!fixture.has("one"));
    let hook = format!("/apis/batch/v1/namespaces/{}/jobs/slow", fixture.name);
    wait("the hook is gone", || match fixture.api.get_optional(&hook) {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

// covers: TOOL-051, TOOL-035, SYN-019
#[test]
fn the_hooks_of_a_chart_run_as_its_author_meant_them() {
    let hook = |name: &str, when: &str, weight: &str| {
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": format!("{{{{ .Release.Name }}}}-{name}"),
                "annotations": {
                    "helm.sh/hook": when,
                    "helm.sh/hook-weight": weight,
                    "helm.sh/hook-delete-policy": "before-hook-creation",
                },
            },
            "spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "main", "image": "registry.example/tool:1", "command": ["true"]}],
            }}},
        })
        .to_string()
    };
    let fixture = Fixture::new(&[
        ("Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
        ("templates/late.yaml", &hook("late", "pre-install,pre-upgrade", "5")),
        ("templates/early.yaml", &hook("early", "pre-install", "-5")),
        ("templates/after.yaml", &hook("after", "post-install", "0")),
        ("templates/test.yaml", &hook("test", "test", "0")),
        ("templates/map.yaml", &config_map("one", "1")),
    ]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
    let name = |suffix: &str| format!("{}-{suffix}", fixture.name);
    let order: Vec<&str> = state["syncResult"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| text(result, "/name"))
        .collect();
    assert_eq!(order, [&name("early"), &name("late"), "one", &name("after")]);
    assert_eq!(result(&state, "Job", &name("after"))["hookType"], "PostSync");
    let app = fixture.wait_well();
    assert_eq!(resource(&app, "Job", &name("test"))["status"], Value::Null, "a test is no part of a sync");
}

// covers: SYN-049
#[test]
fn replacing_writes_the_whole_object() {
    let fixture = Fixture::new(&[("one.yaml", &config_map("one", "1"))]);
    fixture.create(|app| app["spec"]["syncPolicy"] = json!({"syncOptions": ["Replace=true"]}));
    fixture.sync_and_wait(|_| {});
    fixture.api.merge_patch(&fixture.config_map("one"), &json!({"data": {"extra": "by hand"}})).unwrap();
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(result(&state, "ConfigMap", "one")["message"], "configmap/one replaced");
    assert_eq!(fixture.api.get(&fixture.config_map("one")).unwrap()["data"], json!({"value": "1"}));
    fixture.wait_well();
}

// covers: SYN-044
#[test]
fn a_field_that_nobody_knows_is_refused_unless_validation_is_off() {
    let odd = |annotations: &str| format!("{}colour: blue\n", config_map_with("one", "1", annotations));
    let fixture = Fixture::new(&[("one.yaml", &odd("{}"))]);
    fixture.create(|_| {});
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Failed");
    let message = text(result(&state, "ConfigMap", "one"), "/message");
    assert!(message.contains("unknown field \"colour\""), "{message}");
    fixture.commit(&[("one.yaml", &odd(r#"{"argocd.argoproj.io/sync-options": "Validate=false"}"#))]);
    let state = fixture.sync_and_wait(|_| {});
    assert_eq!(state["phase"], "Succeeded", "{state}");
}

// covers: APP-038
#[test]
fn a_retry_may_take_the_newest_commit() {
    let bad = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{port: 123456}]\n";
    let fixture = Fixture::new(&[("web.yaml", bad)]);
    fixture.create(|_| {});
    let mark = fixture.sync(|operation| {
        operation["retry"] =
            json!({"limit": 20, "refresh": true, "backoff": {"duration": "1s", "maxDuration": "1s"}});
    });
    fixture.wait("a retry is announced", |app| {
        text(app, "/status/operationState/message").contains("Retrying attempt #")
    });
    let next = fixture.commit(&[("web.yaml", &bad.replace("123456", "80"))]);
    let state = fixture.wait_operation(&mark);
    assert_eq!(state["phase"], "Succeeded", "{state}");
    assert_eq!(state["syncResult"]["revision"], next);
}
