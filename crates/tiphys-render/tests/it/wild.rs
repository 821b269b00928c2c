//! What nobody here wrote: the kustomize trees of the kwok module and the chart that helm makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tiphys_manifest::yaml;
use tiphys_test_kit::{GitRepo, Tool, Tools};

use super::support::Bench;

fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    tiphys_manifest::flatten_lists(yaml::parse_stream(&output.stdout).unwrap())
}

/// The kwok module, which building the tools has fetched.
fn kwok_module() -> Option<PathBuf> {
    let version = Tool::Kwok.version();
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("sigs.k8s.io/kwok@{version}")])
        .output()
        .ok()?;
    let described: Value = serde_json::from_slice(&output.stdout).ok()?;
    described.get("Dir").and_then(Value::as_str).map(PathBuf::from)
}

fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            kustomizations(&entry.path(), found);
        } else if entry.file_name() == "kustomization.yaml" {
            found.push(folder.to_owned());
        }
    }
}

#[tokio::test]
async fn the_kustomize_trees_of_kwok_render_as_kustomize_renders_them() {
    let Some(module) = kwok_module() else {
        println!("skipped: the kwok module can't be fetched");
        return;
    };
    let tools = Tools::ensure(Tool::RENDERERS).unwrap();
    let repo = GitRepo::new().unwrap();
    repo.copy_folder(&module.join("kustomize"), "kustomize").unwrap();
    let modes = Command::new("chmod").args(["-R", "u+w"]).arg(repo.work_tree()).status().unwrap();
    assert!(modes.success());
    repo.commit("kwok").unwrap();
    let mut folders = Vec::new();
    kustomizations(&repo.work_tree().join("kustomize"), &mut folders);
    let bench = Bench::new();
    let mut compared = 0;
    for folder in folders {
        let path = folder.strip_prefix(repo.work_tree()).unwrap().display().to_string();
        let direct = Command::new(tools.path(Tool::Kustomize)).arg("build").arg(&folder).output().unwrap();
        if !direct.status.success() {
            // Some trees are parts of others and do not build alone: neither must ours.
            assert!(bench.render(&repo, json!({"path": path})).await.is_err(), "{path}");
            continue;
        }
        let expected = run(&tools.path(Tool::Kustomize), repo.work_tree(), &["build", &path]);
        let rendered = bench.objects(&repo, json!({"path": path})).await;
        assert_eq!(rendered, expected, "{path}");
        compared += 1;
    }
    assert!(compared >= 3, "only {compared} trees were compared");
}

#[tokio::test]
async fn the_chart_that_helm_makes_renders_as_helm_renders_it() {
    let tools = Tools::ensure(Tool::RENDERERS).unwrap();
    let helm = tools.path(Tool::Helm);
    let repo = GitRepo::new().unwrap();
    let made = Command::new(&helm).current_dir(repo.work_tree()).args(["create", "demo"]).output().unwrap();
    assert!(made.status.success());
    repo.commit("chart").unwrap();
    let values = "replicaCount: 3\nautoscaling: {enabled: true}\ningress: {enabled: true}\n";
    let file = repo.work_tree().join("values-test.yaml");
    std::fs::write(&file, values).unwrap();
    let expected = run(
        &helm,
        &repo.work_tree().join("demo"),
        &[
            "template",
            "web",
            ".",
            "--namespace",
            "prod",
            "--include-crds",
            "--kube-version",
            "1.31.2",
            "--values",
            &file.display().to_string(),
        ],
    );
    let rendered = Bench::new().objects(&repo, json!({"path": "demo", "helm": {"values": values}})).await;
    assert_eq!(rendered, expected);
    assert!(rendered.len() >= 6);
}
