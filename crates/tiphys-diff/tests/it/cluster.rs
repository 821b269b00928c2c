//! Paths, schemas and writes of a real API server.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tiphys_diff::{MergeSchema, OpenApi, Patch, PatchKind};
use tiphys_manifest::{Gvk, Manifest};
use tiphys_test_kit::kube_api::KubeApiResult;
use tiphys_test_kit::{ControlPlane, KubeApi, shared_control_plane, wait_until_blocking};

/// The namespace of all namespaced objects.
pub(crate) const NAMESPACE: &str = "compared";

pub(crate) struct Cluster {
    pub(crate) plane: &'static ControlPlane,
    documents: Mutex<HashMap<String, OpenApi>>,
    resources: Mutex<HashMap<String, Value>>,
}

/// The shared control plane, with the namespace.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let plane = shared_control_plane();
        let namespace =
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        plane.api().create("/api/v1/namespaces", &namespace).unwrap();
        let account = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default");
        wait_until_blocking(Duration::from_secs(60), "the default service account is there", || {
            plane.api().get(&account).map(|_| ()).map_err(|error| error.to_string())
        })
        .unwrap();
        Cluster { plane, documents: Mutex::default(), resources: Mutex::default() }
    })
}

impl Cluster {
    pub(crate) fn api(&self) -> &KubeApi {
        self.plane.api()
    }

    fn group_path(gvk: &Gvk) -> String {
        if gvk.group.is_empty() {
            format!("api/{}", gvk.version)
        } else {
            format!("apis/{}/{}", gvk.group, gvk.version)
        }
    }

    /// The schema of a kind, from the server's own document.
    pub(crate) fn schema(&self, gvk: &Gvk) -> Option<MergeSchema> {
        let path = Self::group_path(gvk);
        let mut documents = self.documents.lock().unwrap();
        if !documents.contains_key(&path) {
            let document = self.api().get(&format!("/openapi/v3/{path}")).unwrap();
            documents.insert(path.clone(), OpenApi::parse(&document));
        }
        documents[&path].schema(gvk)
    }

    /// The path of an object's collection, and whether the kind has namespaces.
    pub(crate) fn collection(&self, gvk: &Gvk) -> (String, bool) {
        let path = Self::group_path(gvk);
        let mut resources = self.resources.lock().unwrap();
        let list =
            resources.entry(path.clone()).or_insert_with(|| self.api().get(&format!("/{path}")).unwrap());
        let found = list["resources"].as_array().unwrap().iter().find(|resource| {
            resource["kind"] == gvk.kind.as_ref() && !resource["name"].as_str().unwrap().contains('/')
        });
        let resource = found.unwrap_or_else(|| panic!("{gvk} is not served"));
        let plural = resource["name"].as_str().unwrap();
        if resource["namespaced"] == true {
            (format!("/{path}/namespaces/{NAMESPACE}/{plural}"), true)
        } else {
            (format!("/{path}/{plural}"), false)
        }
    }

    pub(crate) fn path(&self, manifest: &Manifest) -> String {
        format!("{}/{}", self.collection(&manifest.gvk()).0, manifest.name().replace(':', "%3A"))
    }

    pub(crate) fn patch(&self, path: &str, patch: &Patch) -> KubeApiResult<Value> {
        match patch.kind {
            PatchKind::StrategicMerge => self.api().strategic_merge_patch(path, &patch.body),
            PatchKind::JsonMerge => self.api().merge_patch(path, &patch.body),
        }
    }

    /// What the server would keep after `kubectl apply` of the object; nothing where kubectl can't apply it.
    pub(crate) fn kubectl_apply(&self, manifest: &Manifest) -> Option<Value> {
        let arguments = ["apply", "--dry-run=server", "--validate=false", "-o", "json", "-f", "-"];
        let printed = self.plane.kubectl().run_with_input(&arguments, &manifest.value().to_string()).ok()?;
        Some(serde_json::from_str(&printed).unwrap())
    }
}
