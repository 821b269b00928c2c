//! A repository's address together with what is needed to read it.

use std::fmt;

use tiphys_api::secret::SecretString;

use crate::url::{RemoteUrl, UrlError};

/// Credentials and trust for one repository. Empty fields are not used.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// User for HTTP; with a token as password any user will do.
    pub username: String,
    /// Password or token for HTTP.
    pub password: SecretString,
    /// Token that is sent as `Authorization: Bearer`; wins over user and password.
    pub bearer_token: SecretString,
    /// Private key for SSH, as PEM.
    pub ssh_private_key: SecretString,
    /// Client certificate for HTTPS, as PEM.
    pub tls_client_certificate: Vec<u8>,
    /// Key of the client certificate, as PEM.
    pub tls_client_key: SecretString,
}

/// What the other side is checked against, and the way to it.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Neither certificates nor host keys are checked.
    pub insecure: bool,
    /// SSH host keys are not checked.
    pub ignore_host_key: bool,
    /// PEM bundle that is used instead of the system's certificates.
    pub ca_bundle: Vec<u8>,
    /// Lines in the format of ssh's `known_hosts`.
    pub known_hosts: String,
    /// URL of a proxy for HTTP; when empty, the one of the environment.
    pub proxy: String,
    /// Hosts that are reached without the proxy, separated by commas.
    pub no_proxy: String,
}

/// A repository that can be read.
#[derive(Clone)]
pub struct Access {
    url: RemoteUrl,
    credentials: Credentials,
    trust: Trust,
    depth: u32,
    key: AccessKey,
    connection: [u8; 32],
}

/// Tells repositories apart, and accesses with other credentials to the same repository: what one may read is
/// not given to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccessKey(pub(crate) [u8; 32]);

impl AccessKey {
    /// Name of the folder that belongs to this access.
    pub(crate) fn folder(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().chars().take(40).collect()
    }
}

impl Access {
    /// Checks the address.
    ///
    /// # Errors
    /// When `url` is not the address of a repository.
    pub fn new(url: &str, mut credentials: Credentials, trust: Trust) -> Result<Self, UrlError> {
        let url = RemoteUrl::parse(url)?;
        if let (Some(user), true) = (url.credentials().0, credentials.username.is_empty()) {
            credentials.username = user.to_owned();
        }
        if let (Some(password), true) = (url.credentials().1, credentials.password.is_empty()) {
            credentials.password = SecretString::from(password);
        }
        let key = key_of(&url, &credentials, 0);
        let connection = connection_of(key, &trust);
        Ok(Self { url, credentials, trust, depth: 0, key, connection })
    }

    /// A repository that needs no credentials.
    ///
    /// # Errors
    /// When `url` is not the address of a repository.
    pub fn anonymous(url: &str) -> Result<Self, UrlError> {
        Self::new(url, Credentials::default(), Trust::default())
    }

    /// Fetches only this many commits of history; 0 is all of it.
    #[must_use]
    pub fn with_depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self.key = key_of(&self.url, &self.credentials, depth);
        self.connection = connection_of(self.key, &self.trust);
        self
    }

    /// Address of the repository.
    #[must_use]
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// Which repository this is, seen with which credentials.
    #[must_use]
    pub fn key(&self) -> AccessKey {
        self.key
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Changes with everything that decides whether a connection may be made: what was read over one
    /// connection does not speak for another.
    pub(crate) fn connection(&self) -> [u8; 32] {
        self.connection
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("url", &self.url).finish_non_exhaustive()
    }
}

fn key_of(url: &RemoteUrl, credentials: &Credentials, depth: u32) -> AccessKey {
    AccessKey(hash_of(&[
        url.identity().as_bytes(),
        credentials.username.as_bytes(),
        credentials.password.expose().as_bytes(),
        credentials.bearer_token.expose().as_bytes(),
        credentials.ssh_private_key.expose().as_bytes(),
        &credentials.tls_client_certificate,
        credentials.tls_client_key.expose().as_bytes(),
        &depth.to_le_bytes(),
    ]))
}

fn connection_of(key: AccessKey, trust: &Trust) -> [u8; 32] {
    hash_of(&[
        &key.0,
        &[u8::from(trust.insecure), u8::from(trust.ignore_host_key)],
        &trust.ca_bundle,
        trust.known_hosts.as_bytes(),
        trust.proxy.as_bytes(),
        trust.no_proxy.as_bytes(),
    ])
}

fn hash_of(fields: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_does_not_show_its_secrets() {
        let credentials = Credentials {
            username: "alice".into(),
            password: "hunter2".into(),
            bearer_token: "t0ken".into(),
            ssh_private_key: "k3y".into(),
            tls_client_key: "cl1ent".into(),
            ..Credentials::default()
        };
        let access = Access::new("https://bob:inurl@host/x", credentials.clone(), Trust::default()).unwrap();
        let shown = format!("{access:?} {credentials:?}");
        for secret in ["hunter2", "t0ken", "k3y", "cl1ent", "inurl"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn other_credentials_are_another_access_to_the_same_repository() {
        let with = |password: &str| {
            let credentials = Credentials { password: password.into(), ..Credentials::default() };
            Access::new("https://host/x.git", credentials, Trust::default()).unwrap().key()
        };
        assert_eq!(with("a"), with("a"));
        assert_ne!(with("a"), with("b"));
        assert_ne!(with(""), Access::anonymous("https://host/y").unwrap().key());
        assert_eq!(with(""), Access::anonymous("https://HOST/x").unwrap().key());
    }
}
