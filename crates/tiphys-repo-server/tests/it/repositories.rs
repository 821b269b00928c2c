//! Repositories over HTTPS with a password, and over SSH.

use serde_json::json;
use tiphys_test_kit::{GitHttpConfig, GitHttpServer, GitRepo, GitSshServer, GitTls};
use tiphys_wire::internal::Repository;
use tonic::Code;

use super::support::{Server, config_map, read, with_repository};

// covers: GIT-011, GIT-049
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_applications_of_one_repository_list_once_and_fetch_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let repo = GitRepo::create(folder.path(), "repo").unwrap();
    for n in 0..200 {
        repo.write(&format!("apps/{n}/cm.yaml"), config_map(&format!("c{n}"))).unwrap();
    }
    repo.commit("first").unwrap();
    let config =
        GitHttpConfig { tls: GitTls::On, basic_auth: Some(("bot".into(), "t0ken".into())), port: None };
    let https = GitHttpServer::start(folder.path(), &config).unwrap();
    let server = Server::start(&[]).await;
    let repository = Repository {
        url: https.url("repo.git"),
        username: "bot".into(),
        password: "t0ken".into(),
        tls_ca_bundle: https.ca_pem().as_bytes().to_vec(),
        ..Repository::default()
    };
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let (client, repository) = (server.client.clone(), repository.clone());
            tokio::spawn(async move {
                let mut request = with_repository(repository, json!({"path": format!("apps/{n}")}));
                request.app_name = format!("app-{n}");
                assert_eq!(read(&client, request).await.unwrap().names(), [format!("c{n}")]);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((https.discoveries("repo.git"), https.fetches("repo.git")), (1, 1));

    let mut wrong = repository.clone();
    wrong.password = "wr0ng".into();
    let (code, text) = server.error(with_repository(wrong, json!({"path": "apps/0"}))).await;
    assert_eq!(code, Code::PermissionDenied);
    assert!(text.contains("authentication required") && !text.contains("wr0ng"), "{text}");
}

// covers: GIT-012
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_over_ssh_renders_when_its_host_is_known() {
    let Some(ssh) = GitSshServer::start().unwrap() else { return };
    let repo = GitRepo::with_files([("d/cm.yaml", config_map("a"))]).unwrap();
    let server = Server::start(&[]).await;
    let repository = Repository {
        url: ssh.url(repo.bare()),
        ssh_private_key: ssh.client_key().to_owned(),
        ssh_known_hosts: ssh.known_hosts(),
        ..Repository::default()
    };
    let answer = server.render(with_repository(repository.clone(), json!({"path": "d"}))).await.unwrap();
    assert_eq!(answer.names(), ["a"]);
    let strange = Repository { ssh_known_hosts: String::new(), ..repository };
    let mut fresh = with_repository(strange, json!({"path": "d"}));
    fresh.no_revision_cache = true;
    let (code, text) = server.error(fresh).await;
    assert_eq!(code, Code::PermissionDenied);
    assert!(text.contains("the host key of [127.0.0.1]"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_would_run_programs_are_refused() {
    let server = Server::start(&[]).await;
    for url in ["ext::sh -c id", "ssh://-oProxyCommand=x/y", "git@-x:y", "fd::3", "git://host/x", ""] {
        let repository = Repository { url: url.into(), ..Repository::default() };
        let (code, text) = server.error(with_repository(repository, json!({"path": "."}))).await;
        assert_eq!(code, Code::InvalidArgument, "{url}: {text}");
    }
}
