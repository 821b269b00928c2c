//! What the tests share: a renderer with the real tools, and sources from JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tiphys_git::{Access, Commit, Freshness, NoObserver, Options, Repositories};
use tiphys_render::{
    Inputs, Limits, Plan, Reference, RenderError, Rendered, Renderer, RendererOptions, ToolOptions, Toolbox,
};
use tiphys_test_kit::{GitRepo, Tool, Tools};

pub(crate) struct Bench {
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) folder: TempDir,
    repositories: Repositories,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let tools = Tools::ensure(Tool::RENDERERS).unwrap();
        let toolbox = Toolbox::new(Some(tools.path(Tool::Helm)), Some(tools.path(Tool::Kustomize)));
        let mut limits = Limits { tool_timeout: Duration::from_secs(60), ..Limits::default() };
        change(&mut limits);
        Self::of(toolbox, limits)
    }

    pub(crate) fn of(toolbox: Toolbox, limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let repositories =
            Repositories::open(Options::new(folder.path().join("git")), Arc::new(NoObserver)).unwrap();
        let options =
            RendererOptions { root: folder.path().join("render"), exports_bound: 1 << 30, toolbox, limits };
        Self { renderer: Arc::new(Renderer::open(options).unwrap()), folder, repositories }
    }

    pub(crate) async fn commit(&self, repo: &GitRepo) -> Commit {
        let access = Access::anonymous(&repo.url()).unwrap();
        let resolved = self.repositories.resolve(&access, "main", "", Freshness::Cached).await.unwrap();
        self.repositories.commit(&access, &resolved).await.unwrap()
    }

    /// Inputs for the source that `source` describes, with the usual names around it.
    pub(crate) async fn inputs(&self, repo: &GitRepo, source: Value) -> Inputs {
        let mut full = json!({"repoURL": repo.url(), "targetRevision": "main"});
        full.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        Inputs {
            app_instance_name: "web".to_owned(),
            app_name: "web".to_owned(),
            project: "default".to_owned(),
            namespace: "prod".to_owned(),
            source: serde_json::from_value(full).unwrap(),
            commit: self.commit(repo).await,
            references: BTreeMap::new(),
            kube_version: "1.31.2".to_owned(),
            api_versions: vec!["v1".to_owned(), "apps/v1".to_owned(), "apps/v1/Deployment".to_owned()],
            options: ToolOptions::default(),
        }
    }

    pub(crate) async fn reference(&self, repo: &GitRepo) -> Reference {
        Reference { repo_url: repo.url(), commit: self.commit(repo).await }
    }

    pub(crate) fn plan(&self, inputs: &Inputs) -> Result<Plan, RenderError> {
        self.renderer.plan(inputs)
    }

    pub(crate) async fn run(&self, inputs: &Inputs) -> Result<Rendered, RenderError> {
        let plan = self.renderer.plan(inputs)?;
        self.renderer.render(&plan).await
    }

    pub(crate) async fn render(&self, repo: &GitRepo, source: Value) -> Result<Rendered, RenderError> {
        let inputs = self.inputs(repo, source).await;
        self.run(&inputs).await
    }

    /// The objects of a source that must render.
    pub(crate) async fn objects(&self, repo: &GitRepo, source: Value) -> Vec<Value> {
        objects(&self.render(repo, source).await.unwrap())
    }

    /// The text of the error of a source that must not render.
    pub(crate) async fn error(&self, repo: &GitRepo, source: Value) -> String {
        text(&self.render(repo, source).await.unwrap_err())
    }

    /// Nothing of a run may be left in the folder where tools work.
    pub(crate) fn nothing_left(&self) -> bool {
        std::fs::read_dir(self.folder.path().join("render/work")).unwrap().count() == 0
    }
}

/// An error with its causes, as users see it.
pub(crate) fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

pub(crate) fn objects(rendered: &Rendered) -> Vec<Value> {
    let objects: Vec<Value> = rendered
        .lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(objects.len() as u64, rendered.count);
    assert_eq!(&*rendered.digest, blake3::hash(&rendered.lines).to_hex().as_str());
    objects
}

pub(crate) fn names(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}

/// A ConfigMap with one entry.
pub(crate) fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: value\n")
}

/// Serves the files of a folder until the test process ends.
pub(crate) fn serve_folder(folder: std::path::PathBuf) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut line).unwrap();
            let mut header = String::new();
            while reader.read_line(&mut header).unwrap() > 2 {
                header.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let (status, body) = match std::fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.into_bytes(), body].concat()).unwrap();
        }
    });
    url
}
