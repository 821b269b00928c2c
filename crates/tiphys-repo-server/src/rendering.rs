//! From a request to manifests: commits, plan, cache, render. Equal renders that are asked for at the same time are
//! done once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiphys_cache::{Bounded, Bounds, Joined};
use tiphys_git::{Commit, Freshness, Options, Repositories, Resolved};
use tiphys_render::{Inputs, Plan, Reference, RenderKey, Rendered, Renderer, RendererOptions};
use tiphys_wire::internal;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::failures::{AskedKey, Failures};
use crate::metrics::Metrics;
use crate::request::{SourceRequest, tools};
use crate::status::Failure;

/// Bytes that an entry of the cache takes beside its manifests.
const ENTRY_BYTES: usize = 256;

/// Turns requests into manifests.
#[derive(Clone)]
pub(crate) struct Rendering {
    shared: Arc<Shared>,
}

struct Shared {
    repositories: Repositories,
    renderer: Arc<Renderer>,
    results: Bounded<RenderKey, Rendered>,
    in_flight: Joined<RenderKey, Result<Rendered, Failure>>,
    failures: Failures,
    /// Renders at once.
    slots: Semaphore,
    /// Plans at once: reading objects is work for processors.
    readers: Semaphore,
    metrics: Metrics,
}

/// What was asked for.
pub(crate) struct Answer {
    pub(crate) revision: String,
    pub(crate) rendered: Rendered,
    pub(crate) cached: bool,
}

