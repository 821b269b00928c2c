//! Whether a project makes sense, checked before it is stored. A project that was stored without the check is still read
//! as well as it can be.

use std::collections::BTreeSet;

use tiphys_api::AppProject;
use tiphys_api::project::{AppProjectSpec, ProjectRole, SyncWindow};
use tiphys_settings::glob::Glob;

use crate::policy::validate_project_policy;
use crate::sync_window;

/// What is wrong with a project. The words are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// A field holds what it may not hold.
    #[error("{0}")]
    Invalid(String),
    /// Something is there twice.
    #[error("{0}")]
    Repeated(String),
    /// A sync window is for nothing.
    #[error("window '{kind}':'{schedule}':'{duration}' requires one of application, cluster or namespace")]
    WindowForNothing {
        /// Kind of the window.
        kind: String,
        /// Its schedule.
        schedule: String,
        /// Its duration.
        duration: String,
    },
}

/// Longest description of a sync window, in bytes.
const DESCRIPTION_MAX: usize = 255;
/// Characters that the name of a service account never has.
const NOT_IN_SERVICE_ACCOUNT: [char; 8] = ['!', '*', '[', ']', '{', '}', '\\', '/'];
/// A pattern that denies everything; nobody means that.
const NOTHING: &str = "!*";

/// Checks a project.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn validate_project(project: &AppProject) -> Result<(), ProjectError> {
    let spec = &project.spec;
    check_destinations(spec)?;
    once(&spec.source_namespaces, |namespace| format!("source namespace '{namespace}' already added"))?;
    if spec.source_repos.iter().any(|repo| repo == NOTHING) {
        return Err(ProjectError::Invalid("source repository has an invalid format, '!*'".to_owned()));
    }
    once(&spec.source_repos, |repo| format!("source repository '{repo}' already added"))?;
    once(spec.roles.iter().map(|role| &role.name), |role| format!("role '{role}' already exists"))?;
    for role in &spec.roles {
        check_role(&project.metadata.name, role)?;
    }
    check_windows(&spec.sync_windows)?;
    check_service_accounts(spec)
}

fn once<T: Ord + Copy>(
    items: impl IntoIterator<Item = T>,
    message: impl Fn(T) -> String,
) -> Result<(), ProjectError> {
    let mut seen = BTreeSet::new();
    match items.into_iter().find(|item| !seen.insert(*item)) {
        Some(item) => Err(ProjectError::Repeated(message(item))),
        None => Ok(()),
    }
}

fn check_destinations(spec: &AppProjectSpec) -> Result<(), ProjectError> {
    for destination in &spec.destinations {
        for (field, value) in [
            ("name", &destination.name),
            ("server", &destination.server),
            ("namespace", &destination.namespace),
        ] {
            if value == NOTHING {
                return Err(ProjectError::Invalid(format!("{field} has an invalid format, '!*'")));
            }
        }
    }
    let keys: Vec<String> = spec
        .destinations
        .iter()
        .map(|destination| {
            let cluster = if destination.server.is_empty() { &destination.name } else { &destination.server };
            format!("{cluster}/{}", destination.namespace)
        })
        .collect();
    once(&keys, |key| format!("destination '{key}' already added"))
}

fn check_role(project: &str, role: &ProjectRole) -> Result<(), ProjectError> {
    if !is_role_name(&role.name) {
        return Err(ProjectError::Invalid(format!(
            "invalid role name '{}'. Must consist of alphanumeric characters, '-' or '_', and must start and end \
             with an alphanumeric character",
            role.name
        )));
    }
    let already = |what: &str, item: &str| format!("{what} '{item}' already exists for role '{}'", role.name);
    once(&role.policies, |policy| already("policy", policy))?;
    for policy in &role.policies {
        validate_project_policy(project, &role.name, policy)
            .map_err(|error| ProjectError::Invalid(error.to_string()))?;
    }
    once(&role.groups, |group| already("group", group))?;
    match role.groups.iter().find(|group| group.trim().is_empty() || group.contains(['"', '\r', '\n', '\t']))
    {
        Some(group) => {
            Err(ProjectError::Invalid(format!("group '{group}' is empty or contains quotes or line breaks")))
        }
        None => Ok(()),
    }
}

