//! ConfigMaps of an installation.

/// Settings that are read while running; keys in [`super::settings`].
pub const SETTINGS: &str = "argocd-cm";
/// Roles and policies; keys in [`super::rbac`].
pub const RBAC: &str = "argocd-rbac-cm";
/// Parameters of the services, read at start; keys in [`super::parameters`].
pub const PARAMETERS: &str = "argocd-cmd-params-cm";
/// Host keys of SSH servers.
pub const SSH_KNOWN_HOSTS: &str = "argocd-ssh-known-hosts-cm";
/// Key of [`SSH_KNOWN_HOSTS`], in the format of OpenSSH.
pub const SSH_KNOWN_HOSTS_KEY: &str = "ssh_known_hosts";
/// Certificate authorities by host name.
pub const TLS_CERTS: &str = "argocd-tls-certs-cm";
/// Public keys that commits may be signed with, by key id.
pub const GPG_KEYS: &str = "argocd-gpg-keys-cm";
/// Services, templates and triggers of notifications.
pub const NOTIFICATIONS: &str = "argocd-notifications-cm";
/// Which controller has which shard, when clusters are distributed dynamically.
pub const APP_CONTROLLER_SHARD: &str = "argocd-app-controller-shard-cm";
