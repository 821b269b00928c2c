//! JSON to protobuf and back, against known bytes and against an independent implementation of protobuf.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Value as Reflected};
use serde_json::{Value, json};
use tiphys_wire::api::{Document, Schema};

const V1ALPHA1: &str = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1";

fn schema() -> Schema {
    Schema::load().unwrap()
}

fn applications() -> Vec<Value> {
    let minimal = json!({
        "metadata": {"name": "guestbook", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/apps.git", "path": "guestbook"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "guestbook"},
        },
    });
    let helm = json!({
        "metadata": {
            "name": "shop", "namespace": "argocd", "uid": "8f1c", "resourceVersion": "12345", "generation": 7,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "deletionTimestamp": "2026-02-02T03:04:05Z", "deletionGracePeriodSeconds": 0,
            "labels": {"team": "a", "": "empty key"}, "annotations": {"note": "ä\u{1F680}<&>"},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1", "controller": false, "blockOwnerDeletion": true}],
            "managedFields": [{
                "manager": "kubectl", "operation": "Apply", "apiVersion": "argoproj.io/v1alpha1", "time": "2026-01-02T03:04:06Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {".": {}, "f:project": {}}}, "subresource": "status",
            }],
        },
        "spec": {
            "project": "default",
            "sources": [
                {
                    "repoURL": "https://charts.example.com", "chart": "shop", "targetRevision": "1.*",
                    "helm": {
                        "valueFiles": ["$values/prod.yaml"], "releaseName": "shop", "values": "a: 1\n",
                        "parameters": [{"name": "image.tag", "value": "1.2", "forceString": true}],
                        "fileParameters": [{"name": "config", "path": "files/config.json"}],
                        "valuesObject": {"replicas": 3, "nested": {"list": [1, 2.5, null, "x"]}, "empty": {}},
                        "skipCrds": true, "ignoreMissingValueFiles": true, "apiVersions": ["v1", "apps/v1"],
                    },
                },
                {"repoURL": "https://git.example.com/values.git", "ref": "values", "name": "values", "tagPrefix": "v"},
                {
                    "repoURL": "https://git.example.com/plugin.git", "path": ".",
                    "plugin": {
                        "name": "tool", "env": [{"name": "A", "value": "b"}],
                        "parameters": [
                            {"name": "text", "string": ""},
                            {"name": "map", "map": {"k": "v"}},
                            {"name": "empty-map", "map": {}},
                            {"name": "array", "array": ["x", ""]},
                            {"name": "empty-array", "array": []},
                            {"name": "nothing"},
                        ],
                    },
                },
            ],
            "destination": {"name": "in-cluster", "namespace": "shop"},
            "syncPolicy": {
                "automated": {"prune": false, "selfHeal": true, "enabled": false},
                "syncOptions": ["CreateNamespace=true"],
                "retry": {"limit": -1, "refresh": true, "backoff": {"duration": "5s", "factor": 0, "maxDuration": "3m"}},
                "managedNamespaceMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            },
            "ignoreDifferences": [{"group": "apps", "kind": "*", "jsonPointers": ["/spec/replicas"], "jqPathExpressions": [".a"]}],
            "info": [{"name": "url", "value": "https://example.com"}],
            "revisionHistoryLimit": 0,
        },
    });
    let kustomize = json!({
        "metadata": {"name": "web"},
        "spec": {
            "project": "p",
            "source": {
                "repoURL": "https://git.example.com/web.git", "path": "overlays/prod",
                "kustomize": {
                    "namePrefix": "a-", "nameSuffix": "-b", "images": ["x=y:1"], "commonLabels": {"l": "1"},
                    "commonAnnotations": {"a": "2"}, "forceCommonLabels": true, "namespace": "n", "components": ["../c"],
                    "replicas": [{"name": "web", "count": 3}, {"name": "db", "count": "50%"}],
                    "patches": [{
                        "patch": "- op: remove\n", "options": {"allowNameChange": true},
                        "target": {"group": "apps", "version": "v1", "kind": "Deployment", "name": "web", "namespace": "n", "labelSelector": "a=b"},
                    }],
                },
            },
            "destination": {"server": "https://kubernetes.default.svc"},
            "syncPolicy": {"automated": {}},
        },
        "operation": {
            "sync": {
                "revision": "HEAD", "prune": true, "dryRun": true,
                "syncStrategy": {"hook": {"force": true}},
                "resources": [{"group": "apps", "kind": "Deployment", "name": "web"}],
                "syncOptions": ["Replace=true"], "autoHealAttemptsCount": 3,
            },
            "initiatedBy": {"username": "admin", "automated": true},
            "info": [{"name": "Reason", "value": "test"}],
            "retry": {"limit": 5},
        },
        "status": {
            "resources": [{
                "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "n", "name": "web", "status": "OutOfSync",
                "health": {"status": "Degraded", "message": "no"}, "requiresPruning": true, "syncWave": -5, "hook": true,
            }],
            "sync": {
                "status": "OutOfSync", "revision": "abc",
                "comparedTo": {"source": {"repoURL": "r"}, "destination": {"server": "s"}},
            },
            "health": {"status": "Degraded", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            "history": [
                {"id": 0, "revision": "a", "deployedAt": "2026-01-02T03:04:05Z", "source": {"repoURL": "r"}, "initiatedBy": {"username": "admin"}},
                {"id": 9_007_199_254_740_993_i64, "revisions": ["a", "b"], "deployedAt": "2026-01-02T03:04:05Z", "deployStartedAt": "2026-01-02T03:04:00Z", "sources": [{"repoURL": "r"}, {"repoURL": "s"}]},
            ],
            "conditions": [{"type": "SyncError", "message": "m", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
            "reconciledAt": "2026-01-02T03:04:05Z",
            "operationState": {
                "operation": {"sync": {"syncStrategy": {"apply": {}}}, "initiatedBy": {"username": "x"}},
                "phase": "Failed", "message": "m", "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:04:06Z",
                "retryCount": 2,
                "syncResult": {
                    "revision": "a", "source": {"repoURL": "r"},
                    "resources": [{
                        "version": "v1", "group": "", "kind": "Pod", "namespace": "n", "name": "p", "status": "Synced",
                        "message": "ok", "hookType": "PreSync", "hookPhase": "Succeeded", "syncPhase": "PreSync", "images": ["a:1"],
                    }],
                },
            },
            "sourceType": "Kustomize", "sourceTypes": ["Helm", ""], "controllerNamespace": "argocd",
            "resourceHealthSource": "appTree",
            "summary": {"images": ["a:1"], "externalURLs": ["https://e"], "isAppOfApps": true},
        },
    });
    vec![json!({}), minimal, helm, kustomize]
}

/// What is left when zeroes that mean nothing are dropped: `history[].id` and `group` are plain numbers and strings.
fn without_plain_zeroes(mut application: Value) -> Value {
    if let Some(first) = application.pointer_mut("/status/history/0").and_then(Value::as_object_mut) {
        first.remove("id");
    }
    let result = application.pointer_mut("/status/operationState/syncResult/resources/0");
    if let Some(result) = result.and_then(Value::as_object_mut) {
        result.remove("group");
    }
    application
}

#[test]
fn applications_of_every_shape_come_back_as_they_went() {
    let schema = schema();
    let name = format!("{V1ALPHA1}.Application");
    for application in applications() {
        let bytes = schema.encode(&name, &application.clone().into()).unwrap();
        assert_eq!(schema.decode(&name, &bytes).unwrap(), without_plain_zeroes(application));
    }
}

#[test]
fn an_independent_implementation_reads_and_writes_the_same_bytes() {
    let schema = schema();
    let pool = Schema::descriptor_pool().unwrap();
    let name = format!("{V1ALPHA1}.Application");
    let descriptor = pool.get_message_by_name(&name).unwrap();
    for application in applications() {
        let bytes = schema.encode(&name, &application.clone().into()).unwrap();
        let theirs = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        assert_eq!(theirs.unknown_fields().count(), 0);
        let again = theirs.encode_to_vec();
        assert_eq!(schema.decode(&name, &again).unwrap(), without_plain_zeroes(application));
    }
    let bytes = schema.encode(&name, &applications()[2].clone().into()).unwrap();
    let theirs = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
    let metadata = theirs.get_field_by_name("metadata").unwrap();
    let metadata = metadata.as_message().unwrap();
    assert_eq!(metadata.get_field_by_name("generation").unwrap().as_i64(), Some(7));
    let created = metadata.get_field_by_name("creationTimestamp").unwrap();
    assert_eq!(
        created.as_message().unwrap().get_field_by_number(1).unwrap().as_ref(),
        &Reflected::I64(1_767_323_045)
    );
}

#[test]
fn known_bytes_are_written_and_read() {
    let schema = schema();
    // ApplicationWatchEvent { type: "ADDED", application: { metadata: { name: "a", creationTimestamp: 1s },
    //   spec: { revisionHistoryLimit: 0 } } }
    let event = json!({
        "type": "ADDED",
        "application": {
            "metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:01Z"},
            "spec": {"revisionHistoryLimit": 0},
        },
    });
    let bytes = [
        0x0a, 5, b'A', b'D', b'D', b'E', b'D', //
        0x12, 13, //
        0x0a, 7, 0x0a, 1, b'a', 0x42, 2, 0x08, 1, //
        0x12, 2, 0x38, 0,
    ];
    let name = format!("{V1ALPHA1}.ApplicationWatchEvent");
    assert_eq!(schema.encode(&name, &event.clone().into()).unwrap(), bytes);
    assert_eq!(schema.decode(&name, &bytes).unwrap(), event);
}

#[test]
fn a_client_that_sends_every_zero_is_understood_as_one_that_sends_none() {
    // What the reference's own client writes for a source: every scalar, set or not, and an empty time.
    let schema = schema();
    let source = [0x0a, 1, b'r', 0x12, 0, 0x22, 0, 0x62, 0, 0x6a, 0, 0x72, 0];
    let name = format!("{V1ALPHA1}.ApplicationSource");
    assert_eq!(schema.decode(&name, &source).unwrap(), json!({"repoURL": "r"}));
    let metadata = [0x0a, 1, b'a', 0x12, 0, 0x38, 0, 0x42, 0];
    let name = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    assert_eq!(schema.decode(name, &metadata).unwrap(), json!({"name": "a"}));
}

#[test]
fn what_a_caller_left_open_differs_from_what_a_caller_denied() {
    let schema = schema();
    let decode = |bytes: &[u8]| schema.decode("application.ApplicationDeleteRequest", bytes).unwrap();
    assert_eq!(decode(&[0x0a, 1, b'a']), json!({"name": "a"}));
    assert_eq!(decode(&[0x0a, 1, b'a', 0x10, 0]), json!({"name": "a", "cascade": false}));
}

#[test]
fn required_fields_of_answers_are_always_sent_and_of_requests_always_asked_for() {
    let schema = schema();
    let bytes = schema.encode("application.ApplicationSyncWindowsResponse", &json!({}).into()).unwrap();
    assert_eq!(bytes, [0x18, 0]);
    let missing = schema.decode("application.ApplicationRollbackRequest", &[0x0a, 1, b'a']).unwrap_err();
    assert_eq!(missing.to_string(), "field id: it is required and missing");
}

#[test]
fn a_value_of_a_wrong_type_is_refused_with_its_place() {
    let schema = schema();
    let name = format!("{V1ALPHA1}.Application");
    let wrong = json!({"spec": {"sources": [{}, {"helm": {"parameters": [{"name": 1}]}}]}});
    let error = schema.encode(&name, &Document::from(wrong)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field spec.sources.1.helm.parameters.0.name: expected a string, found a number"
    );
}

#[test]
fn any_bytes_give_a_value_or_an_error() {
    let schema = schema();
    let names: Vec<String> = schema.message_names().map(str::to_owned).collect();
    let seeds: Vec<Vec<u8>> = applications()
        .into_iter()
        .map(|application| schema.encode(&format!("{V1ALPHA1}.Application"), &application.into()).unwrap())
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap()
    };
    let mut understood = 0;
    for _round in 0..20_000 {
        let mut bytes = seeds[random() % seeds.len()].clone();
        for _change in 0..random() % 6 {
            if !bytes.is_empty() {
                let at = random() % bytes.len();
                bytes[at] = u8::try_from(random() % 256).unwrap();
            }
        }
        bytes.truncate(random() % (bytes.len() + 1));
        let name = &names[random() % names.len()];
        if let Ok(value) = schema.decode(name, &bytes) {
            understood += 1;
            if value.is_object() {
                schema.encode(name, &value.into()).unwrap();
            }
        }
    }
    assert!(understood > 1000, "only {understood} were understood");
    // A message inside a message inside a message …
    let mut deep = Vec::new();
    for _level in 0..200 {
        let mut outer = vec![0x0a];
        prost_reflect::prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.extend_from_slice(&deep);
        deep = outer;
    }
    let _no_overflow = schema.decode(&format!("{V1ALPHA1}.ApplicationTree"), &deep);
}
