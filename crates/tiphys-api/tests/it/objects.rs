//! The JSON of the objects: what is read is written back, zeros are left out as in Argo CD, words are the known ones.

use serde_json::{Value, json};
use tiphys_api::application::{Operation, OperationState, ResourceResult};
use tiphys_api::words::{
    ApplicationConditionType, ApplicationSourceType, HealthStatusCode, HookType, HydrateOperationPhase,
    OperationPhase, ResultCode, SyncStatusCode,
};
use tiphys_api::{AppProject, Application, ApplicationSet, read};

fn application() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "argocd", "uid": "5d0e", "resourceVersion": "81", "generation": 7,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            "annotations": {"argocd.argoproj.io/refresh": "hard"},
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shops", "uid": "77",
                "controller": true, "blockOwnerDeletion": true,
            }],
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {
            "project": "default",
            "destination": {"name": "in-cluster", "namespace": "shop"},
            "source": {
                "repoURL": "https://git.example.com/shop.git", "path": "chart", "targetRevision": "main",
                "helm": {
                    "valueFiles": ["values-prod.yaml"], "releaseName": "shop", "skipCrds": true,
                    "parameters": [{"name": "tag", "value": "1.0", "forceString": true}],
                    "valuesObject": {"replicas": 3, "nested": {"empty": {}, "nothing": null}},
                },
                "kustomize": {
                    "images": ["nginx=nginx:1.29"], "commonLabels": {"team": "shop"},
                    "replicas": [{"name": "web", "count": 2}, {"name": "api", "count": "4"}],
                    "patches": [{"patch": "[]", "target": {"kind": "Deployment"}, "options": {"allowNameChange": true}}],
                },
                "plugin": {"name": "own", "env": [{"name": "A", "value": ""}], "parameters": [
                    {"name": "list", "array": []}, {"name": "map", "map": {}}, {"name": "text", "string": ""},
                ]},
            },
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": false},
                "retry": {"limit": 3, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
            },
            "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
            "revisionHistoryLimit": 0,
        },
        "status": {
            "sync": {
                "status": "OutOfSync", "revision": "9f2c",
                "comparedTo": {"source": {"repoURL": "https://git.example.com/shop.git"}, "destination": {}},
            },
            "health": {"status": "Degraded", "lastTransitionTime": "2026-01-02T03:04:06Z"},
            "summary": {"images": ["nginx:1.29"], "externalURLs": ["https://shop.example.com"]},
            "conditions": [{"type": "SyncError", "message": "no", "lastTransitionTime": "2026-01-02T03:04:06Z"}],
            "history": [{
                "id": 0, "deployedAt": "2026-01-02T03:04:07Z", "revision": "9f2c", "initiatedBy": {"automated": true},
                "source": {"repoURL": "https://git.example.com/shop.git"},
            }],
            "resources": [{"version": "v1", "kind": "Service", "name": "web", "status": "Synced", "syncWave": -1}],
            "reconciledAt": "2026-01-02T03:04:08Z",
            "observedAt": "2026-01-02T03:04:08Z",
            "sourceType": "Helm",
            "resourceHealthSource": "appTree",
            "controllerNamespace": "argocd",
        },
        "operation": {
            "sync": {"revision": "9f2c", "autoHealAttemptsCount": 2, "syncStrategy": {"hook": {}}},
            "initiatedBy": {"username": "ann"}, "info": [{"name": "Reason", "value": "test"}], "retry": {"limit": -1},
        },
    })
}

// covers: APP-060, APP-068, APP-069, APP-070
#[test]
fn an_application_is_written_back_as_it_was_read() {
    let value = application();
    let application: Application = read(&value).unwrap();
    assert_eq!(application.operation.as_ref().unwrap().sync.as_ref().unwrap().auto_heal_attempts_count, 2);
    assert_eq!(serde_json::to_value(&application).unwrap(), value);
}

#[test]
fn a_new_application_is_written_as_argo_cd_writes_it() {
    assert_eq!(
        serde_json::to_value(Application::default()).unwrap(),
        json!({
            "metadata": {},
            "spec": {"destination": {}, "project": ""},
            "status": {
                "health": {}, "summary": {},
                "sync": {"status": "", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}},
            },
        })
    );
}

