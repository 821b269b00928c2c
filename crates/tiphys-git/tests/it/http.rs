//! Repositories over HTTP and HTTPS.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tiphys_git::{Access, Credentials, Freshness, GitError, Trust};
use tiphys_test_kit::{GitFault, GitHttpConfig, GitHttpServer, GitRepo, GitTls};

use super::support::Reader;

struct Served {
    repo: GitRepo,
    server: GitHttpServer,
    _folder: tempfile::TempDir,
}

fn serve(config: &GitHttpConfig) -> Served {
    let folder = tempfile::TempDir::new().unwrap();
    let repo = GitRepo::create(folder.path(), "repo").unwrap();
    repo.write("a", "1").unwrap();
    repo.commit("first").unwrap();
    let server = GitHttpServer::start(folder.path(), config).unwrap();
    Served { repo, server, _folder: folder }
}

fn plain() -> Served {
    serve(&GitHttpConfig::default())
}

impl Served {
    fn access(&self) -> Access {
        Access::anonymous(&self.server.url("repo.git")).unwrap()
    }
}

// covers: GIT-049
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_for_one_branch_list_once_and_fetch_once() {
    let served = plain();
    let reader = Arc::new(Reader::new());
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (reader, access) = (Arc::clone(&reader), served.access());
            tokio::spawn(async move { reader.text(&access, "main", "a").await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "1");
    }
    assert_eq!((reader.listings(), reader.fetches()), (1, 1));
    assert_eq!((served.server.discoveries("repo.git"), served.server.fetches("repo.git")), (1, 1));
}

