//! What must exist before something else can: namespaces before their objects, definitions before their objects.

use tiphys_manifest::Manifest;
use tiphys_manifest::order::kind_rank;

use crate::task::{self, Task};

/// Sorts by phase, wave, kind and name, then moves each namespace and each definition in front of the first object
/// that needs it, also into an earlier wave or phase.
pub(super) fn sort(mut tasks: Vec<Task>) -> Vec<Task> {
    tasks.sort_by(|a, b| {
        (a.phase, a.wave, kind_rank(a.key.kind()))
            .cmp(&(b.phase, b.wave, kind_rank(b.key.kind())))
            .then_with(|| a.key.name().cmp(b.key.name()))
            .then_with(|| a.key.cmp(&b.key))
    });
    let tasks = bubble(tasks, provided_namespace, |task| {
        Some(task.key.namespace().to_owned()).filter(|namespace| !namespace.is_empty())
    });
    bubble(
        tasks,
        |task| defines(task.desired.as_deref()?),
        |task| Some((task.key.group().to_owned(), task.key.kind().to_owned())),
    )
}

fn provided_namespace(task: &Task) -> Option<String> {
    (task::is_namespace(&task.key) && !task.is_prune()).then(|| task.key.name().to_owned())
}

/// The group and kind that a CustomResourceDefinition defines; `None` for any other object.
pub(super) fn defines(manifest: &Manifest) -> Option<(String, String)> {
    if !task::is_definition(&manifest.key()) {
        return None;
    }
    let text =
        |path: &str| manifest.value().pointer(path).and_then(|value| value.as_str()).map(str::to_owned);
    Some((text("/spec/group")?, text("/spec/names/kind")?))
}

/// Moves each task that provides something in front of the first task that needs it.
fn bubble<K: Ord>(
    tasks: Vec<Task>,
    provides: impl Fn(&Task) -> Option<K>,
    needs: impl Fn(&Task) -> Option<K>,
) -> Vec<Task> {
    let mut sorted: Vec<Task> = Vec::with_capacity(tasks.len());
    for mut task in tasks {
        let first_user = provides(&task).and_then(|provided| {
            let is_user = |other: &Task| !other.is_prune() && needs(other).as_ref() == Some(&provided);
            sorted.iter().position(is_user)
        });
        match first_user.and_then(|index| Some((index, sorted.get(index)?))) {
            Some((index, user)) => {
                task.phase = user.phase;
                task.wave = user.wave;
                sorted.insert(index, task);
            }
            None => sorted.push(task),
        }
    }
    sorted
}
