//! The next version of an Application, and writing it as one patch.
//!
//! The actor changes a draft and stores it when a thought is complete: sync status, operation record, history and the
//! removal of a refresh request travel together. The patch is the difference between two typed values, so fields that
//! the types do not know are not in it; it carries the resourceVersion that was read, so nothing is written over what
//! somebody else has written meanwhile.

use std::sync::Arc;

use serde_json::Value;
use tiphys_api::Application;
use tiphys_api::names::annotation::{REFRESH, REFRESH_TIMESTAMP};
use tiphys_api::patch;
use tiphys_cluster::{ApiError, PatchType, ResourceType};

use crate::context::Context;
use crate::store::{AppKey, Observed};

/// How often a patch is sent again because somebody else has written meanwhile.
const ATTEMPTS: usize = 6;

/// What is read and what is to be written.
#[derive(Debug)]
pub(crate) struct Draft {
    base: Arc<Application>,
    /// The version to be. Only status, operation, annotations and finalizers are ever changed.
    pub(crate) next: Application,
}

/// A draft could not be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The Application is not there any more.
    #[error("the Application is gone")]
    Gone,
    /// Somebody else has started an operation where the draft starts one too: theirs counts.
    #[error("another operation was started meanwhile")]
    OtherOperation,
    /// The object has become unreadable.
    #[error("the Application can't be read: {0}")]
    Unreadable(Arc<str>),
    /// The API server refuses or does not answer.
    #[error("store the Application: {0}")]
    Api(#[source] ApiError),
}

impl Draft {
    pub(crate) fn new(base: Arc<Application>) -> Self {
        let next = (*base).clone();
        Self { base, next }
    }

    /// The version that was read.
    pub(crate) fn base(&self) -> &Arc<Application> {
        &self.base
    }

