//! Git over SSH, through libgit2.
//!
//! Blocking. libgit2 has no time limit of its own for one connection: callers wait with a limit and leave the
//! thread behind, which ends when the other side does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use git2::{
    AutotagOption, CertificateCheckStatus, Cred, CredentialType, Direction, ErrorClass, ErrorCode,
    FetchOptions, FetchPrune, Oid, Remote, RemoteCallbacks,
};

use crate::access::Access;
use crate::error::GitError;
use crate::known_hosts::{self, HostKeyError};
use crate::mirror::Mirror;
use crate::refs::Refs;
use crate::url::{SshAddress, Transport};

/// Why the callbacks refused to go on, which libgit2 only reports as "callback returned an error".
#[derive(Clone, Default)]
struct Refusal(Arc<Mutex<Option<GitError>>>);

impl Refusal {
    fn set(&self, error: GitError) -> git2::Error {
        let text = error.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        git2::Error::new(ErrorCode::User, ErrorClass::Callback, text)
    }

    fn take(&self) -> Option<GitError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Lists the references.
pub(crate) fn list(access: &Access) -> Result<Refs, GitError> {
    let refusal = Refusal::default();
    let mut remote =
        Remote::create_detached(remote_url(access)?).map_err(|e| failed("list refs of", access, &e))?;
    let callbacks = callbacks(access, &refusal, None)?;
    let connection = remote
        .connect_auth(Direction::Fetch, Some(callbacks), None)
        .map_err(|error| refusal.take().unwrap_or_else(|| failed("list refs of", access, &error)))?;
    let mut refs = Refs::default();
    let heads = connection.list().map_err(|error| failed("list refs of", access, &error))?;
    // A peeled tag follows the tag itself and takes its place.
    for head in heads {
        match head.name().strip_suffix("^{}").unwrap_or(head.name()) {
            "HEAD" => {
                refs.head = Some(head.oid());
                refs.head_branch = head.symref_target().map(str::to_owned);
            }
            name if name.starts_with("refs/") => {
                refs.commits.insert(name.to_owned(), head.oid());
            }
            _ => {}
        }
    }
    Ok(refs)
}

/// What to fetch.
pub(crate) enum Wanted<'a> {
    /// One reference by its full name.
    Reference(&'a str),
    /// All branches and tags.
    Everything,
}

/// Fetches into `mirror`; gives up at `deadline` or beyond `limit` bytes.
pub(crate) fn fetch(
    access: &Access,
    mirror: &Arc<Mirror>,
    wanted: &Wanted<'_>,
    deadline: Instant,
    limit: u64,
) -> Result<(), GitError> {
    let opened = mirror.open()?;
    let refusal = Refusal::default();
    let mut remote =
        opened.remote_anonymous(&remote_url(access)?).map_err(|e| failed("fetch", access, &e))?;
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(callbacks(access, &refusal, Some((deadline, limit)))?)
        .download_tags(AutotagOption::None)
        .prune(FetchPrune::Off)
        .update_fetchhead(false);
    if access.depth() > 0 {
        options.depth(i32::try_from(access.depth()).unwrap_or(i32::MAX));
    }
    let refspecs = match wanted {
        Wanted::Reference(name) => vec![format!("+{name}:refs/fetched/{}", name.trim_start_matches("refs/"))],
        Wanted::Everything => {
            vec![
                "+refs/heads/*:refs/fetched/heads/*".to_owned(),
                "+refs/tags/*:refs/fetched/tags/*".to_owned(),
            ]
        }
    };
    remote
        .fetch(&refspecs, Some(&mut options), None)
        .map_err(|error| refusal.take().unwrap_or_else(|| failed("fetch", access, &error)))
}

fn address(access: &Access) -> Result<&SshAddress, GitError> {
    match access.url().transport() {
        Transport::Ssh(address) => Ok(address),
        _ => Err(GitError::Connection {
            repository: access.url().identity().to_owned(),
            detail: "it is not reached over SSH".into(),
        }),
    }
}

/// In the form that keeps a relative path relative.
fn remote_url(access: &Access) -> Result<String, GitError> {
    let SshAddress { user, host, port, path } = address(access)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    Ok(if path.starts_with('/') {
        format!("ssh://{user}@{host}:{port}{path}")
    } else if *port == 22 {
        format!("{user}@{host}:{path}")
    } else {
        format!("ssh://{user}@{host}:{port}/{path}")
    })
}

fn callbacks<'a>(
    access: &'a Access,
    refusal: &Refusal,
    bounds: Option<(Instant, u64)>,
) -> Result<RemoteCallbacks<'a>, GitError> {
    let address = address(access)?;
    let repository = access.url().identity();
    let mut callbacks = RemoteCallbacks::new();
    let tried = AtomicU32::new(0);
    let refused = refusal.clone();
    callbacks.credentials(move |_, _, allowed| {
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(&address.user);
        }
        let key = access.credentials().ssh_private_key.expose();
        let refuse = |detail: &str| {
            refused.set(GitError::Authentication {
                repository: repository.to_owned(),
                detail: detail.to_owned(),
            })
        };
        if key.is_empty() {
            return Err(refuse("the repository has no SSH private key"));
        }
        if !allowed.contains(CredentialType::SSH_MEMORY) {
            return Err(refuse("the server does not accept keys"));
        }
        // libgit2 asks again for as long as the server refuses.
        if tried.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(refuse("the server does not accept the SSH private key"));
        }
        let mut key = key.trim().to_owned();
        key.push('\n');
        Cred::ssh_key_from_memory(&address.user, None, &key, None)
    });
    let refused = refusal.clone();
    callbacks.certificate_check(move |certificate, _| {
        let trust = access.trust();
        if trust.insecure || trust.ignore_host_key {
            return Ok(CertificateCheckStatus::CertificateOk);
        }
        let key = certificate.as_hostkey().and_then(|certificate| certificate.hostkey());
        let checked = match key {
            Some(key) => known_hosts::check(&trust.known_hosts, &address.host, address.port, key),
            None => Err(HostKeyError::UnknownHost { host: address.host.clone() }),
        };
        match checked {
            Ok(()) => Ok(CertificateCheckStatus::CertificateOk),
            Err(problem) => {
                Err(refused.set(GitError::HostKey { repository: repository.to_owned(), problem }))
            }
        }
    });
    if let Some((deadline, limit)) = bounds {
        let refused = refusal.clone();
        callbacks.transfer_progress(move |progress| {
            if progress.received_bytes() as u64 > limit {
                let repository = repository.to_owned();
                refused.set(GitError::TooLarge { repository, what: "objects", limit });
                return false;
            }
            // Who set the deadline reports it.
            Instant::now() < deadline
        });
    }
    Ok(callbacks)
}

fn failed(action: &'static str, access: &Access, error: &git2::Error) -> GitError {
    let repository = access.url().identity().to_owned();
    let detail = crate::packet::printable(error.message().as_bytes());
    match error.code() {
        ErrorCode::Auth => GitError::Authentication { repository, detail },
        // A key that can't be read is reported like this.
        _ if detail.contains("failed to authenticate") => GitError::Authentication { repository, detail },
        ErrorCode::NotFound => GitError::NotFound { repository, detail },
        _ if detail.contains("not found") || detail.contains("does not appear to be a git repository") => {
            GitError::NotFound { repository, detail }
        }
        _ => GitError::Transfer { action, repository, detail },
    }
}

/// Where a fetched reference was put.
pub(crate) fn fetched(mirror: &Arc<Mirror>, id: Oid) -> Result<bool, GitError> {
    Ok(mirror.open()?.has_commit(id))
}
