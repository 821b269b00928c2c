//! The install manifests as texts: what `deploy/` renders to, and that the chart gives the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value};
use tiphys_api::names::{component, label, parameters};
use tiphys_settings::{Settings, SettingsInput};
use tiphys_test_kit::{Tool, Tools};

/// Runs a program and returns what it printed.
pub(super) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Renders a folder of `deploy/`.
pub(super) fn kustomize(folder: &str) -> String {
    let tools = Tools::ensure(&[Tool::Kustomize]).unwrap();
    output(
        Command::new(tools.kustomize()).arg("build").arg(tiphys_e2e::workspace().join("deploy").join(folder)),
    )
}

/// Folder of the chart.
pub(super) fn chart() -> PathBuf {
    tiphys_e2e::workspace().join("charts/tiphys")
}

/// Renders the chart into the namespace `argocd`.
pub(super) fn helm_template(settings: &[&str]) -> String {
    let tools = Tools::ensure(&[Tool::Helm]).unwrap();
    let mut command = Command::new(tools.helm());
    command.args(["template", "tiphys"]).arg(chart()).args(["--namespace", "argocd"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    output(&mut command)
}

/// Reads a stream of YAML documents.
fn objects(yaml: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .filter(|object: &Value| !object.is_null())
        .collect()
}

fn name_of(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// Objects by kind and name, without what only a chart or only a kustomization writes.
fn comparable(yaml: &str) -> BTreeMap<String, Value> {
    let mut by_name = BTreeMap::new();
    for mut object in objects(yaml) {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("namespace");
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            labels.remove("helm.sh/chart");
            labels.remove("app.kubernetes.io/managed-by");
        }
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove("helm.sh/resource-policy");
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
        for subject in object["subjects"].as_array_mut().into_iter().flatten() {
            subject.as_object_mut().unwrap().remove("namespace");
        }
        for container in containers_mut(&mut object) {
            if let Some(Value::Array(variables)) = container.get_mut("env") {
                variables.sort_by_key(|variable| variable["name"].as_str().map(str::to_owned));
            }
        }
        let name = name_of(&object);
        // `null` values of an object and missing ones mean the same.
        object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert!(by_name.insert(name.clone(), object).is_none(), "{name} is there twice");
    }
    by_name
}

fn containers_mut(object: &mut Value) -> Vec<&mut Map<String, Value>> {
    let containers = object.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    containers.into_iter().flatten().filter_map(Value::as_object_mut).collect()
}

#[test]
fn the_rendered_manifests_are_those_of_the_folders() {
    for (file, folder) in
        [("install.yaml", "cluster-install"), ("namespace-install.yaml", "namespace-install")]
    {
        let written = std::fs::read_to_string(tiphys_e2e::workspace().join("deploy").join(file)).unwrap();
        let same = written.split_once('\n').is_some_and(|(_, body)| body == kustomize(folder));
        assert!(same, "deploy/{file} is not what deploy/{folder} renders to: run `cargo xtask manifests`");
    }
}

#[test]
fn the_chart_gives_the_same_objects_as_the_manifests() {
    let manifests = comparable(&kustomize("cluster-install"));
    let chart = comparable(&helm_template(&[]));
    assert_eq!(
        chart.keys().collect::<Vec<_>>(),
        manifests.keys().collect::<Vec<_>>(),
        "the same kinds and names"
    );
    for (name, object) in &manifests {
        assert_eq!(&chart[name], object, "{name}");
    }
}

#[test]
fn the_chart_leaves_out_what_its_values_switch_off() {
    let rendered = comparable(&helm_template(&[
        "crds.install=false",
        "rbac.clusterWide=false",
        "networkPolicy.create=false",
        "configs.secret.create=false",
    ]));
    let kinds: BTreeSet<_> = rendered.keys().filter_map(|name| name.split(' ').next()).collect();
    for kind in ["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "Secret"] {
        assert!(!kinds.contains(kind), "{kind} is switched off");
    }
    assert!(kinds.contains("Role") && kinds.contains("StatefulSet"));
}

#[test]
fn a_change_of_the_parameters_restarts_the_pods() {
    let before = comparable(&helm_template(&["configs.params.a=1", "crds.install=false"]));
    let after = comparable(&helm_template(&["configs.params.a=2", "crds.install=false"]));
    for workload in ["Deployment argocd-server", "StatefulSet argocd-application-controller"] {
        let checksum = |objects: &BTreeMap<String, Value>| {
            objects[workload]["spec"]["template"]["metadata"]["annotations"]["checksum/parameters"].clone()
        };
        assert!(checksum(&before).is_string() && checksum(&before) != checksum(&after), "{workload}");
    }
}

// covers: CFG-054
#[test]
fn each_parameter_reaches_its_service_as_its_variable() {
    let mut rendered = comparable(&kustomize("namespace-install"));
    for (kind, name) in [
        ("Deployment", component::API_SERVER),
        ("Deployment", component::REPO_SERVER),
        ("StatefulSet", component::APPLICATION_CONTROLLER),
    ] {
        let workload = rendered.get_mut(&format!("{kind} {name}")).unwrap();
        let container = containers_mut(workload).remove(0);
        let mut variables = BTreeSet::new();
        for variable in container["env"].as_array().unwrap() {
            let from = &variable["valueFrom"]["configMapKeyRef"];
            if from["name"] == "argocd-cmd-params-cm" {
                assert_eq!(from["optional"], true, "{name}: {variable}");
                let inserted =
                    variables.insert((from["key"].as_str().unwrap(), variable["name"].as_str().unwrap()));
                assert!(inserted, "{name}: {variable} is there twice");
            }
        }
        let expected: BTreeSet<_> =
            parameters::of(name).iter().map(|parameter| (parameter.key, parameter.env)).collect();
        assert_eq!(variables, expected, "{name}");
    }
}

#[test]
fn containers_can_do_as_little_as_possible() {
    for (name, object) in &mut comparable(&kustomize("cluster-install")) {
        for container in containers_mut(object) {
            let security = &container["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(security["runAsNonRoot"], true, "{name}");
            assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]), "{name}");
            assert!(
                container["readinessProbe"].is_object() && container["livenessProbe"].is_object(),
                "{name}"
            );
            assert!(container["resources"]["requests"]["memory"].is_string(), "{name}");
        }
    }
}

