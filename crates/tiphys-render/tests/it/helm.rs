//! Charts with values from everywhere.

use serde_json::{Value, json};
use tiphys_test_kit::GitRepo;

use super::support::{Bench, names, objects, serve_folder};

const VALUES_TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  a: {{ .Values.a | quote }}\n  b: {{ .Values.b | quote }}\n  c: {{ .Values.c | quote }}\n  list: {{ .Values.list | toJson | quote }}\n  kind: {{ kindOf .Values.b | quote }}\n";
const CAPABILITIES_TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: capabilities}\ndata:\n  kube: {{ .Capabilities.KubeVersion.Version | quote }}\n  has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n";
const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n";

fn chart() -> GitRepo {
    GitRepo::with_files([
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        ("chart/values.yaml", "a: chart\nb: chart\nc: chart\nlist: []\n"),
        ("chart/values-prod.yaml", "a: prod\n"),
        ("chart/with,comma=1 x.yaml", "a: comma\n"),
        ("chart/env/1.yaml", "a: one\n"),
        ("chart/env/2.yaml", "a: two\n"),
        ("chart/templates/cm.yaml", VALUES_TEMPLATE),
        ("chart/crds/crd.yaml", CRD),
        ("shared/values.yaml", "b: shared\n"),
        ("shared/text.txt", "from a file, with commas"),
    ])
    .unwrap()
}

fn cm(objects: &[Value]) -> Value {
    objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap().clone()
}

async fn data(bench: &Bench, repo: &GitRepo, helm: Value) -> Value {
    cm(&bench.objects(repo, json!({"path": "chart", "helm": helm})).await)["data"].clone()
}

// covers: TOOL-034, TOOL-035, TOOL-043, TOOL-046
#[tokio::test]
async fn release_namespace_and_crds_follow_the_source() {
    let (repo, bench) = (chart(), Bench::new());
    let plain = bench.objects(&repo, json!({"path": "chart"})).await;
    assert_eq!(names(&plain), ["things.example.com", "web"]);
    assert_eq!(cm(&plain)["metadata"]["namespace"], "prod");
    let mut inputs = bench.inputs(&repo, json!({"path": "chart"})).await;
    inputs.app_instance_name = "team_web".to_owned();
    assert_eq!(names(&objects(&bench.run(&inputs).await.unwrap())), ["things.example.com", "web"]);
    let changed = bench
        .objects(
            &repo,
            json!({"path": "chart", "helm": {"releaseName": "r", "namespace": "elsewhere", "skipCrds": true}}),
        )
        .await;
    assert_eq!(names(&changed), ["r"]);
    assert_eq!(changed[0]["metadata"]["namespace"], "elsewhere");
    let error = bench.error(&repo, json!({"path": "chart", "helm": {"releaseName": "Not Good"}})).await;
    assert!(error.contains("invalid release name"), "{error}");
    assert!(bench.nothing_left());
}

// covers: TOOL-036, TOOL-038, TOOL-039, TOOL-040
#[tokio::test]
async fn values_win_in_the_references_order() {
    let (repo, bench) = (chart(), Bench::new());
    let files = json!(["values-prod.yaml", "../shared/values.yaml"]);
    assert_eq!(
        data(&bench, &repo, json!({"valueFiles": files})).await,
        json!({"a": "prod", "b": "shared", "c": "chart", "list": "[]", "kind": "string"})
    );
    let inline = data(&bench, &repo, json!({"valueFiles": files, "values": "b: inline"})).await;
    assert_eq!((&inline["a"], &inline["b"]), (&json!("prod"), &json!("inline")));
    let object =
        data(&bench, &repo, json!({"values": "b: inline\nc: inline", "valuesObject": {"b": 5}})).await;
    assert_eq!(
        (&object["b"], &object["c"], &object["kind"]),
        (&json!("5"), &json!("chart"), &json!("float64"))
    );
    let set = data(
        &bench,
        &repo,
        json!({
            "values": "b: inline",
            "parameters": [
                {"name": "b", "value": "7"},
                {"name": "c", "value": "x,y-$ARGOCD_APP_NAME"},
                {"name": "list", "value": "{p,q}"},
            ],
            "fileParameters": [{"name": "a", "path": "/shared/text.txt"}],
        }),
    )
    .await;
    assert_eq!(
        set,
        json!({"a": "from a file, with commas", "b": "7", "c": "x,y-web", "list": "[\"p\",\"q\"]", "kind": "int64"})
    );
    let string =
        data(&bench, &repo, json!({"parameters": [{"name": "b", "value": "7", "forceString": true}]})).await;
    assert_eq!(string["kind"], "string");
    let error = bench.error(&repo, json!({"path": "chart", "helm": {"values": "a: ["}})).await;
    assert!(error.starts_with("helm.values is not YAML"), "{error}");
}

