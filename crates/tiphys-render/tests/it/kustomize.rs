//! Kustomizations with the changes that applications ask for.

use serde_json::json;
use tiphys_test_kit::GitRepo;

use super::support::{Bench, config_map, names, serve_folder};

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {own: label}\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: web\n        image: nginx:1.25\n";

fn repo() -> GitRepo {
    GitRepo::with_files([
        ("base/kustomization.yaml", "resources: [deployment.yaml, cm.yaml]\n".to_owned()),
        ("base/deployment.yaml", DEPLOYMENT.to_owned()),
        ("base/cm.yaml", config_map("cm")),
        (
            "prod/kustomization.yaml",
            "namePrefix: prod-\nresources: [../base]\nimages:\n- name: nginx\n  newTag: '1.26'\n".to_owned(),
        ),
        (
            "component/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\n"
                .to_owned(),
        ),
        ("component/extra.yaml", config_map("extra")),
    ])
    .unwrap()
}

// covers: TOOL-056, TOOL-057, TOOL-058, TOOL-062
#[tokio::test]
async fn prefix_suffix_images_replicas_and_namespace_replace_those_of_the_kustomization() {
    let (repo, bench) = (repo(), Bench::new());
    let plain = bench.objects(&repo, json!({"path": "prod"})).await;
    assert_eq!(names(&plain), ["prod-cm", "prod-web"]);
    let changed = bench
        .objects(
            &repo,
            json!({"path": "prod", "kustomize": {
                "namePrefix": "x-",
                "nameSuffix": "-y",
                "namespace": "elsewhere",
                "images": ["nginx=registry.example/nginx:$ARGOCD_APP_NAME"],
                "replicas": [{"name": "web", "count": "4"}],
            }}),
        )
        .await;
    assert_eq!(names(&changed), ["x-cm-y", "x-web-y"]);
    let deployment = &changed[1];
    assert_eq!(deployment["metadata"]["namespace"], "elsewhere");
    assert_eq!(deployment["spec"]["replicas"], 4);
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "registry.example/nginx:web"
    );
    for (image, expected) in [
        ("nginx:2", "nginx:2"),
        (
            "nginx@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
            "nginx@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
        ),
    ] {
        let objects = bench.objects(&repo, json!({"path": "prod", "kustomize": {"images": [image]}})).await;
        assert_eq!(objects[1]["spec"]["template"]["spec"]["containers"][0]["image"], expected);
    }
    let error = bench
        .error(&repo, json!({"path": "prod", "kustomize": {"replicas": [{"name": "web", "count": "many"}]}}))
        .await;
    assert!(error.contains("expected integer value for count. Received: many"), "{error}");
    assert!(bench.nothing_left());
}

// covers: TOOL-059, TOOL-060, TOOL-061
#[tokio::test]
async fn labels_and_annotations_reach_what_the_source_says() {
    let (repo, bench) = (repo(), Bench::new());
    let of = async |kustomize| {
        bench.objects(&repo, json!({"path": "base", "kustomize": kustomize})).await.remove(1)
    };
    let everywhere = of(json!({"commonLabels": {"team": "$ARGOCD_APP_NAME"}})).await;
    assert_eq!(everywhere["metadata"]["labels"]["team"], "web");
    assert_eq!(everywhere["spec"]["selector"]["matchLabels"]["team"], "web");
    let without = of(json!({"commonLabels": {"team": "a"}, "labelWithoutSelector": true})).await;
    assert_eq!(without["metadata"]["labels"]["team"], "a");
    assert!(without["spec"]["selector"]["matchLabels"].get("team").is_none());
    assert!(without["spec"]["template"]["metadata"]["labels"].get("team").is_none());
    let templates = of(
        json!({"commonLabels": {"team": "a"}, "labelWithoutSelector": true, "labelIncludeTemplates": true}),
    )
    .await;
    assert_eq!(templates["spec"]["template"]["metadata"]["labels"]["team"], "a");
    assert!(templates["spec"]["selector"]["matchLabels"].get("team").is_none());
    let literal = of(json!({"commonAnnotations": {"note": "$ARGOCD_APP_NAME: a,b"}})).await;
    assert_eq!(literal["metadata"]["annotations"]["note"], "$ARGOCD_APP_NAME: a,b");
    let replaced =
        of(json!({"commonAnnotations": {"note": "$ARGOCD_APP_NAME"}, "commonAnnotationsEnvsubst": true}))
            .await;
    assert_eq!(replaced["metadata"]["annotations"]["note"], "web");

    repo.write(
        "base/kustomization.yaml",
        "resources: [deployment.yaml, cm.yaml]\ncommonAnnotations: {note: old}\n",
    )
    .unwrap();
    repo.commit("annotated").unwrap();
    let error = bench
        .error(&repo, json!({"path": "base", "kustomize": {"commonAnnotations": {"note": "new"}}}))
        .await;
    assert!(error.contains("already in kustomization file"), "{error}");
    let forced = of(json!({"commonAnnotations": {"note": "new"}, "forceCommonAnnotations": true})).await;
    assert_eq!(forced["metadata"]["annotations"]["note"], "new");
}

