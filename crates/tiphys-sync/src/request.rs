//! Which request brings one object in line.
//!
//! Knows the ways of applying (client side, server side, replace, force) and kubectl's last applied configuration. The
//! request is a value; sending it is the adapter's.

use serde_json::{Value, json};
use tiphys_diff::apply::with_last_applied;
use tiphys_manifest::{Gvk, Manifest, ResourceKey};

use crate::hook::HOOK_FINALIZER;
use crate::live::{LiveObject, LiveView, PatchKind, ThreeWayPatch, finalizers};
use crate::message::Done;
use crate::options::PropagationPolicy;
use crate::task::{self, Task};

/// The field manager of server-side apply.
pub const FIELD_MANAGER: &str = "argocd-controller";

/// How an object is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Create it.
    Create {
        /// The object.
        body: Value,
    },
    /// Patch it.
    Patch {
        /// How the patch is merged.
        kind: PatchKind,
        /// The patch.
        patch: Value,
        /// The name under which the write is recorded; `None` for the adapter's own.
        field_manager: Option<String>,
    },
    /// Replace it, on condition of the resource version that the body carries.
    Replace {
        /// The object.
        body: Value,
    },
    /// Apply it on the server side; conflicts with other managers are forced.
    ServerSideApply {
        /// The object.
        body: Value,
        /// The field manager.
        field_manager: String,
    },
}

/// One write to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyRequest {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The object.
    pub key: ResourceKey,
    /// How it is written.
    pub write: Write,
    /// Whether unknown and repeated fields are refused (`fieldValidation=Strict`) or ignored (`Ignore`).
    pub validate: bool,
}

/// One deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The object.
    pub key: ResourceKey,
    /// The deletion holds only for the object with this uid.
    pub uid: String,
    /// What happens to its dependents.
    pub propagation: PropagationPolicy,
}

/// Takes our finalizer off an object; nobody else's is touched.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalizerRequest {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The object.
    pub key: ResourceKey,
    /// A JSON patch (RFC 6902) that fails when the object is another one or the list has changed.
    pub patch: Value,
}

/// What is to be done for an apply.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// Send this.
    Send(Write, Done),
    /// There is nothing to change.
    Unchanged,
    /// The live object has to be read first.
    Read,
    /// Delete the live object, then create.
    Recreate,
    /// It can't be done.
    Refuse(String),
}

/// Decides on an apply. `live` is the object as known now.
pub(crate) fn decide(task: &Task, live: Option<&LiveObject>, view: &dyn LiveView) -> Decision {
    let Some(manifest) = task.desired.as_deref() else {
        return Decision::Refuse("the object has no manifest".to_owned());
    };
    let desired = manifest.value();
    let options = &task.options;
    if options.replace {
        return match live {
            None => Decision::Send(Write::Create { body: desired.clone() }, Done::Created),
            Some(_) if options.force && may_be_recreated(&task.key) => Decision::Recreate,
            Some(live) => {
                let body = with_resource_version(desired, &live.resource_version);
                Decision::Send(Write::Replace { body }, Done::Replaced)
            }
        };
    }
    if options.server_side_apply {
        if let Some(write) = live.and_then(|live| migration(task, live, manifest, view)) {
            return Decision::Send(write, Done::ServerSideApplied);
        }
        let write = Write::ServerSideApply { body: desired.clone(), field_manager: FIELD_MANAGER.to_owned() };
        return Decision::Send(write, Done::ServerSideApplied);
    }
    let Some(live) = live else {
        return Decision::Send(
            Write::Create { body: with_last_applied(manifest).into_value() },
            Done::Created,
        );
    };
    let Some(body) = live.body() else { return Decision::Read };
    match view.three_way(&task.gvk, with_last_applied(manifest).value(), &body) {
        Ok(None) => Decision::Unchanged,
        Ok(Some(ThreeWayPatch { kind, patch })) => {
            Decision::Send(Write::Patch { kind, patch, field_manager: None }, Done::Configured)
        }
        Err(reason) => Decision::Refuse(reason),
    }
}

/// A client-side apply in the name of the manager whose fields are to be taken over: the server-side apply that
/// follows inherits them. `None` when that manager owns nothing, or nothing would change.
fn migration(task: &Task, live: &LiveObject, desired: &Manifest, view: &dyn LiveView) -> Option<Write> {
    let manager = task.options.migrate_from.as_deref()?;
    let body = live.body_with_managed_fields()?;
    let owners = body.get("metadata")?.get("managedFields")?.as_array()?;
    let owns = |entry: &Value| {
        entry.get("manager").and_then(Value::as_str) == Some(manager)
            && entry.get("operation").and_then(Value::as_str) == Some("Update")
    };
    if !owners.iter().any(owns) {
        return None;
    }
    let ThreeWayPatch { kind, patch } =
        view.three_way(&task.gvk, with_last_applied(desired).value(), &body).ok().flatten()?;
    Some(Write::Patch { kind, patch, field_manager: Some(manager.to_owned()) })
}

/// Whether an object may be deleted only to be created again. Deleting a namespace or a definition takes everything
/// in it along, deleting a claim takes the data.
pub(crate) fn may_be_recreated(key: &ResourceKey) -> bool {
    let is_claim = key.kind() == "PersistentVolumeClaim" && key.group().is_empty();
    !(task::is_namespace(key) || task::is_definition(key) || is_claim)
}

fn with_resource_version(desired: &Value, resource_version: &str) -> Value {
    let mut body = desired.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), resource_version.into());
    }
    body
}

/// The patch that takes the hook finalizer off a live object; `None` when it has none.
pub(crate) fn without_hook_finalizer(body: &Value) -> Option<Value> {
    without_finalizer(body, HOOK_FINALIZER)
}

/// The JSON patch that takes one finalizer off an object; `None` when the object does not have it. It tests the uid
/// and the place in the list, so that it fails rather than taking off another one.
pub fn without_finalizer(body: &Value, finalizer: &str) -> Option<Value> {
    let place = finalizers(body).position(|held| held == finalizer)?;
    let path = format!("/metadata/finalizers/{place}");
    let uid = body.pointer("/metadata/uid").cloned().unwrap_or_default();
    Some(json!([
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": path, "value": finalizer},
        {"op": "remove", "path": path},
    ]))
}

/// A deletion of the object that was seen.
pub(crate) fn deletion(task: &Task, live: &LiveObject, propagation: PropagationPolicy) -> DeleteRequest {
    DeleteRequest { gvk: task.gvk.clone(), key: task.key.clone(), uid: live.uid.to_string(), propagation }
}

pub(crate) fn apply(task: &Task, write: Write) -> ApplyRequest {
    ApplyRequest { gvk: task.gvk.clone(), key: task.key.clone(), write, validate: task.options.validate }
}
