//! What the repo-server is told about a source: its JSON, and the repository with the credentials of the settings.

use tiphys_api::application::ApplicationSource;
use tiphys_settings::Settings;
use tiphys_wire::internal as proto;

/// A source at a revision (empty: the one that it tracks), for an application of `project`.
pub(crate) fn source(
    settings: &Settings,
    project: &str,
    source: &ApplicationSource,
    revision: &str,
) -> proto::Source {
    proto::Source {
        // A source was read from JSON and is written as JSON; there is nothing in it that can't be.
        source_json: serde_json::to_vec(source).unwrap_or_default(),
        repository: Some(repository(settings, project, &source.repo_url)),
        revision: revision.to_owned(),
    }
}

/// The repository at `url` as an application of `project` may use it.
pub(crate) fn repository(settings: &Settings, project: &str, url: &str) -> proto::Repository {
    let known = settings.repositories.repository_for(url, project);
    let ca_bundle = settings.trust.ca_bundle_for(url);
    proto::Repository {
        url: known.repo,
        username: known.username,
        password: known.password.expose().to_owned(),
        ssh_private_key: known.ssh_private_key.expose().to_owned(),
        bearer_token: known.bearer_token.expose().to_owned(),
        insecure: known.insecure,
        insecure_ignore_host_key: known.insecure_ignore_host_key,
        tls_client_cert_data: known.tls_client_cert_data.into_bytes(),
        tls_client_cert_key: known.tls_client_cert_key.expose().as_bytes().to_vec(),
        tls_ca_bundle: ca_bundle.map(|pem| pem.as_bytes().to_vec()).unwrap_or_default(),
        ssh_known_hosts: settings.trust.known_hosts.clone(),
        proxy: known.proxy,
        no_proxy: known.no_proxy,
        enable_lfs: known.enable_lfs,
        r#type: known.type_,
        name: known.name,
        project: known.project,
        enable_oci: known.enable_oci,
        force_http_basic_auth: known.force_http_basic_auth,
        depth: u32::try_from(known.depth).unwrap_or(0),
    }
}

/// What renders may use of tools.
pub(crate) fn tools(settings: &Settings) -> proto::ToolOptions {
    let tools = &settings.tools;
    let versions = || tools.kustomize_versions.iter();
    proto::ToolOptions {
        helm_disabled: !tools.helm_enabled,
        kustomize_disabled: !tools.kustomize_enabled,
        jsonnet_disabled: !tools.jsonnet_enabled,
        helm_values_file_schemes: tools.helm_values_file_schemes.clone(),
        kustomize_build_options: tools.kustomize_build_options.clone(),
        kustomize_binaries: versions().map(|(name, version)| (name.clone(), version.path.clone())).collect(),
        kustomize_build_options_by_version: versions()
            .filter_map(|(name, version)| Some((name.clone(), version.build_options.clone()?)))
            .collect(),
    }
}
