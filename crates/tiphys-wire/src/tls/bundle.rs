//! The CA and the leaf of an installation as PEM texts, and how they are made.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

use super::{INTERNAL_SERVER_NAME, TlsError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const LEAF_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Names under which the services are reached, beside [`INTERNAL_SERVER_NAME`]: the reference's Service names and
/// this installation's.
pub const SERVICE_NAMES: [&str; 9] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "argocd-server",
    "argocd-repo-server",
    "argocd-application-controller",
    "tiphys-api-server",
    "tiphys-repo-server",
    "tiphys-application-controller",
];

/// A private key as PEM text. It shows nothing of itself when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyPem(String);

impl PrivateKeyPem {
    /// Takes the PEM text as it is; whether it is a key shows when it is used.
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    /// The PEM text, for the store and for the TLS library.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem(…)")
    }
}

/// Everything that the services of one installation share: its CA and one leaf certificate, each with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateBundle {
    /// PEM of the CA's certificate (`ca.crt`); several are trusted when there are several.
    pub ca_certificate: String,
    /// PEM of the CA's key (`ca.key`). Without it leaves can't be renewed by the services themselves.
    pub ca_key: Option<PrivateKeyPem>,
    /// PEM of the leaf (`tls.crt`).
    pub certificate: String,
    /// PEM of the leaf's key (`tls.key`).
    pub key: PrivateKeyPem,
}

impl CertificateBundle {
    /// Makes a new CA (valid for ten years) and a leaf of it (valid for one), both from a day before `now`, so that
    /// clocks may differ.
    pub fn generate(now: SystemTime) -> Result<Self, TlsError> {
        let ca_key = KeyPair::generate().map_err(TlsError::Generate)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("tiphys internal CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, now, CA_LIFETIME);
        let ca_certificate = params.self_signed(&ca_key).map_err(TlsError::Generate)?.pem();
        let ca_key = PrivateKeyPem(ca_key.serialize_pem());
        let (certificate, key) = issue(&ca_certificate, &ca_key, now)?;
        Ok(Self { ca_certificate, ca_key: Some(ca_key), certificate, key })
    }
}

/// Issues a leaf for a service: good as a server under every name the services have, and as a client.
pub(super) fn issue(
    ca_certificate: &str,
    ca_key: &PrivateKeyPem,
    now: SystemTime,
) -> Result<(String, PrivateKeyPem), TlsError> {
    let ca_key = KeyPair::from_pem(ca_key.expose()).map_err(TlsError::Generate)?;
    let issuer = Issuer::from_ca_cert_pem(ca_certificate, ca_key).map_err(TlsError::Generate)?;
    let names: Vec<String> =
        SERVICE_NAMES.iter().chain([&INTERNAL_SERVER_NAME]).map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(TlsError::Generate)?;
    params.distinguished_name = name("tiphys internal service");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    valid(&mut params, now, LEAF_LIFETIME);
    let key = KeyPair::generate().map_err(TlsError::Generate)?;
    let certificate = params.signed_by(&key, &issuer).map_err(TlsError::Generate)?;
    Ok((certificate.pem(), PrivateKeyPem(key.serialize_pem())))
}

pub(super) fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Tiphys");
    name.push(DnType::CommonName, common_name);
    name
}

pub(super) fn valid(params: &mut CertificateParams, now: SystemTime, lifetime: Duration) {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch.saturating_sub(DAY);
    params.not_after = epoch + since_epoch + lifetime;
}
