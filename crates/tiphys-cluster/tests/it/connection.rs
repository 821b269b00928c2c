//! Ways to a cluster: what a cluster Secret can say, and what is wrong when it does not work.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tiphys_api::cluster::Cluster as RegisteredCluster;
use tiphys_cluster::{Cluster, ClusterConfig, ClusterOptions, ClusterState};
use tiphys_live::NotObserved;
use tiphys_manifest::GroupKind;
use tiphys_test_kit::{ControlPlane, ControlPlaneConfig};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{config_map_key, create, plane, seen, synced, tracked_config_map, until};

fn registered(server: &str, config: Value) -> ClusterConfig {
    let cluster = RegisteredCluster {
        server: server.to_owned(),
        name: "remote".to_owned(),
        config: serde_json::from_value(config).unwrap(),
        ..RegisteredCluster::default()
    };
    ClusterConfig::from_registered(&cluster).unwrap()
}

fn pem(text: &str) -> Value {
    Value::from(STANDARD.encode(text))
}

async fn settled(config: &ClusterConfig) -> (Arc<Cluster>, ClusterState) {
    let cluster = Cluster::connect(config, ClusterOptions::default()).unwrap();
    let state = cluster.settled().await;
    (cluster, state)
}

// covers: CLU-012, CLU-015
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_and_a_certificate_authority_are_enough() {
    let plane = plane().await;
    let config = registered(
        &plane.server_url(),
        json!({"bearerToken": plane.admin_token(), "tlsClientConfig": {"caData": pem(plane.credentials().ca_pem())}}),
    );
    let (cluster, state) = settled(&config).await;
    assert!(state.is_synced(), "{state:?}");
    assert_eq!((cluster.server(), cluster.name()), (plane.server_url().as_str(), "remote"));
}

// covers: CLU-015
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_is_an_identity_and_verification_can_be_switched_off() {
    let plane = plane().await;
    let identity = plane.credentials().client_certificate("pilot", &["system:masters"]).unwrap();
    let (certificate, key) = (pem(&identity.certificate_pem), pem(&identity.key_pem));
    let verified = json!({"tlsClientConfig": {
        "caData": pem(plane.credentials().ca_pem()), "certData": certificate, "keyData": key}});
    let (_, state) = settled(&registered(&plane.server_url(), verified)).await;
    assert!(state.is_synced(), "{state:?}");
    let blind = json!({"tlsClientConfig": {"insecure": true, "certData": certificate, "keyData": key}});
    let (_, state) = settled(&registered(&plane.server_url(), blind)).await;
    assert!(state.is_synced(), "{state:?}");
}

