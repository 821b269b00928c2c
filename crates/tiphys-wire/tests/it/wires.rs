//! One handler on three wires, over real sockets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tiphys_wire::WireError;
use tiphys_wire::api::{Answer, Call, Document, Limits, Reply, Router, Schema, WebTls, serve_web};
use tiphys_wire::tls::{WebCertificate, web_server_config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

const APPLICATIONS: &str = "application.ApplicationService";

fn router() -> Router {
    let mut router = Router::new(Arc::new(Schema::load().unwrap()), Limits::default());
    // Answers what it was asked, so that a test sees what a handler sees.
    let echo = |call: Call| async move {
        let name = call.request["name"].as_str().unwrap_or_default().to_owned();
        match name.as_str() {
            "nobody" => Err(WireError::permission_denied("100% <no>\nä")),
            _ => {
                let annotations = json!({"request": call.request.to_string()});
                Ok(Reply::one(
                    json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"info": []}}),
                ))
            }
        }
    };
    assert!(router.handle(APPLICATIONS, "Get", echo));
    assert!(router.handle(APPLICATIONS, "Sync", echo));
    assert!(router.handle(APPLICATIONS, "Create", echo));
    assert!(router.handle(APPLICATIONS, "UpdateSpec", |call: Call| async move {
        Ok(Reply::one(call.request["spec"].clone()))
    }));
    assert!(router.handle(APPLICATIONS, "List", |_: Call| async {
        let item = |name: &str| {
            Document::from(Arc::new(json!({"metadata": {"name": name}, "spec": {"project": "default"}})))
        };
        Ok(Reply::one(Document::object([
            ("metadata", json!({"resourceVersion": "7"}).into()),
            ("items", Document::Array(vec![item("a"), item("b")])),
        ])))
    }));
    assert!(router.handle(APPLICATIONS, "Watch", |call: Call| async move {
        if call.request["name"] == "nobody" {
            return Err(WireError::not_found("no such application"));
        }
        let event = |kind: &str, phase: &str| {
            Ok(json!({"type": kind, "application": {"metadata": {"name": "a"}, "status": {"health": {"status": phase}}}}).into())
        };
        let events = vec![
            event("MODIFIED", "Progressing"),
            event("MODIFIED", "Healthy"),
            Err(WireError::unavailable("the watch was lost")),
        ];
        Ok(Reply::Stream(futures::stream::iter(events).boxed()))
    }));
    assert!(router.handle("session.SessionService", "Create", |call: Call| async move {
        let token = call.request["password"].as_str().unwrap_or_default().to_owned();
        Ok(Reply::One(Answer {
            body: json!({"token": token}).into(),
            cookies: vec!["argocd.token=x; path=/".to_owned()],
            metadata: vec![("renew-token", "y".to_owned())],
        }))
    }));
    assert!(!router.handle(APPLICATIONS, "Fly", |_: Call| async { Err(WireError::internal("")) }));
    router
}

async fn start(tls: WebTls) -> (std::net::SocketAddr, CancellationToken) {
    let router = Arc::new(router());
    let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let router = router.clone();
        async move { router.serve(request).await }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(serve_web(listener, app, tls, shutdown.clone()));
    (address, shutdown)
}

fn certificates() -> WebTls {
    let web = WebCertificate::self_signed("argocd", SystemTime::now()).unwrap();
    WebTls::On(tokio::sync::watch::channel(web_server_config(&web).unwrap()).1)
}

