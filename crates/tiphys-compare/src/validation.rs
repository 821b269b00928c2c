//! What an application asks for, checked before anything is rendered: sources, destination, project.

use std::collections::BTreeSet;

use tiphys_api::Application;
use tiphys_api::application::{ApplicationCondition, ApplicationSource, ApplicationSpec, SourceHydrator};
use tiphys_api::cluster::Cluster;
use tiphys_api::names::annotation::MANAGED_BY_URL;
use tiphys_api::words::ApplicationConditionType::InvalidSpecError;
use tiphys_rbac::{Destination, Project};
use tiphys_settings::Settings;

use crate::conditions::condition;
use crate::messages;

/// An application that may be rendered and compared.
#[derive(Clone, Copy, Debug)]
pub struct Validated<'a> {
    /// The cluster that it deploys to.
    pub cluster: &'a Cluster,
}

/// The condition of an application whose project does not exist.
#[must_use]
pub fn project_missing(app: &Application) -> ApplicationCondition {
    condition(InvalidSpecError, messages::project_missing(app.spec.project_name()))
}

/// Checks what an application asks for against itself, its project and the settings.
///
/// # Errors
///
/// The conditions that say what is wrong. Such an application is neither rendered nor compared nor synced.
pub fn validate<'a>(
    app: &Application,
    control_namespace: &str,
    project: &Project,
    settings: &'a Settings,
) -> Result<Validated<'a>, Vec<ApplicationCondition>> {
    let mut wrong = Vec::new();
    if !project.permits_application_namespace(&app.metadata.namespace, control_namespace) {
        wrong.push(messages::namespace_not_permitted(
            &app.metadata.namespace,
            &app.metadata.name,
            project.name(),
        ));
    }
    check_sources(&app.spec, project, &mut wrong);
    // What limits an application is never passed over in silence.
    if project.asks_for_signatures() {
        wrong.push(messages::signatures_not_built(project.name()));
    }
    if settings.impersonation.enabled {
        wrong.push(messages::IMPERSONATION_NOT_BUILT.to_owned());
    }
    if let Some(url) = app.metadata.annotation(MANAGED_BY_URL)
        && !is_web_address(url)
    {
        wrong.push(messages::bad_managed_by_url(url));
    }
    let destination = &app.spec.destination;
    let cluster = match settings.clusters.resolve(destination) {
        Ok(cluster) => Some(cluster),
        Err(error) => {
            wrong.push(error.to_string());
            None
        }
    };
    if let Some(cluster) = cluster
        && !project.permits_destination(Destination::from(cluster), &destination.namespace)
    {
        let server = if destination.name.is_empty() { &cluster.server } else { &cluster.name };
        wrong.push(messages::destination_not_permitted(server, &destination.namespace, project.name()));
    }
    match cluster {
        Some(cluster) if wrong.is_empty() => Ok(Validated { cluster }),
        _ => Err(wrong.into_iter().map(|message| condition(InvalidSpecError, message)).collect()),
    }
}

fn check_sources(spec: &ApplicationSpec, project: &Project, wrong: &mut Vec<String>) {
    if let Some(hydrator) = &spec.source_hydrator {
        check_hydrator(hydrator, project, wrong);
        return;
    }
    let is_permitted = |url: &str, wrong: &mut Vec<String>| {
        if !project.permits_source(url) {
            wrong.push(messages::source_not_permitted(url, project.name()));
        }
    };
    if spec.sources.is_empty() {
        let none = ApplicationSource::default();
        let source = spec.source.as_ref().unwrap_or(&none);
        if source.repo_url.is_empty() || source.path.is_empty() && source.chart.is_empty() {
            wrong.push(messages::SOURCE_INCOMPLETE.to_owned());
            return;
        }
        check_source(source, wrong);
        is_permitted(&source.repo_url, wrong);
        return;
    }
    let mut refs = BTreeSet::new();
    for (index, source) in spec.sources.iter().enumerate() {
        let is_empty = source.path.is_empty() && source.chart.is_empty() && source.ref_.is_empty();
        if source.repo_url.is_empty() || is_empty {
            wrong.push(messages::source_of_many_incomplete(index + 1, &source.repo_url));
            continue;
        }
        check_source(source, wrong);
        if !source.ref_.is_empty() {
            if !source.ref_.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
                wrong.push(messages::bad_ref(&source.ref_));
            }
            if !refs.insert(source.ref_.as_str()) {
                wrong.push(messages::REPEATED_REF.to_owned());
            }
        }
        is_permitted(&source.repo_url, wrong);
    }
}

