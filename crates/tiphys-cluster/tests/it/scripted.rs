//! A server that says what a script tells it, for what a real API server does only once in a blue moon.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tiphys_api::cluster::Cluster as RegisteredCluster;
use tiphys_cluster::{Cluster, ClusterConfig, ClusterOptions};
use tiphys_manifest::GroupKind;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{config_map_key, until};

/// Answers to one path, in order; the last one is given for ever.
type Script = HashMap<&'static str, Vec<Answer>>;

#[derive(Clone)]
enum Answer {
    Json(u16, Value),
    /// Lines of a watch, then the connection stays open.
    Lines(Vec<String>),
    /// Lines of a watch, then its orderly end.
    Closed(Vec<String>),
    /// Lines of a watch, then the connection breaks in the middle of it.
    Broken(Vec<String>),
}

#[derive(Default)]
struct Heard {
    requests: Mutex<Vec<(String, HashMap<String, String>)>>,
}

impl Heard {
    fn count(&self, part: &str) -> usize {
        self.requests.lock().iter().filter(|(path, _)| path.contains(part)).count()
    }
}

/// Serves the script and gives the address and what was heard.
async fn serve(mut script: Script) -> (String, Arc<Heard>) {
    let kinds = json!([{"resource": "configmaps", "responseKind": {"kind": "ConfigMap"}, "scope": "Namespaced",
        "verbs": ["list", "watch", "get", "create", "delete"]}]);
    let core = json!({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {"name": ""}, "versions": [{"version": "v1", "freshness": "Current", "resources": kinds}]}]});
    script.entry("/version").or_insert_with(|| vec![Answer::Json(200, json!({"major": "1", "minor": "36"}))]);
    script.entry("/api").or_insert_with(|| vec![Answer::Json(200, core)]);
    let none = json!({"kind": "APIGroupDiscoveryList", "items": []});
    script.entry("/apis").or_insert_with(|| vec![Answer::Json(200, none)]);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Heard::default());
    let (script, notes) = (Arc::new(Mutex::new(script)), heard.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, script.clone(), notes.clone()));
        }
    });
    (address, heard)
}

async fn converse(stream: TcpStream, script: Arc<Mutex<Script>>, heard: Arc<Heard>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut headers, mut length) = (String::new(), HashMap::new(), 0usize);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            } else if let Some((name, value)) = line.split_once(": ") {
                let name = name.to_ascii_lowercase();
                if name == "content-length" {
                    length = value.parse().unwrap_or(0);
                }
                headers.insert(name, value.to_owned());
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        heard.requests.lock().push((path.clone(), headers));
        let watching = path.contains("watch=true");
        let place = path.split('?').next().unwrap_or_default();
        let answer = {
            let mut script = script.lock();
            let key = if watching {
                "watch"
            } else if path.contains("continue=") {
                "continue"
            } else {
                place
            };
            match script.get_mut(key) {
                Some(answers) if answers.len() > 1 => answers.remove(0),
                Some(answers) => answers.first().cloned().unwrap_or(Answer::Lines(Vec::new())),
                None => Answer::Json(404, json!({"kind": "Status", "code": 404, "message": "not found"})),
            }
        };
        match answer {
            Answer::Json(code, value) => {
                let text = value.to_string();
                let head = format!(
                    "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    text.len()
                );
                if stream.write_all((head + &text).as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Lines(lines) | Answer::Closed(lines) if lines.is_empty() && !watching => return,
            Answer::Lines(lines) => {
                let _ = write_lines(&mut stream, &lines).await;
                // Until the other side has enough.
                let _ = stream.read_u8().await;
                return;
            }
            Answer::Broken(lines) => {
                let _ = write_lines(&mut stream, &lines).await;
                let _ = stream.write_all(b"ff\r\n{").await;
                let _ = stream.flush().await;
                return;
            }
            Answer::Closed(lines) => {
                let _ = write_lines(&mut stream, &lines).await;
                let _ = stream.write_all(b"0\r\n\r\n").await;
                let _ = stream.flush().await;
            }
        }
    }
}

async fn write_lines(stream: &mut BufReader<TcpStream>, lines: &[String]) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for line in lines {
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        stream.write_all(chunk.as_bytes()).await?;
    }
    stream.flush().await
}

fn item(name: &str, version: u64) -> Value {
    json!({"metadata": {"name": name, "namespace": "n", "uid": format!("u-{name}"), "resourceVersion": version.to_string()}})
}

fn list(version: u64, next: &str, items: &[Value]) -> Answer {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next});
    Answer::Json(
        200,
        json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}),
    )
}

fn event(kind: &str, object: &Value) -> String {
    json!({"type": kind, "object": object}).to_string() + "\n"
}

fn expired() -> Value {
    json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})
}

