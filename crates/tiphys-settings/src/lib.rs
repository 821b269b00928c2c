//! Turns the ConfigMaps and Secrets of an installation into one immutable [`Settings`] and a list of problems.
//!
//! Knows every key of `argocd-cm`, `argocd-rbac-cm` and `argocd-secret` that some service acts on, the Secrets that
//! register repositories and clusters, and the trust material beside them. A value that cannot be read is a
//! [`Problem`] and leaves its default in place; it never hides the rest. Reading the objects, watching them and
//! keeping the last good policy is the services' work; what a policy permits is `tiphys-rbac`'s.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tiphys_api::secret::SecretBytes;
use tiphys_manifest::{Tracking, TrackingMethod};

mod account;
mod cluster;
mod customisation;
mod general;
pub mod glob;
mod objects;
mod project;
mod rbac;
mod reading;
mod repository;
mod resource_filter;
mod secret;
mod tools;
mod trust;
mod yaml;

pub use account::{ADMIN, Account, AccountToken, Accounts, Capability};
pub use cluster::{Clusters, DestinationError, IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
pub use customisation::{
    CompareOptions, Customisations, IgnoreRule, IgnoreStatus, KnownTypeField, ResourceOverride,
};
pub use general::{Impersonation, RespectRbac, ServerOptions, SessionOptions, Timeouts};
pub use objects::SettingsObjects;
pub use project::GlobalProject;
pub use rbac::{MatchMode, RbacSettings};
pub use repository::{Repositories, normalise_url, same_url};
pub use resource_filter::{ResourceFilter, ResourceRule};
pub use secret::SecretData;
pub use tools::{KustomizeVersion, ToolOptions};
pub use trust::Trust;

use reading::Reader;

/// The objects that settings are read from, as plain data. A missing object is an empty one.
#[derive(Clone, Debug, Default)]
pub struct SettingsInput {
    /// `data` of the ConfigMap `argocd-cm`.
    pub argocd_cm: BTreeMap<String, String>,
    /// `data` of the ConfigMap `argocd-rbac-cm`.
    pub argocd_rbac_cm: BTreeMap<String, String>,
    /// `data` of the Secret `argocd-secret`.
    pub argocd_secret: BTreeMap<String, SecretBytes>,
    /// `data` of the ConfigMap `argocd-ssh-known-hosts-cm`.
    pub ssh_known_hosts_cm: BTreeMap<String, String>,
    /// `data` of the ConfigMap `argocd-tls-certs-cm`.
    pub tls_certs_cm: BTreeMap<String, String>,
    /// `data` of the ConfigMap `argocd-gpg-keys-cm`.
    pub gpg_keys_cm: BTreeMap<String, String>,
    /// Secrets with the label `argocd.argoproj.io/secret-type: repository`.
    pub repository_secrets: Vec<SecretData>,
    /// Secrets with the label `argocd.argoproj.io/secret-type: repo-creds`.
    pub repo_creds_secrets: Vec<SecretData>,
    /// Secrets with the label `argocd.argoproj.io/secret-type: cluster`.
    pub cluster_secrets: Vec<SecretData>,
}

/// A setting that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Which object and key, for instance `argocd-cm: resource.exclusions`.
    pub subject: String,
    /// What is wrong and what is used in its place. Never holds a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// Everything that an installation is told by its ConfigMaps and Secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How objects are marked as an application's.
    pub tracking: Tracking,
    /// Which kinds are watched and managed.
    pub resource_filter: ResourceFilter,
    /// How objects are compared.
    pub compare_options: CompareOptions,
    /// Rules for kinds: differences and updates to ignore, Lua scripts, typed fields.
    pub customisations: Customisations,
    /// Updates that change nothing of interest do not refresh applications.
    pub ignore_resource_updates_enabled: bool,
    /// Annotations of Secrets whose values are masked like their data.
    pub sensitive_annotations: Vec<String>,
    /// Labels shown beside the objects of a tree.
    pub custom_labels: Vec<String>,
    /// Labels of nodes shown beside the pods of a tree.
    pub allowed_node_labels: Vec<String>,
    /// Labels of applications that are copied to their Events; globs.
    pub include_event_label_keys: Vec<String>,
    /// Labels that are not, although they are included; globs.
    pub exclude_event_label_keys: Vec<String>,
    /// What is done about kinds that the controller may not read.
    pub respect_rbac: RespectRbac,
    /// Local users.
    pub accounts: Accounts,
    /// Sessions of users.
    pub session: SessionOptions,
    /// Addresses and switches of the API server.
    pub server: ServerOptions,
    /// Syncs as somebody else.
    pub impersonation: Impersonation,
    /// Options of the tools that render.
    pub tools: ToolOptions,
    /// Projects whose limits others share.
    pub global_projects: Vec<GlobalProject>,
    /// How often applications are compared without a reason.
    pub timeouts: Timeouts,
    /// Registered clusters.
    pub clusters: Clusters,
    /// Registered repositories and credential templates.
    pub repositories: Repositories,
    /// Host keys, certificates and signing keys.
    pub trust: Trust,
    /// Who may do what.
    pub rbac: RbacSettings,
    /// `data` of `argocd-cm` as it is, for keys that only pass through.
    pub argocd_cm: BTreeMap<String, String>,
    /// `data` of `argocd-secret`.
    pub secrets: BTreeMap<String, SecretBytes>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::parse(&SettingsInput::default()).0
    }
}

