//! What a new state of an object means to others: which applications it concerns, and what differs.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tiphys_manifest::ResourceKey;

use crate::node::LiveNode;
use crate::rules::IgnoreUpdates;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The object was not known, or it is a new one of the same name.
    Added,
    /// The object is another than before.
    Modified,
    /// The object is gone.
    Deleted,
}

/// One change of the index.
#[derive(Debug, Clone)]
pub struct Change {
    /// Identity of the object.
    pub key: ResourceKey,
    /// What happened.
    pub kind: ChangeKind,
    /// Instance names of the applications that track the object or one of its owners, sorted, each once. An
    /// object that moved from one application to another names both.
    pub apps: Vec<Arc<str>>,
    /// The object itself is tracked by an application (for a deleted one: was).
    pub tracked: bool,
    /// What differs.
    pub fields: ChangedFields,
    /// The object as it is now; for a deleted one, as it was last seen.
    pub node: Arc<LiveNode>,
}

/// A set of parts of an object.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangedFields(u16);

impl ChangedFields {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The application that tracks the object.
    pub const TRACKING: Self = Self(1);
    /// Owners.
    pub const OWNERS: Self = Self(1 << 1);
    /// The object began to be deleted.
    pub const DELETION: Self = Self(1 << 2);
    /// Health.
    pub const HEALTH: Self = Self(1 << 3);
    /// Info items, networking, images.
    pub const INFO: Self = Self(1 << 4);
    /// `metadata` apart from resourceVersion, generation and managedFields. Known for kept bodies only, as
    /// the next two.
    pub const METADATA: Self = Self(1 << 5);
    /// `status`.
    pub const STATUS: Self = Self(1 << 6);
    /// Everything else: `spec`, `data` and so on.
    pub const SPEC: Self = Self(1 << 7);
    /// The object came or went, or is another one of the same name.
    pub const EXISTENCE: Self = Self(1 << 8);

    /// Nothing differs.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// At least one of the parts of `other` differs.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The parts of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn set(&mut self, part: Self, differs: bool) {
        if differs {
            self.0 |= part.0;
        }
    }

    /// What differs between two states of one object.
    pub(crate) fn between(old: &LiveNode, new: &LiveNode, ignore: Option<&IgnoreUpdates>) -> Self {
        let mut fields = Self::NONE;
        fields.set(Self::EXISTENCE, old.uid != new.uid);
        fields.set(Self::TRACKING, old.tracked_by != new.tracked_by);
        fields.set(Self::OWNERS, old.owners != new.owners || old.claim_templates != new.claim_templates);
        fields.set(Self::DELETION, old.deletion_timestamp != new.deletion_timestamp);
        fields.set(Self::HEALTH, old.health != new.health);
        fields.set(Self::INFO, old.info != new.info);
        match (old.body_bytes(), new.body_bytes()) {
            (Some(before), Some(after)) if before != after => fields.compare_bodies(old, new, ignore),
            (None, Some(_)) | (Some(_), None) => fields.set(Self::METADATA, true),
            _ => {}
        }
        fields
    }

    fn compare_bodies(&mut self, old: &LiveNode, new: &LiveNode, ignore: Option<&IgnoreUpdates>) {
        let (Some(mut before), Some(mut after)) = (old.body(), new.body()) else { return };
        for body in [&mut before, &mut after] {
            if let Some(ignore) = ignore {
                ignore(&new.key, body);
            }
            if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("resourceVersion");
                metadata.remove("generation");
            }
        }
        let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return };
        self.set(Self::METADATA, before.get("metadata") != after.get("metadata"));
        self.set(Self::STATUS, before.get("status") != after.get("status"));
        let rest = |key: &str| key != "metadata" && key != "status";
        let differs =
            before.keys().chain(after.keys()).any(|key| rest(key) && before.get(key) != after.get(key));
        self.set(Self::SPEC, differs);
    }
}

impl std::ops::BitOr for ChangedFields {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl fmt::Debug for ChangedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::TRACKING, "TRACKING"),
            (Self::OWNERS, "OWNERS"),
            (Self::DELETION, "DELETION"),
            (Self::HEALTH, "HEALTH"),
            (Self::INFO, "INFO"),
            (Self::METADATA, "METADATA"),
            (Self::STATUS, "STATUS"),
            (Self::SPEC, "SPEC"),
            (Self::EXISTENCE, "EXISTENCE"),
        ];
        f.debug_set()
            .entries(names.iter().filter(|(part, _)| self.intersects(*part)).map(|(_, name)| name))
            .finish()
    }
}
