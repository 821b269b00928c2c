//! What a project permits, as tables.

use serde_json::{Value, json};
use tiphys_api::secret::SecretBytes;
use tiphys_settings::{SecretData, SettingsInput};

use super::*;

const PROD: Destination<'static> = Destination { server: "https://prod", name: "prod" };

fn project(spec: &Value) -> Project {
    project_in(spec, &Settings::default())
}

fn project_in(spec: &Value, settings: &Settings) -> Project {
    let project: AppProject =
        serde_json::from_value(json!({"metadata": {"name": "team"}, "spec": spec})).unwrap();
    Project::new(&project, settings)
}

fn secret(data: &[(&str, &str)]) -> SecretData {
    let data = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), SecretBytes::new(value.as_bytes().to_vec())))
        .collect();
    SecretData { name: "s".into(), data, ..SecretData::default() }
}

// covers: PRJ-001
#[test]
fn sources_are_globs_over_normalised_urls_and_a_denial_wins() {
    for (patterns, url, expected) in [
        (json!([]), "https://git/a", false),
        (json!(["*"]), "https://git/a/b/c", true),
        (json!(["https://git/org/*"]), "https://git/org/repo.git", true),
        (json!(["https://git/org/*"]), "https://git/org/sub/repo", false),
        (json!(["https://git/org/**"]), "https://git/org/sub/repo", true),
        (json!(["https://GIT/Org/Repo.git"]), "https://git/org/repo", true),
        (json!(["git@host:org/repo"]), "ssh://git@host/org/repo.git", true),
        (json!(["*", "!https://git/secret/**"]), "https://git/secret/a", false),
        (json!(["!https://git/secret/**", "*"]), "https://git/secret/a", false),
        (json!(["*", "!https://git/secret/**"]), "https://git/open/a", true),
        (json!(["!https://git/secret/**"]), "https://git/open/a", true),
    ] {
        let project = project(&json!({"sourceRepos": patterns}));
        assert_eq!(project.permits_source(url), expected, "{patterns} {url}");
    }
}

// covers: PRJ-002
#[test]
fn destinations_need_cluster_and_namespace_and_a_denial_wins() {
    let all = json!({"server": "*", "namespace": "*"});
    for (destinations, namespace, expected) in [
        (json!([]), "a", false),
        (json!([all]), "a", true),
        (json!([{"server": "https://prod", "namespace": "team-*"}]), "team-a", true),
        (json!([{"server": "https://prod", "namespace": "team-*"}]), "other", false),
        (json!([{"name": "prod", "namespace": "a"}]), "a", true),
        (json!([{"name": "dev", "namespace": "*"}]), "a", false),
        (json!([{"server": "https://dev", "namespace": "*"}]), "a", false),
        (json!([all, {"server": "*", "namespace": "!kube-system"}]), "kube-system", false),
        (json!([all, {"server": "*", "namespace": "!kube-system"}]), "a", true),
        (json!([all, {"name": "prod", "namespace": "!kube-system"}]), "kube-system", false),
        (json!([all, {"server": "!https://prod", "namespace": "*"}]), "a", false),
        (json!([all, {"server": "!https://dev", "namespace": "*"}]), "a", true),
        (json!([all, {"name": "!prod", "namespace": "*"}]), "a", false),
        (json!([{"server": "https://prod", "namespace": ""}]), "a", false),
        (json!([{"server": "https://prod", "namespace": ""}]), "", true),
    ] {
        let project = project(&json!({"destinations": destinations}));
        assert_eq!(project.permits_destination(PROD, namespace), expected, "{destinations} {namespace}");
    }
}

// covers: PRJ-003, PRJ-004
#[test]
fn clusters_and_repositories_of_the_project_are_permitted_and_can_be_made_the_only_ones() {
    let (settings, problems) = Settings::parse(&SettingsInput {
        cluster_secrets: vec![secret(&[
            ("name", "own"),
            ("server", "https://own"),
            ("project", "team"),
            ("namespaces", "a,b"),
        ])],
        repository_secrets: vec![secret(&[("url", "https://git/own*"), ("project", "team")])],
        ..SettingsInput::default()
    });
    assert_eq!(problems, []);
    let own = Destination { server: "https://own", name: "own" };
    let open = project_in(&json!({}), &settings);
    assert!(open.permits_destination(own, "a") && !open.permits_destination(own, "c"));
    assert!(open.permits_source("https://git/own*") && !open.permits_source("https://git/ownx"));
    let all = json!([{"server": "*", "namespace": "*"}]);
    let only = project_in(&json!({"destinations": all, "permitOnlyProjectScopedClusters": true}), &settings);
    assert!(only.permits_destination(own, "c") && !only.permits_destination(PROD, "c"));
    assert!(project_in(&json!({"destinations": all}), &settings).permits_destination(PROD, "c"));
}

