//! The client side of the protocol between services: one lazy channel per peer that reconnects by itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::internal::repo_service_client::RepoServiceClient;
use crate::internal::state_service_client::StateServiceClient;
use crate::tls::InternalTls;

/// The largest message either end sends or accepts, in bytes. Renders are streamed in chunks far below it; a tree
/// of a very large application comes near.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Why a channel could not be made. An unreachable peer is not among the reasons: connecting happens at the first call.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The address is not `host:port`.
    #[error("use {address:?} as the address of a service: it must be host:port")]
    Address {
        /// What was configured.
        address: String,
    },
}

/// A channel to the service at `address` (`host:port`). It connects at the first call and again after every loss;
/// a call while the peer is away fails with `Unavailable`. Pings find a dead peer within half a minute.
pub fn internal_channel(address: &str, tls: &InternalTls) -> Result<Channel, ChannelError> {
    let wrong = || ChannelError::Address { address: address.to_owned() };
    let bare =
        address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    let bare = bare.trim_end_matches('/');
    if bare.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        return Err(wrong());
    }
    // The scheme is only what is written into requests: TLS is the connector's business.
    let endpoint = Endpoint::from_shared(format!("http://{bare}"))
        .map_err(|_| wrong())?
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let tls = tls.clone();
    let target: Arc<str> = bare.into();
    Ok(endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
        let tls = tls.clone();
        let target = target.clone();
        async move { connect(&target, &tls).await }
    })))
}

trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

async fn connect(target: &str, tls: &InternalTls) -> io::Result<TokioIo<Box<dyn Duplex>>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Duplex> = match tls {
        InternalTls::Plaintext => Box::new(stream),
        InternalTls::Mutual(certificates) => {
            let host = target.rsplit_once(':').map_or(target, |(host, _)| host).trim_matches(['[', ']']);
            let name = certificates.server_name(host).map_err(io::Error::other)?;
            Box::new(TlsConnector::from(certificates.client_config()).connect(name, stream).await?)
        }
    };
    Ok(TokioIo::new(stream))
}

/// A client of the repo-server with the message limit that both ends agree on.
pub fn repo_client(channel: Channel) -> RepoServiceClient<Channel> {
    RepoServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// A client of the application-controller with the message limit that both ends agree on.
pub fn state_client(channel: Channel) -> StateServiceClient<Channel> {
    StateServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_without_a_port_is_refused_by_name() {
        let refused =
            |address| internal_channel(address, &InternalTls::Plaintext).err().map(|e| e.to_string());
        assert_eq!(
            refused("argocd-repo-server").as_deref(),
            Some("use \"argocd-repo-server\" as the address of a service: it must be host:port")
        );
        assert!(refused("https://").is_some());
        assert!(refused("argocd-repo-server:8081").is_none());
        assert!(refused("[::1]:8081").is_none());
    }
}
