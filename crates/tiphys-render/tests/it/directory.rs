//! Plain manifests.

use serde_json::json;
use tiphys_test_kit::GitRepo;

use super::support::{Bench, config_map, names};

// covers: TOOL-025, TOOL-026, TOOL-027, TOOL-028
#[tokio::test]
async fn files_are_chosen_by_extension_folder_and_globs() {
    let repo = GitRepo::with_files([
        ("d/b.yml", config_map("b")),
        ("d/a.yaml", config_map("a")),
        ("d/c.json", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#.to_owned()),
        ("d/e.txt", config_map("e")),
        ("d/sub/f.yaml", config_map("f")),
        ("d/sub/deep/g.yaml", config_map("g")),
        ("d/.git-hidden/h.yaml", config_map("h")),
    ])
    .unwrap();
    let bench = Bench::new();
    let table = [
        (json!({}), vec!["a", "b", "c"]),
        (json!({"recurse": true}), vec!["a", "b", "c", "g", "f"]),
        (json!({"disableExtensionFilter": true}), vec!["a", "b", "c", "e"]),
        (json!({"include": "*.yaml"}), vec!["a"]),
        (json!({"recurse": true, "include": "*.yaml"}), vec!["a", "g", "f"]),
        (json!({"recurse": true, "include": "sub/*"}), vec!["g", "f"]),
        (json!({"include": "{a,b}.*"}), vec!["a", "b"]),
        (json!({"include": "*", "exclude": "{a,b}.*"}), vec!["c"]),
        (json!({"recurse": true, "exclude": "sub/**"}), vec!["a", "b", "c"]),
    ];
    for (directory, expected) in table {
        let objects = bench.objects(&repo, json!({"path": "d", "directory": directory})).await;
        assert_eq!(names(&objects), expected, "{directory}");
    }
    let error = bench.error(&repo, json!({"path": "d", "directory": {"include": "{a"}})).await;
    assert!(error.contains("directory.include"), "{error}");
}

// covers: TOOL-011, GIT-060
#[tokio::test]
async fn hidden_folders_are_read_when_the_operator_wants_it() {
    let repo = GitRepo::with_files([("d/.h/a.yaml", config_map("a"))]).unwrap();
    let source = json!({"path": "d", "directory": {"recurse": true}});
    assert_eq!(Bench::new().objects(&repo, source.clone()).await.len(), 0);
    assert_eq!(Bench::with(|limits| limits.hidden_folders = true).objects(&repo, source).await.len(), 1);
}

// covers: TOOL-010, TOOL-012, TOOL-029, TOOL-030
#[tokio::test]
async fn what_looks_like_a_manifest_must_be_one_and_the_rest_is_ignored() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n- {apiVersion: v1, kind: Secret, metadata: {name: two}}\n";
    let repo = GitRepo::with_files([
        (
            "d/documents.yaml",
            format!("# comment only\n---\n{}---\n---\n{}", config_map("a"), config_map("b")),
        ),
        ("d/list.yaml", list.to_owned()),
        ("d/values.yaml", "replicas: 3\nimage: x\n".to_owned()),
        ("d/template.yaml", "{{ if x }}\nnot: yaml: at all\n".to_owned()),
        ("d/skipped.yaml", format!("{}  #   +argocd:skip-file-rendering  \nbroken: [", config_map("s"))),
        ("d/empty.yaml", String::new()),
    ])
    .unwrap();
    let bench = Bench::new();
    let objects = bench.objects(&repo, json!({"path": "d"})).await;
    assert_eq!(names(&objects), ["a", "b", "one", "two"]);
    let broken = [
        ("d/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n", "Failed to unmarshal \"d/x.yaml\""),
        (
            "d/y.yaml",
            &format!("{}---\nname: x\nvalue: y\n", config_map("a")),
            "Failed to unmarshal \"d/y.yaml\"",
        ),
        ("d/z.yaml", &format!("{}---\na: [\n", config_map("a")), "Failed to unmarshal \"d/z.yaml\""),
        (
            "d/j.json",
            "{} {}",
            "Found multiple objects in \"d/j.json\". Only single objects are allowed in JSON files.",
        ),
        ("d/k.json", "{", "Failed to unmarshal \"d/k.json\""),
        ("d/l.json", "{\"a\": 1}", "Failed to unmarshal \"d/l.json\""),
        ("d/m.yaml", "apiVersion: v1\nmetadata: {name: x}\nkind:\n", "Failed to unmarshal \"d/m.yaml\""),
    ];
    for (path, text, expected) in broken {
        repo.write(path, text).unwrap();
        repo.commit("broken").unwrap();
        let error = bench.error(&repo, json!({"path": "d"})).await;
        assert!(error.starts_with(expected), "{path}: {error}");
        repo.remove(path).unwrap();
    }
}

