//! The load: what the applications are made of, and the repository that holds them.

use anyhow::Result;
use serde_json::{Value, json};
use tiphys_test_kit::GitRepo;

use super::{BenchArgs, SourceKind};

/// Name of application number `i`.
pub(crate) fn name(i: usize) -> String {
    format!("bench-{i:05}")
}

/// The objects of an application, without a namespace.
pub(crate) fn objects(i: usize, config_maps: usize, version: &str) -> Vec<Value> {
    let name = name(i);
    let payload = format!("x{i:05}").repeat(60);
    let mut all: Vec<Value> = (0..config_maps)
        .map(|k| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("{name}-cm-{k}")},
                "data": {"version": version, "payload": payload},
            })
        })
        .collect();
    all.push(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }));
    all.push(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{
                    "name": "c", "image": "example/app:1", "ports": [{"containerPort": 80}],
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                }]},
            },
        },
    }));
    all
}

/// Writes all applications at a version and commits; the commit's id.
pub(crate) fn write(repo: &GitRepo, args: &BenchArgs, version: &str) -> Result<String> {
    for i in 0..args.apps {
        let folder = format!("apps/{}", name(i));
        let files = match args.kind {
            SourceKind::Helm => {
                repo.write(
                    &format!("{folder}/Chart.yaml"),
                    format!("apiVersion: v2\nname: {}\nversion: 0.1.0\n", name(i)),
                )?;
                repo.write(&format!("{folder}/values.yaml"), "{}\n")?;
                format!("{folder}/templates")
            }
            SourceKind::Directory | SourceKind::Kustomize => folder.clone(),
        };
        let mut names = Vec::new();
        for (k, object) in objects(i, args.resources, version).iter().enumerate() {
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            let file = format!("{kind}-{k}.yaml");
            repo.write(&format!("{files}/{file}"), object.to_string())?;
            names.push(file);
        }
        if args.kind == SourceKind::Kustomize {
            let list: String = names.iter().map(|file| format!("- {file}\n")).collect();
            repo.write(&format!("{folder}/kustomization.yaml"), format!("resources:\n{list}"))?;
        }
    }
    repo.commit(&format!("version {version}"))
}

/// The Application that deploys number `i`.
pub(crate) fn application(i: usize, namespaces: usize, repo_url: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": name(i), "namespace": "argocd",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": repo_url, "path": format!("apps/{}", name(i)), "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace(i, namespaces)},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
    })
}

/// Namespace of application number `i`.
pub(crate) fn namespace(i: usize, namespaces: usize) -> String {
    format!("bench-ns-{}", i % namespaces.max(1))
}
