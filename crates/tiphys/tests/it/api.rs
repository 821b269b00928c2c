//! The API server as scripts, CI and the web page use it, with all services behind it: REST, server-sent events and
//! gRPC-Web on one port.

use std::future::Future;
use std::sync::OnceLock;

use base64::Engine;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tiphys_test_kit::{Service, shared_control_plane};

use crate::cli::initial_password;
use crate::fixture::{
    CONTROL_NAMESPACE, Fixture, PATIENCE, automated, config_map, installation, is_well, resource, text, wait,
};

/// What the API server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body as it came.
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) body: Value,
}

/// Runs asynchronous code to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn request(base: &str, token: Option<&str>, method: &str, path: &str) -> RequestBuilder {
    let client = Client::builder().timeout(PATIENCE).build().unwrap();
    let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{base}{path}"));
    let request = request.header("content-type", "application/json");
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

/// Asks the API server at this base address.
pub(crate) fn ask_at(base: &str, token: Option<&str>, method: &str, path: &str, body: &Value) -> Answer {
    block_on(async {
        let mut request = request(base, token, method, path);
        if method != "GET" {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answer { status, body: serde_json::from_str(&text).unwrap_or_default(), text }
    })
}

/// A token of the administrator of the installation at this address.
pub(crate) fn sign_in(base: &str, password: &str) -> String {
    let session = json!({"username": "admin", "password": password});
    let answer = ask_at(base, None, "POST", "/api/v1/session", &session);
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.body, "/token").to_owned()
}

fn token() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| {
        let base = installation().api_url();
        sign_in(&base, &initial_password(shared_control_plane().api(), CONTROL_NAMESPACE))
    })
}

fn ask(method: &str, path: &str, body: &Value) -> Answer {
    ask_at(&installation().api_url(), Some(token()), method, path, body)
}

#[track_caller]
fn get(path: &str) -> Value {
    let answer = ask("GET", path, &Value::Null);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.body
}

/// Asserts an error in the form that the reference gives it, and that it says these words.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: u64, words: &str) {
    assert_eq!((answer.status, answer.body["code"].as_u64()), (status, Some(code)), "{}", answer.text);
    assert_eq!(answer.body["error"], answer.body["message"], "{}", answer.text);
    assert!(text(&answer.body, "/message").contains(words), "{words:?} is not in: {}", answer.text);
}

/// Server-sent events until one satisfies the condition; all that came.
fn events(path: &str, mut holds: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let (base, token) = (installation().api_url(), token());
    let all = async {
        let request = request(&base, Some(token), "GET", path);
        let mut response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut text, mut events) = (String::new(), Vec::new());
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            // An event is one line here; comments and empty lines say nothing.
            while let Some((line, rest)) = text.split_once('\n') {
                if let Some(data) = line.strip_prefix("data: ") {
                    let event: Value = serde_json::from_str(data).unwrap();
                    let is_last = holds(&event);
                    events.push(event);
                    if is_last {
                        return events;
                    }
                }
                text = rest.to_owned();
            }
        }
        panic!("the stream ended after {events:?}")
    };
    block_on(async { tokio::time::timeout(PATIENCE, all).await }).unwrap()
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: hidden\nstringData:\n  password: {value}\n")
}

// covers: RPC-007, RPC-010, RPC-011, RPC-013, RPC-022, RPC-025, RPC-116
#[test]
fn an_application_is_created_synced_and_read_over_rest() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    let name = fixture.name.as_str();
    let wanted = fixture.application(|app| app["metadata"]["labels"] = json!({"fixture": name}));
    let created = ask("POST", "/api/v1/applications", &wanted);
    assert_eq!(created.status, 200, "{}", created.text);
    assert_eq!(text(&created.body, "/metadata/name"), name);

    let listed = get(&format!("/api/v1/applications?selector=fixture={name}"));
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(text(&listed, "/items/0/metadata/name"), name);
    let path = format!("/api/v1/applications/{name}");
    // It returns when the controller has compared: the status is there.
    let app = get(&format!("{path}?refresh=normal"));
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
    assert_eq!(resource(&app, "ConfigMap", "a")["status"], "OutOfSync");

    let synced = ask("POST", &format!("{path}/sync"), &json!({"prune": true}));
    assert_eq!(synced.status, 200, "{}", synced.text);
    assert_eq!(text(&synced.body, "/operation/initiatedBy/username"), "admin");
    fixture.wait_well();
    let app = get(&path);
    assert_eq!(text(&app, "/status/operationState/phase"), "Succeeded");
    let commit = fixture.repo.head().unwrap();
    assert_eq!(text(&app, "/status/sync/revision"), commit);

    let tree = get(&format!("{path}/resource-tree"));
    let nodes = tree["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1, "{tree}");
    assert_eq!((text(&tree, "/nodes/0/kind"), text(&tree, "/nodes/0/name")), ("ConfigMap", "a"));
    let live = fixture.api.get(&fixture.config_map("a")).unwrap();
    assert_eq!(tree["nodes"][0]["uid"], live["metadata"]["uid"]);

    let revision = get(&format!("{path}/revisions/{commit}/metadata"));
    assert_eq!(text(&revision, "/message").trim(), "first");
    assert!(text(&revision, "/author").contains('@'), "{revision}");
    assert!(text(&revision, "/date").ends_with('Z'), "{revision}");
}