// covers: TOOL-014
#[tokio::test]
async fn manifests_beyond_the_size_limit_are_not_read() {
    let big = format!("{}  big: {}\n", config_map("a"), "x".repeat(3000));
    let repo =
        GitRepo::with_files([("d/a.yaml", big.as_str()), ("d/b.yaml", &big), ("d/c.bin", &"x".repeat(9000))])
            .unwrap();
    let bench = Bench::with(|limits| limits.directory_bytes = 5000);
    let error = bench.error(&repo, json!({"path": "d"})).await;
    assert!(error.contains("exceeded max combined manifest file size"), "{error}");
    assert_eq!(
        Bench::with(|limits| limits.directory_bytes = 7000).objects(&repo, json!({"path": "d"})).await.len(),
        2
    );
    assert_eq!(
        Bench::with(|limits| limits.directory_bytes = 0).objects(&repo, json!({"path": "d"})).await.len(),
        2
    );
}

#[tokio::test]
async fn files_of_windows_editors_are_read() {
    let text = config_map("utf16").replace('\n', "\r\n");
    let little: Vec<u8> =
        [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let big: Vec<u8> = [vec![0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat();
    let marked: Vec<u8> = [vec![0xef, 0xbb, 0xbf], text.clone().into_bytes()].concat();
    let repo = GitRepo::new().unwrap();
    for (name, bytes) in [("little", little), ("big", big), ("marked", marked)] {
        repo.write(&format!("d/{name}.yaml"), bytes).unwrap();
    }
    repo.commit("encodings").unwrap();
    let objects = Bench::new().objects(&repo, json!({"path": "d"})).await;
    assert_eq!(names(&objects), ["utf16", "utf16", "utf16"]);
}

#[tokio::test]
async fn jsonnet_is_refused_by_name_unless_it_is_switched_off() {
    let repo =
        GitRepo::with_files([("d/a.yaml", config_map("a")), ("d/b.jsonnet", "{}".to_owned())]).unwrap();
    let bench = Bench::new();
    let error = bench.error(&repo, json!({"path": "d"})).await;
    assert!(error.starts_with("d/b.jsonnet: Jsonnet is not supported yet"), "{error}");
    let mut inputs = bench.inputs(&repo, json!({"path": "d"})).await;
    inputs.options.jsonnet_disabled = true;
    assert_eq!(bench.run(&inputs).await.unwrap().count, 1);
    assert_eq!(
        bench.objects(&repo, json!({"path": "d", "directory": {"exclude": "*.jsonnet"}})).await.len(),
        1
    );
}

#[tokio::test]
async fn a_manifest_in_git_lfs_is_an_error_and_not_a_missing_object() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let repo = GitRepo::with_files([("d/a.yaml", config_map("a").as_str()), ("d/b.yaml", pointer)]).unwrap();
    let error = Bench::new().error(&repo, json!({"path": "d"})).await;
    assert!(error.starts_with("d/b.yaml: ") && error.contains("Git LFS"), "{error}");
}
