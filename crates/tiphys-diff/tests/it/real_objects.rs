//! The differential test: objects of every built-in kind, as the API server keeps them, against our prediction.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

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

/// The field manager of server-side applies.
const MANAGER: &str = "argocd-controller";
/// Objects with list items that share their merge key: kubectl loses some of them, we don't.
const SHARED_KEYS: [&str; 2] = ["dns", "recreate"];
/// One change of so many is made server-side.
const SERVER_SIDE_EACH: usize = 2;

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
    let tally = check_all(Apply::ClientSide);
    tally.report([60, 3000, 100]);
}

// covers: DIFF-003
#[test]
fn what_was_applied_server_side_is_synced_and_changes_that_the_server_would_make_are_found() {
    let tally = check_all(Apply::ServerSide);
    tally.report([60, 1000, 0]);
}

impl Tally {
    /// Fails when there were problems, or fewer objects, changes and comparisons with kubectl than `at_least`.
    fn report(&self, at_least: [usize; 3]) {
        let problems = self.problems.lock().unwrap();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "{} objects, {} changes, {} refused by the server, {} without effect, {} held against kubectl",
            count(&self.objects),
            count(&self.changes),
            count(&self.refused),
            count(&self.without_effect),
            count(&self.by_kubectl)
        );
        let counted = [&self.objects, &self.changes, &self.by_kubectl].map(count);
        assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
        let enough = counted.iter().zip(at_least).all(|(counted, least)| *counted >= least);
        assert!(enough || !only().is_empty(), "too little was tried: {counted:?}");
    }
}

/// Part of the kind and name of the objects to try, for work on one of them; empty for all.
fn only() -> String {
    std::env::var("TIPHYS_TEST_ONLY").unwrap_or_default()
}

fn check_all(way: Apply) -> Tally {
    let cluster = cluster();
    static DEFINED: Once = Once::new();
    DEFINED.call_once(|| {
        for value in yaml::parse_stream(DEFINITIONS.as_bytes()).unwrap() {
            let definition = Manifest::new(value).unwrap();
            cluster.api().create(&cluster.collection(&definition.gvk()).0, definition.value()).unwrap();
            cluster.plane.api().wait_until_served(definition.name()).unwrap();
        }
    });
    let objects: Vec<Manifest> = yaml::parse_stream(OBJECTS.as_bytes())
        .unwrap()
        .into_iter()
        .map(|value| Manifest::new(value).unwrap())
        .filter(|object| format!("{}/{}", object.kind(), object.name()).contains(&only()))
        .collect();
    let tally = Tally::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(cluster, object.clone(), way, &tally);
                }
            });
        }
    });
    tally
}

/// How objects are applied.
#[derive(Clone, Copy, PartialEq)]
enum Apply {
    ClientSide,
    ServerSide,
}

fn check(cluster: &Cluster, mut desired: Manifest, way: Apply, tally: &Tally) {
    tally.objects.fetch_add(1, Ordering::Relaxed);
    let problem = |text: String| tally.problems.lock().unwrap().push(text);
    let gvk = desired.gvk();
    let (collection, namespaced) = cluster.collection(&gvk);
    desired.set_namespace(if namespaced { NAMESPACE } else { "" });
    if way == Apply::ServerSide {
        // Both tests share the cluster. The names of these kinds can't be chosen.
        if matches!(desired.kind(), "CustomResourceDefinition" | "APIService") {
            return;
        }
        let name = format!("{}-s", desired.name());
        desired.set_name(&name);
        // A server-side apply refuses fields that the schema doesn't know.
        desired
            .edit(|object| {
                if let Some(Value::Object(spec)) = object.get_mut("spec") {
                    spec.retain(|field, _| field != "unknown" && field != "hollow");
                }
                for item in
                    object.pointer_mut("/spec/items").and_then(Value::as_array_mut).into_iter().flatten()
                {
                    item.as_object_mut().unwrap().remove("extra");
                }
            })
            .unwrap();
    }
    Tracking::default().track(&mut desired, "compared", NAMESPACE);
    let schema = cluster.schema(&gvk);
    let checked = Checked { cluster, path: cluster.path(&desired), schema: schema.as_ref(), way, tally };
    let name = format!("{} {}", gvk, desired.name());

    let created = match way {
        Apply::ClientSide => cluster.api().create(&collection, apply::with_last_applied(&desired).value()),
        Apply::ServerSide => cluster.api().apply(&checked.path, MANAGER, desired.value()),
    };
    if let Err(error) = created {
        problem(format!("{name}: not created: {error}"));
        return;
    }
    let mut live = checked.live();
    if is_modified(desired.value(), &live, &checked.context()) {
        let difference = compare(desired.value(), &live, &checked.context());
        problem(format!("{name}: differs right after it was applied\n{}", shown(&difference)));
        return;
    }
    for (turn, mutation) in mutations(desired.value()).into_iter().enumerate() {
        if way == Apply::ServerSide && !turn.is_multiple_of(SERVER_SIDE_EACH) {
            continue;
        }
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
    way: Apply,
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
        let after = match self.way {
            Apply::ClientSide => self.cluster.patch(&format!("{}?dryRun=All", self.path), &patch),
            Apply::ServerSide => {
                self.cluster.api().apply(&self.path, &format!("{MANAGER}&dryRun=All"), changed.value())
            }
        };
        let after = match after {
            Ok(after) => after,
            Err(error) if matches!(error.status(), Some(400 | 403 | 422 | 500)) => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Err(error) => panic!("{}: {error}", self.path),
        };
        let turn = self.tally.changes.load(Ordering::Relaxed);
        if self.way == Apply::ClientSide
            && turn.is_multiple_of(KUBECTL_EACH)
            && changed.value().get("stringData").is_none()
            && !SHARED_KEYS.contains(&changed.name())
        {
            // kubectl fails where it can't apply a list of which two items share their merge key; we don't.
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
            // A server-side apply that takes the last field out of a map takes the map too, even where an empty one
            // is desired; the next apply puts it there.
            let emptied = |value: &Value| without_empty(&comparable(value));
            if self.way == Apply::ServerSide
                && emptied(&difference.predicted_live) == emptied(&difference.normalized_live)
            {
                return Ok(());
            }
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

fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, field)| (key.clone(), without_empty(field)))
                .filter(|(_, field)| {
                    !field.is_null() && field.as_object().is_none_or(|field| !field.is_empty())
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_empty).collect()),
        other => other.clone(),
    }
}

fn shown(difference: &tiphys_diff::Difference) -> String {
    tiphys_diff::unified(&yaml::emit(&difference.predicted_live), &yaml::emit(&difference.normalized_live))
}
