//! How to reach a cluster: from a kubeconfig, from inside a Pod, or from a cluster Secret (CLU-002, CLU-010
//! to CLU-016).

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig, KubeConfigOptions, Kubeconfig};
use thiserror::Error;
use tiphys_api::cluster::{AwsAuthConfig, Cluster as RegisteredCluster, ExecProviderConfig, TlsClientConfig};

/// Address under which the cluster that the control plane itself uses is registered.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";
/// Name of the cluster that the control plane itself uses.
pub const IN_CLUSTER_NAME: &str = "in-cluster";

/// Program that gives credentials of cloud providers, part of the reference's image.
const CLOUD_AUTH_PROGRAM: &str = "argocd-k8s-auth";
/// Version of the protocol of credential programs that is spoken when a Secret names none.
const EXEC_API_VERSION: &str = "client.authentication.k8s.io/v1beta1";

/// Why there is no way to a cluster.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The kubeconfig can't be used.
    #[error("can't use the kubeconfig{}", .path.as_deref().map(|path| format!(" {path}")).unwrap_or_default())]
    Kubeconfig {
        /// The file, when one was named.
        path: Option<String>,
        /// What is wrong with it.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// The process does not run in a Pod with a service account.
    #[error("can't use the service account of the Pod")]
    InCluster(#[source] kube::config::InClusterError),
    /// The address of the API server is not a URL.
    #[error("the address {server:?} of the API server is not a URL")]
    Server {
        /// The address.
        server: String,
        /// What the parser says.
        #[source]
        source: http::uri::InvalidUri,
    },
    /// Certificates of the cluster Secret can't be read.
    #[error("the {field} of cluster {server} is not PEM")]
    Certificate {
        /// Address of the cluster.
        server: String,
        /// The field of the Secret.
        field: &'static str,
    },
    /// Two settings of the cluster Secret exclude each other.
    #[error("the TLS settings of cluster {server} name a certificate authority and switch verification off")]
    InsecureWithAuthority {
        /// Address of the cluster.
        server: String,
    },
    /// A client certificate without its key, or a key without certificate.
    #[error("the TLS settings of cluster {server} have only one of certData and keyData")]
    HalfIdentity {
        /// Address of the cluster.
        server: String,
    },
}

/// How to reach a cluster, and under which address and name it is registered. Credentials are not shown by
/// `Debug`.
#[derive(Clone)]
pub struct ClusterConfig {
    server: String,
    name: String,
    namespace: String,
    pub(crate) kube: kube::Config,
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("server", &self.server)
            .field("name", &self.name)
            .field("address", &self.kube.cluster_url)
            .finish_non_exhaustive()
    }
}

impl ClusterConfig {
    /// The cluster that the process runs in, or else the one of the kubeconfig. Registered as the in-cluster
    /// one.
    ///
    /// # Errors
    ///
    /// When there is neither a service account nor a usable kubeconfig.
    pub async fn infer() -> Result<Self, ConfigError> {
        if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
            && let Ok(config) = Self::in_cluster()
        {
            return Ok(config);
        }
        Self::from_kubeconfig(None, None).await
    }

    /// The cluster that the process runs in, by the service account of its Pod. Token and certificate
    /// authority are read again when they change.
    ///
    /// # Errors
    ///
    /// When the process has no service account.
    pub fn in_cluster() -> Result<Self, ConfigError> {
        Ok(Self::of(kube::Config::incluster().map_err(ConfigError::InCluster)?))
    }

