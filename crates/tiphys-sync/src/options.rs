//! Sync options: words that change how an operation, or one object in it, is synced.
//!
//! Knows their spelling, defaults, and which of the application and the object wins. What each of them does to a task
//! is decided in [`crate::plan`] and [`crate::request`].

use serde::{Deserialize, Serialize};
use tiphys_manifest::Manifest;

/// The annotation with an object's own options, comma-separated.
pub const SYNC_OPTIONS_ANNOTATION: &str = "argocd.argoproj.io/sync-options";
/// The annotation on an Application that confirms deletions: an RFC 3339 time.
pub const DELETION_APPROVED_ANNOTATION: &str = "argocd.argoproj.io/deletion-approved";
/// The annotation with the name of a further field manager whose fields are taken over.
pub const CLIENT_SIDE_APPLY_MIGRATION_MANAGER_ANNOTATION: &str =
    "argocd.argoproj.io/client-side-apply-migration-manager";
/// Helm's annotation that keeps an object; `keep` is its only value.
pub const HELM_RESOURCE_POLICY_ANNOTATION: &str = "helm.sh/resource-policy";
/// The field manager whose fields are taken over when nothing else is said.
pub const CLIENT_SIDE_APPLY_MANAGER: &str = "kubectl-client-side-apply";

/// Whether something that removes an object may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Removal {
    /// It may.
    #[default]
    Allowed,
    /// It may once a user has approved it ([`DELETION_APPROVED_ANNOTATION`]).
    Confirm,
    /// It may not.
    Forbidden,
}

/// What happens to dependents of a deleted object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PropagationPolicy {
    /// The object stays until its dependents are gone.
    #[default]
    Foreground,
    /// The object goes at once, its dependents after it.
    Background,
    /// Dependents stay.
    Orphan,
}

impl PropagationPolicy {
    /// The word as the API server takes it in delete options.
    pub fn as_str(self) -> &'static str {
        match self {
            PropagationPolicy::Foreground => "Foreground",
            PropagationPolicy::Background => "Background",
            PropagationPolicy::Orphan => "Orphan",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "foreground" => PropagationPolicy::Foreground,
            "background" => PropagationPolicy::Background,
            "orphan" => PropagationPolicy::Orphan,
            _ => return None,
        })
    }
}

/// Options as they are written, for an operation or for one object. What is not written is `None`, so that the
/// object's word can win over the application's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncOptions {
    /// `Prune=false`, `Prune=confirm`.
    pub prune: Option<Removal>,
    /// `Delete=false`, `Delete=confirm`.
    pub delete: Option<Removal>,
    /// `Validate=false`: the API server is not to refuse unknown fields. Default true.
    pub validate: Option<bool>,
    /// `SkipDryRunOnMissingResource=true`: a kind that the cluster does not have yet is no error up front.
    pub skip_dry_run_on_missing_resource: Option<bool>,
    /// `ApplyOutOfSyncOnly=true`: objects that are in sync are left alone. Only of the operation.
    pub apply_out_of_sync_only: Option<bool>,
    /// `PrunePropagationPolicy=`. Only of the operation. Default foreground.
    pub prune_propagation_policy: Option<PropagationPolicy>,
    /// `PruneLast=true`: deletions come after all other waves.
    pub prune_last: Option<bool>,
    /// `Replace=true`: objects are replaced or created instead of being patched.
    pub replace: Option<bool>,
    /// `Force=true`: an object that can't be changed is deleted and created again.
    pub force: Option<bool>,
    /// `ServerSideApply=true`.
    pub server_side_apply: Option<bool>,
    /// `ClientSideApplyMigration=false`: fields that an earlier client-side apply owns are left to it. Default true.
    pub client_side_apply_migration: Option<bool>,
    /// `CreateNamespace=true`. Only of the operation.
    pub create_namespace: Option<bool>,
    /// `FailOnSharedResource=true`. Only of the operation.
    pub fail_on_shared_resource: Option<bool>,
    /// `RespectIgnoreDifferences=true`. Only of the operation.
    pub respect_ignore_differences: Option<bool>,
    /// Options that are not known here, as written.
    pub unknown: Vec<String>,
}

