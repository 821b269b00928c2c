//! Hooks: objects that are run at a point of the sync instead of being kept in step with the source.
//!
//! Knows the annotations that make an object a hook, the reference's own and Helm's, and what becomes of a hook when
//! it is done. When hooks run is [`crate::plan`]'s, how their end is seen is [`crate::machine`]'s.

use serde::{Deserialize, Serialize};
use tiphys_manifest::Manifest;

/// The annotation that makes an object a hook: a comma-separated list of [`HookType`]s.
pub const HOOK_ANNOTATION: &str = "argocd.argoproj.io/hook";
/// The annotation that says when a hook is deleted: a comma-separated list of [`HookDeletePolicy`]s.
pub const HOOK_DELETE_POLICY_ANNOTATION: &str = "argocd.argoproj.io/hook-delete-policy";
/// The finalizer that keeps a hook until its result has been recorded.
pub const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";
/// Helm's annotation that makes an object a hook.
pub const HELM_HOOK_ANNOTATION: &str = "helm.sh/hook";
/// Helm's annotation that says when a hook is deleted.
pub const HELM_HOOK_DELETE_POLICY_ANNOTATION: &str = "helm.sh/hook-delete-policy";

/// The point at which a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HookType {
    /// Before anything is applied.
    PreSync,
    /// Among the objects that are applied.
    Sync,
    /// After all objects are applied and healthy.
    PostSync,
    /// After a sync that failed.
    SyncFail,
    /// Before the application's objects are deleted with it.
    PreDelete,
    /// After the application's objects were deleted with it.
    PostDelete,
    /// Never; as the only type it makes the object no part of any sync.
    Skip,
}

impl HookType {
    /// Reads the reference's spelling, case by case; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "PreSync" => HookType::PreSync,
            "Sync" => HookType::Sync,
            "PostSync" => HookType::PostSync,
            "SyncFail" => HookType::SyncFail,
            "PreDelete" => HookType::PreDelete,
            "PostDelete" => HookType::PostDelete,
            "Skip" => HookType::Skip,
            _ => return None,
        })
    }

    /// The type as it is written in annotations and in results.
    pub fn as_str(self) -> &'static str {
        match self {
            HookType::PreSync => "PreSync",
            HookType::Sync => "Sync",
            HookType::PostSync => "PostSync",
            HookType::SyncFail => "SyncFail",
            HookType::PreDelete => "PreDelete",
            HookType::PostDelete => "PostDelete",
            HookType::Skip => "Skip",
        }
    }

    /// Helm's moments as points of a sync; moments that a sync does not have (`pre-rollback`, `post-rollback`,
    /// `test`) are `None`, so that such a hook is never run.
    fn of_helm(text: &str) -> Option<Self> {
        Some(match text {
            "pre-install" | "pre-upgrade" => HookType::PreSync,
            "post-install" | "post-upgrade" => HookType::PostSync,
            "pre-delete" => HookType::PreDelete,
            "post-delete" => HookType::PostDelete,
            _ => return None,
        })
    }
}

/// When a hook is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HookDeletePolicy {
    /// Before the next one of the same name is created; the rule for hooks that say nothing.
    BeforeHookCreation,
    /// When the whole operation has succeeded.
    HookSucceeded,
    /// When the operation has failed.
    HookFailed,
}

impl HookDeletePolicy {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "BeforeHookCreation" => HookDeletePolicy::BeforeHookCreation,
            "HookSucceeded" => HookDeletePolicy::HookSucceeded,
            "HookFailed" => HookDeletePolicy::HookFailed,
            _ => return None,
        })
    }

    fn of_helm(text: &str) -> Option<Self> {
        Some(match text {
            "before-hook-creation" => HookDeletePolicy::BeforeHookCreation,
            "hook-succeeded" => HookDeletePolicy::HookSucceeded,
            "hook-failed" => HookDeletePolicy::HookFailed,
            _ => return None,
        })
    }
}

/// Whose annotations made an object a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HookOrigin {
    /// `argocd.argoproj.io/hook`.
    Argo,
    /// `helm.sh/hook`.
    Helm,
}

