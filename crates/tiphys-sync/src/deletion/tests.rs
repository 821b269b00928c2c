//! A fake cluster as a map, and the deletion walking through it.

// Objects are written with `json!`, which takes its parts by reference.
#![allow(clippy::needless_pass_by_value)]

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

#[derive(Default)]
struct Cluster {
    objects: RefCell<BTreeMap<String, Value>>,
    unknown: Option<String>,
    approved: Option<DateTime<Utc>>,
}

impl OwnedView for Cluster {
    fn objects(&self) -> Result<Vec<OwnedObject>, String> {
        if let Some(reason) = &self.unknown {
            return Err(reason.clone());
        }
        let owned = |value: &Value| {
            let manifest = Manifest::new(value.clone()).unwrap();
            OwnedObject {
                key: manifest.key(),
                gvk: manifest.gvk(),
                live: LiveObject::of(Arc::new(value.clone()), None),
            }
        };
        Ok(self.objects.borrow().values().map(owned).collect())
    }

    fn deletion_approved_at(&self) -> Option<DateTime<Utc>> {
        self.approved
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn object(api_version: &str, kind: &str, name: &str, annotations: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {
        "name": name, "namespace": "n", "uid": format!("uid-{name}"), "annotations": annotations,
    }})
}

fn cluster(objects: impl IntoIterator<Item = Value>) -> Cluster {
    let cluster = Cluster::default();
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        cluster.objects.borrow_mut().insert(name, object);
    }
    cluster
}

fn deletion() -> Deletion {
    Deletion::new("uid-app", at(0), PropagationPolicy::Foreground, SyncOptions::default())
}

fn names(effects: &[DeletionEffect]) -> Vec<&str> {
    let deleted = effects.iter().filter_map(|effect| match effect {
        DeletionEffect::Delete(request) => Some(request.key.name()),
        _ => None,
    });
    deleted.collect()
}

fn report(effects: &[DeletionEffect]) -> Option<(&str, bool)> {
    effects.iter().find_map(|effect| match effect {
        DeletionEffect::Report { message, is_error } => Some((&**message, *is_error)),
        _ => None,
    })
}

fn look(deletion: &mut Deletion, cluster: &Cluster, seconds: i64) -> Vec<DeletionEffect> {
    deletion.step(DeletionEvent::Look, cluster, at(seconds))
}

// covers: SYN-073, APP-004
#[test]
fn waves_go_in_reverse_and_each_is_gone_before_the_next_is_touched() {
    let wave = |wave: &str| json!({"argocd.argoproj.io/sync-wave": wave});
    let cluster = cluster([
        object("v1", "ConfigMap", "a", wave("-1")),
        object("apps/v1", "Deployment", "b", json!({})),
        object("apps/v1", "Deployment", "c", wave("2")),
        object("v1", "ConfigMap", "d", wave("2")),
    ]);
    let mut deletion = deletion();
    let effects = look(&mut deletion, &cluster, 0);
    assert_eq!(names(&effects), ["d", "c"]);
    let DeletionEffect::Delete(request) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!((&*request.uid, request.propagation), ("uid-d", PropagationPolicy::Foreground));
    assert_eq!(report(&effects), Some(("waiting for deletion of /ConfigMap/d and 1 more resources", false)));
    for name in ["c", "d"] {
        let key = ResourceKey::new("", "", "n", name);
        let event = DeletionEvent::Answered { key, uid: format!("uid-{name}"), result: Ok(()) };
        assert_eq!(names(&deletion.step(event, &cluster, at(1))), [""; 0]);
    }
    cluster.objects.borrow_mut().remove("d");
    assert_eq!(names(&look(&mut deletion, &cluster, 2)), [""; 0], "c is still there");
    cluster.objects.borrow_mut().remove("c");
    assert_eq!(names(&look(&mut deletion, &cluster, 3)), ["b"]);
    cluster.objects.borrow_mut().remove("b");
    assert_eq!(names(&look(&mut deletion, &cluster, 4)), ["a"]);
    cluster.objects.borrow_mut().remove("a");
    assert_eq!(look(&mut deletion, &cluster, 5), [DeletionEffect::Finish]);
    assert!(deletion.is_finished() && look(&mut deletion, &cluster, 6).is_empty());
}

// covers: SYN-042, SYN-073, TOOL-053
#[test]
fn definitions_kept_objects_and_the_application_itself_stay() {
    let cluster = cluster([
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "crd", json!({})),
        object("v1", "ConfigMap", "kept", json!({"argocd.argoproj.io/sync-options": "Delete=false"})),
        object("v1", "ConfigMap", "helm", json!({"helm.sh/resource-policy": "keep"})),
        object("argoproj.io/v1alpha1", "Application", "app", json!({})),
        object("argoproj.io/v1alpha1", "Application", "child", json!({})),
    ]);
    let mut deletion = deletion();
    assert_eq!(names(&look(&mut deletion, &cluster, 0)), ["child"]);
    cluster.objects.borrow_mut().remove("child");
    assert_eq!(look(&mut deletion, &cluster, 1), [DeletionEffect::Finish]);
}

