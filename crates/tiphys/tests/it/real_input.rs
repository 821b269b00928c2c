//! Sources that nobody here wrote: what they become must be what `kubectl apply` makes of them, field by field.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tiphys_test_kit::{KubeApi, Kubectl, Tool, Tools, shared_control_plane};

use crate::fixture::{Fixture, automated, second_control_plane, text};

/// What differs between two makings of one object: identities, times, who wrote it, and what a controller adds.
fn comparable(mut object: Value, namespace: &str) -> Value {
    let metadata = &mut object["metadata"];
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        metadata.as_object_mut().unwrap().remove(field);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        for key in ["argocd.argoproj.io/tracking-id", "kubectl.kubernetes.io/last-applied-configuration"] {
            annotations.remove(key);
        }
        if annotations.is_empty() {
            metadata.as_object_mut().unwrap().remove("annotations");
        }
    }
    object.as_object_mut().unwrap().remove("status");
    if object["kind"] == "Service" {
        for field in ["clusterIP", "clusterIPs"] {
            object["spec"].as_object_mut().unwrap().remove(field);
        }
    }
    // The namespace is a name, wherever it is written.
    serde_json::from_str(&object.to_string().replace(&format!("\"{namespace}\""), "\"<namespace>\"")).unwrap()
}

/// Where an object is served.
fn path_of(api: &KubeApi, object: &Value, namespace: &str) -> String {
    let version = text(object, "/apiVersion");
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let kinds = api.get(&root).unwrap();
    let kind = kinds["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["kind"] == object["kind"] && !text(resource, "/name").contains('/'))
        .unwrap_or_else(|| panic!("{version} {} is not served", object["kind"]));
    let (plural, name) = (text(kind, "/name"), text(object, "/metadata/name"));
    if kind["namespaced"] == true {
        format!("{root}/namespaces/{namespace}/{plural}/{name}")
    } else {
        format!("{root}/{plural}/{name}")
    }
}

/// `kubectl apply` of manifests; what the API server answered.
fn apply(kubectl: &Kubectl, namespace: &str, manifests: &str) -> Vec<Value> {
    let printed = kubectl
        .run_with_input(
            &["apply", "--namespace", namespace, "--filename", "-", "--output", "json"],
            manifests,
        )
        .unwrap();
    let mut printed: Value = serde_json::from_str(&printed).unwrap();
    match printed["items"].take() {
        Value::Array(items) => items,
        _ => vec![printed],
    }
}

/// Compares every object that kubectl made with the one that the application made, and the lists of both.
#[track_caller]
fn assert_same(
    app: &Value,
    api: &KubeApi,
    namespace: &str,
    other_api: &KubeApi,
    other: &str,
    applied: &[Value],
) {
    for object in applied {
        let ours = api.get(&path_of(api, object, namespace)).unwrap();
        let theirs = other_api.get(&path_of(other_api, object, other)).unwrap();
        assert_eq!(comparable(ours, namespace), comparable(theirs, other), "{}", object["metadata"]["name"]);
    }
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let mut expected: Vec<(String, String, String)> = applied
        .iter()
        .map(|object| {
            let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
            (group(text(object, "/apiVersion")), kind.to_owned(), name.to_owned())
        })
        .collect();
    let mut found: Vec<(String, String, String)> = app["status"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            let words = ["/group", "/kind", "/name"].map(|pointer| text(resource, pointer).to_owned());
            let [group, kind, name] = words;
            (group, kind, name)
        })
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

fn output(program: &Path, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The kwok module, which the toolchain has fetched to build kwok.
fn kwok_module() -> PathBuf {
    let module = format!("sigs.k8s.io/kwok@{}", Tool::Kwok.version());
    let described = output(Path::new("go"), Path::new("/"), &["mod", "download", "-json", &module]);
    let described: Value = serde_json::from_str(&described).unwrap();
    PathBuf::from(text(&described, "/Dir"))
}

#[test]
fn the_kustomize_trees_of_kwok_become_what_kubectl_makes_of_them() {
    let tools = Tools::ensure(Tool::RENDERERS).unwrap();
    let second = second_control_plane();
    let fixture = Fixture::new(&[]);
    fixture.repo.copy_folder(&kwok_module().join("kustomize"), "kustomize").unwrap();
    let writable = Command::new("chmod").args(["-R", "u+w"]).arg(fixture.repo.work_tree()).status().unwrap();
    assert!(writable.success());
    fixture.repo.commit("what kwok ships").unwrap();
    // The second needs the definitions that the first brings.
    for (tree, at_least) in [("kustomize/kwok", 15), ("kustomize/stage/fast", 3)] {
        let name = format!("{}-{}", fixture.name, tree.replace('/', "-"));
        let app = fixture.application(|app| {
            app["metadata"]["name"] = json!(name);
            app["spec"]["source"]["path"] = json!(tree);
            app["spec"]["destination"]["namespace"] = json!("kube-system");
            app["spec"]["syncPolicy"] = automated();
        });
        fixture.api.create(crate::fixture::applications(), &app).unwrap();
        let built = output(&tools.path(Tool::Kustomize), fixture.repo.work_tree(), &["build", tree]);
        let applied = apply(&second.kubectl(), "kube-system", &built);
        assert!(applied.len() >= at_least, "{}", applied.len());
        let app = crate::fixture::wait(&format!("{tree} is Synced and Healthy"), || {
            let path = format!("{}/{name}", crate::fixture::applications());
            let app = fixture.api.get(&path).map_err(|error| error.to_string())?;
            if crate::fixture::is_well(&app) { Ok(app) } else { Err(app["status"].to_string()) }
        });
        assert_eq!(app["status"]["sourceType"], "Kustomize");
        assert_same(&app, &fixture.api, "kube-system", second.api(), "kube-system", &applied);
    }
}

#[test]
fn the_chart_that_helm_makes_becomes_what_kubectl_makes_of_it() {
    let tools = Tools::ensure(Tool::RENDERERS).unwrap();
    let helm = tools.path(Tool::Helm);
    let fixture = Fixture::new(&[]);
    output(&helm, fixture.repo.work_tree(), &["create", "demo"]);
    fixture.repo.commit("what helm makes").unwrap();
    let values = "replicaCount: 2\nautoscaling: {enabled: true}\n";
    fixture.create(|app| {
        app["spec"]["source"]["path"] = json!("demo");
        app["spec"]["source"]["helm"] = json!({"releaseName": "shop", "values": values});
        app["spec"]["syncPolicy"] = automated();
    });
    let plane = shared_control_plane();
    let other = plane.create_namespace("helm").unwrap();
    std::fs::write(fixture.repo.work_tree().join("values.yaml"), values).unwrap();
    let rendered = output(
        &helm,
        fixture.repo.work_tree(),
        &["template", "shop", "demo", "--namespace", &other, "--values", "values.yaml", "--skip-tests"],
    );
    let applied = apply(&plane.kubectl(), &other, &rendered);
    assert!(applied.len() >= 4, "{}", applied.len());
    // The autoscaler has no metrics to go by here, so the application is Synced and not Healthy.
    let app = fixture.wait("Synced", |app| {
        text(app, "/status/sync/status") == "Synced"
            && text(app, "/status/operationState/phase") == "Succeeded"
            && app.get("operation").is_none()
    });
    assert_eq!(app["status"]["sourceType"], "Helm");
    assert_same(&app, &fixture.api, &fixture.name, plane.api(), &other, &applied);
}
