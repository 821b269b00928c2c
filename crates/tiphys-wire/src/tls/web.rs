//! The certificate that users see: the operator's, or one signed by itself so that the first start needs nothing.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::bundle::{name, valid};
use super::{PrivateKeyPem, TlsError, provider};

/// A certificate chain and its key as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebCertificate {
    /// PEM chain, leaf first.
    pub certificate: String,
    /// PEM key of the leaf.
    pub key: PrivateKeyPem,
}

impl WebCertificate {
    /// A certificate signed by itself, valid for a year as the reference's generated one, for `localhost` and the
    /// names a Service of this `namespace` has.
    pub fn self_signed(namespace: &str, now: SystemTime) -> Result<Self, TlsError> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        for service in ["argocd-server", "tiphys-api-server"] {
            names.push(service.to_owned());
            for suffix in ["", ".svc", ".svc.cluster.local"] {
                names.push(format!("{service}.{namespace}{suffix}"));
            }
        }
        let mut params = CertificateParams::new(names).map_err(TlsError::Generate)?;
        params.distinguished_name = name("tiphys api-server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        valid(&mut params, now, Duration::from_secs(365 * 86_400));
        let key = KeyPair::generate().map_err(TlsError::Generate)?;
        let certificate = params.self_signed(&key).map_err(TlsError::Generate)?.pem();
        Ok(Self { certificate, key: PrivateKeyPem::new(key.serialize_pem()) })
    }
}

/// What the user-facing listener uses: TLS 1.2 and 1.3, no client certificate, `h2` and `http/1.1` by ALPN.
pub fn web_server_config(web: &WebCertificate) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(web.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Unusable { place: "tls.crt".to_owned(), reason: error.to_string() })?;
    let key = PrivateKeyDer::from_pem_slice(web.key.expose().as_bytes()).map_err(|_| TlsError::Unusable {
        place: "tls.key".to_owned(),
        reason: "it is not a PEM private key".to_owned(),
    })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Rustls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Rustls)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
