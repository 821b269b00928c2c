//! Git over HTTP and HTTPS: a small server before `git http-backend`, with a log and with faults on demand.
//!
//! Everything below one folder is served. Answers are read whole before they are sent, so this is for fixtures,
//! not for large repositories.

mod backend;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::control_plane::credentials::{CertifiedKey, Credentials};

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct GitHttpConfig {
    /// Whether clients are spoken to in TLS, and asked for certificates.
    pub tls: GitTls,
    /// User name and password that every request must carry.
    pub basic_auth: Option<(String, String)>,
    /// Port to listen on; nothing means any free one.
    pub port: Option<u16>,
}

/// Whether a server speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GitTls {
    /// Plain HTTP.
    #[default]
    Off,
    /// HTTPS with a certificate of an authority that nobody trusts yet, see [`GitHttpServer::ca_pem`].
    On,
    /// HTTPS, and only clients with a certificate of that authority are let in.
    ClientCertificates,
}

/// What goes wrong with the requests to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GitFault {
    /// Nothing.
    #[default]
    None,
    /// No answer comes until the fault is changed.
    Stall,
    /// Every answer has this status and no content.
    Status(u16),
    /// Answers end after this many bytes of their body, without a proper end.
    CutAfter(usize),
}

/// One request, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// User name that was sent, whether its password was right or not.
    pub user: Option<String>,
    /// Status of the answer; nothing while it is being made.
    pub status: Option<u16>,
}

impl GitRequest {
    /// Whether objects were asked for.
    #[must_use]
    pub fn is_fetch(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/git-upload-pack")
    }

    /// Whether a conversation began, with the list of references or (protocol 2) of abilities.
    #[must_use]
    pub fn is_discovery(&self) -> bool {
        self.method == "GET" && self.path.ends_with("/info/refs?service=git-upload-pack")
    }
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct GitHttpServer {
    address: SocketAddr,
    tls: GitTls,
    ca_pem: String,
    client: CertifiedKey,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    authorization: Option<String>,
    log: Mutex<VecDeque<GitRequest>>,
    fault: watch::Sender<GitFault>,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl GitHttpServer {
    /// Serves the repositories below `root` on loopback.
    ///
    /// # Errors
    /// When the port cannot be had or a certificate cannot be made.
    pub fn start(root: &Path, config: &GitHttpConfig) -> Result<Self> {
        let credentials = Credentials::generate()?;
        let client = credentials.client_certificate("git-client", &[])?;
        let acceptor = acceptor(&credentials, config.tls)?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", config.port.unwrap_or(0)))
            .context("failed to listen for Git over HTTP")?;
        listener.set_nonblocking(true).context("failed to listen for Git over HTTP")?;
        let address = listener.local_addr().context("failed to learn the port of Git over HTTP")?;
        let authorization = config
            .basic_auth
            .as_ref()
            .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            authorization,
            log: Mutex::default(),
            fault: watch::Sender::new(GitFault::None),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        let serving = shared.clone();
        // A thread of its own, so that a server outlives the runtime of the test that started it.
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, acceptor, serving) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Ok(Self {
            address,
            tls: config.tls,
            ca_pem: credentials.ca_pem().to_owned(),
            client,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// URL of a repository below the served folder, such as `repo.git`.
    #[must_use]
    pub fn url(&self, repository: &str) -> String {
        let scheme = if self.tls == GitTls::Off { "http" } else { "https" };
        format!("{scheme}://127.0.0.1:{}/{repository}", self.address.port())
    }

    /// The certificate of the authority that signed the server's, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A client certificate that [`GitTls::ClientCertificates`] lets in.
    #[must_use]
    pub fn client_certificate(&self) -> &CertifiedKey {
        &self.client
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<GitRequest> {
        self.shared.log().iter().cloned().collect()
    }

    /// How often objects of a repository were asked for.
    #[must_use]
    pub fn fetches(&self, repository: &str) -> usize {
        let prefix = format!("/{repository}/");
        let log = self.shared.log();
        log.iter().filter(|request| request.is_fetch() && request.path.starts_with(&prefix)).count()
    }

    /// How often a conversation about a repository began.
    #[must_use]
    pub fn discoveries(&self, repository: &str) -> usize {
        let prefix = format!("/{repository}/");
        let log = self.shared.log();
        log.iter().filter(|request| request.is_discovery() && request.path.starts_with(&prefix)).count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Makes something go wrong from now on, or no longer.
    pub fn set_fault(&self, fault: GitFault) {
        self.shared.fault.send_replace(fault);
    }
}

impl Drop for GitHttpServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone when the server has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, VecDeque<GitRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let position = {
            let mut log = self.log();
            log.push_back(GitRequest {
                method: request.method().to_string(),
                path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
                user: user_of(&request),
                status: None,
            });
            log.len() - 1
        };
        let response = self.answer_unlogged(request).await;
        if let Some(entry) = self.log().get_mut(position) {
            entry.status = Some(response.status().as_u16());
        }
        response
    }

    async fn answer_unlogged(&self, request: Request<Incoming>) -> Response<Body> {
        let mut fault = self.fault.subscribe();
        let fault = match fault.wait_for(|fault| *fault != GitFault::Stall).await {
            Ok(fault) => fault.clone(),
            Err(_) => GitFault::None,
        };
        if let GitFault::Status(status) = fault {
            return plain(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "");
        }
        if let Some(expected) = &self.authorization {
            let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            if given != Some(expected) {
                let mut response = plain(StatusCode::UNAUTHORIZED, "authentication required\n");
                let realm = hyper::header::HeaderValue::from_static("Basic realm=\"git\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, realm);
                return response;
            }
        }
        if !matches!(*request.method(), Method::GET | Method::POST) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST\n");
        }
        match backend::run(&self.root, request).await {
            Ok(response) => match fault {
                GitFault::CutAfter(bytes) => cut(response, bytes),
                _ => response.map(whole),
            },
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}\n")),
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("git over HTTP: failed to listen: {error}");
            return;
        }
    };
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            match acceptor {
                None => converse(TokioIo::new(socket), shared).await,
                Some(acceptor) => {
                    // A client that does not like the certificate goes away here, which is its right.
                    if let Ok(stream) = accept(&acceptor, socket).await {
                        converse(TokioIo::new(stream), shared).await;
                    }
                }
            }
        });
    }
}