    /// The cluster of a context of a kubeconfig: of `path`, or of `$KUBECONFIG` or `~/.kube/config`; of
    /// `context`, or of the current one. Registered as the in-cluster one.
    ///
    /// # Errors
    ///
    /// When the file or the context is missing or can't be used.
    pub async fn from_kubeconfig(path: Option<&Path>, context: Option<&str>) -> Result<Self, ConfigError> {
        let shown = path.map(|path| path.display().to_string());
        let error = |source| ConfigError::Kubeconfig { path: shown.clone(), source: Box::new(source) };
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let kube = match path {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(error)?;
                kube::Config::from_custom_kubeconfig(file, &options).await.map_err(error)?
            }
            None => kube::Config::from_kubeconfig(&options).await.map_err(error)?,
        };
        Ok(Self::of(kube))
    }

    /// The cluster of a cluster Secret.
    ///
    /// # Errors
    ///
    /// When the address, the certificates or the combination of settings can't be used.
    pub fn from_registered(cluster: &RegisteredCluster) -> Result<Self, ConfigError> {
        let server = cluster.server.trim_end_matches('/').to_owned();
        let url = server.parse().map_err(|source| ConfigError::Server { server: server.clone(), source })?;
        let settings = &cluster.config;
        let mut kube = kube::Config::new(url);
        apply_tls(&server, &settings.tls_client_config, &mut kube)?;
        kube.disable_compression = settings.disable_compression;
        if !settings.proxy_url.is_empty() {
            let proxy = settings.proxy_url.parse();
            kube.proxy_url = Some(
                proxy.map_err(|source| ConfigError::Server { server: settings.proxy_url.clone(), source })?,
            );
        }
        let auth = &mut kube.auth_info;
        if !settings.username.is_empty() {
            auth.username = Some(settings.username.clone());
            auth.password = Some(settings.password.expose().to_owned().into());
        }
        if !settings.bearer_token.is_empty() {
            auth.token = Some(settings.bearer_token.expose().to_owned().into());
        }
        apply_identity(&server, &settings.tls_client_config, auth)?;
        if let Some(aws) = &settings.aws_auth_config {
            auth.exec = Some(aws_exec(aws));
        } else if let Some(exec) = &settings.exec_provider_config {
            auth.exec = Some(exec_config(exec, &server, &settings.tls_client_config));
        }
        let name = if cluster.name.is_empty() { server.clone() } else { cluster.name.clone() };
        Ok(Self { namespace: kube.default_namespace.clone(), server, name, kube })
    }

    /// The same connection, registered under another address and name.
    #[must_use]
    pub fn registered_as(mut self, server: impl Into<String>, name: impl Into<String>) -> Self {
        self.server = server.into();
        self.name = name.into();
        self
    }

    /// Address under which the cluster is registered. Requests may go to another one: the in-cluster one is
    /// reached by the address of the Pod's environment or of the kubeconfig.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Name under which the cluster is registered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address that requests go to.
    pub fn address(&self) -> String {
        self.kube.cluster_url.to_string()
    }

    /// Namespace of the service account or of the kubeconfig's context; `default` when there is none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn of(kube: kube::Config) -> Self {
        Self {
            server: IN_CLUSTER_SERVER.to_owned(),
            name: IN_CLUSTER_NAME.to_owned(),
            namespace: kube.default_namespace.clone(),
            kube,
        }
    }
}

fn apply_tls(server: &str, tls: &TlsClientConfig, kube: &mut kube::Config) -> Result<(), ConfigError> {
    if tls.insecure && !tls.ca_data.expose().is_empty() {
        return Err(ConfigError::InsecureWithAuthority { server: server.to_owned() });
    }
    kube.accept_invalid_certs = tls.insecure;
    if !tls.server_name.is_empty() {
        kube.tls_server_name = Some(tls.server_name.clone());
    }
    if !tls.ca_data.expose().is_empty() {
        kube.root_cert = Some(certificates(server, "caData", tls.ca_data.expose())?);
    }
    Ok(())
}

fn apply_identity(server: &str, tls: &TlsClientConfig, auth: &mut AuthInfo) -> Result<(), ConfigError> {
    let (certificate, key) = (tls.cert_data.expose(), tls.key_data.expose());
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(()),
        (false, false) => {
            certificates(server, "certData", certificate)?;
            auth.client_certificate_data = Some(STANDARD.encode(certificate));
            auth.client_key_data = Some(STANDARD.encode(key).into());
            Ok(())
        }
        _ => Err(ConfigError::HalfIdentity { server: server.to_owned() }),
    }
}

/// The certificates of a PEM text as DER; at least one.
fn certificates(server: &str, field: &'static str, pem: &[u8]) -> Result<Vec<Vec<u8>>, ConfigError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let error = || ConfigError::Certificate { server: server.to_owned(), field };
    let certificates: Result<Vec<Vec<u8>>, _> =
        CertificateDer::pem_slice_iter(pem).map(|item| item.map(|it| it.as_ref().to_vec())).collect();
    certificates.ok().filter(|list| !list.is_empty()).ok_or_else(error)
}