// covers: TOOL-063, TOOL-064
#[tokio::test]
async fn patches_and_components_are_added() {
    let (repo, bench) = (repo(), Bench::new());
    let objects = bench
        .objects(&repo, json!({"path": "prod", "kustomize": {
            "patches": [
                {"patch": "- op: replace\n  path: /spec/replicas\n  value: 7\n", "target": {"kind": "Deployment"}},
                {"patch": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\ndata:\n  more: x\n"},
            ],
            "components": ["../component"],
        }}))
        .await;
    assert_eq!(names(&objects), ["prod-cm", "prod-extra", "prod-web"]);
    assert_eq!(objects[0]["data"], json!({"key": "value", "more": "x"}));
    assert_eq!(objects[2]["spec"]["replicas"], 7);
    let missing = json!({"path": "prod", "kustomize": {"components": ["../nothing"]}});
    assert!(bench.render(&repo, missing).await.is_err());
    let ignored =
        json!({"path": "prod", "kustomize": {"components": ["../nothing"], "ignoreMissingComponents": true}});
    assert_eq!(bench.objects(&repo, ignored).await.len(), 2);
}

// covers: TOOL-066, TOOL-067
#[tokio::test]
async fn the_operator_chooses_programs_and_build_options() {
    let (repo, bench) = (repo(), Bench::new());
    let error = bench.error(&repo, json!({"path": "prod", "kustomize": {"version": "v4.4.0"}})).await;
    assert_eq!(error, "kustomize version v4.4.0 is not registered");
    repo.write("outside.yaml", config_map("outside")).unwrap();
    repo.write("prod/kustomization.yaml", "resources: [../outside.yaml]\n").unwrap();
    repo.commit("outside").unwrap();
    let error = bench.error(&repo, json!({"path": "prod"})).await;
    assert!(error.starts_with("`kustomize build prod` failed exit status 1: Error: "), "{error}");
    assert!(!error.contains(&bench.folder.path().display().to_string()), "{error}");
    let mut inputs = bench.inputs(&repo, json!({"path": "prod"})).await;
    inputs.options.kustomize_build_options = "--load-restrictor LoadRestrictionsNone".to_owned();
    assert_eq!(bench.run(&inputs).await.unwrap().count, 1);
    inputs.options.kustomize_binaries.insert("v9".into(), "/nowhere/kustomize".into());
    inputs.source.kustomize = Some(serde_json::from_value(json!({"version": "v9"})).unwrap());
    let error = bench.run(&inputs).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/kustomize"), "{error}");
}

#[tokio::test]
async fn a_kustomization_below_a_linked_path_and_with_linked_files_is_built() {
    let repo = repo();
    repo.symlink("live", "prod").unwrap();
    repo.symlink("other/cm.yaml", "../base/cm.yaml").unwrap();
    repo.write("other/kustomization.yaml", "resources: [cm.yaml]\n").unwrap();
    repo.commit("links").unwrap();
    let bench = Bench::new();
    assert_eq!(names(&bench.objects(&repo, json!({"path": "live"})).await), ["prod-cm", "prod-web"]);
    assert_eq!(names(&bench.objects(&repo, json!({"path": "other"})).await), ["cm"]);
}

// covers: TOOL-065
#[tokio::test]
async fn charts_inside_a_kustomization_see_the_cluster_of_the_destination() {
    let repo = GitRepo::with_files([
        ("app/kustomization.yaml", "helmGlobals: {chartHome: charts}\nhelmCharts:\n- name: inner\n  releaseName: r\n"),
        ("app/charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 0.1.0\n"),
        ("app/charts/inner/values.yaml", "x: 1\n"),
        ("app/charts/inner/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inner}\ndata:\n  kube: {{ .Capabilities.KubeVersion.Version }}\n  has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n"),
    ])
    .unwrap();
    let bench = Bench::new();
    let mut inputs = bench.inputs(&repo, json!({"path": "app"})).await;
    assert!(bench.run(&inputs).await.is_err());
    inputs.options.kustomize_build_options = "--enable-helm".to_owned();
    inputs.api_versions.push("example.com/v1".to_owned());
    let objects = super::support::objects(&bench.run(&inputs).await.unwrap());
    assert_eq!(objects[0]["data"], json!({"kube": "v1.31.2", "has": "true"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_kustomization_reads_elsewhere_is_good_for_one_commit() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("cm.yaml"), config_map("remote")).unwrap();
    let url = serve_folder(folder.path().to_owned());
    let repo =
        GitRepo::with_files([("app/kustomization.yaml", format!("resources: [{url}/cm.yaml]\n"))]).unwrap();
    let bench = Bench::new();
    let source = json!({"path": "app"});
    assert_eq!(names(&bench.objects(&repo, source.clone()).await), ["remote"]);
    let before = bench.plan(&bench.inputs(&repo, source.clone()).await).unwrap().key();
    assert_eq!(bench.plan(&bench.inputs(&repo, source.clone()).await).unwrap().key(), before);
    repo.write("unrelated", "x").unwrap();
    repo.commit("unrelated").unwrap();
    assert_ne!(bench.plan(&bench.inputs(&repo, source).await).unwrap().key(), before);
}
