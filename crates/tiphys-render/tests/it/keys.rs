//! What makes two renders the same, and what does not.

use serde_json::json;
use tiphys_render::{Inputs, RenderKey};
use tiphys_test_kit::GitRepo;

use super::support::{Bench, config_map};

fn key(bench: &Bench, inputs: &Inputs) -> RenderKey {
    bench.plan(inputs).unwrap().key()
}

// covers: TOOL-015
#[tokio::test]
async fn a_commit_that_touches_one_of_many_folders_changes_one_key() {
    let files = (0..20).flat_map(|n| {
        [
            (format!("plain/{n}/cm.yaml"), config_map("a")),
            (
                format!("overlay/{n}/kustomization.yaml"),
                format!("namePrefix: p{n}-\nresources: [../../base]\n"),
            ),
            (format!("chart/{n}/Chart.yaml"), format!("apiVersion: v2\nname: c{n}\nversion: 0.1.0\n")),
        ]
    });
    let base = [
        ("base/kustomization.yaml".to_owned(), "resources: [cm.yaml]\n".to_owned()),
        ("base/cm.yaml".to_owned(), config_map("b")),
    ];
    let repo = GitRepo::with_files(files.chain(base)).unwrap();
    let bench = Bench::new();
    let keys = async || {
        let mut keys = Vec::new();
        for kind in ["plain", "overlay", "chart"] {
            for n in 0..20 {
                let inputs = bench.inputs(&repo, json!({"path": format!("{kind}/{n}")})).await;
                keys.push((format!("{kind}/{n}"), key(&bench, &inputs)));
            }
        }
        keys
    };
    let first = keys().await;
    let changed = |before: &[(String, RenderKey)], after: &[(String, RenderKey)]| -> Vec<String> {
        before.iter().zip(after).filter(|(a, b)| a.1 != b.1).map(|(a, _)| a.0.clone()).collect()
    };
    for path in ["plain/3/cm.yaml", "overlay/4/kustomization.yaml", "chart/5/Chart.yaml"] {
        let text = std::fs::read_to_string(repo.work_tree().join(path)).unwrap();
        repo.write(path, text + "# touched\n").unwrap();
    }
    repo.write("README.md", "text").unwrap();
    repo.commit("three").unwrap();
    let second = keys().await;
    assert_eq!(changed(&first, &second), ["plain/3", "overlay/4", "chart/5"]);
    repo.write("base/cm.yaml", config_map("c")).unwrap();
    repo.commit("base").unwrap();
    let third = keys().await;
    assert_eq!(changed(&second, &third).len(), 20);
    assert!(changed(&second, &third).iter().all(|path| path.starts_with("overlay/")));
}

