//! All repositories that this process reads: who asks for what, and what of it needs the network.
//!
//! References are listed once per repository and interval, a commit is fetched once, however many ask at the same
//! time. Callers that give up do not stop a fetch that others will need.

mod disk;
mod fetching;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use git2::Oid;
use lru::LruCache;
use parking_lot::Mutex;
use tiphys_cache::Joined;
use tokio::sync::Semaphore;

use crate::access::{Access, AccessKey};
use crate::error::GitError;
use crate::http::{HttpRepository, Listed};
use crate::local;
use crate::mirror::{Mirror, discard};
use crate::refs::{Found, Refs, full_commit};
use crate::tree::Commit;
use crate::url::Transport;

/// Repositories whose state is kept in memory.
const REPOSITORIES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Connections whose certificates are kept ready.
const CLIENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Threads that may speak SSH at once.
const SSH_THREADS: usize = 64;

/// Bounds and places.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for the copies of remote repositories.
    pub root: PathBuf,
    /// How long a list of references is good.
    pub revision_cache: Duration,
    /// Limit for listing references, and for reaching a server.
    pub request_timeout: Duration,
    /// Limit for one fetch.
    pub fetch_timeout: Duration,
    /// Bytes of one fetch.
    pub pack_limit: u64,
    /// Bytes of one list of references.
    pub refs_limit: u64,
    /// Lists of references that are asked for at the same time; 0: any number.
    pub parallel_listings: usize,
    /// Bytes of all copies together, beyond which those unused for longest are removed; 0: no limit.
    pub copies_limit: u64,
}

impl Options {
    /// The defaults of the reference, with copies below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            revision_cache: Duration::from_secs(180),
            request_timeout: Duration::from_secs(15),
            fetch_timeout: Duration::from_secs(600),
            pack_limit: 8 << 30,
            refs_limit: 128 << 20,
            parallel_listings: 0,
            copies_limit: 0,
        }
    }
}

/// Whether an answer may come from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A list of references that is young enough will do.
    Cached,
    /// The server is asked, after this call began.
    Remote,
}

/// A kind of request to a Git server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Listing references.
    LsRemote,
    /// Fetching objects.
    Fetch,
}

/// Hears of every request to a Git server that ended.
pub trait Observer: Send + Sync {
    /// `revision` is what was wanted, where that is known.
    fn request_ended(&self, request: Request, repository: &str, revision: &str, took: Duration, failed: bool);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn request_ended(&self, _: Request, _: &str, _: &str, _: Duration, _: bool) {}
}

/// A revision and the commit that it means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: Oid,
    /// Full name of the reference that led to it.
    pub reference: Option<String>,
}

/// Who wrote a commit, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `Name <address>`.
    pub author: String,
    /// Seconds since 1970.
    pub date: i64,
    /// The whole message, without blank lines around it.
    pub message: String,
    /// Short names of the tags that point at it.
    pub tags: Vec<String>,
}

type Shared<T> = Result<T, Arc<GitError>>;