// covers: TOOL-036, TOOL-037
#[tokio::test]
async fn value_files_are_found_by_path_root_variable_and_glob() {
    let (repo, bench) = (chart(), Bench::new());
    let of = async |helm: Value| data(&bench, &repo, helm).await;
    assert_eq!(of(json!({"valueFiles": ["/shared/values.yaml"]})).await["b"], "shared");
    assert_eq!(of(json!({"valueFiles": ["with,comma=1 x.yaml"]})).await["a"], "comma");
    assert_eq!(of(json!({"valueFiles": ["env/*.yaml"]})).await["a"], "two");
    assert_eq!(of(json!({"valueFiles": ["/**/1.yaml"]})).await["a"], "one");
    // Named by itself, a file keeps its own place, before and after the glob.
    assert_eq!(of(json!({"valueFiles": ["env/2.yaml", "env/*.yaml"]})).await["a"], "one");
    assert_eq!(of(json!({"valueFiles": ["env/*.yaml", "env/1.yaml"]})).await["a"], "one");
    let mut inputs = bench
        .inputs(
            &repo,
            json!({"path": "chart", "helm": {"valueFiles": ["values-$ARGOCD_APP_NAMESPACE.yaml"]}}),
        )
        .await;
    assert_eq!(cm(&objects(&bench.run(&inputs).await.unwrap()))["data"]["a"], "prod");
    inputs.source.helm.as_mut().unwrap().value_files = vec!["missing.yaml".into(), "none/*.yaml".into()];
    let error = bench.run(&inputs).await.unwrap_err().to_string();
    assert!(error.contains("value file missing.yaml does not exist"), "{error}");
    inputs.source.helm.as_mut().unwrap().ignore_missing_value_files = true;
    assert_eq!(cm(&objects(&bench.run(&inputs).await.unwrap()))["data"]["a"], "chart");
    let error = bench
        .error(&repo, json!({"path": "chart", "helm": {"valueFiles": ["https://example.com/v.yaml"]}}))
        .await;
    assert!(error.contains("not supported yet"), "{error}");
}

// covers: MS-003, APP-048
#[tokio::test]
async fn value_files_of_another_source_are_read_at_its_commit() {
    let (repo, bench) = (chart(), Bench::new());
    let values = GitRepo::with_files([("env/prod.yaml", "a: other\n"), ("text", "x")]).unwrap();
    let source = json!({"path": "chart", "helm": {"valueFiles": ["$values/env/prod.yaml"], "fileParameters": [{"name": "b", "path": "$values/text"}]}});
    let mut inputs = bench.inputs(&repo, source).await;
    let error = bench.run(&inputs).await.unwrap_err().to_string();
    assert_eq!(error, "source referenced \"$values\", but no source has a 'ref' field defined");
    inputs.references.insert("other".into(), bench.reference(&values).await);
    let error = bench.run(&inputs).await.unwrap_err().to_string();
    assert_eq!(error, "source referenced \"$values\", which is not one of the available sources ($other)");
    inputs.references.insert("values".into(), bench.reference(&values).await);
    let before = bench.plan(&inputs).unwrap().key();
    let rendered = cm(&objects(&bench.run(&inputs).await.unwrap()));
    assert_eq!((&rendered["data"]["a"], &rendered["data"]["b"]), (&json!("other"), &json!("x")));
    values.write("unrelated", "x").unwrap();
    values.commit("unrelated").unwrap();
    inputs.references.insert("values".into(), bench.reference(&values).await);
    assert_eq!(bench.plan(&inputs).unwrap().key(), before);
    values.write("env/prod.yaml", "a: newer\n").unwrap();
    values.commit("related").unwrap();
    inputs.references.insert("values".into(), bench.reference(&values).await);
    assert_ne!(bench.plan(&inputs).unwrap().key(), before);
}

// covers: TOOL-047
#[tokio::test]
async fn a_chart_sees_the_cluster_of_the_destination_or_what_the_source_says() {
    let repo = chart();
    repo.write("chart/templates/capabilities.yaml", CAPABILITIES_TEMPLATE).unwrap();
    repo.commit("capabilities").unwrap();
    let bench = Bench::new();
    let of = async |helm: Value| {
        let objects = bench.objects(&repo, json!({"path": "chart", "helm": helm})).await;
        objects.iter().find(|object| object["metadata"]["name"] == "capabilities").unwrap()["data"].clone()
    };
    assert_eq!(of(json!({})).await, json!({"kube": "v1.31.2", "has": "false"}));
    let own = json!({"kubeVersion": "1.28.0", "apiVersions": ["example.com/v1"]});
    assert_eq!(of(own).await, json!({"kube": "v1.28.0", "has": "true"}));
}

