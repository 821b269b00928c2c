//! What the repo-server knows: manifests at a revision, and who made a revision.

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::Application;
use tiphys_api::application::ApplicationSource;
use tiphys_manifest::masking::mask_secrets;
use tiphys_settings::Settings;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};
use tiphys_wire::internal::render_part::Part;
use tiphys_wire::internal::{ClustersRequest, RenderRequest, RevisionMetadataRequest};

use super::find::{Target, typed};
use crate::access::Caller;
use crate::errors::{from_sibling, unreadable};
use crate::repository;
use crate::server::{Server, Shared};

const REPO_SERVER: &str = "repo-server";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ManifestQuery {
    revision: String,
    source_positions: Vec<i64>,
    revisions: Vec<String>,
    no_cache: bool,
}

/// `GetManifests`.
pub(super) async fn manifests(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let query = ManifestQuery::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    let app = typed(&application)?;
    let settings = server.settings.load_full();
    let sources = app.spec.effective_sources();
    let revisions = revisions(&query, sources.len())?;
    let capabilities = server.capabilities(&app, &settings).await;
    let mut rendered = Vec::new();
    let (mut commit, mut source_type) = (String::new(), String::new());
    for (index, (source, revision)) in sources.iter().zip(&revisions).enumerate() {
        let mut request = server.render_request(&app, &settings, source, revision, &capabilities);
        request.no_cache = query.no_cache;
        refer(&mut request, app.spec.project_name(), &settings, sources.iter().zip(&revisions));
        let part = server.render(request).await?;
        rendered.extend(part.objects);
        if index == 0 {
            (commit, source_type) = (part.revision, part.source_type);
        }
    }
    let sensitive: Vec<&str> = settings.sensitive_annotations.iter().map(String::as_str).collect();
    for object in &mut rendered {
        mask_secrets(&mut [object], &sensitive);
    }
    let texts: Vec<String> = rendered.iter().map(Value::to_string).collect();
    let mut answer = json!({
        "manifests": texts,
        "namespace": app.spec.destination.namespace,
        "server": app.spec.destination.server,
        "revision": commit,
        "sourceType": source_type,
    });
    if let Some(members) = answer.as_object_mut() {
        members.retain(|_, value| value.as_str() != Some(""));
    }
    Ok(Reply::one(answer))
}

fn revisions(query: &ManifestQuery, sources: usize) -> Result<Vec<String>, WireError> {
    let mut revisions = vec![String::new(); sources];
    if query.source_positions.is_empty() {
        if let Some(first) = revisions.first_mut() {
            first.clone_from(&query.revision);
        }
        return Ok(revisions);
    }
    for (position, revision) in query.source_positions.iter().zip(&query.revisions) {
        let place = usize::try_from(*position).ok().and_then(|position| position.checked_sub(1));
        let place = place.and_then(|place| revisions.get_mut(place)).ok_or_else(|| {
            WireError::invalid_argument(format!(
                "source position {position} is out of range; positions begin at 1"
            ))
        })?;
        place.clone_from(revision);
    }
    Ok(revisions)
}

/// Adds the sources that others refer to by name, with their revisions, to a request.
pub(super) fn refer<'a>(
    request: &mut RenderRequest,
    project: &str,
    settings: &Settings,
    sources: impl Iterator<Item = (&'a ApplicationSource, &'a String)>,
) {
    for (source, revision) in sources.filter(|(source, _)| !source.ref_.is_empty()) {
        let other = repository::source(settings, project, source, revision);
        request.ref_sources.insert(source.ref_.clone(), other);
    }
}

/// Version and API versions of a destination.
pub(super) type Capabilities = (String, Vec<String>);

/// What came of one source.
pub(super) struct Rendered {
    objects: Vec<Value>,
    revision: String,
    source_type: String,
}

impl Server {
    /// What the repo-server is asked for a source at a revision (empty: the one that it tracks).
    pub(super) fn render_request(
        &self,
        app: &Application,
        settings: &Settings,
        source: &ApplicationSource,
        revision: &str,
        capabilities: &Capabilities,
    ) -> RenderRequest {
        RenderRequest {
            app_instance_name: app.instance_name(&self.config.namespace),
            app_name: app.metadata.name.clone(),
            project: app.spec.project_name().to_owned(),
            source: Some(repository::source(settings, app.spec.project_name(), source, revision)),
            namespace: app.spec.destination.namespace.clone(),
            kube_version: capabilities.0.clone(),
            api_versions: capabilities.1.clone(),
            tools: Some(repository::tools(settings)),
            ..RenderRequest::default()
        }
    }

