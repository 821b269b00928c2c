//! Where an installation keeps its certificates. The Secret of a cluster is implemented by the crate that owns the
//! client for it; here is the contract, and a folder for a machine without a cluster.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;

use super::{CertificateBundle, PrivateKeyPem};

/// Why the store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first to create the certificates.
    #[error("the internal certificates exist already")]
    AlreadyExists,
    /// They existed a moment ago and do not any more.
    #[error("the internal certificates vanished while they were read")]
    Gone,
    /// They are there, but something is missing in them.
    #[error("read the internal certificates: {0}")]
    Incomplete(String),
    /// The store itself failed.
    #[error("reach the store of the internal certificates at {place}")]
    Failed {
        /// The Secret or the folder.
        place: String,
        /// What it answered.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Keeps one [`CertificateBundle`] for all services of an installation, under the keys `ca.crt`, `ca.key`,
/// `tls.crt` and `tls.key`.
pub trait CertificateStore: Send + Sync {
    /// What is stored, or `None` when nothing is yet.
    fn load(&self) -> BoxFuture<'_, Result<Option<CertificateBundle>, StoreError>>;

    /// Stores `bundle` if nothing is stored yet; [`StoreError::AlreadyExists`] otherwise.
    fn create<'a>(&'a self, bundle: &'a CertificateBundle) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Loads the four values by their keys; `None` when there are none.
type LoadValues =
    dyn Fn() -> BoxFuture<'static, Result<Option<BTreeMap<String, Vec<u8>>>, BoxError>> + Send + Sync;
/// Creates the four values; `false` when somebody was faster.
type CreateValues =
    dyn Fn(BTreeMap<String, Vec<u8>>) -> BoxFuture<'static, Result<bool, BoxError>> + Send + Sync;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Anything that keeps values under keys and creates them at most once, such as a Secret, by its two functions.
pub struct KeyedStore {
    place: String,
    load: Box<LoadValues>,
    create: Box<CreateValues>,
}

impl KeyedStore {
    /// A store at `place` (for messages: `secret argocd/tiphys-internal-tls`). `load` gives all values or `None`;
    /// `create` says `false` when they exist already.
    pub fn new<L, LF, C, CF>(place: impl Into<String>, load: L, create: C) -> Self
    where
        L: Fn() -> LF + Send + Sync + 'static,
        LF: Future<Output = Result<Option<BTreeMap<String, Vec<u8>>>, BoxError>> + Send + 'static,
        C: Fn(BTreeMap<String, Vec<u8>>) -> CF + Send + Sync + 'static,
        CF: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        Self {
            place: place.into(),
            load: Box::new(move || Box::pin(load())),
            create: Box::new(move |values| Box::pin(create(values))),
        }
    }

    fn failed(&self, source: BoxError) -> StoreError {
        StoreError::Failed { place: self.place.clone(), source }
    }
}

impl CertificateStore for KeyedStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<CertificateBundle>, StoreError>> {
        Box::pin(async {
            let Some(mut values) = (self.load)().await.map_err(|error| self.failed(error))? else {
                return Ok(None);
            };
            let mut text = |key: &str| {
                let bytes = values.remove(key).filter(|bytes| !bytes.is_empty());
                let bytes = bytes
                    .ok_or_else(|| StoreError::Incomplete(format!("{}: {key} is missing", self.place)))?;
                String::from_utf8(bytes)
                    .map_err(|_| StoreError::Incomplete(format!("{}: {key} is not text", self.place)))
            };
            Ok(Some(CertificateBundle {
                ca_certificate: text("ca.crt")?,
                certificate: text("tls.crt")?,
                key: PrivateKeyPem::new(text("tls.key")?),
                // Whoever brings certificates of their own may keep the authority's key to themselves.
                ca_key: text("ca.key").ok().map(PrivateKeyPem::new),
            }))
        })
    }

    fn create<'a>(&'a self, bundle: &'a CertificateBundle) -> BoxFuture<'a, Result<(), StoreError>> {
        let ca_key = bundle.ca_key.as_ref().map_or("", PrivateKeyPem::expose);
        let values = [
            ("ca.crt", bundle.ca_certificate.as_str()),
            ("ca.key", ca_key),
            ("tls.crt", bundle.certificate.as_str()),
            ("tls.key", bundle.key.expose()),
        ];
        let values =
            values.into_iter().map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec())).collect();
        Box::pin(async {
            match (self.create)(values).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(StoreError::AlreadyExists),
                Err(error) => Err(self.failed(error)),
            }
        })
    }
}