// covers: TOOL-044, TOOL-045
#[tokio::test]
async fn tests_and_schema_validation_can_be_left_out() {
    let repo = chart();
    let test = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: probe\n  annotations: {helm.sh/hook: test}\n";
    repo.write("chart/templates/tests/probe.yaml", test).unwrap();
    repo.write("chart/values.schema.json", r#"{"properties": {"a": {"type": "integer"}}}"#).unwrap();
    repo.commit("schema").unwrap();
    let bench = Bench::new();
    let error = bench.error(&repo, json!({"path": "chart"})).await;
    assert!(error.contains("values don't meet the specifications of the schema"), "{error}");
    let all = bench.objects(&repo, json!({"path": "chart", "helm": {"skipSchemaValidation": true}})).await;
    assert!(names(&all).contains(&"probe"));
    let without = json!({"path": "chart", "helm": {"skipSchemaValidation": true, "skipTests": true}});
    assert!(!names(&bench.objects(&repo, without).await).contains(&"probe"));
}

// covers: TOOL-041
#[tokio::test]
async fn versions_of_helm_are_three_four_or_not_given() {
    let (repo, bench) = (chart(), Bench::new());
    for version in ["", "v3", "v4"] {
        bench.objects(&repo, json!({"path": "chart", "helm": {"version": version}})).await;
    }
    assert!(bench.error(&repo, json!({"path": "chart", "helm": {"version": "v2"}})).await.contains("\"v2\""));
}

// covers: TOOL-048
#[tokio::test]
async fn a_chart_that_depends_on_one_beside_it_is_built_in_a_copy() {
    let repo = GitRepo::with_files([
        ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies:\n- name: lib\n  version: 0.1.0\n  repository: file://../lib\n"),
        ("app/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"),
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 0.1.0\n"),
        ("lib/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lib}\n"),
    ])
    .unwrap();
    let bench = Bench::new();
    for _ in 0..2 {
        let objects = bench.objects(&repo, json!({"path": "app"})).await;
        let mut found = names(&objects);
        found.sort_unstable();
        assert_eq!(found, ["app", "lib"]);
    }
    assert!(bench.nothing_left());
}

#[tokio::test]
async fn a_chart_that_does_not_render_says_where() {
    let repo = chart();
    repo.write("chart/templates/broken.yaml", "{{ .Values.missing.deeper }}").unwrap();
    repo.commit("broken").unwrap();
    let bench = Bench::new();
    let error =
        bench.error(&repo, json!({"path": "chart", "helm": {"valueFiles": ["values-prod.yaml"]}})).await;
    assert!(error.starts_with("`helm template . --name-template web --namespace prod"), "{error}");
    assert!(error.contains("--values chart/values-prod.yaml"), "{error}");
    assert!(error.contains("chart/templates/broken.yaml"), "{error}");
    assert!(!error.contains(&bench.folder.path().display().to_string()), "{error}");
    repo.write("chart/templates/broken.yaml", "just: text\n").unwrap();
    repo.commit("no manifest").unwrap();
    let error = bench.error(&repo, json!({"path": "chart"})).await;
    assert!(error.starts_with("chart/templates/broken.yaml: "), "{error}");
}

#[tokio::test]
async fn a_missing_program_is_an_error_that_says_where_to_set_it() {
    let toolbox = tiphys_render::Toolbox { search: vec!["/nowhere".into()], ..Default::default() };
    let bench = Bench::of(toolbox, Default::default());
    let error = bench.error(&chart(), json!({"path": "chart"})).await;
    assert!(error.contains("helm is not installed") && error.contains("--helm-binary"), "{error}");
    let error = bench.error(&chart(), json!({"path": "chart", "kustomize": {"namePrefix": "x-"}})).await;
    assert!(
        error.contains("kustomize is not installed") && error.contains("TIPHYS_KUSTOMIZE_BINARY"),
        "{error}"
    );
}

// covers: TOOL-048
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_that_depends_on_one_of_a_chart_repository_is_built_in_a_copy() {
    let helm = tiphys_test_kit::Tools::ensure(&[tiphys_test_kit::Tool::Helm])
        .unwrap()
        .path(tiphys_test_kit::Tool::Helm);
    let library = GitRepo::with_files([
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.3\n"),
        ("lib/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lib}\n"),
    ])
    .unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(&helm).current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["package", &library.work_tree().join("lib").display().to_string()]);
    let url = serve_folder(folder.path().to_owned());
    run(&["repo", "index", ".", "--url", &url]);
    let repo = GitRepo::with_files([
        ("app/Chart.yaml", format!("apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies:\n- name: lib\n  version: 1.x\n  repository: {url}\n")),
        ("app/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n".to_owned()),
    ])
    .unwrap();
    let objects = Bench::new().objects(&repo, json!({"path": "app"})).await;
    let mut found = names(&objects);
    found.sort_unstable();
    assert_eq!(found, ["app", "lib"]);
}