    /// Renders one source. An answer without its end is an error, never a shorter list.
    pub(super) async fn render(&self, request: RenderRequest) -> Result<Rendered, WireError> {
        tokio::time::timeout(self.config.repo_server_timeout, self.rendered(request))
            .await
            .map_err(|_| WireError::deadline_exceeded("the repo-server did not render in time"))?
    }

    async fn rendered(&self, request: RenderRequest) -> Result<Rendered, WireError> {
        let refused = |status| from_sibling(REPO_SERVER, status);
        let mut parts = self.repo_server.clone().render(request).await.map_err(refused)?.into_inner();
        let (mut header, mut footer, mut lines) = (None, None, Vec::new());
        while let Some(part) = parts.message().await.map_err(refused)? {
            match part.part {
                Some(Part::Header(found)) => header = Some(found),
                Some(Part::Manifests(chunk)) => lines.extend_from_slice(&chunk),
                Some(Part::Footer(found)) => footer = Some(found),
                None => {}
            }
        }
        let (Some(header), Some(footer)) = (header, footer) else {
            return Err(WireError::unavailable("the repo-server's answer ended before it was complete"));
        };
        let objects: Vec<Value> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()
            .map_err(|error| {
                WireError::internal(format!("the repo-server's answer can't be read: {error}"))
            })?;
        if objects.len() as u64 != footer.count {
            return Err(WireError::unavailable("the repo-server's answer is not complete"));
        }
        Ok(Rendered { objects, revision: header.revision, source_type: header.source_type })
    }

    /// Version and API versions of the destination, as the controller knows them; empty while it does not answer.
    pub(super) async fn capabilities(&self, app: &Application, settings: &Settings) -> Capabilities {
        let Ok(cluster) = settings.clusters.resolve(&app.spec.destination) else { return Default::default() };
        let answer = self.controller.clone().clusters(ClustersRequest {}).await;
        let clusters: Option<Value> =
            answer.ok().and_then(|answer| serde_json::from_slice(&answer.into_inner().json).ok());
        let items =
            clusters.as_ref().and_then(|list| list.get("items").or(Some(list))).and_then(Value::as_array);
        let found = items.into_iter().flatten().find(|known| {
            known.get("server").and_then(Value::as_str).is_some_and(|server| server == cluster.server)
        });
        let Some(found) = found else { return Default::default() };
        let info = found.get("info").unwrap_or(found);
        let version = info.get("serverVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        let api_versions = info.get("apiVersions").and_then(Value::as_array).into_iter().flatten();
        (version, api_versions.filter_map(|text| Some(text.as_str()?.to_owned())).collect())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RevisionQuery {
    revision: String,
    source_index: Option<i64>,
    version_id: Option<i64>,
}

/// `RevisionMetadata`.
pub(super) async fn revision_metadata(
    server: Shared,
    caller: Caller,
    call: Call,
) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let query = RevisionQuery::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let application = server.find(&caller, "get", &target)?;
    let app = typed(&application)?;
    let source = source_of(&app, &query)?;
    let settings = server.settings.load_full();
    let request = RevisionMetadataRequest {
        repository: Some(repository::repository(&settings, app.spec.project_name(), &source.repo_url)),
        revision: query.revision,
    };
    let mut client = server.repo_server.clone();
    let answer = tokio::time::timeout(server.config.repo_server_timeout, client.revision_metadata(request))
        .await
        .map_err(|_| WireError::deadline_exceeded("the repo-server did not answer in time"))?
        .map_err(|status| from_sibling(REPO_SERVER, status))?
        .into_inner();
    let date = chrono::DateTime::from_timestamp(answer.date, 0)
        .map(|date| date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let mut metadata = json!({"author": answer.author, "date": date, "message": answer.message});
    if !answer.tags.is_empty() {
        metadata["tags"] = answer.tags.into();
    }
    Ok(Reply::one(metadata))
}

/// The source that a revision belongs to: of the history entry when one is named, else of the spec.
fn source_of(app: &Application, query: &RevisionQuery) -> Result<ApplicationSource, WireError> {
    let index = usize::try_from(query.source_index.unwrap_or(0)).unwrap_or(usize::MAX);
    let recorded = query.version_id.and_then(|id| app.status.history.iter().find(|entry| entry.id == id));
    let of_history = recorded.and_then(|entry| {
        if entry.sources.is_empty() {
            serde_json::to_value(&entry.source).ok().and_then(|source| serde_json::from_value(source).ok())
        } else {
            entry.sources.get(index).cloned()
        }
    });
    of_history
        .filter(|source: &ApplicationSource| !source.repo_url.is_empty())
        .or_else(|| app.spec.effective_sources().into_iter().nth(index))
        .ok_or_else(|| WireError::invalid_argument(format!("the application has no source at index {index}")))
}