#[test]
fn null_and_missing_mean_the_same() {
    let application: Application = read(&json!({
        "metadata": {"name": "a", "labels": null, "creationTimestamp": null},
        "spec": {"project": null, "sources": null, "source": null, "syncPolicy": {"syncOptions": null}},
        "status": null, "operation": null,
    }))
    .unwrap();
    let mut expected = Application::default();
    expected.metadata.name = "a".into();
    expected.spec.sync_policy = Some(Default::default());
    assert_eq!(application, expected);
}

#[test]
fn one_wrong_value_is_an_error_wherever_it_is() {
    fn wrong(value: &mut Value) {
        *value = match value {
            Value::String(_) | Value::Bool(_) | Value::Number(_) => json!({"wrong": "kind"}),
            _ => json!("wrong"),
        };
    }
    let mut tried = 0;
    for pointer in pointers("", &application()) {
        let foreign = ["/metadata/managedFields/", "/spec/source/helm/valuesObject/"];
        let whole = ["/metadata/managedFields"];
        if foreign.iter().any(|folder| pointer.starts_with(folder)) || whole.contains(&pointer.as_str()) {
            continue;
        }
        let mut value = application();
        wrong(value.pointer_mut(&pointer).unwrap());
        let error = read::<Application>(&value).expect_err(&pointer);
        let path = error.path().replace(['.', '['], "/").replace(']', "");
        // Keys with dots in them are the only ones that do not survive the spelling.
        if !pointer.contains("argocd.argoproj.io") {
            assert_eq!(format!("/{path}"), pointer);
        }
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

fn pointers(prefix: &str, value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, inner)| (key.replace('/', "~1"), inner)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, inner)| (at.to_string(), inner)).collect(),
        _ => Vec::new(),
    };
    inner
        .into_iter()
        .flat_map(|(key, inner)| {
            let path = format!("{prefix}/{key}");
            let below = pointers(&path, inner);
            std::iter::once(path).chain(below)
        })
        .collect()
}

#[test]
fn a_project_is_written_back_as_it_was_read() {
    let value = json!({
        "metadata": {"name": "team"},
        "spec": {
            "sourceRepos": ["*", "!https://git.example.com/secret*"],
            "destinations": [{"server": "*", "namespace": "team-*"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}],
            "namespaceResourceWhitelist": [],
            "orphanedResources": {"warn": false, "ignore": [{"kind": "ConfigMap", "name": "kube-*"}]},
            "roles": [{"name": "ci", "policies": ["p, proj:team:ci, applications, sync, team/*, allow"],
                       "jwtTokens": [{"iat": 1535390316, "id": "x"}]}],
            "syncWindows": [{"kind": "allow", "schedule": "10 1 * * *", "duration": "1h", "applications": ["*"]}],
            "sourceIntegrity": {"git": {"policies": [
                {"repos": [{"url": "https://*"}], "gpg": {"mode": "head", "keys": ["D56C4FCA57A46444"]}},
            ]}},
        },
        "status": {"jwtTokensByRole": {"ci": {"items": [{"iat": 1535390316}]}}},
    });
    let project: AppProject = read(&value).unwrap();
    assert_eq!(
        project.spec.namespace_resource_whitelist.as_deref(),
        Some(&[][..]),
        "an empty list is no missing list"
    );
    assert_eq!(serde_json::to_value(&project).unwrap(), value);
}

