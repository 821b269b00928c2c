//! What commands ask, whoever answers: an API server, or Kubernetes itself.

use serde_json::{Value, json};
use tiphys_api::resource_tree::{ApplicationTree, ResourceDiff};
use tiphys_api::{AppProject, Application};
use tiphys_rbac::SyncWindows;
use tokio::sync::mpsc;

use crate::api_server::{ApiServer, Query, escaped};
use crate::core_mode::CoreMode;
use crate::error::{CliError, ErrorKind};
use crate::name::AppName;
use crate::summary::Windows;

/// Who answers.
pub(crate) enum Backend {
    /// An API server.
    Api(Box<ApiServer>),
    /// Kubernetes.
    Core(Box<CoreMode>),
}

/// An Application as it was sent, and as far as its type is known here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct App {
    /// As it was sent: what is printed as JSON or YAML.
    pub(crate) raw: Value,
    /// Typed.
    pub(crate) typed: Application,
}

impl App {
    /// Reads one.
    pub(crate) fn of(raw: Value) -> Result<Self, CliError> {
        let typed = serde_json::from_value(raw.clone())?;
        Ok(App { raw, typed })
    }

    /// The name with its namespace.
    pub(crate) fn qualified_name(&self) -> String {
        self.typed.qualified_name("")
    }
}

/// How thoroughly an application is refreshed before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    Normal,
    Hard,
}

impl Refresh {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Refresh::Normal => "normal",
            Refresh::Hard => "hard",
        }
    }

    /// By the two flags.
    pub(crate) fn of(refresh: bool, hard: bool) -> Option<Self> {
        if hard { Some(Refresh::Hard) } else { refresh.then_some(Refresh::Normal) }
    }
}

/// Which applications are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery {
    pub(crate) selector: String,
    pub(crate) namespace: String,
    pub(crate) projects: Vec<String>,
}

/// What happened to an application that is watched.
#[derive(Clone, Debug)]
pub(crate) enum AppEvent {
    Changed(Box<App>),
    Deleted,
}

/// Which manifests are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ManifestQuery {
    pub(crate) revision: String,
    pub(crate) revisions: Vec<String>,
    pub(crate) source_positions: Vec<i64>,
}

impl Backend {
    /// One application.
    pub(crate) async fn get(&self, name: &AppName, refresh: Option<Refresh>) -> Result<App, CliError> {
        match self {
            Backend::Api(server) => {
                let query = in_namespace(name).with("refresh", refresh.map_or("", Refresh::as_str));
                App::of(server.get(&path_of(name), &query).await?)
            }
            Backend::Core(core) => core.get(name, refresh).await,
        }
    }

    /// The applications that match.
    pub(crate) async fn list(&self, ask: &ListQuery) -> Result<Vec<App>, CliError> {
        let mut apps = match self {
            Backend::Api(server) => {
                let mut query =
                    Query::default().with("selector", &ask.selector).with("appNamespace", &ask.namespace);
                for project in &ask.projects {
                    query = query.with("projects", project);
                }
                let mut list = server.get("/api/v1/applications", &query).await?;
                match list.get_mut("items").map(Value::take) {
                    Some(Value::Array(items)) => items.into_iter().map(App::of).collect::<Result<_, _>>()?,
                    _ => Vec::new(),
                }
            }
            Backend::Core(core) => core.list(ask).await?,
        };
        if !ask.projects.is_empty() {
            apps.retain(|app: &App| {
                ask.projects.iter().any(|project| project == app.typed.spec.project_name())
            });
        }
        Ok(apps)
    }

    /// Creates an application, or with `upsert` makes an existing one equal.
    pub(crate) async fn create(&self, app: &Value, upsert: bool, validate: bool) -> Result<App, CliError> {
        match self {
            Backend::Api(server) => {
                let query = Query::default()
                    .with("upsert", &upsert.to_string())
                    .with("validate", &validate.to_string());
                let method = reqwest::Method::POST;
                App::of(server.call(method, "/api/v1/applications", &query, Some(app)).await?)
            }
            Backend::Core(core) => core.create(app, upsert).await,
        }
    }

