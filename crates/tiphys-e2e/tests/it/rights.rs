//! The services with the rights that the install manifests give them, and no others: each acts as its ServiceAccount.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tiphys_api::names::{annotation, cluster, component, config_map, secret};
use tiphys_test_kit::{
    AuditLog, ControlPlane, ControlPlaneConfig, GitRepo, Installation, InstallationConfig, Service,
    Workloads, wait_until_blocking,
};

const NAMESPACE: &str = component::CONTROL_NAMESPACE;

#[test]
fn the_services_get_by_with_the_rights_of_the_installation() {
    let plane = ControlPlane::start(ControlPlaneConfig {
        workloads: Workloads::Pending,
        audit_log: AuditLog::Metadata,
        ..ControlPlaneConfig::default()
    })
    .unwrap();
    plane.api().create("/api/v1/namespaces", &json!({ "metadata": { "name": NAMESPACE } })).unwrap();
    let manifests = tiphys_e2e::workspace().join("deploy/install.yaml");
    let apply =
        ["apply", "--namespace", NAMESPACE, "--server-side", "--filename", manifests.to_str().unwrap()];
    plane.kubectl().run(&apply).unwrap();

    let scratch = tempfile::tempdir().unwrap();
    let controller = kubeconfig(&plane, scratch.path(), component::APPLICATION_CONTROLLER);
    let api_server = kubeconfig(&plane, scratch.path(), component::API_SERVER);
    // As the repo-server's pod: a token for nothing, and the Secret as files.
    let repo_server = kubeconfig(&plane, scratch.path(), component::REPO_SERVER);
    let certificates = certificates(&plane, &controller, scratch.path());

    let flag = |name: &str, value: &Path| format!("--{name}={}", value.display());
    let installation = Installation::start(
        plane.api(),
        InstallationConfig {
            program: tiphys_e2e::program().unwrap(),
            crds: tiphys_e2e::workspace().join("crds"),
            kubeconfig: plane.kubeconfig(),
            namespace: NAMESPACE.to_owned(),
            folder: None,
            environment: Vec::new(),
            arguments: vec![
                (Service::ApplicationController, flag("kubeconfig", &controller)),
                (Service::ApiServer, flag("kubeconfig", &api_server)),
                (Service::RepoServer, flag("kubeconfig", &repo_server)),
                (Service::RepoServer, flag("internal-tls-dir", &certificates)),
            ],
        },
    )
    .unwrap();

    an_application_is_synced(&plane, &installation);
    the_first_password_is_made(&plane);
    installation.stop();
    nothing_was_refused(&plane);
}

