//! Signing in and out.

use serde_json::json;

use crate::support::Installation;

// covers: USR-002, USR-014, USR-017, MET-021, RPC-104, RPC-105, CFG-058
#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_password_with_which_the_administrator_signs_in() {
    let installation = Installation::start().await;
    let password = installation.password().await;
    assert_eq!(password.len(), 16);

    let wrong = json!({"username": "admin", "password": "wrong"});
    let refused = installation.call_as(None, "POST", "/api/v1/session", Some(wrong)).await;
    assert_eq!((refused.status, refused.body["code"].as_u64()), (401, Some(16)));
    assert_eq!(refused.body["error"], "Invalid username or password");
    let nobody = json!({"username": "nobody", "password": password});
    let nobody = installation.call_as(None, "POST", "/api/v1/session", Some(nobody)).await;
    assert_eq!(nobody.body, refused.body);
    let blank =
        installation.call_as(None, "POST", "/api/v1/session", Some(json!({"username": "admin"}))).await;
    assert_eq!(blank.body["error"], "Blank passwords are not allowed");

    let right = json!({"username": "admin", "password": password});
    let session = installation.call_as(None, "POST", "/api/v1/session", Some(right)).await;
    assert_eq!(session.status, 200);
    let token = session.body["token"].as_str().unwrap();
    assert_eq!(session.cookies, [format!("argocd.token={token}; path=/; SameSite=lax; httpOnly")]);

    let info = installation.call_as(Some(token), "GET", "/api/v1/session/userinfo", None).await;
    assert_eq!(info.body, json!({"loggedIn": true, "username": "admin", "iss": "argocd"}));
    let metrics =
        reqwest::get(format!("http://{}/metrics", installation.metrics)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("argocd_login_request_total{status=\"failed\"} 3"), "{metrics}");
    assert!(metrics.contains("argocd_login_request_total{status=\"success\"} 1"), "{metrics}");
    assert!(
        metrics.contains("grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"GetUserInfo\",grpc_service=\"session.SessionService\",grpc_type=\"unary\"} 1"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_from_metadata_from_a_bearer_and_from_the_cookie() {
    let installation = Installation::start().await;
    let token = installation.admin().await;
    let ask = |name: &'static str, value: String| {
        let request = installation.request(None, "GET", "/api/v1/applications").header(name, value);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(ask("authorization", format!("Bearer {token}")).await, 200);
    assert_eq!(ask("grpc-metadata-token", token.clone()).await, 200);
    assert_eq!(ask("cookie", format!("a=b; argocd.token={token}")).await, 200);
    assert_eq!(ask("authorization", "Basic YTpi".to_owned()).await, 401);
    assert_eq!(ask("x-nothing", String::new()).await, 401);
    // An empty token in the metadata counts, whatever else there is.
    let both =
        installation.request(Some(&token), "GET", "/api/v1/applications").header("grpc-metadata-token", "");
    assert_eq!(both.send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_out_has_to_sign_in_again() {
    let installation = Installation::start().await;
    let token = installation.admin().await;
    let cookie = format!("argocd.token={token}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = format!("http://{}/auth/logout", installation.address);
    let out = client.post(&url).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(out.status(), 303);
    assert!(out.headers()["set-cookie"].to_str().unwrap().starts_with("argocd.token=; path=/"));
    let after = installation.call("GET", "/api/v1/applications", None).await;
    assert_eq!(after.body["error"], "invalid session: token is revoked, please re-login");
    assert_eq!(client.post(&url).send().await.unwrap().status(), 400);
}

// covers: RPC-109
#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_told_to_everybody_and_more_of_it_to_who_is_known() {
    let installation = Installation::start().await;
    let open = installation.call_as(None, "GET", "/api/version", None).await;
    assert!(open.body["Version"].as_str().unwrap().starts_with("v3.6.0+tiphys."), "{open:?}");
    assert_eq!(open.body.as_object().unwrap().len(), 1);
    let known = installation.call("GET", "/api/version", None).await;
    assert_eq!(known.body["Compiler"], "rustc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_in_the_settings_ends_sessions_that_are_older() {
    let installation = Installation::start().await;
    let token = installation.admin().await;
    let (plane, path) =
        (installation.plane, format!("/api/v1/namespaces/{}/secrets/argocd-secret", installation.namespace));
    let later = json!({"stringData": {"admin.passwordMtime": "2099-01-01T00:00:00Z"}});
    tokio::task::spawn_blocking(move || plane.api().merge_patch(&path, &later).unwrap()).await.unwrap();
    tiphys_test_kit::wait_until(crate::support::SOON, "the token is void", || async {
        let answer = installation.call_as(Some(&token), "GET", "/api/v1/applications", None).await;
        let void = answer.body["error"] == "invalid session: account password has changed since token issued";
        if void { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await
    .unwrap();
}
