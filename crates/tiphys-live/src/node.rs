//! One observed object: identity, owners and the few fields that trees and comparisons need.
//!
//! A body is kept as compact JSON for objects that an application tracks, and parsed when it is asked for: a
//! parsed tree takes three to five times the memory of its text.

use std::sync::Arc;

use serde_json::Value;
use tiphys_health::Health;
use tiphys_manifest::tracking::{INSTALLATION_ID_ANNOTATION, Marks, TRACKING_ID_ANNOTATION};
use tiphys_manifest::{Gvk, ResourceKey};

use crate::info::{self, NodeInfo};
use crate::kind::KindInfo;
use crate::rules::Rules;

/// An entry of `metadata.ownerReferences`, or an owner that is not written down but known (REC-020).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRef {
    /// Uid of the owner; empty when the owner is inferred and only its key is known.
    pub uid: Arc<str>,
    /// API group of the owner.
    pub group: Arc<str>,
    /// Kind of the owner.
    pub kind: Arc<str>,
    /// Name of the owner. It lives in the object's namespace or is cluster-scoped.
    pub name: Arc<str>,
    /// The owner is the one that manages the object.
    pub controller: bool,
}

/// One observed object. Immutable: a change makes a new one.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveNode {
    /// Group, kind, namespace and name.
    pub key: ResourceKey,
    /// Version in which the object was read, for example `v1`.
    pub version: Arc<str>,
    /// Uid; empty for the rare objects that have none.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`. For order see [`compare_versions`](crate::compare_versions).
    pub resource_version: Box<str>,
    /// Owners, as written and as inferred.
    pub owners: Box<[OwnerRef]>,
    /// `metadata.creationTimestamp` as it is written (RFC 3339); empty when there is none.
    pub created_at: Box<str>,
    /// `metadata.deletionTimestamp` as it is written, when the object is being deleted.
    pub deletion_timestamp: Option<Box<str>>,
    /// Instance name of the application that tracks this object; a mark copied from another object does not
    /// count.
    pub tracked_by: Option<Arc<str>>,
    /// Health by the rules of its kind; `None` for kinds without rules.
    pub health: Option<Health>,
    /// Info items, networking, images; `None` when there are none.
    pub info: Option<Box<NodeInfo>>,
    /// Names of a StatefulSet's claim templates, by which its claims are found.
    pub claim_templates: Box<[Box<str>]>,
    body: Option<Box<[u8]>>,
    managed_fields: Option<Box<[u8]>>,
}

impl LiveNode {
    /// Reads an object of the kind. `None` when it has no name. `keep_body` is for objects that are wanted
    /// although no application tracks them.
    pub(crate) fn read(kind: &KindInfo, mut object: Value, rules: &Rules, keep_body: bool) -> Option<Self> {
        complete_type(kind, &mut object);
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        let managed_fields = metadata.remove("managedFields");
        let metadata = object.get("metadata")?.as_object()?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("name");
        if name.is_empty() {
            return None;
        }
        let key = ResourceKey::new(&kind.gvk.group, &kind.gvk.kind, text("namespace"), name);
        let marks = Marks {
            label: info::label(&object, &rules.tracking.label_key),
            tracking_id: info::annotation(&object, TRACKING_ID_ANNOTATION),
            installation_id: info::annotation(&object, INSTALLATION_ID_ANNOTATION),
        };
        let tracked_by = rules.tracking.owner(&key, marks).map(|owner| Arc::from(owner.app_instance));
        let node_info =
            NodeInfo::of(&kind.gvk.group, &kind.gvk.version, &kind.gvk.kind, &object, &rules.custom_labels);
        let keep_body =
            keep_body || tracked_by.is_some() || rules.keeps_body_of(&kind.gvk.group, &kind.gvk.kind);
        Some(Self {
            version: kind.gvk.version.clone(),
            uid: text("uid").into(),
            resource_version: text("resourceVersion").into(),
            owners: owners(&key, &object),
            created_at: text("creationTimestamp").into(),
            deletion_timestamp: Some(text("deletionTimestamp")).filter(|at| !at.is_empty()).map(Into::into),
            tracked_by,
            health: (rules.health)(&object),
            info: Some(node_info).filter(|info| !info.is_empty()).map(Box::new),
            claim_templates: claim_templates(&key, &object),
            body: keep_body.then(|| compact(&object)),
            managed_fields: managed_fields
                .filter(|_| keep_body && rules.keep_managed_fields)
                .map(|it| compact(&it)),
            key,
        })
    }