#[test]
fn an_application_set_is_written_back_as_it_was_read() {
    let list = json!({"list": {"elements": [{"name": "a", "n": 1}, "text"]}});
    let value = json!({
        "metadata": {"name": "all"},
        "spec": {
            "goTemplate": true,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [
                {"matrix": {"generators": [
                    {"git": {"repoURL": "https://git/a", "revision": "HEAD", "directories": [{"path": "*"}],
                             "requeueAfterSeconds": 30}},
                    {"matrix": {"generators": [list, {"clusters": {"selector": {"matchLabels": {"a": "b"}}}}]}},
                ]}},
                {"plugin": {"configMapRef": {"name": "own"}, "input": {"parameters": {"depth": {"is": ["free"]}}}}},
            ],
            "template": {
                "metadata": {"name": "{{.name}}", "finalizers": ["x"]},
                "spec": {"project": "default", "destination": {"name": "{{.cluster}}"}},
            },
            "strategy": {"type": "RollingSync", "rollingSync": {"steps": [
                {"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev"]}], "maxUpdate": "25%"},
                {"maxUpdate": 2},
            ]}},
            "syncPolicy": {"applicationsSync": "create-only"},
            "templatePatch": "",
        },
        "status": {"health": {"status": "Healthy"}, "resourcesCount": 2},
    });
    let set: ApplicationSet = read(&value).unwrap();
    assert_eq!(serde_json::to_value(&set).unwrap(), value);
    let nested = set.spec.generators[0].matrix.as_ref().unwrap().generators[1].matrix.clone().unwrap();
    let nested: tiphys_api::applicationset::NestedMatrixGenerator = read(&nested).unwrap();
    assert_eq!(nested.generators[0].list.as_ref().unwrap().elements.len(), 2);
}

// covers: APP-061, APP-062
#[test]
fn an_operation_reports_under_the_names_that_clients_read() {
    let result = json!({
        "group": "batch", "version": "v1", "kind": "Job", "namespace": "shop", "name": "migrate", "status": "Synced",
        "message": "done", "hookType": "PreSync", "hookPhase": "Succeeded", "syncPhase": "PreSync", "images": ["a:1"],
    });
    let state = json!({
        "operation": {"sync": {}, "initiatedBy": {}, "retry": {}}, "phase": "Running", "message": "going on",
        "syncResult": {"revision": "9f2c", "source": {"repoURL": ""}, "resources": [result]},
        "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:05:05Z", "retryCount": 1,
    });
    let read_state: OperationState = read(&state).unwrap();
    assert_eq!(serde_json::to_value(&read_state).unwrap(), state);
    let empty = serde_json::to_value(ResourceResult::default()).unwrap();
    assert_eq!(empty, json!({"group": "", "version": "", "kind": "", "namespace": "", "name": ""}));
    assert_eq!(serde_json::to_value(Operation::default()).unwrap(), json!({"initiatedBy": {}, "retry": {}}));
    assert_eq!(words(OperationPhase::KNOWN), ["Running", "Terminating", "Failed", "Error", "Succeeded"]);
    assert_eq!(words(ResultCode::KNOWN), ["Synced", "SyncFailed", "Pruned", "PruneSkipped"]);
}

#[test]
fn the_words_are_those_that_clients_know() {
    assert_eq!(words(SyncStatusCode::KNOWN), ["Synced", "OutOfSync", "Unknown"]);
    assert_eq!(
        words(HealthStatusCode::KNOWN),
        ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    );
    assert_eq!(words(ApplicationSourceType::KNOWN), ["Helm", "Kustomize", "Directory", "Plugin"]);
    assert_eq!(words(HydrateOperationPhase::KNOWN), ["Hydrating", "Failed", "Hydrated"]);
    assert_eq!(
        words(HookType::KNOWN),
        ["PreSync", "Sync", "PostSync", "Skip", "SyncFail", "PreDelete", "PostDelete"]
    );
    assert_eq!(
        words(ApplicationConditionType::KNOWN),
        [
            "DeletionError",
            "InvalidSpecError",
            "ComparisonError",
            "SyncError",
            "UnknownError",
            "SharedResourceWarning",
            "RepeatedResourceWarning",
            "ExcludedResourceWarning",
            "OrphanedResourceWarning",
        ]
    );
    let errors = ApplicationConditionType::KNOWN.iter().filter(|condition| condition.is_error()).count();
    assert_eq!(errors, 5);
}

fn words<T: ToString>(known: &[T]) -> Vec<String> {
    known.iter().map(ToString::to_string).collect()
}