/// Letters and digits, with `-` and `_` between them.
fn is_role_name(name: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    is_end(name.chars().next())
        && is_end(name.chars().last())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn check_windows(windows: &[SyncWindow]) -> Result<(), ProjectError> {
    for (index, window) in windows.iter().enumerate() {
        let identity = |window: &SyncWindow| SyncWindow {
            manual_sync: false,
            description: String::new(),
            ..window.clone()
        };
        let (kind, schedule, duration) = (&window.kind, &window.schedule, &window.duration);
        if windows.iter().take(index).any(|earlier| identity(earlier) == identity(window)) {
            return Err(ProjectError::Repeated(format!(
                "sync window with kind '{kind}', schedule '{schedule}', and duration '{duration}' already exists"
            )));
        }
        sync_window::validate(window).map_err(|error| ProjectError::Invalid(error.to_string()))?;
        if window.description.len() > DESCRIPTION_MAX {
            return Err(ProjectError::Invalid("description must not exceed 255 characters".to_owned()));
        }
        if window.applications.is_empty() && window.namespaces.is_empty() && window.clusters.is_empty() {
            return Err(ProjectError::WindowForNothing {
                kind: kind.clone(),
                schedule: schedule.clone(),
                duration: duration.clone(),
            });
        }
    }
    Ok(())
}

fn check_service_accounts(spec: &AppProjectSpec) -> Result<(), ProjectError> {
    for account in &spec.destination_service_accounts {
        for (field, value) in [("server", &account.server), ("namespace", &account.namespace)] {
            if value.contains('!') || Glob::new(value).is_err() {
                return Err(ProjectError::Invalid(format!("{field} has an invalid format, '{value}'")));
            }
        }
        let name = &account.default_service_account;
        if name.trim().is_empty() || name.contains(NOT_IN_SERVICE_ACCOUNT) {
            return Err(ProjectError::Invalid(format!(
                "defaultServiceAccount has an invalid format, '{name}'"
            )));
        }
    }
    let keys: Vec<String> = spec
        .destination_service_accounts
        .iter()
        .map(|account| format!("{}/{}", account.server, account.namespace))
        .collect();
    once(&keys, |key| format!("destinationServiceAccount '{key}' already added"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // covers: PRJ-001, PRJ-002
    #[test]
    fn a_project_that_makes_no_sense_is_refused_with_the_reason() {
        let window =
            json!({"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]});
        let mut for_nothing = window.clone();
        for_nothing["applications"] = json!([]);
        let mut again = window.clone();
        again["manualSync"] = json!(true);
        let mut broken = window.clone();
        broken["schedule"] = json!("often");
        let mut wordy = window.clone();
        wordy["description"] = json!("x".repeat(256));
        for (spec, expected) in [
            (json!({"destinations": [{"server": "!*", "namespace": "a"}]}), "server has an invalid format"),
            (json!({"destinations": [{"name": "!*", "namespace": "a"}]}), "name has an invalid format"),
            (
                json!({"destinations": [{"server": "s", "namespace": "!*"}]}),
                "namespace has an invalid format",
            ),
            (
                json!({"destinations": [{"server": "s", "namespace": "a"}, {"server": "s", "namespace": "a"}]}),
                "destination 's/a' already added",
            ),
            (json!({"sourceRepos": ["!*"]}), "source repository has an invalid format"),
            (json!({"sourceRepos": ["a", "a"]}), "source repository 'a' already added"),
            (json!({"sourceNamespaces": ["a", "a"]}), "source namespace 'a' already added"),
            (json!({"roles": [{"name": "a"}, {"name": "a"}]}), "role 'a' already exists"),
            (json!({"roles": [{"name": "-a"}]}), "invalid role name '-a'"),
            (json!({"roles": [{"name": "a b"}]}), "invalid role name 'a b'"),
            (json!({"roles": [{"name": ""}]}), "invalid role name ''"),
            (json!({"roles": [{"name": "a", "policies": ["p, x"]}]}), "must be of the form"),
            (
                json!({"roles": [{"name": "a", "groups": ["g", "g"]}]}),
                "group 'g' already exists for role 'a'",
            ),
            (json!({"roles": [{"name": "a", "groups": ["a\"b"]}]}), "is empty or contains quotes"),
            (json!({"roles": [{"name": "a", "groups": [" "]}]}), "is empty or contains quotes"),
            (json!({"syncWindows": [window, again]}), "already exists"),
            (json!({"syncWindows": [broken]}), "cannot parse schedule 'often'"),
            (json!({"syncWindows": [wordy]}), "must not exceed 255"),
            (json!({"syncWindows": [for_nothing]}), "requires one of application, cluster or namespace"),
            (
                json!({"destinationServiceAccounts": [{"server": "!s", "defaultServiceAccount": "a"}]}),
                "server has an invalid format, '!s'",
            ),
            (
                json!({"destinationServiceAccounts": [{"server": "s", "defaultServiceAccount": "a*"}]}),
                "defaultServiceAccount has an invalid format, 'a*'",
            ),
        ] {
            let project: AppProject =
                serde_json::from_value(json!({"metadata": {"name": "team"}, "spec": spec})).unwrap();
            let error = validate_project(&project).unwrap_err().to_string();
            assert!(error.contains(expected), "{spec}: {error}");
        }
        assert_eq!(validate_project(&crate::default_project("argocd")), Ok(()));
        let good = json!({"metadata": {"name": "team"}, "spec": {
            "roles": [{"name": "a-1_b", "groups": ["org:team"],
                       "policies": ["p, proj:team:a-1_b, applications, get, team/*, allow"]}],
            "syncWindows": [{"kind": "allow", "schedule": "0 1 * * *", "duration": "1h", "clusters": ["*"]}],
            "destinationServiceAccounts": [{"server": "*", "namespace": "a", "defaultServiceAccount": "ns:sa"}],
        }});
        assert_eq!(validate_project(&serde_json::from_value(good).unwrap()), Ok(()));
    }
}
