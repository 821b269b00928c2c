//! Writing an Application: a merge patch against the state that it was computed from, tried again when somebody else was
//! faster.

use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_cluster::{PatchType, ResourceType};
use tiphys_wire::{ErrorKind, WireError};

use super::find::{names, not_found};
use crate::applications::From;
use crate::errors::from_api;
use crate::server::Server;

/// How often a change is tried against a newer state.
const ATTEMPTS: usize = 10;

impl Server {
    /// Applies the merge patch that `make` computes from the current state; `None` is no change. `make` is asked again
    /// with the newer state whenever the one it saw was no longer the current one.
    pub(super) async fn change(
        &self,
        application: &Arc<Value>,
        mut make: impl FnMut(&Value) -> Result<Option<Value>, WireError>,
    ) -> Result<Arc<Value>, WireError> {
        let mut current = application.clone();
        let resource = ResourceType::applications();
        for _attempt in 0..ATTEMPTS {
            let (namespace, name) = names(&current);
            let Some(mut patch) = make(&current)? else { return Ok(current) };
            let version = current.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
            if let Some(patch) = patch.as_object_mut() {
                let metadata = patch.entry("metadata").or_insert_with(|| json!({}));
                metadata["resourceVersion"] = version;
            }
            match self.api.patch_object(&resource, namespace, name, PatchType::Merge, &patch).await {
                Ok(object) => return Ok(self.applications.put(object, From::Write)),
                Err(error) if error.is_conflict() => {
                    let newer =
                        self.api.get_object(&resource, namespace, name).await.map_err(|e| from_api(&e))?;
                    let Some(newer) = newer else { return Err(not_found(name)) };
                    current = self.applications.put(newer, From::Write);
                }
                Err(error) => return Err(from_api(&error)),
            }
        }
        Err(WireError::new(
            ErrorKind::Aborted,
            "the application was changed by others again and again; try once more",
        ))
    }
}
