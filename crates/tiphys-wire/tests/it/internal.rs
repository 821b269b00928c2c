//! Who gets through to an internal service, and who does not.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tiphys_wire::internal::state_service_server::StateService;
use tiphys_wire::internal::{ApplicationRef, ClustersRequest, Document, LiveObjectRequest};
use tiphys_wire::tls::DirectoryStore;
use tiphys_wire::{InternalCertificates, InternalTls, Readiness, serve_probes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

struct Echo;

#[tonic::async_trait]
impl StateService for Echo {
    async fn resource_tree(&self, request: Request<ApplicationRef>) -> Result<Response<Document>, Status> {
        let name = request.into_inner().name;
        let size = name.parse::<usize>().unwrap_or(name.len());
        Ok(Response::new(Document { json: vec![b' '; size].into() }))
    }

    type WatchResourceTreeStream =
        std::pin::Pin<Box<dyn futures::Stream<Item = Result<Document, Status>> + Send>>;

    async fn watch_resource_tree(
        &self,
        _: Request<ApplicationRef>,
    ) -> Result<Response<Self::WatchResourceTreeStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn managed_resources(&self, _: Request<ApplicationRef>) -> Result<Response<Document>, Status> {
        Err(Status::not_found("no such application"))
    }

    async fn live_object(&self, _: Request<LiveObjectRequest>) -> Result<Response<Document>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn clusters(&self, _: Request<ClustersRequest>) -> Result<Response<Document>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

async fn start(tls: InternalTls) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let task = tokio::spawn(async move {
        let routes = tonic::service::Routes::new(tiphys_wire::state_service(Echo));
        tiphys_wire::serve_internal(listener, routes, &tls, stop).await.unwrap();
    });
    (address, shutdown, task)
}

async fn ask(address: &str, tls: &InternalTls, name: &str) -> Result<usize, Status> {
    let mut client = tiphys_wire::state_client(tiphys_wire::internal_channel(address, tls).unwrap());
    let request = ApplicationRef { namespace: "argocd".into(), name: name.into() };
    let answer =
        tokio::time::timeout(Duration::from_secs(20), client.resource_tree(request)).await.unwrap()?;
    Ok(answer.into_inner().json.len())
}

#[tokio::test]
async fn a_peer_of_the_installation_is_answered_even_with_a_message_of_many_megabytes() {
    let tls = InternalTls::from(InternalCertificates::ephemeral().unwrap());
    let (address, _shutdown, _task) = start(tls.clone()).await;
    assert_eq!(ask(&address, &tls, "guestbook").await.unwrap(), 9);
    assert_eq!(ask(&address, &tls, "20000000").await.unwrap(), 20_000_000);
}

#[tokio::test]
async fn a_peer_with_a_certificate_of_another_authority_is_refused() {
    let ours = InternalTls::from(InternalCertificates::ephemeral().unwrap());
    let foreign = InternalTls::from(InternalCertificates::ephemeral().unwrap());
    let (address, _shutdown, _task) = start(ours).await;
    let error = ask(&address, &foreign, "guestbook").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

#[tokio::test]
async fn a_client_that_trusts_anybody_is_refused_without_a_certificate_and_with_a_foreign_one() {
    let ours = InternalCertificates::ephemeral().unwrap();
    let (address, _shutdown, _task) = start(ours.into()).await;
    for with_foreign_certificate in [false, true] {
        let config = trusting_client(with_foreign_certificate);
        let stream = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("tiphys.internal").unwrap();
        // With TLS 1.3 the client's handshake may seem to succeed; the refusal then is what it reads first.
        let refused = match tokio_rustls::TlsConnector::from(config).connect(name, stream).await {
            Err(_) => true,
            Ok(mut stream) => {
                let _maybe = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.is_err() && answer.is_empty()
            }
        };
        assert!(refused, "a foreign certificate was shown: {with_foreign_certificate}");
    }
}

#[tokio::test]
async fn a_plaintext_client_gets_no_answer_from_a_mutual_server() {
    let (address, _shutdown, _task) = start(InternalCertificates::ephemeral().unwrap().into()).await;
    assert!(ask(&address, &InternalTls::Plaintext, "guestbook").await.is_err());
}

#[tokio::test]
async fn a_channel_made_before_its_server_works_once_it_is_there_and_again_after_a_restart() {
    let certificates = InternalTls::from(InternalCertificates::ephemeral().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let channel = tiphys_wire::internal_channel(&address.to_string(), &certificates).unwrap();
    let mut client = tiphys_wire::state_client(channel);
    assert_eq!(
        client.managed_resources(ApplicationRef::default()).await.unwrap_err().code(),
        Code::Unavailable
    );
    for _round in 0..2 {
        let listener = bind_again(address).await;
        let shutdown = CancellationToken::new();
        let (tls, stop) = (certificates.clone(), shutdown.clone());
        let server = tokio::spawn(async move {
            let routes = tonic::service::Routes::new(tiphys_wire::state_service(Echo));
            tiphys_wire::serve_internal(listener, routes, &tls, stop).await.unwrap();
        });
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let code = client.managed_resources(ApplicationRef::default()).await.unwrap_err().code();
            if code == Code::NotFound {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "still {code:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shutdown.cancel();
        server.await.unwrap();
    }
}

async fn bind_again(address: std::net::SocketAddr) -> TcpListener {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_start_at_once_end_up_with_one_authority() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(DirectoryStore::new(folder.path().join("tls")));
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        starts.spawn(async move { InternalCertificates::load_or_create(&*store).await.unwrap() });
    }
    let all: Vec<InternalTls> = starts.join_all().await.into_iter().map(InternalTls::from).collect();
    let (address, _shutdown, _task) = start(all[0].clone()).await;
    for tls in &all {
        assert_eq!(ask(&address, tls, "guestbook").await.unwrap(), 9);
    }
}

#[tokio::test]
async fn probes_tell_the_reason_and_metrics_have_the_registry_and_the_process() {
    let registry = prometheus::Registry::new();
    let counter = prometheus::IntCounter::new("argocd_login_request_total", "Sign-ins.").unwrap();
    registry.register(Box::new(counter.clone())).unwrap();
    counter.inc();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let readiness = Readiness::new(|| Err("applications are not listed yet".to_owned()));
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve_probes(listener, registry, readiness, shutdown.clone()));
    let health = get(address, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    assert!(health.ends_with("applications are not listed yet\n"), "{health}");
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("\nargocd_login_request_total 1\n"), "{metrics}");
    assert!(metrics.contains("\nprocess_resident_memory_bytes "), "{metrics}");
    shutdown.cancel();
    server.await.unwrap().unwrap();
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A client that does not care whom it talks to, as an attacker would be.
fn trusting_client(with_foreign_certificate: bool) -> Arc<ClientConfig> {
    let mut config = if with_foreign_certificate {
        (*InternalCertificates::ephemeral().unwrap().client_config()).clone()
    } else {
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.dangerous().set_certificate_verifier(Arc::new(TrustAnybody));
    Arc::new(config)
}

#[derive(Debug)]
pub(crate) struct TrustAnybody;

impl rustls::client::danger::ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
