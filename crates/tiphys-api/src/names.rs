//! Well-known names: labels, annotations, finalizers, ConfigMaps, Secrets and their keys.
//!
//! They are Argo CD's, so that existing manifests, scripts and tools go on working.

pub mod project;