fn config(server: &str, config: Value) -> ClusterConfig {
    let cluster = RegisteredCluster {
        server: server.to_owned(),
        config: serde_json::from_value(config).unwrap(),
        ..RegisteredCluster::default()
    };
    ClusterConfig::from_registered(&cluster).unwrap()
}

async fn connect(script: Script) -> (Arc<Cluster>, Arc<Heard>) {
    let (server, heard) = serve(script).await;
    let cluster = Cluster::connect(&config(&server, json!({})), ClusterOptions::default()).unwrap();
    (cluster, heard)
}

const MAPS: &str = "/api/v1/configmaps";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_version_leads_to_one_new_list_that_counts_only_when_it_is_complete() {
    let script = Script::from([
        (
            MAPS,
            vec![
                list(10, "", &[item("a", 1), item("b", 2)]),
                // The new list breaks off on its second page, and is then read from its beginning.
                list(20, "next", &[item("c", 15)]),
                list(30, "next", &[item("c", 15)]),
            ],
        ),
        ("continue", vec![Answer::Json(410, expired()), list(30, "", &[item("d", 16)])]),
        ("watch", vec![Answer::Lines(vec![event("ERROR", &expired())]), Answer::Lines(Vec::new())]),
    ]);
    let (cluster, heard) = connect(script).await;
    let mut changes = cluster.changes();
    until("the second list is complete", || cluster.node(&config_map_key("n", "d"))).await;
    let names = |name: &str| cluster.node(&config_map_key("n", name)).is_some();
    assert!(names("c") && !names("a") && !names("b"));
    assert_eq!(heard.count("limit=500"), 5, "{:?}", heard.requests.lock());
    let seen = changes.take();
    assert!(seen.len() <= 4, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_repeated_or_late_or_cut_in_pieces_do_no_harm() {
    let added = event("ADDED", &item("a", 12));
    let (head, tail) = added.split_at(added.len() / 2);
    let script = Script::from([
        (MAPS, vec![list(10, "", &[item("b", 5)])]),
        (
            "watch",
            vec![Answer::Lines(vec![
                head.to_owned(),
                tail.to_owned(),
                event("MODIFIED", &item("a", 14)),
                event("ADDED", &item("a", 12)),
                event("BOOKMARK", &json!({"metadata": {"resourceVersion": "15"}})),
                event("DELETED", &item("b", 16)),
                event("MODIFIED", &item("b", 6)),
                event("ADDED", &item("last", 17)),
            ])],
        ),
    ]);
    let (cluster, _) = connect(script).await;
    until("the last event has come", || cluster.node(&config_map_key("n", "last"))).await;
    assert_eq!(&*cluster.node(&config_map_key("n", "a")).unwrap().resource_version, "14");
    assert!(cluster.node(&config_map_key("n", "b")).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_ends_goes_on_where_it_ended() {
    let script = Script::from([
        (MAPS, vec![list(10, "", &[])]),
        (
            "watch",
            vec![
                Answer::Closed(vec![event("ADDED", &item("a", 12))]),
                Answer::Closed(vec![event("BOOKMARK", &json!({"metadata": {"resourceVersion": "40"}}))]),
                Answer::Lines(vec![event("ADDED", &item("b", 41))]),
            ],
        ),
    ]);
    let (cluster, heard) = connect(script).await;
    until("the third watch speaks", || cluster.node(&config_map_key("n", "b"))).await;
    assert!(cluster.node(&config_map_key("n", "a")).is_some());
    assert_eq!(heard.count("limit=500"), 1);
    for version in ["resourceVersion=10", "resourceVersion=12", "resourceVersion=40"] {
        assert_eq!(heard.count(version), 1, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_no_json_leads_to_a_new_list() {
    let script = Script::from([
        (MAPS, vec![list(10, "", &[item("a", 1)]), list(20, "", &[item("b", 11)])]),
        ("watch", vec![Answer::Lines(vec!["{\"type\":\"ADDED\",\n".to_owned()]), Answer::Lines(Vec::new())]),
    ]);
    let (cluster, _) = connect(script).await;
    until("the second list is in", || cluster.node(&config_map_key("n", "b"))).await;
    assert!(cluster.node(&config_map_key("n", "a")).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_whose_discovery_fails_is_unknown_and_the_others_go_on() {
    let things = json!([{"resource": "things", "responseKind": {"kind": "Thing"}, "scope": "Namespaced", "verbs": ["list", "watch"]}]);
    let stale = json!({"kind": "APIGroupDiscoveryList", "items": [
        {"metadata": {"name": "down.example.org"}, "versions": [{"version": "v1", "freshness": "Stale", "resources": things}]}]});
    let script = Script::from([
        (MAPS, vec![list(10, "", &[item("a", 1)])]),
        ("watch", vec![Answer::Lines(Vec::new())]),
        ("/apis", vec![Answer::Json(200, stale)]),
    ]);
    let (cluster, _) = connect(script).await;
    until("the ConfigMap is there", || cluster.node(&config_map_key("n", "a"))).await;
    let observation = cluster.observation();
    assert!(observation.proof(&[GroupKind::new("", "ConfigMap")]).is_ok());
    let error = observation.proof(&[GroupKind::new("down.example.org", "Thing")]).unwrap_err();
    assert!(error.to_string().contains("down.example.org"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_api_server_is_asked_group_by_group() {
    let resources = |name: &str, kind: &str| {
        json!({"kind": "APIResourceList", "resources": [
            {"name": name, "namespaced": true, "kind": kind, "verbs": ["list", "watch"]},
            {"name": format!("{name}/status"), "namespaced": true, "kind": kind, "verbs": ["get"]}]})
    };
    let script = Script::from([
        ("/api", vec![Answer::Json(200, json!({"kind": "APIVersions", "versions": ["v1"]}))]),
        ("/api/v1", vec![Answer::Json(200, resources("configmaps", "ConfigMap"))]),
        (
            "/apis",
            vec![Answer::Json(
                200,
                json!({"kind": "APIGroupList", "groups": [
                    {"name": "ok.example.org", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
                    {"name": "down.example.org", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}}]}),
            )],
        ),
        ("/apis/ok.example.org/v1", vec![Answer::Json(200, resources("things", "Thing"))]),
        (
            "/apis/down.example.org/v1",
            vec![Answer::Json(503, json!({"kind": "Status", "code": 503, "message": "no endpoints"}))],
        ),
        (MAPS, vec![list(10, "", &[item("a", 1)])]),
        ("/apis/ok.example.org/v1/things", vec![list(10, "", &[])]),
        ("watch", vec![Answer::Lines(Vec::new())]),
    ]);
    let (cluster, _) = connect(script).await;
    until("the kinds are known", || cluster.kind(&GroupKind::new("ok.example.org", "Thing"))).await;
    assert!(
        cluster
            .observation()
            .failed_group("down.example.org")
            .is_some_and(|reason| reason.contains("no endpoints"))
    );
}

// covers: CLU-011
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password_are_sent_as_basic_authentication() {
    let (server, heard) = serve(Script::new()).await;
    let config = config(&server, json!({"username": "jason", "password": "fleece"}));
    let _cluster = Cluster::connect(&config, ClusterOptions::default()).unwrap();
    let headers = until("a request comes", || heard.requests.lock().first().cloned()).await.1;
    assert_eq!(headers.get("authorization").map(String::as_str), Some("Basic amFzb246ZmxlZWNl"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_refused_unseen_is_sent_again_when_the_server_says() {
    let busy = Answer::Json(
        429,
        json!({"kind": "Status", "code": 429, "message": "busy", "details": {"retryAfterSeconds": 1}}),
    );
    let script = Script::from([
        (MAPS, vec![busy, list(10, "", &[item("a", 1)])]),
        ("watch", vec![Answer::Lines(Vec::new())]),
    ]);
    let (cluster, heard) = connect(script).await;
    until("the list is in", || cluster.node(&config_map_key("n", "a"))).await;
    assert_eq!(heard.count("limit=500"), 2);
    assert!(cluster.state().is_synced());
}

// covers: CLU-016
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compression_is_asked_for_unless_it_is_switched_off() {
    for (settings, encoding) in [(json!({}), Some("gzip")), (json!({"disableCompression": true}), None)] {
        let (server, heard) = serve(Script::new()).await;
        let _cluster = Cluster::connect(&config(&server, settings), ClusterOptions::default()).unwrap();
        let headers = until("a request comes", || heard.requests.lock().first().cloned()).await.1;
        let asked = headers.get("accept-encoding").map(String::as_str).filter(|it| *it != "identity");
        assert_eq!(asked, encoding);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_once_does_not_make_the_cluster_unknown() {
    let script = Script::from([
        (MAPS, vec![list(10, "", &[])]),
        (
            "watch",
            vec![
                Answer::Broken(vec![event("ADDED", &item("a", 12))]),
                Answer::Broken(vec![event("ADDED", &item("b", 13))]),
                Answer::Lines(vec![event("ADDED", &item("c", 14))]),
            ],
        ),
    ]);
    let (cluster, heard) = connect(script).await;
    let mut states = cluster.states();
    let watcher = tokio::spawn(async move {
        let mut seen = Vec::new();
        while states.changed().await.is_ok() {
            seen.push(states.borrow_and_update().clone());
        }
        seen
    });
    until("the third watch speaks", || cluster.node(&config_map_key("n", "c"))).await;
    assert!(cluster.observation().proof(&[GroupKind::new("", "ConfigMap")]).is_ok());
    assert_eq!(heard.count("limit=500"), 1);
    drop(cluster);
    let seen = tokio::time::timeout(std::time::Duration::from_secs(10), watcher).await.unwrap().unwrap();
    assert!(seen.iter().all(|state| state.failure().is_none()), "{seen:?}");
}