struct Http {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Http {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request over HTTP/1.1 with a connection of its own, on any stream.
async fn exchange(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    request: &str,
    headers: &str,
    body: &[u8],
) -> Http {
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    let _close_notify_may_be_missing = stream.read_to_end(&mut answer).await;
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..split]).to_lowercase();
    let mut body = answer[split + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Http { status, head, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

async fn rest(address: std::net::SocketAddr, request: &str, headers: &str, body: &str) -> Http {
    exchange(TcpStream::connect(address).await.unwrap(), request, headers, body.as_bytes()).await
}

const JSON: &str = "Content-Type: application/json\r\n";

fn asked(http: &Http) -> Value {
    serde_json::from_str(http.json()["metadata"]["annotations"]["request"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn rest_fills_a_request_from_path_query_and_body() {
    let (address, _shutdown) = start(WebTls::Off).await;
    let get = rest(
        address,
        "GET /api/v1/applications/a%2Fb?refresh=hard&projects=x&projects=y&name=evil&unknown=1",
        "",
        "",
    )
    .await;
    assert_eq!(get.status, 200, "{}", get.text());
    assert!(get.head.contains("content-type: application/json"), "{}", get.head);
    assert_eq!(asked(&get), json!({"name": "a/b", "refresh": "hard", "projects": ["x", "y"]}));

    let body = r#"{"revision": "main", "PRUNE": true, "sourcePositions": ["1", 2], "strategy": {"hook": {"force": true}}}"#;
    let sync = rest(address, "POST /api/v1/applications/a/sync?dryRun=true", JSON, body).await;
    let expected = json!({"name": "a", "revision": "main", "prune": true, "sourcePositions": [1, 2], "strategy": {"hook": {"force": true}}});
    assert_eq!(asked(&sync), expected);

    let body = r#"{"metadata": {"name": "a"}, "spec": {"somethingNew": 1, "source": {"repourl": "r"}}}"#;
    let create =
        rest(address, "POST /api/v1/applications?upsert=1&application.spec.project=evil", JSON, body).await;
    let expected = json!({"upsert": true, "application": {"metadata": {"name": "a"}, "spec": {"somethingNew": 1, "source": {"repoURL": "r"}}}});
    assert_eq!(asked(&create), expected);
}

#[tokio::test]
async fn rest_refuses_in_the_words_and_numbers_of_grpc_gateway() {
    let (address, _shutdown) = start(WebTls::Off).await;
    let denied = rest(address, "GET /api/v1/applications/nobody", "", "").await;
    assert_eq!(denied.status, 403);
    assert_eq!(denied.json(), json!({"error": "100% <no>\nä", "code": 7, "message": "100% <no>\nä"}));
    assert!(denied.text().contains("\\u003cno\\u003e"), "{}", denied.text());

    let charset = "Content-Type: application/json; charset=utf-8\r\n";
    let typed = rest(address, "POST /api/v1/applications/a/sync", charset, "{}").await;
    assert_eq!((typed.status, typed.text().as_str()), (415, "Invalid content type\n"));
    let untyped = rest(address, "DELETE /api/v1/applications/a", "", "").await;
    assert_eq!(untyped.status, 415);

    let broken = rest(address, "POST /api/v1/applications/a/sync", JSON, "{").await;
    assert_eq!((broken.status, broken.json()["code"].as_u64()), (400, Some(3)));
    let mistyped = rest(address, "POST /api/v1/applications/a/sync", JSON, r#"{"prune": "yes"}"#).await;
    assert_eq!(mistyped.json()["error"], "read the request: field prune: expected a boolean, found a string");
    let missing = rest(address, "POST /api/v1/applications/a/rollback", JSON, "{}").await;
    assert_eq!((missing.status, missing.json()["code"].as_u64()), (501, Some(12)));
    let unknown = rest(address, "GET /api/v1/nothing", "", "").await;
    assert_eq!((unknown.status, unknown.json()["error"].as_str()), (404, Some("Not Found")));
    let verb = rest(address, "PUT /api/v1/session", JSON, "{}").await;
    assert_eq!((verb.status, verb.json()["error"].as_str()), (501, Some("Method Not Allowed")));
}

#[tokio::test]
async fn rest_selects_fields_and_sets_cookies() {
    let (address, _shutdown) = start(WebTls::Off).await;
    let list =
        rest(address, "GET /api/v1/applications?fields=metadata.resourceVersion,items.metadata.name", "", "")
            .await;
    let expected = json!({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]});
    assert_eq!(list.json(), expected);
    let session =
        rest(address, "POST /api/v1/session", JSON, r#"{"username": "admin", "password": "p"}"#).await;
    assert_eq!(session.json(), json!({"token": "p"}));
    assert!(session.head.contains("set-cookie: argocd.token=x; path=/"), "{}", session.head);
    assert!(session.head.contains("grpc-metadata-renew-token: y"), "{}", session.head);
}

// covers: RPC-009
#[tokio::test]
async fn rest_streams_lines_or_events_and_ends_with_the_error() {
    let (address, _shutdown) = start(WebTls::Off).await;
    let lines = rest(address, "GET /api/v1/stream/applications", "", "").await;
    let lines: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["result"]["application"]["status"]["health"]["status"], "Healthy");
    let error = json!({"grpc_code": 14, "http_code": 503, "message": "the watch was lost", "http_status": "Service Unavailable"});
    assert_eq!(lines[2]["error"], error);

    let events = "Accept: text/event-stream\r\n";
    let answer = rest(address, "GET /api/v1/stream/applications", events, "").await;
    assert!(answer.head.contains("content-type: text/event-stream"), "{}", answer.head);
    assert!(answer.text().starts_with("data: {\"result\":{\"application\":"), "{}", answer.text());
    assert!(answer.text().contains("} \n\n\ndata: "), "{}", answer.text());

    // What was selected did not change between the two events, so the second is not sent.
    let selected = "GET /api/v1/stream/applications?fields=result.type,result.application.metadata.name";
    let answer = rest(address, selected, "", "").await;
    assert_eq!(answer.text().lines().count(), 2, "{}", answer.text());

    let refused = rest(address, "GET /api/v1/stream/applications?name=nobody", "", "").await;
    assert_eq!((refused.status, refused.json()["error"]["grpc_code"].as_u64()), (404, Some(5)));
}

#[tokio::test]
async fn grpc_web_has_its_errors_in_the_headers_of_a_200() {
    let (address, _shutdown) = start(WebTls::Off).await;
    let schema = Schema::load().unwrap();
    let call = async |method: &str, request: Value| {
        let message = schema.encode("application.ApplicationQuery", &request.into()).unwrap();
        let mut body = vec![0, 0, 0, 0];
        body.push(u8::try_from(message.len()).unwrap());
        body.extend_from_slice(&message);
        let path = format!("POST /{APPLICATIONS}/{method}");
        let stream = TcpStream::connect(address).await.unwrap();
        exchange(stream, &path, "Content-Type: application/grpc-web+proto\r\n", &body).await
    };
    let good = call("Get", json!({"name": "a"})).await;
    assert_eq!(good.status, 200);
    let length = u32::from_be_bytes(good.body[1..5].try_into().unwrap()) as usize;
    let message = &good.body[5..5 + length];
    let name = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1.Application";
    assert_eq!(schema.decode(name, message).unwrap()["metadata"]["name"], "a");
    assert_eq!(&good.body[5 + length..], b"\x80\x00\x00\x00\x0fgrpc-status:0\r\n");

    let bad = call("Get", json!({"name": "nobody"})).await;
    assert_eq!(bad.status, 200);
    assert!(bad.head.contains("grpc-status: 7"), "{}", bad.head);
    assert!(bad.head.contains("grpc-message: 100% <no> "), "{}", bad.head);
    let events = call("Watch", json!({})).await;
    assert!(events.text().contains("grpc-status:14\r\n"), "{}", events.text());
}

/// Passes messages as bytes, so that the test needs no generated client.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[tokio::test]
async fn grpc_is_served_beside_rest_and_its_errors_are_statuses() {
    let (address, shutdown) = start(WebTls::Off).await;
    let schema = Schema::load().unwrap();
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    let query =
        |value: Value| Bytes::from(schema.encode("application.ApplicationQuery", &value.into()).unwrap());
    let path = |method: &str| format!("/{APPLICATIONS}/{method}").parse::<http::uri::PathAndQuery>().unwrap();

    client.ready().await.unwrap();
    let answer = client
        .unary(tonic::Request::new(query(json!({"name": "a", "refresh": "hard"}))), path("Get"), Raw)
        .await;
    let name = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1.Application";
    let application = schema.decode(name, &answer.unwrap().into_inner()).unwrap();
    assert_eq!(application["metadata"]["annotations"]["request"], r#"{"name":"a","refresh":"hard"}"#);

    client.ready().await.unwrap();
    let status = client
        .unary(tonic::Request::new(query(json!({"name": "nobody"}))), path("Get"), Raw)
        .await
        .unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "100% <no>\nä"));

    client.ready().await.unwrap();
    let mut events = client
        .server_streaming(tonic::Request::new(query(json!({}))), path("Watch"), Raw)
        .await
        .unwrap()
        .into_inner();
    assert!(events.message().await.unwrap().is_some());
    assert!(events.message().await.unwrap().is_some());
    assert_eq!(events.message().await.unwrap_err().code(), Code::Unavailable);

    client.ready().await.unwrap();
    let status = client.unary(tonic::Request::new(query(json!({}))), path("Fly"), Raw).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    shutdown.cancel();
}

#[tokio::test]
async fn with_tls_plain_http_is_sent_to_https_and_a_browser_and_a_grpc_client_are_both_served() {
    let (address, _shutdown) = start(certificates()).await;
    let plain = rest(address, "GET /applications?x=1", "", "").await;
    assert_eq!(plain.status, 307);
    assert!(plain.head.contains("location: https://localhost/applications?x=1"), "{}", plain.head);

    for protocol in ["http/1.1", "h2"] {
        let mut config = trusting();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream =
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        if protocol == "http/1.1" {
            let answer = exchange(stream, "GET /api/v1/applications/a", "", b"").await;
            assert_eq!(answer.status, 200);
        } else {
            // A gRPC client waits for the server's SETTINGS before it sends a request.
            stream
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                .await
                .unwrap();
            let mut frame = [0; 9];
            tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut frame))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(frame[3], 4, "the first frame is SETTINGS");
        }
    }
}

fn trusting() -> rustls::ClientConfig {
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    config.dangerous().set_certificate_verifier(Arc::new(crate::internal::TrustAnybody));
    config
}