fn check_source(source: &ApplicationSource, wrong: &mut Vec<String>) {
    if !source.chart.is_empty() && source.target_revision.is_empty() {
        wrong.push(messages::CHART_WITHOUT_REVISION.to_owned());
    }
    let tools: Vec<&str> = [
        (source.kustomize.is_some(), "Kustomize"),
        (source.helm.is_some(), "Helm"),
        (source.directory.is_some(), "Directory"),
        (source.plugin.is_some(), "Plugin"),
    ]
    .into_iter()
    .filter_map(|(is_set, tool)| is_set.then_some(tool))
    .collect();
    if tools.len() > 1 {
        wrong.push(messages::several_tools(&tools));
    }
}

fn check_hydrator(hydrator: &SourceHydrator, project: &Project, wrong: &mut Vec<String>) {
    let before = wrong.len();
    if hydrator.dry_source.repo_url.is_empty() {
        wrong.push(messages::DRY_SOURCE_WITHOUT_REPO.to_owned());
    }
    if hydrator.sync_source.target_branch.is_empty() {
        wrong.push(messages::SYNC_SOURCE_WITHOUT_BRANCH.to_owned());
    }
    if hydrator.hydrate_to.as_ref().is_some_and(|target| target.target_branch.is_empty()) {
        wrong.push(messages::HYDRATE_TO_WITHOUT_BRANCH.to_owned());
    }
    if wrong.len() > before {
        return;
    }
    let dry = &hydrator.dry_source.repo_url;
    if !project.permits_source(dry) {
        wrong.push(messages::source_not_permitted(dry, project.name()));
    }
    let sync = hydrator.sync_source().repo_url;
    if sync != *dry && !project.permits_source(&sync) {
        wrong.push(messages::sync_source_not_permitted(&sync, project.name()));
    }
}

