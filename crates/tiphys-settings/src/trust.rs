//! What other hosts have to prove themselves with.

use std::collections::BTreeMap;

/// Host keys, certificates and signing keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Lines in the format of ssh's `known_hosts`.
    pub known_hosts: String,
    /// PEM certificates by host name without port.
    pub tls: BTreeMap<String, String>,
    /// Armoured public keys by key id.
    pub gpg_keys: BTreeMap<String, String>,
}

impl Trust {
    pub(crate) fn read(
        ssh: &BTreeMap<String, String>,
        tls: &BTreeMap<String, String>,
        gpg: &BTreeMap<String, String>,
    ) -> Self {
        Self {
            known_hosts: ssh.get("ssh_known_hosts").cloned().unwrap_or_default(),
            tls: tls.iter().map(|(host, pem)| (host.to_lowercase(), pem.clone())).collect(),
            gpg_keys: gpg.clone(),
        }
    }

    /// The certificates that take the place of the system's for the host of a URL or a bare host, with or without port.
    #[must_use]
    pub fn ca_bundle_for(&self, url: &str) -> Option<&str> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_lowercase();
        let bare = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        self.tls.get(&host).or_else(|| self.tls.get(bare)).map(String::as_str)
    }
}
