//! What the tests share: a set of repositories with its cache, and counting of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tiphys_git::{
    Access, Commit, Freshness, GitError, Observer, Options, Repositories, Request, Resolved, Snapshot,
};

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) listings: AtomicUsize,
    pub(crate) fetches: AtomicUsize,
    pub(crate) failures: AtomicUsize,
}

impl Observer for Counts {
    fn request_ended(&self, request: Request, _: &str, _: &str, _: Duration, failed: bool) {
        let counter = match request {
            Request::LsRemote => &self.listings,
            Request::Fetch => &self.fetches,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        self.failures.fetch_add(usize::from(failed), Ordering::SeqCst);
    }
}

/// Repositories with a cache folder of their own.
pub(crate) struct Reader {
    pub(crate) repositories: Repositories,
    pub(crate) counts: Arc<Counts>,
    pub(crate) folder: TempDir,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut options = Options::new(folder.path().join("git"));
        change(&mut options);
        let counts = Arc::new(Counts::default());
        let repositories = Repositories::open(options, Arc::clone(&counts) as Arc<dyn Observer>).unwrap();
        Self { repositories, counts, folder }
    }

    /// The same cache folder, as a process that starts anew sees it.
    pub(crate) fn restarted(&self) -> Repositories {
        let options = Options::new(self.folder.path().join("git"));
        Repositories::open(options, Arc::clone(&self.counts) as Arc<dyn Observer>).unwrap()
    }

    pub(crate) async fn resolve(&self, access: &Access, revision: &str) -> Result<Resolved, Arc<GitError>> {
        self.repositories.resolve(access, revision, "", Freshness::Cached).await
    }

    pub(crate) async fn commit(&self, access: &Access, revision: &str) -> Result<Commit, Arc<GitError>> {
        let resolved = self.resolve(access, revision).await?;
        self.repositories.commit(access, &resolved).await
    }

    pub(crate) async fn text(&self, access: &Access, revision: &str, path: &str) -> String {
        text(&self.commit(access, revision).await.unwrap().open().unwrap(), path)
    }

    pub(crate) fn listings(&self) -> usize {
        self.counts.listings.load(Ordering::SeqCst)
    }

    pub(crate) fn fetches(&self) -> usize {
        self.counts.fetches.load(Ordering::SeqCst)
    }
}

/// Content of a file.
pub(crate) fn text(snapshot: &Snapshot, path: &str) -> String {
    let file = snapshot.lookup(path).unwrap().unwrap();
    String::from_utf8(snapshot.read(&file, 1 << 20).unwrap()).unwrap()
}
