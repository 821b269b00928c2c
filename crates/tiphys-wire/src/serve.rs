//! The listener of a service for its sibling services: gRPC over HTTP/2, client certificates required.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::Connected;

use crate::channel::MAX_MESSAGE_BYTES;
use crate::internal::repo_service_server::{RepoService, RepoServiceServer};
use crate::internal::state_service_server::{StateService, StateServiceServer};
use crate::tls::InternalTls;

/// A peer that does not finish its handshake in this time is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes under way at once; more wait in the kernel's backlog.
const MAX_HANDSHAKES: usize = 256;
/// How long streams may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Why an internal server stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// HTTP/2 serving failed as a whole, not for one connection.
    #[error("serve the other services")]
    Transport(#[source] tonic::transport::Error),
    /// HTTP/1 serving failed as a whole.
    #[error("serve probes and metrics")]
    Probes(#[source] io::Error),
}

/// The repo-server's service with the message limit that both ends agree on.
pub fn repo_service<S: RepoService>(service: S) -> RepoServiceServer<S> {
    RepoServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The application-controller's service with the message limit that both ends agree on.
pub fn state_service<S: StateService>(service: S) -> StateServiceServer<S> {
    StateServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Serves `routes` on `listener` until `shutdown`, then lets what is under way finish for at most ten seconds.
/// With [`InternalTls::Mutual`] a peer without a certificate of the installation's CA gets no further than the
/// handshake. One peer's failure is a log line, never the end of the server.
pub async fn serve_internal(
    listener: TcpListener,
    routes: Routes,
    tls: &InternalTls,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let acceptor = match tls {
        InternalTls::Mutual(certificates) => Some(TlsAcceptor::from(certificates.server_config())),
        InternalTls::Plaintext => None,
    };
    let (sender, receiver) = mpsc::channel(16);
    let accepting = tokio::spawn(accept(listener, acceptor, sender, shutdown.clone()));
    let serving = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .serve_with_incoming_shutdown(
            routes.prepare(),
            ReceiverStream::new(receiver),
            shutdown.clone().cancelled_owned(),
        );
    let result = tokio::select! {
        result = serving => result,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    };
    accepting.abort();
    result.map_err(ServeError::Transport)
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    connections: mpsc::Sender<Result<PeerStream, io::Error>>,
    shutdown: CancellationToken,
) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    loop {
        let Ok(permit) = handshakes.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a connection that was gone before it was taken: neither may spin.
                tracing::warn!(error = %error, "accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _best_effort = stream.set_nodelay(true);
        let acceptor = acceptor.clone();
        let connections = connections.clone();
        tokio::spawn(async move {
            let _permit = permit;
            if let Some(stream) = handshake(stream, peer, acceptor).await {
                let _server_ended = connections.send(Ok(stream)).await;
            }
        });
    }
}

async fn handshake(stream: TcpStream, peer: SocketAddr, acceptor: Option<TlsAcceptor>) -> Option<PeerStream> {
    let Some(acceptor) = acceptor else {
        return Some(PeerStream { peer, stream: Box::new(stream) });
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(PeerStream { peer, stream: Box::new(stream) }),
        Ok(Err(error)) => {
            tracing::warn!(peer = %peer, error = %error, "refused a peer at the handshake");
            None
        }
        Err(_) => {
            tracing::warn!(peer = %peer, "a peer did not finish its handshake in time");
            None
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection whose peer is known to be one of us.
struct PeerStream {
    peer: SocketAddr,
    stream: Box<dyn Duplex>,
}

impl Connected for PeerStream {
    type ConnectInfo = SocketAddr;

    fn connect_info(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
