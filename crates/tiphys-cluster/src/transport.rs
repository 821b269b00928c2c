//! The connections to one API server.
//!
//! Watches share one HTTP/2 connection of their own, so that sixty of them cost one connection and none of
//! them stands before a write. Other requests go over a second HTTP/2 connection or over a pool of HTTP/1.1
//! connections. Nothing here retries: a write whose answer is lost has to be looked at first, by whoever sent
//! it.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use thiserror::Error;
use tower::BoxError;

/// Time for a TCP connection to be made (CFG-073).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection without traffic is probed after this time, and given up when no answer comes within
/// [`PING_TIMEOUT`].
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle connections of the pool are closed after this time (CFG-073).
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Flow control windows: a page of a list shall not wait for window updates.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Which protocol requests other than watches use where the API server offers both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// A pool of connections with one request at a time on each: the least work per request.
    #[default]
    Http1,
    /// One connection for all requests.
    Http2,
}

/// Why no client can be made.
#[derive(Debug, Error)]
pub enum TransportError {
    /// Certificates, keys or credentials are unusable.
    #[error("can't set up the connection to {address}")]
    Setup {
        /// Address of the API server.
        address: String,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
    /// The address of a proxy is of a kind that is not known.
    #[error("can't use the proxy {proxy}: only http, https and socks5 are known")]
    Proxy {
        /// Address of the proxy, without credentials.
        proxy: String,
    },
}

/// Makes a client for a configuration.
pub(crate) fn client(config: &kube::Config, protocol: Protocol) -> Result<kube::Client, TransportError> {
    // The result says only that another part of the process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(PING_INTERVAL));
    let setup =
        |source| TransportError::Setup { address: config.cluster_url.to_string(), source: Box::new(source) };
    let Some(proxy) = config.proxy_url.clone() else {
        return stack(config, protocol, http).map_err(setup);
    };
    match proxy.scheme_str() {
        Some("socks5") => stack(config, protocol, SocksV5::new(proxy, http)),
        Some("http") => stack(config, protocol, Tunnel::new(proxy, http)),
        Some("https") => {
            let secured = config.rustls_https_connector_with_connector(http).map_err(setup)?;
            stack(config, protocol, Tunnel::new(proxy, secured))
        }
        _ => {
            let host = proxy.host().unwrap_or_default().to_owned();
            return Err(TransportError::Proxy { proxy: host });
        }
    }
    .map_err(setup)
}

fn stack<C>(config: &kube::Config, protocol: Protocol, connector: C) -> Result<kube::Client, kube::Error>
where
    C: tower::Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper_util::client::legacy::connect::Connection
        + hyper::rt::Read
        + hyper::rt::Write
        + Send
        + Unpin
        + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let tls = config.rustls_client_config()?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match config.tls_server_name.as_deref().map(|name| name.to_owned().try_into()) {
        Some(Ok(name)) => builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name)),
        Some(Err(error)) => return Err(kube::Error::Service(Box::new(error))),
        None => builder,
    };
    let connector = match protocol {
        Protocol::Http1 => builder.enable_http1().wrap_connector(connector),
        Protocol::Http2 => builder.enable_all_versions().wrap_connector(connector),
    };
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .build::<_, Body>(connector);

    let service = tower::ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(
            tower_http::decompression::DecompressionLayer::new()
                .no_br()
                .no_deflate()
                .no_zstd()
                .gzip(!config.disable_compression),
        )
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}
