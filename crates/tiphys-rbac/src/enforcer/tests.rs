//! Questions that users of Argo CD know the answers to.

use serde_json::json;
use tiphys_api::AppProject;

use super::*;
use crate::policy::{project_policy, validate_project_policy};

fn settings(policy: &str, default_role: &str) -> RbacSettings {
    RbacSettings {
        policy: policy.to_owned(),
        default_role: default_role.to_owned(),
        match_mode: MatchMode::Glob,
        scopes: vec!["groups".to_owned()],
    }
}

fn enforcer(policy: &str) -> Enforcer {
    Enforcer::compile(&settings(policy, "")).unwrap()
}

fn user(name: &str) -> Subject<'_> {
    Subject { name, groups: &[] }
}

fn project(name: &str, roles: &serde_json::Value) -> Policy {
    let project: AppProject =
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"roles": roles}})).unwrap();
    project_policy(&project, MatchMode::Glob).unwrap()
}

// covers: RBA-011
#[test]
fn the_built_in_roles_see_everything_and_do_everything() {
    let enforcer = enforcer("g, reader, role:readonly");
    let admin = enforcer.permissions(user("admin"), None);
    let reader = enforcer.permissions(user("reader"), None);
    for (resource, action, object, may_read) in [
        ("applications", "get", "p/a", true),
        ("applications", "get", "p/ns/a", true),
        ("applications", "sync", "p/a", false),
        ("applications", "rollback", "p/a", false),
        ("applications", "action/apps/Deployment/restart", "p/a", false),
        ("applications", "update/apps/Deployment/ns/web", "p/a", false),
        ("applications", "delete/apps/Deployment/ns/web", "p/a", false),
        ("applicationsets", "create", "p/a", false),
        ("clusters", "get", "https://kubernetes.default.svc", true),
        ("repositories", "get", "https://git/a", true),
        ("write-repositories", "get", "https://git/a", true),
        ("projects", "delete", "p", false),
        ("accounts", "update", "alice", false),
        ("gpgkeys", "get", "", true),
        ("certificates", "create", "host", false),
        ("logs", "get", "p/a", true),
        ("exec", "create", "p/a", false),
    ] {
        assert!(admin.allows(resource, action, object), "admin {resource} {action}");
        assert_eq!(reader.allows(resource, action, object), may_read, "reader {resource} {action}");
    }
    assert!(!reader.allows("exec", "get", "p/a"));
    assert!(!admin.allows("extensions", "invoke", "x"));
    assert!(!enforcer.enforce(user("nobody"), None, "applications", "get", "p/a"));
}

// covers: RBA-001
#[test]
fn a_bad_line_is_an_error_that_names_it() {
    for (line, reason) in [
        ("p, a, b, c, d", "6 fields"),
        ("p, a, b, c, d, maybe", "neither allow nor deny"),
        ("g, a", "3 fields"),
        ("x, a, b", "neither `p` nor `g`"),
        ("p, \"a, b, c, d, allow", "quotes"),
        ("p, a, b, c, [, allow", "not a glob"),
    ] {
        let error =
            Enforcer::compile(&settings(&format!("# comment\n\n{line}"), "")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains(line) && error.contains(reason), "{error}");
    }
}

// covers: RBA-004
#[test]
fn a_star_crosses_slashes_and_regular_expressions_can_be_chosen() {
    let globs = enforcer("p, a, applications, *, team-*, allow");
    assert!(globs.enforce(
        user("a"),
        None,
        "applications",
        "action/apps/Deployment/restart",
        "team-x/ns/app"
    ));
    let mut with_regex = settings("p, a, applications, get|sync, ^team-[ab]/.*$, allow", "");
    with_regex.match_mode = MatchMode::Regex;
    let regex = Enforcer::compile(&with_regex).unwrap();
    assert!(regex.enforce(user("a"), None, "applications", "sync", "team-a/app"));
    assert!(!regex.enforce(user("a"), None, "applications", "sync", "team-c/app"));
    assert!(regex.enforce(user("admin"), None, "applications", "sync", "team-c/app"));
}

// covers: RBA-006
#[test]
fn a_denial_wins_over_every_permission() {
    let enforcer = enforcer(
        "p, role:dev, applications, *, team/*, allow\n\
         p, role:careful, applications, delete, */*, deny\n\
         g, alice, role:dev\ng, alice, role:careful",
    );
    assert!(enforcer.enforce(user("alice"), None, "applications", "sync", "team/a"));
    assert!(!enforcer.enforce(user("alice"), None, "applications", "delete", "team/a"));
}

// covers: RBA-003, RBA-016
#[test]
fn the_default_role_is_asked_first_and_no_denial_revokes_it() {
    let text = "p, alice, applications, get, */*, deny\np, alice, applications, sync, */*, allow";
    let enforcer = Enforcer::compile(&settings(text, "role:readonly")).unwrap();
    assert!(enforcer.enforce(user("alice"), None, "applications", "get", "p/a"));
    assert!(enforcer.enforce(user("alice"), None, "applications", "sync", "p/a"));
    assert!(enforcer.enforce(user(""), None, "applications", "get", "p/a"));
    assert!(!enforcer.enforce(user(""), None, "applications", "sync", "p/a"));
}

