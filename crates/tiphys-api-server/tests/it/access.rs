//! Who may do what, and what is told to who may not.

use serde_json::json;

use crate::support::{Installation, application};

async fn with_reader() -> (Installation, String) {
    let policy = json!({"policy.csv": "p, role:dev, applications, get, default/seen, allow\np, role:dev, applications, sync, default/seen, allow\ng, dev, role:dev"});
    let installation = Installation::start_with(&[], &json!({"accounts.dev": "login"}), &policy).await;
    let hash = tokio::task::spawn_blocking(|| tiphys_identity::hash_password(&"a password".into()).unwrap())
        .await
        .unwrap();
    let (plane, path) =
        (installation.plane, format!("/api/v1/namespaces/{}/secrets/argocd-secret", installation.namespace));
    let secret = json!({"stringData": {"accounts.dev.password": hash}});
    tokio::task::spawn_blocking(move || plane.api().merge_patch(&path, &secret).unwrap()).await.unwrap();
    installation.create("seen", &json!({})).await;
    installation.create("hidden", &json!({})).await;
    let credentials = json!({"username": "dev", "password": "a password"});
    let token = tiphys_test_kit::wait_until(crate::support::SOON, "dev can sign in", || async {
        let answer = installation.call_as(None, "POST", "/api/v1/session", Some(credentials.clone())).await;
        answer.body["token"].as_str().map(str::to_owned).ok_or_else(|| format!("{answer:?}"))
    })
    .await
    .unwrap();
    (installation, token)
}

// covers: RPC-110, RBA-025
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_application_and_a_missing_one_have_the_same_answer() {
    let (installation, dev) = with_reader().await;
    let ask = async |path: &str| installation.call_as(Some(&dev), "GET", path, None).await;
    assert_eq!(ask("/api/v1/applications/seen").await.status, 200);
    let hidden = ask("/api/v1/applications/hidden").await;
    let missing = ask("/api/v1/applications/missing").await;
    assert_eq!((hidden.status, hidden.body["error"].as_str()), (403, Some("permission denied")));
    assert_eq!(hidden.body, missing.body);
    // With a project, who may act on that name there is told the truth.
    let admin = installation.call("GET", "/api/v1/applications/missing?project=default", None).await;
    assert_eq!(admin.status, 404);
    assert_eq!(admin.body["error"], "applications.argoproj.io \"missing\" not found");
    assert_eq!(ask("/api/v1/applications/missing?project=default").await.status, 403);
    assert_eq!(installation.call("GET", "/api/v1/applications/seen?project=other", None).await.status, 404);
    let list = ask("/api/v1/applications").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(list.body["items"][0]["metadata"]["name"], "seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_asked_for_by_itself() {
    let (installation, dev) = with_reader().await;
    let ask =
        async |verb: &str, path: &str, body| installation.call_as(Some(&dev), verb, path, body).await.status;
    assert_eq!(ask("POST", "/api/v1/applications/seen/sync", Some(json!({}))).await, 200);
    assert_eq!(ask("DELETE", "/api/v1/applications/seen", None).await, 403);
    assert_eq!(ask("POST", "/api/v1/applications", Some(application("new"))).await, 403);
    let patch = json!({"patch": "[]", "patchType": "json"});
    assert_eq!(ask("PATCH", "/api/v1/applications/seen", Some(patch)).await, 403);
    assert_eq!(
        ask("PUT", "/api/v1/applications/seen/spec", Some(application("seen")["spec"].clone())).await,
        403
    );
}

// covers: USR-018
#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_nothing_is_told_and_with_authentication_off_everything() {
    let installation = Installation::start().await;
    let refused = installation.call_as(None, "GET", "/api/v1/applications", None).await;
    assert_eq!((refused.status, refused.body["error"].as_str()), (401, Some("no session information")));
    let open = Installation::start_with(&["--disable-auth"], &json!({}), &json!({})).await;
    assert_eq!(open.call_as(None, "GET", "/api/v1/applications", None).await.status, 200);
    assert_eq!(open.call_as(None, "GET", "/api/v1/session/userinfo", None).await.body, json!({}));
}

// covers: RBA-020
#[tokio::test(flavor = "multi_thread")]
async fn somebody_anonymous_has_the_default_role_where_that_is_allowed() {
    let policy = json!({"policy.default": "role:readonly"});
    let installation =
        Installation::start_with(&[], &json!({"users.anonymous.enabled": "true"}), &policy).await;
    installation.create("seen", &json!({})).await;
    assert_eq!(installation.call_as(None, "GET", "/api/v1/applications/seen", None).await.status, 200);
    assert_eq!(installation.call_as(None, "DELETE", "/api/v1/applications/seen", None).await.status, 403);
    let version = installation.call_as(None, "GET", "/api/version", None).await;
    assert_eq!(version.body.as_object().unwrap().len(), 1);
}

// covers: RPC-112
#[tokio::test(flavor = "multi_thread")]
async fn an_application_outside_the_permitted_namespaces_is_refused() {
    let installation = Installation::start().await;
    let mut elsewhere = application("a");
    elsewhere["metadata"]["namespace"] = "elsewhere".into();
    let refused = installation.call("POST", "/api/v1/applications", Some(elsewhere)).await;
    assert_eq!(
        (refused.status, refused.body["error"].as_str()),
        (403, Some("namespace 'elsewhere' is not permitted"))
    );
    let get = installation.call("GET", "/api/v1/applications/a?appNamespace=elsewhere", None).await;
    assert_eq!(get.status, 403);
}