impl Settings {
    /// Reads settings. Problems are in the order of their subjects.
    #[must_use]
    pub fn parse(input: &SettingsInput) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut cm = Reader::new("argocd-cm", &input.argocd_cm, &mut problems);
        let tracking = tracking(&mut cm);
        let resource_filter = ResourceFilter::read(&mut cm);
        let compare_options = CompareOptions::read(&mut cm);
        let customisations = Customisations::read(&mut cm);
        let ignore_resource_updates_enabled = cm.flag("resource.ignoreResourceUpdatesEnabled", true);
        let sensitive_annotations = cm.list("resource.sensitive.mask.annotations");
        let custom_labels = cm.list("resource.customLabels");
        let allowed_node_labels = cm.list("application.allowedNodeLabels");
        let include_event_label_keys = cm.list("resource.includeEventLabelKeys");
        let exclude_event_label_keys = cm.list("resource.excludeEventLabelKeys");
        let respect_rbac = RespectRbac::read(&mut cm);
        let session = SessionOptions::read(&mut cm, &input.argocd_secret);
        let server = ServerOptions::read(&mut cm);
        let impersonation = Impersonation::read(&mut cm);
        let tools = ToolOptions::read(&mut cm);
        let global_projects = project::read(&mut cm);
        let timeouts = Timeouts::read(&mut cm);
        let in_cluster_enabled = cm.flag("cluster.inClusterEnabled", true);
        let accounts = Accounts::read(&input.argocd_cm, &input.argocd_secret, &mut problems);
        let clusters = Clusters::read(&input.cluster_secrets, in_cluster_enabled, &mut problems);
        let repositories =
            Repositories::read(&input.repository_secrets, &input.repo_creds_secrets, &mut problems);
        let trust = Trust::read(&input.ssh_known_hosts_cm, &input.tls_certs_cm, &input.gpg_keys_cm);
        let rbac = RbacSettings::read(&input.argocd_rbac_cm, &mut problems);
        problems.sort();
        let settings = Self {
            tracking,
            resource_filter,
            compare_options,
            customisations,
            ignore_resource_updates_enabled,
            sensitive_annotations,
            custom_labels,
            allowed_node_labels,
            include_event_label_keys,
            exclude_event_label_keys,
            respect_rbac,
            accounts,
            session,
            server,
            impersonation,
            tools,
            global_projects,
            timeouts,
            clusters,
            repositories,
            trust,
            rbac,
            argocd_cm: input.argocd_cm.clone(),
            secrets: input.argocd_secret.clone(),
        };
        (settings, problems)
    }

    /// Replaces a value of the form `$key` by that key of `argocd-secret`; every other value stays as it is. A key that
    /// is not there, or is no text, stays as it is too.
    #[must_use]
    pub fn resolve<'a>(&'a self, value: &'a str) -> &'a str {
        value
            .strip_prefix('$')
            .and_then(|key| self.secrets.get(key))
            .and_then(|secret| std::str::from_utf8(secret.expose()).ok())
            .map_or(value, str::trim)
    }
}

fn tracking(cm: &mut Reader<'_>) -> Tracking {
    let mut tracking = Tracking::default();
    if let Some(label) = cm.text("application.instanceLabelKey") {
        tracking.label_key = label.to_owned();
    }
    if let Some(method) = cm.text("application.resourceTrackingMethod") {
        match TrackingMethod::parse(method) {
            Some(method) => tracking.method = method,
            None => cm.problem(
                "application.resourceTrackingMethod",
                format!("`{method}` is none of annotation, label, annotation+label; annotation is used"),
            ),
        }
    }
    tracking.installation_id = cm.text("installationID").unwrap_or_default().to_owned();
    tracking
}

/// Session length where the settings say nothing.
pub const DEFAULT_SESSION_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests;
