//! Applications by Kubernetes alone: the Application objects say and take everything that does not need a service.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tiphys_api::resource_tree::{ApplicationTree, ResourceNode, ResourceRef};
use tiphys_cluster::{
    ApiClient, ApiError, ClientOptions, ClusterConfig, ObjectEvent, PatchType, Propagation, ResourceType,
};
use tokio::sync::mpsc;

use crate::backend::{App, AppEvent, ListQuery, Refresh};
use crate::error::{CliError, ErrorKind};
use crate::name::AppName;

const REFRESH_ANNOTATION: &str = "argocd.argoproj.io/refresh";
const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// How long the controller may take for a refresh before what is known is shown.
const REFRESH_TIME: Duration = Duration::from_secs(60);

/// A connection to the Kubernetes cluster in which the Applications are.
pub(crate) struct CoreMode {
    client: ApiClient,
    applications: ResourceType,
    namespace: String,
}

impl CoreMode {
    /// Prepares a connection by a kubeconfig. The control plane's namespace is the context's unless it is given.
    pub(crate) async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Self, CliError> {
        let bad = |source: &dyn std::error::Error| {
            let cause = source.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            CliError::new(format!("{source}{cause}")).hint("give a kubeconfig by --kubeconfig or KUBECONFIG")
        };
        let config = match (kubeconfig, context) {
            (None, None) => ClusterConfig::infer().await,
            _ => ClusterConfig::from_kubeconfig(kubeconfig, context).await,
        };
        let config = config.map_err(|source| bad(&source))?;
        let client = ApiClient::new(&config, &ClientOptions::default()).map_err(|source| bad(&source))?;
        let namespace = namespace.unwrap_or(config.namespace()).to_owned();
        Ok(CoreMode { client, applications: ResourceType::applications(), namespace })
    }

    fn namespace_of<'a>(&'a self, name: &'a AppName) -> &'a str {
        if name.namespace.is_empty() { &self.namespace } else { &name.namespace }
    }

    pub(crate) async fn get(&self, name: &AppName, refresh: Option<Refresh>) -> Result<App, CliError> {
        if let Some(refresh) = refresh {
            self.refresh(name, refresh).await?;
        }
        let namespace = self.namespace_of(name);
        let object = self.client.get_object(&self.applications, namespace, &name.name).await;
        match object.map_err(|source| refused(&source))? {
            Some(object) => App::of(object),
            None => Err(CliError::new(format!("applications.argoproj.io \"{}\" not found", name.name))
                .of_kind(ErrorKind::NotFound)
                .hint(format!(
                    "looked in namespace {namespace}; the control plane's is given by --control-plane-namespace"
                ))),
        }
    }

    /// Asks the controller for a refresh and waits until it has taken the request off again.
    async fn refresh(&self, name: &AppName, refresh: Refresh) -> Result<(), CliError> {
        let patch = json!({"metadata": {"annotations": {REFRESH_ANNOTATION: refresh.as_str()}}});
        self.patch(name, &patch).await?;
        let mut events = self.watch(name);
        let wait = async {
            while let Some(event) = events.recv().await {
                match event {
                    AppEvent::Changed(app) if app.typed.metadata.annotation(REFRESH_ANNOTATION).is_some() => {
                    }
                    _ => return,
                }
            }
        };
        // A controller that does not run leaves the request where it is: what is known is better than nothing.
        let _ = tokio::time::timeout(REFRESH_TIME, wait).await;
        Ok(())
    }

    pub(crate) async fn list(&self, ask: &ListQuery) -> Result<Vec<App>, CliError> {
        let namespace = if ask.namespace.is_empty() { &self.namespace } else { &ask.namespace };
        let objects = self.client.list_objects(&self.applications, namespace, &ask.selector).await;
        let mut apps = objects
            .map_err(|source| refused(&source))?
            .into_iter()
            .map(App::of)
            .collect::<Result<Vec<_>, _>>()?;
        apps.sort_by_key(App::qualified_name);
        Ok(apps)
    }

