//! What the tests share: a running service, and a client that reads its streams as they must be read.

use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiphys_repo_server::{Args, Config, Listeners, run};
use tiphys_test_kit::{GitRepo, Tool, Tools};
use tiphys_wire::internal::repo_service_client::RepoServiceClient;
use tiphys_wire::internal::{
    RenderFooter, RenderHeader, RenderRequest, Repository, Source, render_part::Part,
};
use tiphys_wire::{InternalCertificates, InternalTls, internal_channel, repo_client};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// A running service with its client.
pub(crate) struct Server {
    pub(crate) client: RepoServiceClient<Channel>,
    pub(crate) address: String,
    pub(crate) probes: String,
    pub(crate) folder: TempDir,
    shutdown: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) header: RenderHeader,
    pub(crate) footer: RenderFooter,
    pub(crate) objects: Vec<Value>,
    pub(crate) chunks: usize,
}

impl Answer {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
    }
}

pub(crate) fn config(folder: &Path, arguments: &[&str]) -> Config {
    let tools = Tools::ensure(Tool::RENDERERS).unwrap();
    let own = [
        "repo-server".to_owned(),
        "--address=127.0.0.1".to_owned(),
        "--port=0".to_owned(),
        "--metrics-address=127.0.0.1".to_owned(),
        "--metrics-port=0".to_owned(),
        format!("--cache-dir={}", folder.display()),
        format!("--helm-binary={}", tools.path(Tool::Helm).display()),
        format!("--kustomize-binary={}", tools.path(Tool::Kustomize).display()),
    ];
    let words = own.into_iter().chain(arguments.iter().map(|word| (*word).to_owned()));
    Config::new(&Args::try_parse_from(words).unwrap()).unwrap()
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = config(&folder.path().join("cache"), arguments);
        let listeners = Listeners::bind(&config).await.unwrap();
        let address = listeners.services.local_addr().unwrap().to_string();
        let probes = listeners.probes.local_addr().unwrap().to_string();
        let tls = InternalTls::from(InternalCertificates::ephemeral().unwrap());
        let shutdown = CancellationToken::new();
        let (own, token) = (tls.clone(), shutdown.clone());
        tokio::spawn(async move { run(config, listeners, own, token).await.unwrap() });
        let client = repo_client(internal_channel(&address, &tls).unwrap());
        Self { client, address, probes, folder, shutdown }
    }

    pub(crate) async fn render(&self, request: RenderRequest) -> Result<Answer, Status> {
        read(&self.client, request).await
    }

    pub(crate) async fn error(&self, request: RenderRequest) -> (Code, String) {
        let status = self.render(request).await.unwrap_err();
        (status.code(), status.message().to_owned())
    }

    /// The value of a metric with these labels, 0 when it was never set.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = get(&self.probes, "/metrics").await;
        let line = text.lines().find(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

/// Reads a stream and checks what every stream must keep.
pub(crate) async fn read(
    client: &RepoServiceClient<Channel>,
    request: RenderRequest,
) -> Result<Answer, Status> {
    let mut stream = client.clone().render(request).await?.into_inner();
    let (mut header, mut footer, mut lines, mut chunks) = (None, None, Vec::new(), 0);
    while let Some(part) = stream.message().await? {
        assert!(footer.is_none(), "something follows the footer");
        match part.part.unwrap() {
            Part::Header(part) => {
                assert!(header.is_none() && chunks == 0);
                header = Some(part);
            }
            Part::Manifests(chunk) => {
                assert!(header.is_some() && chunk.ends_with(b"\n"));
                chunks += 1;
                lines.extend(chunk);
            }
            Part::Footer(part) => footer = Some(part),
        }
    }
    let (header, footer) = (header.unwrap(), footer.expect("a complete stream has a footer"));
    let objects: Vec<Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    if !footer.unchanged {
        assert_eq!(footer.count, objects.len() as u64);
        assert_eq!(footer.digest, blake3::hash(&lines).to_hex().as_str());
    }
    Ok(Answer { header, footer, objects, chunks })
}

/// A request for a source of a repository without credentials.
pub(crate) fn request(repo: &GitRepo, source: Value) -> RenderRequest {
    with_repository(Repository { url: repo.url(), ..Repository::default() }, source)
}

// Sources are written in place, where a reference would only be noise.
#[allow(clippy::needless_pass_by_value)]
pub(crate) fn with_repository(repository: Repository, source: Value) -> RenderRequest {
    let mut full = json!({"repoURL": repository.url, "targetRevision": "main"});
    full.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    RenderRequest {
        app_instance_name: "web".to_owned(),
        app_name: "web".to_owned(),
        project: "default".to_owned(),
        namespace: "prod".to_owned(),
        kube_version: "1.31.2".to_owned(),
        api_versions: vec!["v1".to_owned()],
        source: Some(Source {
            source_json: serde_json::to_vec(&full).unwrap(),
            repository: Some(repository),
            revision: String::new(),
        }),
        ..RenderRequest::default()
    }
}

/// A plain GET.
pub(crate) async fn get(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// A ConfigMap with one entry.
pub(crate) fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: value\n")
}
