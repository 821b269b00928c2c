//! What of reading repositories needs their servers: one request to a server at a time.

use std::sync::Arc;
use std::time::Instant;

use git2::Oid;
use tokio::sync::OwnedSemaphorePermit;

use super::{Inner, Listing, Request, Shared, State, lost, no_commit};
use crate::access::{Access, AccessKey};
use crate::error::GitError;
use crate::http::HttpRepository;
use crate::mirror::Mirror;
use crate::packet::PackRequest;
use crate::ssh;
use crate::url::Transport;

impl Inner {
    pub(super) fn state(&self, key: AccessKey) -> Arc<State> {
        Arc::clone(self.states.lock().get_or_insert(key, Arc::default))
    }

    /// Blocking.
    pub(super) fn mirror(&self, access: &Access) -> Result<Arc<Mirror>, GitError> {
        let state = self.state(access.key());
        let mut slot = state.mirror.lock();
        if let Some(mirror) = slot.as_ref().filter(|mirror| !mirror.is_gone()) {
            return Ok(Arc::clone(mirror));
        }
        let name = access.url().identity();
        let mirror = Arc::new(match access.url().transport() {
            Transport::Local(path) => Mirror::in_place(path, name)?,
            _ => Mirror::copy(&self.options.root.join(access.key().folder()), name)?,
        });
        *slot = Some(Arc::clone(&mirror));
        Ok(mirror)
    }

    pub(super) fn young_listing(&self, state: &State, access: &Access) -> Option<Listing> {
        let listing = state.listing.lock();
        let listing = listing.as_ref()?;
        let young = listing.at.elapsed() < self.options.revision_cache;
        (young && listing.connection == access.connection()).then(|| listing.clone())
    }

    pub(super) fn client(&self, access: &Access) -> Result<HttpRepository, GitError> {
        let key = access.connection();
        if let Some(client) = self.clients.lock().get(&key) {
            return Ok(client.clone());
        }
        let client = HttpRepository::new(access, self.options.request_timeout)?;
        self.clients.lock().put(key, client.clone());
        Ok(client)
    }

    /// Lists the references; the caller holds the repository's server lock.
    pub(super) async fn list(&self, state: &State, access: &Access) -> Shared<Listing> {
        let _slot = self.listing_slot().await;
        let start = Instant::now();
        let limit = self.options.request_timeout;
        let repository = access.url().identity();
        let listed = tokio::time::timeout(limit, async {
            match access.url().transport() {
                Transport::Http(_) => {
                    let listed = self.client(access)?.list(self.options.refs_limit).await?;
                    Ok((Arc::new(listed.advertisement.refs.clone()), Some(Arc::new(listed))))
                }
                _ => {
                    let owned = access.clone();
                    let listed = self.over_ssh(state, access, move || ssh::list(&owned)).await?;
                    Ok((Arc::new(listed), None))
                }
            }
        })
        .await
        .unwrap_or_else(|_| {
            Err(GitError::Timeout { action: "list refs of", repository: repository.to_owned(), limit })
        });
        self.observer.request_ended(Request::LsRemote, repository, "", start.elapsed(), listed.is_err());
        let (refs, http) = listed.map_err(Arc::new)?;
        let listing = Listing { at: start, connection: access.connection(), refs, http };
        *state.listing.lock() = Some(listing.clone());
        Ok(listing)
    }

    pub(super) async fn listing_slot(&self) -> Option<OwnedSemaphorePermit> {
        match &self.listing_slots {
            Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
            None => None,
        }
    }