/// See the module.
#[derive(Clone)]
pub struct Repositories {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Repositories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Repositories").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

struct Inner {
    options: Options,
    observer: Arc<dyn Observer>,
    states: Mutex<LruCache<AccessKey, Arc<State>>>,
    clients: Mutex<LruCache<[u8; 32], HttpRepository>>,
    listings: Joined<([u8; 32], u64), Shared<Listing>>,
    fetches: Joined<(AccessKey, Oid), Shared<()>>,
    listing_slots: Option<Arc<Semaphore>>,
    /// Threads that may speak SSH at once.
    ssh_slots: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    mirror: Mutex<Option<Arc<Mirror>>>,
    listing: Mutex<Option<Listing>>,
    turns: Mutex<Turns>,
    /// Held for one request to the server at a time.
    server: Arc<tokio::sync::Mutex<()>>,
    /// Held by the thread that speaks SSH, also when nobody waits for it any more: a server that never answers
    /// gets one thread and not one per request.
    ssh: Arc<tokio::sync::Mutex<()>>,
}

/// Numbers the listings of a repository, so that who wants a fresh one does not get one that began before.
#[derive(Clone, Copy, Default)]
struct Turns {
    begun: u64,
    running: bool,
}

#[derive(Clone)]
struct Listing {
    at: Instant,
    connection: [u8; 32],
    refs: Arc<Refs>,
    http: Option<Arc<Listed>>,
}

impl Repositories {
    /// Makes the folder for copies.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn open(options: Options, observer: Arc<dyn Observer>) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&options.root)?;
        let slots = options.parallel_listings;
        let inner = Inner {
            observer,
            states: Mutex::new(LruCache::new(REPOSITORIES)),
            clients: Mutex::new(LruCache::new(CLIENTS)),
            listings: Joined::new(),
            fetches: Joined::new(),
            ssh_slots: Arc::new(Semaphore::new(SSH_THREADS)),
            listing_slots: (slots > 0).then(|| Arc::new(Semaphore::new(slots))),
            options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Finds the commit that a revision means. See [`Refs::resolve`] for the rules.
    ///
    /// # Errors
    /// When the repository can't be reached or has no such revision.
    pub async fn resolve(
        &self,
        access: &Access,
        revision: &str,
        tag_prefix: &str,
        freshness: Freshness,
    ) -> Shared<Resolved> {
        if let Some(commit) = full_commit(revision) {
            return Ok(Resolved { commit, reference: None });
        }
        let found = if let Transport::Local(_) = access.url().transport() {
            let (revision, tag_prefix) = (revision.to_owned(), tag_prefix.to_owned());
            self.with_mirror(access, move |mirror| {
                local::resolve(&*mirror.open()?, mirror.name(), &revision, &tag_prefix)
            })
            .await?
        } else {
            let refs = self.refs(access, freshness).await?;
            refs.resolve(revision, tag_prefix).map_err(|error| Arc::new(GitError::from(error)))?
        };
        match found {
            Found::Commit { id, reference } => Ok(Resolved { commit: id, reference }),
            Found::Abbreviated(prefix) => {
                let commit = self.complete(access, prefix).await?;
                Ok(Resolved { commit, reference: None })
            }
        }
    }

    /// Branches, tags and other references.
    ///
    /// # Errors
    /// When the repository can't be reached.
    pub async fn refs(&self, access: &Access, freshness: Freshness) -> Shared<Arc<Refs>> {
        if let Transport::Local(_) = access.url().transport() {
            return self
                .with_mirror(access, |mirror| local::list(&*mirror.open()?, mirror.name()).map(Arc::new))
                .await;
        }
        Ok(self.listing(access, freshness).await?.refs)
    }

    /// Makes a commit readable: fetches it unless it is here.
    ///
    /// # Errors
    /// When the repository can't be reached or does not have the commit.
    pub async fn commit(&self, access: &Access, resolved: &Resolved) -> Shared<Commit> {
        let id = resolved.commit;
        let (mirror, here) = self
            .with_mirror(access, move |mirror| {
                mirror.mark_used();
                Ok((Arc::clone(mirror), mirror.open()?.has_commit(id)))
            })
            .await?;
        if here {
            return Ok(Commit::new(mirror, id));
        }
        let repository = access.url().identity();
        if let Transport::Local(_) = access.url().transport() {
            return Err(no_commit(repository, id));
        }
        let (inner, owned, reference) = (Arc::clone(&self.inner), access.clone(), resolved.reference.clone());
        let fetched = self.inner.fetches.run((access.key(), id), move || async move {
            // A task of its own: it goes on when all callers have given up, and the next one finds the result.
            let work = tokio::spawn(async move { inner.fetch(&owned, id, reference.as_deref()).await });
            work.await.unwrap_or_else(|_| Err(Arc::new(lost(""))))
        });
        fetched.await.map_err(|_| Arc::new(lost(repository)))??;
        let mirror = self.with_mirror(access, |mirror| Ok(Arc::clone(mirror))).await?;
        Ok(Commit::new(mirror, id))
    }

    /// Author, date, message and tags of a commit.
    ///
    /// # Errors
    /// As [`Repositories::commit`].
    pub async fn metadata(&self, access: &Access, resolved: &Resolved) -> Shared<Metadata> {
        let id = resolved.commit;
        self.commit(access, resolved).await?;
        let refs = self.refs(access, Freshness::Cached).await?;
        self.with_mirror(access, move |mirror| {
            let opened = mirror.open()?;
            let failed = |error: git2::Error| GitError::storage("read", mirror.name(), error);
            let commit = opened.find_commit(id).map_err(failed)?;
            let author = commit.author();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok(Metadata {
                author: format!("{} <{}>", text(author.name_bytes()), text(author.email_bytes())),
                date: author.when().seconds(),
                message: text(commit.message_bytes()).trim().to_owned(),
                tags: refs.tags_of(id).map(str::to_owned).collect(),
            })
        })
        .await
    }

    /// Throws the copy of a remote repository away, because it was found damaged; the next use makes it anew.
    ///
    /// # Errors
    /// When it can't be removed.
    pub async fn throw_away(&self, access: &Access) -> Shared<()> {
        if let Transport::Local(_) = access.url().transport() {
            return Ok(());
        }
        let state = self.inner.state(access.key());
        let _server = state.server.lock().await;
        *state.mirror.lock() = None;
        let path = self.inner.options.root.join(access.key().folder());
        let name = access.url().identity().to_owned();
        tracing::warn!(repository = %name, "the local copy is damaged and thrown away");
        let removed = tokio::task::spawn_blocking(move || discard(&path)).await;
        removed
            .map_err(|_| Arc::new(lost(&name)))?
            .map_err(|error| Arc::new(GitError::storage("remove", &name, error)))
    }

    async fn with_mirror<T: Send + 'static>(
        &self,
        access: &Access,
        work: impl FnOnce(&Arc<Mirror>) -> Result<T, GitError> + Send + 'static,
    ) -> Shared<T> {
        let (inner, owned) = (Arc::clone(&self.inner), access.clone());
        let done = tokio::task::spawn_blocking(move || work(&inner.mirror(&owned)?)).await;
        done.unwrap_or_else(|_| Err(lost(access.url().identity()))).map_err(Arc::new)
    }