    pub(crate) async fn create(&self, app: &Value, upsert: bool) -> Result<App, CliError> {
        let mut app = app.clone();
        app["apiVersion"] = json!("argoproj.io/v1alpha1");
        app["kind"] = json!("Application");
        let text = |path: &str| app.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = AppName { namespace: text("/metadata/namespace"), name: text("/metadata/name") };
        if text("/spec/project").is_empty() {
            app["spec"]["project"] = json!("default");
        }
        // An operation is asked for by `app sync`, and the status is the controller's.
        if let Some(fields) = app.as_object_mut() {
            fields.remove("operation");
            fields.remove("status");
        }
        let namespace = self.namespace_of(&name).to_owned();
        app["metadata"]["namespace"] = json!(namespace);
        match self.client.create_object(&self.applications, &namespace, &app).await {
            Ok(created) => App::of(created),
            Err(error) if error.is_already_exists() => {
                let existing = self.get(&name, None).await?;
                if existing.raw.get("spec") == app.get("spec") {
                    return Ok(existing);
                }
                if !upsert {
                    return Err(CliError::new(format!(
                        "existing application spec is different, use upsert flag to force update: {}",
                        name.name
                    ))
                    .hint("repeat with --upsert"));
                }
                let mut metadata = Map::new();
                for field in ["labels", "annotations", "finalizers"] {
                    if let Some(value) = app["metadata"].get(field) {
                        metadata.insert(field.to_owned(), value.clone());
                    }
                }
                // A merge patch that makes the whole spec equal: what is there and not wanted is nulled.
                let spec = tiphys_api::patch::merge_patch(&existing.raw["spec"], &app["spec"]);
                self.patch(&name, &json!({"metadata": metadata, "spec": spec.unwrap_or_else(|| json!({}))}))
                    .await
            }
            Err(error) => Err(refused(&error)),
        }
    }

