//! The installation on a real API server: accepted with strict validation, admitted under the strictest pod security,
//! and with the rights that the services need and no others.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tiphys_test_kit::{ControlPlane, ControlPlaneConfig, Tool, Tools, wait_until_blocking};

use super::manifests::{chart, helm_template, output};

const NAMESPACE: &str = "argocd";

/// A chart is installed and uninstalled, then the manifests are applied, in one control plane of their own: both have
/// the same cluster-wide names.
#[test]
fn the_chart_and_the_manifests_install_on_a_real_control_plane() {
    let plane = ControlPlane::start(ControlPlaneConfig::default()).unwrap();
    let restricted = json!({
        "metadata": { "name": NAMESPACE, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    plane.api().create("/api/v1/namespaces", &restricted).unwrap();

    install_chart(&plane);
    services_become_ready(&plane);
    definitions_serve(&plane);
    rights_are_as_small_as_possible(&plane);
    an_upgrade_keeps_what_the_services_wrote(&plane);
    uninstall_chart(&plane);

    let manifests = tiphys_e2e::workspace().join("deploy/install.yaml");
    let apply =
        ["apply", "--namespace", NAMESPACE, "--server-side", "--force-conflicts", "--validate=strict"];
    let manifests = manifests.to_str().unwrap();
    plane.kubectl().run(&[&apply[..], &["--filename", manifests]].concat()).unwrap();
    services_become_ready(&plane);
    definitions_serve(&plane);
    rights_are_as_small_as_possible(&plane);
    // A second time nothing is left to do, and nothing is in the way.
    plane.kubectl().run(&[&apply[..], &["--filename", manifests]].concat()).unwrap();
}

fn helm(plane: &ControlPlane) -> Command {
    let tools = Tools::ensure(&[Tool::Helm]).unwrap();
    let mut command = Command::new(tools.helm());
    command.arg("--kubeconfig").arg(plane.kubeconfig()).args(["--namespace", NAMESPACE]);
    command
}

fn install_chart(plane: &ControlPlane) {
    // Helm itself asks for no strict validation, so the same text goes to the API server a second way.
    let rendered = helm_template(&[]);
    let dry_run = [
        "apply",
        "--namespace",
        NAMESPACE,
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--filename",
        "-",
    ];
    plane.kubectl().run_with_input(&dry_run, &rendered).unwrap();
    output(helm(plane).args(["install", "tiphys"]).arg(chart()));
}

fn an_upgrade_keeps_what_the_services_wrote(plane: &ControlPlane) {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/argocd-secret");
    plane
        .api()
        .merge_patch(&path, &json!({ "stringData": { "server.secretkey": "made at first start" } }))
        .unwrap();
    output(
        helm(plane).args(["upgrade", "tiphys"]).arg(chart()).args(["--set", "configs.secret.data.other=x"]),
    );
    let data = plane.api().get(&path).unwrap()["data"].clone();
    assert!(data["server.secretkey"].is_string() && data["other"].is_string(), "{data}");
}

fn uninstall_chart(plane: &ControlPlane) {
    let application = application("kept");
    plane.api().create(&applications(), &application).unwrap();
    output(helm(plane).args(["uninstall", "tiphys", "--wait"]));
    // The definitions stay, and with them what users have made.
    plane.api().get(&format!("{}/kept", applications())).unwrap();
    plane.api().delete(&format!("{}/kept", applications())).unwrap();
    let workloads = plane.api().list(&format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets")).unwrap();
    assert!(workloads.is_empty(), "{workloads:?}");
}

fn services_become_ready(plane: &ControlPlane) {
    for path in [
        "deployments/argocd-server",
        "deployments/argocd-repo-server",
        "statefulsets/argocd-application-controller",
    ] {
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/{path}");
        wait_until_blocking(Duration::from_secs(60), &format!("{path} is ready"), || {
            let object = plane.api().get(&path).map_err(|error| error.to_string())?;
            if object["status"]["readyReplicas"] == 1 { Ok(()) } else { Err(object["status"].to_string()) }
        })
        .unwrap();
    }
    // Each Service finds its Pod.
    for service in [
        "argocd-server",
        "argocd-server-metrics",
        "argocd-repo-server",
        "argocd-metrics",
        "argocd-application-controller",
    ] {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{service}");
        let selector = plane.api().get(&path).unwrap()["spec"]["selector"]["app.kubernetes.io/name"].clone();
        let pods = format!(
            "/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fname%3D{}",
            selector.as_str().unwrap()
        );
        assert!(!plane.api().list(&pods).unwrap().is_empty(), "{service}");
    }
}

fn applications() -> String {
    format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications")
}

fn application(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": { "name": name },
        "spec": {
            "project": "default",
            "destination": { "server": "https://kubernetes.default.svc", "namespace": "web" },
            "source": {
                "repoURL": "https://git.example.com/shop.git",
                "path": "overlays/prod",
                "targetRevision": "v1.*",
                "helm": { "valuesObject": { "any": { "depth": [1, "two", null] } } },
                "kustomize": { "replicas": [{ "name": "web", "count": 3 }, { "name": "api", "count": "2" }] },
            },
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true }, "syncOptions": ["CreateNamespace=true"] },
        },
    })
}

