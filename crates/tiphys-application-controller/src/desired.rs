//! From an Application to what it should look like: one render request for each source, and their answers together.
//!
//! It decides which repository credentials go with which source and remembers the last answer, so that the
//! repo-server need not send what is here already. It knows nothing of what is live.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;
use tiphys_api::Application;
use tiphys_api::application::ApplicationSource;
use tiphys_settings::Settings;
use tiphys_wire::internal as proto;

use crate::render::{self, RefSources, RenderError, Rendered, RepoServer};

/// What is asked for: sources and, in the same order, the revisions to render. An empty revision: what the source tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) sources: Vec<ApplicationSource>,
    pub(crate) revisions: Vec<String>,
}

impl Wanted {
    /// What the Application tracks.
    pub(crate) fn tracked(app: &Application) -> Self {
        let sources = app.spec.effective_sources();
        let revisions = vec![String::new(); sources.len()];
        Self { sources, revisions }
    }

    /// What a sync operation asks for: its own sources where it names some, its own revisions where it names some.
    pub(crate) fn of_operation(app: &Application, sync: &tiphys_api::application::SyncOperation) -> Self {
        let sources = if !sync.sources.is_empty() {
            sync.sources.clone()
        } else if let Some(source) = &sync.source {
            vec![source.clone()]
        } else {
            app.spec.effective_sources()
        };
        let mut revisions =
            if sync.revisions.is_empty() { vec![sync.revision.clone()] } else { sync.revisions.clone() };
        revisions.resize(sources.len(), String::new());
        Self { sources, revisions }
    }

    /// The same with revisions that an earlier step resolved.
    pub(crate) fn pinned(mut self, revisions: &[String]) -> Self {
        if revisions.len() == self.revisions.len() {
            self.revisions = revisions.to_vec();
        }
        self
    }
}

/// What the cluster tells to templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) kube_version: String,
    pub(crate) api_versions: Arc<[String]>,
}

/// How much of what is cached may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Revisions and renders may come from the cache.
    Cached,
    /// The revision is resolved at the remote.
    ResolveRevision,
    /// Everything is done anew.
    Nothing,
}

/// The answers for all sources, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) wanted: Wanted,
    pub(crate) rendered: Vec<Rendered>,
}

impl Desired {
    /// The revision of each source that was rendered.
    pub(crate) fn revisions(&self) -> Vec<String> {
        self.rendered.iter().map(|rendered| rendered.revision.clone()).collect()
    }

    /// The tool of each source.
    pub(crate) fn source_types(&self) -> Vec<String> {
        self.rendered.iter().map(|rendered| rendered.source_type.clone()).collect()
    }
}

/// For whom sources are rendered, and how fresh.
pub(crate) struct Asking<'a> {
    pub(crate) app: &'a Application,
    pub(crate) instance: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) freshness: Freshness,
}

/// Asks for every source at once; the first error ends it, because a part of an application is not an application.
pub(crate) async fn fetch(
    repo_server: &RepoServer,
    asking: &Asking<'_>,
    wanted: Wanted,
    last: Option<&Desired>,
) -> Result<Desired, RenderError> {
    let refs = ref_sources(asking.app, asking.settings, &wanted);
    let mut requests = Vec::with_capacity(wanted.sources.len());
    for (index, (source, revision)) in wanted.sources.iter().zip(&wanted.revisions).enumerate() {
        let known = last.and_then(|desired| desired.rendered.get(index));
        let mut request = request(asking, source, revision);
        request.ref_sources.clone_from(&refs);
        let place = Place { number: index + 1, count: wanted.sources.len(), source, revision };
        requests.push(async move {
            repo_server.render(request, known).await.map_err(|error| error.at(&place.to_string()))
        });
    }
    let rendered = try_join_all(requests).await?;
    Ok(Desired { wanted, rendered })
}