    /// Fetches one commit.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        access: &Access,
        id: Oid,
        reference: Option<&str>,
    ) -> Shared<()> {
        let state = self.state(access.key());
        let _server = state.server.lock().await;
        if self.has(access, id).await? {
            return Ok(());
        }
        let start = Instant::now();
        let repository = access.url().identity();
        let result = self.fetch_within_limit(&state, access, Some((id, reference))).await;
        if result.is_ok() {
            self.compact(access).await;
        }
        self.observer.request_ended(
            Request::Fetch,
            repository,
            &id.to_string(),
            start.elapsed(),
            result.is_err(),
        );
        result
    }

    pub(super) async fn fetch_everything(self: &Arc<Self>, access: &Access, revision: &str) -> Shared<()> {
        let state = self.state(access.key());
        let _server = state.server.lock().await;
        let start = Instant::now();
        let result = self.fetch_within_limit(&state, access, None).await;
        let repository = access.url().identity();
        self.observer.request_ended(Request::Fetch, repository, revision, start.elapsed(), result.is_err());
        result
    }

    pub(super) async fn fetch_within_limit(
        self: &Arc<Self>,
        state: &State,
        access: &Access,
        wanted: Option<(Oid, Option<&str>)>,
    ) -> Shared<()> {
        let limit = self.options.fetch_timeout;
        let work = async {
            match access.url().transport() {
                Transport::Http(_) => self.fetch_http(state, access, wanted.map(|(id, _)| id)).await,
                _ => self.fetch_ssh(state, access, wanted).await,
            }
        };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let repository = access.url().identity().to_owned();
            Err(Arc::new(GitError::Timeout { action: "fetch", repository, limit }))
        })
    }

    pub(super) async fn fetch_http(
        self: &Arc<Self>,
        state: &State,
        access: &Access,
        id: Option<Oid>,
    ) -> Shared<()> {
        let client = self.client(access).map_err(Arc::new)?;
        let known = state.listing.lock().clone().filter(|listing| listing.connection == access.connection());
        let mut listing = match known {
            Some(listing) => listing,
            None => self.list(state, access).await?,
        };
        if let Some(id) = id {
            let first = self.fetch_wants(&client, access, &listing, vec![id]).await;
            match first {
                Ok(()) if self.has(access, id).await? => return self.keep(access, vec![id]).await,
                Ok(()) => {}
                // A server that only gives out what a reference names refuses by an error of its own.
                Err(error) if matches!(*error, GitError::Protocol { .. } | GitError::Transfer { .. }) => {
                    tracing::debug!(repository = access.url().identity(), %error, "one commit can't be fetched alone");
                }
                Err(error) => return Err(error),
            }
            listing = self.list(state, access).await?;
        }
        let tips: Vec<Oid> = {
            let named = listing.refs.commits.iter();
            let mut tips: Vec<Oid> = named
                .filter(|(name, _)| name.starts_with("refs/heads/") || name.starts_with("refs/tags/"))
                .map(|(_, id)| *id)
                .chain(listing.refs.head)
                .collect();
            tips.sort_unstable();
            tips.dedup();
            tips
        };
        let missing = self.missing(access, tips).await?;
        if !missing.is_empty() {
            self.fetch_wants(&client, access, &listing, missing.clone()).await?;
            self.keep(access, missing).await?;
        }
        match id {
            Some(id) if !self.has(access, id).await? => Err(no_commit(access.url().identity(), id)),
            Some(id) => self.keep(access, vec![id]).await,
            None => Ok(()),
        }
    }

    pub(super) async fn fetch_wants(
        self: &Arc<Self>,
        client: &HttpRepository,
        access: &Access,
        listing: &Listing,
        wants: Vec<Oid>,
    ) -> Shared<()> {
        let Some(listed) = &listing.http else { return Err(Arc::new(lost(access.url().identity()))) };
        let (mirror, haves) = self
            .blocking(access, |mirror| {
                let haves = mirror.open()?.haves();
                let haves = haves.map_err(|error| GitError::storage("read", mirror.name(), error))?;
                Ok((Arc::clone(mirror), haves))
            })
            .await?;
        let request = PackRequest { wants, haves, depth: access.depth() };
        client.fetch(listed, &request, mirror, self.options.pack_limit).await.map_err(Arc::new)
    }

    pub(super) async fn fetch_ssh(
        self: &Arc<Self>,
        state: &State,
        access: &Access,
        wanted: Option<(Oid, Option<&str>)>,
    ) -> Shared<()> {
        let deadline = Instant::now() + self.options.fetch_timeout;
        let limit = self.options.pack_limit;
        let reference = wanted.and_then(|(_, reference)| reference).map(str::to_owned);
        let id = wanted.map(|(id, _)| id);
        let owned = access.clone();
        let inner = Arc::clone(self);
        self.over_ssh(state, access, move || {
            let mirror = &inner.mirror(&owned)?;
            if let (Some(id), Some(reference)) = (id, &reference) {
                ssh::fetch(&owned, mirror, &ssh::Wanted::Reference(reference), deadline, limit)?;
                if ssh::fetched(mirror, id)? {
                    return Ok(());
                }
            }
            ssh::fetch(&owned, mirror, &ssh::Wanted::Everything, deadline, limit)
        })
        .await
        .map_err(Arc::new)?;
        match id {
            Some(id) if !self.has(access, id).await? => Err(no_commit(access.url().identity(), id)),
            _ => Ok(()),
        }
    }

    async fn over_ssh<T: Send + 'static>(
        &self,
        state: &State,
        access: &Access,
        work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let lost = || lost(access.url().identity());
        let alone = Arc::clone(&state.ssh).lock_owned().await;
        let slot = Arc::clone(&self.ssh_slots).acquire_owned().await.map_err(|_| lost())?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (alone, slot);
            work()
        });
        done.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Keeps the disk in order after a fetch. Failing to do so is no failure of the fetch.
    pub(super) async fn compact(self: &Arc<Self>, access: &Access) {
        let (inner, owned) = (Arc::clone(self), access.clone());
        let compacted = self
            .blocking(access, move |mirror| {
                let failed = |error| GitError::storage("compact", mirror.name(), error);
                let done = mirror.open()?.compact().map_err(failed)?;
                if done {
                    mirror.close_idle();
                }
                inner.make_room(&owned);
                Ok(done)
            })
            .await;
        match compacted {
            Ok(true) => tracing::info!(repository = access.url().identity(), "the local copy was compacted"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(repository = access.url().identity(), %error, "the local copy can't be compacted");
            }
        }
    }

    pub(super) async fn has(self: &Arc<Self>, access: &Access, id: Oid) -> Shared<bool> {
        self.blocking(access, move |mirror| Ok(mirror.open()?.has_commit(id))).await
    }

    pub(super) async fn missing(self: &Arc<Self>, access: &Access, ids: Vec<Oid>) -> Shared<Vec<Oid>> {
        self.blocking(access, move |mirror| {
            let opened = mirror.open()?;
            Ok(ids.into_iter().filter(|id| !opened.has_commit(*id)).collect())
        })
        .await
    }

    pub(super) async fn keep(self: &Arc<Self>, access: &Access, ids: Vec<Oid>) -> Shared<()> {
        self.blocking(access, move |mirror| {
            let opened = mirror.open()?;
            for id in ids {
                opened.keep(id).map_err(|error| GitError::storage("write", mirror.name(), error))?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        access: &Access,
        work: impl FnOnce(&Arc<Mirror>) -> Result<T, GitError> + Send + 'static,
    ) -> Shared<T> {
        let (inner, owned) = (Arc::clone(self), access.clone());
        let done = tokio::task::spawn_blocking(move || work(&inner.mirror(&owned)?)).await;
        done.unwrap_or_else(|_| Err(lost(access.url().identity()))).map_err(Arc::new)
    }
}
