//! Commands with `--core` against a real Kubernetes API, where the test plays the controller.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tiphys_cluster::{ApiClient, ClientOptions, ClusterConfig, PatchType, ResourceType};
use tiphys_test_kit::{ControlPlane, shared_control_plane};

use crate::commands::execute_line;

/// A namespace of its own, and a client to look into it.
struct Setup {
    namespace: String,
    kubeconfig: String,
    client: ApiClient,
}

async fn setup() -> Setup {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (plane, namespace) = tokio::task::spawn_blocking(|| {
        let plane: &ControlPlane = shared_control_plane();
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
        plane
            .kubectl()
            .run(&["apply", "--server-side", "--force-conflicts", "-k", &crds.to_string_lossy()])
            .unwrap();
        let wait = ["wait", "--for=condition=Established", "crd/applications.argoproj.io", "--timeout=30s"];
        plane.kubectl().run(&wait).unwrap();
        (plane, plane.create_namespace("cli").unwrap())
    })
    .await
    .unwrap();
    let kubeconfig = plane.kubeconfig();
    let config = ClusterConfig::from_kubeconfig(Some(&kubeconfig), None).await.unwrap();
    let client = ApiClient::new(&config, &ClientOptions::default()).unwrap();
    tokio::spawn(refresh(client.clone(), namespace.clone()));
    Setup { namespace, kubeconfig: kubeconfig.display().to_string(), client }
}

