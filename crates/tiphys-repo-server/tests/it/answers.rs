//! What is answered, and from where.

use std::collections::HashMap;

use serde_json::json;
use tiphys_test_kit::GitRepo;
use tiphys_wire::internal::{
    ListRefsRequest, Repository, ResolveRevisionRequest, RevisionMetadataRequest, Source,
};
use tiphys_wire::{InternalCertificates, InternalTls, internal_channel, repo_client};
use tonic::Code;

use super::support::{Server, config_map, get, read, request};

fn repo() -> GitRepo {
    GitRepo::with_files([
        ("plain/cm.yaml", config_map("plain").as_str()),
        ("kustomize/kustomization.yaml", "namePrefix: k-\nresources: [cm.yaml]\n"),
        ("kustomize/cm.yaml", &config_map("cm")),
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        (
            "chart/templates/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n",
        ),
    ])
    .unwrap()
}

// covers: APP-046
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_answers_with_header_manifests_and_footer() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    let commit = repo.head().unwrap();
    let table =
        [("plain", "Directory", "plain"), ("kustomize", "Kustomize", "k-cm"), ("chart", "Helm", "web")];
    for (path, kind, name) in table {
        let answer = server.render(request(&repo, json!({"path": path}))).await.unwrap();
        assert_eq!(
            (answer.header.revision.as_str(), answer.header.source_type.as_str()),
            (commit.as_str(), kind)
        );
        assert_eq!(answer.names(), [name]);
        assert!(!answer.footer.cached);
        let again = server.render(request(&repo, json!({"path": path}))).await.unwrap();
        assert!(again.footer.cached);
        assert_eq!(again.objects, answer.objects);
        let mut known = request(&repo, json!({"path": path}));
        known.known_digest = answer.footer.digest.clone();
        let unchanged = server.render(known).await.unwrap();
        assert!(unchanged.footer.unchanged && unchanged.chunks == 0);
        assert_eq!((unchanged.footer.count, &unchanged.footer.digest), (1, &answer.footer.digest));
    }
    assert!(server.metric("tiphys_repo_render_total", &["result=\"cached\""]).await > 0.0);
}

