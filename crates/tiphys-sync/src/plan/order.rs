//! Waves: prunes walk them backwards, and each is cut into steps.

use std::collections::BTreeMap;

use tiphys_manifest::order::kind_rank;

use super::Wave;
use crate::task::{Phase, Task, TaskId};

/// Gives prunes the waves of their own set in reverse: what was made last goes first. The set of waves stays the same,
/// so that prunes of a single wave are not moved.
pub(super) fn mirror_prunes(tasks: &mut [Task]) {
    let mut waves: Vec<i64> = tasks.iter().filter(|task| task.is_prune()).map(|task| task.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let mirrored: BTreeMap<i64, i64> = waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        if let Some(wave) = mirrored.get(&task.wave) {
            task.wave = *wave;
        }
    }
}

/// Moves prunes that are to come last into a wave of their own after all others of the Sync phase.
pub(super) fn prune_last(tasks: &mut [Task]) {
    let last =
        tasks.iter().filter(|task| task.phase == Phase::Sync).map(|task| task.wave).max().unwrap_or(0).max(0);
    for task in tasks.iter_mut().filter(|task| task.is_prune() && task.options.prune_last) {
        task.wave = last.saturating_add(1);
    }
}

/// Cuts sorted tasks into waves and steps. A step holds neighbours of one rank, so that they can be done at once.
pub(super) fn waves(tasks: &[Task], namespace: Option<TaskId>) -> Vec<Wave> {
    let mut waves: Vec<Wave> = Vec::new();
    let mut last_rank = None;
    for task in tasks.iter().filter(|task| Some(task.id) != namespace) {
        let continues = waves.last().is_some_and(|wave| wave.phase == task.phase && wave.number == task.wave);
        if !continues {
            waves.push(Wave { phase: task.phase, number: task.wave, prunes: Vec::new(), steps: Vec::new() });
            last_rank = None;
        }
        let Some(wave) = waves.last_mut() else { continue };
        if task.is_prune() {
            wave.prunes.push(task.id);
            continue;
        }
        let rank = Some(kind_rank(task.key.kind()));
        match wave.steps.last_mut() {
            Some(step) if last_rank == rank => step.push(task.id),
            _ => wave.steps.push(vec![task.id]),
        }
        last_rank = rank;
    }
    waves
}
