//! Deletes what an Application owns when the Application itself is being deleted.
//!
//! The order and the waiting are `tiphys-sync`'s; here its effects are carried out and its end is written: our
//! finalizers come off, and nobody else's.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tiphys_api::Application;
use tiphys_api::application::ApplicationCondition;
use tiphys_api::names::annotation::DELETION_APPROVED;
use tiphys_api::time::Time;
use tiphys_api::words::ApplicationConditionType;
use tiphys_cluster::{ApplyAction, ApplyRequest, Cluster, PatchType};
use tiphys_live::KindState;
use tiphys_manifest::ResourceKey;
use tiphys_rbac::{Destination, Project};
use tiphys_sync::deletion::{self, Deletion, DeletionEffect, DeletionEvent, OwnedObject, OwnedView};
use tiphys_sync::{Failure, FailureReason, LiveObject, SyncOptions};

use super::draft::{Draft, StoreError};
use super::{Actor, Done, Turn};
use crate::effects;

/// A cascade in progress.
pub(super) struct RunningDeletion {
    machine: Deletion,
    cluster: Arc<Cluster>,
    uid: String,
}

/// What the cascade looks at.
struct View<'a> {
    cluster: &'a Cluster,
    instance: &'a str,
    /// What the Application's project permits; it may have become less since the sync.
    project: &'a Project,
    approved_at: Option<DateTime<Utc>>,
}

impl View<'_> {
    fn permits(&self, key: &ResourceKey) -> bool {
        let destination = Destination { server: self.cluster.server(), name: self.cluster.name() };
        self.project.permits_resource(destination, key.group(), key.kind(), key.namespace(), key.name())
    }
}

impl OwnedView for View<'_> {
    fn objects(&self) -> Result<Vec<OwnedObject>, String> {
        if let Some(reason) = self.cluster.state().failure() {
            return Err(reason.to_owned());
        }
        if !self.cluster.state().is_synced() {
            return Err("the objects of the cluster are being listed".to_owned());
        }
        // A kind that can't be read may hold objects of ours; without seeing them nothing may be called deleted.
        let observation = self.cluster.observation();
        for (kind, state) in observation.kinds() {
            if let KindState::Lost(reason) = state {
                return Err(format!("{} can't be read: {reason}", kind.gvk.kind));
            }
        }
        Ok(self.cluster.read(|index| {
            index
                .tracked(self.instance)
                .iter()
                .filter(|node| self.permits(&node.key))
                .map(|node| OwnedObject {
                    key: node.key.clone(),
                    gvk: node.gvk(),
                    live: LiveObject::from(node),
                })
                .collect()
        }))
    }

    fn deletion_approved_at(&self) -> Option<DateTime<Utc>> {
        self.approved_at
    }
}