// covers: RPC-009, RPC-021
#[test]
fn a_watch_tells_of_a_sync_and_of_the_deletion_by_server_sent_events() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    fixture.create(|app| app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]));
    let path = format!("/api/v1/stream/applications?name={}", fixture.name);
    let item = format!("/api/v1/applications/{}", fixture.name);
    let (said, heard) = std::sync::mpsc::channel();
    let watching = std::thread::spawn(move || {
        events(&path, |event| {
            said.send(event["result"].clone()).unwrap();
            event["result"]["type"] == "DELETED"
        })
    });
    let until = |holds: fn(&Value) -> bool| {
        let mut last = Value::Null;
        loop {
            match heard.recv_timeout(PATIENCE) {
                Ok(event) if holds(&event) => return,
                Ok(event) => last = event,
                Err(error) => panic!("{error} after {last}"),
            }
        }
    };
    let first = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (text(&first, "/type"), text(&first, "/application/metadata/name")),
        ("ADDED", &*fixture.name)
    );
    assert_eq!(ask("POST", &format!("{item}/sync"), &json!({})).status, 200);
    // Changes that follow one another closely may come as one.
    until(|event| is_well(&event["application"]));
    assert_eq!(ask("DELETE", &item, &json!({})).status, 200);
    until(|event| event["type"] == "DELETED");
    let events = watching.join().unwrap();
    assert!(events.iter().all(|event| event["result"]["application"]["metadata"]["name"] == *fixture.name));
    fixture.wait_gone();
    assert!(!fixture.has("a"));
}

// covers: RPC-016, RPC-023, RPC-029, RPC-121, RPC-122
#[test]
fn the_value_of_a_secret_is_in_no_answer_and_in_no_log() {
    let (before, after) = ("canary-7c1f03", "canary-52e8ab");
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "shown")), ("s.yaml", &secret(before))]);
    let name = fixture.name.as_str();
    fixture.create(|_| {});
    fixture.sync_and_wait(|_| {});
    // Client-side apply keeps the whole manifest in an annotation: the value is in the live object twice.
    let live = fixture.api.get(&format!("/api/v1/namespaces/{name}/secrets/hidden")).unwrap();
    assert!(
        text(&live, "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration").len() > 20
    );
    fixture.commit(&[("s.yaml", &secret(after))]);
    fixture.refresh("normal");
    fixture.wait("the Secret differs", |app| resource(app, "Secret", "hidden")["status"] == "OutOfSync");

    let path = format!("/api/v1/applications/{name}");
    let item = format!("version=v1&kind=Secret&namespace={name}&resourceName=hidden");
    let mut said = vec![
        ("application", get(&path)),
        ("list", get("/api/v1/applications")),
        ("refresh", get(&format!("{path}?refresh=hard"))),
        ("manifests", get(&format!("{path}/manifests"))),
        ("tree", get(&format!("{path}/resource-tree"))),
        ("managed", get(&format!("{path}/managed-resources"))),
        ("resource", get(&format!("{path}/resource?{item}"))),
    ];
    said.push(("watch", Value::Array(events(&format!("/api/v1/stream/applications?name={name}"), |_| true))));
    said.push((
        "trees",
        Value::Array(events(&format!("/api/v1/stream/applications/{name}/resource-tree"), |_| true)),
    ));
    let base64 = |value: &str| base64::engine::general_purpose::STANDARD.encode(value);
    let hidden = [before.to_owned(), after.to_owned(), base64(before), base64(after)];
    for (what, answer) in &said {
        for value in &hidden {
            assert!(!answer.to_string().contains(value), "{value} is in {what}: {answer}");
        }
    }
    for service in Service::ALL {
        let log = installation().log_tail(service, usize::MAX);
        assert!(hidden.iter().all(|value| !log.contains(value)), "in the log of {}", service.name());
    }
    // What is hidden can be told apart all the same, and nothing else is hidden.
    let managed = &said[5].1;
    let of = |kind: &str| {
        let items = managed["items"].as_array().unwrap();
        items.iter().find(|item| item["kind"] == kind).unwrap().clone()
    };
    let state = |item: &Value, side: &str| -> Value { serde_json::from_str(text(item, side)).unwrap() };
    let secret = of("Secret");
    let (live, target) = (state(&secret, "/liveState"), state(&secret, "/targetState"));
    let of_live = text(&live, "/data/password");
    assert!(of_live.starts_with('+'), "{live}");
    assert_ne!(of_live, text(&target, "/data/password"), "{target}");
    assert_eq!(state(&of("ConfigMap"), "/liveState")["data"]["value"], "shown");
    assert!(said[3].1.to_string().contains("shown"));
}

