//! The wave of an object: its place in line within a phase.
//!
//! Knows the two annotations that carry it. How waves are walked through, and that prunes walk them backwards, is
//! [`crate::plan`]'s.

use tiphys_manifest::Manifest;

use crate::hook::{self, HookOrigin};

/// The annotation with the wave, a signed whole number; lower waves are applied first.
pub const SYNC_WAVE_ANNOTATION: &str = "argocd.argoproj.io/sync-wave";
/// Helm's annotation with the order of hooks; it is the wave of an object that is a hook of Helm's.
pub const HELM_HOOK_WEIGHT_ANNOTATION: &str = "helm.sh/hook-weight";

/// The wave of an object; 0 where none is written or what is written is no whole number.
pub fn of(manifest: &Manifest) -> i64 {
    if let Some(wave) = manifest.annotation(SYNC_WAVE_ANNOTATION).and_then(|text| text.parse().ok()) {
        return wave;
    }
    match hook::of(manifest) {
        Some(hook) if hook.origin == HookOrigin::Helm => manifest
            .annotation(HELM_HOOK_WEIGHT_ANNOTATION)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
mod tests {
    use serde_json::json;

    use super::*;

    fn with(annotations: serde_json::Value) -> Manifest {
        Manifest::new(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "annotations": annotations}
        }))
        .unwrap()
    }

    // covers: SYN-012
    #[test]
    fn a_wave_is_a_signed_number_and_anything_else_is_wave_0() {
        for (text, wave) in [("5", 5), ("-3", -3), ("+2", 2), ("", 0), ("1.5", 0), ("abc", 0), (" 1", 0)] {
            assert_eq!(of(&with(json!({"argocd.argoproj.io/sync-wave": text}))), wave, "{text:?}");
        }
        assert_eq!(of(&with(json!({}))), 0);
    }

    // covers: SYN-012, TOOL-052
    #[test]
    fn the_weight_of_a_helm_hook_is_its_wave_unless_a_wave_is_written_or_it_is_no_helm_hook() {
        let weight = json!({"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-5"});
        assert_eq!(of(&with(weight.clone())), -5);
        let mut both = weight.clone();
        both["argocd.argoproj.io/sync-wave"] = json!("7");
        assert_eq!(of(&with(both)), 7);
        let mut ours = weight;
        ours["argocd.argoproj.io/hook"] = json!("Sync");
        assert_eq!(of(&with(ours)), 0);
        assert_eq!(of(&with(json!({"helm.sh/hook-weight": "4"}))), 0);
    }
}
