//! Where to connect and as whom: flags, environment and the local configuration put together.

use std::path::PathBuf;

use clap::Args;

use crate::api_server::{ApiServer, ServerOptions};
use crate::backend::Backend;
use crate::config::{self, LocalConfig};
use crate::core_mode::CoreMode;
use crate::error::{CliError, ErrorKind};

/// Flags that every command has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConnectionArgs {
    /// Address of the API server
    #[arg(long, global = true, env = "ARGOCD_SERVER", value_name = "HOST[:PORT]", hide_env = true)]
    pub(crate) server: Option<String>,
    /// Token to authenticate with
    #[arg(long, global = true, env = "ARGOCD_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) auth_token: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) insecure: Option<bool>,
    /// Connect without TLS
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) plaintext: Option<bool>,
    /// Talk to Kubernetes directly instead of an API server
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) core: Option<bool>,
    /// PEM file with the certificates that the server's must be signed by
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) server_crt: Option<PathBuf>,
    /// PEM file with the client certificate
    #[arg(long, global = true, value_name = "FILE", requires = "client_crt_key")]
    pub(crate) client_crt: Option<PathBuf>,
    /// PEM file with the key of the client certificate
    #[arg(long, global = true, value_name = "FILE", requires = "client_crt")]
    pub(crate) client_crt_key: Option<PathBuf>,
    /// Additional header for all requests, as `Name: value`; may be given several times
    #[arg(short = 'H', long = "header", global = true, value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Path under which the server is reached
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) grpc_web_root_path: Option<String>,
    /// Accepted for compatibility: REST is used, which passes the same proxies
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) grpc_web: Option<bool>,
    /// Local configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Context of the local configuration
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) argocd_context: Option<String>,
    /// Context of the kubeconfig, with --core
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) kube_context: Option<String>,
    /// Kubeconfig file, with --core
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Namespace of the control plane, with --core; default the one of the kubeconfig's context
    #[arg(long, global = true, value_name = "NAMESPACE", env = "ARGOCD_NAMESPACE", hide_env = true)]
    pub(crate) control_plane_namespace: Option<String>,
    /// Ask questions where an answer is missing
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) prompts_enabled: Option<bool>,
    /// Times a read is tried again when the connection fails
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 3)]
    pub(crate) http_retry_max: u32,
    /// Not supported: use `kubectl port-forward` and --server
    #[arg(long, global = true, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) port_forward: Option<bool>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    port_forward_namespace: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    loglevel: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    logformat: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    controller_name: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    server_name: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    repo_server_name: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    redis_name: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    redis_haproxy_name: Option<String>,
    /// Accepted for compatibility
    #[arg(long, global = true, hide = true)]
    redis_compress: Option<String>,
}

impl ConnectionArgs {
    /// The local configuration's file.
    pub(crate) fn config_path(&self) -> PathBuf {
        config::path(self.config.as_deref())
    }

    /// Connects to what flags, environment and the local configuration say.
    pub(crate) async fn connect(&self) -> Result<Backend, CliError> {
        if self.port_forward == Some(true) {
            return Err(CliError::new("--port-forward is not supported")
                .hint("run `kubectl port-forward` and give its address by --server"));
        }
        let context = self.context()?;
        let is_core =
            self.core.unwrap_or_else(|| context.as_ref().is_some_and(|context| context.server.core));
        if is_core {
            let namespace = self.control_plane_namespace.as_deref();
            let core = CoreMode::connect(self.kubeconfig.as_deref(), self.kube_context.as_deref(), namespace);
            return Ok(Backend::Core(Box::new(core.await?)));
        }
        let server = match (&self.server, &context) {
            (Some(server), _) if !server.is_empty() => server.clone(),
            (_, Some(context)) => context.server.server.clone(),
            _ => {
                return Err(CliError::new("Argo CD server address unspecified")
                    .hint("log in with `login SERVER`, give --server or ARGOCD_SERVER, or use --core"));
            }
        };
        let saved = context.filter(|context| context.server.server == server || self.server.is_none());
        Ok(Backend::Api(Box::new(ApiServer::new(self.server_options(&server, saved.as_ref())?)?)))
    }

    /// What is needed to reach a server; `saved` is what the local configuration knows of it.
    pub(crate) fn server_options(
        &self,
        server: &str,
        saved: Option<&config::Context>,
    ) -> Result<ServerOptions, CliError> {
        let known = saved.map(|context| &context.server);
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|source| CliError::new(format!("cannot read {}: {source}", path.display())))
        };
        let mut identity = Vec::new();
        if let (Some(certificate), Some(key)) = (&self.client_crt, &self.client_crt_key) {
            identity = read(certificate)?;
            identity.push(b'\n');
            identity.extend(read(key)?);
        } else if let Some(known) = known.filter(|known| !known.client_certificate_data.is_empty()) {
            use base64::Engine;
            for data in [&known.client_certificate_data, &known.client_certificate_key_data] {
                let pem = base64::engine::general_purpose::STANDARD.decode(data).map_err(|source| {
                    CliError::new(format!("cannot read the client certificate of '{server}': {source}"))
                })?;
                identity.extend(pem);
                identity.push(b'\n');
            }
        }
        Ok(ServerOptions {
            address: server.to_owned(),
            root_path: self
                .grpc_web_root_path
                .clone()
                .or_else(|| known.map(|known| known.grpc_web_root_path.clone()))
                .unwrap_or_default(),
            token: self
                .auth_token
                .clone()
                .filter(|token| !token.is_empty())
                .or_else(|| saved.map(|context| context.user.auth_token.clone()))
                .unwrap_or_default(),
            is_plaintext: self.plaintext.unwrap_or_else(|| known.is_some_and(|known| known.plain_text)),
            is_insecure: self.insecure.unwrap_or_else(|| known.is_some_and(|known| known.insecure)),
            certificates: self.server_crt.as_ref().map(read).transpose()?,
            identity: Some(identity).filter(|identity| !identity.is_empty()),
            headers: self.headers.iter().map(|header| parse_header(header)).collect::<Result<_, _>>()?,
            retries: self.http_retry_max,
        })
    }

    /// The context that is meant; `None` where there is no local configuration, or no context is current.
    fn context(&self) -> Result<Option<config::Context>, CliError> {
        let Some(config) = LocalConfig::read(&self.config_path())? else { return Ok(None) };
        match &self.argocd_context {
            Some(name) => config.resolve(Some(name)).map(Some),
            None if config.current_context.is_empty() => Ok(None),
            None => config.resolve(None).map(Some),
        }
    }
}

fn parse_header(header: &str) -> Result<(String, String), CliError> {
    let error = || CliError::new(format!("additional headers must be colon(:)-separated: {header}"));
    let (name, value) = header.split_once(':').ok_or_else(error)?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// What to do about an error of a connection.
pub(crate) fn connection_error(server: &str, source: &dyn std::error::Error) -> CliError {
    let mut words = source.to_string();
    let mut cause = source.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = inner.source();
    }
    let error = CliError::new(format!("cannot reach {server}: {words}")).of_kind(ErrorKind::Connection);
    let lower = words.to_lowercase();
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        error.hint("give the certificate authority by --server-crt, or do not check it with --insecure")
    } else if lower.contains("corrupt message")
        || lower.contains("invalid http version")
        || lower.contains("tls")
    {
        error.hint("a server without TLS needs --plaintext, one with TLS must not have it")
    } else if lower.contains("refused") || lower.contains("dns") || lower.contains("timed out") {
        error.hint("is the address right, and does the server run?")
    } else {
        error
    }
}