// covers: RPC-027, SYN-066, SYN-089, SYN-093
#[test]
fn a_rollback_can_turn_automated_sync_off_in_the_same_step() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    fixture.create_automated();
    fixture.wait_well();
    let commit = fixture.commit(&[("a.yaml", &config_map("a", "two"))]);
    fixture.wait_well_at(&commit);
    let app = fixture.wait("both syncs are in the history", |app| {
        app.pointer("/status/history").and_then(Value::as_array).is_some_and(|history| history.len() == 2)
    });
    let id = app["status"]["history"][0]["id"].clone();
    let path = format!("/api/v1/applications/{}/rollback", fixture.name);
    let plain = ask("POST", &path, &json!({"id": id}));
    refused(&plain, 400, 9, "rollback cannot be initiated when auto-sync is enabled");
    assert_eq!(fixture.get()["spec"]["syncPolicy"], automated());

    let started = ask("POST", &path, &json!({"id": id, "disableAutoSync": true}));
    assert_eq!(started.status, 200, "{}", started.text);
    let app = fixture.wait("it is back, and stays", |app| {
        app.get("operation").is_none()
            && text(app, "/status/sync/status") == "OutOfSync"
            && app["status"]["history"][2]["revision"] == app["status"]["history"][0]["revision"]
    });
    assert_eq!(app["spec"]["syncPolicy"]["automated"]["enabled"], false);
    assert_eq!(app["spec"]["syncPolicy"]["automated"]["prune"], true, "the rest of the policy is kept");
    let live = fixture.api.get(&fixture.config_map("a")).unwrap();
    assert_eq!(live["data"]["value"], "one");
}

// covers: RPC-011, RPC-110
#[test]
fn errors_have_the_form_and_the_codes_of_the_reference() {
    let _running = installation();
    let missing = "/api/v1/applications/there-is-no-such-application";
    refused(&ask("GET", missing, &Value::Null), 403, 7, "permission denied");
    refused(&ask("GET", &format!("{missing}?project=default"), &Value::Null), 404, 5, "not found");
    refused(&ask("POST", "/api/v1/applications", &json!({"metadata": 7})), 400, 3, "");
    let nameless = json!({"metadata": {"name": "Not A Name"}, "spec": {"project": "default"}});
    let answer = ask("POST", "/api/v1/applications", &nameless);
    assert!((400..500).contains(&answer.status), "{answer:?}");
    let unknown = ask("GET", "/api/v1/there-is-no-such-thing", &Value::Null);
    assert_eq!(unknown.status, 404, "{unknown:?}");

    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    let other = fixture.application(|app| app["spec"]["source"]["path"] = json!("nowhere"));
    refused(&ask("POST", "/api/v1/applications", &other), 400, 3, "nowhere");
    let other = fixture.application(|app| app["spec"]["project"] = json!("there-is-no-such-project"));
    refused(&ask("POST", "/api/v1/applications", &other), 400, 3, "there-is-no-such-project");
    assert!(fixture.api.get_optional(&fixture.path()).unwrap().is_none());
}

