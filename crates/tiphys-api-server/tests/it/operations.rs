//! Syncs, rollbacks and their end.

use serde_json::{Value, json};

use crate::siblings::COMMIT;
use crate::support::{Installation, SOON, application};

// covers: SYN-029, RPC-022, RPC-118
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_written_into_the_application_and_a_second_one_has_to_wait() {
    let installation = Installation::start().await;
    installation
        .create("guestbook", &json!({"spec": {"syncPolicy": {"syncOptions": ["CreateNamespace=true"], "retry": {"limit": 3}}}}))
        .await;
    installation
        .patch_stored(
            "guestbook",
            json!({"status": {"operationState": {
                "phase": "Succeeded", "operation": {}, "startedAt": "2026-01-02T03:04:05Z",
            }}}),
        )
        .await;
    let request = json!({
        "revision": "v1", "prune": true, "strategy": {"hook": {"force": true}}, "infos": [{"name": "Reason", "value": "test"}],
        "resources": [{"group": "apps", "kind": "Deployment", "name": "web"}],
    });
    let answer = installation.call("POST", "/api/v1/applications/guestbook/sync", Some(request)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let stored = installation.stored("guestbook").await;
    let operation = &stored["operation"];
    assert_eq!(operation["sync"]["revision"], COMMIT, "{operation}");
    assert_eq!(operation["sync"]["prune"], true);
    assert_eq!(operation["sync"]["syncStrategy"], json!({"hook": {"force": true}}));
    assert_eq!(operation["sync"]["syncOptions"], json!(["CreateNamespace=true"]));
    assert_eq!(
        operation["sync"]["resources"],
        json!([{"group": "apps", "kind": "Deployment", "name": "web"}])
    );
    assert_eq!(operation["initiatedBy"], json!({"username": "admin"}));
    assert_eq!(operation["info"], json!([{"name": "Reason", "value": "test"}]));
    assert_eq!(operation["retry"]["limit"], 3);
    assert_eq!(stored["status"].get("operationState"), None, "the last one is over");

    let second = installation.call("POST", "/api/v1/applications/guestbook/sync", Some(json!({}))).await;
    assert_eq!((second.status, second.body["code"].as_u64()), (400, Some(9)));
    assert_eq!(second.body["error"], "another operation is already in progress");

    let events =
        installation.until("the event is written", "/api/v1/applications/guestbook/events", |list| {
            list["items"]
                .as_array()
                .is_some_and(|items| items.iter().any(|event| event["reason"] == "OperationStarted"))
        });
    let events = events.await;
    let started = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["reason"] == "OperationStarted")
        .unwrap();
    assert_eq!(started["message"], "admin initiated sync to v1");
}