/// Which source it is that could not be rendered, in words for its user.
struct Place<'a> {
    number: usize,
    count: usize,
    source: &'a ApplicationSource,
    revision: &'a str,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, count, source, revision } = self;
        let what = if source.chart.is_empty() { &source.path } else { &source.chart };
        let revision =
            [*revision, source.target_revision.as_str(), "HEAD"].into_iter().find(|r| !r.is_empty());
        write!(formatter, "failed to generate manifest for source {number} of {count} (")?;
        if !what.is_empty() {
            write!(formatter, "{what} of ")?;
        }
        write!(formatter, "{} at {})", without_credentials(&source.repo_url), revision.unwrap_or_default())
    }
}

/// A URL without user and password, which some write into it.
fn without_credentials(url: &str) -> std::borrow::Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rfind('@').and_then(|at| rest.get(at + 1..)) {
        Some(rest) => format!("{scheme}://{rest}").into(),
        None => url.into(),
    }
}

/// The sources that others may refer to, by name. The ones without a `ref` are not sent: they cost nothing then.
fn ref_sources(app: &Application, settings: &Settings, wanted: &Wanted) -> RefSources {
    wanted
        .sources
        .iter()
        .zip(&wanted.revisions)
        .filter(|(source, _)| !source.ref_.is_empty())
        .map(|(source, revision)| (source.ref_.clone(), source_of(app, settings, source, revision)))
        .collect()
}

fn request(asking: &Asking<'_>, source: &ApplicationSource, revision: &str) -> proto::RenderRequest {
    let Asking { app, settings, capabilities, .. } = asking;
    proto::RenderRequest {
        app_instance_name: asking.instance.to_owned(),
        app_name: app.metadata.name.clone(),
        project: app.spec.project_name().to_owned(),
        source: Some(source_of(app, settings, source, revision)),
        ref_sources: RefSources::new(),
        namespace: app.spec.destination.namespace.clone(),
        kube_version: capabilities.kube_version.clone(),
        api_versions: capabilities.api_versions.to_vec(),
        no_cache: asking.freshness == Freshness::Nothing,
        no_revision_cache: asking.freshness != Freshness::Cached,
        tools: Some(tools(settings)),
        known_digest: String::new(),
    }
}

fn source_of(
    app: &Application,
    settings: &Settings,
    source: &ApplicationSource,
    revision: &str,
) -> proto::Source {
    let repository = settings.repositories.repository_for(&source.repo_url, app.spec.project_name());
    let ca_bundle = settings.trust.ca_bundle_for(&source.repo_url);
    proto::Source {
        // A source was read from JSON and is written as JSON; there is nothing in it that can't be.
        source_json: serde_json::to_vec(source).unwrap_or_default(),
        repository: Some(render::repository(&repository, &settings.trust.known_hosts, ca_bundle)),
        revision: revision.to_owned(),
    }
}

fn tools(settings: &Settings) -> proto::ToolOptions {
    let tools = &settings.tools;
    let by_version = |pick: fn(&tiphys_settings::KustomizeVersion) -> Option<String>| {
        tools
            .kustomize_versions
            .iter()
            .filter_map(|(name, version)| Some((name.clone(), pick(version)?)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect()
    };
    proto::ToolOptions {
        helm_disabled: !tools.helm_enabled,
        kustomize_disabled: !tools.kustomize_enabled,
        jsonnet_disabled: !tools.jsonnet_enabled,
        helm_values_file_schemes: tools.helm_values_file_schemes.clone(),
        kustomize_build_options: tools.kustomize_build_options.clone(),
        kustomize_binaries: by_version(|version| Some(version.path.clone())),
        kustomize_build_options_by_version: by_version(|version| version.build_options.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_which_source_it_was_and_no_password() {
        let source = ApplicationSource {
            repo_url: "https://me:secret@git.example/a@b/c.git".to_owned(),
            path: "deploy/prod".to_owned(),
            ..ApplicationSource::default()
        };
        let place = Place { number: 2, count: 3, source: &source, revision: "" };
        assert_eq!(
            place.to_string(),
            "failed to generate manifest for source 2 of 3 (deploy/prod of https://git.example/a@b/c.git at HEAD)"
        );
        assert_eq!(without_credentials("git@git.example:a.git"), "git@git.example:a.git");
    }
}