impl Actor {
    /// One look at an Application that is being deleted.
    pub(super) async fn delete(&mut self, app: Arc<Application>, event: DeletionEvent) -> Turn {
        let finalizers = app.metadata.finalizers.iter().map(String::as_str);
        let Some(propagation) = deletion::cascade(finalizers) else {
            // Nothing of ours holds it: whatever other finalizers wait for is not our affair.
            return self.release(app).await;
        };
        if self.deletion.as_ref().is_none_or(|running| running.uid != app.metadata.uid) {
            let settings = self.context.store.settings();
            let cluster = match settings.clusters.resolve(&app.spec.destination) {
                Ok(registered) => match self.context.clusters.get(registered, &settings) {
                    Ok(cluster) => cluster,
                    Err(reason) => return self.report_deletion(app, reason).await,
                },
                Err(reason) => {
                    // The cluster is no longer registered: there is nothing left that could be deleted.
                    tracing::warn!(application = %self.key, %reason, "deleting without its objects");
                    return self.release(app).await;
                }
            };
            let options = app.spec.sync_policy.as_ref().map(|policy| policy.sync_options.as_slice());
            let options = SyncOptions::parse(options.unwrap_or_default().iter().map(String::as_str));
            let since = app.metadata.deletion_timestamp.map_or_else(Utc::now, Time::as_datetime);
            let machine = Deletion::new(app.metadata.uid.clone(), since, propagation, options);
            self.deletion = Some(RunningDeletion { machine, cluster, uid: app.metadata.uid.clone() });
        }
        let Some(running) = &mut self.deletion else { return Turn::Go };
        if running.machine.is_finished() {
            // Everything is gone; only the finalizers could not be taken off yet.
            return self.release(app).await;
        }
        let cluster = running.cluster.clone();
        if cluster.state() == tiphys_cluster::ClusterState::Connecting {
            let _state = cluster.settled().await;
        }
        let settings = self.context.store.settings();
        let Some(project) = self.context.store.limits(app.spec.project_name(), &settings) else {
            // What it permitted is not known any more, so nothing may be called deleted.
            let missing = tiphys_compare::project_missing(&app).message;
            return self.report_deletion(app, missing).await;
        };
        let Some(running) = &mut self.deletion else { return Turn::Go };
        let view = View {
            cluster: &cluster,
            instance: &self.instance,
            project: &project,
            approved_at: approved_at(&app),
        };
        let effects = running.machine.step(event, &view, Utc::now());
        let mut report = None;
        for effect in effects {
            match effect {
                DeletionEffect::Delete(request) => {
                    let cluster = cluster.clone();
                    self.work.spawn(async move {
                        let propagation = effects::propagation(request.propagation);
                        let result =
                            cluster.delete(&request.key, Some(&request.uid), None, propagation).await;
                        let result = result.map(drop).map_err(|error| effects::delete_failure(&error));
                        Done::Deletion(DeletionEvent::Answered { key: request.key, uid: request.uid, result })
                    });
                }
                DeletionEffect::RemoveFinalizer { uid, request } => {
                    let cluster = cluster.clone();
                    self.work.spawn(async move {
                        let (key, gvk) = (request.key, request.gvk);
                        let patch = Arc::new(request.patch);
                        let action = ApplyAction::Patch { patch_type: PatchType::Json, patch };
                        let write = ApplyRequest::new(gvk, key.namespace(), key.name(), action);
                        let result = cluster.apply(&write).await.map(drop).map_err(|error| Failure {
                            reason: if error.is_retryable() {
                                FailureReason::Busy
                            } else {
                                FailureReason::Refused
                            },
                            message: error.to_string(),
                        });
                        Done::Deletion(DeletionEvent::Answered { key, uid, result })
                    });
                }
                DeletionEffect::WakeAt(at) => self.timers.operation = Some(super::instant(at)),
                DeletionEffect::Report { message, is_error } => report = is_error.then_some(message),
                DeletionEffect::Finish => return self.release(app).await,
            }
        }
        match report {
            Some(message) => self.report_deletion(app, message).await,
            None => Turn::Go,
        }
    }

    /// Takes our finalizers off.
    async fn release(&mut self, app: Arc<Application>) -> Turn {
        let ours = deletion::own_finalizers(app.metadata.finalizers.iter().map(String::as_str));
        let ours: Vec<String> = ours.into_iter().map(str::to_owned).collect();
        if ours.is_empty() {
            return Turn::Go;
        }
        let mut draft = Draft::new(app);
        draft.next.metadata.finalizers.retain(|finalizer| !ours.contains(finalizer));
        match draft.store(&self.context, &self.key).await {
            Ok(_) | Err(StoreError::Gone) => {
                self.deletion = None;
                Turn::Go
            }
            Err(error) => self.retry_later(&error),
        }
    }

    async fn report_deletion(&mut self, app: Arc<Application>, message: String) -> Turn {
        let condition = ApplicationCondition {
            type_: ApplicationConditionType::DeletionError,
            message,
            last_transition_time: Some(Time::new(Utc::now())),
        };
        let mut draft = Draft::new(app);
        let conditions = &mut draft.next.status.conditions;
        let known = conditions.iter().any(|c| c.type_ == condition.type_ && c.message == condition.message);
        if !known {
            conditions.retain(|c| c.type_ != condition.type_);
            conditions.push(condition);
        }
        self.timers.operation = Some(tokio::time::Instant::now() + super::LOOK_AGAIN);
        match draft.store(&self.context, &self.key).await {
            Ok(_) | Err(StoreError::Gone) => Turn::Go,
            Err(error) => self.retry_later(&error),
        }
    }
}

/// When a user approved the deletion of what needs it.
pub(super) fn approved_at(app: &Application) -> Option<DateTime<Utc>> {
    let text = app.metadata.annotation(DELETION_APPROVED)?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
