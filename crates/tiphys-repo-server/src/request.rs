//! What the protocol says, as what the libraries take.

use std::path::PathBuf;

use tiphys_api::application::ApplicationSource;
use tiphys_git::{Access, Credentials, Trust};
use tiphys_render::ToolOptions;
use tiphys_wire::internal;

use crate::status::Failure;

/// A source with the repository it is in.
#[derive(Clone, Debug)]
pub(crate) struct SourceRequest {
    pub(crate) source: ApplicationSource,
    pub(crate) access: Access,
    /// As the user wrote it, or a commit.
    pub(crate) revision: String,
}

impl SourceRequest {
    pub(crate) fn read(message: Option<internal::Source>) -> Result<Self, Failure> {
        let message = message.ok_or_else(|| Failure::Request("the request has no source".to_owned()))?;
        let source: ApplicationSource = serde_json::from_slice(&message.source_json)
            .map_err(|error| Failure::Request(format!("the source can't be read: {error}")))?;
        if !source.chart.is_empty() {
            let text = "Helm chart repositories are not supported yet: keep the chart in a Git repository";
            return Err(Failure::NotBuilt(text.to_owned()));
        }
        let revision =
            if message.revision.is_empty() { source.target_revision.clone() } else { message.revision };
        let access = access(message.repository, &source.repo_url)?;
        Ok(Self { source, access, revision })
    }
}

/// The repository, or the one at `url` without credentials.
pub(crate) fn access(message: Option<internal::Repository>, url: &str) -> Result<Access, Failure> {
    let repository = message.unwrap_or_default();
    let url = if repository.url.is_empty() { url } else { &repository.url };
    if !matches!(repository.r#type.as_str(), "" | "git") || url.starts_with("oci://") {
        let text = "repositories of type helm and oci are not supported yet";
        return Err(Failure::NotBuilt(text.to_owned()));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let credentials = Credentials {
        username: repository.username,
        password: repository.password.into(),
        bearer_token: repository.bearer_token.into(),
        ssh_private_key: repository.ssh_private_key.into(),
        tls_client_key: text(&repository.tls_client_cert_key).into(),
        tls_client_certificate: repository.tls_client_cert_data,
    };
    let trust = Trust {
        insecure: repository.insecure,
        ignore_host_key: repository.insecure_ignore_host_key,
        ca_bundle: repository.tls_ca_bundle,
        known_hosts: repository.ssh_known_hosts,
        proxy: repository.proxy,
        no_proxy: repository.no_proxy,
    };
    Ok(Access::new(url, credentials, trust)?.with_depth(repository.depth))
}

pub(crate) fn tools(message: Option<internal::ToolOptions>) -> ToolOptions {
    let tools = message.unwrap_or_default();
    ToolOptions {
        helm_disabled: tools.helm_disabled,
        kustomize_disabled: tools.kustomize_disabled,
        jsonnet_disabled: tools.jsonnet_disabled,
        helm_values_file_schemes: tools.helm_values_file_schemes,
        kustomize_build_options: tools.kustomize_build_options,
        kustomize_binaries: tools
            .kustomize_binaries
            .into_iter()
            .map(|(name, path)| (name, PathBuf::from(path)))
            .collect(),
        kustomize_build_options_by_version: tools.kustomize_build_options_by_version.into_iter().collect(),
    }
}
