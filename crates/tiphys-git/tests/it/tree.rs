//! Reading files, and paths and links that try to leave.

use tiphys_git::{Access, Kind, Snapshot, TreeError, Walking};
use tiphys_test_kit::GitRepo;

use super::support::{Reader, text};

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
async fn paths_and_links_inside_the_repository_are_followed() {
    let repo = GitRepo::new().unwrap();
    repo.write("base/values.yaml", "x: 1").unwrap();
    repo.symlink("app/values.yaml", "../base/values.yaml").unwrap();
    repo.symlink("linked", "base").unwrap();
    repo.symlink("chain", "./linked/../linked").unwrap();
    repo.commit("links").unwrap();
    let snapshot = snapshot(&repo).await;
    for path in [
        "app/values.yaml",
        "./app//values.yaml",
        "linked/values.yaml",
        "chain/values.yaml",
        "app/../base/values.yaml",
    ] {
        assert_eq!(text(&snapshot, path), "x: 1", "{path}");
        assert_eq!(snapshot.lookup(path).unwrap().unwrap().path, "base/values.yaml");
    }
    assert_eq!(snapshot.lookup("").unwrap().unwrap(), snapshot.root());
    assert_eq!(snapshot.lookup("app").unwrap().unwrap().kind, Kind::Tree);
    assert_eq!(snapshot.lookup("nothing/here").unwrap(), None);
    assert_eq!(snapshot.lookup("base/values.yaml/x").unwrap(), None);
    assert_eq!(
        snapshot.lookup_from("app", "../linked/values.yaml").unwrap().unwrap().path,
        "base/values.yaml"
    );
}

// covers: TOOL-013, APP-044
#[tokio::test]
async fn whatever_leads_out_of_the_repository_is_an_error_that_names_it() {
    let repo = GitRepo::new().unwrap();
    repo.write("inside", "x").unwrap();
    let links = [
        ("absolute", "/etc/passwd"),
        ("up", "../outside"),
        ("deep/up", "../../outside"),
        ("proc", "/proc/self/environ"),
        ("folder", "../.."),
        ("later", "folder/etc/passwd"),
    ];
    for (path, target) in links {
        repo.symlink(path, target).unwrap();
    }
    repo.symlink("self", "self").unwrap();
    repo.symlink("ping", "pong").unwrap();
    repo.symlink("pong", "ping").unwrap();
    for n in 0..45 {
        repo.symlink(&format!("hop{n}"), &format!("hop{}", n + 1)).unwrap();
    }
    repo.write("hop45", "far").unwrap();
    repo.symlink("dangling", "nothing").unwrap();
    repo.commit("links").unwrap();
    let snapshot = snapshot(&repo).await;
    for (path, named) in [
        ("absolute", "absolute"),
        ("up", "up"),
        ("deep/up", "deep/up"),
        ("proc", "proc"),
        ("folder/x", "folder"),
        ("later", "folder"),
    ] {
        match snapshot.lookup(path) {
            Err(TreeError::OutOfBoundsLink { link }) => assert_eq!(link, named),
            other => panic!("{path}: {other:?}"),
        }
    }
    for path in
        ["..", "../x", "a/../../x", "inside/../..", "/etc/passwd", "//etc/passwd", "deep/../../../etc"]
    {
        assert!(matches!(snapshot.lookup(path), Err(TreeError::OutOfBounds { .. }) | Ok(None)), "{path}");
        assert!(!matches!(snapshot.lookup(path), Ok(Some(_))), "{path}");
    }
    for path in ["self", "ping", "hop0"] {
        assert!(matches!(snapshot.lookup(path), Err(TreeError::LinkLoop { .. })), "{path}");
    }
    assert_eq!(text(&snapshot, "hop10"), "far");
    assert_eq!(snapshot.lookup("dangling").unwrap(), None);
    assert!(matches!(snapshot.lookup(&"a/".repeat(3000)), Err(TreeError::BadPath)));
    assert!(matches!(snapshot.lookup("a\0b"), Err(TreeError::BadPath)));
    assert!(matches!(snapshot.files(&snapshot.root(), &ALL), Err(TreeError::OutOfBoundsLink { .. })));
}