fn aws_exec(aws: &AwsAuthConfig) -> ExecConfig {
    let mut args = vec!["aws".to_owned(), "--cluster-name".to_owned(), aws.cluster_name.clone()];
    if !aws.role_arn.is_empty() {
        args.extend(["--role-arn".to_owned(), aws.role_arn.clone()]);
    }
    if !aws.profile.is_empty() {
        args.extend(["--profile".to_owned(), aws.profile.clone()]);
    }
    ExecConfig {
        api_version: Some(EXEC_API_VERSION.to_owned()),
        command: Some(CLOUD_AUTH_PROGRAM.to_owned()),
        args: Some(args),
        env: None,
        drop_env: None,
        install_hint: None,
        interactive_mode: None,
        provide_cluster_info: false,
        cluster: None,
        other: std::collections::BTreeMap::new(),
    }
}

fn exec_config(exec: &ExecProviderConfig, server: &str, tls: &TlsClientConfig) -> ExecConfig {
    let env = exec
        .env
        .iter()
        .map(|(name, value)| {
            HashMap::from([
                ("name".to_owned(), name.clone()),
                ("value".to_owned(), value.expose().to_owned()),
            ])
        })
        .collect();
    let cluster = exec.provide_cluster_info.then(|| ExecAuthCluster {
        server: Some(server.to_owned()),
        insecure_skip_tls_verify: Some(tls.insecure),
        certificate_authority_data: Some(tls.ca_data.expose().to_vec()).filter(|data| !data.is_empty()),
        proxy_url: None,
        tls_server_name: Some(tls.server_name.clone()).filter(|name| !name.is_empty()),
        config: exec.config.as_ref().and_then(|config| serde_json::to_value(config).ok()),
    });
    let api_version = if exec.api_version.is_empty() { EXEC_API_VERSION } else { &exec.api_version };
    ExecConfig {
        api_version: Some(api_version.to_owned()),
        command: Some(exec.command.clone()),
        args: Some(exec.args.clone()),
        env: Some(env),
        drop_env: None,
        install_hint: Some(exec.install_hint.clone()).filter(|hint| !hint.is_empty()),
        interactive_mode: None,
        provide_cluster_info: exec.provide_cluster_info,
        cluster,
        other: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(config: serde_json::Value) -> RegisteredCluster {
        let config = serde_json::from_value(config).unwrap_or_default();
        RegisteredCluster { server: "https://192.0.2.7:6443/".into(), config, ..RegisteredCluster::default() }
    }

    // covers: CLU-015
    #[test]
    fn a_certificate_authority_without_verification_is_refused() {
        let authority = STANDARD.encode("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
        let cluster =
            registered(serde_json::json!({"tlsClientConfig": {"insecure": true, "caData": authority}}));
        let error = ClusterConfig::from_registered(&cluster).map(|_| ()).unwrap_err();
        assert!(matches!(error, ConfigError::InsecureWithAuthority { .. }), "{error}");
    }

    #[test]
    fn the_slash_at_the_end_of_an_address_is_dropped() {
        let config = ClusterConfig::from_registered(&registered(serde_json::json!({}))).unwrap();
        assert_eq!(config.server(), "https://192.0.2.7:6443");
        assert_eq!(config.name(), "https://192.0.2.7:6443");
    }

    #[test]
    fn an_authority_that_is_not_pem_is_an_error_that_names_the_field() {
        let cluster =
            registered(serde_json::json!({"tlsClientConfig": {"caData": STANDARD.encode("no certificate")}}));
        let error = ClusterConfig::from_registered(&cluster).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "the caData of cluster https://192.0.2.7:6443 is not PEM");
    }

    // covers: CLU-013, CLU-014
    #[test]
    fn credential_programs_are_called_as_the_secret_says() {
        let aws =
            registered(serde_json::json!({"awsAuthConfig": {"clusterName": "prod", "roleARN": "arn:x"}}));
        let exec = ClusterConfig::from_registered(&aws).unwrap().kube.auth_info.exec.unwrap();
        assert_eq!(exec.command.as_deref(), Some("argocd-k8s-auth"));
        assert_eq!(exec.args.unwrap_or_default(), ["aws", "--cluster-name", "prod", "--role-arn", "arn:x"]);

        let own = registered(serde_json::json!({"execProviderConfig": {
            "command": "get-token", "args": ["-v"], "env": {"REGION": "eu"}, "provideClusterInfo": true
        }}));
        let exec = ClusterConfig::from_registered(&own).unwrap().kube.auth_info.exec.unwrap();
        assert_eq!(exec.command.as_deref(), Some("get-token"));
        assert!(exec.cluster.is_some());
    }

    #[test]
    fn credentials_are_not_shown() {
        let cluster =
            registered(serde_json::json!({"username": "u", "password": "hush", "bearerToken": "hush"}));
        let shown = format!("{:?}", ClusterConfig::from_registered(&cluster).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
