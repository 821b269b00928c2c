//! Kubernetes clusters: watches into the live index, discovery, OpenAPI, apply and delete.
//!
//! The only crate that talks to API servers. What it observes goes into a
//! [`LiveIndex`](tiphys_live::LiveIndex); what the observations mean is decided elsewhere.
//!
//! [`ApiClient`] is for the control plane's own objects, [`Cluster`] for what is deployed.

mod client;
mod cluster;
mod config;
mod discovery;
mod error;
mod event_writer;
mod link;
mod objects;
mod observer;
mod path;
mod secrets;
mod transport;
mod watch;
mod watch_connections;

pub use client::{ApiClient, ClientOptions};
pub use cluster::{
    Applied, ApplyAction, ApplyError, ApplyRequest, Changes, Cluster, ClusterOptions, ClusterState,
    DeleteError, Deleted, FieldValidation, KindFilter, UnknownKind,
};
pub use config::{ClusterConfig, ConfigError, IN_CLUSTER_NAME, IN_CLUSTER_SERVER};
pub use discovery::ServerVersion;
pub use error::{ApiError, ApiStatus};
pub use event_writer::{EventRecord, EventType, EventWriter, ObjectReference};
pub use objects::{FIELD_MANAGER, ObjectEvent, ObjectWatch, PatchType, Propagation};
pub use observer::{RequestObserver, RequestRecord, Unobserved};
pub use path::ResourceType;
pub use transport::{Protocol, TransportError};
