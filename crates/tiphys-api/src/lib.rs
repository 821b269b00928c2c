//! Application, AppProject, ApplicationSet and every well-known name, label, annotation and settings key.
//!
//! The types are Argo CD's API group `argoproj.io/v1alpha1`, with its JSON: a field that holds the zero of its type is
//! not written, unless Argo CD always writes it. Reading is lenient where Go is: a missing field and `null` are the
//! zero, an unknown word is kept. A field of the wrong type is an error of that object alone.
//!
//! # Unknown fields
//!
//! Objects, their metadata, spec and status keep fields that they do not know in `other`. Deeper fields are not kept;
//! therefore nobody replaces an object by a typed value that was read from it. Writers send the merge patch between
//! two typed values ([`patch::between`]), which never mentions what the types do not know.

pub mod application;
pub mod applicationset;
pub mod cluster;
pub mod crd;
pub mod duration;
pub mod json;
pub mod metadata;
pub mod names;
pub mod patch;
pub mod project;
pub mod read;
pub mod repository;
pub mod resource_tree;
pub mod revision;
pub mod secret;
pub mod time;
pub mod words;

pub use application::Application;
pub use applicationset::ApplicationSet;
pub use project::AppProject;
pub use read::{ReadError, read};

/// API group of all kinds.
pub const GROUP: &str = "argoproj.io";
/// API version of all kinds, without the group.
pub const VERSION: &str = "v1alpha1";
/// API version of all kinds, as manifests write it.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";
