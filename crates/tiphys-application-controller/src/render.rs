//! Asking the repo-server what an application should look like.
//!
//! It knows the protocol: a header, chunks of JSON lines, and a footer without which nothing was received. It leaves
//! to the caller which sources are asked for, and to `tiphys-compare` what the objects mean.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tiphys_api::repository::Repository;
use tiphys_wire::internal as proto;
use tiphys_wire::internal::render_part::Part;
use tiphys_wire::internal::repo_service_client::RepoServiceClient;
use tonic::transport::Channel;

/// What one source rendered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Commit that was rendered.
    pub(crate) revision: String,
    /// `Directory`, `Kustomize` or `Helm`.
    pub(crate) source_type: String,
    /// Digest of `manifests`, as the repo-server counted it.
    pub(crate) digest: String,
    /// JSON objects, one per line. Kept as text: it is a third of the size of the parsed objects.
    pub(crate) manifests: Bytes,
}

/// A source could not be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// The repo-server answered with an error of the source: the user has to change something.
    #[error("{0}")]
    Source(String),
    /// The repo-server could not be reached or did not finish; it may work the next time.
    #[error("ask the repo-server: {0}")]
    Unavailable(String),
}

impl RenderError {
    /// Whether the same request may succeed later without anybody changing anything.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The same error with the place where it happened.
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Source(reason) => Self::Source(format!("{place}: {reason}")),
            // It is not the source's fault, and the same for all of them.
            Self::Unavailable(_) => self,
        }
    }
}

impl From<tonic::Status> for RenderError {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code;
        match status.code() {
            Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::ResourceExhausted => Self::Unavailable(status.message().to_owned()),
            // A connection that breaks in mid-stream shows as Unknown or Internal without a message of ours.
            Code::Unknown | Code::Internal if std::error::Error::source(&status).is_some() => {
                Self::Unavailable(status.message().to_owned())
            }
            _ => Self::Source(status.message().to_owned()),
        }
    }
}

/// A client of the repo-server with the time one request may take.
#[derive(Debug, Clone)]
pub(crate) struct RepoServer {
    client: RepoServiceClient<Channel>,
    timeout: Duration,
}

impl RepoServer {
    pub(crate) fn new(channel: Channel, timeout: Duration) -> Self {
        Self { client: tiphys_wire::channel::repo_client(channel), timeout }
    }

    /// Renders one source. `known` is what an earlier answer gave: when it still holds nothing is sent again.
    pub(crate) async fn render(
        &self,
        mut request: proto::RenderRequest,
        known: Option<&Rendered>,
    ) -> Result<Rendered, RenderError> {
        request.known_digest = known.map(|k| k.digest.clone()).unwrap_or_default();
        match tokio::time::timeout(self.timeout, self.receive(request, known)).await {
            Ok(result) => result,
            Err(_) => Err(RenderError::Unavailable(format!(
                "no answer within {} s; --repo-server-timeout-seconds sets the limit",
                self.timeout.as_secs()
            ))),
        }
    }

    async fn receive(
        &self,
        request: proto::RenderRequest,
        known: Option<&Rendered>,
    ) -> Result<Rendered, RenderError> {
        let mut stream = self.client.clone().render(request).await?.into_inner();
        let mut header = None;
        let mut manifests = BytesMut::new();
        let mut footer = None;
        while let Some(message) = stream.message().await? {
            match message.part {
                Some(Part::Header(part)) => header = Some(part),
                Some(Part::Manifests(chunk)) => manifests.extend_from_slice(&chunk),
                Some(Part::Footer(part)) => footer = Some(part),
                None => {}
            }
        }
        let (Some(header), Some(footer)) = (header, footer) else {
            return Err(RenderError::Unavailable("the answer ended before it was complete".to_owned()));
        };
        let manifests = match (footer.unchanged, known) {
            (true, Some(known)) if known.digest == footer.digest => known.manifests.clone(),
            (true, _) => {
                return Err(RenderError::Unavailable(
                    "the answer refers to another one that is not here".to_owned(),
                ));
            }
            (false, _) => manifests.freeze(),
        };
        let lines = manifests.iter().filter(|byte| **byte == b'\n').count();
        if lines as u64 != footer.count {
            return Err(RenderError::Unavailable(format!(
                "the answer has {lines} manifests where {} were announced",
                footer.count
            )));
        }
        Ok(Rendered {
            revision: header.revision,
            source_type: header.source_type,
            digest: footer.digest,
            manifests,
        })
    }
}

/// What the repo-server needs to read a repository. The known hosts and the CA bundle are the installation's.
pub(crate) fn repository(
    repository: &Repository,
    known_hosts: &str,
    ca_bundle: Option<&str>,
) -> proto::Repository {
    proto::Repository {
        url: repository.repo.clone(),
        username: repository.username.clone(),
        password: repository.password.expose().to_owned(),
        ssh_private_key: repository.ssh_private_key.expose().to_owned(),
        bearer_token: repository.bearer_token.expose().to_owned(),
        insecure: repository.insecure,
        insecure_ignore_host_key: repository.insecure_ignore_host_key,
        tls_client_cert_data: repository.tls_client_cert_data.clone().into_bytes(),
        tls_client_cert_key: repository.tls_client_cert_key.expose().as_bytes().to_vec(),
        tls_ca_bundle: ca_bundle.map(|pem| pem.as_bytes().to_vec()).unwrap_or_default(),
        ssh_known_hosts: known_hosts.to_owned(),
        proxy: repository.proxy.clone(),
        no_proxy: repository.no_proxy.clone(),
        enable_lfs: repository.enable_lfs,
        r#type: repository.type_.clone(),
        name: repository.name.clone(),
        project: repository.project.clone(),
        enable_oci: repository.enable_oci,
        force_http_basic_auth: repository.force_http_basic_auth,
        depth: u32::try_from(repository.depth).unwrap_or(0),
    }
}

/// Sources by the name that `$name/path` refers to them with.
pub(crate) type RefSources = HashMap<String, proto::Source>;
