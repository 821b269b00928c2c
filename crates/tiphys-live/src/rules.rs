//! What decides how an object is read into the index: tracking, health, kept bodies, and updates that do not
//! matter.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tiphys_health::Health;
use tiphys_manifest::{ResourceKey, Tracking};

/// Takes out of an object what shall not count as a change (`resource.ignoreResourceUpdates`).
pub type IgnoreUpdates = Arc<dyn Fn(&ResourceKey, &mut Value) + Send + Sync>;

/// The health of an object, or `None` for kinds without rules.
pub type AssessHealth = Arc<dyn Fn(&Value) -> Option<Health> + Send + Sync>;

/// How objects are read into the index. New rules hold for objects that are read after them: a caller who
/// changes them relists.
#[derive(Clone)]
pub struct Rules {
    /// Which application an object belongs to.
    pub tracking: Tracking,
    /// Keys of labels that are shown as info items (`resource.customLabels`).
    pub custom_labels: Vec<String>,
    /// Health of an object.
    pub health: AssessHealth,
    /// Keep `metadata.managedFields` of objects whose body is kept.
    pub keep_managed_fields: bool,
    /// Fields whose changes do not matter; `None` when every change matters.
    pub ignore_updates: Option<IgnoreUpdates>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tracking: Tracking::default(),
            custom_labels: Vec::new(),
            health: Arc::new(tiphys_health::assess),
            keep_managed_fields: true,
            ignore_updates: None,
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("tracking", &self.tracking)
            .field("custom_labels", &self.custom_labels)
            .field("keep_managed_fields", &self.keep_managed_fields)
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// CustomResourceDefinitions are never tracked, yet applications ship and compare them (REC-021).
    pub(crate) fn keeps_body_of(&self, group: &str, kind: &str) -> bool {
        group == "apiextensions.k8s.io" && kind == "CustomResourceDefinition"
    }
}
