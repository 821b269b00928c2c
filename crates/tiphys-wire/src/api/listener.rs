//! The one port for users: HTTP/1.1 and HTTP/2, with TLS or without, found out by the first bytes of a connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// A connection that says nothing for this long is closed.
const FIRST_BYTES: Duration = Duration::from_secs(30);
/// The reference's time for requests under way when the server ends.
const GRACE: Duration = Duration::from_secs(20);
const TLS_HANDSHAKE: u8 = 0x16;

/// Whether users are to be encrypted.
#[derive(Clone)]
pub enum WebTls {
    /// Plain HTTP (`--insecure`), also HTTP/2 with prior knowledge.
    Off,
    /// TLS with the configuration that is current when a connection comes in; plain HTTP is sent to `https`.
    On(watch::Receiver<Arc<ServerConfig>>),
}

/// Serves `app` on `listener` until `shutdown`, then lets requests under way finish for at most 20 seconds.
pub async fn serve_web(listener: TcpListener, app: axum::Router, tls: WebTls, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _best_effort = stream.set_nodelay(true);
                let (app, tls, shutdown) = (app.clone(), tls.clone(), shutdown.clone());
                connections.spawn(connection(stream, peer, app, tls, shutdown));
            }
            Err(error) => {
                tracing::warn!(error = %error, "accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were still under way at the end");
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: axum::Router,
    tls: WebTls,
    shutdown: CancellationToken,
) {
    let WebTls::On(config) = tls else {
        return serve(stream, peer, Some(app), shutdown).await;
    };
    let mut first = [0];
    let begun = tokio::time::timeout(FIRST_BYTES, stream.peek(&mut first)).await;
    if !matches!(begun, Ok(Ok(1))) {
        return;
    }
    if first != [TLS_HANDSHAKE] {
        return serve(stream, peer, None, shutdown).await;
    }
    let acceptor = TlsAcceptor::from(config.borrow().clone());
    match tokio::time::timeout(FIRST_BYTES, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, peer, Some(app), shutdown).await,
        // Browsers that do not trust the certificate do this all the time.
        Ok(Err(error)) => tracing::debug!(peer = %peer, error = %error, "TLS handshake"),
        Err(_) => tracing::debug!(peer = %peer, "TLS handshake took too long"),
    }
}

/// Serves one connection; without an `app`, everything is sent to `https`.
async fn serve<S>(stream: S, peer: SocketAddr, app: Option<axum::Router>, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            let Some(app) = app else { return Ok::<_, Infallible>(to_https(&request)) };
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            app.oneshot(request).await
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        // Twenty cookies of four kilobytes, and room for the rest.
        .max_header_list_size(128 << 10)
        .max_concurrent_streams(1000);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut ending = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(peer = %peer, error = %error, "a connection ended early");
                }
                return;
            }
            () = shutdown.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn to_https<B>(request: &Request<B>) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let target = host.map(|host| {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        HeaderValue::from_str(&format!("https://{host}{path}"))
    });
    let mut response = Response::new(Body::empty());
    match target {
        Some(Ok(target)) => {
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().insert(header::LOCATION, target);
        }
        _ => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}
