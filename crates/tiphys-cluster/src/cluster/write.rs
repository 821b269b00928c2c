//! Writes to deployed objects: one request each, its answer in the index before it is given to the caller.
//!
//! Nothing is repeated blindly. When the answer to a write is lost the object is read, so that whoever
//! decides what to do next decides by what is there.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tiphys_live::{KindInfo, LiveNode};
use tiphys_manifest::{Gvk, ResourceKey};

use super::observe::resource_type;
use super::{Cluster, UnknownKind};
use crate::client::{Call, JSON};
use crate::error::ApiError;
use crate::objects::{FIELD_MANAGER, PatchType, Propagation, bytes_of};
use crate::path::{ResourceType, query};

/// Media type of a server-side apply. JSON is YAML.
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum ApplyAction {
    /// The object, which must not be there.
    Create(Arc<Value>),
    /// A patch of the object, which must be there. A `metadata.resourceVersion` or `metadata.uid` in it is a
    /// precondition.
    Patch {
        /// How the body is to be read.
        patch_type: PatchType,
        /// The patch.
        patch: Arc<Value>,
    },
    /// What the field manager wants of the object, there or not.
    ServerSide {
        /// Fields that are wanted.
        object: Arc<Value>,
        /// Take fields over from other managers.
        force: bool,
    },
    /// The whole object, which must be there.
    Replace(Arc<Value>),
}

/// What the API server does with fields that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// It refuses the object. What `kubectl` asks for.
    #[default]
    Strict,
    /// It drops the fields (`Validate=false`).
    Ignore,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyRequest {
    /// Group, version and kind under which the object is written.
    pub gvk: Gvk,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name; may be empty for a creation with `generateName`.
    pub name: String,
    /// What is sent.
    pub action: ApplyAction,
    /// Unknown fields.
    pub validation: FieldValidation,
    /// Ask only what would come of it.
    pub dry_run: bool,
    /// Under which name the fields are recorded.
    pub field_manager: String,
}

impl ApplyRequest {
    /// A write with strict validation, as the control plane's field manager.
    pub fn new(gvk: Gvk, namespace: impl Into<String>, name: impl Into<String>, action: ApplyAction) -> Self {
        Self {
            gvk,
            namespace: namespace.into(),
            name: name.into(),
            action,
            validation: FieldValidation::default(),
            dry_run: false,
            field_manager: FIELD_MANAGER.to_owned(),
        }
    }
}

/// The object as the API server stored it, or for a dry run would store it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Identity.
    pub key: ResourceKey,
    /// Uid.
    pub uid: Arc<str>,
    /// The object in the index; `None` for a dry run, for a kind that is not watched, and when it was written
    /// in another version than the watched one.
    pub node: Option<Arc<LiveNode>>,
    bytes: Bytes,
}

impl Applied {
    /// The whole object. Parses on each call.
    pub fn object(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// Why an object could not be written. `Display` gives the API server's words where there are any.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The kind can't be used.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// The request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl ApplyError {
    /// The failure of the request, when one was sent.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::Kind(_) => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.is_retryable(),
            Self::Kind(error) => matches!(error, UnknownKind::Undiscovered { .. }),
        }
    }

    /// Whether the object may have been written all the same. The index holds what is there as far as it
    /// could be read.
    pub fn is_outcome_unknown(&self) -> bool {
        self.api().is_some_and(ApiError::is_outcome_unknown)
    }
}

/// What a deletion came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The object is gone.
    Gone,
    /// The object is being deleted: it waits for finalizers, for its children, or for its time to stop.
    Terminating,
    /// The object was not there.
    NotFound,
}

/// Why an object could not be deleted.
pub type DeleteError = ApplyError;

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: WrittenMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenMeta {
    name: String,
    namespace: String,
    uid: String,
    deletion_timestamp: Option<String>,
    deletion_grace_period_seconds: Option<i64>,
    finalizers: Vec<String>,
}