fn is_web_address(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::AppProject;

    use super::*;

    fn wrong_in(app: Value, project: Value) -> Vec<String> {
        let app: Application = serde_json::from_value(app).unwrap();
        let project: AppProject = serde_json::from_value(project).unwrap();
        let settings = Settings::default();
        let project = Project::new(&project, &settings);
        match validate(&app, "argocd", &project, &settings) {
            Ok(validated) => {
                assert_eq!(validated.cluster.server, "https://kubernetes.default.svc");
                Vec::new()
            }
            Err(conditions) => conditions
                .into_iter()
                .map(|condition| {
                    assert_eq!(condition.type_, InvalidSpecError);
                    condition.message
                })
                .collect(),
        }
    }

    fn open() -> Value {
        serde_json::to_value(tiphys_rbac::default_project("argocd")).unwrap()
    }

    fn with_spec(change: impl FnOnce(&mut Value)) -> Value {
        let mut spec = json!({
            "source": {"repoURL": "https://git/a", "path": "p"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "n"},
        });
        change(&mut spec);
        json!({"metadata": {"name": "a", "namespace": "argocd"}, "spec": spec})
    }

    // covers: APP-029, APP-030, APP-032, APP-050
    #[test]
    fn what_cannot_be_rendered_is_said_in_the_words_of_the_reference() {
        type Change = fn(&mut Value);
        let table: [(Change, &str); 17] = [
            (|spec| spec["source"] = json!(null), messages::SOURCE_INCOMPLETE),
            (|spec| spec["source"]["path"] = json!(""), messages::SOURCE_INCOMPLETE),
            (|spec| spec["source"]["repoURL"] = json!(""), messages::SOURCE_INCOMPLETE),
            (|spec| spec["source"] = json!({"repoURL": "u", "chart": "c"}), messages::CHART_WITHOUT_REVISION),
            (
                |spec| {
                    spec["source"]["helm"] = json!({});
                    spec["source"]["kustomize"] = json!({});
                },
                "multiple application sources defined: Kustomize,Helm",
            ),
            (
                |spec| spec["sources"] = json!([{"repoURL": "u", "path": "p"}, {"repoURL": "v"}]),
                "are required for source 2 (repoURL \"v\")",
            ),
            (
                |spec| spec["sources"] = json!([{"repoURL": "u", "ref": "a"}, {"repoURL": "v", "ref": "a"}]),
                messages::REPEATED_REF,
            ),
            (
                |spec| spec["sources"] = json!([{"repoURL": "u", "ref": "a/b"}]),
                "sources.ref a/b cannot contain",
            ),
            (|spec| spec["destination"]["server"] = json!(""), "Destination server missing from app spec"),
            (
                |spec| spec["destination"]["name"] = json!("in-cluster"),
                "application destination can't have both name and server defined: in-cluster https://",
            ),
            (
                |spec| spec["destination"] = json!({"name": "nope"}),
                "there are no clusters with this name: nope",
            ),
            (
                |spec| spec["destination"]["server"] = json!("https://x"),
                "error getting cluster by server \"https://x\": cluster \"https://x\" not found",
            ),
            (|spec| spec["sourceHydrator"] = json!({}), messages::DRY_SOURCE_WITHOUT_REPO),
            (
                |spec| spec["sourceHydrator"] = json!({"drySource": {"repoURL": "u"}}),
                messages::SYNC_SOURCE_WITHOUT_BRANCH,
            ),
            (
                |spec| {
                    spec["sourceHydrator"] = json!({"drySource": {"repoURL": "u"},
                        "syncSource": {"targetBranch": "b"}, "hydrateTo": {}});
                },
                messages::HYDRATE_TO_WITHOUT_BRANCH,
            ),
            (
                |spec| spec["sources"] = json!([{"repoURL": "u", "chart": "c"}]),
                messages::CHART_WITHOUT_REVISION,
            ),
            (|spec| spec["sources"] = json!([{"path": "p"}]), "are required for source 1"),
        ];
        for (change, expected) in table {
            let wrong = wrong_in(with_spec(change), open());
            assert!(wrong.iter().any(|message| message.contains(expected)), "{expected}: {wrong:?}");
        }
        assert_eq!(wrong_in(with_spec(|_| {}), open()), Vec::<String>::new());
        let several = with_spec(|spec| {
            spec["sources"] = json!([{"repoURL": "u", "ref": "values"}, {"repoURL": "v", "chart": "c", "targetRevision": "1"}]);
        });
        assert_eq!(wrong_in(several, open()), Vec::<String>::new());
    }

    // covers: NS-002
    #[test]
    fn what_the_project_forbids_is_said_with_its_name() {
        let closed = json!({"metadata": {"name": "team"}, "spec": {}});
        let mut app = with_spec(|_| {});
        app["metadata"]["namespace"] = json!("elsewhere");
        assert_eq!(
            wrong_in(app, closed),
            [
                "application 'a' in namespace 'elsewhere' is not permitted to use project 'team'",
                "application repo https://git/a is not permitted in project 'team'",
                "application destination server 'https://kubernetes.default.svc' and namespace 'n' do not match any \
                 of the allowed destinations in project 'team'",
            ]
        );
    }

    #[test]
    fn limits_that_are_not_carried_out_stop_an_application_instead_of_being_passed_over() {
        let integrity = |mode: &str| json!({"git": {"policies": [{"repos": [{"url": "*"}], "gpg": {"mode": mode, "keys": ["0123456789ABCDEF"]}}]}});
        for (field, value, is_good) in [
            ("signatureKeys", json!([{"keyID": "0123456789ABCDEF"}]), false),
            ("signatureKeys", json!([]), true),
            ("sourceIntegrity", integrity("head"), false),
            ("sourceIntegrity", integrity("strict"), false),
            ("sourceIntegrity", integrity("none"), true),
        ] {
            let mut project = open();
            project["spec"][field] = value.clone();
            let wrong = wrong_in(with_spec(|_| {}), project);
            assert_eq!(wrong.is_empty(), is_good, "{field} {value}: {wrong:?}");
            assert!(wrong.iter().all(|message| message.contains("project default asks for signed commits")));
        }

        let app: Application = serde_json::from_value(with_spec(|_| {})).unwrap();
        let mut settings = Settings::default();
        let project = Project::new(&serde_json::from_value(open()).unwrap(), &settings);
        assert!(validate(&app, "argocd", &project, &settings).is_ok());
        settings.impersonation.enabled = true;
        let wrong = validate(&app, "argocd", &project, &settings).unwrap_err();
        assert_eq!(wrong[0].message, messages::IMPERSONATION_NOT_BUILT);
    }

    // covers: APP-014
    #[test]
    fn a_managed_by_address_has_to_be_a_web_address() {
        for (url, is_good) in
            [("https://argo.example.com", true), ("http://a", true), ("ftp://a", false), ("https://", false)]
        {
            let mut app = with_spec(|_| {});
            app["metadata"]["annotations"] = json!({"argocd.argoproj.io/managed-by-url": url});
            assert_eq!(wrong_in(app, open()).is_empty(), is_good, "{url}");
        }
    }
}