#[tokio::test]
async fn a_cached_list_is_used_until_a_fresh_one_is_asked_for() {
    let served = plain();
    let reader = Reader::new();
    let access = served.access();
    assert_eq!(reader.text(&access, "main", "a").await, "1");
    served.repo.write("a", "2").unwrap();
    let second = served.repo.commit("second").unwrap();
    assert_eq!(reader.text(&access, "main", "a").await, "1");
    let resolved = reader.repositories.resolve(&access, "main", "", Freshness::Remote).await.unwrap();
    assert_eq!(resolved.commit.to_string(), second);
    assert_eq!(reader.text(&access, "main", "a").await, "2");
    // History is there too: a commit of the past needs no request.
    let fetches = reader.fetches();
    let first = served.repo.resolve("HEAD~1").unwrap();
    assert_eq!(reader.text(&access, &first, "a").await, "1");
    assert_eq!(reader.fetches(), fetches);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_fresh_list_never_gets_one_that_began_before() {
    let served = plain();
    let reader = Arc::new(Reader::new());
    let access = served.access();
    for round in 0..10 {
        let background: Vec<_> = (0..5)
            .map(|_| {
                let (reader, access) = (Arc::clone(&reader), access.clone());
                tokio::spawn(async move {
                    reader.repositories.resolve(&access, "main", "", Freshness::Remote).await.unwrap();
                })
            })
            .collect();
        served.repo.write("a", round.to_string()).unwrap();
        let pushed = served.repo.commit("next").unwrap();
        let resolved = reader.repositories.resolve(&access, "main", "", Freshness::Remote).await.unwrap();
        assert_eq!(resolved.commit.to_string(), pushed);
        for task in background {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_commit_by_its_id_is_fetched_with_or_without_the_servers_leave() {
    let served = plain();
    let first = served.repo.head().unwrap();
    served.repo.write("a", "2").unwrap();
    served.repo.commit("second").unwrap();
    let reader = Reader::new();
    assert_eq!(reader.text(&served.access(), &first, "a").await, "1");
    assert_eq!(reader.text(&served.access(), &first[..7], "a").await, "1");
    let missing = "0123456789012345678901234567890123456789";
    let error = reader.commit(&served.access(), missing).await.unwrap_err();
    assert!(matches!(*error, GitError::NoCommit { .. }), "{error}");
}

// covers: GIT-011
#[tokio::test]
async fn a_password_is_sent_to_its_server_over_tls_that_the_given_bundle_vouches_for() {
    let served = serve(&GitHttpConfig {
        tls: GitTls::On,
        basic_auth: Some(("alice".into(), "hunter2".into())),
        port: None,
    });
    let url = served.server.url("repo.git");
    let trusted = Trust { ca_bundle: served.server.ca_pem().as_bytes().to_vec(), ..Trust::default() };
    let with = |password: &str, trust: &Trust| {
        let credentials =
            Credentials { username: "alice".into(), password: password.into(), ..Credentials::default() };
        Access::new(&url, credentials, trust.clone()).unwrap()
    };
    let reader = Reader::new();
    assert_eq!(reader.text(&with("hunter2", &trusted), "main", "a").await, "1");
    let insecure = Trust { insecure: true, ..Trust::default() };
    assert_eq!(reader.text(&with("hunter2", &insecure), "main", "a").await, "1");

    let error = reader.commit(&with("wrong", &trusted), "main").await.unwrap_err();
    assert!(matches!(*error, GitError::Authentication { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("wrong"));
    let anonymous = Access::new(&url, Credentials::default(), trusted).unwrap();
    assert!(matches!(*reader.commit(&anonymous, "main").await.unwrap_err(), GitError::Authentication { .. }));
    let untrusted = reader.commit(&with("hunter2", &Trust::default()), "main").await.unwrap_err();
    assert!(matches!(*untrusted, GitError::Transfer { .. }), "{untrusted}");
    assert!(untrusted.to_string().contains("certificate"), "{untrusted}");
}

#[tokio::test]
async fn what_one_may_read_is_not_given_to_who_only_knows_the_commit() {
    let served = serve(&GitHttpConfig {
        tls: GitTls::Off,
        basic_auth: Some(("alice".into(), "hunter2".into())),
        port: None,
    });
    let url = served.server.url("repo.git");
    let credentials =
        Credentials { username: "alice".into(), password: "hunter2".into(), ..Credentials::default() };
    let reader = Reader::new();
    let allowed = Access::new(&url, credentials, Trust::default()).unwrap();
    let commit = reader.commit(&allowed, "main").await.unwrap().id().to_string();
    let stranger = Access::anonymous(&url).unwrap();
    assert!(reader.commit(&stranger, &commit).await.is_err());
}

// covers: GIT-013
#[tokio::test]
async fn a_client_certificate_is_shown_to_the_server() {
    let served = serve(&GitHttpConfig { tls: GitTls::ClientCertificates, ..GitHttpConfig::default() });
    let url = served.server.url("repo.git");
    let trust = Trust { ca_bundle: served.server.ca_pem().as_bytes().to_vec(), ..Trust::default() };
    let client = served.server.client_certificate();
    let credentials = Credentials {
        tls_client_certificate: client.certificate_pem.as_bytes().to_vec(),
        tls_client_key: client.key_pem.as_str().into(),
        ..Credentials::default()
    };
    let reader = Reader::new();
    assert_eq!(reader.text(&Access::new(&url, credentials, trust.clone()).unwrap(), "main", "a").await, "1");
    let without = Access::new(&url, Credentials::default(), trust).unwrap();
    assert!(reader.commit(&without, "main").await.is_err());
}

#[tokio::test]
async fn a_repository_that_does_not_exist_and_a_server_that_is_away_are_told_apart() {
    let served = plain();
    let reader = Reader::new();
    let missing = Access::anonymous(&served.server.url("missing.git")).unwrap();
    let error = reader.resolve(&missing, "main").await.unwrap_err();
    assert!(matches!(*error, GitError::NotFound { .. }), "{error}");
    let url = served.server.url("repo.git");
    drop(served);
    let error = reader.resolve(&Access::anonymous(&url).unwrap(), "main").await.unwrap_err();
    assert!(matches!(*error, GitError::Transfer { .. }) && error.is_transient(), "{error}");
}

// covers: GIT-054
#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_and_works_again_later() {
    let served = plain();
    let reader = Reader::with(|options| options.request_timeout = Duration::from_millis(300));
    served.server.set_fault(GitFault::Stall);
    let start = Instant::now();
    let error = reader.resolve(&served.access(), "main").await.unwrap_err();
    assert!(matches!(*error, GitError::Timeout { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(reader.counts.failures.load(Ordering::SeqCst), 1);
    served.server.set_fault(GitFault::None);
    assert_eq!(reader.text(&served.access(), "main", "a").await, "1");
}

#[tokio::test]
async fn an_answer_that_is_cut_short_leaves_nothing_and_heals() {
    let served = plain();
    let content: String =
        (0..200_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    served.repo.write("big", content).unwrap();
    served.repo.commit("big").unwrap();
    let reader = Reader::new();
    let access = served.access();
    let resolved = reader.resolve(&access, "main").await.unwrap();
    served.server.set_fault(GitFault::CutAfter(100_000));
    let error = reader.repositories.commit(&access, &resolved).await.unwrap_err();
    assert!(matches!(*error, GitError::Transfer { .. } | GitError::Protocol { .. }), "{error}");
    served.server.set_fault(GitFault::Status(503));
    assert!(reader.repositories.commit(&access, &resolved).await.is_err());
    served.server.set_fault(GitFault::None);
    assert_eq!(reader.text(&access, "main", "a").await, "1");
}

#[tokio::test]
async fn more_bytes_than_allowed_are_not_taken() {
    let served = plain();
    let content: String =
        (0..100_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    served.repo.write("big", content).unwrap();
    served.repo.commit("big").unwrap();
    let reader = Reader::with(|options| options.pack_limit = 50_000);
    let error = reader.commit(&served.access(), "main").await.unwrap_err();
    assert!(matches!(*error, GitError::TooLarge { .. }), "{error}");
    let reader = Reader::with(|options| options.refs_limit = 50);
    let error = reader.commit(&served.access(), "main").await.unwrap_err();
    assert!(matches!(*error, GitError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_copy_is_made_anew() {
    let served = plain();
    let reader = Reader::new();
    let access = served.access();
    assert_eq!(reader.text(&access, "main", "a").await, "1");
    let copies: Vec<_> = std::fs::read_dir(reader.folder.path().join("git")).unwrap().collect();
    assert_eq!(copies.len(), 1);
    let copy = copies.into_iter().next().unwrap().unwrap().path();
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!copy.display().to_string().contains("repo"), "the name says nothing");

    // A copy that is no repository any more.
    std::fs::remove_file(copy.join("HEAD")).unwrap();
    let restarted = reader.restarted();
    let resolved = restarted.resolve(&access, "main", "", Freshness::Cached).await.unwrap();
    restarted.commit(&access, &resolved).await.unwrap().open().unwrap();

    // A copy that somebody removed under a running process.
    std::fs::remove_dir_all(&copy).unwrap();
    let commit = restarted.commit(&access, &resolved).await.unwrap();
    assert_eq!(super::support::text(&commit.open().unwrap(), "a"), "1");

    // A copy whose objects are gone: reading fails, and works after it was thrown away.
    let again = reader.restarted();
    for pack in std::fs::read_dir(copy.join("objects/pack")).unwrap() {
        std::fs::write(pack.unwrap().path(), b"damaged").unwrap();
    }
    again.throw_away(&access).await.unwrap();
    let commit = again.commit(&access, &resolved).await.unwrap();
    assert_eq!(super::support::text(&commit.open().unwrap(), "a"), "1");
}

// covers: GIT-021
#[tokio::test]
async fn a_depth_fetches_no_more_history() {
    let served = plain();
    let first = served.repo.head().unwrap();
    for n in 2..5 {
        served.repo.write("a", n.to_string()).unwrap();
        served.repo.commit("next").unwrap();
    }
    let reader = Reader::new();
    let access = served.access().with_depth(1);
    assert_eq!(reader.text(&access, "main", "a").await, "4");
    served.repo.write("a", "5").unwrap();
    served.repo.commit("next").unwrap();
    reader.repositories.refs(&access, Freshness::Remote).await.unwrap();
    assert_eq!(reader.text(&access, "main", "a").await, "5");
    let fetches = reader.fetches();
    let _ = reader.commit(&access, &first).await;
    assert!(reader.fetches() > fetches, "the first commit was not there");
}

#[tokio::test]
async fn a_web_page_is_not_taken_for_a_repository() {
    let served = plain();
    let url = served.server.url("repo.git/info");
    let error = Reader::new().resolve(&Access::anonymous(&url).unwrap(), "main").await.unwrap_err();
    assert!(
        matches!(*error, GitError::NotFound { .. } | GitError::Protocol { .. } | GitError::Transfer { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_copy_that_many_fetches_went_into_stays_small_and_whole() {
    let served = plain();
    let reader = Reader::new();
    let access = served.access();
    let first = served.repo.head().unwrap();
    for n in 0..45 {
        served.repo.write("a", n.to_string()).unwrap();
        served.repo.commit("next").unwrap();
        reader.repositories.refs(&access, Freshness::Remote).await.unwrap();
        assert_eq!(reader.text(&access, "main", "a").await, n.to_string());
    }
    let copy = std::fs::read_dir(reader.folder.path().join("git")).unwrap().next().unwrap().unwrap().path();
    let packs = std::fs::read_dir(copy.join("objects/pack")).unwrap().flatten();
    let packs =
        packs.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count();
    assert!(packs < 20, "{packs} packs");
    let fetches = reader.fetches();
    assert_eq!(reader.text(&access, &first, "a").await, "1");
    assert_eq!(reader.fetches(), fetches);
}

#[tokio::test]
async fn copies_that_were_not_used_for_longest_make_room() {
    let folder = tempfile::TempDir::new().unwrap();
    let names = ["one", "two", "three"];
    for (n, name) in names.iter().enumerate() {
        let repo = GitRepo::create(folder.path(), name).unwrap();
        let noise = |k: u64| format!("{:x}", (k + 7 * n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        repo.write("big", (0..40_000).map(noise).collect::<String>()).unwrap();
        repo.write("a", *name).unwrap();
        repo.commit("first").unwrap();
    }
    let server = GitHttpServer::start(folder.path(), &GitHttpConfig::default()).unwrap();
    let reader = Reader::with(|options| options.copies_limit = 1_000_000);
    let copies = || std::fs::read_dir(reader.folder.path().join("git")).unwrap().count();
    for name in names {
        let access = Access::anonymous(&server.url(&format!("{name}.git"))).unwrap();
        assert_eq!(reader.text(&access, "main", "a").await, name);
    }
    assert!(copies() < 3, "{} copies", copies());
    // What made room is fetched again when it is wanted.
    for name in names {
        let access = Access::anonymous(&server.url(&format!("{name}.git"))).unwrap();
        assert_eq!(reader.text(&access, "main", "a").await, name);
    }
}
