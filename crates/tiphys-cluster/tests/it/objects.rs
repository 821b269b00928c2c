//! The control plane's own objects.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tiphys_cluster::{
    EventRecord, EventType, EventWriter, ObjectEvent, ObjectReference, ObjectWatch, PatchType, Propagation,
    ResourceType,
};

use crate::support::{client, plane, until};

async fn next(watch: &mut ObjectWatch) -> ObjectEvent {
    tokio::time::timeout(Duration::from_secs(30), watch.next()).await.expect("an event").unwrap()
}

fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_begins_with_the_whole_list_and_goes_on_with_changes() {
    let plane = plane().await;
    let client = client(plane).await;
    let namespace = plane.create_namespace("objects").unwrap();
    let maps = ResourceType::config_maps();
    let wanted = |name: &str| json!({"metadata": {"name": name, "labels": {"wanted": "yes"}}});
    client.create_object(&maps, &namespace, &wanted("first")).await.unwrap();
    client.create_object(&maps, &namespace, &json!({"metadata": {"name": "unwanted"}})).await.unwrap();
    let mut watch = client.watch_objects(&maps, &namespace, "wanted=yes");
    let ObjectEvent::Listed(objects) = next(&mut watch).await else { panic!("no list") };
    assert_eq!(objects.iter().map(name).collect::<Vec<_>>(), ["first"]);
    assert_eq!(
        objects.first().map(|it| (&it["kind"], &it["apiVersion"])),
        Some((&json!("ConfigMap"), &json!("v1")))
    );

    client.create_object(&maps, &namespace, &wanted("second")).await.unwrap();
    assert!(matches!(next(&mut watch).await, ObjectEvent::Applied(object) if name(&object) == "second"));
    let patch = json!({"data": {"k": "v"}});
    client.patch_object(&maps, &namespace, "first", PatchType::Merge, &patch).await.unwrap();
    assert!(matches!(next(&mut watch).await, ObjectEvent::Applied(object) if object["data"]["k"] == "v"));
    assert!(client.delete_object(&maps, &namespace, "second", None, Propagation::Background).await.unwrap());
    assert!(matches!(next(&mut watch).await, ObjectEvent::Deleted(object) if name(&object) == "second"));
    assert!(!client.delete_object(&maps, &namespace, "second", None, Propagation::Background).await.unwrap());
    assert_eq!(client.list_objects(&maps, &namespace, "wanted=yes").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_of_a_kind_that_is_not_there_says_so_and_begins_when_it_is() {
    let plane = plane().await;
    let client = client(plane).await;
    let sails = ResourceType::namespaced("late.example.org", "v1", "sails", "Sail");
    let mut watch = client.watch_objects(&sails, "default", "");
    assert!(matches!(next(&mut watch).await, ObjectEvent::Interrupted(_)));
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "sails.late.example.org"},
        "spec": {"group": "late.example.org", "scope": "Namespaced",
            "names": {"kind": "Sail", "plural": "sails", "singular": "sail", "listKind": "SailList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}
    });
    plane.api().create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).unwrap();
    loop {
        match next(&mut watch).await {
            ObjectEvent::Interrupted(_) => {}
            event => {
                assert_eq!(event, ObjectEvent::Listed(Vec::new()));
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_with_an_old_version_is_a_conflict() {
    let plane = plane().await;
    let client = client(plane).await;
    let namespace = plane.create_namespace("fence").unwrap();
    let maps = ResourceType::config_maps();
    let first = client.create_object(&maps, &namespace, &json!({"metadata": {"name": "a"}})).await.unwrap();
    let fenced = |value: &str| json!({"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"k": value}});
    client.patch_object(&maps, &namespace, "a", PatchType::Merge, &fenced("1")).await.unwrap();
    let error =
        client.patch_object(&maps, &namespace, "a", PatchType::Merge, &fenced("2")).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let test = json!([{"op": "test", "path": "/data/k", "value": "1"}, {"op": "add", "path": "/data/l", "value": "3"}]);
    let patched = client.patch_object(&maps, &namespace, "a", PatchType::Json, &test).await.unwrap();
    assert_eq!(patched["data"], json!({"k": "1", "l": "3"}));
    let mut whole = patched.clone();
    whole["data"] = json!({"n": "4"});
    assert_eq!(
        client.replace_object(&maps, &namespace, "a", &whole).await.unwrap()["data"],
        json!({"n": "4"})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_made_once_and_read_by_all() {
    let plane = plane().await;
    let client = client(plane).await;
    let namespace = plane.create_namespace("secret").unwrap();
    assert!(client.load_secret(&namespace, "s").await.unwrap().is_none());
    let data = BTreeMap::from([("tls.key".to_owned(), vec![0, 159, 146, 150])]);
    client.create_secret(&namespace, "s", &BTreeMap::new(), &data).await.unwrap();
    let second = client.create_secret(&namespace, "s", &BTreeMap::new(), &BTreeMap::new()).await.unwrap_err();
    assert!(second.is_already_exists());
    assert_eq!(client.load_secret(&namespace, "s").await.unwrap(), Some(data));
    let more = BTreeMap::from([("other".to_owned(), b"x".to_vec())]);
    client.update_secret(&namespace, "s", &more).await.unwrap();
    assert_eq!(client.load_secret(&namespace, "s").await.unwrap().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_about_an_object_is_found_in_its_namespace() {
    let plane = plane().await;
    let client = client(plane).await;
    let namespace = plane.create_namespace("event").unwrap();
    let writer = EventWriter::new(&client, "argocd-application-controller");
    writer.emit(EventRecord {
        involved: ObjectReference {
            api_version: "argoproj.io/v1alpha1".into(),
            kind: "Application".into(),
            namespace: namespace.clone(),
            name: "guestbook".into(),
            uid: "7e3a".into(),
            resource_version: "1".into(),
        },
        event_type: EventType::Normal,
        reason: "OperationStarted".into(),
        message: "admin initiated sync to HEAD".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::from([("user".into(), "admin".into())]),
    });
    assert!(writer.flush(Duration::from_secs(30)).await);
    assert_eq!(writer.dropped(), 0);
    let events = until("the Event is there", || {
        let events = plane.api().list(&format!("/api/v1/namespaces/{namespace}/events")).unwrap();
        let about: Vec<Value> =
            events.into_iter().filter(|event| event["involvedObject"]["kind"] == "Application").collect();
        (!about.is_empty()).then_some(about)
    })
    .await;
    let event = events.first().unwrap();
    assert_eq!(event["reason"], "OperationStarted");
    assert_eq!(event["type"], "Normal");
    assert_eq!(event["source"]["component"], "argocd-application-controller");
}