// covers: CLU-015
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_that_a_server_certificate_must_hold_can_be_set() {
    let plane = plane().await;
    let with_name = |name: &str| {
        registered(
            &plane.server_url(),
            json!({"bearerToken": plane.admin_token(), "tlsClientConfig": {
                "caData": pem(plane.credentials().ca_pem()), "serverName": name}}),
        )
    };
    let (_, state) = settled(&with_name("localhost")).await;
    assert!(state.is_synced(), "{state:?}");
    let (_, state) = settled(&with_name("elsewhere.example.org")).await;
    assert!(state.failure().is_some_and(|reason| reason.contains("elsewhere.example.org")), "{state:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_is_named_as_the_reason() {
    let plane = plane().await;
    let other = tiphys_test_kit::control_plane::credentials::Credentials::generate().unwrap();
    let config = registered(
        &plane.server_url(),
        json!({"bearerToken": plane.admin_token(), "tlsClientConfig": {"caData": pem(other.ca_pem())}}),
    );
    let (cluster, state) = settled(&config).await;
    let reason = state.failure().expect("a failure").to_owned();
    assert!(reason.contains("certificate"), "{reason}");
    let proof = cluster.observation().proof(&[GroupKind::new("", "ConfigMap")]);
    assert!(proof.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_a_failure_with_the_words_of_the_api_server() {
    let plane = plane().await;
    let config = registered(
        &plane.server_url(),
        json!({"bearerToken": "no such token", "tlsClientConfig": {"caData": pem(plane.credentials().ca_pem())}}),
    );
    let (_, state) = settled(&config).await;
    assert_eq!(state.failure(), Some("Unauthorized"));
}

// covers: TRK-013
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_may_not_be_listed_are_unknown_and_not_empty() {
    let plane = plane().await;
    let identity = plane.credentials().client_certificate("nobody-special", &[]).unwrap();
    let config = registered(
        &plane.server_url(),
        json!({"tlsClientConfig": {"caData": pem(plane.credentials().ca_pem()),
            "certData": pem(&identity.certificate_pem), "keyData": pem(&identity.key_pem)}}),
    );
    let (cluster, state) = settled(&config).await;
    assert!(state.is_synced(), "{state:?}");
    let secrets = GroupKind::new("", "Secret");
    let Err(NotObserved::Lost { reason, .. }) = cluster.observation().proof([&secrets]) else {
        panic!("absence of Secrets must not be provable");
    };
    assert!(reason.contains("User \"nobody-special\" cannot list resource \"secrets\""), "{reason}");

    for rbac_review in [false, true] {
        let options = ClusterOptions { respect_rbac: true, rbac_review, ..ClusterOptions::default() };
        let respectful = Cluster::connect(&config, options).unwrap();
        assert!(respectful.settled().await.is_synced());
        let proof = respectful.observation().proof([&secrets]);
        assert_eq!(proof, Err(NotObserved::NotWatched(secrets.clone())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_are_kept_apart() {
    let first = plane().await;
    let second = tokio::task::spawn_blocking(|| ControlPlane::start(ControlPlaneConfig::default()));
    let second = second.await.unwrap().unwrap();
    let (one, two) = (synced(first).await, synced(&second).await);
    let namespace = first.create_namespace("apart").unwrap();
    second.api().create("/api/v1/namespaces", &json!({"metadata": {"name": namespace}})).unwrap();
    one.apply(&create(&tracked_config_map(&namespace, "first", "app"))).await.unwrap();
    two.apply(&create(&tracked_config_map(&namespace, "second", "app"))).await.unwrap();
    assert!(!one.read(|index| index.tracked("app").iter().any(|node| node.key.name() == "second")));
    assert!(two.node(&config_map_key(&namespace, "first")).is_none());
    // One of them goes; the other one does not notice.
    second.kill_apiserver();
    until("the second cluster is down", || two.state().failure().map(str::to_owned)).await;
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    first.api().create(&path, &tracked_config_map(&namespace, "later", "app")).unwrap();
    seen(&one, &config_map_key(&namespace, "later")).await;
    assert!(one.state().is_synced());
    assert!(two.node(&config_map_key(&namespace, "second")).is_some(), "what is known is kept");
}

// covers: CLU-014
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_can_give_the_credentials() {
    let plane = plane().await;
    let script = "printf '{\"apiVersion\": \"%s\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"%s\"}}' \
        client.authentication.k8s.io/v1beta1 \"$TOKEN\"";
    let with_token = |token: &str| {
        registered(
            &plane.server_url(),
            json!({
                "execProviderConfig": {"command": "sh", "args": ["-c", script], "env": {"TOKEN": token}},
                "tlsClientConfig": {"caData": pem(plane.credentials().ca_pem())}
            }),
        )
    };
    let (_, state) = settled(&with_token(plane.admin_token())).await;
    assert!(state.is_synced(), "{state:?}");
    let (_, state) = settled(&with_token("not the token")).await;
    assert_eq!(state.failure(), Some("Unauthorized"));
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, PartialEq)]
enum ProxyKind {
    Http,
    Https,
    Socks5,
}

/// A proxy that only tunnels. Gives its address and the targets that it was asked for.
async fn proxy(plane: &ControlPlane, kind: ProxyKind) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = match kind {
        ProxyKind::Http => "http",
        ProxyKind::Https => "https",
        ProxyKind::Socks5 => "socks5",
    };
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    let acceptor = acceptor(plane);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (notes, acceptor) = (notes.clone(), acceptor.clone());
            tokio::spawn(async move {
                let _ = match kind {
                    ProxyKind::Http => tunnel(BufReader::new(stream), &notes).await,
                    ProxyKind::Https => match acceptor.accept(stream).await {
                        Ok(stream) => tunnel(BufReader::new(stream), &notes).await,
                        Err(error) => Err(error),
                    },
                    ProxyKind::Socks5 => socks(stream, &notes).await,
                };
            });
        }
    });
    (address, asked)
}

fn acceptor(plane: &ControlPlane) -> tokio_rustls::TlsAcceptor {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let _ = rustls::crypto::ring::default_provider().install_default();
    let certified = plane.credentials().server_certificate(&["127.0.0.1"]).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certified.certificate_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certified.key_pem.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

async fn tunnel<S>(mut stream: BufReader<S>, asked: &Mutex<Vec<String>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let target = request.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    asked.lock().push(target.to_owned());
    let mut upstream = TcpStream::connect(target).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    stream.flush().await?;
    tokio::io::copy_bidirectional(&mut stream, &mut upstream).await.map(|_| ())
}

/// RFC 1928 without authentication, for IPv4 addresses.
async fn socks(mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut greeting = [0u8; 2];
    stream.read_exact(&mut greeting).await?;
    let mut methods = vec![0u8; usize::from(greeting[1])];
    stream.read_exact(&mut methods).await?;
    stream.write_all(&[5, 0]).await?;
    let mut request = [0u8; 10];
    stream.read_exact(&mut request).await?;
    let [5, 1, 0, 1, a, b, c, d, high, low] = request else { return Ok(()) };
    let target = format!("{a}.{b}.{c}.{d}:{}", u16::from_be_bytes([high, low]));
    asked.lock().push(target.clone());
    let mut upstream = TcpStream::connect(target).await?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut upstream).await.map(|_| ())
}

// covers: CLU-016
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_can_be_reached_through_a_proxy_of_each_kind() {
    let plane = plane().await;
    for kind in [ProxyKind::Http, ProxyKind::Https, ProxyKind::Socks5] {
        let (address, asked) = proxy(plane, kind).await;
        let config = registered(
            &plane.server_url(),
            json!({"bearerToken": plane.admin_token(), "proxyUrl": address,
                "tlsClientConfig": {"caData": pem(plane.credentials().ca_pem())}}),
        );
        let (_cluster, state) = settled(&config).await;
        assert!(state.is_synced(), "{address}: {state:?}");
        let host = plane.server_url().trim_start_matches("https://").to_owned();
        let asked = asked.lock();
        assert!(!asked.is_empty() && asked.iter().all(|target| *target == host), "{address}: {asked:?}");
    }
}