/// The API server serves the kinds with what makes them convenient, and prunes nothing that users may write.
fn definitions_serve(plane: &ControlPlane) {
    let kubectl = plane.kubectl();
    for crd in ["applications", "appprojects", "applicationsets"] {
        kubectl
            .run(&["wait", "--for=condition=Established", "--timeout=60s", &format!("crd/{crd}.argoproj.io")])
            .unwrap();
    }
    let sent = application("columns");
    let create = ["create", "--namespace", NAMESPACE, "--validate=strict", "--filename", "-"];
    kubectl.run_with_input(&create, &sent.to_string()).unwrap();
    let stored = plane.api().get(&format!("{}/columns", applications())).unwrap();
    assert_eq!(stored["spec"], sent["spec"], "nothing is pruned and nothing is added");

    let status = json!({ "status": { "sync": { "status": "Synced", "revision": "abc" }, "health": { "status": "Healthy" } } });
    plane.api().merge_patch(&format!("{}/columns", applications()), &status).unwrap();
    let table = kubectl.run(&["get", "apps", "--namespace", NAMESPACE]).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [vec!["NAME", "SYNC", "STATUS", "HEALTH", "STATUS"], vec!["columns", "Synced", "Healthy"]]
    );
    let wide = kubectl.run(&["get", "app", "--namespace", NAMESPACE, "--output", "wide"]).unwrap();
    assert!(wide.contains("REVISION") && wide.contains("abc") && wide.contains("default"), "{wide}");

    let unknown = application("unknown").to_string().replace("\"targetRevision\"", "\"targetRevisoin\"");
    let refused = kubectl.run_with_input(&create, &unknown).unwrap_err().to_string();
    assert!(refused.contains("targetRevisoin"), "{refused}");
    plane.api().delete(&format!("{}/columns", applications())).unwrap();

    let short_names = kubectl.run(&["api-resources", "--api-group=argoproj.io", "--no-headers"]).unwrap();
    for names in ["app,apps", "appproj,appprojs", "appset,appsets"] {
        assert!(short_names.contains(names), "{short_names}");
    }
}

fn rights_are_as_small_as_possible(plane: &ControlPlane) {
    for (account, verb, resource, namespace, expected) in [
        ("argocd-application-controller", "create", "deployments.apps", "web", true),
        ("argocd-application-controller", "delete", "customresourcedefinitions", "web", true),
        ("argocd-application-controller", "patch", "applications.argoproj.io", NAMESPACE, true),
        ("argocd-server", "update", "secrets", NAMESPACE, true),
        ("argocd-server", "delete", "pods", "web", true),
        ("argocd-server", "get", "pods/log", "web", true),
        ("argocd-server", "create", "deployments.apps", "web", false),
        ("argocd-server", "list", "secrets", "web", false),
        ("argocd-repo-server", "get", "secrets", NAMESPACE, false),
        ("argocd-repo-server", "get", "configmaps", NAMESPACE, false),
        ("argocd-repo-server", "create", "pods", NAMESPACE, false),
    ] {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:{NAMESPACE}:{account}"),
                "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{NAMESPACE}")],
                "resourceAttributes": {
                    "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                    "namespace": namespace,
                },
            },
        });
        let answer =
            plane.api().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).unwrap();
        assert_eq!(answer["status"]["allowed"], expected, "may {account} {verb} {resource} in {namespace}?");
    }
}