#[test]
fn an_application_does_not_go_while_its_objects_are_not_known() {
    let mut cluster = cluster([]);
    cluster.unknown = Some("the cluster is not reachable: refused".to_owned());
    let mut deletion = deletion();
    let effects = look(&mut deletion, &cluster, 0);
    let expected = "waiting for a complete view of the cluster: the cluster is not reachable: refused";
    assert_eq!(report(&effects), Some((expected, true)));
    assert!(look(&mut deletion, &cluster, 1).is_empty(), "said once");
    cluster.unknown = None;
    assert_eq!(look(&mut deletion, &cluster, 2), [DeletionEffect::Finish]);
}

// covers: SYN-043, SYN-057
#[test]
fn deletions_that_need_a_confirmation_wait_for_one_that_is_newer_than_the_request() {
    let mut cluster = cluster([
        object("v1", "ConfigMap", "a", json!({"argocd.argoproj.io/sync-options": "Delete=confirm"})),
        object("v1", "ConfigMap", "b", json!({})),
    ]);
    let mut deletion = deletion();
    let effects = look(&mut deletion, &cluster, 0);
    assert_eq!(names(&effects), [""; 0]);
    assert_eq!(report(&effects), Some(("Waiting for deletion confirmation of v1/ConfigMap/a", false)));
    cluster.approved = Some(at(-10));
    assert_eq!(names(&look(&mut deletion, &cluster, 1)), [""; 0]);
    cluster.approved = Some(at(2));
    assert_eq!(names(&look(&mut deletion, &cluster, 3)), ["a", "b"]);
}

#[test]
fn a_refused_deletion_is_reported_and_asked_for_again_later() {
    let cluster = cluster([object("v1", "ConfigMap", "a", json!({}))]);
    let mut deletion = deletion();
    look(&mut deletion, &cluster, 0);
    let failure = Failure { reason: FailureReason::Refused, message: "forbidden".to_owned() };
    let key = ResourceKey::new("", "ConfigMap", "n", "a");
    let event = DeletionEvent::Answered { key, uid: "uid-a".to_owned(), result: Err(failure) };
    let effects = deletion.step(event, &cluster, at(1));
    assert_eq!(report(&effects), Some(("cannot delete /ConfigMap:n/a: forbidden", true)));
    assert!(effects.contains(&DeletionEffect::WakeAt(at(3))));
    assert_eq!(names(&look(&mut deletion, &cluster, 2)), [""; 0]);
    assert_eq!(names(&look(&mut deletion, &cluster, 3)), ["a"]);
}

#[test]
fn a_hook_that_is_being_deleted_is_released() {
    let mut hook = object("batch/v1", "Job", "hook", json!({}));
    hook["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    hook["metadata"]["finalizers"] = json!(["example.com/other", crate::hook::HOOK_FINALIZER]);
    let effects = look(&mut deletion(), &cluster([hook]), 0);
    let DeletionEffect::RemoveFinalizer { request, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(request.patch[2], json!({"op": "remove", "path": "/metadata/finalizers/1"}));
}

#[test]
fn an_object_that_comes_back_under_its_name_is_another_one() {
    let cluster = cluster([object("v1", "ConfigMap", "a", json!({}))]);
    let mut deletion = deletion();
    look(&mut deletion, &cluster, 0);
    let key = ResourceKey::new("", "ConfigMap", "n", "a");
    let event = DeletionEvent::Answered { key, uid: "uid-a".to_owned(), result: Ok(()) };
    assert_eq!(names(&deletion.step(event, &cluster, at(1))), [""; 0]);
    cluster.objects.borrow_mut().get_mut("a").unwrap()["metadata"]["uid"] = json!("uid-new");
    let effects = look(&mut deletion, &cluster, 2);
    let DeletionEffect::Delete(request) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(request.uid, "uid-new");
}

// covers: APP-005, SYN-075
#[test]
fn finalizers_say_whether_and_how_objects_are_deleted() {
    assert_eq!(cascade(["example.com/x"]), None);
    assert_eq!(cascade([RESOURCES_FINALIZER]), Some(PropagationPolicy::Foreground));
    assert_eq!(cascade([FOREGROUND_FINALIZER]), Some(PropagationPolicy::Foreground));
    assert_eq!(cascade(["example.com/x", BACKGROUND_FINALIZER]), Some(PropagationPolicy::Background));
    let all = [
        "example.com/x",
        BACKGROUND_FINALIZER,
        "post-delete-finalizer.argocd.argoproj.io/cleanup",
        "resources-finalizer.argocd.argoproj.io.example.com",
    ];
    assert_eq!(cascade_finalizers(all), [BACKGROUND_FINALIZER]);
    let ours = [BACKGROUND_FINALIZER, "post-delete-finalizer.argocd.argoproj.io/cleanup"];
    assert_eq!(own_finalizers(all), ours);
}