/// A kubeconfig of the control plane in which the user is a ServiceAccount of the installation.
fn kubeconfig(plane: &ControlPlane, folder: &Path, account: &str) -> PathBuf {
    let token = plane.kubectl().run(&["create", "token", account, "--namespace", NAMESPACE]).unwrap();
    let mut config: Value =
        serde_yaml_ng::from_str(&std::fs::read_to_string(plane.kubeconfig()).unwrap()).unwrap();
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let path = folder.join(format!("{account}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// Lets the controller make the certificates of the services, and mounts the Secret as a kubelet would.
fn certificates(plane: &ControlPlane, kubeconfig: &Path, scratch: &Path) -> PathBuf {
    let log = scratch.join("first-start.log");
    let mut first = std::process::Command::new(tiphys_e2e::program().unwrap())
        .args(["application-controller", "--metrics-port=0", "--state-address=127.0.0.1:0"])
        .args(["--metrics-address=127.0.0.1", "--repo-server=127.0.0.1:1", "--namespace", NAMESPACE])
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .stdout(std::fs::File::create(&log).unwrap())
        .stderr(std::fs::File::create(scratch.join("first-start.errors")).unwrap())
        .spawn()
        .unwrap();
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{}", secret::INTERNAL_TLS);
    let stored = wait_until_blocking(Duration::from_secs(60), "the certificates are made", || {
        plane
            .api()
            .get(&path)
            .map_err(|error| format!("{error}; {}", std::fs::read_to_string(&log).unwrap_or_default()))
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let folder = scratch.join("internal-tls");
    std::fs::create_dir(&folder).unwrap();
    for (key, value) in stored.unwrap()["data"].as_object().unwrap() {
        std::fs::write(folder.join(key), STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    }
    folder
}

/// Everything that the controller does by itself: a new namespace, objects of several kinds, a status, Events.
fn an_application_is_synced(plane: &ControlPlane, installation: &Installation) {
    let repo = GitRepo::with_files([
        ("app/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: b\n"),
        (
            "app/account.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: worker\n---\napiVersion: rbac.authorization.k8s.io/v1\n\
             kind: ClusterRole\nmetadata:\n  name: worker\nrules:\n  - apiGroups: ['']\n    resources: [pods]\n    verbs: [get]\n",
        ),
    ])
    .unwrap();
    let applications = format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications");
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": { "name": "worker", "annotations": { annotation::REFRESH: "normal" } },
        "spec": {
            "project": "default",
            "source": { "repoURL": repo.url(), "path": "app", "targetRevision": "HEAD" },
            "destination": { "server": cluster::IN_CLUSTER_SERVER, "namespace": "work" },
            "syncPolicy": { "automated": {}, "syncOptions": ["CreateNamespace=true"] },
        },
    });
    plane.api().create(&applications, &application).unwrap();
    let path = format!("{applications}/worker");
    let outcome = wait_until_blocking(Duration::from_secs(60), "the application is synced", || {
        let status = plane.api().get(&path).map_err(|error| error.to_string())?["status"].clone();
        let done = status["sync"]["status"] == "Synced" && status["operationState"]["phase"] == "Succeeded";
        if done { Ok(()) } else { Err(status.to_string()) }
    });
    if let Err(error) = outcome {
        panic!("{error:#}\n{}", installation.log_tail(Service::ApplicationController, 30));
    }
    plane.api().get("/api/v1/namespaces/work/configmaps/settings").unwrap();
    plane.api().get("/apis/rbac.authorization.k8s.io/v1/clusterroles/worker").unwrap();
    let events = plane.api().list(&format!("/api/v1/namespaces/{NAMESPACE}/events")).unwrap();
    assert!(events.iter().any(|event| event["involvedObject"]["name"] == "worker"), "{events:?}");
    // The settings are those of the installation, untouched.
    let settings = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{}", config_map::SETTINGS);
    assert!(plane.api().get(&settings).unwrap()["data"]["resource.exclusions"].is_string());
}

/// The API server writes what is missing into the Secrets.
fn the_first_password_is_made(plane: &ControlPlane) {
    for (name, key) in [
        (secret::SETTINGS, secret::SERVER_SECRET_KEY),
        (secret::INITIAL_ADMIN, secret::INITIAL_ADMIN_PASSWORD),
    ] {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{name}");
        wait_until_blocking(Duration::from_secs(30), &format!("{name} holds {key}"), || {
            let stored = plane.api().get(&path).map_err(|error| error.to_string())?;
            if stored["data"][key].is_string() { Ok(()) } else { Err("it does not".to_owned()) }
        })
        .unwrap();
    }
}

/// What the API server wrote down: no service asked for something it may not, and the repo-server for nothing at all.
fn nothing_was_refused(plane: &ControlPlane) {
    let log = std::fs::read_to_string(plane.audit_log().unwrap()).unwrap();
    let mut requests = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let prefix = format!("system:serviceaccount:{NAMESPACE}:");
        let Some(account) = event["user"]["username"].as_str().and_then(|user| user.strip_prefix(&prefix))
        else {
            continue;
        };
        *requests.entry(account.to_owned()).or_insert(0) += 1;
        if event["responseStatus"]["code"] == 403 {
            refused.insert(format!("{account}: {} {}", event["verb"], event["requestURI"]));
        }
    }
    assert_eq!(refused, BTreeSet::new());
    let expected: BTreeSet<_> = [component::API_SERVER, component::APPLICATION_CONTROLLER].into();
    assert_eq!(requests.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{requests:?}");
}
