//! The toolchain: that what is built runs and says its version, and that two who ask at once build once.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use tiphys_test_kit::{Tool, Tools};

#[test]
fn every_program_runs_and_says_its_version() {
    let tools = Tools::ensure(Tool::ALL).unwrap();
    for tool in Tool::ALL {
        let arguments: &[&str] = match tool {
            Tool::Kubectl => &["version", "--client"],
            Tool::Helm => &["version", "--short"],
            Tool::Kustomize => &["version"],
            // Built from a module, it does not know its own.
            Tool::Kwok => &["--help"],
            _ => &["--version"],
        };
        let output = Command::new(tools.path(*tool)).args(arguments).output().unwrap();
        assert!(output.status.success(), "{tool:?}: {}", String::from_utf8_lossy(&output.stderr));
        let version = if *tool == Tool::Kwok { "kwok" } else { tool.version().trim_start_matches('v') };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(version), "{tool:?} says {said}");
    }
}

#[test]
fn charts_see_a_present_kubernetes_version_without_a_cluster() {
    let chart = tempfile::tempdir().unwrap();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    std::fs::write(chart.path().join("Chart.yaml"), "apiVersion: v2\nname: c\nversion: 0.1.0\n").unwrap();
    std::fs::write(
        chart.path().join("templates/v.yaml"),
        "v: {{ .Capabilities.KubeVersion.Minor | quote }}\n",
    )
    .unwrap();
    let tools = Tools::ensure(&[Tool::Helm]).unwrap();
    let output = Command::new(tools.helm()).arg("template").arg(chart.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("v: \"37\""), "{said}");
}

#[test]
fn two_who_ask_at_once_build_once() {
    let root = tempfile::tempdir().unwrap();
    let ask = |root: std::path::PathBuf| {
        std::thread::spawn(move || {
            let tools = Tools::ensure_in(&root, &[Tool::Kustomize]).unwrap();
            std::fs::metadata(tools.kustomize()).unwrap().ino()
        })
    };
    let (one, two) = (ask(root.path().to_owned()), ask(root.path().to_owned()));
    // A second build would put another file in the place of the first.
    assert_eq!(one.join().unwrap(), two.join().unwrap());
}
