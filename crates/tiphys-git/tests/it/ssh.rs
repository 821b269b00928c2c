//! Repositories over SSH, against a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tiphys_git::{Access, Credentials, Freshness, GitError, Trust};
use tiphys_test_kit::{GitRepo, GitSshServer};

use super::support::Reader;

fn credentials(key: &str) -> Credentials {
    Credentials { ssh_private_key: key.into(), ..Credentials::default() }
}

// covers: GIT-012, GIT-032
#[tokio::test]
async fn a_key_in_memory_opens_a_repository_on_a_known_host() {
    let Some(server) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    repo.tag("v1.0.0").unwrap();
    let first = repo.head().unwrap();
    let url = server.url(repo.bare());
    let trust = Trust { known_hosts: server.known_hosts(), ..Trust::default() };
    let access = Access::new(&url, credentials(server.client_key()), trust.clone()).unwrap();
    let reader = Reader::new();
    assert_eq!(reader.text(&access, "main", "a").await, "1");
    assert_eq!(reader.text(&access, "1.x", "a").await, "1");
    assert_eq!((reader.listings(), reader.fetches()), (1, 1));
    repo.write("a", "2").unwrap();
    repo.commit("second").unwrap();
    reader.repositories.refs(&access, Freshness::Remote).await.unwrap();
    assert_eq!(reader.text(&access, "main", "a").await, "2");
    assert_eq!(reader.text(&access, &first, "a").await, "1");
    assert_eq!(reader.text(&access, &first[..9], "a").await, "1");
    let missing = "0123456789012345678901234567890123456789";
    assert!(matches!(*reader.commit(&access, missing).await.unwrap_err(), GitError::NoCommit { .. }));

    let no_repository =
        Access::new(&server.url(&repo.bare().join("nothing")), credentials(server.client_key()), trust)
            .unwrap();
    let error = reader.resolve(&no_repository, "main").await.unwrap_err();
    assert!(matches!(*error, GitError::NotFound { .. }), "{error:?}");
}

// covers: GIT-014, GIT-015
#[tokio::test]
async fn a_host_that_is_not_known_is_not_spoken_to_unless_the_user_wants_it() {
    let Some(server) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let url = server.url(repo.bare());
    let with = |trust: Trust| Access::new(&url, credentials(server.client_key()), trust).unwrap();
    let reader = Reader::new();
    let unknown = reader.resolve(&with(Trust::default()), "main").await.unwrap_err();
    assert!(unknown.to_string().contains("is not known"), "{unknown}");
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let known_hosts = format!("[127.0.0.1]:{} {other}\n", server.port());
    let mismatch =
        reader.resolve(&with(Trust { known_hosts, ..Trust::default() }), "main").await.unwrap_err();
    assert!(matches!(*mismatch, GitError::HostKey { .. }), "{mismatch:?}");
    assert_eq!(server.logins(), 0, "no key was offered");
    for trust in
        [Trust { insecure: true, ..Trust::default() }, Trust { ignore_host_key: true, ..Trust::default() }]
    {
        assert_eq!(reader.text(&with(trust), "main", "a").await, "1");
    }
}

#[tokio::test]
async fn a_missing_key_and_a_wrong_one_are_authentication_errors() {
    let Some(server) = GitSshServer::start().unwrap() else { return };
    let Some(other) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let url = server.url(repo.bare());
    let trust = Trust { known_hosts: server.known_hosts(), ..Trust::default() };
    let reader = Reader::new();
    for key in ["", other.client_key(), "not a key"] {
        let access = Access::new(&url, credentials(key), trust.clone()).unwrap();
        let error = reader.resolve(&access, "main").await.unwrap_err();
        assert!(matches!(*error, GitError::Authentication { .. }), "{error:?}");
    }
}

// covers: GIT-012
#[tokio::test]
async fn keys_of_every_usual_kind_and_form_open_a_repository() {
    let Some(server) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let url = server.url(repo.bare());
    let trust = Trust { known_hosts: server.known_hosts(), ..Trust::default() };
    let folder = tempfile::TempDir::new().unwrap();
    let kinds: [(&str, &[&str]); 5] = [
        ("rsa-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("rsa", &["-t", "rsa", "-b", "3072"]),
        ("ecdsa", &["-t", "ecdsa"]),
        ("ecdsa-pem", &["-t", "ecdsa", "-m", "PEM"]),
        ("ed25519", &["-t", "ed25519"]),
    ];
    for (name, arguments) in kinds {
        let path = folder.path().join(name);
        let mut command = std::process::Command::new("ssh-keygen");
        let made = command.args(["-q", "-N", "", "-f"]).arg(&path).args(arguments).status().unwrap();
        assert!(made.success());
        server.authorize(&std::fs::read_to_string(path.with_extension("pub")).unwrap()).unwrap();
        let key = std::fs::read_to_string(&path).unwrap();
        // Secrets are often stored without the last line break, or with those of another system.
        for key in [key.clone(), key.trim().to_owned(), key.replace('\n', "\r\n")] {
            let access = Access::new(&url, credentials(&key), trust.clone()).unwrap();
            let resolved = Reader::new().resolve(&access, "main").await;
            assert!(resolved.is_ok(), "{name}: {resolved:?}");
        }
    }
}

#[tokio::test]
async fn a_host_that_never_answers_gets_one_connection_and_not_one_per_request() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let (count, held) = (Arc::clone(&accepted), Arc::new(std::sync::Mutex::new(Vec::new())));
    let keep = Arc::clone(&held);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            keep.lock().unwrap().push(stream);
        }
    });
    let url = format!("ssh://git@127.0.0.1:{port}/srv/repo");
    let access = Access::new(&url, credentials("key"), Trust::default()).unwrap();
    let reader = Reader::with(|options| options.request_timeout = Duration::from_millis(200));
    for _ in 0..5 {
        let error = reader.resolve(&access, "main").await.unwrap_err();
        assert!(matches!(*error, GitError::Timeout { .. }), "{error:?}");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    held.lock().unwrap().clear();
}