impl SyncOptions {
    /// Reads a list of `Key=Value`. The last word on a key wins; an option or a value that is not known is kept in
    /// [`SyncOptions::unknown`] and changes nothing.
    pub fn parse<'a>(options: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parsed = SyncOptions::default();
        for option in options {
            let option = option.trim();
            if !option.is_empty() && parsed.set(option).is_none() {
                parsed.unknown.push(option.to_owned());
            }
        }
        parsed
    }

    /// The options of an object's annotation.
    pub fn of(manifest: &Manifest) -> Self {
        manifest
            .annotation(SYNC_OPTIONS_ANNOTATION)
            .map(|text| SyncOptions::parse(text.split(',')))
            .unwrap_or_default()
    }

    /// The options of an operation: its own when it has any, else the application's. As in the reference, they are
    /// not mixed: who asks for a sync with options of his own gets exactly these.
    pub fn of_operation(operation: &[String], application: &[String]) -> Self {
        let list = if operation.is_empty() { application } else { operation };
        SyncOptions::parse(list.iter().map(String::as_str))
    }

    fn set(&mut self, option: &str) -> Option<()> {
        let (key, value) = option.split_once('=')?;
        match (key.trim(), value.trim()) {
            ("Prune", value) => self.prune = Some(removal(value)?),
            ("Delete", value) => self.delete = Some(removal(value)?),
            ("Validate", value) => self.validate = Some(boolean(value)?),
            ("SkipDryRunOnMissingResource", value) => {
                self.skip_dry_run_on_missing_resource = Some(boolean(value)?);
            }
            ("ApplyOutOfSyncOnly", value) => self.apply_out_of_sync_only = Some(boolean(value)?),
            ("PrunePropagationPolicy", value) => {
                self.prune_propagation_policy = Some(PropagationPolicy::parse(value)?);
            }
            ("PruneLast", value) => self.prune_last = Some(boolean(value)?),
            ("Replace", value) => self.replace = Some(boolean(value)?),
            ("Force", value) => self.force = Some(boolean(value)?),
            ("ServerSideApply", value) => self.server_side_apply = Some(boolean(value)?),
            ("ClientSideApplyMigration", value) => self.client_side_apply_migration = Some(boolean(value)?),
            ("CreateNamespace", value) => self.create_namespace = Some(boolean(value)?),
            ("FailOnSharedResource", value) => self.fail_on_shared_resource = Some(boolean(value)?),
            ("RespectIgnoreDifferences", value) => self.respect_ignore_differences = Some(boolean(value)?),
            _ => return None,
        }
        Some(())
    }

    /// Whether `ApplyOutOfSyncOnly=true` is written.
    pub fn applies_out_of_sync_only(&self) -> bool {
        self.apply_out_of_sync_only == Some(true)
    }

    /// Whether `CreateNamespace=true` is written.
    pub fn creates_namespace(&self) -> bool {
        self.create_namespace == Some(true)
    }

    /// Whether `FailOnSharedResource=true` is written.
    pub fn fails_on_shared_resource(&self) -> bool {
        self.fail_on_shared_resource == Some(true)
    }

    /// Whether `RespectIgnoreDifferences=true` is written.
    pub fn respects_ignore_differences(&self) -> bool {
        self.respect_ignore_differences == Some(true)
    }

    /// The propagation policy of prunes.
    pub fn propagation(&self) -> PropagationPolicy {
        self.prune_propagation_policy.unwrap_or_default()
    }
}

/// What holds for one object once its own options and the operation's are put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceOptions {
    /// Whether it may be pruned.
    pub prune: Removal,
    /// Whether it may be deleted with its application.
    pub delete: Removal,
    /// Whether the API server is asked to refuse unknown fields.
    pub validate: bool,
    /// Whether its kind may be missing when the sync begins.
    pub skip_dry_run_on_missing_resource: bool,
    /// Whether it is pruned after all other waves.
    pub prune_last: bool,
    /// Whether it is replaced instead of patched.
    pub replace: bool,
    /// Whether it is deleted and created again when it can't be changed.
    pub force: bool,
    /// Whether it is applied on the server side.
    pub server_side_apply: bool,
    /// The field manager whose fields a server-side apply takes over; `None` when it takes over nothing.
    pub migrate_from: Option<String>,
}

