//! Options of `argocd-cm` that are one value each: sessions, addresses, impersonation, waiting times.

use std::collections::BTreeMap;
use std::time::Duration;

use tiphys_api::secret::SecretBytes;

use crate::DEFAULT_SESSION_DURATION;
use crate::reading::Reader;

/// What is done about kinds that the controller may not read (`resource.respectRBAC`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RespectRbac {
    /// A kind that may not be read is an error of its cluster.
    #[default]
    Off,
    /// A kind whose list is forbidden is no longer watched.
    Normal,
    /// As normal, and the API server is asked before each list.
    Strict,
}

impl RespectRbac {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        const KEY: &str = "resource.respectRBAC";
        match cm.text(KEY) {
            None => Self::Off,
            Some("normal") => Self::Normal,
            Some("strict") => Self::Strict,
            Some(other) => {
                cm.problem(KEY, format!("`{other}` is neither normal nor strict; it is off"));
                Self::Off
            }
        }
    }
}

/// Sessions of users.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// How long a login lasts (`users.session.duration`).
    pub duration: Duration,
    /// Requests without a session act as the default role (`users.anonymous.enabled`).
    pub anonymous_enabled: bool,
    /// Regular expression that a new password must match (`passwordPattern`).
    pub password_pattern: String,
    /// Key that signs tokens (`server.secretkey`); empty until it is generated.
    pub signature_key: SecretBytes,
}

impl SessionOptions {
    pub(crate) fn read(cm: &mut Reader<'_>, secret: &BTreeMap<String, SecretBytes>) -> Self {
        const PATTERN: &str = "^.{8,32}$";
        let mut password_pattern = cm.text("passwordPattern").unwrap_or(PATTERN).to_owned();
        if let Err(error) = regex::Regex::new(&password_pattern) {
            cm.problem("passwordPattern", format!("not a regular expression: {error}; `{PATTERN}` is used"));
            PATTERN.clone_into(&mut password_pattern);
        }
        Self {
            duration: cm.duration("users.session.duration", DEFAULT_SESSION_DURATION),
            anonymous_enabled: cm.flag("users.anonymous.enabled", false),
            password_pattern,
            signature_key: secret.get("server.secretkey").cloned().unwrap_or_default(),
        }
    }
}

/// Addresses and switches of the API server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Address under which users reach the API server (`url`); empty when not set.
    pub url: String,
    /// Further addresses (`additionalUrls`).
    pub additional_urls: Vec<String>,
    /// Badges are served without a session (`statusbadge.enabled`).
    pub status_badge_enabled: bool,
    /// Address that badges link to (`statusbadge.url`); empty for `url`.
    pub status_badge_url: String,
    /// Terminals in pods are offered (`exec.enabled`).
    pub exec_enabled: bool,
    /// Shells that terminals try, in this order (`exec.shells`).
    pub exec_shells: Vec<String>,
    /// Logs of at most so many pods are shown at once (`server.maxPodLogsToRender`).
    pub max_pod_logs_to_render: i64,
    /// A right to update or delete an application is no right to do so with its objects
    /// (`server.rbac.disableApplicationFineGrainedRBACInheritance`).
    pub disable_fine_grained_inheritance: bool,
    /// A rollback needs the right `rollback`, not `sync` (`server.rbac.rollback.enforce.enable`).
    pub rollback_enforce: bool,
    /// A sync to another revision needs the right `override`
    /// (`application.sync.requireOverridePrivilegeForRevisionSync`).
    pub require_override_for_revision_sync: bool,
    /// Largest webhook that is read, in MiB (`webhook.maxPayloadSizeMB`).
    pub webhook_max_payload_mib: i64,
}

impl ServerOptions {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        const SHELLS: [&str; 4] = ["bash", "sh", "powershell", "cmd"];
        let mut exec_shells = cm.list("exec.shells");
        if exec_shells.is_empty() {
            exec_shells = SHELLS.iter().map(|&shell| shell.to_owned()).collect();
        }
        Self {
            url: cm.text("url").unwrap_or_default().to_owned(),
            additional_urls: cm.yaml("additionalUrls").unwrap_or_default(),
            status_badge_enabled: cm.flag("statusbadge.enabled", false),
            status_badge_url: cm.text("statusbadge.url").unwrap_or_default().to_owned(),
            exec_enabled: cm.flag("exec.enabled", false),
            exec_shells,
            max_pod_logs_to_render: cm.number("server.maxPodLogsToRender", 10),
            disable_fine_grained_inheritance: cm
                .flag("server.rbac.disableApplicationFineGrainedRBACInheritance", true),
            rollback_enforce: cm.flag("server.rbac.rollback.enforce.enable", false),
            require_override_for_revision_sync: cm
                .flag("application.sync.requireOverridePrivilegeForRevisionSync", false),
            webhook_max_payload_mib: cm.number("webhook.maxPayloadSizeMB", 50),
        }
    }
}

/// Syncs as a service account that the project names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impersonation {
    /// It is done (`application.sync.impersonation.enabled`).
    pub enabled: bool,
    /// A destination for which the project names none is an error (`application.sync.impersonation.enforced`).
    pub enforced: bool,
}

impl Impersonation {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        Self {
            enabled: cm.flag("application.sync.impersonation.enabled", false),
            enforced: cm.flag("application.sync.impersonation.enforced", true),
        }
    }
}

/// How often applications are compared without a reason. Flags of the controller win over these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Time between comparisons (`timeout.reconciliation`); zero for never.
    pub reconciliation: Duration,
    /// Longest random time that is added (`timeout.reconciliation.jitter`).
    pub jitter: Duration,
    /// Time between comparisons with a new render (`timeout.hard.reconciliation`); zero for never.
    pub hard_reconciliation: Duration,
}

impl Timeouts {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        Self {
            reconciliation: cm.duration("timeout.reconciliation", Duration::from_secs(120)),
            jitter: cm.duration("timeout.reconciliation.jitter", Duration::from_secs(60)),
            hard_reconciliation: cm.duration("timeout.hard.reconciliation", Duration::ZERO),
        }
    }
}
