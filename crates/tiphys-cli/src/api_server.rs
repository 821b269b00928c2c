//! The API server's REST interface, as far as the commands need it.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::connection::connection_error;
use crate::error::{CliError, ErrorKind};

/// How to reach a server.
#[derive(Clone)]
pub(crate) struct ServerOptions {
    /// `host[:port]`.
    pub(crate) address: String,
    pub(crate) root_path: String,
    pub(crate) token: String,
    pub(crate) is_plaintext: bool,
    pub(crate) is_insecure: bool,
    /// PEM certificates that the server's must be signed by.
    pub(crate) certificates: Option<Vec<u8>>,
    /// PEM client certificate and key.
    pub(crate) identity: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, String)>,
    /// Times a read is tried again when the connection fails.
    pub(crate) retries: u32,
}

impl ServerOptions {
    /// The server's address as the web browser needs it.
    pub(crate) fn url(&self) -> String {
        let address = self.address.trim_end_matches('/');
        let address = address.strip_prefix("https://").or(address.strip_prefix("http://")).unwrap_or(address);
        let (scheme, default_port) = if self.is_plaintext { ("http", ":80") } else { ("https", ":443") };
        let address = address.strip_suffix(default_port).unwrap_or(address);
        match self.root_path.trim_matches('/') {
            "" => format!("{scheme}://{address}"),
            path => format!("{scheme}://{address}/{path}"),
        }
    }
}

/// A connection to an API server.
#[derive(Clone)]
pub(crate) struct ApiServer {
    client: reqwest::Client,
    options: ServerOptions,
    url: String,
}

/// How long an answer may take to begin. A refresh renders the application first.
const ANSWER_TIME: Duration = Duration::from_secs(300);
const CONNECT_TIME: Duration = Duration::from_secs(30);