// covers: PRJ-006, PRJ-007
#[test]
fn cluster_scoped_kinds_are_permitted_by_name_only_and_a_blacklist_wins() {
    for (spec, expected) in [
        (json!({}), false),
        (json!({"clusterResourceWhitelist": []}), false),
        (json!({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}), true),
        (json!({"clusterResourceWhitelist": [{"group": "", "kind": "Name*"}]}), true),
        (json!({"clusterResourceWhitelist": [{"group": "apps", "kind": "Namespace"}]}), false),
        (json!({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}), true),
        (json!({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "other"}]}), false),
        (
            json!({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "clusterResourceBlacklist": [{"group": "", "kind": "Namespace"}]}),
            false,
        ),
        (
            json!({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "clusterResourceBlacklist": [{"group": "", "kind": "Namespace", "name": "kube-*"}]}),
            true,
        ),
    ] {
        assert_eq!(project(&spec).permits_kind("", "Namespace", "team-a", false), expected, "{spec}");
    }
}

// covers: PRJ-008, PRJ-009
#[test]
fn namespaced_kinds_are_permitted_unless_a_list_says_otherwise() {
    for (spec, expected) in [
        (json!({}), true),
        (json!({"namespaceResourceWhitelist": null}), true),
        (json!({"namespaceResourceWhitelist": []}), false),
        (json!({"namespaceResourceWhitelist": [{"group": "apps", "kind": "*"}]}), true),
        (json!({"namespaceResourceWhitelist": [{"group": "", "kind": "*"}]}), false),
        (json!({"namespaceResourceBlacklist": [{"group": "apps", "kind": "Deployment"}]}), false),
        (
            json!({"namespaceResourceWhitelist": [{"group": "*", "kind": "*"}],
                "namespaceResourceBlacklist": [{"group": "*", "kind": "D*"}]}),
            false,
        ),
    ] {
        assert_eq!(project(&spec).permits_kind("apps", "Deployment", "web", true), expected, "{spec}");
    }
}

// covers: PRJ-010
#[test]
fn an_object_is_permitted_when_its_kind_and_its_namespace_are() {
    let project = project(&json!({
        "destinations": [{"server": "https://prod", "namespace": "a"}],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
    }));
    for (group, kind, namespace, expected) in [
        ("apps", "Deployment", "a", true),
        ("apps", "Deployment", "b", false),
        ("", "Secret", "a", false),
        ("", "Namespace", "", true),
        ("rbac.authorization.k8s.io", "ClusterRole", "", false),
    ] {
        assert_eq!(
            project.permits_resource(PROD, group, kind, namespace, "x"),
            expected,
            "{kind} {namespace}"
        );
    }
}

// covers: PRJ-005
#[test]
fn applications_may_live_in_the_control_namespace_and_in_the_source_namespaces() {
    let project = project(&json!({"sourceNamespaces": ["team-*", "/^x[0-9]$/"]}));
    for (namespace, expected) in
        [("argocd", true), ("", true), ("team-a", true), ("x1", true), ("x12", false), ("other", false)]
    {
        assert_eq!(project.permits_application_namespace(namespace, "argocd"), expected, "{namespace}");
    }
}

// covers: PRJ-019
#[test]
fn the_default_project_permits_everything() {
    let project = Project::new(&crate::default_project("argocd"), &Settings::default());
    assert!(project.permits_source("https://git/a/b/c"));
    assert!(project.permits_destination(PROD, "any"));
    assert!(
        project.permits_kind("", "Namespace", "any", false)
            && project.permits_kind("", "Secret", "any", true)
    );
}

// covers: SYN-088
#[test]
fn windows_of_global_projects_hold_for_the_projects_applications() {
    let own: AppProject = serde_json::from_value(json!({"metadata": {"name": "team"}})).unwrap();
    let base: AppProject = serde_json::from_value(json!({"metadata": {"name": "base"}, "spec": {
        "syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["web"]}]}}))
    .unwrap();
    let global = serde_json::from_value(json!({"projectName": "base"})).unwrap();
    let merged = crate::virtual_project(&own, &[global], |_| Some(&base));
    let project = Project::new(&merged, &Settings::default());
    let windows = |name: &str| {
        let app: Application = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        project.sync_windows(&app)
    };
    let now = "2024-01-01T10:00:00Z".parse().unwrap();
    assert_eq!(windows("web").can_sync(crate::SyncKind::Manual, now, None), Ok(false));
    assert!(windows("other").is_empty());
}