#[tokio::test]
async fn names_and_clusters_matter_only_where_they_are_seen() {
    let repo = GitRepo::with_files([
        ("plain/cm.yaml", config_map("a").as_str()),
        ("kustomize/kustomization.yaml", "resources: [cm.yaml]\n"),
        ("kustomize/cm.yaml", &config_map("a")),
        ("blind/Chart.yaml", "apiVersion: v2\nname: a\nversion: 0.1.0\n"),
        ("blind/templates/a.yaml", "{{ toYaml .Values }}"),
        ("seeing/Chart.yaml", "apiVersion: v2\nname: a\nversion: 0.1.0\n"),
        ("seeing/templates/a.yaml", "{{ .Capabilities.KubeVersion }}"),
        ("whole/Chart.yaml", "apiVersion: v2\nname: a\nversion: 0.1.0\n"),
        ("whole/templates/a.yaml", "{{ toYaml . }}"),
    ])
    .unwrap();
    let bench = Bench::new();
    type Change = (&'static str, fn(&mut Inputs));
    let changes: [Change; 6] = [
        ("application", |inputs| inputs.app_name = "other".into()),
        ("instance", |inputs| inputs.app_instance_name = "ns_web".into()),
        ("project", |inputs| inputs.project = "other".into()),
        ("namespace", |inputs| inputs.namespace = "other".into()),
        ("kube", |inputs| inputs.kube_version = "1.30.0".into()),
        ("apis", |inputs| inputs.api_versions.push("x/v1".into())),
    ];
    let table: [(&str, &[&str]); 5] = [
        ("plain", &[]),
        ("kustomize", &[]),
        ("blind", &["application", "namespace"]),
        ("seeing", &["application", "namespace", "kube", "apis"]),
        ("whole", &["application", "namespace", "kube", "apis"]),
    ];
    for (path, expected) in table {
        let inputs = bench.inputs(&repo, json!({"path": path})).await;
        let before = key(&bench, &inputs);
        let mut matters = Vec::new();
        for (name, change) in changes {
            let mut inputs = inputs.clone();
            change(&mut inputs);
            if key(&bench, &inputs) != before {
                matters.push(name);
            }
        }
        assert_eq!(matters, expected, "{path}");
    }
}

#[tokio::test]
async fn every_option_of_a_source_changes_its_key() {
    let repo = GitRepo::with_files([
        ("d/cm.yaml", config_map("a").as_str()),
        ("d/sub/cm.yaml", &config_map("b")),
        ("d/Chart.yaml", "apiVersion: v2\nname: a\nversion: 0.1.0\n"),
        ("d/kustomization.yaml", "resources: [cm.yaml]\n"),
        ("d/v.yaml", "a: 1\n"),
        ("d/templates/x.yaml", "{{ .Capabilities }}"),
        ("c/kustomization.yaml", "resources: []\n"),
    ])
    .unwrap();
    let bench = Bench::new();
    let options = [
        json!({}),
        json!({"directory": {"recurse": true}}),
        json!({"directory": {"exclude": "cm*"}}),
        json!({"directory": {"include": "cm*"}}),
        json!({"directory": {"disableExtensionFilter": true, "include": "cm*"}}),
        json!({"kustomize": {"namePrefix": "a"}}),
        json!({"kustomize": {"nameSuffix": "a"}}),
        json!({"kustomize": {"images": ["a:1"]}}),
        json!({"kustomize": {"replicas": [{"name": "a", "count": 1}]}}),
        json!({"kustomize": {"commonLabels": {"a": "b"}}}),
        json!({"kustomize": {"commonLabels": {"a": "b"}, "forceCommonLabels": true}}),
        json!({"kustomize": {"commonLabels": {"a": "b"}, "labelWithoutSelector": true}}),
        json!({"kustomize": {"commonLabels": {"a": "b"}, "labelIncludeTemplates": true}}),
        json!({"kustomize": {"commonAnnotations": {"a": "$KUBE_VERSION"}}}),
        json!({"kustomize": {"commonAnnotations": {"a": "$KUBE_VERSION"}, "commonAnnotationsEnvsubst": true}}),
        json!({"kustomize": {"commonAnnotations": {"a": "$KUBE_VERSION"}, "forceCommonAnnotations": true}}),
        json!({"kustomize": {"namespace": "a"}}),
        json!({"kustomize": {"patches": [{"patch": "a", "target": {"kind": "b"}}]}}),
        json!({"kustomize": {"patches": [{"patch": "a", "target": {"name": "b"}}]}}),
        json!({"kustomize": {"components": ["../c"]}}),
        json!({"helm": {"releaseName": "x"}}),
        json!({"helm": {"valueFiles": ["v.yaml"]}}),
        json!({"helm": {"values": "a: 1"}}),
        json!({"helm": {"valuesObject": {"a": 2}}}),
        json!({"helm": {"parameters": [{"name": "a", "value": "b"}]}}),
        json!({"helm": {"parameters": [{"name": "a", "value": "b", "forceString": true}]}}),
        json!({"helm": {"fileParameters": [{"name": "a", "path": "v.yaml"}]}}),
        json!({"helm": {"skipCrds": true}}),
        json!({"helm": {"skipTests": true}}),
        json!({"helm": {"skipSchemaValidation": true}}),
        json!({"helm": {"namespace": "x"}}),
        json!({"helm": {"kubeVersion": "1.20.0"}}),
        json!({"helm": {"apiVersions": ["x/v1"]}}),
    ];
    let mut keys = Vec::new();
    for mut option in options {
        option["path"] = json!("d");
        let inputs = bench.inputs(&repo, option.clone()).await;
        let key = key(&bench, &inputs);
        assert!(!keys.contains(&key), "{option}");
        keys.push(key);
    }
}
