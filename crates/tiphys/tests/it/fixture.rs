//! One installation for all tests of this binary, and what a test needs to talk about one application.
//!
//! Tests keep apart by names: each makes its own repository, its own destination namespace and its own application.
//! A test that disturbs a service starts an installation of its own.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tiphys_test_kit::{
    ControlPlane, ControlPlaneConfig, GitRepo, Installation, InstallationConfig, KubeApi, Workloads,
    shared_control_plane, wait_until_blocking,
};

/// How long a state is waited for. Debug builds on a busy machine are slow; nothing waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Namespace of the installations.
pub(crate) const CONTROL_NAMESPACE: &str = "argocd";
/// The cluster of the control plane, as destinations name it.
pub(crate) const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// The configuration of an installation: short periods, so that tests need not ask for a refresh.
pub(crate) fn configuration(plane: &ControlPlane) -> InstallationConfig {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    InstallationConfig {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tiphys")),
        crds: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crds"),
        kubeconfig: plane.kubeconfig(),
        namespace: CONTROL_NAMESPACE.to_owned(),
        folder: None,
        environment: vec![
            setting("ARGOCD_RECONCILIATION_TIMEOUT", "3s"),
            setting("ARGOCD_RECONCILIATION_JITTER", "1s"),
            setting("ARGOCD_SYNC_WAVE_DELAY", "0"),
            setting("ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS", "0"),
        ],
        arguments: Vec::new(),
    }
}

/// The installation that all tests share, on the control plane that they share.
pub(crate) fn installation() -> &'static Installation {
    static SHARED: OnceLock<Installation> = OnceLock::new();
    SHARED.get_or_init(|| {
        let plane = shared_control_plane();
        Installation::start(plane.api(), configuration(plane)).unwrap()
    })
}

/// A cluster that runs no Pods.
pub(crate) fn control_plane_without_workloads() -> ControlPlane {
    let config = ControlPlaneConfig { workloads: Workloads::Pending, ..ControlPlaneConfig::default() };
    ControlPlane::start(config).unwrap()
}

/// One more cluster, which all tests share that need one.
pub(crate) fn second_control_plane() -> &'static ControlPlane {
    static SECOND: OnceLock<ControlPlane> = OnceLock::new();
    SECOND.get_or_init(control_plane_without_workloads)
}

/// A control plane and an installation of one test's own, for tests that disturb them.
pub(crate) struct Own {
    // The services end before the control plane that they talk to.
    pub(crate) installation: Installation,
    pub(crate) plane: ControlPlane,
}

impl Own {
    /// Starts both; `change` may add arguments.
    pub(crate) fn start(change: impl FnOnce(&mut InstallationConfig)) -> Self {
        let plane = ControlPlane::start(ControlPlaneConfig::default()).unwrap();
        let mut config = configuration(&plane);
        change(&mut config);
        let installation = Installation::start(plane.api(), config).unwrap();
        Self { installation, plane }
    }

    /// An application here, whose repository holds these files.
    pub(crate) fn fixture(&self, files: &[(&str, &str)]) -> Fixture {
        Fixture::on(&self.plane, files)
    }
}

/// One application with its repository and its destination namespace.
pub(crate) struct Fixture {
    pub(crate) api: KubeApi,
    /// Name of the application and of its destination namespace: nobody else's.
    pub(crate) name: String,
    pub(crate) repo: GitRepo,
}