// covers: RBA-016
#[test]
fn groups_count_when_a_role_is_given_to_them() {
    let enforcer = enforcer(
        "p, role:ops, applications, sync, */*, allow\n\
         g, \"CN=ops,O=org\", role:ops\n\
         p, direct, applications, sync, */*, allow",
    );
    let may = |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        enforcer.enforce(Subject { name: "alice", groups: &groups }, None, "applications", "sync", "p/a")
    };
    assert!(may(&["other", "CN=ops,O=org"]));
    assert!(!may(&["direct"]));
    assert!(!may(&[]));
}

#[test]
fn roles_are_inherited_through_roles_and_circles_end() {
    let enforcer =
        enforcer("g, a, role:b\ng, role:b, role:c\ng, role:c, role:b\np, role:c, projects, get, x, allow");
    assert!(enforcer.enforce(user("a"), None, "projects", "get", "x"));
}

// covers: RBA-015, PRJ-032
#[test]
fn roles_of_a_project_count_in_that_project_alone() {
    let enforcer = enforcer("");
    let policy = project(
        "team",
        &json!([{"name": "ci", "groups": ["dev"], "policies": [
        "p, proj:team:ci, applications, sync, team/*, allow", "p, proj:team:ci, applications, get, other/*, allow"]}]),
    );
    let token = user("proj:team:ci");
    let of_team = Some(("team", &policy));
    assert!(enforcer.enforce(token, of_team, "applications", "sync", "team/app"));
    assert!(enforcer.enforce(token, of_team, "projects", "get", "team"));
    assert!(!enforcer.enforce(token, of_team, "applications", "delete", "team/app"));
    let other = project(
        "other",
        &json!([{"name": "ci", "policies": ["p, proj:team:ci, applications, get, other/*, allow"]}]),
    );
    assert!(!enforcer.enforce(token, Some(("other", &other)), "applications", "get", "other/app"));
    let groups = ["dev".to_owned()];
    let developer = Subject { name: "alice", groups: &groups };
    assert!(enforcer.enforce(developer, of_team, "applications", "sync", "team/app"));
    assert!(!enforcer.enforce(developer, None, "applications", "sync", "team/app"));
}

#[test]
fn a_denial_of_the_installation_wins_over_a_project_role() {
    let enforcer = enforcer("p, proj:team:ci, applications, sync, team/prod, deny");
    let policy = project(
        "team",
        &json!([{"name": "ci", "policies": ["p, proj:team:ci, applications, sync, team/*, allow"]}]),
    );
    let may = |object| {
        enforcer.enforce(user("proj:team:ci"), Some(("team", &policy)), "applications", "sync", object)
    };
    assert!(may("team/dev") && !may("team/prod"));
}

// covers: RBA-010
#[test]
fn rights_over_an_application_are_rights_over_its_objects_only_where_that_is_switched_on() {
    let enforcer = enforcer(
        "p, whole, applications, delete, p/*, allow\np, pods, applications, delete/*/Pod/*/*, p/*, allow",
    );
    let may = |name, inherited| {
        enforcer.permissions(user(name), None).allows_resource("delete", "/Pod/ns/web", "p/a", inherited)
    };
    assert!(!may("whole", false) && may("whole", true));
    assert!(may("pods", false) && may("pods", true));
    assert!(!enforcer.enforce(user("pods"), None, "applications", "delete", "p/a"));
}

// covers: PRJ-026
#[test]
fn a_line_of_a_project_role_stays_inside_its_project() {
    for line in [
        "p, proj:team:ci, applications, sync, team/*, allow",
        "p, proj:team:ci, applications, action/apps/Deployment/restart, team/app, deny",
        "p, proj:team:ci, logs, get, team/ns/app, allow",
        "p, proj:team:ci, repositories, get, team/https://git/a, allow",
    ] {
        assert_eq!(validate_project_policy("team", "ci", line), Ok(()), "{line}");
    }
    for line in [
        "p, proj:team:ci, applications, sync, team/*",
        "g, a, proj:team:ci",
        "p, proj:team:other, applications, sync, team/*, allow",
        "p, proj:team:ci, accounts, update, team/*, allow",
        "p, proj:team:ci, applications, fly, team/*, allow",
        "p, proj:team:ci, applications, sync, other/*, allow",
        "p, proj:team:ci, applications, sync, *, allow",
        "p, proj:team:ci, applications, sync, team/a/b/c, allow",
        "p, proj:team:ci, applications, sync, team/*, maybe",
    ] {
        assert!(validate_project_policy("team", "ci", line).is_err(), "{line}");
    }
}
