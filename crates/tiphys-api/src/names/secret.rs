//! Secrets of an installation and their keys.

/// Secret settings: signing key, passwords, webhook secrets, and what `$key` in other settings refers to.
pub const SETTINGS: &str = "argocd-secret";
/// First password of `admin`, under `password`.
pub const INITIAL_ADMIN: &str = "argocd-initial-admin-secret";
/// Key of [`INITIAL_ADMIN`].
pub const INITIAL_ADMIN_PASSWORD: &str = "password";
/// Password of Redis, under `auth`.
pub const REDIS: &str = "argocd-redis";
/// Certificate of the API server.
pub const SERVER_TLS: &str = "argocd-server-tls";
/// Certificate of the repo-server.
pub const REPO_SERVER_TLS: &str = "argocd-repo-server-tls";
/// Certificate that clients show to the repo-server.
pub const REPO_SERVER_MTLS: &str = "argocd-repo-server-mtls";
/// Certificate of Dex.
pub const DEX_SERVER_TLS: &str = "argocd-dex-server-tls";
/// Secrets of notifications.
pub const NOTIFICATIONS: &str = "argocd-notifications-secret";
/// Certificate authority of the services, made at first start.
pub const INTERNAL_TLS: &str = "tiphys-internal-tls";
/// Key of [`SETTINGS`]: signs tokens.
pub const SERVER_SECRET_KEY: &str = "server.secretkey";
/// Key of [`SETTINGS`]: bcrypt hash of the password of `admin`.
pub const ADMIN_PASSWORD: &str = "admin.password";
/// Key of [`SETTINGS`]: when the password of `admin` was set; older tokens are void.
pub const ADMIN_PASSWORD_MTIME: &str = "admin.passwordMtime";
/// Key of [`SETTINGS`]: tokens of `admin`, as JSON.
pub const ADMIN_TOKENS: &str = "admin.tokens";
/// Prefix of the keys of [`SETTINGS`] for other accounts; followed by name and `.password`,
/// `.passwordMtime` or `.tokens`.
pub const ACCOUNT_PREFIX: &str = "accounts.";
/// Key of TLS Secrets: certificate chain, PEM.
pub const TLS_CERT: &str = "tls.crt";
/// Key of TLS Secrets: private key, PEM.
pub const TLS_KEY: &str = "tls.key";
/// Key of TLS Secrets: certificate authority, PEM.
pub const TLS_CA: &str = "ca.crt";
/// Key of [`SETTINGS`]: secret of GitHub webhooks.
pub const WEBHOOK_GITHUB_SECRET: &str = "webhook.github.secret";
/// Key of [`SETTINGS`]: secret of GitLab webhooks.
pub const WEBHOOK_GITLAB_SECRET: &str = "webhook.gitlab.secret";
/// Key of [`SETTINGS`]: UUID of Bitbucket webhooks.
pub const WEBHOOK_BITBUCKET_UUID: &str = "webhook.bitbucket.uuid";
/// Key of [`SETTINGS`]: secret of Bitbucket Server webhooks.
pub const WEBHOOK_BITBUCKET_SERVER_SECRET: &str = "webhook.bitbucketserver.secret";
/// Key of [`SETTINGS`]: secret of Gogs webhooks.
pub const WEBHOOK_GOGS_SECRET: &str = "webhook.gogs.secret";
/// Key of [`SETTINGS`]: user of Azure DevOps webhooks.
pub const WEBHOOK_AZURE_DEVOPS_USERNAME: &str = "webhook.azuredevops.username";
/// Key of [`SETTINGS`]: password of Azure DevOps webhooks.
pub const WEBHOOK_AZURE_DEVOPS_PASSWORD: &str = "webhook.azuredevops.password";
/// Key of [`SETTINGS`]: secret of Harbor webhooks.
pub const WEBHOOK_HARBOR_SECRET: &str = "webhook.harbor.secret";
/// Key of a cluster Secret: name.
pub const CLUSTER_NAME: &str = "name";
/// Key of a cluster Secret: address.
pub const CLUSTER_SERVER: &str = "server";
/// Key of a cluster Secret: [`crate::cluster::ClusterConfig`] as JSON.
pub const CLUSTER_CONFIG: &str = "config";
/// Key of a cluster Secret: namespaces that are watched, with commas between.
pub const CLUSTER_NAMESPACES: &str = "namespaces";
/// Key of a cluster Secret: `true` to watch cluster-scoped objects too.
pub const CLUSTER_RESOURCES: &str = "clusterResources";
/// Key of a cluster Secret: controller shard.
pub const CLUSTER_SHARD: &str = "shard";
/// Key of a cluster Secret: project.
pub const CLUSTER_PROJECT: &str = "project";
