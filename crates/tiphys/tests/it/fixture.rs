//! One installation for all tests of this binary, and what a test needs to talk about one application.
//!
//! Tests keep apart by names: each makes its own repository, its own destination namespace and its own application.
//! A test that disturbs a service starts an installation of its own.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tiphys_test_kit::{
    ControlPlane, GitRepo, Installation, InstallationConfig, KubeApi, shared_control_plane, wait_until_blocking,
};

/// How long a state is waited for. Debug builds on a busy machine are slow; nothing waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Namespace of the shared installation.
pub(crate) const CONTROL_NAMESPACE: &str = "argocd";

/// The configuration of an installation in this namespace: short periods, so that tests need not ask for a refresh.
pub(crate) fn configuration(plane: &ControlPlane, namespace: &str) -> InstallationConfig {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    InstallationConfig {
        program: PathBuf::from(env!("CARGO_BIN_EXE_tiphys")),
        crds: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crds"),
        kubeconfig: plane.kubeconfig(),
        namespace: namespace.to_owned(),
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
        Installation::start(plane.api(), configuration(plane, CONTROL_NAMESPACE)).unwrap()
    })
}

/// One application with its repository and its destination namespace.
pub(crate) struct Fixture {
    pub(crate) api: &'static KubeApi,
    pub(crate) plane: &'static ControlPlane,
    /// Name of the application and of its destination namespace: nobody else's.
    pub(crate) name: String,
    pub(crate) repo: GitRepo,
}

impl Fixture {
    /// A fixture whose repository holds these files, below `app/`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let plane = shared_control_plane();
        let _running = installation();
        let name = plane.create_namespace("it").unwrap();
        let repo = GitRepo::new().unwrap();
        for (path, content) in files {
            repo.write(&format!("app/{path}"), content).unwrap();
        }
        repo.commit("first").unwrap();
        Self { api: plane.api(), plane, name, repo }
    }

    /// Writes files below `app/` and commits them; the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.repo.write(&format!("app/{path}"), content).unwrap();
        }
        self.repo.commit("next").unwrap()
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
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.name},
            },
        });
        change(&mut app);
        app
    }

    /// Creates an Application that is synced automatically, with prune and self-heal.
    pub(crate) fn create_automated(&self) {
        self.create(|app| app["spec"]["syncPolicy"] = json!({"automated": {"prune": true, "selfHeal": true}}));
    }

    /// Creates the Application, with changes.
    pub(crate) fn create(&self, change: impl FnOnce(&mut Value)) {
        self.api.create(&applications(), &self.application(change)).unwrap();
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

    /// Asks for a sync as a user does who patches the Application.
    pub(crate) fn sync(&self, change: impl FnOnce(&mut Value)) {
        let mut operation = json!({"sync": {"prune": true}, "initiatedBy": {"username": "tester"}});
        change(&mut operation);
        self.patch(&json!({"operation": operation}));
    }

    /// Waits until the Application satisfies a condition; it is shown when it does not.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, mut holds: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = wait_until_blocking(PATIENCE, what, || {
            last = self.get();
            Ok::<_, String>(holds(&last).then(|| last.clone()))
        });
        match found {
            Ok(app) => app,
            Err(error) => {
                let status = serde_json::to_string_pretty(&last["status"]).unwrap_or_default();
                panic!("{error}; the status is {status}\noperation: {}", last["operation"])
            }
        }
    }

    /// Waits until it is Synced and Healthy and no operation is under way.
    #[track_caller]
    pub(crate) fn wait_well(&self) -> Value {
        self.wait("Synced and Healthy", |app| {
            text(app, "/status/sync/status") == "Synced"
                && text(app, "/status/health/status") == "Healthy"
                && app.get("operation").is_none()
        })
    }

    /// Waits until the last operation has ended, and gives its state.
    #[track_caller]
    pub(crate) fn wait_operation(&self) -> Value {
        let app = self.wait("the operation ends", |app| {
            app.get("operation").is_none()
                && ["Succeeded", "Failed", "Error"].contains(&text(app, "/status/operationState/phase"))
        });
        app["status"]["operationState"].clone()
    }

    /// Path of a ConfigMap in the destination namespace.
    pub(crate) fn config_map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.name)
    }
}

/// Path of the collection of Applications.
pub(crate) fn applications() -> String {
    format!("/apis/argoproj.io/v1alpha1/namespaces/{CONTROL_NAMESPACE}/applications")
}

/// The text at a JSON pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A ConfigMap with one value.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {value:?}\n")
}
