//! A small blocking client for the JSON API of a control plane.
//!
//! It knows nothing of kinds: paths and JSON values go in and out. Tests of Tiphys use it to look at the cluster
//! from outside, independent of the client that Tiphys itself uses. One connection for each request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use crate::wait::wait_until_blocking;

/// How long the API server may be silent within one answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request gave no result.
#[derive(Debug, thiserror::Error)]
pub enum KubeApiError {
    /// No answer came.
    #[error("failed to send {method} {path}")]
    Transport {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// The API server refused the request.
    #[error("{method} {path} was answered {status}: {message}")]
    Refused {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// HTTP status.
        status: u16,
        /// Message of the answer.
        message: String,
    },
    /// The answer is not JSON.
    #[error("failed to read the answer to {method} {path}")]
    Unreadable {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl KubeApiError {
    /// HTTP status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Transport { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// Result of a request.
pub type KubeApiResult<T> = Result<T, KubeApiError>;

/// A blocking client of one API server on loopback.
#[derive(Clone)]
pub struct KubeApi {
    port: u16,
    access: Access,
}

#[derive(Clone)]
enum Access {
    /// TLS and a bearer token.
    Direct { token: String, tls: Arc<rustls::ClientConfig> },
    /// Plain HTTP: the other end speaks for the user.
    Proxy,
}

impl std::fmt::Debug for KubeApi {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KubeApi(127.0.0.1:{})", self.port)
    }
}

impl KubeApi {
    /// A client for `https://127.0.0.1:port` that trusts `ca_pem` and sends the bearer token.
    ///
    /// # Errors
    /// When `ca_pem` holds no certificate.
    pub fn new(port: u16, ca_pem: &str, token: &str) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            let certificate = certificate.context("failed to read a certificate authority")?;
            roots.add(certificate).context("failed to trust a certificate authority")?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("failed to set up TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { port, access: Access::Direct { token: token.to_owned(), tls: Arc::new(tls) } })
    }

    /// A client for any cluster, through a `kubectl proxy` that listens on `port`.
    #[must_use]
    pub fn through_proxy(port: u16) -> Self {
        Self { port, access: Access::Proxy }
    }

    /// GET: an object, a list, or anything else that is JSON.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn get(&self, path: &str) -> KubeApiResult<Value> {
        self.json("GET", path, "", None)
    }

    /// GET of something that may not exist.
    ///
    /// # Errors
    /// See [`KubeApiError`]; a 404 is no error.
    pub fn get_optional(&self, path: &str) -> KubeApiResult<Option<Value>> {
        match self.get(path) {
            Err(error) if error.status() == Some(404) => Ok(None),
            other => other.map(Some),
        }
    }

    /// GET of text.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn get_text(&self, path: &str) -> KubeApiResult<String> {
        self.send("GET", path, "", None).map(|body| String::from_utf8_lossy(&body).into_owned())
    }

    /// The items of a list, following no pages: a control plane of tests answers a plain list whole.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn list(&self, path: &str) -> KubeApiResult<Vec<Value>> {
        let mut list = self.get(path)?;
        Ok(match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        })
    }

    /// POST to a collection.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn create(&self, path: &str, object: &Value) -> KubeApiResult<Value> {
        self.json("POST", path, "application/json", Some(object))
    }

    /// PUT of a whole object.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn replace(&self, path: &str, object: &Value) -> KubeApiResult<Value> {
        self.json("PUT", path, "application/json", Some(object))
    }

    /// JSON merge patch.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn merge_patch(&self, path: &str, patch: &Value) -> KubeApiResult<Value> {
        self.json("PATCH", path, "application/merge-patch+json", Some(patch))
    }

    /// Strategic merge patch, for built-in kinds.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn strategic_merge_patch(&self, path: &str, patch: &Value) -> KubeApiResult<Value> {
        self.json("PATCH", path, "application/strategic-merge-patch+json", Some(patch))
    }

    /// Server-side apply as `manager`, taking fields over from others.
    ///
    /// # Errors
    /// See [`KubeApiError`].
    pub fn apply(&self, path: &str, manager: &str, object: &Value) -> KubeApiResult<Value> {
        let path = format!("{path}?fieldManager={manager}&force=true");
        self.json("PATCH", &path, "application/apply-patch+yaml", Some(object))
    }

    /// DELETE; something that does not exist is fine.
    ///
    /// # Errors
    /// See [`KubeApiError`]; a 404 is no error.
    pub fn delete(&self, path: &str) -> KubeApiResult<()> {
        match self.send("DELETE", path, "", None) {
            Err(error) if error.status() == Some(404) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Waits until a CustomResourceDefinition is served. `kubectl wait` fails where the API server has not yet
    /// written any condition.
    ///
    /// # Errors
    /// When it is not within a minute.
    pub fn wait_until_served(&self, definition: &str) -> anyhow::Result<()> {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition}");
        wait_until_blocking(Duration::from_secs(60), &format!("{definition} is served"), || {
            let object = self.get(&path).map_err(|error| format!("{error:#}"))?;
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
            let established = conditions.is_some_and(|all| {
                all.iter().any(|one| one["type"] == "Established" && one["status"] == "True")
            });
            if established { Ok(()) } else { Err(object["status"].to_string()) }
        })
    }

    fn json(
        &self,
        method: &'static str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> KubeApiResult<Value> {
        let answer = self.send(method, path, content_type, body)?;
        serde_json::from_slice(&answer).map_err(|source| KubeApiError::Unreadable {
            method,
            path: path.to_owned(),
            source,
        })
    }

    fn send(
        &self,
        method: &'static str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> KubeApiResult<Vec<u8>> {
        let (status, answer) = self
            .exchange(method, path, content_type, body)
            .map_err(|source| KubeApiError::Transport { method, path: path.to_owned(), source })?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let message = serde_json::from_slice::<Value>(&answer)
            .ok()
            .and_then(|status| status.get("message").and_then(Value::as_str).map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&answer).trim().to_owned());
        Err(KubeApiError::Refused { method, path: path.to_owned(), status, message })
    }

    /// One request as HTTP/1.0: the server then closes after its answer and sends it in one piece.
    fn exchange(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, Vec<u8>)> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(READ_TIMEOUT))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAccept: application/json\r\nUser-Agent: tiphys-test-kit\r\n",
            self.port
        );
        if let Access::Direct { token, .. } = &self.access {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !content_type.is_empty() {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        head.push_str(&body);
        let answer = match &self.access {
            Access::Direct { tls, .. } => {
                let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
                let connection =
                    rustls::ClientConnection::new(tls.clone(), name).map_err(std::io::Error::other)?;
                converse(&mut rustls::StreamOwned::new(connection, socket), &head)?
            }
            Access::Proxy => converse(&mut socket, &head)?,
        };
        parse(&answer)
    }
}

fn converse(stream: &mut (impl Read + Write), request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A peer that closes without TLS's word of goodbye: the length of the answer tells whether all came.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        outcome => {
            outcome?;
        }
    }
    Ok(answer)
}

fn parse(answer: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| invalid("the answer has no end of its head"))?;
    let (head, rest) = answer.split_at(end);
    let body = rest.get(4..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let status = head
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| invalid("the answer has no status"))?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    if length.is_some_and(|length| length != body.len()) {
        return Err(invalid("the answer was cut short"));
    }
    Ok((status, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_status_and_body() {
        let (status, body) = parse(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!((status, body.as_slice()), (200, b"{}".as_slice()));
    }

    #[test]
    fn an_answer_that_was_cut_short_is_an_error() {
        assert!(parse(b"HTTP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n{}").is_err());
        assert!(parse(b"HTTP/1.0 200 OK\r\n").is_err());
    }
}
