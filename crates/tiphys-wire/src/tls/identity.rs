//! The certificate that this service shows, renewed in memory before it ends.
//!
//! A process may run for longer than a leaf is valid. While the CA's key is at hand, a new leaf is issued at the
//! first handshake in the last third of the old one's life; nothing is written anywhere for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::bundle::{PrivateKeyPem, issue};
use super::{CertificateBundle, TlsError};

/// Answers rustls's question for this side's certificate, as a server and as a client.
pub(super) struct Identity {
    authority: Option<(String, PrivateKeyPem)>,
    current: Mutex<Leaf>,
}

struct Leaf {
    key: Arc<CertifiedKey>,
    renew_at: SystemTime,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    pub(super) fn new(bundle: CertificateBundle) -> Result<Self, TlsError> {
        let current = leaf(&bundle.certificate, &bundle.key)?;
        let authority = bundle.ca_key.map(|key| (bundle.ca_certificate, key));
        Ok(Self { authority, current: Mutex::new(current) })
    }

    fn certified_key(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.renew_at
            && let Some((ca, key)) = &self.authority
        {
            match issue(ca, key, now).and_then(|(certificate, key)| leaf(&certificate, &key)) {
                Ok(renewed) => *current = renewed,
                Err(error) => tracing::warn!(error = %error, "renew the internal certificate"),
            }
        }
        current.key.clone()
    }
}

fn leaf(certificate: &str, key: &PrivateKeyPem) -> Result<Leaf, TlsError> {
    let unusable = |place: &str, reason: String| TlsError::Unusable { place: place.to_owned(), reason };
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable("tls.crt", error.to_string()))?;
    let Some(first) = chain.first() else {
        return Err(unusable("tls.crt", "there is no certificate in it".to_owned()));
    };
    let renew_at = renewal(first).map_err(|reason| unusable("tls.crt", reason))?;
    // The reason is not passed on: a parser may quote what it read.
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| unusable("tls.key", "it is not a PEM private key".to_owned()))?;
    let key = CertifiedKey::from_der(chain, key, &super::provider()).map_err(TlsError::Rustls)?;
    Ok(Leaf { key: Arc::new(key), renew_at })
}

fn renewal(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    let begin = parsed.validity().not_before.timestamp().max(0);
    let end = parsed.validity().not_after.timestamp().max(begin);
    let at = end - (end - begin) / 3;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs()))
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key(SystemTime::now()))
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key(SystemTime::now()))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_in_its_last_third_is_replaced_and_a_young_one_is_kept() {
        let made_at = SystemTime::now();
        let identity = Identity::new(CertificateBundle::generate(made_at).unwrap()).unwrap();
        let first = identity.certified_key(made_at);
        let after_half_a_year = identity.certified_key(made_at + Duration::from_secs(180 * 86_400));
        assert!(Arc::ptr_eq(&first, &after_half_a_year));
        let after_nine_months = identity.certified_key(made_at + Duration::from_secs(274 * 86_400));
        assert!(!Arc::ptr_eq(&first, &after_nine_months));
    }

    #[test]
    fn a_mounted_leaf_without_the_authority_is_shown_as_it_is() {
        let made_at = SystemTime::now();
        let mut bundle = CertificateBundle::generate(made_at).unwrap();
        bundle.ca_key = None;
        let identity = Identity::new(bundle).unwrap();
        let first = identity.certified_key(made_at);
        let late = identity.certified_key(made_at + Duration::from_secs(364 * 86_400));
        assert!(Arc::ptr_eq(&first, &late));
    }

    #[test]
    fn an_unusable_key_is_named_without_being_shown() {
        let mut bundle = CertificateBundle::generate(SystemTime::now()).unwrap();
        bundle.key = PrivateKeyPem::new("my secret".to_owned());
        let error = Identity::new(bundle).err().unwrap();
        assert_eq!(error.to_string(), "use the certificate in tls.key: it is not a PEM private key");
    }
}
