//! What goes wrong, how it is told, and that it heals.

use std::time::{Duration, Instant};

use serde_json::json;
use tiphys_test_kit::{GitFault, GitHttpServer, GitRepo};
use tiphys_wire::internal::Repository;
use tonic::Code;

use super::support::{Server, config_map, request, with_repository};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_has_its_code_and_a_text_that_says_what_and_where() {
    let repo = GitRepo::with_files([
        ("good/cm.yaml", config_map("a").as_str()),
        ("broken/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        ("chart/templates/x.yaml", "{{ .Values.missing.deeper }}"),
        ("kustomize/kustomization.yaml", "resources: [missing.yaml]\n"),
    ])
    .unwrap();
    repo.symlink("out", "/etc").unwrap();
    repo.commit("link").unwrap();
    let server = Server::start(&[]).await;
    let table = [
        (json!({"path": "missing"}), Code::InvalidArgument, "missing: app path does not exist"),
        (json!({"path": "../x"}), Code::InvalidArgument, "../x: app path outside root"),
        (json!({"path": "out"}), Code::FailedPrecondition, "out-of-bounds symlinks. file: out"),
        (json!({"path": "broken"}), Code::FailedPrecondition, "Failed to unmarshal \"broken/x.yaml\""),
        (json!({"path": "chart"}), Code::FailedPrecondition, "chart/templates/x.yaml"),
        (
            json!({"path": "kustomize"}),
            Code::FailedPrecondition,
            "`kustomize build kustomize` failed exit status 1",
        ),
        (
            json!({"path": "good", "targetRevision": "nowhere"}),
            Code::NotFound,
            "unable to resolve 'nowhere' to a commit SHA",
        ),
        (json!({"path": "good", "targetRevision": "--upload-pack=x"}), Code::NotFound, "--upload-pack=x"),
    ];
    for (source, code, expected) in table {
        let (found, text) = server.error(request(&repo, source.clone())).await;
        assert_eq!(found, code, "{source}: {text}");
        assert!(text.contains(expected), "{source}: {text}");
        assert!(!text.contains(&server.folder.path().display().to_string()), "{text}");
    }
    let missing = Repository { url: "file:///nowhere/at/all".into(), ..Repository::default() };
    let (code, text) = server.error(with_repository(missing, json!({"path": "."}))).await;
    assert_eq!(code, Code::NotFound);
    assert!(text.contains("repository not found: file:///nowhere/at/all"), "{text}");
    let mut garbage = request(&repo, json!({}));
    garbage.source.as_mut().unwrap().source_json = b"{".to_vec();
    assert_eq!(server.error(garbage).await.0, Code::InvalidArgument);
    assert_eq!(server.error(Default::default()).await.0, Code::InvalidArgument);
    // The others go on.
    assert_eq!(server.render(request(&repo, json!({"path": "good"}))).await.unwrap().names(), ["a"]);
}

// covers: TOOL-017
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_again_and_again_is_left_alone_until_something_changes() {
    let repo = GitRepo::with_files([("d/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n")]).unwrap();
    let server = Server::start(&[]).await;
    let failing = || request(&repo, json!({"path": "d"}));
    for _ in 0..3 {
        assert!(server.error(failing()).await.1.starts_with("Failed to unmarshal"));
    }
    let (_, text) = server.error(failing()).await;
    assert!(text.starts_with("Manifest generation error (cached): Failed to unmarshal"), "{text}");
    let mut hard = failing();
    hard.no_cache = true;
    assert!(server.error(hard).await.1.starts_with("Failed to unmarshal"));
    assert!(server.error(failing()).await.1.starts_with("Failed to unmarshal"));
    repo.write("d/x.yaml", config_map("a")).unwrap();
    repo.commit("healed").unwrap();
    assert_eq!(server.render(failing()).await.unwrap().names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_is_away_is_an_error_and_heals_while_others_go_on() {
    let folder = tempfile::TempDir::new().unwrap();
    let repo = GitRepo::create(folder.path(), "repo").unwrap();
    repo.write("d/cm.yaml", config_map("a")).unwrap();
    repo.commit("first").unwrap();
    let http = GitHttpServer::start(folder.path(), &Default::default()).unwrap();
    let server = Server::start(&["--git-request-timeout=500ms"]).await;
    let repository = Repository { url: http.url("repo.git"), ..Repository::default() };
    let render = || with_repository(repository.clone(), json!({"path": "d"}));
    for (fault, code) in [
        (GitFault::Stall, Code::DeadlineExceeded),
        (GitFault::Status(503), Code::Unavailable),
        (GitFault::Status(404), Code::NotFound),
        (GitFault::CutAfter(20), Code::Unavailable),
    ] {
        http.set_fault(fault.clone());
        let start = Instant::now();
        let (found, text) = server.error(render()).await;
        assert_eq!(found, code, "{fault:?}: {text}");
        assert!(text.contains("127.0.0.1") && start.elapsed() < Duration::from_secs(15), "{text}");
        assert_eq!(server.render(request(&repo, json!({"path": "d"}))).await.unwrap().names(), ["a"]);
    }
    assert!(server.metric("argocd_git_lsremote_fail_total", &["repo="]).await >= 4.0);
    http.set_fault(GitFault::None);
    assert_eq!(server.render(render()).await.unwrap().names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_damaged_while_the_service_runs_is_made_anew() {
    let folder = tempfile::TempDir::new().unwrap();
    let repo = GitRepo::create(folder.path(), "repo").unwrap();
    for n in 0..30 {
        repo.write(&format!("d{n}/cm.yaml"), config_map(&format!("c{n}"))).unwrap();
    }
    repo.commit("first").unwrap();
    let http = GitHttpServer::start(folder.path(), &Default::default()).unwrap();
    let server = Server::start(&[]).await;
    let repository = Repository { url: http.url("repo.git"), ..Repository::default() };
    let render = |n: usize| with_repository(repository.clone(), json!({"path": format!("d{n}")}));
    assert_eq!(server.render(render(0)).await.unwrap().names(), ["c0"]);
    let copies = server.folder.path().join("cache/git");
    let copy = std::fs::read_dir(&copies).unwrap().next().unwrap().unwrap().path();
    for pack in std::fs::read_dir(copy.join("objects/pack")).unwrap() {
        let path = pack.unwrap().path();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, vec![0; 2000]).unwrap();
    }
    // Whatever is still mapped reads on; what is not is fetched anew.
    for n in 0..30 {
        assert_eq!(server.render(render(n)).await.unwrap().names(), [format!("c{n}")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_gives_up_ends_the_tool_that_worked_for_it() {
    let endless = "{{- range until 100000 -}}{{- range until 100000 -}}{{- range until 100000 -}}{{ $x := sha256sum \"a\" }}{{- end -}}{{- end -}}{{- end -}}";
    let repo = GitRepo::with_files([
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        ("chart/templates/x.yaml", endless),
    ])
    .unwrap();
    let server = Server::start(&[]).await;
    let (client, render) = (server.client.clone(), request(&repo, json!({"path": "chart"})));
    let caller = tokio::spawn(async move { super::support::read(&client, render).await });
    let work = server.folder.path().join("cache/render/work");
    let busy = || std::fs::read_dir(&work).is_ok_and(|entries| entries.count() > 0);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !busy() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(busy(), "the tool never started");
    caller.abort();
    while busy() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!busy(), "the tool still works");
    assert_eq!(server.metric("argocd_repo_pending_request_total", &["repo="]).await, 0.0);
}