/// A folder readable by its owner alone.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    folder: PathBuf,
}

impl DirectoryStore {
    /// Uses `folder`, which is made when certificates are created.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn failed(&self, error: std::io::Error) -> StoreError {
        StoreError::Failed { place: self.folder.display().to_string(), source: Box::new(error) }
    }

    fn read(&self) -> Result<Option<CertificateBundle>, StoreError> {
        // The folder appears under its name in one step (see `write`), so a missing file in it is damage.
        if !self.folder.exists() {
            return Ok(None);
        }
        let file = |name: &str| {
            std::fs::read_to_string(self.folder.join(name)).map_err(|error| {
                StoreError::Incomplete(format!("{}: {error}", self.folder.join(name).display()))
            })
        };
        Ok(Some(CertificateBundle {
            ca_certificate: file("ca.crt")?,
            ca_key: Some(PrivateKeyPem::new(file("ca.key")?)),
            certificate: file("tls.crt")?,
            key: PrivateKeyPem::new(file("tls.key")?),
        }))
    }

    fn write(&self, bundle: &CertificateBundle) -> Result<(), StoreError> {
        if self.folder.exists() {
            return Err(StoreError::AlreadyExists);
        }
        let parent = self.folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(|error| self.failed(error))?;
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        static DRAFTS: AtomicU32 = AtomicU32::new(0);
        name.push(format!(".{}.{}", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)));
        let draft = parent.join(name);
        let written = self.write_into(&draft, bundle);
        // Renaming a folder onto one that is not empty fails: who comes second loses, and nobody sees half of it.
        let moved = written.and_then(|()| std::fs::rename(&draft, &self.folder));
        moved.map_err(|error| {
            let _leftover = std::fs::remove_dir_all(&draft);
            if self.folder.exists() { StoreError::AlreadyExists } else { self.failed(error) }
        })
    }

    fn write_into(&self, draft: &Path, bundle: &CertificateBundle) -> std::io::Result<()> {
        let mut folder = std::fs::DirBuilder::new();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
            folder.mode(0o700);
            options.mode(0o600);
        }
        folder.create(draft)?;
        let ca_key = bundle.ca_key.as_ref().map_or("", PrivateKeyPem::expose);
        for (name, text) in [
            ("ca.crt", bundle.ca_certificate.as_str()),
            ("ca.key", ca_key),
            ("tls.crt", bundle.certificate.as_str()),
            ("tls.key", bundle.key.expose()),
        ] {
            options.open(draft.join(name))?.write_all(text.as_bytes())?;
        }
        Ok(())
    }
}

impl CertificateStore for DirectoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<CertificateBundle>, StoreError>> {
        Box::pin(async { self.read() })
    }

    fn create<'a>(&'a self, bundle: &'a CertificateBundle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { self.write(bundle) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn the_second_writer_is_told_so_and_reads_what_the_first_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let store = DirectoryStore::new(folder.path().join("tls"));
        assert_eq!(store.read().unwrap(), None);
        let first = CertificateBundle::generate(SystemTime::now()).unwrap();
        let second = CertificateBundle::generate(SystemTime::now()).unwrap();
        store.write(&first).unwrap();
        assert!(matches!(store.write(&second), Err(StoreError::AlreadyExists)));
        assert_eq!(store.read().unwrap(), Some(first));
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_readable_by_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = DirectoryStore::new(folder.path().join("tls"));
        store.write(&CertificateBundle::generate(SystemTime::now()).unwrap()).unwrap();
        for (path, mode) in [("tls", 0o700), ("tls/ca.key", 0o600), ("tls/tls.key", 0o600)] {
            let found = std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{path}");
        }
    }
}
