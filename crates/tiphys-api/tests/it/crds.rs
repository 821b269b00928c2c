//! The definitions in `crds/` are those of the types, and accept exactly what Argo CD's definitions accept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

#[test]
fn the_files_in_crds_are_those_of_the_types() {
    let folder = workspace().join("crds");
    let files = tiphys_api::crd::files().unwrap();
    for (name, text) in &files {
        let written = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(written == *text, "crds/{name} is not what the types say: run `cargo xtask crds`");
    }
    let expected: BTreeSet<_> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "crds/ holds these files and no others");
}

#[test]
fn definitions_fit_into_the_annotation_of_kubectl_apply_where_that_is_possible() {
    // The API server limits all annotations of an object together to this many bytes.
    const LIMIT: usize = 256 * 1024;
    for crd in [tiphys_api::crd::application(), tiphys_api::crd::app_project()] {
        let size = crd.to_string().len();
        assert!(size < LIMIT, "{} has {size} bytes", crd["metadata"]["name"]);
    }
}

#[test]
fn every_field_is_described_where_size_allows() {
    for crd in [tiphys_api::crd::application(), tiphys_api::crd::app_project()] {
        let mut missing = Vec::new();
        undescribed("", &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], &mut missing);
        assert!(missing.is_empty(), "{}: {missing:?}", crd["metadata"]["name"]);
    }
}

fn undescribed(path: &str, schema: &Value, missing: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // The API server allows no description there.
        if path == ".metadata" {
            continue;
        }
        if property["description"].as_str().is_none_or(str::is_empty) {
            missing.push(path.clone());
        }
        undescribed(&path, property, missing);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(keyword) {
            undescribed(path, inner, missing);
        }
    }
}

#[test]
fn applications_accept_exactly_what_argo_cd_accepts() {
    assert_same("crd-application.json", &tiphys_api::crd::application());
}

#[test]
fn projects_accept_exactly_what_argo_cd_accepts() {
    assert_same("crd-appproject.json", &tiphys_api::crd::app_project());
}

#[test]
fn application_sets_accept_exactly_what_argo_cd_accepts() {
    assert_same("crd-applicationset.json", &tiphys_api::crd::application_set());
}

/// Compares a definition with Argo CD's, where that is at hand, and lists every difference.
fn assert_same(file: &str, ours: &Value) {
    let path = workspace().join("../shared/reference").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {file} is not at hand");
        return;
    };
    let theirs: Value = serde_json::from_str(&text).unwrap();
    let mut differences = Vec::new();
    compare("", &theirs, ours, false, &mut differences);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Walks both values. `by_name` says that keys are names that users see, so that a `description` among them counts.
fn compare(path: &str, theirs: &Value, ours: &Value, by_name: bool, differences: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
            for key in keys {
                // A description does not change what is accepted, and ours are our own.
                if key == "description" && !by_name {
                    continue;
                }
                let path = format!("{path}/{key}");
                match (theirs.get(key), ours.get(key)) {
                    (Some(theirs), Some(ours)) => {
                        compare(&path, theirs, ours, key == "properties" && !by_name, differences);
                    }
                    (Some(theirs), None) => {
                        differences.push(format!("{path}: missing, is {}", short(theirs)));
                    }
                    (None, Some(ours)) => {
                        differences.push(format!("{path}: should not be, is {}", short(ours)));
                    }
                    (None, None) => {}
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours))
            if path.ends_with("/required") || path.ends_with("/shortNames") =>
        {
            let sorted = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            if sorted(theirs) != sorted(ours) {
                differences.push(format!("{path}: {ours:?} instead of {theirs:?}"));
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (at, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                compare(&format!("{path}/{at}"), theirs, ours, false, differences);
            }
        }
        _ if theirs == ours => {}
        _ => differences.push(format!("{path}: {} instead of {}", short(ours), short(theirs))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.char_indices().nth(120).map_or(text.clone(), |(end, _)| format!("{}…", &text[..end]))
}

#[test]
fn the_comparison_finds_what_differs() {
    let theirs = serde_json::json!({"properties": {"a": {"type": "string", "description": "x"}, "description": {"type": "string"}}, "required": ["a", "b"]});
    let ours = serde_json::json!({"properties": {"a": {"type": "integer"}, "c": {}}, "required": ["b", "a"]});
    let mut differences = Vec::new();
    compare("", &theirs, &ours, false, &mut differences);
    assert_eq!(differences.len(), 3, "{differences:?}");
}
