//! Looks at an application as a whole: is what it asks for permitted, what should it look like, what does it look like?
//!
//! Everything that a look needs is fetched here, in the order in which it can fail; the answers are put together by
//! `tiphys-compare`.

use std::sync::Arc;

use tiphys_api::Application;
use tiphys_api::application::ApplicationCondition;
use tiphys_api::words::ApplicationConditionType::InvalidSpecError;
use tiphys_cluster::Cluster;
use tiphys_compare::{
    CompareInput, Comparison, Normalisation, Target, TargetState, compare, condition, normalise_target,
    project_missing, validate,
};
use tiphys_live::{KindInfo, LiveSnapshot};
use tiphys_manifest::{Gvk, Manifest, ResourceKey};
use tiphys_rbac::{Destination, Project};
use tiphys_settings::Settings;
use tiphys_sync::RenderProof;
use tokio::time::Instant;

use super::Actor;
use super::schemas::Schemas;
use crate::clusters::chain;
use crate::desired::{self, Capabilities, Desired, Freshness, Wanted};

/// What a look found. It is never changed: the next look makes another one.
pub(crate) struct Assessed {
    /// The version of the Application that was looked at.
    pub(crate) app: Arc<Application>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) project: Arc<Project>,
    /// Where it is deployed.
    pub(crate) cluster: Arc<Cluster>,
    /// The rendered sources.
    pub(crate) desired: Option<Arc<Desired>>,
    /// Why they could not be rendered.
    pub(super) failure: Option<Arc<str>>,
    /// The rendered objects, parsed.
    pub(super) target: Option<Arc<TargetState>>,
    pub(crate) schemas: Schemas,
    pub(crate) comparison: Comparison,
}

/// Why there is nothing to compare.
pub(super) enum Obstacle {
    /// What the application asks for is not possible or not permitted.
    Invalid(Vec<ApplicationCondition>),
    /// The repo-server did not answer; what was known before may still be right.
    Unavailable(String),
}

/// How a look is to be taken.
pub(super) struct Look {
    /// What to render, and how fresh; `None` compares what was rendered before.
    pub(super) render: Option<(Wanted, Freshness)>,
    /// An unreachable repo-server leaves things as they were, instead of making them unknown.
    pub(super) overlooks_unavailable: bool,
}

/// A look in the making.
struct Draft {
    app: Arc<Application>,
    settings: Arc<Settings>,
    desired: Option<Arc<Desired>>,
    failure: Option<Arc<str>>,
    target: Option<Arc<TargetState>>,
    schemas: Schemas,
}

impl Actor {
    /// Looks at the application. What can be reused of the look before is.
    pub(super) async fn assess(
        &mut self,
        app: &Arc<Application>,
        look: Look,
    ) -> Result<Arc<Assessed>, Obstacle> {
        let context = self.context.clone();
        let settings = context.store.settings();
        let project = context
            .store
            .limits(app.spec.project_name(), &settings)
            .ok_or_else(|| Obstacle::Invalid(vec![project_missing(app)]))?;
        let validated =
            validate(app, &context.config.namespace, &project, &settings).map_err(Obstacle::Invalid)?;
        let registered = validated.cluster;
        let cluster = context
            .clusters
            .get(registered, &settings)
            .map_err(|reason| Obstacle::Invalid(vec![condition(InvalidSpecError, reason)]))?;
        // A new connection first reads what there is; until then nothing can be said.
        let state = cluster.settled().await;
        let previous = self.assessed.clone();
        let mut draft = Draft {
            app: app.clone(),
            settings: settings.clone(),
            desired: self.desired.clone(),
            failure: previous.as_ref().and_then(|previous| previous.failure.clone()),
            target: None,
            schemas: Schemas::default(),
        };
        let same_place = previous.as_ref().filter(|previous| {
            Arc::ptr_eq(&previous.settings, &settings)
                && Arc::ptr_eq(&previous.cluster, &cluster)
                && previous.app.spec.destination == app.spec.destination
        });
        if let Some(previous) = same_place {
            draft.schemas = previous.schemas.clone();
            // Whether an object lives in a namespace is known only once its kind is: until then it is read anew.
            let observation = cluster.observation();
            draft.target = previous.target.clone().filter(|target| {
                target.objects.iter().all(|object| observation.kind(&object.gvk.group_kind()).is_some())
            });
        }
        if let Some((wanted, freshness)) = look.render {
            self.render(&mut draft, &cluster, wanted, freshness, look.overlooks_unavailable).await?;
        }
        if draft.failure.is_none() && draft.target.is_none() {
            self.parse_target(&mut draft, &cluster, &registered.server);
        }
        let snapshot = self.snapshot(&mut draft, &cluster).await;
        let target = match (&draft.target, &draft.failure) {
            (_, Some(reason)) => Target::Unknown(reason.clone()),
            (Some(target), None) => Target::Complete(target.clone()),
            (None, None) => Target::Unknown(Arc::from("it was not rendered yet")),
        };
        let unseen = match (state.failure(), &snapshot) {
            (Some(reason), _) => Some(reason),
            (None, Err(reason)) => Some(reason.as_str()),
            (None, Ok(_)) => None,
        };
        let unseen = unseen.map(|reason| format!("cluster {}: {reason}", cluster.server()));
        let live = match (&unseen, &snapshot) {
            (None, Ok(snapshot)) => Ok(snapshot),
            (reason, _) => Err(reason.as_deref().unwrap_or_default()),
        };
        let observation = cluster.observation();
        let comparison = compare(&CompareInput {
            app,
            control_namespace: &context.config.namespace,
            project: &project,
            cluster: Destination::from(registered),
            target: &target,
            live,
            settings: &settings,
            schemas: &draft.schemas,
            scopes: &*observation,
            previous: same_place.map(|previous| &previous.comparison),
        });
        let Draft { app, settings, desired, failure, target, schemas } = draft;
        let assessed = Arc::new(Assessed {
            app,
            settings,
            project,
            cluster,
            desired,
            failure,
            target,
            schemas,
            comparison,
        });
        self.desired.clone_from(&assessed.desired);
        self.assessed = Some(assessed.clone());
        self.handle.view.show(Some(assessed.clone()));
        Ok(assessed)
    }

