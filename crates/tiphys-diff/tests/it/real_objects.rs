//! The differential test: objects of every built-in kind, as the API server keeps them, against our prediction.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tiphys_diff::{DiffContext, MergeSchema, apply, compare, is_modified};
use tiphys_manifest::masking::LAST_APPLIED_ANNOTATION;
use tiphys_manifest::{Manifest, Tracking, yaml};

use crate::cluster::{Cluster, NAMESPACE, cluster};
use crate::mutations::mutations;

const DEFINITIONS: &str = include_str!("definitions.yaml");
const OBJECTS: &str = include_str!("objects.yaml");

/// One change of so many is also made by the real `kubectl apply`, which takes longer than all the rest.
const KUBECTL_EACH: usize = 20;

#[derive(Default)]
struct Tally {
    objects: AtomicUsize,
    changes: AtomicUsize,
    refused: AtomicUsize,
    without_effect: AtomicUsize,
    by_kubectl: AtomicUsize,
    problems: Mutex<Vec<String>>,
}

// covers: DIFF-001, DIFF-009, DIFF-016, DIFF-017
#[test]
fn what_was_applied_is_synced_and_every_change_that_the_server_would_make_is_found() {
    let cluster = cluster();
    for value in yaml::parse_stream(DEFINITIONS.as_bytes()).unwrap() {
        let definition = Manifest::new(value).unwrap();
        cluster.api().create(&cluster.collection(&definition.gvk()).0, definition.value()).unwrap();
        cluster.plane.api().wait_until_served(definition.name()).unwrap();
    }
    let objects: Vec<Manifest> = yaml::parse_stream(OBJECTS.as_bytes())
        .unwrap()
        .into_iter()
        .map(|value| Manifest::new(value).unwrap())
        .collect();
    let only = std::env::var("ONLY").unwrap_or_default();
    let tally = Tally::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if format!("{}/{}", object.kind(), object.name()).contains(&only) {
                        check(cluster, object.clone(), &tally);
                    }
                }
            });
        }
    });
    let problems = tally.problems.lock().unwrap();
    println!(
        "{} objects, {} changes, {} refused by the server, {} without effect, {} held against kubectl",
        tally.objects.load(Ordering::Relaxed),
        tally.changes.load(Ordering::Relaxed),
        tally.refused.load(Ordering::Relaxed),
        tally.without_effect.load(Ordering::Relaxed),
        tally.by_kubectl.load(Ordering::Relaxed)
    );
    if only.is_empty() {
        let counted =
            [&tally.objects, &tally.changes, &tally.by_kubectl].map(|count| count.load(Ordering::Relaxed));
        assert!(
            counted[0] >= 60 && counted[1] >= 3000 && counted[2] >= 100,
            "too little was tried: {counted:?}"
        );
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn check(cluster: &Cluster, mut desired: Manifest, tally: &Tally) {
    tally.objects.fetch_add(1, Ordering::Relaxed);
    let problem = |text: String| tally.problems.lock().unwrap().push(text);
    let gvk = desired.gvk();
    let (collection, namespaced) = cluster.collection(&gvk);
    desired.set_namespace(if namespaced { NAMESPACE } else { "" });
    Tracking::default().track(&mut desired, "compared", NAMESPACE);
    let schema = cluster.schema(&gvk);
    let checked = Checked { cluster, path: cluster.path(&desired), schema: schema.as_ref(), tally };
    let name = format!("{} {}", gvk, desired.name());

    if let Err(error) = cluster.api().create(&collection, apply::with_last_applied(&desired).value()) {
        problem(format!("{name}: not created: {error}"));
        return;
    }
    let mut live = checked.live();
    if is_modified(desired.value(), &live, &checked.context()) {
        let difference = compare(desired.value(), &live, &checked.context());
        problem(format!("{name}: differs right after it was applied\n{}", shown(&difference)));
        return;
    }
    for mutation in mutations(desired.value()) {
        let Ok(changed) = Manifest::new(mutation.object) else { continue };
        tally.changes.fetch_add(1, Ordering::Relaxed);
        let mut verdict = checked.change(&changed, &live);
        // A controller may have written between our look and the server's: then both look again.
        while verdict.is_err() {
            let now = checked.live();
            if now["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"] {
                break;
            }
            live = now;
            verdict = checked.change(&changed, &live);
        }
        if let Err(text) = verdict {
            problem(format!("{name}: {} {text}", mutation.what));
        }
    }
}

/// One object under test.
struct Checked<'a> {
    cluster: &'a Cluster,
    path: String,
    schema: Option<&'a MergeSchema>,
    tally: &'a Tally,
}

impl Checked<'_> {
    fn context(&self) -> DiffContext<'_> {
        DiffContext { schema: self.schema, ..DiffContext::default() }
    }

    fn live(&self) -> Value {
        self.cluster.api().get(&self.path).unwrap()
    }

    /// Holds our verdict on a change of the desired object against what the server makes of it.
    fn change(&self, changed: &Manifest, live: &Value) -> Result<(), String> {
        let patch = apply::client_side(live, changed, self.schema);
        let after = match self.cluster.patch(&format!("{}?dryRun=All", self.path), &patch) {
            Ok(after) => after,
            Err(error) if matches!(error.status(), Some(400 | 403 | 422 | 500)) => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Err(error) => panic!("{}: {error}", self.path),
        };
        let turn = self.tally.changes.load(Ordering::Relaxed);
        if turn.is_multiple_of(KUBECTL_EACH) && changed.value().get("stringData").is_none() {
            // kubectl fails where two items of a list share their merge key; we don't.
            let theirs = self.cluster.kubectl_apply(changed).unwrap_or_else(|| after.clone());
            if comparable(&theirs) != comparable(&after) {
                let difference =
                    tiphys_diff::unified(&yaml::emit(&comparable(&after)), &yaml::emit(&comparable(&theirs)));
                return Err(format!("becomes something else by kubectl apply\n{difference}"));
            }
            self.tally.by_kubectl.fetch_add(1, Ordering::Relaxed);
        }
        let effect = comparable(&after) != comparable(live);
        if !effect {
            self.tally.without_effect.fetch_add(1, Ordering::Relaxed);
        }
        let difference = compare(changed.value(), live, &self.context());
        if difference.modified != effect {
            let verdict =
                if effect { "is not found" } else { "is found, but the server makes nothing of it" };
            return Err(format!("{verdict}\n{}    patch {}", shown(&difference), patch.body));
        }
        if is_modified(changed.value(), &after, &self.context()) {
            let difference = compare(changed.value(), &after, &self.context());
            return Err(format!("still differs after it was applied\n{}", shown(&difference)));
        }
        Ok(())
    }
}

/// What of an object a change can be seen by.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"] {
        metadata.remove(field);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED_ANNOTATION);
    }
    // The order within Endpoints says nothing, which the comparison knows.
    for subset in object.get_mut("subsets").and_then(Value::as_array_mut).into_iter().flatten() {
        for list in ["addresses", "ports"] {
            if let Some(items) = subset[list].as_array_mut() {
                items.sort_by_key(Value::to_string);
            }
        }
    }
    object
}

fn shown(difference: &tiphys_diff::Difference) -> String {
    tiphys_diff::unified(&yaml::emit(&difference.predicted_live), &yaml::emit(&difference.normalized_live))
}
