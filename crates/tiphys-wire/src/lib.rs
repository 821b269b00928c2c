//! One service definition on three wires, TLS between services, errors to status codes, metrics and shutdown.
//!
//! What every service needs to be on a network at all: certificates that the installation makes for itself, a
//! listener that refuses peers without one, a channel that reconnects, probes and metrics, logging and an orderly
//! end. What the services say to each other is in [`internal`]; what they say to users is in the `api` modules.

pub mod api;
pub mod channel;
pub mod error;
pub mod internal;
pub mod logging;
pub mod probes;
pub mod serve;
pub mod shutdown;
pub mod tls;
pub mod unbuilt;

pub use channel::{ChannelError, MAX_MESSAGE_BYTES, internal_channel, repo_client, state_client};
pub use error::{ErrorKind, WireError};
pub use probes::{Readiness, serve_probes};
pub use serve::{ServeError, repo_service, serve_internal, state_service};
pub use tls::{
    CertificateBundle, CertificateStore, DirectoryStore, InternalCertificates, InternalTls, KeyedStore,
};