impl Cluster {
    /// Writes an object with one request. The index holds the result when this returns.
    ///
    /// Dropping the future leaves open whether the object was written: do not.
    ///
    /// # Errors
    ///
    /// When the kind is not served, or the API server refuses or does not answer.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<Applied, ApplyError> {
        let info = self.ensure_kind(&request.gvk).await?;
        let resource = in_version(&info, &request.gvk.version);
        let call = apply_call(request, &resource);
        match self.client().call(call).await {
            Ok(bytes) => Ok(self.take_in(&info, request, bytes)?),
            Err(error) => {
                let key = key_of(&info, &request.namespace, &request.name);
                if !request.dry_run && !request.name.is_empty() {
                    self.look_again(&error, &key).await;
                }
                Err(error.into())
            }
        }
    }

    /// Deletes an object: with a uid, only that very one; with a resourceVersion, only in that state.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_conflict`] when the precondition does not hold; other failures of the request.
    pub async fn delete(
        &self,
        key: &ResourceKey,
        uid: Option<&str>,
        resource_version: Option<&str>,
        propagation: Propagation,
    ) -> Result<Deleted, DeleteError> {
        let info = self.kind_of(key)?;
        let resource = resource_type(&info);
        let mut options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation.as_str(),
        });
        for (field, value) in [("uid", uid), ("resourceVersion", resource_version)] {
            if let Some(value) = value {
                options["preconditions"][field] = Value::from(value);
            }
        }
        let call = Call {
            method: Method::DELETE,
            verb: "delete",
            body: bytes_of(&options),
            kind: key.kind(),
            namespace: key.namespace(),
            ..Call::get(resource.object(key.namespace(), key.name()))
        };
        match self.client().call(call).await {
            Ok(bytes) => Ok(self.take_in_deletion(&info, key, uid, &bytes)),
            Err(error) if error.is_not_found() => {
                self.gone(key, uid);
                Ok(Deleted::NotFound)
            }
            Err(error) => {
                self.look_again(&error, key).await;
                Err(error.into())
            }
        }
    }

    /// Reads an object from the API server, in the version in which its kind is watched, into the index.
    /// `None` when it is not there.
    ///
    /// # Errors
    ///
    /// When the kind is not served, or the request fails.
    pub async fn refresh(&self, key: &ResourceKey) -> Result<Option<Arc<LiveNode>>, ApplyError> {
        let info = self.kind_of(key)?;
        Ok(self.fetch(&info, key).await?)
    }

    /// Reads an object in a certain version from the API server. `None` when it is not there.
    ///
    /// # Errors
    ///
    /// When the kind is not served, or the request fails.
    pub async fn get(&self, gvk: &Gvk, namespace: &str, name: &str) -> Result<Option<Value>, ApplyError> {
        let info = self.ensure_kind(gvk).await?;
        let resource = in_version(&info, &gvk.version);
        Ok(self.client().get_object(&resource, namespace, name).await?)
    }

    /// Reads the bodies of objects that exist but that no application tracks, so that they can be compared.
    /// From then on their bodies are kept. Objects that are gone leave the index.
    ///
    /// # Errors
    ///
    /// The first failure of a request; objects that were read are in the index all the same.
    pub async fn want_bodies(&self, keys: &[ResourceKey]) -> Result<(), ApplyError> {
        {
            let mut index = self.inner.index.write();
            keys.iter().for_each(|key| index.want_body(key));
        }
        let reads = keys.iter().map(|key| async move { self.refresh(key).await.map(|_| ()) });
        futures::future::try_join_all(reads).await.map(|_| ())
    }

    fn kind_of(&self, key: &ResourceKey) -> Result<Arc<KindInfo>, UnknownKind> {
        let kind = key.group_kind();
        self.kind(&kind)
            .ok_or_else(|| UnknownKind::NotServed { version: kind.group.to_string(), kind: kind.kind })
    }

    async fn fetch(&self, info: &KindInfo, key: &ResourceKey) -> Result<Option<Arc<LiveNode>>, ApiError> {
        let path = resource_type(info).object(key.namespace(), key.name());
        let call = Call { kind: key.kind(), namespace: key.namespace(), ..Call::get(path) };
        match self.client().json::<Value>(call).await {
            Ok(object) => {
                let mut index = self.inner.index.write();
                let change = index.apply(info, object);
                let node = index.get(key);
                drop(index);
                self.inner.publish(change.as_slice());
                Ok(node)
            }
            Err(error) if error.is_not_found() => {
                self.gone(key, None);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// After a write whose outcome is not known, or whose precondition says that the index is behind: what is
    /// there?
    async fn look_again(&self, error: &ApiError, key: &ResourceKey) {
        let behind = error.code() == Some(409) || error.is_not_found();
        if !(behind || error.is_outcome_unknown()) {
            return;
        }
        if let Ok(info) = self.kind_of(key)
            && let Err(error) = self.fetch(&info, key).await
        {
            tracing::debug!(%key, %error, "can't see what became of a write");
        }
    }

    fn take_in(&self, info: &KindInfo, request: &ApplyRequest, bytes: Bytes) -> Result<Applied, ApiError> {
        let decode = |source| ApiError::Decode { request: format!("write of {}", request.gvk), source };
        let written: Written = serde_json::from_slice(&bytes).map_err(decode)?;
        let key = key_of(info, &written.metadata.namespace, &written.metadata.name);
        let uid = written.metadata.uid.as_str().into();
        // A body in another version than the watched one must not pass for the watched one.
        let observed =
            !request.dry_run && request.gvk.version == info.gvk.version && self.inner.is_watched(info);
        if !observed {
            return Ok(Applied { key, uid, node: None, bytes });
        }
        let object: Value = serde_json::from_slice(&bytes).map_err(decode)?;
        let prepared = self.inner.index.read().prepare(info, object);
        let (change, node) = {
            let mut index = self.inner.index.write();
            let change = prepared.and_then(|node| index.apply_node(node));
            (change, index.get(&key))
        };
        if change.as_ref().is_some_and(|change| self.inner.hints_at_kinds(change)) {
            self.inner.rediscover.notify_one();
        }
        self.inner.publish(change.as_slice());
        Ok(Applied { key, uid, node, bytes })
    }

    /// The answer to a deletion is a Status when the object is gone, and most often the object when it is not.
    fn take_in_deletion(
        &self,
        info: &KindInfo,
        key: &ResourceKey,
        uid: Option<&str>,
        bytes: &[u8],
    ) -> Deleted {
        let written: Option<Written> = serde_json::from_slice(bytes).ok();
        let remains = written.filter(|it| it.kind != "Status").filter(|it| {
            let meta = &it.metadata;
            meta.deletion_timestamp.is_some()
                && (!meta.finalizers.is_empty() || meta.deletion_grace_period_seconds.unwrap_or(0) > 0)
        });
        if remains.is_none() {
            // A Namespace has its finalizers in `spec` and is answered with itself.
            if key.kind() != "Namespace" || !key.group().is_empty() {
                self.gone(key, uid);
                return Deleted::Gone;
            }
        }
        if let Ok(object) = serde_json::from_slice::<Value>(bytes)
            && object.get("kind").and_then(Value::as_str) != Some("Status")
        {
            let change = self.inner.index.write().apply(info, object);
            self.inner.publish(change.as_slice());
        }
        Deleted::Terminating
    }

    fn gone(&self, key: &ResourceKey, uid: Option<&str>) {
        let change = self.inner.index.write().delete(key, uid);
        self.inner.publish(change.as_slice());
    }
}

fn apply_call<'a>(request: &'a ApplyRequest, resource: &ResourceType) -> Call<'a> {
    let namespace = request.namespace.as_str();
    let object_path = || resource.object(namespace, &request.name);
    let (method, verb, mut path, content_type, body) = match &request.action {
        ApplyAction::Create(object) => {
            (Method::POST, "create", resource.collection(namespace), JSON, bytes_of(object))
        }
        ApplyAction::Patch { patch_type, patch } => {
            (Method::PATCH, "patch", object_path(), patch_type.content_type(), bytes_of(patch))
        }
        ApplyAction::ServerSide { object, force } => {
            let mut path = object_path();
            query(&mut path, "force", if *force { "true" } else { "false" });
            (Method::PATCH, "patch", path, APPLY_PATCH, bytes_of(object))
        }
        ApplyAction::Replace(object) => (Method::PUT, "update", object_path(), JSON, bytes_of(object)),
    };
    query(&mut path, "fieldManager", &request.field_manager);
    let validation = match request.validation {
        FieldValidation::Strict => "Strict",
        FieldValidation::Ignore => "Ignore",
    };
    query(&mut path, "fieldValidation", validation);
    if request.dry_run {
        query(&mut path, "dryRun", "All");
    }
    Call {
        method,
        verb,
        path,
        content_type,
        accept: JSON,
        body,
        kind: &request.gvk.kind,
        namespace,
        dry_run: request.dry_run,
    }
}

fn in_version(info: &KindInfo, version: &str) -> ResourceType {
    ResourceType { version: version.to_owned(), ..resource_type(info) }
}

fn key_of(info: &KindInfo, namespace: &str, name: &str) -> ResourceKey {
    ResourceKey::new(&info.gvk.group, &info.gvk.kind, if info.namespaced { namespace } else { "" }, name)
}
