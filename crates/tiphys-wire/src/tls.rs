//! Certificates between the services of one installation.
//!
//! An installation is its own authority: the first service that starts makes a CA and a certificate and keeps them
//! in a [`CertificateStore`] (a Secret in a cluster, a folder elsewhere); all others load them. A service shows a
//! certificate of that CA and accepts only peers that show one too. Where the operator mounts certificates of
//! their own, those win ([`InternalCertificates::from_files`]).
//!
//! Trust rests on the private CA, not on host names: every leaf carries [`INTERNAL_SERVER_NAME`], and that is the
//! name a client asks for, whatever the address is. Mounted certificates are checked by the name in the address.

mod bundle;
mod identity;
mod store;
mod web;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

pub use bundle::{CertificateBundle, PrivateKeyPem, SERVICE_NAMES};
pub use store::{CertificateStore, DirectoryStore, KeyedStore, StoreError};
pub use web::{WebCertificate, web_server_config};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The name in every internal leaf certificate, and the name that internal clients verify.
pub const INTERNAL_SERVER_NAME: &str = "tiphys.internal";

/// Why certificates could not be made, loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Making a key or a certificate failed.
    #[error("make an internal certificate")]
    Generate(#[source] rcgen::Error),
    /// A stored or mounted certificate or key is not what it should be.
    #[error("use the certificate in {place}: {reason}")]
    Unusable {
        /// Where it came from: a file, or a key of the Secret.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// rustls refused the configuration.
    #[error("set up TLS")]
    Rustls(#[source] rustls::Error),
    /// The trust anchors can't be used to verify clients.
    #[error("set up the verification of client certificates")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
    /// A file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The place where certificates are kept did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes ring the process's provider of cryptography. To be called once, first thing in `main` and in tests that
/// open a TLS connection through a library that asks for the process's default; later calls change nothing.
pub fn install_crypto_provider() {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// How two services of one installation talk to each other.
#[derive(Clone)]
pub enum InternalTls {
    /// Both ends show a certificate of the installation's CA. The default.
    Mutual(InternalCertificates),
    /// Nothing is encrypted and nobody is asked: what `--disable-tls` and `--repo-server-plaintext` mean.
    Plaintext,
}

impl From<InternalCertificates> for InternalTls {
    fn from(certificates: InternalCertificates) -> Self {
        Self::Mutual(certificates)
    }
}

/// The files of certificates that the operator mounts.
#[derive(Debug, Clone)]
pub struct MountedCertificates {
    /// PEM bundle of the authorities that peers are checked against.
    pub ca: PathBuf,
    /// PEM chain that is shown to peers.
    pub certificate: PathBuf,
    /// PEM key of that chain.
    pub key: PathBuf,
}

/// The certificates of this service and what it accepts from others. Cheap to clone.
#[derive(Clone)]
pub struct InternalCertificates {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    verify_address: bool,
}

impl InternalCertificates {
    /// Certificates that live and die with this process: for all services in one process, and for tests.
    pub fn ephemeral() -> Result<Self, TlsError> {
        Self::from_bundle(CertificateBundle::generate(SystemTime::now())?)
    }

    /// The installation's certificates out of `store`, made and put there when it is empty. Of several services
    /// that start at once one wins; the others take what it wrote.
    pub async fn load_or_create(store: &dyn CertificateStore) -> Result<Self, TlsError> {
        if let Some(bundle) = store.load().await? {
            return Self::from_bundle(bundle);
        }
        let made = CertificateBundle::generate(SystemTime::now())?;
        match store.create(&made).await {
            Ok(()) => Self::from_bundle(made),
            Err(StoreError::AlreadyExists) => match store.load().await? {
                Some(bundle) => Self::from_bundle(bundle),
                None => Err(StoreError::Gone.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Uses this bundle. A leaf that is near its end is replaced in memory while the bundle holds the CA's key.
    pub fn from_bundle(bundle: CertificateBundle) -> Result<Self, TlsError> {
        let roots = roots(bundle.ca_certificate.as_bytes(), "ca.crt")?;
        let identity = Arc::new(identity::Identity::new(bundle)?);
        Self::assemble(roots, &identity, false)
    }

    /// Uses certificates that the operator mounted. Servers are then verified by the name in their address.
    pub fn from_files(files: &MountedCertificates) -> Result<Self, TlsError> {
        let ca = read(&files.ca)?;
        let roots = roots(ca.as_bytes(), &files.ca.display().to_string())?;
        let bundle = CertificateBundle {
            ca_certificate: ca,
            ca_key: None,
            certificate: read(&files.certificate)?,
            key: PrivateKeyPem::new(read(&files.key)?),
        };
        let identity = Arc::new(identity::Identity::new(bundle)?);
        Self::assemble(roots, &identity, true)
    }

    fn assemble(
        roots: RootCertStore,
        identity: &Arc<identity::Identity>,
        verify_address: bool,
    ) -> Result<Self, TlsError> {
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
            .build()
            .map_err(TlsError::Verifier)?;
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(identity.clone());
        server.alpn_protocols = vec![b"h2".to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?
            .with_root_certificates(roots)
            .with_client_cert_resolver(identity.clone());
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { server: Arc::new(server), client: Arc::new(client), verify_address })
    }

    /// What a server listens with: a client without a certificate of the CA does not get through the handshake.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// What a client connects with.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }

    /// The name a client must find in the certificate of the server at `host`.
    pub(crate) fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        let name = if self.verify_address { host } else { INTERNAL_SERVER_NAME };
        ServerName::try_from(name.to_owned()).map_err(|error| TlsError::Unusable {
            place: format!("address {host:?}"),
            reason: error.to_string(),
        })
    }
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn roots(pem: &[u8], place: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate
            .map_err(|error| TlsError::Unusable { place: place.to_owned(), reason: error.to_string() })?;
        roots
            .add(certificate)
            .map_err(|error| TlsError::Unusable { place: place.to_owned(), reason: error.to_string() })?;
    }
    if roots.is_empty() {
        return Err(TlsError::Unusable {
            place: place.to_owned(),
            reason: "there is no certificate in it".to_owned(),
        });
    }
    Ok(roots)
}
