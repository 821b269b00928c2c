//! The untyped Kubernetes object: identity, YAML and JSON streams, tracking, masking.
//!
//! Knows what every object has in common (`apiVersion`, `kind`, `metadata`) and how text becomes objects. Leaves
//! comparison, health, discovery and everything that needs a cluster, a clock or a file to others.

pub mod identity;
pub mod masking;
pub mod object;
pub mod order;
pub mod tracking;
pub mod yaml;

pub use identity::{GroupKind, Gvk, ResourceKey};
pub use object::{Manifest, ManifestError, OwnerReference, flatten_lists};
pub use tracking::{Owner, Tracking, TrackingId, TrackingMethod};