async fn accept(
    acceptor: &tokio_rustls::TlsAcceptor,
    socket: TcpStream,
) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    acceptor.accept(socket).await
}

async fn converse<S>(stream: S, shared: Arc<Shared>)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    // A connection that breaks is the client's to report.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
}

fn acceptor(credentials: &Credentials, tls: GitTls) -> Result<Option<tokio_rustls::TlsAcceptor>> {
    if tls == GitTls::Off {
        return Ok(None);
    }
    let server = credentials.server_certificate(&["127.0.0.1", "localhost"])?;
    let chain = CertificateDer::pem_slice_iter(server.certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .context("failed to read the certificate just made")?;
    let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes())
        .context("failed to read the key just made")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .context("failed to set up TLS")?;
    let builder = if tls == GitTls::ClientCertificates {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(credentials.ca_pem().as_bytes()) {
            roots
                .add(certificate.context("failed to read the authority just made")?)
                .context("failed to trust the authority just made")?;
        }
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .context("failed to set up client certificates")?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(chain, key).context("failed to use the certificate just made")?;
    Ok(Some(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
}

fn user_of(request: &Request<Incoming>) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, _)| user.to_owned())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// An answer that promises its whole length and breaks off.
fn cut(response: Response<Bytes>, bytes: usize) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let length = body.len();
    parts.headers.insert(hyper::header::CONTENT_LENGTH, length.into());
    let kept = body.slice(..bytes.min(length));
    Response::from_parts(parts, BrokenBody { kept: Some(kept) }.boxed())
}

struct BrokenBody {
    kept: Option<Bytes>,
}

impl hyper::body::Body for BrokenBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(match self.kept.take() {
            Some(kept) => Ok(Frame::data(kept)),
            None => Err(std::io::Error::other("cut on demand")),
        }))
    }
}