impl ResourceOptions {
    /// Puts the object's own options and the operation's together. `manifest` is the desired object, or the live one
    /// where there is no desired one. Helm's `resource-policy: keep` forbids both removals.
    ///
    /// The object's word wins. `Replace` and `ServerSideApply` of the operation reach an object that says nothing.
    pub fn resolve(operation: &SyncOptions, manifest: &Manifest) -> Self {
        let own = SyncOptions::of(manifest);
        let keep = manifest.annotation(HELM_RESOURCE_POLICY_ANNOTATION) == Some("keep");
        let removal = |own: Option<Removal>, operation: Option<Removal>| {
            if keep { Removal::Forbidden } else { own.or(operation).unwrap_or_default() }
        };
        let flag = |own: Option<bool>, operation: Option<bool>, default| own.or(operation).unwrap_or(default);
        let server_side_apply = flag(own.server_side_apply, operation.server_side_apply, false);
        let migrate = server_side_apply
            && flag(own.client_side_apply_migration, operation.client_side_apply_migration, true);
        ResourceOptions {
            prune: removal(own.prune, operation.prune),
            delete: removal(own.delete, operation.delete),
            validate: flag(own.validate, operation.validate, true),
            skip_dry_run_on_missing_resource: flag(
                own.skip_dry_run_on_missing_resource,
                operation.skip_dry_run_on_missing_resource,
                false,
            ),
            prune_last: own.prune_last == Some(true) || operation.prune_last == Some(true),
            replace: flag(own.replace, operation.replace, false),
            force: flag(own.force, operation.force, false),
            server_side_apply,
            migrate_from: migrate.then(|| {
                manifest
                    .annotation(CLIENT_SIDE_APPLY_MIGRATION_MANAGER_ANNOTATION)
                    .unwrap_or(CLIENT_SIDE_APPLY_MANAGER)
                    .to_owned()
            }),
        }
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn removal(value: &str) -> Option<Removal> {
    match value {
        "true" => Some(Removal::Allowed),
        "false" => Some(Removal::Forbidden),
        "confirm" => Some(Removal::Confirm),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
mod tests {
    use serde_json::json;

    use super::*;

    fn object(annotations: serde_json::Value) -> Manifest {
        Manifest::new(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations}
        }))
        .unwrap()
    }

    fn resolve(operation: &[&str], own: &str) -> ResourceOptions {
        let annotations = json!({"argocd.argoproj.io/sync-options": own});
        ResourceOptions::resolve(&SyncOptions::parse(operation.iter().copied()), &object(annotations))
    }

    #[test]
    fn nothing_written_means_the_defaults() {
        let options = resolve(&[], "");
        assert_eq!(
            options,
            ResourceOptions {
                prune: Removal::Allowed,
                delete: Removal::Allowed,
                validate: true,
                skip_dry_run_on_missing_resource: false,
                prune_last: false,
                replace: false,
                force: false,
                server_side_apply: false,
                migrate_from: None,
            }
        );
        assert_eq!(SyncOptions::default().propagation(), PropagationPolicy::Foreground);
        let none = SyncOptions::default();
        assert!(!none.applies_out_of_sync_only() && !none.creates_namespace());
        assert!(!none.fails_on_shared_resource() && !none.respects_ignore_differences());
    }

    // covers: SYN-040, SYN-042, TOOL-053
    #[test]
    fn removal_is_forbidden_by_the_object_by_the_application_or_by_helms_keep() {
        assert_eq!(resolve(&[], "Prune=false").prune, Removal::Forbidden);
        assert_eq!(resolve(&["Prune=false"], "").prune, Removal::Forbidden);
        assert_eq!(resolve(&["Prune=false"], "Prune=true").prune, Removal::Allowed);
        assert_eq!(resolve(&[], "Prune=confirm").prune, Removal::Confirm);
        assert_eq!(resolve(&[], "Delete=false").delete, Removal::Forbidden);
        assert_eq!(resolve(&["Delete=confirm"], "").delete, Removal::Confirm);
        let kept = object(json!({"helm.sh/resource-policy": "keep"}));
        let kept = ResourceOptions::resolve(&SyncOptions::default(), &kept);
        assert_eq!((kept.prune, kept.delete), (Removal::Forbidden, Removal::Forbidden));
    }

    // covers: SYN-044, SYN-045, SYN-048, SYN-049, SYN-050
    #[test]
    fn each_flag_is_taken_from_the_object_before_the_application() {
        assert!(!resolve(&["Validate=false"], "").validate);
        assert!(resolve(&["Validate=false"], "Validate=true").validate);
        assert!(resolve(&[], "SkipDryRunOnMissingResource=true").skip_dry_run_on_missing_resource);
        assert!(resolve(&["SkipDryRunOnMissingResource=true"], "").skip_dry_run_on_missing_resource);
        assert!(resolve(&["PruneLast=true"], "").prune_last);
        assert!(resolve(&[], "PruneLast=true").prune_last);
        assert!(resolve(&["Replace=true"], "").replace);
        assert!(!resolve(&["Replace=true"], "Replace=false").replace);
        assert!(resolve(&[], "Replace=true, Force=true").force);
    }

    // covers: SYN-051, SYN-052, SYN-053
    #[test]
    fn server_side_apply_takes_fields_over_unless_told_otherwise() {
        let on = resolve(&["ServerSideApply=true"], "");
        assert!(on.server_side_apply);
        assert_eq!(on.migrate_from.as_deref(), Some("kubectl-client-side-apply"));
        assert!(!resolve(&["ServerSideApply=true"], "ServerSideApply=false").server_side_apply);
        assert_eq!(
            resolve(&["ServerSideApply=true", "ClientSideApplyMigration=false"], "").migrate_from,
            None
        );
        assert_eq!(resolve(&[], "ClientSideApplyMigration=true").migrate_from, None);
        let named = object(json!({
            "argocd.argoproj.io/sync-options": "ServerSideApply=true",
            "argocd.argoproj.io/client-side-apply-migration-manager": "helm",
        }));
        let named = ResourceOptions::resolve(&SyncOptions::default(), &named);
        assert_eq!(named.migrate_from.as_deref(), Some("helm"));
    }

    // covers: SYN-047
    #[test]
    fn the_propagation_policy_has_three_values() {
        for (text, policy) in [
            ("foreground", PropagationPolicy::Foreground),
            ("background", PropagationPolicy::Background),
            ("orphan", PropagationPolicy::Orphan),
        ] {
            let options = SyncOptions::parse([format!("PrunePropagationPolicy={text}").as_str()]);
            assert_eq!(options.propagation(), policy);
            assert!(options.unknown.is_empty());
        }
    }

    #[test]
    fn an_unknown_option_is_kept_and_changes_nothing() {
        let options =
            SyncOptions::parse(["Sparkle=true", "Prune", "Prune=maybe", "", "CreateNamespace=true"]);
        assert_eq!(options.unknown, ["Sparkle=true", "Prune", "Prune=maybe"]);
        assert_eq!(
            options,
            SyncOptions {
                create_namespace: Some(true),
                unknown: options.unknown.clone(),
                ..SyncOptions::default()
            }
        );
    }

    // covers: SYN-046
    #[test]
    fn options_of_a_request_take_the_place_of_the_applications() {
        let application = ["ApplyOutOfSyncOnly=true".to_owned(), "CreateNamespace=true".to_owned()];
        assert!(SyncOptions::of_operation(&[], &application).applies_out_of_sync_only());
        let request = ["ApplyOutOfSyncOnly=false".to_owned()];
        let options = SyncOptions::of_operation(&request, &application);
        assert!(!options.applies_out_of_sync_only() && !options.creates_namespace());
    }
}
