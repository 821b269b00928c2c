//! The examples without Tiphys: rendered by the tools themselves and applied strictly, so that the demo shows what
//! Tiphys does and not what is wrong with a manifest.

use std::path::{Path, PathBuf};
use std::process::Command;

use tiphys_test_kit::{ControlPlane, ControlPlaneConfig, Tool, Tools};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rendered(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_apply_strictly_and_become_ready() {
    let tools = Tools::ensure(Tool::ALL).unwrap();
    let plane = ControlPlane::start(ControlPlaneConfig::default()).unwrap();
    let kubectl = plane.kubectl();
    let examples = root().join("examples");
    let at = |path: &str| examples.join(path).display().to_string();

    kubectl.run(&["apply", "--server-side", "-k", &root().join("crds").display().to_string()]).unwrap();
    for kind in ["applications", "appprojects"] {
        plane.api().wait_until_served(&format!("{kind}.argoproj.io")).unwrap();
    }
    for namespace in ["argocd", "dev", "prod", "logbook", "beacons"] {
        kubectl.run(&["create", "namespace", namespace]).unwrap();
    }
    let strict = |namespace: &str, yaml: &str| {
        kubectl.run_with_input(&["apply", "--validate=strict", "-n", namespace, "-f", "-"], yaml).unwrap()
    };
    kubectl.run(&["apply", "--validate=strict", "-R", "-f", &at("root.yaml"), "-f", &at("fleet")]).unwrap();
    for environment in ["dev", "prod"] {
        let harbour = rendered(
            Command::new(tools.kustomize()).args(["build", &at(&format!("harbour/overlays/{environment}"))]),
        );
        strict(environment, &harbour);
        let values = at(&format!("lighthouse/values-{environment}.yaml"));
        let lighthouse = rendered(Command::new(tools.helm()).args([
            "template",
            "light",
            &at("lighthouse"),
            "-f",
            &values,
        ]));
        strict(environment, &lighthouse);
    }
    kubectl.run(&["apply", "--validate=strict", "-n", "logbook", "-f", &at("logbook")]).unwrap();
    kubectl.run(&["apply", "--validate=strict", "-f", &at("beacons/definition.yaml")]).unwrap();
    kubectl
        .run(&["wait", "--for=condition=Established", "--timeout=60s", "crd/beacons.sea.example.org"])
        .unwrap();
    kubectl.run(&["apply", "--validate=strict", "-n", "beacons", "-f", &at("beacons/beacons.yaml")]).unwrap();

    for (namespace, what, condition) in [
        ("dev", "deployment --all", "condition=Available"),
        ("prod", "deployment --all", "condition=Available"),
        ("prod", "service/light", "jsonpath={.status.loadBalancer.ingress}"),
        ("logbook", "deployment --all", "condition=Available"),
        ("logbook", "statefulset/store", "jsonpath={.status.readyReplicas}=1"),
        ("logbook", "job --all", "condition=Complete"),
    ] {
        let mut words = vec!["wait", "-n", namespace, "--timeout=60s", "--for", condition];
        words.extend(what.split(' '));
        kubectl.run(&words).unwrap();
    }
}
