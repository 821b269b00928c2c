//! Repositories and credential templates: what a repository Secret holds, and what is known about a repository.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::ConnectionState;
use crate::json::{absent, nullable};
use crate::metadata::ListMeta;
use crate::secret::SecretString;

/// A repository with its credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Repository {
    /// URL.
    #[serde(deserialize_with = "nullable")]
    pub repo: String,
    /// User.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub username: String,
    /// Password or token.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub password: SecretString,
    /// SSH key, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ssh_private_key: SecretString,
    /// Whether it can be reached.
    #[serde(deserialize_with = "nullable")]
    pub connection_state: ConnectionState,
    /// Older name of `insecure` for SSH.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure_ignore_host_key: bool,
    /// Neither certificate nor host key is checked.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure: bool,
    /// Files of Git LFS are fetched.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub enable_lfs: bool,
    /// Client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tls_client_cert_data: String,
    /// Key of the client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tls_client_cert_key: SecretString,
    /// `git` (also when empty), `helm` or `oci`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub type_: String,
    /// Name; Helm repositories need one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Credentials come from a template.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub inherited_creds: bool,
    /// The Helm repository is an OCI registry.
    #[serde(rename = "enableOCI", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub enable_oci: bool,
    /// Key of the GitHub App, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_private_key: SecretString,
    /// Id of the GitHub App.
    #[serde(rename = "githubAppID", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_id: i64,
    /// Id of the installation; found out when 0.
    #[serde(
        rename = "githubAppInstallationID",
        skip_serializing_if = "absent",
        deserialize_with = "nullable"
    )]
    pub github_app_installation_id: i64,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_enterprise_base_url: String,
    /// Proxy.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub proxy: String,
    /// Project that the repository is registered for; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub project: String,
    /// Google Cloud key, JSON.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub gcp_service_account_key: SecretString,
    /// Credentials are sent without being asked for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force_http_basic_auth: bool,
    /// Hosts that are reached without the proxy, with commas between.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub no_proxy: String,
    /// Credentials from Azure workload identity.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub use_azure_workload_identity: bool,
    /// Token that is sent as bearer.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub bearer_token: SecretString,
    /// The registry is reached without TLS.
    #[serde(rename = "insecureOCIForceHttp", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure_oci_force_http: bool,
    /// Commits that are fetched; all for 0.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub depth: i64,
    /// Webhooks do not carry rendered manifests over to new commits.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub webhook_manifest_cache_warm_disabled: bool,
    /// Client id of the Azure service principal.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_client_id: String,
    /// Its secret.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_client_secret: SecretString,
    /// Its tenant.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_tenant_id: String,
    /// Address of Entra ID, for other clouds than the public one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_active_directory_endpoint: String,
}

/// A list of repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RepositoryList {
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The repositories.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<Repository>,
}

/// Credentials for all repositories whose URL begins with `url`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RepoCreds {
    /// Beginning of the URLs.
    #[serde(deserialize_with = "nullable")]
    pub url: String,
    /// User.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub username: String,
    /// Password or token.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub password: SecretString,
    /// SSH key, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ssh_private_key: SecretString,
    /// Client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tls_client_cert_data: String,
    /// Key of the client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub tls_client_cert_key: SecretString,
    /// Key of the GitHub App, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_private_key: SecretString,
    /// Id of the GitHub App.
    #[serde(rename = "githubAppID", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_id: i64,
    /// Id of the installation; found out when 0.
    #[serde(
        rename = "githubAppInstallationID",
        skip_serializing_if = "absent",
        deserialize_with = "nullable"
    )]
    pub github_app_installation_id: i64,
    /// Address of the API of an own installation.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub github_app_enterprise_base_url: String,
    /// The Helm repositories are OCI registries.
    #[serde(rename = "enableOCI", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub enable_oci: bool,
    /// `git` (also when empty), `helm` or `oci`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub type_: String,
    /// Google Cloud key, JSON.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub gcp_service_account_key: SecretString,
    /// Proxy.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub proxy: String,
    /// Credentials are sent without being asked for.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub force_http_basic_auth: bool,
    /// Hosts that are reached without the proxy, with commas between.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub no_proxy: String,
    /// Credentials from Azure workload identity.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub use_azure_workload_identity: bool,
    /// Token that is sent as bearer.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub bearer_token: SecretString,
    /// The registry is reached without TLS.
    #[serde(rename = "insecureOCIForceHttp", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub insecure_oci_force_http: bool,
    /// Client id of the Azure service principal.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_client_id: String,
    /// Its secret.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_client_secret: SecretString,
    /// Its tenant.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_service_principal_tenant_id: String,
    /// Address of Entra ID, for other clouds than the public one.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub azure_active_directory_endpoint: String,
}

/// A list of credential templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RepoCredsList {
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The templates.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<RepoCreds>,
}

/// A TLS certificate or SSH host key of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RepositoryCertificate {
    /// Host name.
    #[serde(deserialize_with = "nullable")]
    pub server_name: String,
    /// `https` or `ssh`.
    #[serde(deserialize_with = "nullable")]
    pub cert_type: String,
    /// Algorithm, such as `ssh-ed25519` or `rsa`.
    #[serde(deserialize_with = "nullable")]
    pub cert_sub_type: String,
    /// The certificate or key, base64.
    #[serde(deserialize_with = "nullable")]
    pub cert_data: String,
    /// Fingerprint or subject.
    #[serde(deserialize_with = "nullable")]
    pub cert_info: String,
}

/// A list of certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RepositoryCertificateList {
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ListMeta,
    /// The certificates.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<RepositoryCertificate>,
}