#[test]
fn every_object_is_part_of_argocd() {
    for (name, object) in comparable(&kustomize("cluster-install")) {
        assert_eq!(object["metadata"]["labels"][label::PART_OF], label::PART_OF_ARGOCD, "{name}");
    }
}

// covers: TRK-012
#[test]
fn kinds_that_nobody_keeps_in_git_are_excluded_by_default() {
    let rendered = comparable(&kustomize("namespace-install"));
    let text = rendered["ConfigMap argocd-cm"]["data"]["resource.exclusions"].as_str().unwrap();
    let rules: Vec<Value> = serde_yaml_ng::from_str(text).unwrap();
    let excluded = |group: &str, kind: &str| {
        let holds = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|held| held == word);
        rules.iter().any(|rule| holds(&rule["apiGroups"], group) && holds(&rule["kinds"], kind))
    };
    for (group, kind) in [
        ("", "Endpoints"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("coordination.k8s.io", "Lease"),
        ("authentication.k8s.io", "SelfSubjectReview"),
        ("authentication.k8s.io", "TokenReview"),
        ("authorization.k8s.io", "LocalSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "SubjectAccessReview"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("cert-manager.io", "CertificateRequest"),
        ("kyverno.io", "ClusterAdmissionReport"),
        ("reports.kyverno.io", "EphemeralReport"),
        ("wgpolicyk8s.io", "PolicyReport"),
        ("cilium.io", "CiliumIdentity"),
        ("cilium.io", "CiliumEndpoint"),
        ("cilium.io", "CiliumEndpointSlice"),
    ] {
        assert!(excluded(group, kind), "{group}/{kind}");
    }
    assert!(!excluded("apps", "Deployment"));
}

#[test]
fn the_chart_has_no_faults_that_helm_knows_and_refuses_values_that_it_does_not() {
    let tools = Tools::ensure(&[Tool::Helm]).unwrap();
    output(Command::new(tools.helm()).args(["lint", "--strict", "--quiet"]).arg(chart()));
    let mut wrong = Command::new(tools.helm());
    wrong.args(["template", "tiphys"]).arg(chart()).args(["--set", "repoServer.replica=3"]);
    let refused = wrong.output().unwrap();
    assert!(!refused.status.success(), "a typing mistake is refused");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("replica"), "{refused:?}");
}

