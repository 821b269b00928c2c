//! Well-known names: labels, annotations, finalizers, ConfigMaps, Secrets and their keys, components and parameters.
//!
//! They are Argo CD's, so that existing manifests, scripts and tools go on working.

pub mod annotation;
pub mod cluster;
pub mod component;
pub mod config_map;
pub mod finalizer;
pub mod label;
pub mod parameters;
pub mod project;
pub mod rbac;
pub mod secret;
pub mod settings;
pub mod sync_option;