/// Does what a controller does: takes requests for a refresh off.
async fn refresh(client: ApiClient, namespace: String) {
    let applications = ResourceType::applications();
    let asked = "argocd.argoproj.io/refresh";
    loop {
        for app in client.list_objects(&applications, &namespace, "").await.unwrap_or_default() {
            if app["metadata"]["annotations"][asked].is_string() {
                let patch = json!({"metadata": {"annotations": {asked: null}}});
                let name = app["metadata"]["name"].as_str().unwrap_or_default();
                let kind = PatchType::Merge;
                let _ = client.patch_object(&applications, &namespace, name, kind, &patch).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Setup {
    async fn run(&self, line: &str) -> (Result<(), String>, String) {
        let Setup { kubeconfig, namespace, .. } = self;
        let line =
            format!("argocd {line} --core --kubeconfig {kubeconfig} --control-plane-namespace {namespace}");
        let (result, text) = execute_line(&line).await;
        (result.map(|_| ()).map_err(|error| error.to_string()), text)
    }

    async fn succeed(&self, line: &str) -> String {
        let (result, text) = self.run(line).await;
        result.unwrap_or_else(|error| panic!("{line}: {error}"));
        text
    }

    async fn fail(&self, line: &str) -> String {
        self.run(line).await.0.expect_err(line)
    }

    async fn app(&self, name: &str) -> Value {
        let applications = ResourceType::applications();
        self.client.get_object(&applications, &self.namespace, name).await.unwrap().unwrap_or_default()
    }

    async fn patch(&self, name: &str, patch: Value) {
        let applications = ResourceType::applications();
        self.client
            .patch_object(&applications, &self.namespace, name, PatchType::Merge, &patch)
            .await
            .unwrap();
    }

    /// Does what a controller does: ends the operation that is asked for, once it is.
    async fn end_operation(&self, name: &str) {
        for _ in 0..300 {
            let app = self.app(name).await;
            if !app["operation"].is_null() {
                let now = "2026-01-01T00:00:05Z";
                let status = json!({
                    "sync": {"status": "Synced", "comparedTo": {"destination": {}}},
                    "health": {"status": "Healthy"},
                    "reconciledAt": now,
                    "operationState": {
                        "operation": app["operation"], "phase": "Succeeded", "startedAt": "2026-01-01T00:00:01Z",
                        "finishedAt": now, "message": "successfully synced (all tasks run)",
                    },
                });
                return self.patch(name, json!({"operation": null, "status": status})).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no operation was asked for");
    }
}

const WEB: &str = "app create web --repo https://git.example.com/x --path a --dest-server https://kubernetes.default.svc --dest-namespace demo";

// covers: CLI-060, CLI-066, CLI-068
#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_created_changed_shown_and_listed() {
    let setup = setup().await;
    assert_eq!(setup.succeed(WEB).await, "application 'web' created\n");
    assert_eq!(setup.succeed(WEB).await, "application 'web' unchanged\n");
    let other = WEB.replace("--path a", "--path b --directory-recurse");
    let error = setup.fail(&other).await;
    assert!(
        error.starts_with("existing application spec is different, use upsert flag to force update"),
        "{error}"
    );
    assert_eq!(setup.succeed(&format!("{other} --upsert")).await, "application 'web' updated\n");
    assert_eq!(setup.succeed(&format!("{WEB} --upsert")).await, "application 'web' updated\n");
    let app = setup.app("web").await;
    assert_eq!(
        app["spec"]["source"],
        json!({"repoURL": "https://git.example.com/x", "path": "a"}),
        "what is wanted no more is gone"
    );
    assert_eq!(app["spec"]["project"], "default");
    let names = setup.succeed("app list -o name").await;
    assert_eq!(names, format!("{}/web\n", setup.namespace));
    let document: Value = serde_json::from_str(&setup.succeed("app get web -o json").await).unwrap();
    assert_eq!(document["metadata"]["uid"], app["metadata"]["uid"]);
    let summary = setup.succeed("app get web").await;
    assert!(summary.contains("\nProject:            default\n"), "{summary}");
    let error = setup.fail("app get nothing").await;
    assert!(error.starts_with("applications.argoproj.io \"nothing\" not found\nhint: "), "{error}");
    for line in ["app manifests web", "app diff web"] {
        let error = setup.fail(line).await;
        assert!(error.contains("--core cannot give them"), "{line}: {error}");
    }
}

// covers: CLI-077, CLI-078, APP-008
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_asked_for_once_and_waited_for() {
    let setup = setup().await;
    setup.succeed(WEB).await;
    setup.succeed("app sync web --async --prune --revision main --info reason=test").await;
    let operation = setup.app("web").await["operation"].clone();
    assert_eq!(operation["sync"]["prune"], true);
    assert_eq!(operation["sync"]["revision"], "main");
    assert_eq!(operation["info"], json!([{"name": "reason", "value": "test"}]));
    let error = setup.fail("app sync web --async").await;
    assert!(error.starts_with("another operation is already in progress"), "{error}");
    let (text, ()) = tokio::join!(setup.succeed("app wait web --timeout 60"), setup.end_operation("web"));
    assert!(text.contains("\nPhase:              Succeeded\n"), "{text}");
    let (text, ()) = tokio::join!(setup.succeed("app sync web --timeout 60"), setup.end_operation("web"));
    assert!(text.contains("Message:            successfully synced (all tasks run)\n"), "{text}");
    let error = setup.fail("app wait web --degraded --timeout 1").await;
    assert_eq!(error, "timed out (1s) waiting for app \"web\" match desired state");
    let error = setup.fail("app terminate-op web").await;
    assert!(error.contains("No operation is in progress"), "{error}");
    setup.succeed("app sync web --async").await;
    setup.patch("web", json!({"status": {"operationState": {"phase": "Running", "finishedAt": null}}})).await;
    setup.succeed("app terminate-op web").await;
    assert_eq!(setup.app("web").await["status"]["operationState"]["phase"], "Terminating");
}

// covers: CLI-067, CLI-075, SYN-092
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_to_the_entry_before_the_last() {
    let setup = setup().await;
    setup.succeed(WEB).await;
    let entry = |id: i64, revision: &str| {
        json!({"id": id, "revision": revision, "deployedAt": "2026-01-01T00:00:00Z",
               "source": {"repoURL": "https://git.example.com/x", "path": "a"}})
    };
    setup.patch("web", json!({"status": {"history": [entry(3, "abc"), entry(4, "def")]}})).await;
    assert_eq!(setup.succeed("app history web -o id").await, "3\n4\n");
    let (text, ()) = tokio::join!(setup.succeed("app rollback web --timeout 60"), setup.end_operation("web"));
    assert!(text.contains("Phase:              Succeeded"), "{text}");
    let operation = &setup.app("web").await["status"]["operationState"]["operation"]["sync"];
    assert_eq!(operation["revision"], "abc");
    assert_eq!(operation["syncStrategy"], json!({"apply": {}}));
    let error = setup.fail("app rollback web 9").await;
    assert!(error.contains("does not have deployment id '9'"), "{error}");
}

// covers: CLI-062, SYN-074
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cascades_unless_told_otherwise_and_is_waited_for() {
    let setup = setup().await;
    setup.succeed(WEB).await;
    let finish = async {
        for _ in 0..300 {
            let app = setup.app("web").await;
            if app["metadata"]["deletionTimestamp"].is_string() {
                let finalizers = app["metadata"]["finalizers"].clone();
                setup.patch("web", json!({"metadata": {"finalizers": []}})).await;
                return finalizers;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no deletion was asked for");
    };
    let (text, finalizers) = tokio::join!(setup.succeed("app delete web -y --wait -p background"), finish);
    assert_eq!(text, "application 'web' deleted\n");
    assert_eq!(finalizers, json!(["resources-finalizer.argocd.argoproj.io/background"]));
    assert!(setup.app("web").await.is_null());
    setup.succeed(&format!("{WEB} --set-finalizer")).await;
    setup.succeed("app delete web --cascade=false --wait").await;
    assert!(setup.app("web").await.is_null(), "without the finalizer it goes at once");
}
