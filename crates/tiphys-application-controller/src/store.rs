//! What the controller knows of its own control plane: Applications, projects and settings, as last observed.
//!
//! It is plain data behind locks that are never held across an await. It leaves watching to `control_plane` and what a
//! change means to the actors.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tiphys_api::{AppProject, Application};
use tiphys_rbac::{Project, virtual_project};
use tiphys_settings::Settings;

/// Namespace and name of an Application.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AppKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl AppKey {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The name that its objects carry: bare in the control plane's namespace, `<namespace>_<name>` elsewhere.
    pub(crate) fn instance_name(&self, control_namespace: &str) -> String {
        if self.namespace == control_namespace {
            self.name.clone()
        } else {
            format!("{}_{}", self.namespace, self.name)
        }
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One version of an Application. An object that can't be read is kept with the reason, so that it can be told.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) resource_version: u64,
    pub(crate) app: Result<Arc<Application>, Arc<str>>,
}

impl Observed {
    /// Reads an object of the API server. Its managed fields are dropped: nobody here looks at them, no patch names them,
    /// and parsed they take more memory than all the rest.
    pub(crate) fn read(mut object: Value) -> Self {
        let resource_version = resource_version(&object);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let app = match serde_json::from_value::<Application>(object) {
            Ok(app) => Ok(Arc::new(app)),
            Err(error) => Err(Arc::from(error.to_string())),
        };
        Self { resource_version, app }
    }
}

/// The resourceVersion as a number; API servers since 1.35 promise that it is one and that it grows.
fn resource_version(object: &Value) -> u64 {
    object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
        .and_then(|rv| rv.parse().ok())
        .unwrap_or(0)
}

/// Everything observed in the control plane's namespace.
#[derive(Debug)]
pub(crate) struct Store {
    apps: RwLock<HashMap<AppKey, Observed>>,
    projects: RwLock<HashMap<String, Arc<AppProject>>>,
    settings: ArcSwap<Settings>,
    /// Compiled limits of projects, for one state of the projects and settings.
    limits: Mutex<HashMap<String, Arc<Project>>>,
}

impl Store {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            apps: RwLock::default(),
            projects: RwLock::default(),
            settings: ArcSwap::from_pointee(settings),
            limits: Mutex::default(),
        }
    }

    /// Takes a version of an Application; `false` when a newer one is here already.
    pub(crate) fn put_application(&self, key: &AppKey, observed: Observed) -> bool {
        let mut apps = self.apps.write();
        if let Some(have) = apps.get(key)
            && observed.resource_version != 0
            && have.resource_version >= observed.resource_version
        {
            return false;
        }
        apps.insert(key.clone(), observed);
        true
    }

    /// Forgets an Application unless a newer incarnation of it is here.
    pub(crate) fn remove_application(&self, key: &AppKey, uid: &str) {
        let mut apps = self.apps.write();
        let recreated = apps.get(key).is_some_and(|have| {
            have.app
                .as_ref()
                .is_ok_and(|app| !uid.is_empty() && !app.metadata.uid.is_empty() && app.metadata.uid != uid)
        });
        if !recreated {
            apps.remove(key);
        }
    }

    pub(crate) fn application(&self, key: &AppKey) -> Option<Observed> {
        self.apps.read().get(key).cloned()
    }

    pub(crate) fn application_keys(&self) -> Vec<AppKey> {
        self.apps.read().keys().cloned().collect()
    }

    /// Calls `visit` with every readable Application.
    pub(crate) fn for_each_application(&self, mut visit: impl FnMut(&Application)) {
        for observed in self.apps.read().values() {
            if let Ok(app) = &observed.app {
                visit(app);
            }
        }
    }

    pub(crate) fn put_project(&self, project: AppProject) {
        self.projects.write().insert(project.metadata.name.clone(), Arc::new(project));
        self.limits.lock().clear();
    }

    pub(crate) fn remove_project(&self, name: &str) {
        self.projects.write().remove(name);
        self.limits.lock().clear();
    }

    pub(crate) fn project(&self, name: &str) -> Option<Arc<AppProject>> {
        self.projects.read().get(name).cloned()
    }

    pub(crate) fn projects(&self) -> Vec<Arc<AppProject>> {
        self.projects.read().values().cloned().collect()
    }

    /// What a project permits, with the global projects whose limits it shares; `None` when there is no such project.
    pub(crate) fn limits(&self, name: &str, settings: &Settings) -> Option<Arc<Project>> {
        if let Some(known) = self.limits.lock().get(name) {
            return Some(known.clone());
        }
        let projects = self.projects.read();
        let project = projects.get(name)?;
        let merged =
            virtual_project(project, &settings.global_projects, |name| projects.get(name).map(|p| &**p));
        let limits = Arc::new(Project::new(&merged, settings));
        self.limits.lock().insert(name.to_owned(), limits.clone());
        Some(limits)
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    pub(crate) fn put_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.limits.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(rv: &str, uid: &str) -> Observed {
        Observed::read(
            json!({"metadata": {"name": "a", "namespace": "argocd", "uid": uid, "resourceVersion": rv}}),
        )
    }

    #[test]
    fn an_echo_of_an_older_write_does_not_replace_a_newer_version() {
        let store = Store::new(Settings::default());
        let key = AppKey::new("argocd", "a");
        assert!(store.put_application(&key, version("10", "u")));
        assert!(!store.put_application(&key, version("9", "u")));
        assert!(!store.put_application(&key, version("10", "u")));
        assert!(store.put_application(&key, version("11", "u")));
    }

    #[test]
    fn a_late_deletion_does_not_remove_the_successor() {
        let store = Store::new(Settings::default());
        let key = AppKey::new("argocd", "a");
        store.put_application(&key, version("10", "new"));
        store.remove_application(&key, "old");
        assert!(store.application(&key).is_some());
        store.remove_application(&key, "new");
        assert!(store.application(&key).is_none());
    }

    #[test]
    fn an_object_of_the_wrong_shape_is_kept_with_the_reason() {
        let observed = Observed::read(json!({"metadata": {"name": "a", "resourceVersion": "3"}, "spec": 7}));
        assert_eq!(observed.resource_version, 3);
        assert!(observed.app.is_err());
    }
}
