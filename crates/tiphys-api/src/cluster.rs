//! Clusters: what a cluster Secret holds, and what is known about a registered cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::{RawObject, absent, nullable};
use crate::secret::{SecretBytes, SecretString};
use crate::time::Time;
use crate::words::ConnectionStatus;

/// A registered cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Cluster {
    /// Address of the API server, without a trailing slash.
    #[serde(deserialize_with = "nullable")]
    pub server: String,
    /// Name; the address when empty.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// How to connect.
    #[serde(deserialize_with = "nullable")]
    pub config: ClusterConfig,
    /// Kept for clients that read it; `info.connectionState` is the one to use.
    #[serde(deserialize_with = "nullable")]
    pub connection_state: ConnectionState,
    /// Kept for clients that read it; `info.serverVersion` is the one to use.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub server_version: String,
    /// Namespaces that are watched; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespaces: Vec<String>,
    /// When somebody asked for everything to be read anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_requested_at: Option<Time>,
    /// What is known about the cluster.
    #[serde(deserialize_with = "nullable")]
    pub info: ClusterInfo,
    /// Controller shard that has to manage it; any when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<i64>,
    /// Cluster-scoped objects are watched although `namespaces` is set.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub cluster_resources: bool,
    /// Project that the cluster is registered for; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub project: String,
    /// Labels of the Secret.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
}

/// A list of clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterList {
    /// Standard list metadata.
    #[serde(deserialize_with = "nullable")]
    pub metadata: crate::metadata::ListMeta,
    /// The clusters.
    #[serde(deserialize_with = "nullable")]
    pub items: Vec<Cluster>,
}

/// What is known about a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Whether it can be reached.
    #[serde(deserialize_with = "nullable")]
    pub connection_state: ConnectionState,
    /// Kubernetes version.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub server_version: String,
    /// What is held in memory.
    #[serde(deserialize_with = "nullable")]
    pub cache_info: ClusterCacheInfo,
    /// Applications that deploy to it.
    #[serde(deserialize_with = "nullable")]
    pub applications_count: i64,
    /// API versions that it serves, as `group/version/Kind` and `group/version`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_versions: Vec<String>,
}

/// What is held in memory of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterCacheInfo {
    /// Objects.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub resources_count: i64,
    /// Kinds that are watched.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub apis_count: i64,
    /// When everything was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_cache_sync_time: Option<Time>,
}

/// Whether a cluster or repository can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ConnectionState {
    /// The verdict.
    #[serde(deserialize_with = "nullable")]
    pub status: ConnectionStatus,
    /// The reason, in words.
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// When it was tried.
    pub attempted_at: Option<Time>,
}

/// How to connect to a cluster: the JSON under `config` in a cluster Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterConfig {
    /// User of basic authentication.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub username: String,
    /// Password of basic authentication.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub password: SecretString,
    /// Token.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub bearer_token: SecretString,
    /// TLS settings.
    #[serde(deserialize_with = "nullable")]
    pub tls_client_config: TlsClientConfig,
    /// Credentials from AWS IAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_auth_config: Option<AwsAuthConfig>,
    /// Credentials from a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_provider_config: Option<ExecProviderConfig>,
    /// Answers are asked for uncompressed.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub disable_compression: bool,
    /// Proxy (`http`, `https` or `socks5`).
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub proxy_url: String,
}

/// TLS settings of a connection to a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsClientConfig {
    /// The server's certificate is not checked; may not be combined with `caData`.
    #[serde(deserialize_with = "nullable")]
    pub insecure: bool,
    /// Name that the server's certificate has to hold; the address's host when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub server_name: String,
    /// Client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub cert_data: SecretBytes,
    /// Key of the client certificate, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub key_data: SecretBytes,
    /// Certificate authorities, PEM.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ca_data: SecretBytes,
}

/// Credentials from AWS IAM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AwsAuthConfig {
    /// Name of the EKS cluster.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub cluster_name: String,
    /// Role to take on.
    #[serde(rename = "roleARN", skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub role_arn: String,
    /// Profile of the AWS configuration.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub profile: String,
}

/// A program that gives credentials, by the protocol of client-go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecProviderConfig {
    /// The program.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub command: String,
    /// Its arguments.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub args: Vec<String>,
    /// Its environment variables, beside those of the process.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub env: BTreeMap<String, SecretString>,
    /// Version of the protocol.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub api_version: String,
    /// What to tell a user when the program is missing.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub install_hint: String,
    /// The program is told about the cluster.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub provide_cluster_info: bool,
    /// Configuration that the program is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<RawObject>,
}
