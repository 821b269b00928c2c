//! What missing fields of a spec mean: the defaults of history, project, sources, automated sync and operations.

use super::{
    Application, ApplicationSource, ApplicationSpec, SyncOperation, SyncPolicy, SyncPolicyAutomated,
    SyncStrategy,
};
use crate::names::project::DEFAULT_PROJECT;

/// Syncs that are remembered when the spec does not say how many.
pub const DEFAULT_REVISION_HISTORY_LIMIT: usize = 10;

impl ApplicationSpec {
    /// Returns the sources that are rendered: the hydrated one, else `sources`, else `source`.
    #[must_use]
    pub fn effective_sources(&self) -> Vec<ApplicationSource> {
        if let Some(hydrator) = &self.source_hydrator {
            return vec![hydrator.sync_source()];
        }
        self.user_sources().to_vec()
    }

    /// Returns `sources` when it has entries, else `source`; without regard to a hydrator.
    #[must_use]
    pub fn user_sources(&self) -> &[ApplicationSource] {
        if self.sources.is_empty() { self.source.as_slice() } else { &self.sources }
    }

    /// Says whether `sources` is used, so that status fields are the plural ones.
    #[must_use]
    pub fn has_multiple_sources(&self) -> bool {
        self.source_hydrator.is_none() && !self.sources.is_empty()
    }

    /// Returns the project, `default` when none is named.
    #[must_use]
    pub fn project_name(&self) -> &str {
        if self.project.is_empty() { DEFAULT_PROJECT } else { &self.project }
    }

    /// Returns how many syncs are remembered.
    #[must_use]
    pub fn history_limit(&self) -> usize {
        self.revision_history_limit
            .map_or(DEFAULT_REVISION_HISTORY_LIMIT, |limit| usize::try_from(limit).unwrap_or(0))
    }

    /// Returns the automated sync settings when automated sync is on.
    #[must_use]
    pub fn automated(&self) -> Option<&SyncPolicyAutomated> {
        self.sync_policy.as_ref()?.automated.as_ref().filter(|automated| automated.is_enabled())
    }
}

impl SyncPolicyAutomated {
    /// Says whether automated sync is on; a block without `enabled` is.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// Says whether objects that left the source are deleted.
    #[must_use]
    pub fn prunes(&self) -> bool {
        self.prune.unwrap_or(false)
    }

    /// Says whether changes made in the cluster are undone.
    #[must_use]
    pub fn self_heals(&self) -> bool {
        self.self_heal.unwrap_or(false)
    }

    /// Says whether a source without any manifest may prune everything.
    #[must_use]
    pub fn allows_empty(&self) -> bool {
        self.allow_empty.unwrap_or(false)
    }
}

impl SyncPolicy {
    /// Says whether the options hold exactly this `Key=Value`.
    #[must_use]
    pub fn has_option(&self, option: &str) -> bool {
        self.sync_options.iter().any(|held| held == option)
    }
}

impl SyncStrategy {
    /// Says whether hooks are run: they are, unless `apply` is set and `hook` is not.
    #[must_use]
    pub fn runs_hooks(&self) -> bool {
        self.apply.is_none() || self.hook.is_some()
    }

    /// Says whether objects that cannot be patched are deleted and created again.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        match (&self.hook, &self.apply) {
            (Some(hook), _) => hook.force,
            (None, Some(apply)) => apply.force,
            (None, None) => false,
        }
    }
}

impl SyncOperation {
    /// Says whether only some objects were picked.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.resources.is_empty()
    }
}

impl Application {
    /// Says whether an operation was asked for or is going on.
    #[must_use]
    pub fn has_operation_in_progress(&self) -> bool {
        self.operation.is_some()
            || self.status.operation_state.as_ref().is_some_and(|state| !state.phase.is_completed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> ApplicationSpec {
        serde_json::from_value(json).unwrap()
    }

    // covers: APP-028
    #[test]
    fn an_empty_project_is_the_default_project() {
        assert_eq!(spec(serde_json::json!({})).project_name(), "default");
        assert_eq!(spec(serde_json::json!({"project": "blue"})).project_name(), "blue");
    }

    #[test]
    fn sources_win_over_source_and_the_hydrator_over_both() {
        let one = serde_json::json!({"repoURL": "https://git/one", "path": "a"});
        let two = serde_json::json!({"repoURL": "https://git/two", "path": "b"});
        let single = spec(serde_json::json!({"source": one}));
        assert_eq!(single.effective_sources()[0].repo_url, "https://git/one");
        assert!(!single.has_multiple_sources());
        let multiple = spec(serde_json::json!({"source": one, "sources": [two]}));
        assert_eq!(multiple.effective_sources()[0].repo_url, "https://git/two");
        assert!(multiple.has_multiple_sources());
        let hydrated = spec(serde_json::json!({
            "source": one, "sources": [two],
            "sourceHydrator": {
                "drySource": {"repoURL": "https://git/dry", "path": "d", "targetRevision": "main"},
                "syncSource": {"targetBranch": "env/dev", "path": "dev"},
            },
        }));
        let source = &hydrated.effective_sources()[0];
        assert_eq!(
            (&*source.repo_url, &*source.target_revision, &*source.path),
            ("https://git/dry", "env/dev", "dev")
        );
    }

    #[test]
    fn automated_sync_is_on_unless_it_is_switched_off() {
        let block = |json| spec(serde_json::json!({"syncPolicy": {"automated": json}})).automated().cloned();
        assert!(block(serde_json::json!(null)).is_none());
        let automated = block(serde_json::json!({})).unwrap();
        assert!(!automated.prunes() && !automated.self_heals() && !automated.allows_empty());
        assert!(block(serde_json::json!({"enabled": false, "prune": true})).is_none());
    }

    #[test]
    fn ten_syncs_are_remembered_and_none_for_zero() {
        assert_eq!(spec(serde_json::json!({})).history_limit(), 10);
        assert_eq!(spec(serde_json::json!({"revisionHistoryLimit": 0})).history_limit(), 0);
        assert_eq!(spec(serde_json::json!({"revisionHistoryLimit": -3})).history_limit(), 0);
    }

    // covers: APP-072
    #[test]
    fn hooks_run_unless_the_strategy_is_plain_apply() {
        let strategy = |json| serde_json::from_value::<SyncStrategy>(json).unwrap();
        assert!(strategy(serde_json::json!({})).runs_hooks());
        assert!(!strategy(serde_json::json!({"apply": {"force": true}})).runs_hooks());
        assert!(strategy(serde_json::json!({"apply": {"force": true}})).is_forced());
        assert!(strategy(serde_json::json!({"hook": {"force": true}})).is_forced());
    }
}
