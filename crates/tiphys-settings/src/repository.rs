//! Registered repositories and credential templates: which credentials a URL is read with.

use tiphys_api::repository::{RepoCreds, Repository};

use crate::reading::parse_bool;
use crate::{Problem, SecretData};

/// Repositories and templates of the installation.
#[derive(Clone, Debug, Default)]
pub struct Repositories {
    repositories: Vec<Entry<Repository>>,
    templates: Vec<Entry<RepoCreds>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    /// The URL as URLs are compared.
    url: String,
    value: T,
}

impl Repositories {
    pub(crate) fn read(
        repositories: &[SecretData],
        templates: &[SecretData],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut read = Self::default();
        for secret in sorted(repositories) {
            let mut fields = Fields { secret, problems };
            let value = fields.repository();
            if value.repo.trim().is_empty() {
                fields.add("url", "missing; the repository is ignored");
                continue;
            }
            read.repositories.push(Entry { url: normalise_url(&value.repo), value });
        }
        for secret in sorted(templates) {
            let mut fields = Fields { secret, problems };
            let value = fields.template();
            if value.url.trim().is_empty() {
                fields.add("url", "missing; the credentials are ignored");
                continue;
            }
            read.templates.push(Entry { url: normalise_url(&value.url), value });
        }
        read
    }

    /// The repository of a URL for an application of a project, with credentials.
    ///
    /// A repository that is registered for the project wins over one for all. One that has no credentials of its own,
    /// also because it is not registered at all, gets what it lacks from the template with the longest beginning of
    /// the URL.
    #[must_use]
    pub fn repository_for(&self, url: &str, project: &str) -> Repository {
        let mut repository = self
            .registered(url, project)
            .cloned()
            .unwrap_or_else(|| Repository { repo: url.to_owned(), ..Repository::default() });
        if !has_credentials(&repository)
            && let Some(template) = self.template_for(url)
        {
            fill(&mut repository, template);
            repository.inherited_creds = true;
        }
        repository
    }

    /// The registered repository of a URL for a project, or for all projects.
    #[must_use]
    pub fn registered(&self, url: &str, project: &str) -> Option<&Repository> {
        let url = normalise_url(url);
        let mut of_url = self.repositories.iter().filter(|entry| entry.url == url).map(|entry| &entry.value);
        of_url
            .clone()
            .find(|repository| repository.project == project)
            .or_else(|| of_url.find(|repository| repository.project.is_empty()))
    }

    /// The template with the longest beginning of the URL.
    #[must_use]
    pub fn template_for(&self, url: &str) -> Option<&RepoCreds> {
        let url = normalise_url(url);
        // Of two with one length, which then are the same URL, the first wins.
        self.templates
            .iter()
            .rev()
            .filter(|entry| !entry.url.is_empty() && url.starts_with(&entry.url))
            .max_by_key(|entry| entry.url.len())
            .map(|entry| &entry.value)
    }

    /// All registered repositories in the order of their Secrets' names, without template credentials.
    pub fn iter(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.iter().map(|entry| &entry.value)
    }

    /// All templates in the order of their Secrets' names.
    pub fn templates(&self) -> impl Iterator<Item = &RepoCreds> {
        self.templates.iter().map(|entry| &entry.value)
    }

    /// The repositories that are registered for this project alone.
    pub fn of_project<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Repository> + 'a {
        self.iter().filter(move |repository| !project.is_empty() && repository.project == project)
    }
}

fn sorted(secrets: &[SecretData]) -> Vec<&SecretData> {
    let mut secrets: Vec<&SecretData> = secrets.iter().collect();
    secrets.sort_by(|one, other| one.name.cmp(&other.name));
    secrets
}

/// Writes a repository URL as URLs are compared: in lower case, without spaces around it, without `ssh://` and `.git`,
/// and with a slash in place of the colon of `git@host:path`. A slash at the end stays.
#[must_use]
pub fn normalise_url(url: &str) -> String {
    let mut url = url.trim().to_lowercase();
    if is_scp_style(&url) && !url.starts_with("ssh://") {
        url = url.replacen(':', "/", 1);
    }
    let url = url.strip_suffix(".git").unwrap_or(&url);
    url.strip_prefix("ssh://").unwrap_or(url).to_owned()
}

/// Whether two repository URLs are the same repository's.
#[must_use]
pub fn same_url(one: &str, other: &str) -> bool {
    normalise_url(one) == normalise_url(other)
}

/// `user@host…` with or without `ssh://`, and with a single at sign.
fn is_scp_style(url: &str) -> bool {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    rest.split_once('@')
        .is_some_and(|(user, host)| !user.contains(['/', ':']) && !host.is_empty() && !host.contains('@'))
}

