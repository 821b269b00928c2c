//! Names around projects.

/// Project of applications that name none; it is created when it is missing.
pub const DEFAULT_PROJECT: &str = "default";