/// What makes an object a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The points at which it runs, each once, in the order of [`HookType`]. Empty when every name in the annotation
    /// is unknown: such an object is never applied, and never counted either.
    pub types: Vec<HookType>,
    /// When it is deleted; never empty.
    pub delete_policies: Vec<HookDeletePolicy>,
    /// Whose annotation was read.
    pub origin: HookOrigin,
}

impl Hook {
    /// Whether the object is never to be applied nor compared (`Skip` as its only type).
    pub fn is_skip(&self) -> bool {
        self.types == [HookType::Skip]
    }

    /// Whether it runs at this point.
    pub fn runs_at(&self, point: HookType) -> bool {
        self.types.contains(&point)
    }

    /// Whether this policy is among its own.
    pub fn has_policy(&self, policy: HookDeletePolicy) -> bool {
        self.delete_policies.contains(&policy)
    }
}

/// Reads what makes an object a hook; `None` for an ordinary object. An object that carries the reference's
/// annotation is judged by it alone, whatever Helm's annotations say. `crd-install` makes no hook.
pub fn of(manifest: &Manifest) -> Option<Hook> {
    if let Some(text) = manifest.annotation(HOOK_ANNOTATION) {
        return Some(Hook {
            types: collect(text, HookType::parse),
            delete_policies: policies(
                manifest.annotation(HOOK_DELETE_POLICY_ANNOTATION),
                HookDeletePolicy::parse,
            ),
            origin: HookOrigin::Argo,
        });
    }
    let text = manifest.annotation(HELM_HOOK_ANNOTATION)?;
    if text == "crd-install" {
        return None;
    }
    // Either spelling of a policy is taken: charts written for both tools mix them.
    let ours = manifest.annotation(HOOK_DELETE_POLICY_ANNOTATION);
    Some(Hook {
        types: collect(text, HookType::of_helm),
        delete_policies: match ours {
            Some(_) => policies(ours, HookDeletePolicy::parse),
            None => {
                policies(manifest.annotation(HELM_HOOK_DELETE_POLICY_ANNOTATION), HookDeletePolicy::of_helm)
            }
        },
        origin: HookOrigin::Helm,
    })
}

/// Whether the object is a hook, or one that is to be left out of everything (`Skip`). Such objects count neither for
/// the sync status nor for pruning.
pub fn is_hook(manifest: &Manifest) -> bool {
    of(manifest).is_some()
}

/// Whether the object is left out of every sync (`argocd.argoproj.io/hook: Skip`).
pub fn is_skip(manifest: &Manifest) -> bool {
    of(manifest).is_some_and(|hook| hook.is_skip())
}

/// The name of a hook that has only a `generateName`: the same for the whole operation, so that a restarted
/// controller finds the hook that it created before. `revision` may be empty; `started_at` is the operation's start
/// in seconds since 1970.
pub fn generated_name(generate_name: &str, revision: &str, point: HookType, started_at: i64) -> String {
    let revision: String = revision.chars().take(7).collect();
    let point = point.as_str().to_lowercase();
    format!("{generate_name}{revision}-{point}-{started_at}")
}

fn policies(text: Option<&str>, parse: fn(&str) -> Option<HookDeletePolicy>) -> Vec<HookDeletePolicy> {
    let found = collect(text.unwrap_or_default(), parse);
    if found.is_empty() { vec![HookDeletePolicy::BeforeHookCreation] } else { found }
}