    async fn listing(&self, access: &Access, freshness: Freshness) -> Shared<Listing> {
        let state = self.inner.state(access.key());
        if freshness == Freshness::Cached
            && let Some(listing) = self.inner.young_listing(&state, access)
        {
            return Ok(listing);
        }
        let turn = {
            let turns = *state.turns.lock();
            if turns.running && freshness == Freshness::Cached { turns.begun } else { turns.begun + 1 }
        };
        let (inner, owned) = (Arc::clone(&self.inner), access.clone());
        let listed = self.inner.listings.run((access.connection(), turn), move || async move {
            let _server = Arc::clone(&state.server).lock_owned().await;
            if freshness == Freshness::Cached
                && let Some(listing) = inner.young_listing(&state, &owned)
            {
                return Ok(listing);
            }
            {
                let mut turns = state.turns.lock();
                turns.begun = turns.begun.max(turn);
                turns.running = true;
            }
            let _turn = Turn(Arc::clone(&state));
            inner.list(&state, &owned).await
        });
        listed.await.map_err(|_| Arc::new(lost(access.url().identity())))?
    }

    /// The commit that begins with `prefix`, with everything fetched when it is not here yet.
    async fn complete(&self, access: &Access, prefix: String) -> Shared<Oid> {
        let name = access.url().identity().to_owned();
        let local = matches!(access.url().transport(), Transport::Local(_));
        for attempt in 0..2 {
            let (wanted, repository) = (prefix.clone(), name.clone());
            let found = self
                .with_mirror(access, move |mirror| match mirror.open()?.find_commit_by_prefix(&wanted) {
                    Ok(commit) => Ok(Some(commit.id())),
                    Err(error) if error.code() == git2::ErrorCode::Ambiguous => {
                        Err(GitError::Ambiguous { repository, prefix: wanted })
                    }
                    Err(_) => Ok(None),
                })
                .await?;
            if let Some(id) = found {
                return Ok(id);
            }
            if attempt == 0 && !local {
                let (inner, owned, revision) = (Arc::clone(&self.inner), access.clone(), prefix.clone());
                let work = tokio::spawn(async move { inner.fetch_everything(&owned, &revision).await });
                work.await.unwrap_or_else(|_| Err(Arc::new(lost(&name))))?;
            } else {
                break;
            }
        }
        Err(Arc::new(crate::refs::ResolveError::Unknown(prefix).into()))
    }
}

/// Says at its end that no listing is running.
struct Turn(Arc<State>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.lock().running = false;
    }
}

fn lost(repository: &str) -> GitError {
    GitError::Lost { repository: repository.to_owned() }
}

fn no_commit(repository: &str, id: Oid) -> Arc<GitError> {
    Arc::new(GitError::NoCommit { repository: repository.to_owned(), commit: id.to_string() })
}
