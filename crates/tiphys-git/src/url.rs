//! The addresses of Git repositories: which are allowed, and what they say.
//!
//! Only `file`, `http`, `https`, `ssh` and the scp-like form are known. Transports that run a program (`ext::`)
//! and hosts, users or paths that a program could take for an option do not pass.

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

/// Longest address that is read, in bytes.
const LONGEST: usize = 4096;

/// Why a text is not the address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing there.
    #[error("the repository URL is empty")]
    Empty,
    /// Beyond 4,096 bytes.
    #[error("the repository URL is longer than {LONGEST} bytes")]
    TooLong,
    /// Line breaks, NUL and their like.
    #[error("the repository URL has a blank or a control character in it")]
    ControlCharacter,
    /// A scheme other than the known ones.
    #[error("repository URLs of the form {0:?} are not allowed: use https, http, ssh or file")]
    Scheme(String),
    /// A part that is missing or that could be taken for an option.
    #[error("the repository URL has no valid {0}")]
    Part(&'static str),
}

/// How a repository is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// A folder of this machine.
    Local(PathBuf),
    /// HTTP or HTTPS. The address carries no user and no password.
    Http(Url),
    /// SSH.
    Ssh(SshAddress),
}

/// Where an SSH repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    /// User; `git` when the address names none.
    pub user: String,
    /// Host name or address, without brackets, in lower case.
    pub host: String,
    /// Port; 22 when the address names none.
    pub port: u16,
    /// Path as the server gets it.
    pub path: String,
}

/// A checked address of a repository.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    transport: Transport,
    identity: String,
    user: Option<String>,
    password: Option<String>,
}

impl RemoteUrl {
    /// Checks and takes apart an address.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ') {
            return Err(UrlError::ControlCharacter);
        }
        if text.starts_with('/') {
            return local(text);
        }
        match text.split_once("://") {
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "file" => local(rest.strip_prefix("localhost").unwrap_or(rest)),
                "http" | "https" => http(text),
                "ssh" => ssh_url(rest),
                _ => Err(UrlError::Scheme(shortened(scheme, "://"))),
            },
            None => scp_like(text),
        }
    }

    /// How the repository is reached.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// One text per repository, without credentials: `.git` at the end, the case of the host and a port that is
    /// the default make no difference, the case of the path does.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// User and password that stood in the address.
    pub(crate) fn credentials(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.password.as_deref())
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.identity)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RemoteUrl").field(&self.identity).finish()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => formatter.debug_tuple("Local").field(path).finish(),
            Self::Http(url) => formatter.debug_tuple("Http").field(&url.as_str()).finish(),
            Self::Ssh(address) => formatter.debug_tuple("Ssh").field(address).finish(),
        }
    }
}

fn shortened(scheme: &str, separator: &str) -> String {
    scheme.chars().take(20).chain(separator.chars()).collect()
}

fn without_suffix(path: &str) -> &str {
    path.strip_suffix(".git").unwrap_or(path)
}

fn local(path: &str) -> Result<RemoteUrl, UrlError> {
    if !path.starts_with('/') {
        return Err(UrlError::Part("absolute path"));
    }
    Ok(RemoteUrl {
        transport: Transport::Local(PathBuf::from(path)),
        identity: format!("file://{path}"),
        user: None,
        password: None,
    })
}

fn http(text: &str) -> Result<RemoteUrl, UrlError> {
    // The parser skips slashes in excess and would take the path for a host.
    if text.split_once("://").is_none_or(|(_, rest)| rest.starts_with(['/', '\\'])) {
        return Err(UrlError::Part("host"));
    }
    let mut url = Url::parse(text).map_err(|_| UrlError::Part("host"))?;
    if url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) {
        return Err(UrlError::Part("host"));
    }
    let decoded = |text: &str| percent_decoded(text).filter(|text| !text.is_empty());
    let user = decoded(url.username());
    let password = url.password().and_then(decoded);
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| UrlError::Part("host"))?;
    url.set_fragment(None);
    if url.query().is_some() {
        return Err(UrlError::Part("path: it has a query"));
    }
    let trimmed = url.path().trim_end_matches('/').to_owned();
    url.set_path(&trimmed);
    let identity = without_suffix(url.as_str().trim_end_matches('/')).to_owned();
    Ok(RemoteUrl { transport: Transport::Http(url), identity, user, password })
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn ssh_url(rest: &str) -> Result<RemoteUrl, UrlError> {
    let (authority, path) = rest.split_once('/').ok_or(UrlError::Part("path"))?;
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    // A password in an ssh URL has no meaning; what stands there is not kept.
    let user = user.map(|user| user.split(':').next().unwrap_or_default());
    let (host, port) = if let Some(inner) = host_port.strip_prefix('[') {
        let (host, after) = inner.split_once(']').ok_or(UrlError::Part("host"))?;
        (host, after.strip_prefix(':').unwrap_or(after))
    } else {
        host_port.split_once(':').unwrap_or((host_port, ""))
    };
    let port = if port.is_empty() { 22 } else { port.parse().map_err(|_| UrlError::Part("port"))? };
    // `ssh://host/~user/repo` means a path relative to a home, as with git itself.
    let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
    ssh(user, host, port, path)
}