impl Rendering {
    pub(crate) fn open(config: &Config, metrics: Metrics) -> std::io::Result<Self> {
        let options = Options {
            revision_cache: config.revision_cache_age,
            request_timeout: config.git_request_timeout,
            fetch_timeout: config.git_fetch_timeout,
            parallel_listings: config.parallel_listings,
            copies_limit: config.git_cache_bytes,
            ..Options::new(config.root.join("git"))
        };
        let repositories = Repositories::open(options, Arc::new(metrics.clone()))?;
        let renderer = Renderer::open(RendererOptions {
            root: config.root.join("render"),
            exports_bound: config.export_cache_bytes,
            toolbox: config.toolbox.clone(),
            limits: config.limits.clone(),
        })?;
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let slots = if config.parallelism > 0 { config.parallelism } else { (processors * 2).max(4) };
        let bounds = Bounds { bytes: config.render_cache_bytes, age: config.render_cache_age };
        let shared = Shared {
            repositories,
            renderer: Arc::new(renderer),
            results: Bounded::new(bounds),
            in_flight: Joined::new(),
            failures: Failures::new(config.pause),
            slots: Semaphore::new(slots),
            readers: Semaphore::new((processors * 2).max(4)),
            metrics,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn repositories(&self) -> &Repositories {
        &self.shared.repositories
    }

    /// Answers a request.
    pub(crate) async fn render(&self, request: internal::RenderRequest) -> Result<Answer, Failure> {
        let start = Instant::now();
        let shared = &self.shared;
        let freshness =
            if request.no_cache || request.no_revision_cache { Freshness::Remote } else { Freshness::Cached };
        let (no_cache, asked_api) =
            (request.no_cache, (request.kube_version.clone(), request.api_versions.clone()));
        let main = SourceRequest::read(request.source)?;
        let _pending = shared.metrics.pending(main.access.url().identity());
        let (resolved, commit) = shared.commit(&main, freshness).await?;
        let mut references = BTreeMap::new();
        let mut reference_commits = Vec::new();
        for (name, source) in request.ref_sources {
            let source = SourceRequest::read(Some(source)).map_err(|error| {
                Failure::Request(format!("source referenced as ${name}: {}", error.text()))
            })?;
            let (resolved, commit) = shared.commit(&source, freshness).await?;
            reference_commits.push((name.clone(), resolved.commit.to_string()));
            references.insert(name, Reference { repo_url: source.source.repo_url, commit });
        }
        let revision = resolved.commit.to_string();
        let options = tools(request.tools);
        let asked = asked_key(&[
            &serde_json::to_vec(&main.source).unwrap_or_default(),
            revision.as_bytes(),
            main.access.url().identity().as_bytes(),
            request.app_instance_name.as_bytes(),
            request.project.as_bytes(),
            request.namespace.as_bytes(),
            &serde_json::to_vec(&(asked_api, reference_commits)).unwrap_or_default(),
            // What the operator changes may be what was wrong.
            format!("{options:?}").as_bytes(),
        ]);
        if no_cache {
            shared.failures.forget(&asked);
        } else if let Some(text) = shared.failures.paused(&asked, Instant::now()) {
            return Err(Failure::Paused(text));
        }
        let inputs = Arc::new(Inputs {
            app_instance_name: request.app_instance_name,
            app_name: request.app_name,
            project: request.project,
            namespace: request.namespace,
            source: main.source.clone(),
            commit,
            references,
            kube_version: request.kube_version,
            api_versions: request.api_versions,
            options,
        });
        let mut result = shared.manifests(&inputs, no_cache).await;
        if is_damage(&result) {
            // Once: what is damaged again after it was fetched anew is damaged at the remote.
            shared.repositories.throw_away(&main.access).await?;
            let (_, commit) = shared.commit(&main, freshness).await?;
            let inputs = Arc::new(Inputs { commit, ..Inputs::clone(&inputs) });
            result = shared.manifests(&inputs, no_cache).await;
        }
        let path = &main.source.path;
        let repository = main.access.url().identity();
        match result {
            Ok((rendered, cached)) => {
                shared.failures.forget(&asked);
                let kind = rendered.source_type.name();
                shared.metrics.answered(kind, if cached { "cached" } else { "rendered" });
                if cached {
                    tracing::debug!(
                        repository,
                        path,
                        revision,
                        application = inputs.app_instance_name,
                        "from the cache"
                    );
                } else {
                    let (seconds, objects) = (start.elapsed().as_secs_f64(), rendered.count);
                    let application = &inputs.app_instance_name;
                    tracing::info!(
                        repository,
                        path,
                        revision,
                        application,
                        kind,
                        objects,
                        seconds,
                        "rendered"
                    );
                }
                Ok(Answer { revision, rendered, cached })
            }
            Err(error) => {
                let text = error.text();
                if matches!(&error, Failure::Render(error) if error.is_lasting()) {
                    shared.failures.failed(asked, &text, Instant::now());
                }
                shared.metrics.answered("", "failed");
                tracing::warn!(
                    repository,
                    path,
                    revision,
                    application = inputs.app_instance_name,
                    error = text,
                    "not rendered"
                );
                Err(error)
            }
        }
    }
}

fn is_damage(result: &Result<(Rendered, bool), Failure>) -> bool {
    matches!(result, Err(Failure::Render(error)) if error.is_damage())
}

fn asked_key(fields: &[&[u8]]) -> AskedKey {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

impl Shared {
    async fn commit(
        &self,
        source: &SourceRequest,
        freshness: Freshness,
    ) -> Result<(Resolved, Commit), Failure> {
        let prefix = &source.source.tag_prefix;
        let resolved = self.repositories.resolve(&source.access, &source.revision, prefix, freshness).await?;
        let commit = self.repositories.commit(&source.access, &resolved).await?;
        Ok((resolved, commit))
    }

    /// The manifests, and whether they were there already.
    async fn manifests(
        self: &Arc<Self>,
        inputs: &Arc<Inputs>,
        no_cache: bool,
    ) -> Result<(Rendered, bool), Failure> {
        let plan = self.plan(inputs).await?;
        let key = plan.key();
        if !no_cache && let Some(rendered) = self.results.get(&key) {
            return Ok((rendered, true));
        }
        let shared = Arc::clone(self);
        let joined = self.in_flight.run(key, move || async move { shared.carry_out(&plan).await });
        let rendered = joined.await.map_err(|_| Failure::Lost)??;
        Ok((rendered, false))
    }

    async fn plan(self: &Arc<Self>, inputs: &Arc<Inputs>) -> Result<Plan, Failure> {
        let _reader = self.readers.acquire().await.map_err(|_| Failure::Lost)?;
        let (renderer, inputs) = (Arc::clone(&self.renderer), Arc::clone(inputs));
        let planned = tokio::task::spawn_blocking(move || renderer.plan(&inputs)).await;
        Ok(planned.map_err(|_| Failure::Lost)??)
    }

    async fn carry_out(&self, plan: &Plan) -> Result<Rendered, Failure> {
        let waiting = Instant::now();
        let _slot = self.slots.acquire().await.map_err(|_| Failure::Lost)?;
        self.metrics.waited(waiting.elapsed());
        let start = Instant::now();
        let rendered = self.renderer.render(plan).await?;
        self.metrics.rendered(rendered.source_type.name(), start.elapsed());
        let bytes = rendered.lines.len().saturating_add(ENTRY_BYTES);
        self.results.insert(plan.key(), rendered.clone(), bytes);
        Ok(rendered)
    }
}

/// How long a whole request may take.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Failure::Timeout(limit.as_secs())))
}