    pub(crate) async fn delete(
        &self,
        name: &AppName,
        cascade: Option<bool>,
        propagation: Option<&str>,
    ) -> Result<(), CliError> {
        let app = self.get(name, None).await?;
        let suffix = match propagation {
            None => "",
            Some("foreground") => "/foreground",
            Some("background") => "/background",
            Some(other) => {
                return Err(CliError::new(format!("invalid propagation policy: {other}"))
                    .hint("one of: foreground, background"));
            }
        };
        let is_ours = |finalizer: &str| finalizer.starts_with(RESOURCES_FINALIZER);
        let held = &app.typed.metadata.finalizers;
        let has = held.iter().any(|finalizer| is_ours(finalizer));
        // As with an API server: without a word the cascade is done.
        let wants = cascade.unwrap_or(true);
        if wants != has || (wants && propagation.is_some()) {
            let mut finalizers: Vec<String> =
                held.iter().filter(|finalizer| !is_ours(finalizer)).cloned().collect();
            if wants {
                finalizers.push(format!("{RESOURCES_FINALIZER}{suffix}"));
            }
            let version = &app.typed.metadata.resource_version;
            self.patch(name, &json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}}))
                .await?;
        }
        let uid = Some(app.typed.metadata.uid.as_str()).filter(|uid| !uid.is_empty());
        let namespace = self.namespace_of(name);
        let policy = Propagation::Background;
        let deleted = self.client.delete_object(&self.applications, namespace, &name.name, uid, policy).await;
        deleted.map(|_| ()).map_err(|source| refused(&source))
    }

    pub(crate) async fn sync(&self, name: &AppName, request: &Value) -> Result<(), CliError> {
        let app = self.get(name, None).await?;
        let field = |field: &str| request.get(field).cloned().filter(|value| !value.is_null());
        let mut sync = Map::new();
        for (from, to) in [
            ("revision", "revision"),
            ("revisions", "revisions"),
            ("dryRun", "dryRun"),
            ("prune", "prune"),
            ("resources", "resources"),
            ("manifests", "manifests"),
            ("strategy", "syncStrategy"),
        ] {
            if let Some(value) = field(from) {
                sync.insert(to.to_owned(), value);
            }
        }
        let options = request.pointer("/syncOptions/items").cloned();
        let spec_options = app.raw.pointer("/spec/syncPolicy/syncOptions").cloned();
        if let Some(options) = options.or(spec_options) {
            sync.insert("syncOptions".to_owned(), options);
        }
        let retry = field("retryStrategy").or_else(|| app.raw.pointer("/spec/syncPolicy/retry").cloned());
        let mut operation = json!({"sync": sync, "initiatedBy": {"username": user()}});
        if let Some(retry) = retry {
            operation["retry"] = retry;
        }
        if let Some(infos) = field("infos") {
            operation["info"] = infos;
        }
        self.start(name, &app, &operation).await
    }

    pub(crate) async fn rollback(&self, name: &AppName, id: i64, prune: bool) -> Result<(), CliError> {
        let app = self.get(name, None).await?;
        if app.typed.spec.automated().is_some() {
            return Err(CliError::new("rollback cannot be initiated when auto-sync is enabled")
                .hint("switch automated sync off first"));
        }
        let entries = app.raw.pointer("/status/history").and_then(Value::as_array);
        let entry = entries.into_iter().flatten().find(|entry| entry["id"].as_i64() == Some(id));
        let entry = entry.ok_or_else(|| {
            CliError::new(format!("application {} does not have deployment with id {id}", name.name))
        })?;
        let mut sync = json!({"prune": prune, "syncStrategy": {"apply": {}}});
        for field in ["revision", "revisions", "source", "sources"] {
            if let Some(value) = entry.get(field) {
                sync[field] = value.clone();
            }
        }
        if let Some(options) = app.raw.pointer("/spec/syncPolicy/syncOptions") {
            sync["syncOptions"] = options.clone();
        }
        self.start(name, &app, &json!({"sync": sync, "initiatedBy": {"username": user()}})).await
    }

    /// Asks for an operation, unless one is going on. The patch holds only for the object that was looked at.
    async fn start(&self, name: &AppName, app: &App, operation: &Value) -> Result<(), CliError> {
        if app.typed.has_operation_in_progress() {
            return Err(CliError::new("another operation is already in progress").hint(format!(
                "wait for it with `app wait {name} --operation`, or stop it with `app terminate-op`"
            )));
        }
        let version = &app.typed.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version}, "operation": operation});
        self.patch(name, &patch).await.map(|_| ())
    }

    pub(crate) async fn terminate(&self, name: &AppName) -> Result<(), CliError> {
        let app = self.get(name, None).await?;
        if app.typed.operation.is_none() || app.typed.status.operation_state.is_none() {
            return Err(CliError::new("Unable to terminate operation. No operation is in progress"));
        }
        let version = &app.typed.metadata.resource_version;
        let patch = json!({
            "metadata": {"resourceVersion": version},
            "status": {"operationState": {"phase": "Terminating"}},
        });
        self.patch(name, &patch).await.map(|_| ())
    }

    pub(crate) fn watch(&self, name: &AppName) -> mpsc::Receiver<AppEvent> {
        let mut watch = self.client.watch_objects(&self.applications, self.namespace_of(name), "");
        let (sender, receiver) = mpsc::channel(16);
        let wanted = name.name.clone();
        tokio::spawn(async move {
            let is_wanted =
                |object: &Value| object.pointer("/metadata/name").and_then(Value::as_str) == Some(&*wanted);
            while let Some(event) = watch.next().await {
                let event = match event {
                    ObjectEvent::Listed(objects) => match objects.into_iter().find(is_wanted) {
                        Some(object) => App::of(object).map(|app| AppEvent::Changed(Box::new(app))),
                        None => Ok(AppEvent::Deleted),
                    },
                    ObjectEvent::Applied(object) if is_wanted(&object) => {
                        App::of(object).map(|app| AppEvent::Changed(Box::new(app)))
                    }
                    ObjectEvent::Deleted(object) if is_wanted(&object) => Ok(AppEvent::Deleted),
                    _ => continue,
                };
                let Ok(event) = event else { continue };
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// A project, as it was written.
    pub(crate) async fn project(&self, name: &str) -> Result<Value, CliError> {
        let projects = ResourceType::app_projects();
        let project = self.client.get_object(&projects, &self.namespace, name).await;
        let missing = || CliError::new(format!("appprojects.argoproj.io \"{name}\" not found"));
        project.map_err(|source| refused(&source))?.ok_or_else(missing)
    }

    /// The objects that the status names. What they own is known to the controller only.
    pub(crate) async fn resource_tree(&self, name: &AppName) -> Result<ApplicationTree, CliError> {
        let app = self.get(name, None).await?;
        let node = |status: &tiphys_api::application::ResourceStatus| ResourceNode {
            reference: ResourceRef {
                group: status.group.clone(),
                version: status.version.clone(),
                kind: status.kind.clone(),
                namespace: status.namespace.clone(),
                name: status.name.clone(),
                uid: format!("{}/{}/{}/{}", status.group, status.kind, status.namespace, status.name),
            },
            health: status.health.clone(),
            ..ResourceNode::default()
        };
        let nodes = app.typed.status.resources.iter().map(node).collect();
        Ok(ApplicationTree { nodes, ..ApplicationTree::default() })
    }

    async fn patch(&self, name: &AppName, patch: &Value) -> Result<App, CliError> {
        let namespace = self.namespace_of(name);
        let kind = PatchType::Merge;
        let patched = self.client.patch_object(&self.applications, namespace, &name.name, kind, patch).await;
        App::of(patched.map_err(|source| refused(&source))?)
    }
}

/// Who asks: there is no login without an API server.
fn user() -> String {
    std::env::var("USER").unwrap_or_default()
}

fn refused(error: &ApiError) -> CliError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let converted = CliError::new(format!("{error}{cause}"));
    if error.is_not_found() {
        converted.of_kind(ErrorKind::NotFound)
    } else if error.is_conflict() {
        converted.hint("the application was changed at the same moment; try again")
    } else if error.is_forbidden() {
        converted.hint("the user of the kubeconfig needs rights on applications.argoproj.io")
    } else if error.is_transport() {
        converted.of_kind(ErrorKind::Connection).hint("does the Kubernetes API server of the kubeconfig run?")
    } else {
        converted
    }
}

#[cfg(test)]
mod tests;