fn scp_like(text: &str) -> Result<RemoteUrl, UrlError> {
    let (authority, path) = text.split_once(':').ok_or_else(|| UrlError::Scheme(shortened(text, "")))?;
    if path.starts_with(':') {
        return Err(UrlError::Scheme(shortened(authority, "::")));
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    ssh(user, host, 22, path.to_owned())
}

fn ssh(user: Option<&str>, host: &str, port: u16, path: String) -> Result<RemoteUrl, UrlError> {
    let user = user.unwrap_or("git");
    let plain = |text: &str, more: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c))
    };
    if !plain(user, "+~%") {
        return Err(UrlError::Part("user"));
    }
    if !plain(host, ":") {
        return Err(UrlError::Part("host"));
    }
    if path.is_empty() || path == "/" || path.starts_with('-') || path.contains(['\'', '\\']) {
        return Err(UrlError::Part("path"));
    }
    let host = host.to_ascii_lowercase();
    let separator = if path.starts_with('/') { "" } else { "/" };
    let shown_port = if port == 22 { String::new() } else { format!(":{port}") };
    let identity =
        format!("{user}@{host}{shown_port}{separator}{}", without_suffix(path.trim_end_matches('/')));
    let address = SshAddress { user: user.to_owned(), host, port, path };
    Ok(RemoteUrl { transport: Transport::Ssh(address), identity, user: None, password: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(text: &str) -> String {
        RemoteUrl::parse(text).unwrap().identity().to_owned()
    }

    #[test]
    fn the_same_repository_has_one_identity_however_it_is_written() {
        assert_eq!(identity("https://GitHub.com/Acme/app.git"), "https://github.com/Acme/app");
        assert_eq!(identity(" https://github.com:443/Acme/app/ "), "https://github.com/Acme/app");
        assert_eq!(identity("git@GitHub.com:Acme/app.git"), "git@github.com/Acme/app");
        assert_eq!(identity("ssh://git@github.com/Acme/app"), "git@github.com/Acme/app");
        assert_eq!(identity("ssh://git@github.com:22/Acme/app"), "git@github.com/Acme/app");
        assert_eq!(identity("ssh://git@github.com:2222/Acme/app"), "git@github.com:2222/Acme/app");
        assert_eq!(identity("file:///srv/repo"), "file:///srv/repo");
        assert_eq!(identity("/srv/repo"), "file:///srv/repo");
    }

    #[test]
    fn a_password_in_the_address_is_taken_out_of_it() {
        let url = RemoteUrl::parse("https://alice:s%33cret@host.example/repo").unwrap();
        assert_eq!(url.credentials(), (Some("alice"), Some("s3cret")));
        assert!(!format!("{url} {url:?} {:?}", url.transport()).contains("cret@"));
    }

    #[test]
    fn an_ssh_address_is_taken_apart() {
        let url = RemoteUrl::parse("ssh://bob@[::1]:2022/srv/repo.git").unwrap();
        let Transport::Ssh(address) = url.transport() else { panic!("not ssh") };
        assert_eq!((address.host.as_str(), address.port), ("::1", 2022));
        assert_eq!((address.user.as_str(), address.path.as_str()), ("bob", "/srv/repo.git"));
    }

    #[test]
    fn transports_that_run_programs_and_option_like_parts_are_refused() {
        let hostile = [
            "ext::sh -c id",
            "ext::sh%20-c%20id",
            "fd::3",
            "git://host/repo",
            "ftp://host/repo",
            "ssh://-oProxyCommand=x/y",
            "ssh://git@-oProxyCommand=x/y",
            "git@-x:y",
            "-u@host:y",
            "git@host:-upload-pack",
            "git@host:a'b",
            "https://a\n.b/c",
            "https://-host/c",
            "https:///c",
            "https://host/c?x=y",
            "file://relative/x",
            "file://host/x",
            "relative/path",
            "",
            "  ",
            "ssh://host",
            "ssh://host/",
            "ssh://host:99999/x",
            "git@host:a\0b",
        ];
        for text in hostile {
            assert!(RemoteUrl::parse(text).is_err(), "{text:?} passed");
        }
        assert!(RemoteUrl::parse(&format!("https://host/{}", "a".repeat(5000))).is_err());
    }
}