impl ApiServer {
    /// Prepares a connection; nothing is sent yet.
    pub(crate) fn new(options: ServerOptions) -> Result<Self, CliError> {
        let url = options.url();
        let bad = |what: &str, source: &dyn std::fmt::Display| {
            CliError::new(format!("cannot use the {what} for {url}: {source}"))
        };
        let mut headers = header::HeaderMap::new();
        for (name, value) in &options.headers {
            let name: header::HeaderName = name.parse().map_err(|source| bad("header", &source))?;
            headers.append(name, value.parse().map_err(|source| bad("header", &source))?);
        }
        if !options.token.is_empty() {
            let mut value: header::HeaderValue =
                format!("Bearer {}", options.token).parse().map_err(|source| bad("token", &source))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .user_agent(concat!("tiphys/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers);
        if options.is_insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(pem) = &options.certificates {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|source| bad("certificates", &source))?;
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(pem) = &options.identity {
            let identity =
                reqwest::Identity::from_pem(pem).map_err(|source| bad("client certificate", &source))?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|source| bad("settings", &source))?;
        Ok(ApiServer { client, options, url })
    }

    /// The server's address as the web browser needs it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Reads. Repeated when the connection fails.
    pub(crate) async fn get(&self, path: &str, query: &Query) -> Result<Value, CliError> {
        let mut tries = 0;
        loop {
            match self.call(Method::GET, path, query, None).await {
                Err(error) if error.kind() == ErrorKind::Connection && tries < self.options.retries => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(200 << tries.min(4))).await;
                }
                answer => return answer,
            }
        }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        query: &Query,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let response = tokio::time::timeout(ANSWER_TIME, self.send(method, path, query, body)).await;
        let response = response.map_err(|_| {
            CliError::new(format!("{} does not answer", self.url)).of_kind(ErrorKind::Connection)
        })??;
        let text = response.bytes().await.map_err(|source| connection_error(&self.url, &source))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&text).map_err(|source| {
            CliError::new(format!("{} gave an answer that is no JSON: {source}", self.url))
                .hint("is this the address of an API server?")
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &Query,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, CliError> {
        let url = format!("{}{path}{query}", self.url);
        let is_read = method == Method::GET;
        let mut request = self.client.request(method, url);
        if !is_read {
            // The server wants the header on every write, also where there is no body.
            request = request.header(header::CONTENT_TYPE, "application/json");
            request = request.body(serde_json::to_vec(body.unwrap_or(&json!({})))?);
        }
        let response = request.send().await.map_err(|source| connection_error(&self.url, &source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        Err(self.refused(status, &text))
    }

    fn refused(&self, status: StatusCode, text: &str) -> CliError {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let words = body.get("message").or_else(|| body.get("error")).and_then(Value::as_str);
        let words = match words {
            Some(words) => words.to_owned(),
            None if status.is_redirection() => {
                format!("{} redirects, so it is not the address of an API server", self.url)
            }
            None => format!("{} answers {status}", self.url),
        };
        let error = CliError::new(words);
        match status {
            StatusCode::UNAUTHORIZED => {
                let hint = format!("log in again: login {}", self.options.address);
                error.of_kind(ErrorKind::Unauthenticated).hint(hint)
            }
            // What may not be seen is answered like what is not there.
            StatusCode::NOT_FOUND => error.of_kind(ErrorKind::NotFound),
            StatusCode::FORBIDDEN => error
                .of_kind(ErrorKind::NotFound)
                .hint("either it is not permitted, or there is nothing of that name: the server does not tell which"),
            status if status.is_redirection() && self.options.is_plaintext => {
                error.hint("if the server has TLS, leave --plaintext out")
            }
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                error.of_kind(ErrorKind::Connection)
            }
            _ => error,
        }
    }

    /// Makes a token worthless.
    pub(crate) async fn revoke(&self, token: &str) -> Result<(), CliError> {
        let request = self.client.post(format!("{}/auth/logout", self.url));
        let request = request.header(header::COOKIE, format!("argocd.token={token}"));
        let response = request.timeout(Duration::from_secs(15)).send().await;
        let status = response.map_err(|source| connection_error(&self.url, &source))?.status();
        // The web interface is sent back to its start page.
        match status {
            StatusCode::OK | StatusCode::SEE_OTHER => Ok(()),
            other => Err(CliError::new(format!("{} answers {other}", self.url))),
        }
    }

    /// Opens a stream of JSON documents. It ends when the server or the connection does; the channel then closes.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &Query,
    ) -> Result<mpsc::Receiver<Result<Value, CliError>>, CliError> {
        let response = self.send(Method::GET, path, query, None).await?;
        let (sender, receiver) = mpsc::channel(64);
        let server = self.url.clone();
        tokio::spawn(async move {
            let mut body = response.bytes_stream();
            let mut buffer = Vec::new();
            while let Some(chunk) = body.next().await {
                let Ok(chunk) = chunk.map_err(|source| connection_error(&server, &source)) else { return };
                buffer.extend_from_slice(&chunk);
                while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = buffer.drain(..=end).collect();
                    let Some(document) = document(&line) else { continue };
                    if sender.send(document).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(receiver)
    }
}

/// One line of a stream: `{"result": …}` or `{"error": {"message": …}}`.
fn document(line: &[u8]) -> Option<Result<Value, CliError>> {
    let mut value: Value = serde_json::from_slice(line.trim_ascii()).ok()?;
    if let Some(error) = value.get("error") {
        let words = error.get("message").and_then(Value::as_str).unwrap_or("the server ended the stream");
        return Some(Err(CliError::new(words)));
    }
    Some(Ok(value.get_mut("result").map(Value::take)?))
}

/// The part of a URL behind the question mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    /// With one more pair; an empty value is left out.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&escaped(value));
        }
        self
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Escapes everything but letters, digits and `-_.~`, so that a name can't leave its place in a URL.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: &str, is_plaintext: bool, root_path: &str) -> ServerOptions {
        ServerOptions {
            address: address.to_owned(),
            root_path: root_path.to_owned(),
            token: String::new(),
            is_plaintext,
            is_insecure: false,
            certificates: None,
            identity: None,
            headers: Vec::new(),
            retries: 0,
        }
    }

    #[test]
    fn an_address_becomes_a_url() {
        assert_eq!(options("cd.example.com", false, "").url(), "https://cd.example.com");
        assert_eq!(options("cd.example.com:443", false, "/argo/").url(), "https://cd.example.com/argo");
        assert_eq!(options("localhost:8080", true, "").url(), "http://localhost:8080");
        assert_eq!(options("https://cd.example.com/", false, "").url(), "https://cd.example.com");
    }

    #[test]
    fn names_can_not_leave_their_place_in_a_url() {
        assert_eq!(escaped("a/../b?c=d&e#f ü"), "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%C3%BC");
        let query = Query::default().with("selector", "a=b,c!=d").with("empty", "").with("x", "1");
        assert_eq!(query.to_string(), "?selector=a%3Db%2Cc%21%3Dd&x=1");
    }

    #[test]
    fn a_stream_is_lines_of_results_and_errors() {
        assert_eq!(document(b"{\"result\":{\"a\":1}}\n").unwrap().unwrap(), json!({"a": 1}));
        let error = document(br#"{"error":{"grpc_code":5,"message":"gone"}}"#).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "gone");
        assert!(document(b"\n").is_none() && document(b": keepalive\n").is_none());
    }
}