/// Whether a repository has credentials of its own, so that no template is asked.
fn has_credentials(repository: &Repository) -> bool {
    !repository.username.is_empty()
        || !repository.password.is_empty()
        || !repository.bearer_token.is_empty()
        || !repository.ssh_private_key.is_empty()
        || !repository.tls_client_cert_data.is_empty()
        || !repository.github_app_private_key.is_empty()
        || !repository.gcp_service_account_key.is_empty()
        || repository.use_azure_workload_identity
        || !repository.azure_service_principal_client_secret.is_empty()
}

/// Takes from a template what the repository lacks.
fn fill(repository: &mut Repository, template: &RepoCreds) {
    macro_rules! take {
        ($($field:ident),+ $(,)?) => {$(
            if is_zero(&repository.$field) {
                repository.$field.clone_from(&template.$field);
            }
        )+};
    }
    take!(
        username,
        password,
        bearer_token,
        ssh_private_key,
        tls_client_cert_data,
        tls_client_cert_key,
        github_app_private_key,
        github_app_id,
        github_app_installation_id,
        github_app_enterprise_base_url,
        gcp_service_account_key,
        azure_service_principal_client_id,
        azure_service_principal_client_secret,
        azure_service_principal_tenant_id,
        azure_active_directory_endpoint,
        proxy,
        no_proxy,
        type_,
        enable_oci,
        insecure_oci_force_http,
        force_http_basic_auth,
        use_azure_workload_identity,
    );
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The fields of one Secret.
struct Fields<'a> {
    secret: &'a SecretData,
    problems: &'a mut Vec<Problem>,
}

impl Fields<'_> {
    fn add(&mut self, key: &str, message: &str) {
        let subject = format!("secret {}: {key}", self.secret.name);
        self.problems.push(Problem { subject, message: message.to_owned() });
    }

    fn text(&self, key: &str) -> String {
        self.secret.text(key).to_owned()
    }

    fn flag(&mut self, key: &str) -> bool {
        let text = self.secret.text(key).trim();
        if text.is_empty() {
            return false;
        }
        parse_bool(text).unwrap_or_else(|| {
            self.add(key, "neither true nor false; false is used");
            false
        })
    }

    fn number(&mut self, key: &str) -> i64 {
        let text = self.secret.text(key).trim();
        if text.is_empty() {
            return 0;
        }
        text.parse().unwrap_or_else(|_| {
            self.add(key, "no whole number; 0 is used");
            0
        })
    }

    fn repository(&mut self) -> Repository {
        let template = self.template();
        let mut repository = Repository {
            repo: template.url.clone(),
            name: self.text("name"),
            project: self.text("project"),
            insecure: self.flag("insecure"),
            insecure_ignore_host_key: self.flag("insecureIgnoreHostKey"),
            enable_lfs: self.flag("enableLfs"),
            depth: self.number("depth"),
            webhook_manifest_cache_warm_disabled: self.flag("webhookManifestCacheWarmDisabled"),
            ..Repository::default()
        };
        fill(&mut repository, &template);
        // These two are spelled otherwise in repositories than in templates.
        repository.azure_service_principal_client_id = self.text("azureServicePrincipalClientId");
        repository.azure_service_principal_tenant_id = self.text("azureServicePrincipalTenantId");
        if repository.type_ == "helm" && repository.name.is_empty() && !repository.enable_oci {
            self.add(
                "name",
                "a Helm repository needs a name; charts that depend on it by its name do not find it",
            );
        }
        repository
    }

    fn template(&mut self) -> RepoCreds {
        RepoCreds {
            url: self.text("url"),
            username: self.text("username"),
            password: self.secret.text("password").into(),
            ssh_private_key: self.secret.text("sshPrivateKey").into(),
            tls_client_cert_data: self.text("tlsClientCertData"),
            tls_client_cert_key: self.secret.text("tlsClientCertKey").into(),
            github_app_private_key: self.secret.text("githubAppPrivateKey").into(),
            github_app_id: self.number("githubAppID"),
            github_app_installation_id: self.number("githubAppInstallationID"),
            github_app_enterprise_base_url: self.text("githubAppEnterpriseBaseUrl"),
            enable_oci: self.flag("enableOCI"),
            type_: self.text("type"),
            gcp_service_account_key: self.secret.text("gcpServiceAccountKey").into(),
            proxy: self.text("proxy"),
            force_http_basic_auth: self.flag("forceHttpBasicAuth"),
            no_proxy: self.text("noProxy"),
            use_azure_workload_identity: self.flag("useAzureWorkloadIdentity"),
            bearer_token: self.secret.text("bearerToken").into(),
            insecure_oci_force_http: self.flag("insecureOCIForceHttp"),
            azure_service_principal_client_id: self.text("azureServicePrincipalClientID"),
            azure_service_principal_client_secret: self
                .secret
                .text("azureServicePrincipalClientSecret")
                .into(),
            azure_service_principal_tenant_id: self.text("azureServicePrincipalTenantID"),
            azure_active_directory_endpoint: self.text("azureActiveDirectoryEndpoint"),
        }
    }
}