impl Fixture {
    /// A fixture whose repository holds these files, below `app/`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let _running = installation();
        Self::on(shared_control_plane(), files)
    }

    fn on(plane: &ControlPlane, files: &[(&str, &str)]) -> Self {
        let name = plane.create_namespace("it").unwrap();
        let repo = GitRepo::new().unwrap();
        for (path, content) in files {
            repo.write(&format!("app/{path}"), content).unwrap();
        }
        repo.commit("first").unwrap();
        Self { api: plane.api().clone(), name, repo }
    }

    /// Writes files below `app/` and commits them; the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.repo.write(&format!("app/{path}"), content).unwrap();
        }
        self.repo.commit("next").unwrap()
    }

    /// Removes a file below `app/` and commits that.
    pub(crate) fn commit_without(&self, path: &str) -> String {
        self.repo.remove(&format!("app/{path}")).unwrap();
        self.repo.commit("without").unwrap()
    }

    /// An Application of this repository, with changes.
    pub(crate) fn application(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut app = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": self.name, "namespace": CONTROL_NAMESPACE},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.repo.url(), "path": "app", "targetRevision": "HEAD"},
                "destination": {"server": IN_CLUSTER, "namespace": self.name},
            },
        });
        change(&mut app);
        app
    }

    /// Creates an Application that is synced automatically, with prune and self-heal.
    pub(crate) fn create_automated(&self) {
        self.create(|app| app["spec"]["syncPolicy"] = automated());
    }

    /// Creates the Application, with changes.
    pub(crate) fn create(&self, change: impl FnOnce(&mut Value)) {
        self.api.create(applications(), &self.application(change)).unwrap();
    }

    /// Path of the Application.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", applications(), self.name)
    }

    pub(crate) fn get(&self) -> Value {
        self.api.get(&self.path()).unwrap()
    }

    pub(crate) fn patch(&self, patch: &Value) {
        self.api.merge_patch(&self.path(), patch).unwrap();
    }

    /// Asks for a sync, with prune, as a user does who patches the Application; the mark that the operation carries.
    pub(crate) fn sync(&self, change: impl FnOnce(&mut Value)) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Times have seconds: two operations within one can't be told apart by their starts.
        let mark = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let mut operation = json!({
            "sync": {"prune": true},
            "initiatedBy": {"username": "tester"},
            "info": [{"name": "mark", "value": mark}],
        });
        change(&mut operation);
        self.patch(&json!({"operation": operation}));
        mark
    }

    /// Asks for a sync and waits for its end; the state of the operation.
    #[track_caller]
    pub(crate) fn sync_and_wait(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mark = self.sync(change);
        self.wait_operation(&mark)
    }

    /// Waits until the Application satisfies a condition; it is shown when it does not.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = wait_until_blocking(PATIENCE, what, || {
            last = self.api.get(&self.path()).map_err(|error| error.to_string())?;
            if holds(&last) { Ok(last.clone()) } else { Err("not yet") }.map_err(str::to_owned)
        });
        match found {
            Ok(app) => app,
            Err(error) => {
                let status = serde_json::to_string_pretty(&last["status"]).unwrap_or_default();
                let operation = &last["operation"];
                let workloads = self.workloads();
                panic!("{}: {error}; the status is {status}\noperation: {operation}\n{workloads}", self.name)
            }
        }
    }

    /// How Jobs and Pods of the destination namespace are: what most waits are about.
    fn workloads(&self) -> String {
        let mut text = String::new();
        for (group, plural) in [("apis/batch/v1", "jobs"), ("api/v1", "pods")] {
            let path = format!("/{group}/namespaces/{}/{plural}", self.name);
            for object in self.api.list(&path).unwrap_or_default() {
                let (name, status) = (&object["metadata"]["name"], &object["status"]);
                text.push_str(&format!("{plural} {name}: {status}\n"));
            }
        }
        text
    }

    /// Waits until it is Synced and Healthy and no operation is under way.
    #[track_caller]
    pub(crate) fn wait_well(&self) -> Value {
        self.wait("Synced and Healthy", is_well)
    }

    /// Waits until it is Synced and Healthy at a commit.
    #[track_caller]
    pub(crate) fn wait_well_at(&self, commit: &str) -> Value {
        self.wait(&format!("Synced and Healthy at {commit}"), |app| {
            is_well(app) && text(app, "/status/sync/revision") == commit
        })
    }

    /// Waits until the operation with this mark has ended, and gives its state.
    #[track_caller]
    pub(crate) fn wait_operation(&self, mark: &str) -> Value {
        let app = self.wait("the operation ends", |app| {
            app.get("operation").is_none()
                && text(app, "/status/operationState/operation/info/0/value") == mark
                && ["Succeeded", "Failed", "Error"].contains(&text(app, "/status/operationState/phase"))
        });
        app["status"]["operationState"].clone()
    }

    /// Waits for a condition of this type whose message holds all these words; the Application.
    #[track_caller]
    pub(crate) fn wait_condition(&self, type_: &str, words: &[&str]) -> Value {
        self.wait(&format!("a condition {type_} with {words:?}"), |app| {
            conditions(app).iter().any(|condition| {
                condition["type"] == type_
                    && words.iter().all(|word| text(condition, "/message").contains(word))
            })
        })
    }

    /// Waits until the Application is gone.
    #[track_caller]
    pub(crate) fn wait_gone(&self) {
        wait(&format!("{} is gone", self.name), || {
            match self.api.get_optional(&self.path()).map_err(|error| error.to_string())? {
                None => Ok(()),
                Some(app) => Err(app.to_string()),
            }
        });
    }

    /// Asks for a refresh and waits until it was carried out.
    #[track_caller]
    pub(crate) fn refresh(&self, kind: &str) -> Value {
        self.patch(&json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": kind}}}));
        self.wait("the refresh was carried out", |app| {
            app.pointer("/metadata/annotations/argocd.argoproj.io~1refresh").is_none()
        })
    }

    /// Path of a ConfigMap in the destination namespace.
    pub(crate) fn config_map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.name)
    }

    /// Whether a ConfigMap is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.api.get_optional(&self.config_map(name)).unwrap().is_some()
    }
}

/// A sync policy with prune and self-heal.
pub(crate) fn automated() -> Value {
    json!({"automated": {"prune": true, "selfHeal": true}})
}

/// Synced, Healthy and at rest.
pub(crate) fn is_well(app: &Value) -> bool {
    text(app, "/status/sync/status") == "Synced"
        && text(app, "/status/health/status") == "Healthy"
        && app.get("operation").is_none()
}

/// Waits for anything; panics with what was seen last.
#[track_caller]
pub(crate) fn wait<T>(what: &str, probe: impl FnMut() -> Result<T, String>) -> T {
    match wait_until_blocking(PATIENCE, what, probe) {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}

/// Path of the collection of Applications.
pub(crate) fn applications() -> &'static str {
    "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
}

/// The conditions of an Application.
pub(crate) fn conditions(app: &Value) -> &[Value] {
    app.pointer("/status/conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The entry of an object in `status.resources`.
pub(crate) fn resource<'a>(app: &'a Value, kind: &str, name: &str) -> &'a Value {
    let found = app.pointer("/status/resources").and_then(Value::as_array).and_then(|resources| {
        resources.iter().find(|resource| resource["kind"] == kind && resource["name"] == name)
    });
    found.unwrap_or(&Value::Null)
}

/// The result of an object in the record of an operation.
pub(crate) fn result<'a>(state: &'a Value, kind: &str, name: &str) -> &'a Value {
    let found = state.pointer("/syncResult/resources").and_then(Value::as_array).and_then(|resources| {
        resources
            .iter()
            .find(|resource| resource["kind"] == kind && text(resource, "/name").starts_with(name))
    });
    found.unwrap_or(&Value::Null)
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A ConfigMap with one value.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    config_map_with(name, value, "{}")
}

/// A ConfigMap with one value and annotations, which are written as JSON.
pub(crate) fn config_map_with(name: &str, value: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {annotations}\ndata:\n  value: {value:?}\n"
    )
}