    /// Deletes an application. What is not given is left to the application.
    pub(crate) async fn delete(
        &self,
        name: &AppName,
        cascade: Option<bool>,
        propagation: Option<&str>,
    ) -> Result<(), CliError> {
        match self {
            Backend::Api(server) => {
                let cascade = cascade.map(|cascade| cascade.to_string()).unwrap_or_default();
                let query = in_namespace(name)
                    .with("cascade", &cascade)
                    .with("propagationPolicy", propagation.unwrap_or_default());
                server.call(reqwest::Method::DELETE, &path_of(name), &query, None).await?;
                Ok(())
            }
            Backend::Core(core) => core.delete(name, cascade, propagation).await,
        }
    }

    /// Starts a sync. `request` has the fields of the API's sync request.
    pub(crate) async fn sync(&self, name: &AppName, mut request: Value) -> Result<(), CliError> {
        match self {
            Backend::Api(server) => {
                request["name"] = json!(name.name);
                request["appNamespace"] = json!(name.namespace);
                let path = format!("{}/sync", path_of(name));
                server.call(reqwest::Method::POST, &path, &Query::default(), Some(&request)).await?;
                Ok(())
            }
            Backend::Core(core) => core.sync(name, &request).await,
        }
    }

    /// Starts a rollback to an entry of the history.
    pub(crate) async fn rollback(&self, name: &AppName, id: i64, prune: bool) -> Result<(), CliError> {
        match self {
            Backend::Api(server) => {
                let request =
                    json!({"name": name.name, "appNamespace": name.namespace, "id": id, "prune": prune});
                let path = format!("{}/rollback", path_of(name));
                server.call(reqwest::Method::POST, &path, &Query::default(), Some(&request)).await?;
                Ok(())
            }
            Backend::Core(core) => core.rollback(name, id, prune).await,
        }
    }

    /// Stops the operation that runs.
    pub(crate) async fn terminate(&self, name: &AppName) -> Result<(), CliError> {
        match self {
            Backend::Api(server) => {
                let path = format!("{}/operation", path_of(name));
                server.call(reqwest::Method::DELETE, &path, &in_namespace(name), None).await?;
                Ok(())
            }
            Backend::Core(core) => core.terminate(name).await,
        }
    }

    /// Watches an application: its state now, and each later one. The channel closes when the connection is lost.
    pub(crate) async fn watch(&self, name: &AppName) -> Result<mpsc::Receiver<AppEvent>, CliError> {
        match self {
            Backend::Api(server) => {
                let query = in_namespace(name).with("name", &name.name);
                let mut documents = server.stream("/api/v1/stream/applications", &query).await?;
                let (sender, receiver) = mpsc::channel(16);
                let wanted = name.clone();
                tokio::spawn(async move {
                    while let Some(Ok(mut document)) = documents.recv().await {
                        let Some(raw) = document.get_mut("application").map(Value::take) else { continue };
                        let Ok(app) = App::of(raw) else { continue };
                        if app.typed.metadata.name != wanted.name {
                            continue;
                        }
                        let is_deleted = document.get("type").and_then(Value::as_str) == Some("DELETED");
                        let event =
                            if is_deleted { AppEvent::Deleted } else { AppEvent::Changed(Box::new(app)) };
                        if sender.send(event).await.is_err() {
                            return;
                        }
                    }
                });
                Ok(receiver)
            }
            Backend::Core(core) => Ok(core.watch(name)),
        }
    }

