//! The Git servers, as the real `git` sees them.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tiphys_test_kit::{
    GitFault, GitHttpConfig, GitHttpServer, GitRepo, GitSshServer, GitTls, wait_until_blocking,
};

fn clone(url: &str, extra: &[(&str, &str)]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("git")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(extra.iter().copied())
        .args(["clone", "--quiet", url])
        .arg(folder.path().join("clone"))
        .output()
        .unwrap();
    (output, folder)
}

fn served(config: &GitHttpConfig) -> (GitRepo, GitHttpServer, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let repo = GitRepo::create(root.path(), "repo").unwrap();
    repo.write("a.yaml", "one: 1\n").unwrap();
    repo.commit("first").unwrap();
    let server = GitHttpServer::start(root.path(), config).unwrap();
    (repo, server, root)
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_repository_is_cloned_over_http_and_the_requests_are_counted() {
    let (_repo, server, _root) = served(&GitHttpConfig::default());
    let (output, folder) = clone(&server.url("repo.git"), &[]);
    succeeded(&output);
    assert_eq!(std::fs::read_to_string(folder.path().join("clone/a.yaml")).unwrap(), "one: 1\n");
    assert_eq!(server.discoveries("repo.git"), 1);
    assert!(server.fetches("repo.git") >= 1);
    assert!(server.requests().iter().all(|request| request.status == Some(200)));
    assert!(!clone(&server.url("none.git"), &[]).0.status.success());
}

#[test]
fn a_password_is_asked_for() {
    let config = GitHttpConfig {
        basic_auth: Some(("jason".to_owned(), "golden".to_owned())),
        ..GitHttpConfig::default()
    };
    let (_repo, server, _root) = served(&config);
    assert!(!clone(&server.url("repo.git"), &[]).0.status.success());
    let url = server.url("repo.git").replace("://", "://jason:golden@");
    succeeded(&clone(&url, &[]).0);
    let wrong = server.url("repo.git").replace("://", "://jason:leaden@");
    assert!(!clone(&wrong, &[]).0.status.success());
    assert!(server.requests().iter().any(|request| request.user.as_deref() == Some("jason")));
}

#[test]
fn https_needs_the_authority_and_may_ask_for_a_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let (_repo, server, _root) = served(&GitHttpConfig { tls: GitTls::On, ..GitHttpConfig::default() });
    assert!(!clone(&server.url("repo.git"), &[]).0.status.success());
    let ca = file("ca", server.ca_pem());
    succeeded(&clone(&server.url("repo.git"), &[("GIT_SSL_CAINFO", &ca)]).0);

    let config = GitHttpConfig { tls: GitTls::ClientCertificates, ..GitHttpConfig::default() };
    let (_repo, server, _root) = served(&config);
    let ca = file("ca2", server.ca_pem());
    assert!(!clone(&server.url("repo.git"), &[("GIT_SSL_CAINFO", &ca)]).0.status.success());
    let certificate = file("certificate", &server.client_certificate().certificate_pem);
    let key = file("key", &server.client_certificate().key_pem);
    let extra = [("GIT_SSL_CAINFO", &*ca), ("GIT_SSL_CERT", &*certificate), ("GIT_SSL_KEY", &*key)];
    succeeded(&clone(&server.url("repo.git"), &extra).0);
}

#[test]
fn faults_come_and_go() {
    let (_repo, server, _root) = served(&GitHttpConfig::default());
    let url = server.url("repo.git");
    server.set_fault(GitFault::Status(503));
    assert!(!clone(&url, &[]).0.status.success());
    server.set_fault(GitFault::CutAfter(40));
    assert!(!clone(&url, &[]).0.status.success());

    server.set_fault(GitFault::Stall);
    server.clear_requests();
    let waiting = std::thread::spawn(move || clone(&url, &[]).0);
    wait_until_blocking(Duration::from_secs(20), "the request is there", || {
        if server.requests().is_empty() { Err("no request") } else { Ok(()) }
    })
    .unwrap();
    assert_eq!(server.requests()[0].status, None);
    server.set_fault(GitFault::None);
    succeeded(&waiting.join().unwrap());
}

#[test]
fn a_repository_is_cloned_over_ssh_by_the_one_key() {
    let Some(server) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("a.yaml", "one: 1\n")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    let known = write("known", &server.known_hosts());
    let ssh = |key: &Path| {
        format!(
            "ssh -F /dev/null -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={}",
            key.display(),
            known.display()
        )
    };
    let key = write("key", server.client_key());
    succeeded(&clone(&server.url(repo.bare()), &[("GIT_SSH_COMMAND", &ssh(&key))]).0);
    assert_eq!(server.logins(), 1);
    let other = write("other", "no key\n");
    assert!(!clone(&server.url(repo.bare()), &[("GIT_SSH_COMMAND", &ssh(&other))]).0.status.success());
}