#[test]
fn the_shipped_settings_hold_no_problem() {
    let rendered = comparable(&kustomize("namespace-install"));
    let data = |name: &str| -> BTreeMap<String, String> {
        let data = &rendered[&format!("ConfigMap {name}")]["data"];
        if data.is_null() { BTreeMap::new() } else { serde_json::from_value(data.clone()).unwrap() }
    };
    let input = SettingsInput {
        argocd_cm: data("argocd-cm"),
        argocd_rbac_cm: data("argocd-rbac-cm"),
        ssh_known_hosts_cm: data("argocd-ssh-known-hosts-cm"),
        tls_certs_cm: data("argocd-tls-certs-cm"),
        gpg_keys_cm: data("argocd-gpg-keys-cm"),
        ..SettingsInput::default()
    };
    assert!(input.argocd_cm.len() > 5 && input.ssh_known_hosts_cm.len() == 1);
    let (_, problems) = Settings::parse(&input);
    assert_eq!(problems, []);
}

#[test]
fn another_namespace_and_image_reach_everything_that_names_them() {
    let overlay = tempfile::tempdir().unwrap();
    // Kustomize takes relative folders only.
    let from = overlay.path().canonicalize().unwrap();
    let to = tiphys_e2e::workspace().join("deploy/cluster-install").canonicalize().unwrap();
    let up = "../".repeat(from.components().count() - 1);
    // As deploy/README.md says.
    let namespace = serde_json::json!({
        "apiVersion": "builtin",
        "kind": "NamespaceTransformer",
        "metadata": { "name": "namespace", "namespace": "gitops" },
        "setRoleBindingSubjects": "allServiceAccounts",
    });
    let kustomization = serde_json::json!({
        "transformers": [namespace.to_string()],
        "resources": [format!("{up}{}", to.strip_prefix("/").unwrap().display())],
        "images": [{ "name": "tiphys", "newName": "registry.example.com/tiphys", "newTag": "0.1.0" }],
    });
    std::fs::write(from.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let tools = Tools::ensure(&[Tool::Kustomize]).unwrap();
    let rendered = output(Command::new(tools.kustomize()).arg("build").arg(&from));

    let mut images = 0;
    for mut object in objects(&rendered) {
        let name = name_of(&object);
        let cluster_wide = ["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"];
        let expected = if cluster_wide.contains(&object["kind"].as_str().unwrap()) {
            Value::Null
        } else {
            "gitops".into()
        };
        assert_eq!(object["metadata"]["namespace"], expected, "{name}");
        for subject in object["subjects"].as_array().into_iter().flatten() {
            assert_eq!(subject["namespace"], "gitops", "{name}");
        }
        for container in containers_mut(&mut object) {
            assert_eq!(container["image"], "registry.example.com/tiphys:0.1.0", "{name}");
            images += 1;
        }
    }
    assert_eq!(images, 3);
}

#[test]
fn a_takeover_brings_everything_but_settings() {
    let installation = comparable(&kustomize("cluster-install"));
    let takeover = comparable(&kustomize("takeover"));
    for (name, object) in installation {
        let is_setting = name.starts_with("ConfigMap ") || name.starts_with("Secret ");
        assert_eq!(takeover.get(&name), (!is_setting).then_some(&object), "{name}");
    }
}