    /// The objects of an application and what they own.
    pub(crate) async fn resource_tree(&self, name: &AppName) -> Result<ApplicationTree, CliError> {
        match self {
            Backend::Api(server) => {
                let path = format!("{}/resource-tree", path_of(name));
                Ok(serde_json::from_value(server.get(&path, &in_namespace(name)).await?)?)
            }
            Backend::Core(core) => core.resource_tree(name).await,
        }
    }

    /// The objects that an application manages, as they shall be and as they are.
    pub(crate) async fn managed_resources(&self, name: &AppName) -> Result<Vec<ResourceDiff>, CliError> {
        match self {
            Backend::Api(server) => {
                let path = format!("{}/managed-resources", path_of(name));
                let mut answer = server.get(&path, &in_namespace(name)).await?;
                match answer.get_mut("items").map(Value::take) {
                    None | Some(Value::Null) => Ok(Vec::new()),
                    Some(items) => Ok(serde_json::from_value(items)?),
                }
            }
            Backend::Core(_) => Err(not_in_core_mode("the objects as they shall be and as they are")),
        }
    }

    /// Rendered manifests, each a JSON object.
    pub(crate) async fn manifests(
        &self,
        name: &AppName,
        ask: &ManifestQuery,
    ) -> Result<Vec<Value>, CliError> {
        match self {
            Backend::Api(server) => {
                let path = format!("{}/manifests", path_of(name));
                let mut query = in_namespace(name).with("revision", &ask.revision);
                for revision in &ask.revisions {
                    query = query.with("revisions", revision);
                }
                for position in &ask.source_positions {
                    query = query.with("sourcePositions", &position.to_string());
                }
                let answer = server.get(&path, &query).await?;
                let texts = answer.get("manifests").and_then(Value::as_array).into_iter().flatten();
                let manifests = texts.filter_map(Value::as_str).map(serde_json::from_str);
                Ok(manifests.collect::<Result<_, _>>()?)
            }
            Backend::Core(_) => Err(not_in_core_mode("rendered manifests")),
        }
    }

    /// The application's page in the web interface; empty where there is none.
    pub(crate) async fn app_url(&self, name: &str) -> String {
        match self {
            Backend::Api(server) => {
                let settings = server.get("/api/v1/settings", &Query::default()).await.unwrap_or_default();
                let url = settings.get("url").and_then(Value::as_str).filter(|url| !url.is_empty());
                format!("{}/applications/{name}", url.unwrap_or(server.url()))
            }
            Backend::Core(_) => String::new(),
        }
    }

    /// The sync windows of an application's project.
    pub(crate) async fn windows(&self, app: &App) -> Windows {
        let name = app.typed.spec.project_name();
        let project = match self {
            Backend::Api(server) => {
                server.get(&format!("/api/v1/projects/{}", escaped(name)), &Query::default()).await
            }
            Backend::Core(core) => core.project(name).await,
        };
        match project.ok().and_then(|project| serde_json::from_value::<AppProject>(project).ok()) {
            Some(project) => Windows::Known(SyncWindows::matching(&project.spec.sync_windows, &app.typed)),
            None => Windows::Unknown,
        }
    }

    /// The server's version, `None` where there is no server.
    pub(crate) async fn version(&self) -> Result<Option<Value>, CliError> {
        match self {
            Backend::Api(server) => server.get("/api/version", &Query::default()).await.map(Some),
            Backend::Core(_) => Ok(None),
        }
    }

    /// Whether there is such an application.
    pub(crate) async fn find(&self, name: &AppName) -> Result<Option<App>, CliError> {
        match self.get(name, None).await {
            Ok(app) => Ok(Some(app)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn not_in_core_mode(what: &str) -> CliError {
    CliError::new(format!("{what} are known to the services only, so --core cannot give them"))
        .hint("run the command against an API server: without --core, with --server or after `login`")
}

fn path_of(name: &AppName) -> String {
    format!("/api/v1/applications/{}", escaped(&name.name))
}

fn in_namespace(name: &AppName) -> Query {
    Query::default().with("appNamespace", &name.namespace)
}
