//! Repositories of this machine.

use tiphys_git::{Access, Freshness};
use tiphys_test_kit::GitRepo;

use super::support::Reader;

// covers: GIT-047, GIT-048
#[tokio::test]
async fn every_way_to_write_a_revision_finds_its_commit() {
    let repo = GitRepo::new().unwrap();
    repo.write("a", "1").unwrap();
    let first = repo.commit("first").unwrap();
    repo.tag("v1.0.0").unwrap();
    repo.write("a", "2").unwrap();
    let second = repo.commit("second").unwrap();
    repo.annotated_tag("v1.1.0", "annotated").unwrap();
    repo.checkout("feature/x").unwrap();
    repo.write("a", "3").unwrap();
    let third = repo.commit("third").unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    let plain_path = Access::anonymous(&repo.bare().display().to_string()).unwrap();
    let reader = Reader::new();
    let table = [
        ("", &second),
        ("HEAD", &second),
        ("main", &second),
        ("refs/heads/main", &second),
        ("feature/x", &third),
        ("v1.0.0", &first),
        ("v1.1.0", &second),
        ("1.x", &second),
        ("<1.1", &first),
        (first.as_str(), &first),
        (&first[..8], &first),
    ];
    for (revision, expected) in table {
        for access in [&access, &plain_path] {
            let resolved = reader.resolve(access, revision).await.unwrap();
            assert_eq!(&resolved.commit.to_string(), expected, "{revision}");
        }
    }
    assert_eq!(reader.text(&access, "1.x", "a").await, "2");
    let error = reader.resolve(&access, "nowhere").await.unwrap_err();
    assert_eq!(error.to_string(), "unable to resolve 'nowhere' to a commit SHA");
    assert!(reader.resolve(&access, "0000000").await.is_err());
}

#[tokio::test]
async fn a_new_commit_of_a_local_repository_is_seen_at_once() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    let reader = Reader::new();
    assert_eq!(reader.text(&access, "main", "a").await, "1");
    repo.write("a", "2").unwrap();
    repo.commit("second").unwrap();
    assert_eq!(reader.text(&access, "main", "a").await, "2");
    repo.git(&["gc", "--quiet"]).unwrap();
    assert_eq!(reader.text(&access, "main", "a").await, "2");
    assert_eq!((reader.listings(), reader.fetches()), (0, 0));
}

// covers: GIT-059
#[tokio::test]
async fn metadata_names_author_date_message_and_tags() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    repo.tag("v1").unwrap();
    repo.annotated_tag("release-1", "text").unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    let reader = Reader::new();
    let resolved = reader.resolve(&access, "main").await.unwrap();
    let metadata = reader.repositories.metadata(&access, &resolved).await.unwrap();
    assert_eq!(metadata.author, "Tiphys Tests <tests@tiphys.invalid>");
    assert_eq!(metadata.message, "first");
    assert_eq!(metadata.tags, ["release-1", "v1"]);
    assert!(metadata.date > 1_700_000_000);
}

#[tokio::test]
async fn a_folder_that_is_no_repository_and_one_that_is_missing_are_errors_that_name_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let reader = Reader::new();
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let access = Access::anonymous(&format!("file://{}", path.display())).unwrap();
        let error = reader.resolve(&access, "main").await.unwrap_err().to_string();
        assert!(
            error.contains("repository not found") && error.contains(&path.display().to_string()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_empty_repository_says_so() {
    let repo = GitRepo::new().unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    for revision in ["", "main"] {
        let error = Reader::new().resolve(&access, revision).await.unwrap_err().to_string();
        assert!(error.contains("the repository is empty"), "{error}");
    }
}

// covers: APP-047
#[tokio::test]
async fn a_tag_prefix_chooses_among_the_tags() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    repo.tag("web-1.0.0").unwrap();
    let web = repo.head().unwrap();
    repo.write("a", "2").unwrap();
    repo.commit("second").unwrap();
    repo.tag("api-1.9.0").unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    let reader = Reader::new();
    let resolved = reader.repositories.resolve(&access, "1.x", "web-", Freshness::Cached).await.unwrap();
    assert_eq!(resolved.commit.to_string(), web);
    assert_eq!(resolved.reference.as_deref(), Some("refs/tags/web-1.0.0"));
}

#[tokio::test]
async fn a_local_repository_that_is_made_anew_at_its_place_is_read_anew() {
    let folder = tempfile::TempDir::new().unwrap();
    let reader = Reader::new();
    for round in ["1", "2", "3"] {
        let _ = std::fs::remove_dir_all(folder.path());
        let repo = GitRepo::create(folder.path(), "repo").unwrap();
        repo.write("a", round).unwrap();
        repo.commit("first").unwrap();
        repo.git(&["gc", "--quiet"]).unwrap();
        let work_tree = Access::anonymous(&format!("file://{}", repo.work_tree().display())).unwrap();
        let bare = Access::anonymous(&repo.url()).unwrap();
        for access in [&bare, &work_tree] {
            assert_eq!(reader.text(access, "main", "a").await, round);
        }
    }
}

#[tokio::test]
async fn a_repository_that_was_moved_away_is_missing_and_found_again() {
    let repo = GitRepo::with_files([("a", "1")]).unwrap();
    let access = Access::anonymous(&repo.url()).unwrap();
    let reader = Reader::new();
    reader.resolve(&access, "HEAD").await.unwrap();
    let aside = repo.bare().with_extension("aside");
    std::fs::rename(repo.bare(), &aside).unwrap();
    for revision in ["HEAD", "main"] {
        let error = reader.resolve(&access, revision).await.unwrap_err().to_string();
        assert!(error.starts_with("repository not found: ") && error.contains("repo.git"), "{error}");
    }
    std::fs::rename(&aside, repo.bare()).unwrap();
    let found = reader.resolve(&access, "HEAD").await.unwrap();
    assert_eq!(found.commit.to_string(), repo.head().unwrap());
}