// covers: SYN-067, RPC-119
#[tokio::test(flavor = "multi_thread")]
async fn options_of_the_request_replace_those_of_the_application_and_automated_sync_keeps_its_revision() {
    let installation =
        Installation::start_with(&["--sync-with-replace-allowed=false"], &json!({}), &json!({})).await;
    let policy = json!({"spec": {"syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]}}});
    installation.create("guestbook", &policy).await;
    let sync = async |body: Value| {
        installation.call("POST", "/api/v1/applications/guestbook/sync", Some(body)).await
    };
    let other = sync(json!({"revision": "v2"})).await;
    assert_eq!(other.body["error"], "Cannot sync to v2: auto-sync currently set to main");
    let replaced = sync(json!({"syncOptions": {"items": ["Replace=true"]}})).await;
    assert_eq!(replaced.body["code"], 9, "{replaced:?}");
    let nowhere = sync(json!({"revision": "nowhere", "dryRun": true})).await;
    assert_eq!(nowhere.status, 404);
    assert!(
        nowhere.body["error"].as_str().unwrap().starts_with("Unable to resolve git revision"),
        "{nowhere:?}"
    );
    let dry = sync(json!({"revision": "v2", "dryRun": true, "syncOptions": {"items": []}})).await;
    assert_eq!(dry.status, 200, "{dry:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["operation"]["sync"]["dryRun"], true);
    assert_eq!(stored["operation"]["sync"].get("syncOptions"), None);
}

async fn with_history(automated: Option<Value>) -> Installation {
    let installation = Installation::start().await;
    let policy = automated.map_or(
        json!({}),
        |automated| json!({"spec": {"syncPolicy": {"automated": automated, "syncOptions": ["A=b"]}}}),
    );
    installation.create("guestbook", &policy).await;
    let source = json!({"repoURL": "https://git.example.com/apps.git", "path": "old"});
    installation
        .patch_stored(
            "guestbook",
            json!({"status": {"history": [
                {"id": 0, "revision": "aaa", "deployedAt": "2026-01-02T03:04:05Z", "source": source},
                {"id": 1, "revision": "bbb", "deployedAt": "2026-01-03T03:04:05Z", "source": source},
            ]}}),
        )
        .await;
    installation
        .until("the history is known", "/api/v1/applications/guestbook", |app| {
            app["status"]["history"].is_array()
        })
        .await;
    installation
}

// covers: SYN-089, SYN-090, SYN-092, RPC-027
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_syncs_an_entry_of_the_history_without_hooks() {
    let installation = with_history(None).await;
    let rollback = async |body: Value| {
        installation.call("POST", "/api/v1/applications/guestbook/rollback", Some(body)).await
    };
    let missing = rollback(json!({"id": 7})).await;
    assert_eq!((missing.status, missing.body["code"].as_u64()), (400, Some(3)));
    assert_eq!(missing.body["error"], "application guestbook does not have deployment with id 7");
    let answer = rollback(json!({"id": 0, "prune": true})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let operation = installation.stored("guestbook").await["operation"].clone();
    assert_eq!(operation["sync"]["revision"], "aaa");
    assert_eq!(operation["sync"]["source"]["path"], "old");
    assert_eq!(operation["sync"]["syncStrategy"], json!({"apply": {}}));
    assert_eq!(operation["sync"]["prune"], true);
}

// covers: SYN-066
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_refused_while_automated_sync_is_on_unless_it_is_to_be_turned_off() {
    let installation = with_history(Some(json!({"prune": true, "selfHeal": true}))).await;
    let rollback = async |body: Value| {
        installation.call("POST", "/api/v1/applications/guestbook/rollback", Some(body)).await
    };
    let refused = rollback(json!({"id": 0})).await;
    assert_eq!((refused.status, refused.body["code"].as_u64()), (400, Some(9)));
    assert_eq!(refused.body["error"], "rollback cannot be initiated when auto-sync is enabled");
    let locked = rollback(json!({"id": 0, "disableAutoSync": true})).await;
    assert_eq!(locked.status, 200, "{locked:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(
        stored["spec"]["syncPolicy"]["automated"],
        json!({"prune": true, "selfHeal": true, "enabled": false})
    );
    assert_eq!(stored["operation"]["sync"]["revision"], "aaa");
    assert_eq!(stored["operation"]["sync"]["syncOptions"], json!(["A=b"]));
}

// covers: RPC-028, RPC-120
#[tokio::test(flavor = "multi_thread")]
async fn a_running_operation_is_terminated_and_without_one_there_is_nothing_to_end() {
    let installation = Installation::start().await;
    installation.create("guestbook", &json!({})).await;
    let terminate =
        async || installation.call("DELETE", "/api/v1/applications/guestbook/operation", None).await;
    let nothing = terminate().await;
    assert_eq!(nothing.body["error"], "Unable to terminate operation. No operation is in progress");
    let running = json!({"operation": {"sync": {}}, "status": {"operationState": {
        "phase": "Running", "operation": {"sync": {}}, "startedAt": "2026-01-02T03:04:05Z",
    }}});
    installation.patch_stored("guestbook", running).await;
    installation
        .until("it is known", "/api/v1/applications/guestbook", |app| app["operation"].is_object())
        .await;
    assert_eq!(terminate().await.body, json!({}));
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["status"]["operationState"]["phase"], "Terminating");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_being_deleted_starts_nothing() {
    let installation = with_history(None).await;
    installation.call("DELETE", "/api/v1/applications/guestbook", None).await;
    installation
        .until("it is being deleted", "/api/v1/applications/guestbook", |app| {
            app["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    for (path, body) in [("sync", json!({})), ("rollback", json!({"id": 0}))] {
        let refused =
            installation.call("POST", &format!("/api/v1/applications/guestbook/{path}"), Some(body)).await;
        assert_eq!(refused.body["error"], "application is deleting", "{path}");
    }
}

// covers: SYN-086
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_outside_the_windows_of_the_project_is_refused_unless_they_let_users_sync() {
    let installation = Installation::start().await;
    for (name, manual_sync) in [("closed", false), ("careful", true)] {
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": name},
            "spec": {
                "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                "syncWindows": [{
                    "kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"], "manualSync": manual_sync,
                }],
            },
        });
        installation.create_stored("appprojects", project).await;
        // The project was made behind the server's back and may still be on its way.
        tiphys_test_kit::wait_until(SOON, "the project is known", || async {
            let mut wanted = application(name);
            wanted["spec"]["project"] = name.into();
            let answer = installation.call("POST", "/api/v1/applications?validate=false", Some(wanted)).await;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await
        .unwrap();
    }
    let sync = async |name: &str| {
        installation.call("POST", &format!("/api/v1/applications/{name}/sync"), Some(json!({}))).await
    };
    let refused = sync("closed").await;
    assert_eq!((refused.status, refused.body["code"].as_u64()), (403, Some(7)), "{refused:?}");
    assert_eq!(refused.body["error"], "cannot sync: blocked by sync window");
    assert_eq!(installation.stored("closed").await.get("operation"), None);
    let back = json!({"id": 0});
    let back = installation.call("POST", "/api/v1/applications/closed/rollback", Some(back)).await;
    assert_eq!(back.body["error"], "cannot sync: blocked by sync window");
    assert_eq!(sync("careful").await.status, 200);
}
