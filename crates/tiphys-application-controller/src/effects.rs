//! Carries the effects of a sync out on a cluster and turns the answers into events.
//!
//! One effect is one request, except that a read may follow a write whose outcome is not known. It decides nothing: what
//! a failure means is `tiphys-sync`'s.

use std::sync::Arc;

use tiphys_cluster::{
    ApiError, ApplyAction, ApplyError, Cluster, DeleteError, FieldValidation, PatchType, Propagation,
};
use tiphys_sync::{
    ApplyRequest, DeleteRequest, Event, Failure, FailureReason, FinalizerRequest, LiveObject, PatchKind,
    PropagationPolicy, TaskId, Write,
};

/// Sends a write.
pub(crate) async fn apply(cluster: Arc<Cluster>, task: TaskId, request: ApplyRequest) -> Event {
    let ApplyRequest { gvk, key, write, validate } = request;
    let mut request = match write {
        Write::Create { body } => (ApplyAction::Create(Arc::new(body)), None),
        Write::Patch { kind, patch, field_manager } => {
            let patch_type = match kind {
                PatchKind::Strategic => PatchType::Strategic,
                PatchKind::Merge => PatchType::Merge,
            };
            (ApplyAction::Patch { patch_type, patch: Arc::new(patch) }, field_manager)
        }
        Write::Replace { body } => (ApplyAction::Replace(Arc::new(body)), None),
        Write::ServerSideApply { body, field_manager } => {
            (ApplyAction::ServerSide { object: Arc::new(body), force: true }, Some(field_manager))
        }
    };
    let field_manager = request.1.take();
    let mut write = tiphys_cluster::ApplyRequest::new(gvk, key.namespace(), key.name(), request.0);
    write.validation = if validate { FieldValidation::Strict } else { FieldValidation::Ignore };
    if let Some(manager) = field_manager {
        write.field_manager = manager;
    }
    let result = match cluster.apply(&write).await {
        Ok(applied) => Ok(match &applied.node {
            Some(node) => LiveObject::from(node),
            None => {
                let object = applied.object();
                let health = tiphys_health::assess(&object);
                LiveObject::of(Arc::new(object), health)
            }
        }),
        Err(error) => Err(failure(&error)),
    };
    Event::Applied { task, result }
}

/// Reads an object that the index does not keep whole.
pub(crate) async fn read(
    cluster: Arc<Cluster>,
    task: TaskId,
    gvk: tiphys_manifest::Gvk,
    key: tiphys_manifest::ResourceKey,
) -> Event {
    let result = match cluster.get(&gvk, key.namespace(), key.name()).await {
        Ok(object) => Ok(object.map(|object| {
            let health = tiphys_health::assess(&object);
            LiveObject::of(Arc::new(object), health)
        })),
        Err(error) => Err(failure(&error)),
    };
    Event::Read { task, result }
}

/// Asks for a deletion of the very object that was seen.
pub(crate) async fn delete(cluster: Arc<Cluster>, task: TaskId, request: DeleteRequest) -> Event {
    let propagation = propagation(request.propagation);
    let uid = Some(request.uid.as_str()).filter(|uid| !uid.is_empty());
    let result = match cluster.delete(&request.key, uid, None, propagation).await {
        Ok(_) => Ok(()),
        Err(error) => Err(delete_failure(&error)),
    };
    Event::Deleted { task, result }
}

/// Takes our finalizer off a hook.
pub(crate) async fn remove_finalizer(
    cluster: Arc<Cluster>,
    task: TaskId,
    request: FinalizerRequest,
) -> Event {
    let FinalizerRequest { gvk, key, patch } = request;
    let action = ApplyAction::Patch { patch_type: PatchType::Json, patch: Arc::new(patch) };
    let write = tiphys_cluster::ApplyRequest::new(gvk, key.namespace(), key.name(), action);
    let result = cluster.apply(&write).await.map(drop).map_err(|error| failure(&error));
    Event::FinalizerRemoved { task, result }
}

pub(crate) fn propagation(policy: PropagationPolicy) -> Propagation {
    match policy {
        PropagationPolicy::Foreground => Propagation::Foreground,
        PropagationPolicy::Background => Propagation::Background,
        PropagationPolicy::Orphan => Propagation::Orphan,
    }
}

fn failure(error: &ApplyError) -> Failure {
    let message = error.to_string();
    if error.is_outcome_unknown() {
        return Failure { reason: FailureReason::OutcomeUnknown, message };
    }
    match error {
        ApplyError::Api(error) => Failure { reason: reason(error), message },
        ApplyError::Kind(_) => Failure { reason: FailureReason::NotFound, message },
    }
}

/// The failure of a deletion.
pub(crate) fn delete_failure(error: &DeleteError) -> Failure {
    let message = error.to_string();
    match error {
        DeleteError::Api(error) => Failure { reason: reason(error), message },
        DeleteError::Kind(_) => Failure { reason: FailureReason::NotFound, message },
    }
}

fn reason(error: &ApiError) -> FailureReason {
    if error.is_outcome_unknown() {
        FailureReason::OutcomeUnknown
    } else if error.is_already_exists() {
        FailureReason::AlreadyExists
    } else if error.is_not_found() {
        FailureReason::NotFound
    } else if error.is_conflict() {
        FailureReason::Conflict
    } else if error.is_retryable() {
        FailureReason::Busy
    } else if error.is_invalid() {
        FailureReason::Invalid
    } else {
        FailureReason::Refused
    }
}
