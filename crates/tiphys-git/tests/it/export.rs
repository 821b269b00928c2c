//! Files on disk for tools.

use std::sync::Arc;

use tiphys_git::{Access, ExportError, Exports, FoundFile, Snapshot, TreeError, Walking};
use tiphys_test_kit::GitRepo;

use super::support::Reader;

const ALL: Walking = Walking {
    recurse: true,
    hidden_folders: true,
    linked_folders: true,
    skip_submodules: false,
    limit: 1000,
};

async fn snapshot(repo: &GitRepo) -> Snapshot {
    let access = Access::anonymous(&repo.url()).unwrap();
    Reader::new().commit(&access, "main").await.unwrap().open().unwrap()
}

#[tokio::test]
async fn an_export_holds_plain_files_and_is_made_once() {
    let repo = GitRepo::with_files([("a/x.yaml", "1"), ("b/y.yaml", "2")]).unwrap();
    repo.write_executable("run.sh", "#!/bin/sh").unwrap();
    repo.symlink("a/linked", "../b").unwrap();
    repo.symlink("a/z.yaml", "../b/y.yaml").unwrap();
    repo.commit("files").unwrap();
    let snapshot = snapshot(&repo).await;
    let folder = tempfile::TempDir::new().unwrap();
    let exports = Exports::open(&folder.path().join("exports"), 1 << 20, 1 << 20).unwrap();
    let files = snapshot.files(&snapshot.root(), &ALL).unwrap();
    let export = exports.get(&snapshot, &files).unwrap();
    let read = |path: &str| std::fs::read_to_string(export.path().join(path)).unwrap();
    assert_eq!(
        (read("a/x.yaml"), read("a/linked/y.yaml"), read("a/z.yaml")),
        ("1".into(), "2".into(), "2".into())
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &str| std::fs::symlink_metadata(export.path().join(path)).unwrap().permissions().mode();
    assert_eq!(mode("run.sh") & 0o777, 0o555);
    assert_eq!(mode("a/x.yaml") & 0o777, 0o444);
    assert_eq!(mode("a") & 0o777, 0o555);
    assert!(!std::fs::symlink_metadata(export.path().join("a/z.yaml")).unwrap().is_symlink());
    assert!(Arc::ptr_eq(&export, &exports.get(&snapshot, &files).unwrap()));
}

#[tokio::test]
async fn exports_stay_within_their_bound_and_while_they_are_used() {
    let repo = GitRepo::with_files([("a", "x".repeat(600)), ("b", "y".repeat(600))]).unwrap();
    let snapshot = snapshot(&repo).await;
    let folder = tempfile::TempDir::new().unwrap();
    let root = folder.path().join("exports");
    let exports = Exports::open(&root, 1000, 1000).unwrap();
    let all = snapshot.files(&snapshot.root(), &ALL).unwrap();
    let error = exports.get(&snapshot, &all).unwrap_err();
    assert!(matches!(error, ExportError::Tree(TreeError::TooLarge { .. })), "{error}");
    let first = exports.get(&snapshot, &all[..1]).unwrap();
    let second = exports.get(&snapshot, &all[1..]).unwrap();
    assert!(first.path().join("a").exists() && second.path().join("b").exists());
    let path = first.path().to_owned();
    drop(first);
    assert!(!path.exists(), "what was dropped from the cache goes with its last user");
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1);
    // What a process that was killed left is not used.
    std::fs::create_dir_all(root.join("new-half/a")).unwrap();
    drop((second, exports));
    Exports::open(&root, 1000, 1000).unwrap();
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
}

#[tokio::test]
async fn a_path_that_would_leave_the_folder_is_not_written() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let snapshot = snapshot(&repo).await;
    let folder = tempfile::TempDir::new().unwrap();
    let exports = Exports::open(&folder.path().join("exports"), 1000, 1000).unwrap();
    let target = snapshot.lookup("a").unwrap().unwrap();
    for path in ["../a", "/tmp/a", "x/../../a", "", "."] {
        let file = FoundFile { path: path.to_owned(), target: target.clone() };
        assert!(matches!(exports.get(&snapshot, &[file]), Err(ExportError::Path { .. })), "{path}");
    }
}