    /// Writes what differs; `true` when there was anything. Afterwards the draft is what the API server has stored.
    pub(crate) async fn store(&mut self, context: &Context, key: &AppKey) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(patch) = self.patch() else { return Ok(false) };
            let applications = ResourceType::applications();
            let answer = context
                .api
                .patch_object(&applications, &key.namespace, &key.name, PatchType::Merge, &patch)
                .await;
            match answer {
                Ok(stored) => {
                    self.take(context, key, stored)?;
                    return Ok(true);
                }
                Err(error) if error.is_not_found() => return Err(StoreError::Gone),
                // A lost answer is looked at, not repeated: what is there says whether the write was carried out.
                Err(error) if error.is_conflict() || error.is_outcome_unknown() => {
                    let found = context
                        .api
                        .get_object(&applications, &key.namespace, &key.name)
                        .await
                        .map_err(StoreError::Api)?
                        .ok_or(StoreError::Gone)?;
                    let observed = Observed::read(found);
                    let app = observed.app.clone().map_err(StoreError::Unreadable)?;
                    context.store.put_application(key, observed);
                    self.rebase(app)?;
                }
                Err(error) => return Err(StoreError::Api(error)),
            }
        }
        Err(StoreError::OtherOperation)
    }

    fn take(&mut self, context: &Context, key: &AppKey, stored: Value) -> Result<(), StoreError> {
        let observed = Observed::read(stored);
        let app = observed.app.clone().map_err(StoreError::Unreadable)?;
        context.store.put_application(key, observed);
        self.next = (*app).clone();
        self.base = app;
        Ok(())
    }

    fn patch(&self) -> Option<Value> {
        // Both were read from JSON, so both can be written as JSON.
        let mut patch = patch::between(&*self.base, &self.next).ok().flatten()?;
        if let Some(object) = patch.as_object_mut() {
            let metadata = object.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
            metadata["resourceVersion"] = self.base.metadata.resource_version.clone().into();
        }
        Some(patch)
    }

    /// Puts the draft's changes on top of a newer version.
    pub(crate) fn rebase(&mut self, newer: Arc<Application>) -> Result<(), StoreError> {
        let starts = self.base.operation.is_none() && self.next.operation.is_some();
        if starts && newer.operation.is_some() && newer.operation != self.next.operation {
            return Err(StoreError::OtherOperation);
        }
        let mut next = (*newer).clone();
        if let (Ok(Some(change)), Ok(mut value)) =
            (patch::between(&self.base.status, &self.next.status), serde_json::to_value(&next.status))
        {
            patch::apply(&mut value, &change);
            if let Ok(status) = serde_json::from_value(value) {
                next.status = status;
            }
        }
        if self.base.operation != self.next.operation {
            next.operation.clone_from(&self.next.operation);
        }
        for annotation in [REFRESH, REFRESH_TIMESTAMP] {
            let removes = self.base.metadata.annotation(annotation).is_some()
                && self.next.metadata.annotation(annotation).is_none();
            let same_request = [REFRESH, REFRESH_TIMESTAMP]
                .iter()
                .all(|name| self.base.metadata.annotation(name) == newer.metadata.annotation(name));
            if removes && same_request {
                next.metadata.annotations.remove(annotation);
            }
        }
        let removed: Vec<&String> = self
            .base
            .metadata
            .finalizers
            .iter()
            .filter(|f| !self.next.metadata.finalizers.contains(f))
            .collect();
        next.metadata.finalizers.retain(|finalizer| !removed.contains(&finalizer));
        self.base = newer;
        self.next = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app(value: &Value) -> Arc<Application> {
        Arc::new(serde_json::from_value(value.clone()).unwrap())
    }

    #[test]
    fn the_patch_carries_the_version_that_was_read_and_nothing_unknown() {
        let mut draft = Draft::new(app(&json!({
            "metadata": {"name": "a", "resourceVersion": "7"},
            "status": {"future": {"kept": true}, "sync": {"status": "OutOfSync", "new": 1}},
        })));
        assert!(draft.patch().is_none());
        draft.next.status.sync.status = "Synced".into();
        assert_eq!(
            draft.patch().unwrap(),
            json!({"metadata": {"resourceVersion": "7"}, "status": {"sync": {"status": "Synced"}}})
        );
    }

    // covers: APP-009
    #[test]
    fn a_refresh_request_that_came_meanwhile_is_not_lost() {
        let base =
            json!({"metadata": {"name": "a", "annotations": {REFRESH: "normal", REFRESH_TIMESTAMP: "1"}}});
        let newer =
            json!({"metadata": {"name": "a", "annotations": {REFRESH: "normal", REFRESH_TIMESTAMP: "2"}}});
        for (newer, left) in [(&newer, true), (&base, false)] {
            let mut draft = Draft::new(app(&base));
            draft.next.metadata.annotations.clear();
            draft.rebase(app(newer)).unwrap();
            assert_eq!(draft.next.metadata.annotation(REFRESH).is_some(), left);
        }
    }

    #[test]
    fn an_operation_that_a_user_started_meanwhile_is_not_replaced() {
        let mut draft = Draft::new(app(&json!({"metadata": {"name": "a"}})));
        draft.next.operation = Some(serde_json::from_value(json!({"sync": {"revision": "ours"}})).unwrap());
        let newer = app(&json!({"metadata": {"name": "a"}, "operation": {"sync": {"revision": "theirs"}}}));
        assert!(matches!(draft.rebase(newer), Err(StoreError::OtherOperation)));
    }

    #[test]
    fn a_request_to_terminate_survives_a_progress_record() {
        let mut draft = Draft::new(app(&json!({
            "metadata": {"name": "a"}, "status": {"operationState": {"phase": "Running", "startedAt": "2024-01-01T00:00:00Z"}},
        })));
        draft.next.status.operation_state.as_mut().unwrap().message = "waiting".to_owned();
        let newer = app(&json!({
            "metadata": {"name": "a"}, "status": {"operationState": {"phase": "Terminating", "startedAt": "2024-01-01T00:00:00Z"}},
        }));
        draft.rebase(newer).unwrap();
        let state = draft.next.status.operation_state.unwrap();
        assert_eq!((state.phase.as_str(), state.message.as_str()), ("Terminating", "waiting"));
    }
}
