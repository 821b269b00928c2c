//! The smart HTTP protocol of Git, reading side: list references, fetch packs.
//!
//! Asynchronous, so that every step has a time limit and can be given up; with certificates, proxy and
//! credentials per repository, which libgit2 knows only per process. Credentials go to the host that the user
//! named and to no other, also when that host sends the request elsewhere.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use git2::Oid;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::{Certificate, Client, Identity, NoProxy, Proxy, Response, StatusCode, Url, redirect};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::error::GitError;
use crate::mirror::Mirror;
use crate::packet::{Advertisement, PackAnswer, PackRequest, PacketError, printable};
use crate::url::Transport;

/// Pieces of a pack that may wait to be written.
const PIECES_WAITING: usize = 16;

/// Hosts may send a request on this often.
const REDIRECTS: usize = 5;

/// One repository over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct HttpRepository {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
    name: Arc<str>,
}

/// What an HTTP repository advertised, and where it was in the end.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) advertisement: Advertisement,
    base: Url,
}

impl HttpRepository {
    pub(crate) fn new(access: &Access, connect_timeout: Duration) -> Result<Self, GitError> {
        let name: Arc<str> = Arc::from(access.url().identity());
        let Transport::Http(url) = access.url().transport() else {
            return Err(GitError::Connection {
                repository: name.to_string(),
                detail: "it is not reached over HTTP".into(),
            });
        };
        let wrong = |what: &str, detail: &dyn std::fmt::Display| GitError::Connection {
            repository: name.to_string(),
            detail: format!("{what}: {detail}"),
        };
        // Only the first caller of the process installs it; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (credentials, trust) = (access.credentials(), access.trust());
        let mut builder = Client::builder()
            .connect_timeout(connect_timeout)
            .pool_max_idle_per_host(2)
            .redirect(redirect_policy())
            .tls_danger_accept_invalid_certs(trust.insecure);
        if !trust.ca_bundle.is_empty() && !trust.insecure {
            let certificates = Certificate::from_pem_bundle(&trust.ca_bundle)
                .map_err(|error| wrong("the CA bundle can't be read", &error))?;
            builder = builder.tls_certs_only(certificates);
        }
        if !credentials.tls_client_certificate.is_empty() {
            let mut pem = credentials.tls_client_certificate.clone();
            pem.push(b'\n');
            pem.extend_from_slice(credentials.tls_client_key.expose().as_bytes());
            // The parser's own words could repeat a part of the key.
            let identity = Identity::from_pem(&pem)
                .map_err(|_| wrong("the client certificate and its key can't be read", &"not PEM"))?;
            builder = builder.identity(identity);
        }
        if !trust.proxy.is_empty() {
            let proxy =
                Proxy::all(&trust.proxy).map_err(|_| wrong("the proxy's URL can't be read", &"bad URL"))?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&trust.no_proxy)));
        }
        let client = builder.build().map_err(|error| wrong("TLS", &chain(&error)))?;
        Ok(Self { client, url: url.clone(), authorization: authorization(access)?, name })
    }

    /// Lists the references.
    pub(crate) async fn list(&self, limit: u64) -> Result<Listed, GitError> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/info/refs", self.url.path().trim_end_matches('/')));
        url.set_query(Some("service=git-upload-pack"));
        let mut request = self.client.get(url).header(USER_AGENT, agent());
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let response = request.send().await.map_err(|error| self.transfer("list refs of", &error))?;
        let response = self.checked(response).await?;
        let mut base = response.url().clone();
        let path = base.path().strip_suffix("/info/refs").map(str::to_owned);
        let path = path.ok_or_else(|| self.protocol("the request was redirected to another kind of page"))?;
        base.set_path(&path);
        base.set_query(None);
        let body = self.body(response, limit, "references").await?;
        let advertisement = Advertisement::parse(&body).map_err(|error| self.packet(&error))?;
        Ok(Listed { advertisement, base })
    }

    /// Fetches a pack into `mirror`.
    pub(crate) async fn fetch(
        &self,
        listed: &Listed,
        request: &PackRequest,
        mirror: Arc<Mirror>,
        limit: u64,
    ) -> Result<(), GitError> {
        let advertisement = &listed.advertisement;
        if request.depth > 0 && !advertisement.can("shallow") {
            return Err(self.protocol("it cannot cut history, which the repository's depth asks for"));
        }
        let mut url = listed.base.clone();
        url.set_path(&format!("{}/git-upload-pack", listed.base.path()));
        let mut post = self
            .client
            .post(url)
            .header(USER_AGENT, agent())
            .header(ACCEPT, "application/x-git-upload-pack-result")
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .body(request.body(advertisement));
        if let Some(value) = self.authorization.as_ref().filter(|_| same_host(&self.url, &listed.base)) {
            post = post.header(AUTHORIZATION, value.clone());
        }
        let response = post.send().await.map_err(|error| self.transfer("fetch", &error))?;
        let mut response = self.checked(response).await?;
        let (pieces, received) = mpsc::channel::<Bytes>(PIECES_WAITING);
        let answer = PackAnswer::new(advertisement.can("side-band-64k"), request.depth);
        let writer = tokio::task::spawn_blocking(move || write_pack(&mirror, answer, received));
        let mut total: u64 = 0;
        let mut failure = None;
        loop {
            match response.chunk().await {
                Ok(Some(piece)) => {
                    total = total.saturating_add(piece.len() as u64);
                    if total > limit {
                        let repository = self.name.to_string();
                        failure = Some(GitError::TooLarge { repository, what: "objects", limit });
                        break;
                    }
                    if pieces.send(piece).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    failure = Some(self.transfer("fetch", &error));
                    break;
                }
            }
        }
        // Without its end the writer drops what it has.
        drop(pieces);
        let written = writer.await.map_err(|_| GitError::Lost { repository: self.name.to_string() })?;
        match (failure, written) {
            (Some(error), _) => Err(error),
            (None, Err(PackError::Packet(error))) => Err(self.packet(&error)),
            (None, Err(PackError::Storage(error))) => Err(GitError::storage("write", &self.name, error)),
            (None, Err(PackError::Mirror(error))) => Err(error),
            (None, Ok(())) => Ok(()),
        }
    }

    async fn body(
        &self,
        mut response: Response,
        limit: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, GitError> {
        let mut body = Vec::new();
        while let Some(piece) =
            response.chunk().await.map_err(|error| self.transfer("list refs of", &error))?
        {
            body.extend_from_slice(&piece);
            if body.len() as u64 > limit {
                return Err(GitError::TooLarge { repository: self.name.to_string(), what, limit });
            }
        }
        Ok(body)
    }

    async fn checked(&self, mut response: Response) -> Result<Response, GitError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let mut detail = format!("the server answers {status}");
        if let Ok(Some(piece)) = response.chunk().await
            && response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
        {
            detail = format!("{detail}: {}", printable(&piece));
        }
        let repository = self.name.to_string();
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                GitError::Authentication { repository, detail }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => GitError::NotFound { repository, detail },
            _ if status.is_redirection() => {
                self.protocol("the server redirects to another host, or downgrades to http")
            }
            _ => GitError::Transfer { action: "read", repository, detail },
        })
    }

    fn transfer(&self, action: &'static str, error: &reqwest::Error) -> GitError {
        GitError::Transfer { action, repository: self.name.to_string(), detail: chain(error) }
    }

    fn packet(&self, error: &PacketError) -> GitError {
        self.protocol(&error.to_string())
    }

    fn protocol(&self, detail: &str) -> GitError {
        GitError::Protocol { repository: self.name.to_string(), detail: detail.to_owned() }
    }
}