    /// The object without `metadata.managedFields`, when its body is kept: for tracked objects,
    /// CustomResourceDefinitions and objects that were asked for. Parses on each call.
    pub fn body(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }

    /// As [`body`](Self::body), with `metadata.managedFields` where they are kept.
    pub fn body_with_managed_fields(&self) -> Option<Value> {
        let mut body = self.body()?;
        if let Some(fields) = self.managed_fields()
            && let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.insert("managedFields".into(), fields);
        }
        Some(body)
    }

    /// `metadata.managedFields`, where they are kept.
    pub fn managed_fields(&self) -> Option<Value> {
        serde_json::from_slice(self.managed_fields.as_deref()?).ok()
    }

    /// The body is there.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.key.group(), self.version.clone(), self.key.kind())
    }

    /// The object is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Info items, networking and images; empty ones when there are none.
    pub fn info(&self) -> &NodeInfo {
        static NONE: NodeInfo =
            NodeInfo { items: Vec::new(), networking: None, images: Vec::new(), pod: None, host: None };
        self.info.as_deref().unwrap_or(&NONE)
    }

    /// Bytes of the kept body and managed fields, for figures about memory.
    pub fn body_size(&self) -> usize {
        self.body.as_deref().map_or(0, <[u8]>::len) + self.managed_fields.as_deref().map_or(0, <[u8]>::len)
    }

    pub(crate) fn body_bytes(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }
}

/// Items of a typed list carry neither `apiVersion` nor `kind`.
fn complete_type(kind: &KindInfo, object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        if !map.contains_key("kind") {
            map.insert("kind".into(), Value::from(&*kind.gvk.kind));
        }
        if !map.contains_key("apiVersion") {
            map.insert("apiVersion".into(), Value::from(kind.gvk.api_version()));
        }
    }
}

fn compact(value: &Value) -> Box<[u8]> {
    // A value of our own always serialises.
    serde_json::to_vec(value).unwrap_or_default().into_boxed_slice()
}

fn owners(key: &ResourceKey, object: &Value) -> Box<[OwnerRef]> {
    let mut owners: Vec<OwnerRef> = info::items(object, "/metadata/ownerReferences")
        .filter_map(|reference| {
            let text = |name: &str| reference.get(name).and_then(Value::as_str);
            let (group, _) = tiphys_manifest::identity::split_api_version(text("apiVersion")?);
            Some(OwnerRef {
                uid: text("uid").unwrap_or_default().into(),
                group: group.into(),
                kind: text("kind")?.into(),
                name: text("name")?.into(),
                controller: reference.get("controller").and_then(Value::as_bool).unwrap_or(false),
            })
        })
        .collect();
    owners.extend(inferred_owner(key, object, owners.is_empty()));
    owners.into_boxed_slice()
}

/// Owners that follow from a name or an annotation. A claim's StatefulSet is found when it is asked for,
/// because which of several StatefulSets it is depends on their claim templates.
fn inferred_owner(key: &ResourceKey, object: &Value, has_no_other: bool) -> Option<OwnerRef> {
    let owner = |group: &str, kind: &str, name: &str, uid: &str| OwnerRef {
        uid: uid.into(),
        group: group.into(),
        kind: kind.into(),
        name: name.into(),
        controller: false,
    };
    match (key.group(), key.kind()) {
        ("", "Endpoints") if has_no_other => Some(owner("", "Service", key.name(), "")),
        ("operators.coreos.com", "ClusterServiceVersion") => {
            let group = info::annotation(object, "olm.operatorGroup").filter(|name| !name.is_empty())?;
            Some(owner("operators.coreos.com", "OperatorGroup", group, ""))
        }
        ("", "Secret") => {
            if object.get("type").and_then(Value::as_str) != Some("kubernetes.io/service-account-token") {
                return None;
            }
            let name = info::annotation(object, "kubernetes.io/service-account.name")?;
            let uid = info::annotation(object, "kubernetes.io/service-account.uid").unwrap_or_default();
            Some(owner("", "ServiceAccount", name, uid))
        }
        _ => None,
    }
}

fn claim_templates(key: &ResourceKey, object: &Value) -> Box<[Box<str>]> {
    if (key.group(), key.kind()) != ("apps", "StatefulSet") {
        return Box::default();
    }
    info::items(object, "/spec/volumeClaimTemplates")
        .filter_map(|template| template.get("metadata")?.get("name")?.as_str())
        .map(Into::into)
        .collect()
}