// covers: USR-007
#[test]
fn nobody_comes_in_without_a_token_of_this_installation() {
    let base = installation().api_url();
    let path = "/api/v1/applications";
    refused(&ask_at(&base, None, "GET", path, &Value::Null), 401, 16, "no session information");
    let own = token();
    let [head, claims, signature] = own.split('.').collect::<Vec<_>>()[..] else { panic!("{own}") };
    let encode = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = encode(&json!({"alg": "none", "typ": "JWT"}));
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    for forged in [
        format!("{unsigned}.{claims}."),
        format!("{unsigned}.{claims}.{signature}"),
        format!("{head}.{claims}.{other}{}", &signature[1..]),
        format!("{head}.{}.{signature}", encode(&json!({"iss": "argocd", "sub": "admin:login"}))),
    ] {
        let answer = ask_at(&base, Some(&forged), "GET", path, &Value::Null);
        refused(&answer, 401, 16, "invalid session");
        let answer = ask_at(&base, Some(&forged), "DELETE", &format!("{path}/x"), &json!({}));
        assert_eq!(answer.status, 401, "{answer:?}");
        let stream = ask_at(&base, Some(&forged), "GET", "/api/v1/stream/applications", &Value::Null);
        assert_eq!(stream.status, 401, "{stream:?}");
    }
    // What has not even the form of a token is none.
    refused(&ask_at(&base, Some("nonsense"), "GET", path, &Value::Null), 401, 16, "no session information");
    assert_eq!(ask_at(&base, Some(own), "GET", path, &Value::Null).status, 200);
}

/// One call over gRPC-Web: HTTP status, the message and the trailers.
fn grpc_web(token: Option<&str>, method: &str, message: &[u8]) -> (u16, Vec<u8>, String) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], message].concat();
    block_on(async {
        let url = format!("{}{method}", installation().api_url());
        let mut request =
            Client::new().post(url).header("content-type", "application/grpc-web+proto").body(frame);
        if let Some(token) = token {
            request = request.header("token", token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let in_head = ["grpc-status", "grpc-message"].map(|name| {
            let value = response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            value.map(|value| format!("{name}:{value}\r\n")).unwrap_or_default()
        });
        let body = response.bytes().await.unwrap();
        let (mut message, mut trailers, mut rest) = (Vec::new(), in_head.concat(), &body[..]);
        while let [flag, a, b, c, d, more @ ..] = rest {
            let (frame, next) = more.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            match flag {
                0x80 => trailers.push_str(std::str::from_utf8(frame).unwrap()),
                _ => message.extend_from_slice(frame),
            }
            rest = next;
        }
        (status, message, trailers)
    })
}

#[test]
fn grpc_web_answers_with_the_application_in_protobuf() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    fixture.create(|_| {});
    let name = fixture.name.as_bytes();
    // ApplicationQuery: field 1 is the name.
    let query = [&[0x0a, u8::try_from(name.len()).unwrap()], name].concat();
    let method = "/application.ApplicationService/Get";
    wait("the API server knows the application", || {
        let (status, message, trailers) = grpc_web(Some(token()), method, &query);
        let has = |text: &str| message.windows(text.len()).any(|part| part == text.as_bytes());
        if status == 200
            && trailers.contains("grpc-status:0")
            && has(&fixture.name)
            && has(&fixture.repo.url())
        {
            return Ok(());
        }
        Err(format!("{status} {trailers}"))
    });
    let (status, message, trailers) = grpc_web(None, method, &query);
    assert_eq!((status, message.len()), (200, 0));
    assert!(trailers.contains("grpc-status:16"), "{trailers}");
}

// covers: RPC-028, RPC-120, SYN-026
#[test]
fn an_operation_is_ended_over_rest() {
    let hook = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "endless", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": ["sleep"]}],
        }}},
    });
    let fixture = Fixture::new(&[("hook.yaml", &hook.to_string())]);
    fixture.create(|_| {});
    let path = format!("/api/v1/applications/{}/operation", fixture.name);
    wait("the API server knows the application", || {
        let answer = ask("DELETE", &path, &json!({}));
        let is_known = text(&answer.body, "/message").contains("No operation is in progress");
        if is_known { Ok(()) } else { Err(answer.text) }
    });
    let mark = fixture.sync(|_| {});
    fixture.wait("the hook runs", |app| {
        text(app, "/status/operationState/syncResult/resources/0/hookPhase") == "Running"
    });
    assert_eq!(ask("DELETE", &path, &json!({})).status, 200);
    let state = fixture.wait_operation(&mark);
    assert_eq!((text(&state, "/phase"), text(&state, "/message")), ("Failed", "Operation terminated"));
    let job = format!("/apis/batch/v1/namespaces/{}/jobs/endless", fixture.name);
    wait("the running hook is deleted", || match fixture.api.get_optional(&job).unwrap() {
        None => Ok(()),
        Some(job) => Err(job.to_string()),
    });
}