    async fn render(
        &mut self,
        draft: &mut Draft,
        cluster: &Cluster,
        wanted: Wanted,
        freshness: Freshness,
        overlooks_unavailable: bool,
    ) -> Result<(), Obstacle> {
        let capabilities =
            Capabilities { kube_version: cluster.version().short(), api_versions: cluster.api_versions() };
        let last = draft.desired.clone();
        let _permit = self.context.status_permits.acquire().await;
        let rendered = desired::fetch(
            &self.context.repo_server,
            &desired::Asking {
                app: &draft.app,
                instance: &self.instance,
                settings: &draft.settings,
                capabilities: &capabilities,
                freshness,
            },
            wanted,
            last.as_deref(),
        )
        .await;
        match rendered {
            Ok(rendered) => {
                if last.as_deref().is_none_or(|last| *last != rendered) {
                    draft.desired = Some(Arc::new(rendered));
                    draft.target = None;
                }
                draft.failure = None;
                self.failing_since = None;
                Ok(())
            }
            Err(error) => {
                let since = *self.failing_since.get_or_insert_with(Instant::now);
                let in_grace = since.elapsed() < self.context.config.repo_error_grace;
                if error.is_transient() && overlooks_unavailable && in_grace {
                    return Err(Obstacle::Unavailable(error.to_string()));
                }
                draft.failure = Some(error.to_string().into());
                Ok(())
            }
        }
    }

    fn parse_target(&self, assessed: &mut Draft, cluster: &Cluster, server: &str) {
        let Some(desired) = &assessed.desired else { return };
        match parse(desired) {
            Ok(objects) => {
                let proof =
                    Arc::new(RenderProof::complete(desired.revisions(), desired.source_types(), &objects));
                let observation = cluster.observation();
                let target = normalise_target(
                    proof,
                    objects,
                    &Normalisation {
                        scopes: &*observation,
                        destination_namespace: &assessed.app.spec.destination.namespace,
                        server,
                        settings: &assessed.settings,
                        instance: &self.instance,
                    },
                );
                assessed.target = Some(Arc::new(target));
            }
            Err(reason) => assessed.failure = Some(reason.into()),
        }
    }

    /// What is live of the application, with the bodies of objects that it wants and does not track yet.
    async fn snapshot(&self, assessed: &mut Draft, cluster: &Arc<Cluster>) -> Result<LiveSnapshot, String> {
        let objects = assessed.target.as_ref().map(|target| target.objects.as_slice()).unwrap_or_default();
        let kinds: Vec<Gvk> = objects.iter().map(|object| object.gvk.clone()).collect();
        let keys: Vec<ResourceKey> =
            assessed.target.iter().flat_map(|target| target.keys()).cloned().collect();
        assessed.schemas.load(cluster, kinds).await;
        let snapshot = cluster.snapshot(&self.instance, &keys);
        let without_body: Vec<ResourceKey> = snapshot.without_body().cloned().collect();
        let mut snapshot = if without_body.is_empty() {
            snapshot
        } else {
            cluster.want_bodies(&without_body).await.map_err(|error| chain(&error))?;
            cluster.snapshot(&self.instance, &keys)
        };
        // Objects that are desired in another version than the watched one, or of kinds that nobody watches.
        let to_read = assessed.target.as_ref().map(|target| target.to_read(&snapshot)).unwrap_or_default();
        for (key, gvk) in to_read {
            let Some(kind) = cluster.kind(&gvk.group_kind()) else { continue };
            let found =
                cluster.get(&gvk, key.namespace(), key.name()).await.map_err(|error| chain(&error))?;
            let mut kind = KindInfo::clone(&kind);
            kind.gvk = gvk;
            match found.and_then(|object| cluster.read(|index| index.read_whole(&kind, object))) {
                Some(node) => snapshot.nodes.insert(key, Arc::new(node)),
                None => snapshot.nodes.remove(&key),
            };
        }
        Ok(snapshot)
    }
}

/// The objects of all sources, in their order.
fn parse(desired: &Desired) -> Result<Vec<Manifest>, String> {
    let mut objects = Vec::new();
    for rendered in &desired.rendered {
        for line in rendered.manifests.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let value = serde_json::from_slice(line)
                .map_err(|error| format!("a rendered object can't be read: {error}"))?;
            let manifest = Manifest::new(value).map_err(|error| error.to_string())?;
            objects.push(manifest);
        }
    }
    Ok(objects)
}