/// The known words of a comma-separated list, sorted, each once.
fn collect<T: Ord>(text: &str, parse: fn(&str) -> Option<T>) -> Vec<T> {
    let mut found: Vec<T> = text.split(',').filter_map(|word| parse(word.trim())).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
mod tests {
    use serde_json::json;

    use super::*;

    fn with(annotations: serde_json::Value) -> Option<Hook> {
        of(&Manifest::new(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "annotations": annotations}
        }))
        .unwrap())
    }

    // covers: SYN-004
    #[test]
    fn the_hook_annotation_is_a_comma_separated_list_of_points() {
        use HookType::*;
        for (text, types) in [
            ("PreSync", vec![PreSync]),
            ("Sync", vec![Sync]),
            ("PostSync, PreSync", vec![PreSync, PostSync]),
            ("SyncFail", vec![SyncFail]),
            ("PreDelete,PostDelete", vec![PreDelete, PostDelete]),
            ("PreSync,PreSync,nonsense", vec![PreSync]),
            ("presync", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(with(json!({"argocd.argoproj.io/hook": text})).unwrap().types, types, "{text:?}");
        }
        assert_eq!(with(json!({})), None);
    }

    // covers: SYN-005
    #[test]
    fn skip_leaves_an_object_out_only_when_it_is_the_sole_value() {
        assert!(with(json!({"argocd.argoproj.io/hook": "Skip"})).unwrap().is_skip());
        assert!(with(json!({"argocd.argoproj.io/hook": "Skip,Skip"})).unwrap().is_skip());
        let both = with(json!({"argocd.argoproj.io/hook": "Skip,Sync"})).unwrap();
        assert!(!both.is_skip() && both.runs_at(HookType::Sync));
    }

    // covers: SYN-008, SYN-009
    #[test]
    fn delete_policies_are_a_list_and_a_hook_without_any_is_replaced_at_its_next_creation() {
        use HookDeletePolicy::*;
        for (text, policies) in [
            (None, vec![BeforeHookCreation]),
            (Some("nonsense"), vec![BeforeHookCreation]),
            (Some("HookSucceeded"), vec![HookSucceeded]),
            (Some("HookFailed, HookSucceeded"), vec![HookSucceeded, HookFailed]),
            (Some("BeforeHookCreation,HookFailed"), vec![BeforeHookCreation, HookFailed]),
        ] {
            let mut annotations = json!({"argocd.argoproj.io/hook": "Sync"});
            if let Some(text) = text {
                annotations["argocd.argoproj.io/hook-delete-policy"] = json!(text);
            }
            assert_eq!(with(annotations).unwrap().delete_policies, policies, "{text:?}");
        }
    }

    // covers: TOOL-051
    #[test]
    fn helm_hooks_become_hooks_of_the_sync() {
        use HookType::*;
        for (text, types) in [
            ("pre-install", vec![PreSync]),
            ("pre-upgrade,pre-install", vec![PreSync]),
            ("post-install", vec![PostSync]),
            ("post-upgrade, pre-upgrade", vec![PreSync, PostSync]),
            ("pre-delete", vec![PreDelete]),
            ("post-delete", vec![PostDelete]),
            ("test", vec![]),
            ("test-success", vec![]),
            ("pre-rollback,post-rollback", vec![]),
        ] {
            let hook = with(json!({"helm.sh/hook": text})).unwrap();
            assert_eq!((hook.types, hook.origin), (types, HookOrigin::Helm), "{text:?}");
        }
        assert_eq!(with(json!({"helm.sh/hook": "crd-install"})), None);
        let hook = with(json!({
            "helm.sh/hook": "pre-install", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded,hook-failed"
        }));
        assert_eq!(hook.unwrap().delete_policies.len(), 3);
    }

    // covers: TOOL-052
    #[test]
    fn helm_annotations_of_an_object_with_a_hook_annotation_of_ours_are_ignored() {
        let hook = with(json!({
            "argocd.argoproj.io/hook": "PostSync",
            "helm.sh/hook": "pre-install",
            "helm.sh/hook-delete-policy": "hook-failed",
        }))
        .unwrap();
        assert_eq!(hook.types, [HookType::PostSync]);
        assert_eq!(hook.delete_policies, [HookDeletePolicy::BeforeHookCreation]);
    }

    // covers: SYN-007
    #[test]
    fn a_generated_name_carries_the_short_revision_the_phase_and_the_start() {
        let name = generated_name("migrate-", "0123456789abcdef", HookType::PreSync, 1_700_000_000);
        assert_eq!(name, "migrate-0123456-presync-1700000000");
        assert_eq!(generated_name("m-", "1.2", HookType::SyncFail, 5), "m-1.2-syncfail-5");
    }
}
