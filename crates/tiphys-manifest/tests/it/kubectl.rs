//! The differential test: the same text to us and to the real kubectl, no difference allowed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tiphys_manifest::{Manifest, flatten_lists, yaml};
use tiphys_test_kit::{Tool, Tools};

use crate::snippets;

/// The annotation with which kubectl is made to print what it has read without asking a server.
const MARK: &str = "differential-test";

#[test]
fn every_text_means_what_it_means_to_kubectl() {
    let Some(kubectl) = kubectl() else {
        println!("skipped: there is no kubectl here, and it can't be built");
        return;
    };
    let texts = snippets::all();
    assert!(texts.len() >= 150, "only {} texts", texts.len());
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(difference) = difference(&kubectl, text) {
                        differences.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} of {} texts differ:\n{}",
        differences.len(),
        texts.len(),
        differences.join("\n")
    );
    println!("{} texts, no difference", texts.len());
}

fn kubectl() -> Option<PathBuf> {
    match Tools::ensure(&[Tool::Kubectl]) {
        Ok(tools) => Some(tools.kubectl()),
        Err(_) => {
            let works = Command::new("kubectl")
                .args(["version", "--client"])
                .output()
                .is_ok_and(|o| o.status.success());
            works.then(|| PathBuf::from("kubectl"))
        }
    }
}

fn difference(kubectl: &Path, text: &[u8]) -> Option<String> {
    let theirs = read_by_kubectl(kubectl, text);
    let ours = read_by_us(text);
    let same = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    let shown = String::from_utf8_lossy(text);
    let shown: String = shown.chars().take(400).collect();
    (!same).then(|| format!("--- text {shown:?}\n    ours    {ours:?}\n    kubectl {theirs:?}"))
}

fn read_by_us(text: &[u8]) -> Result<Vec<Value>, String> {
    let values = yaml::parse_stream(text).map_err(|error| error.to_string())?;
    flatten_lists(values)
        .into_iter()
        .map(|value| Manifest::new(value).map(Manifest::into_value).map_err(|error| error.to_string()))
        .collect()
}

fn read_by_kubectl(kubectl: &Path, text: &[u8]) -> Result<Vec<Value>, String> {
    let mut child = Command::new(kubectl)
        .args(["annotate", "--local", "--overwrite", "-o", "json", "-f", "-"])
        .arg(format!("{MARK}=1"))
        .env("KUBECONFIG", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // kubectl may end before it has read all of a broken text.
    let _ = child.stdin.take().unwrap().write_all(text);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        // A stream without a single object is an error to kubectl alone, which wants something to do.
        return if said.contains("no objects passed to") { Ok(Vec::new()) } else { Err(said) };
    }
    let mut values = yaml::parse_stream(&output.stdout).unwrap();
    for value in &mut values {
        // What reads well and yet is nothing that a server could take: kubectl would learn of it from the server.
        let named = ["name", "generateName"].iter().any(|key| {
            let name = value.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
            name.is_some_and(|name| !name.is_empty())
        });
        if !named || value["apiVersion"].as_str().is_none_or(str::is_empty) {
            return Err("an object without a name or an API version".to_owned());
        }
        let metadata = value["metadata"].as_object_mut().unwrap();
        let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else {
            continue;
        };
        annotations.remove(MARK);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    Ok(values)
}
