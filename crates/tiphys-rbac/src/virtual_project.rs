//! A project together with the global projects whose limits it shares.

use tiphys_api::AppProject;
use tiphys_api::application::ApplicationDestination;
use tiphys_api::names::project::DEFAULT_PROJECT;
use tiphys_api::project::ClusterResourceRestrictionItem;
use tiphys_settings::GlobalProject;

use crate::selector::selector_matches;

/// The project with the lists of the global projects appended whose selector it meets. `find` gives a project by its
/// name; a global project that does not exist adds nothing.
#[must_use]
pub fn virtual_project<'a>(
    project: &AppProject,
    globals: &[GlobalProject],
    find: impl Fn(&str) -> Option<&'a AppProject>,
) -> AppProject {
    let mut merged = project.clone();
    for global in globals {
        if global.project_name == project.metadata.name
            || !selector_matches(&global.label_selector, &project.metadata.labels)
        {
            continue;
        }
        let Some(global) = find(&global.project_name) else { continue };
        let (spec, add) = (&mut merged.spec, &global.spec);
        spec.cluster_resource_whitelist.extend_from_slice(&add.cluster_resource_whitelist);
        spec.cluster_resource_blacklist.extend_from_slice(&add.cluster_resource_blacklist);
        // A missing whitelist permits every kind; only entries turn it into one that does not.
        if let Some(kinds) = add.namespace_resource_whitelist.as_ref().filter(|kinds| !kinds.is_empty()) {
            spec.namespace_resource_whitelist.get_or_insert_default().extend_from_slice(kinds);
        }
        spec.namespace_resource_blacklist.extend_from_slice(&add.namespace_resource_blacklist);
        spec.sync_windows.extend_from_slice(&add.sync_windows);
        spec.source_repos.extend_from_slice(&add.source_repos);
        spec.destinations.extend_from_slice(&add.destinations);
        spec.destination_service_accounts.extend_from_slice(&add.destination_service_accounts);
    }
    merged
}

/// The project of applications that name none, as it is created where it is missing: everything is permitted.
#[must_use]
pub fn default_project(namespace: &str) -> AppProject {
    let mut project = AppProject {
        api_version: tiphys_api::API_VERSION.to_owned(),
        kind: "AppProject".to_owned(),
        ..AppProject::default()
    };
    DEFAULT_PROJECT.clone_into(&mut project.metadata.name);
    namespace.clone_into(&mut project.metadata.namespace);
    let all = || "*".to_owned();
    project.spec.source_repos = vec![all()];
    project.spec.destinations =
        vec![ApplicationDestination { server: all(), namespace: all(), ..ApplicationDestination::default() }];
    project.spec.cluster_resource_whitelist =
        vec![ClusterResourceRestrictionItem { group: all(), kind: all(), name: String::new() }];
    project
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn project(value: serde_json::Value) -> AppProject {
        serde_json::from_value(value).unwrap()
    }

    fn selecting(name: &str, label: &str) -> GlobalProject {
        serde_json::from_value(
            json!({"projectName": name, "labelSelector": {"matchLabels": {"team": label}}}),
        )
        .unwrap()
    }

    // covers: PRJ-020
    #[test]
    fn limits_of_global_projects_are_appended_but_not_their_roles() {
        let own = project(json!({"metadata": {"name": "own", "labels": {"team": "a"}},
            "spec": {"sourceRepos": ["one"], "destinations": [{"server": "s", "namespace": "n"}]}}));
        let base = project(json!({"metadata": {"name": "base"}, "spec": {
            "sourceRepos": ["two"], "destinations": [{"server": "t", "namespace": "n"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "Namespace"}],
            "clusterResourceBlacklist": [{"group": "", "kind": "Node"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
            "syncWindows": [{"kind": "deny"}], "roles": [{"name": "r"}],
            "destinationServiceAccounts": [{"server": "*", "defaultServiceAccount": "sa"}]}}));
        let find = |name: &str| (name == "base").then_some(&base);
        let merged = virtual_project(&own, &[selecting("base", "a"), selecting("missing", "a")], find);
        assert_eq!(merged.spec.source_repos, ["one", "two"]);
        assert_eq!(merged.spec.destinations.len(), 2);
        assert_eq!(merged.spec.cluster_resource_whitelist.len(), 1);
        assert_eq!(merged.spec.cluster_resource_blacklist.len(), 1);
        assert_eq!(merged.spec.namespace_resource_blacklist.len(), 1);
        assert_eq!(merged.spec.sync_windows.len(), 1);
        assert_eq!(merged.spec.destination_service_accounts.len(), 1);
        assert_eq!(merged.spec.namespace_resource_whitelist, None);
        assert!(merged.spec.roles.is_empty());
        assert_eq!(virtual_project(&own, &[selecting("base", "b")], find), own);
    }

    #[test]
    fn a_whitelist_of_a_global_project_limits_a_project_that_has_none() {
        let own = project(json!({"metadata": {"name": "own"}}));
        let base = project(json!({"metadata": {"name": "base"},
            "spec": {"namespaceResourceWhitelist": [{"group": "apps", "kind": "*"}]}}));
        let global: GlobalProject = serde_json::from_value(json!({"projectName": "base"})).unwrap();
        let merged = virtual_project(&own, &[global], |_| Some(&base));
        assert_eq!(merged.spec.namespace_resource_whitelist.map(|kinds| kinds.len()), Some(1));
    }
}
