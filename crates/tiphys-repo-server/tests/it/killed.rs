//! A service that is killed in the middle of its work, and the one that follows it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tiphys_repo_server::{Listeners, run};
use tiphys_test_kit::{GitHttpServer, GitRepo};
use tiphys_wire::internal::Repository;
use tiphys_wire::tls::DirectoryStore;
use tiphys_wire::{InternalCertificates, InternalTls, internal_channel, repo_client};
use tokio_util::sync::CancellationToken;

use super::support::{config, config_map, read, with_repository};

/// Set for a process that is to be the service.
const ROLE: &str = "TIPHYS_TEST_REPO_SERVER_FOLDER";

/// Not a test: what the process does that the test below starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_in_a_process_of_its_own() {
    let Ok(folder) = std::env::var(ROLE) else { return };
    let folder = Path::new(&folder);
    let config = config(&folder.join("cache"), &[]);
    let listeners = Listeners::bind(&config).await.unwrap();
    let tls = certificates(folder).await;
    let address = listeners.services.local_addr().unwrap().to_string();
    std::fs::write(folder.join("address.new"), address).unwrap();
    std::fs::rename(folder.join("address.new"), folder.join("address")).unwrap();
    run(config, listeners, tls, CancellationToken::new()).await.unwrap();
}

async fn certificates(folder: &Path) -> InternalTls {
    let store = DirectoryStore::new(folder.join("tls"));
    InternalTls::from(InternalCertificates::load_or_create(&store).await.unwrap())
}

struct Process(Child);

impl Process {
    fn start(folder: &Path) -> Self {
        let _ = std::fs::remove_file(folder.join("address"));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["it::killed::the_service_in_a_process_of_its_own", "--exact", "--nocapture"])
            .env(ROLE, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn address(folder: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(address) = std::fs::read_to_string(folder.join("address")) {
            return address;
        }
        assert!(Instant::now() < deadline, "the service did not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_in_mid_render_leaves_nothing_wrong_behind() {
    if std::env::var(ROLE).is_ok() {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let served = tempfile::TempDir::new().unwrap();
    let repo = GitRepo::create(served.path(), "repo").unwrap();
    repo.write("base/kustomization.yaml", "resources: [cm.yaml]\n").unwrap();
    repo.write("base/cm.yaml", config_map("cm")).unwrap();
    for n in 0..40 {
        repo.write(
            &format!("apps/{n}/kustomization.yaml"),
            format!("namePrefix: p{n}-\nresources: [../../base]\n"),
        )
        .unwrap();
    }
    repo.commit("first").unwrap();
    let http = GitHttpServer::start(served.path(), &Default::default()).unwrap();
    let tls = certificates(folder.path()).await;
    let repository = Repository { url: http.url("repo.git"), ..Repository::default() };
    let render = |n: usize| with_repository(repository.clone(), json!({"path": format!("apps/{n}")}));
    for round in 0..5_u64 {
        let process = Process::start(folder.path());
        let client = repo_client(internal_channel(&address(folder.path()).await, &tls).unwrap());
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let (client, render) = (client.clone(), render(n));
                tokio::spawn(
                    async move { read(&client, render).await.map(|answer| answer.names().join(",")) },
                )
            })
            .collect();
        // Killed at another moment each time: before, within and after the fetch, within the renders.
        tokio::time::sleep(Duration::from_millis(20 + round * 90)).await;
        drop(process);
        for (n, task) in tasks.into_iter().enumerate() {
            // An answer that was cut is an error, never a shorter answer.
            if let Ok(names) = task.await.unwrap() {
                assert_eq!(names, format!("p{n}-cm"));
            }
        }
    }
    let _process = Process::start(folder.path());
    let client = repo_client(internal_channel(&address(folder.path()).await, &tls).unwrap());
    for n in 0..40 {
        assert_eq!(read(&client, render(n)).await.unwrap().names(), [format!("p{n}-cm")]);
    }
}