fn agent() -> &'static str {
    // Some hosts serve Git only to agents that begin like this.
    concat!("git/2.0 (tiphys ", env!("CARGO_PKG_VERSION"), ")")
}

fn authorization(access: &Access) -> Result<Option<HeaderValue>, GitError> {
    let credentials = access.credentials();
    let text = if !credentials.bearer_token.is_empty() {
        format!("Bearer {}", credentials.bearer_token.expose())
    } else if !credentials.username.is_empty() || !credentials.password.is_empty() {
        // A token alone works with any user, but not with none.
        let user = if credentials.username.is_empty() { "git" } else { &credentials.username };
        format!("Basic {}", STANDARD.encode(format!("{user}:{}", credentials.password.expose())))
    } else {
        return Ok(None);
    };
    let mut value = HeaderValue::from_str(text.trim()).map_err(|_| GitError::Connection {
        repository: access.url().identity().to_owned(),
        detail: "the bearer token has characters that no header may have".into(),
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Only the list of references may be elsewhere (a renamed repository, `.git` added), never on a less safe way.
fn redirect_policy() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first();
        let safe = first
            .is_some_and(|first| first.scheme() == attempt.url().scheme() || first.scheme() == "http")
            && matches!(attempt.url().scheme(), "http" | "https");
        let listing = attempt.url().path().ends_with("/info/refs");
        if attempt.previous().len() > REDIRECTS || !safe || !listing {
            attempt.stop()
        } else {
            attempt.follow()
        }
    })
}

fn same_host(a: &Url, b: &Url) -> bool {
    a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
        && (a.scheme() == b.scheme() || b.scheme() == "https")
}

/// The error with its causes, without the URL that reqwest adds.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = error.source().or(Some(error));
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

enum PackError {
    Packet(PacketError),
    Storage(git2::Error),
    Mirror(GitError),
}

/// Writes a pack while it arrives. Nothing of it is visible before its end was seen.
fn write_pack(
    mirror: &Arc<Mirror>,
    mut answer: PackAnswer,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Result<(), PackError> {
    let opened = mirror.open().map_err(PackError::Mirror)?;
    let odb = opened.odb().map_err(PackError::Storage)?;
    let mut writer = odb.packwriter().map_err(PackError::Storage)?;
    let (mut pack, mut shallow): (Vec<u8>, Vec<Oid>) = (Vec::new(), Vec::new());
    let mut any = false;
    while let Some(piece) = pieces.blocking_recv() {
        answer.take(&piece, &mut pack, &mut shallow).map_err(PackError::Packet)?;
        if !pack.is_empty() {
            any = true;
            std::io::Write::write_all(&mut writer, &pack)
                .map_err(|_| PackError::Storage(git2::Error::last_error(-1)))?;
            pack.clear();
        }
    }
    if !answer.is_complete() {
        return Err(PackError::Packet(PacketError::Short));
    }
    if any {
        writer.commit().map_err(PackError::Storage)?;
    }
    opened
        .cut_at(&shallow)
        .map_err(|error| PackError::Mirror(GitError::storage("write", mirror.name(), error)))?;
    Ok(())
}
