//! Finalizers of Applications, projects and hooks.

/// Deletes an application's objects with it, each in the foreground. On a project: keeps it until no
/// application refers to it.
pub const RESOURCES: &str = "resources-finalizer.argocd.argoproj.io";
/// As [`RESOURCES`], in the foreground.
pub const RESOURCES_FOREGROUND: &str = "resources-finalizer.argocd.argoproj.io/foreground";
/// As [`RESOURCES`], in the background.
pub const RESOURCES_BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";
/// Runs the application's PreDelete hooks.
pub const PRE_DELETE: &str = "pre-delete-finalizer.argocd.argoproj.io";
/// Deletes the application's PreDelete hooks.
pub const PRE_DELETE_CLEANUP: &str = "pre-delete-finalizer.argocd.argoproj.io/cleanup";
/// Runs the application's PostDelete hooks.
pub const POST_DELETE: &str = "post-delete-finalizer.argocd.argoproj.io";
/// Deletes the application's PostDelete hooks.
pub const POST_DELETE_CLEANUP: &str = "post-delete-finalizer.argocd.argoproj.io/cleanup";
/// On a hook: keeps it until its end has been seen.
pub const HOOK: &str = "argocd.argoproj.io/hook-finalizer";