// covers: TOOL-016
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_touches_one_application_renders_one_and_a_hard_refresh_renders_again() {
    let repo =
        GitRepo::with_files((0..50).map(|n| (format!("apps/{n}/cm.yaml"), config_map(&format!("c{n}")))))
            .unwrap();
    let server = Server::start(&[]).await;
    let all = async || {
        for n in 0..50 {
            let answer = server.render(request(&repo, json!({"path": format!("apps/{n}")}))).await.unwrap();
            assert_eq!(answer.names(), [format!("c{n}")]);
        }
        server.metric("tiphys_repo_render_duration_seconds_count", &["Directory"]).await
    };
    assert_eq!(all().await, 50.0);
    repo.write("apps/7/cm.yaml", config_map("c7") + "  more: x\n").unwrap();
    repo.commit("one").unwrap();
    assert_eq!(all().await, 51.0);
    let mut hard = request(&repo, json!({"path": "apps/7"}));
    hard.no_cache = true;
    assert!(!server.render(hard).await.unwrap().footer.cached);
    assert_eq!(all().await, 52.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_renders_at_the_same_time_are_done_once() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (client, request) = (server.client.clone(), request(&repo, json!({"path": "chart"})));
            tokio::spawn(async move { read(&client, request).await.unwrap().names() == ["web"] })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(server.metric("tiphys_repo_render_duration_seconds_count", &["Helm"]).await, 1.0);
    assert_eq!(server.metric("argocd_repo_pending_request_total", &["repo="]).await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_answer_comes_in_chunks() {
    let documents: String = (0..3000)
        .map(|n| format!("{}  text: {}\n---\n", config_map(&format!("c{n}")), "x".repeat(1500)))
        .collect();
    let repo = GitRepo::with_files([("d/all.yaml", documents)]).unwrap();
    let answer = Server::start(&[]).await.render(request(&repo, json!({"path": "d"}))).await.unwrap();
    assert_eq!(answer.objects.len(), 3000);
    assert!(answer.chunks >= 4, "{} chunks", answer.chunks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_without_a_certificate_of_the_installation() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    for tls in [InternalTls::Plaintext, InternalTls::from(InternalCertificates::ephemeral().unwrap())] {
        let stranger = repo_client(internal_channel(&server.address, &tls).unwrap());
        assert!(read(&stranger, request(&repo, json!({"path": "plain"}))).await.is_err());
    }
    assert!(server.render(request(&repo, json!({"path": "plain"}))).await.is_ok());
}

// covers: GIT-059
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revisions_references_and_metadata_are_answered() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    repo.annotated_tag("v1.2.0", "text").unwrap();
    let commit = repo.head().unwrap();
    let repository = || Some(Repository { url: repo.url(), ..Repository::default() });
    let mut client = server.client.clone();
    let source = |revision: &str| Source {
        source_json: serde_json::to_vec(&json!({"repoURL": repo.url(), "path": "plain"})).unwrap(),
        repository: repository(),
        revision: revision.to_owned(),
    };
    let table = [("main", "main"), ("1.x", "1.x"), ("", "HEAD"), (&commit[..8], &commit[..8])];
    for (revision, shown) in table {
        let request = ResolveRevisionRequest { source: Some(source(revision)), no_revision_cache: true };
        let answer = client.resolve_revision(request).await.unwrap().into_inner();
        assert_eq!(
            (answer.revision.as_str(), answer.ambiguous_revision),
            (commit.as_str(), format!("{shown} ({commit})"))
        );
    }
    let refs = client.list_refs(ListRefsRequest { repository: repository() }).await.unwrap().into_inner();
    assert_eq!((refs.branches, refs.tags), (vec!["main".to_owned()], vec!["v1.2.0".to_owned()]));
    let request = RevisionMetadataRequest { repository: repository(), revision: commit };
    let metadata = client.revision_metadata(request).await.unwrap().into_inner();
    assert_eq!((metadata.message.as_str(), metadata.tags), ("first", vec!["v1.2.0".to_owned()]));
    assert_eq!(metadata.author, "Tiphys Tests <tests@tiphys.invalid>");
}

// covers: MS-003, MS-007
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_files_of_another_repository_are_read_at_its_revision() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    repo.write(
        "chart/templates/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.name }}}\n",
    )
    .unwrap();
    repo.commit("values").unwrap();
    let values = GitRepo::with_files([("env.yaml", "name: first\n")]).unwrap();
    let mut render = request(&repo, json!({"path": "chart", "helm": {"valueFiles": ["$v/env.yaml"]}}));
    render.ref_sources =
        HashMap::from([("v".to_owned(), request(&values, json!({"ref": "v"})).source.unwrap())]);
    assert_eq!(server.render(render.clone()).await.unwrap().names(), ["first"]);
    values.write("env.yaml", "name: second\n").unwrap();
    values.commit("second").unwrap();
    assert_eq!(server.render(render).await.unwrap().names(), ["second"]);
}

// covers: MET-027, MET-029, MET-030, CFG-142
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_metrics_are_served_under_the_references_names() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    assert!(get(&server.probes, "/healthz").await.starts_with("HTTP/1.1 200"));
    server.render(request(&repo, json!({"path": "plain"}))).await.unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let remote = GitRepo::create(folder.path(), "repo").unwrap();
    remote.write("d/cm.yaml", config_map("a")).unwrap();
    remote.commit("first").unwrap();
    let http = tiphys_test_kit::GitHttpServer::start(folder.path(), &Default::default()).unwrap();
    let repository = Repository { url: http.url("repo.git"), ..Repository::default() };
    server.render(super::support::with_repository(repository, json!({"path": "d"}))).await.unwrap();
    for kind in ["ls-remote", "fetch"] {
        let label = format!("request_type=\"{kind}\"");
        assert_eq!(
            server.metric("argocd_git_request_total", &["repo=\"http://127.0.0.1", &label]).await,
            1.0
        );
        assert_eq!(server.metric("argocd_git_request_duration_seconds_count", &[&label]).await, 1.0);
    }
    assert!(server.metric("argocd_repo_parallelism_wait_duration_seconds_count", &[]).await >= 2.0);
    let text = get(&server.probes, "/metrics").await;
    assert!(text.contains("argocd_repo_pending_request_total{repo="));
    for bucket in ["0.1", "0.25", "0.5", "1", "2", "4", "10", "20"] {
        assert!(text.contains(&format!("request_type=\"fetch\",le=\"{bucket}\"")), "{bucket}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_built_is_refused_with_a_clear_word() {
    let (repo, server) = (repo(), Server::start(&[]).await);
    let charts = request(&repo, json!({"chart": "nginx", "targetRevision": "1.0.0"}));
    let oci = super::support::with_repository(
        Repository { url: "oci://registry.example/x".into(), ..Repository::default() },
        json!({"path": "."}),
    );
    let helm = super::support::with_repository(
        Repository { url: "https://charts.example".into(), r#type: "helm".into(), ..Repository::default() },
        json!({"path": "."}),
    );
    let plugin = request(&repo, json!({"path": "plain", "plugin": {"name": "x"}}));
    for request in [charts, oci, helm, plugin] {
        let (code, text) = server.error(request).await;
        assert_eq!(code, Code::Unimplemented, "{text}");
        assert!(text.contains("not supported yet"), "{text}");
    }
}