#[tokio::test]
async fn files_come_in_the_order_of_a_walk_and_within_limits() {
    let repo = GitRepo::with_files([
        ("b.yaml", "1"),
        ("a/z.yaml", "2"),
        ("a.yaml", "3"),
        (".hidden/x.yaml", "4"),
        ("a/b/c.yaml", "5"),
    ])
    .unwrap();
    repo.symlink("c", "a/b").unwrap();
    repo.commit("link").unwrap();
    let snapshot = snapshot(&repo).await;
    let names = |walking: &Walking| -> Vec<String> {
        snapshot.files(&snapshot.root(), walking).unwrap().into_iter().map(|file| file.path).collect()
    };
    assert_eq!(names(&ALL), [".hidden/x.yaml", "a/b/c.yaml", "a/z.yaml", "a.yaml", "b.yaml", "c/c.yaml"]);
    assert_eq!(names(&Walking { recurse: false, ..ALL }), ["a.yaml", "b.yaml"]);
    let plain = Walking { hidden_folders: false, linked_folders: false, ..ALL };
    assert_eq!(names(&plain), ["a/b/c.yaml", "a/z.yaml", "a.yaml", "b.yaml"]);
    let few = Walking { limit: 3, ..ALL };
    assert!(matches!(snapshot.files(&snapshot.root(), &few), Err(TreeError::TooLarge { .. })));
    let file = snapshot.lookup("b.yaml").unwrap().unwrap();
    assert!(matches!(snapshot.read(&file, 0), Err(TreeError::TooLarge { .. })));
}

#[tokio::test]
async fn a_link_to_a_folder_above_is_a_loop_and_not_an_endless_walk() {
    let repo = GitRepo::with_files([("a/x", "1")]).unwrap();
    repo.symlink("a/up", "..").unwrap();
    repo.commit("loop").unwrap();
    let snapshot = snapshot(&repo).await;
    assert!(matches!(snapshot.files(&snapshot.root(), &ALL), Err(TreeError::LinkLoop { .. })));
}

#[tokio::test]
async fn files_of_a_submodule_are_an_error_that_names_it() {
    let other = GitRepo::with_files([("x", "1")]).unwrap();
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let commit = other.head().unwrap();
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},vendor/lib")]).unwrap();
    repo.git(&["commit", "--quiet", "-m", "submodule"]).unwrap();
    repo.git(&["push", "--quiet", "origin", "HEAD"]).unwrap();
    let snapshot = snapshot(&repo).await;
    assert_eq!(text(&snapshot, "a"), "1");
    let error = snapshot.lookup("vendor/lib/x").unwrap_err();
    assert!(error.to_string().starts_with("vendor/lib: "), "{error}");
    assert!(matches!(snapshot.files(&snapshot.root(), &ALL), Err(TreeError::Submodule { .. })));
}

#[tokio::test]
async fn trees_that_would_lead_a_checkout_astray_are_refused() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let git = |arguments: &[&str]| repo.git(arguments).unwrap().trim().to_owned();
    let blob = git(&["hash-object", "-w", "a"]);
    let raw = |id: &str| -> Vec<u8> {
        (0..20).map(|n| u8::from_str_radix(&id[n * 2..n * 2 + 2], 16).unwrap()).collect()
    };
    let tree = |entries: &[(&str, &str)]| -> String {
        let mut bytes = Vec::new();
        for (mode, name) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(&raw(&blob));
        }
        let file = repo.work_tree().join("tree.bin");
        std::fs::write(&file, bytes).unwrap();
        let id = git(&["hash-object", "-w", "--literally", "-t", "tree", "tree.bin"]);
        std::fs::remove_file(file).unwrap();
        id
    };
    let hostile: [&[(&str, &str)]; 5] = [
        &[("100644", "..")],
        &[("100644", "a/b")],
        &[("100644", ".GIT")],
        &[("100644", "git~1")],
        &[("120000", "a"), ("100644", "a")],
    ];
    for (n, entries) in hostile.iter().enumerate() {
        let commit = git(&["commit-tree", "-m", "hostile", &tree(entries)]);
        repo.set_branch(&format!("hostile-{n}"), &commit).unwrap();
        let access = Access::anonymous(&repo.url()).unwrap();
        let snapshot = Reader::new().commit(&access, &commit).await.unwrap().open().unwrap();
        let result = snapshot.files(&snapshot.root(), &ALL);
        assert!(
            matches!(result, Err(TreeError::BadName { .. } | TreeError::Object { .. })),
            "{entries:?}: {result:?}"
        );
    }
}
