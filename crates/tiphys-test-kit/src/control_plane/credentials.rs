//! Keys, certificates and the token of one control plane, and the kubeconfig made of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

/// A certificate and its key, both as PEM text.
#[derive(Clone)]
pub struct CertifiedKey {
    /// The certificate, `-----BEGIN CERTIFICATE-----`.
    pub certificate_pem: String,
    /// The key in PKCS#8, `-----BEGIN PRIVATE KEY-----`.
    pub key_pem: String,
}

impl std::fmt::Debug for CertifiedKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CertifiedKey(…)")
    }
}

/// Everything secret of one control plane. Nothing of it is used anywhere else.
pub struct Credentials {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    server: CertifiedKey,
    service_account_key: KeyPair,
    token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// Makes a certificate authority, a server certificate, a key for service accounts and an admin token.
    ///
    /// # Errors
    /// When the random source of the machine fails.
    pub fn generate() -> Result<Self> {
        let ca_key = KeyPair::generate().context("failed to make a key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "tiphys test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = params.self_signed(&ca_key).context("failed to sign the authority")?.pem();
        let issuer = Issuer::new(params, ca_key);
        let server = issue_server(
            &issuer,
            &["127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default.svc"],
        )?;
        let service_account_key = KeyPair::generate().context("failed to make a key")?;
        let token = format!("{:032x}", rand::random::<u128>());
        Ok(Self { issuer, ca_pem, server, service_account_key, token })
    }

    /// Certificate of the authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Bearer token of the admin.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Issues a client certificate that makes its holder `user` in `groups`.
    ///
    /// # Errors
    /// When the random source of the machine fails.
    pub fn client_certificate(&self, user: &str, groups: &[&str]) -> Result<CertifiedKey> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        for group in groups {
            params.distinguished_name.push(DnType::OrganizationName, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(&self.issuer, params)
    }

    /// Issues a server certificate for names and addresses, signed by the same authority.
    ///
    /// # Errors
    /// When a name is not one, or the random source of the machine fails.
    pub fn server_certificate(&self, names: &[&str]) -> Result<CertifiedKey> {
        issue_server(&self.issuer, names)
    }

    /// Writes all files that the programs read, and the kubeconfig, into `folder`.
    pub(super) fn write(&self, folder: &Path, name: &str, port: u16) -> Result<()> {
        let kubeconfig = self.kubeconfig(name, &format!("https://127.0.0.1:{port}"));
        let tokens = format!("{},admin,admin,\"system:masters\"\n", self.token);
        let files = [
            ("ca.crt", &self.ca_pem),
            ("apiserver.crt", &self.server.certificate_pem),
            ("apiserver.key", &self.server.key_pem),
            ("service-account.key", &self.service_account_key.serialize_pem()),
            ("service-account.pub", &self.service_account_key.public_key_pem()),
            ("tokens.csv", &tokens),
            ("kubeconfig", &kubeconfig),
        ];
        for (file, text) in files {
            let path = folder.join(file);
            fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .with_context(|| format!("failed to protect {}", path.display()))?;
        }
        Ok(())
    }

    fn kubeconfig(&self, name: &str, server: &str) -> String {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(&self.ca_pem),
            }}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        });
        // JSON is YAML, so this is a kubeconfig as it stands.
        format!("{config:#}\n")
    }
}

fn issue_server(issuer: &Issuer<'static, KeyPair>, names: &[&str]) -> Result<CertifiedKey> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).context("failed to read the names of a server")?;
    params.distinguished_name.push(DnType::CommonName, "tiphys test server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(issuer, params)
}

fn issue(issuer: &Issuer<'static, KeyPair>, mut params: CertificateParams) -> Result<CertifiedKey> {
    let key = KeyPair::generate().context("failed to make a key")?;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer).context("failed to sign a certificate")?;
    Ok(CertifiedKey { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}
