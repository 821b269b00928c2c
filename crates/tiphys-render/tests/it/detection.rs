//! Which tool is chosen, and where parameters come from.

use serde_json::json;
use tiphys_render::SourceType;
use tiphys_test_kit::GitRepo;

use super::support::{Bench, config_map, names};

const CHART: &str = "apiVersion: v2\nname: chart\nversion: 0.1.0\n";
const KUSTOMIZATION: &str = "resources: [cm.yaml]\n";

// covers: TOOL-001, TOOL-002, TOOL-003
#[tokio::test]
async fn the_files_of_the_folder_choose_the_tool_unless_the_source_names_one() {
    let repo = GitRepo::with_files([
        ("plain/cm.yaml", config_map("plain").as_str()),
        ("chart/Chart.yaml", CHART),
        ("kustomize/kustomization.yml", KUSTOMIZATION),
        ("old/Kustomization", KUSTOMIZATION),
        ("both/Chart.yaml", CHART),
        ("both/kustomization.yaml", KUSTOMIZATION),
        ("below/deeper/Chart.yaml", CHART),
    ])
    .unwrap();
    let bench = Bench::new();
    let table = [
        (json!({"path": "plain"}), SourceType::Directory),
        (json!({"path": "chart"}), SourceType::Helm),
        (json!({"path": "kustomize"}), SourceType::Kustomize),
        (json!({"path": "old"}), SourceType::Kustomize),
        (json!({"path": "both"}), SourceType::Kustomize),
        (json!({"path": "below"}), SourceType::Directory),
        (json!({"path": "chart", "directory": {"recurse": true}}), SourceType::Directory),
        (json!({"path": "both", "helm": {"releaseName": "x"}}), SourceType::Helm),
        (json!({"path": "plain", "kustomize": {"namePrefix": "x-"}}), SourceType::Kustomize),
        // An empty block says nothing.
        (json!({"path": "chart", "directory": {}}), SourceType::Helm),
        (json!({"path": "kustomize", "directory": {"jsonnet": {}}}), SourceType::Kustomize),
    ];
    for (source, expected) in table {
        let inputs = bench.inputs(&repo, source.clone()).await;
        assert_eq!(bench.plan(&inputs).unwrap().source_type(), expected, "{source}");
    }
    let mut inputs = bench.inputs(&repo, json!({"path": "both"})).await;
    inputs.options.kustomize_disabled = true;
    assert_eq!(bench.plan(&inputs).unwrap().source_type(), SourceType::Helm);
    inputs.options.helm_disabled = true;
    assert_eq!(bench.plan(&inputs).unwrap().source_type(), SourceType::Directory);
    inputs.source.helm = Some(Default::default());
    assert_eq!(bench.plan(&inputs).unwrap().source_type(), SourceType::Directory);

    let error = bench
        .error(&repo, json!({"path": "chart", "helm": {"skipCrds": true}, "directory": {"recurse": true}}))
        .await;
    assert_eq!(error, "multiple application sources defined: Helm,Directory");
    let error = bench.error(&repo, json!({"path": "plain", "plugin": {"name": "x"}})).await;
    assert!(error.contains("not supported yet"), "{error}");
}

// covers: APP-044
#[tokio::test]
async fn a_path_that_is_no_folder_of_the_repository_is_an_error_that_names_it() {
    let repo = GitRepo::with_files([("plain/cm.yaml", config_map("plain"))]).unwrap();
    repo.symlink("out", "../../etc").unwrap();
    repo.symlink("in", "plain").unwrap();
    repo.commit("links").unwrap();
    let bench = Bench::new();
    let table = [
        ("missing", "missing: app path does not exist"),
        ("plain/cm.yaml", "plain/cm.yaml: app path is not a directory"),
        ("/plain", "/plain: app path is absolute"),
        ("../plain", "../plain: app path outside root"),
        ("plain/../../x", "plain/../../x: app path outside root"),
        ("out", "repository contains out-of-bounds symlinks. file: out"),
    ];
    for (path, expected) in table {
        assert_eq!(bench.error(&repo, json!({"path": path})).await, expected);
    }
    assert_eq!(names(&bench.objects(&repo, json!({"path": "in"})).await), ["plain"]);
    assert_eq!(names(&bench.objects(&repo, json!({"path": "./plain/"})).await), ["plain"]);
}

// covers: TOOL-004, TOOL-005
#[tokio::test]
async fn parameters_in_the_folder_are_merged_over_the_source_the_applications_own_last() {
    let repo = GitRepo::with_files([
        ("app/kustomization.yaml", KUSTOMIZATION.to_owned()),
        ("app/cm.yaml", config_map("cm")),
        ("app/.argocd-source.yaml", "kustomize:\n  namePrefix: all-\n  nameSuffix: -all\n".to_owned()),
        (
            "app/.argocd-source-web.yaml",
            "path: elsewhere\nrepoURL: https://x\nkustomize: {namePrefix: web-}\n".to_owned(),
        ),
        ("app/.argocd-source-other.yaml", "kustomize: {namePrefix: other-}\n".to_owned()),
    ])
    .unwrap();
    let bench = Bench::new();
    let objects = bench.objects(&repo, json!({"path": "app", "kustomize": {"nameSuffix": "-source"}})).await;
    assert_eq!(names(&objects), ["web-cm-all"]);
    repo.write("app/.argocd-source.yaml", "kustomize: [").unwrap();
    repo.commit("broken").unwrap();
    let error = bench.error(&repo, json!({"path": "app"})).await;
    assert!(error.starts_with("app/.argocd-source.yaml: "), "{error}");
}
