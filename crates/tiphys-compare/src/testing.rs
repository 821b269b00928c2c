//! A small cluster, an application and its project, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tiphys_api::application::ApplicationStatus;
use tiphys_api::{AppProject, Application};
use tiphys_live::{KindInfo, KindState, LiveIndex, LiveSnapshot};
use tiphys_manifest::{GroupKind, Gvk, Manifest, ResourceKey};
use tiphys_rbac::{Destination, Project};
use tiphys_settings::{Settings, SettingsInput};
use tiphys_sync::RenderProof;

use crate::autosync::AutoSync;
use crate::comparison::{CompareInput, Comparison, compare};
use crate::refresh::CompareLevel;
use crate::status::{StatusInput, status_of};
use crate::target::{Normalisation, Target, TargetState, normalise_target};
use crate::tree::{ProjectView, summary, tree_nodes};
use crate::verdict::NoSchemas;

pub(crate) const SERVER: &str = "https://kubernetes.default.svc";
pub(crate) const CLUSTER: Destination<'static> = Destination { server: SERVER, name: "in-cluster" };

const KINDS: [(&str, &str, &str, &str, bool); 12] = [
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "Node", "nodes", false),
    ("", "v1", "Namespace", "namespaces", false),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("batch", "v1", "Job", "jobs", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("argoproj.io", "v1alpha1", "Application", "applications", true),
];

pub(crate) struct World {
    pub(crate) app: Application,
    pub(crate) project: AppProject,
    pub(crate) settings: Arc<Settings>,
    pub(crate) index: LiveIndex,
    version: u64,
}

impl World {
    /// An application `shop` of the project `default`, with an empty cluster.
    pub(crate) fn new() -> Self {
        let app = serde_json::from_value(json!({
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {
                "source": {"repoURL": "https://git/shop", "path": "p"},
                "destination": {"server": SERVER, "namespace": "n"},
                "project": "default",
            }
        }))
        .unwrap();
        let mut index = LiveIndex::new(tiphys_live::Rules::default());
        index.discovered(KINDS.iter().map(|&kind| (info(kind), true)).collect(), BTreeMap::new());
        for (group, _, kind, ..) in KINDS {
            index.set_kind_state(&GroupKind::new(group, kind), KindState::Observed);
        }
        let project = tiphys_rbac::default_project("argocd");
        Self { app, project, settings: Arc::new(Settings::default()), index, version: 0 }
    }

    /// Changes the application as JSON.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::to_value(&self.app).unwrap();
        change(&mut value);
        self.app = serde_json::from_value(value).unwrap();
    }

    /// Changes the status as JSON.
    pub(crate) fn status(&mut self, status: Value) {
        self.app.status = serde_json::from_value(status).unwrap();
    }

    pub(crate) fn set(&mut self, argocd_cm: &[(&str, &str)]) {
        let argocd_cm =
            argocd_cm.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (settings, _) = Settings::parse(&SettingsInput { argocd_cm, ..SettingsInput::default() });
        self.settings = Arc::new(settings);
    }

    /// Puts an object into the cluster as it is.
    pub(crate) fn put(&mut self, mut object: Value) {
        self.version += 1;
        let gvk = Manifest::new(object.clone()).unwrap().gvk();
        let (kind, name) =
            (gvk.kind.clone(), object["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.entry("uid").or_insert_with(|| json!(format!("{kind}-{name}")));
        metadata.insert("resourceVersion".into(), json!(self.version.to_string()));
        let known = KINDS.iter().find(|known| known.0 == &*gvk.group && known.2 == &*gvk.kind).unwrap();
        let mut info = info(*known);
        info.gvk = gvk;
        assert!(self.index.apply(&info, object).is_some());
    }

    /// Puts an object into the cluster as a sync of this application leaves it.
    pub(crate) fn put_synced(&mut self, object: Value) {
        let state = self.state(vec![object]);
        self.put(state.objects[0].manifest.value().clone());
    }

    pub(crate) fn delete(&mut self, key: &ResourceKey) {
        self.index.delete(key, None).unwrap();
    }

    pub(crate) fn state(&self, objects: Vec<Value>) -> TargetState {
        let objects: Vec<Manifest> =
            objects.into_iter().map(|object| Manifest::new(object).unwrap()).collect();
        let proof = RenderProof::complete(vec!["abc".into()], vec!["Directory".into()], &objects);
        normalise_target(
            Arc::new(proof),
            objects,
            &Normalisation {
                scopes: &**self.index.observation(),
                destination_namespace: &self.app.spec.destination.namespace,
                server: SERVER,
                settings: &self.settings,
                instance: "shop",
            },
        )
    }

    pub(crate) fn target(&self, objects: Vec<Value>) -> Target {
        Target::Complete(Arc::new(self.state(objects)))
    }

    pub(crate) fn snapshot(&self, target: &Target) -> LiveSnapshot {
        match target {
            Target::Complete(state) => self.index.snapshot("shop", state.keys()),
            Target::Unknown(_) => self.index.snapshot("shop", []),
        }
    }

    pub(crate) fn compare(&self, objects: Vec<Value>) -> Comparison {
        let target = self.target(objects);
        self.compare_with(&target, Ok(&self.snapshot(&target)), None)
    }

    pub(crate) fn compare_with(
        &self,
        target: &Target,
        live: Result<&LiveSnapshot, &str>,
        previous: Option<&Comparison>,
    ) -> Comparison {
        compare(&CompareInput {
            app: &self.app,
            control_namespace: "argocd",
            project: &Project::new(&self.project, &self.settings),
            cluster: CLUSTER,
            target,
            live,
            settings: &self.settings,
            schemas: &NoSchemas,
            scopes: &**self.index.observation(),
            previous,
        })
    }

    pub(crate) fn view<'a>(&'a self, project: &'a Project) -> ProjectView<'a> {
        ProjectView {
            project,
            cluster: CLUSTER,
            orphaned: self.project.spec.orphaned_resources.as_ref(),
            destination_namespace: &self.app.spec.destination.namespace,
            allowed_node_labels: &[],
        }
    }

    pub(crate) fn compiled_project(&self) -> Project {
        Project::new(&self.project, &self.settings)
    }

    pub(crate) fn status_after(
        &self,
        comparison: &Comparison,
        autosync: Option<&AutoSync>,
    ) -> ApplicationStatus {
        let project = self.compiled_project();
        status_of(&StatusInput {
            app: &self.app,
            comparison,
            sources: &self.app.spec.effective_sources(),
            level: CompareLevel::Latest,
            summary: summary(&tree_nodes(comparison, &self.index, &self.view(&project))),
            autosync,
            orphaned: None,
            control_namespace: "argocd",
            persist_resource_health: false,
            now: now(),
        })
    }
}

fn info((group, version, kind, plural, namespaced): (&str, &str, &str, &str, bool)) -> KindInfo {
    KindInfo::watchable(Gvk::new(group, version, kind), plural, namespaced)
}

pub(crate) fn now() -> DateTime<Utc> {
    "2024-01-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn config_map(name: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": data}})
}

/// A Deployment with one replica that is up.
pub(crate) fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
           "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c", "image": "web:1"}]}}}})
}

pub(crate) fn with_annotation(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["annotations"][key] = json!(value);
    object
}

pub(crate) fn key(group: &str, kind: &str, name: &str) -> ResourceKey {
    ResourceKey::new(group, kind, "n", name)
}
