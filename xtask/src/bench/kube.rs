//! A client of the API server that keeps its connections, because the benchmark must not measure handshakes.

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::Value;

/// The client.
#[derive(Clone)]
pub(crate) struct Kube {
    client: Client,
    server: String,
    token: String,
}

impl Kube {
    pub(crate) fn new(server: &str, ca_pem: &str, token: &str) -> Result<Self> {
        // Someone else may have installed a provider already, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(ca_pem.as_bytes())?])
            .http1_only()
            .pool_max_idle_per_host(32)
            .build()?;
        Ok(Self { client, server: server.to_owned(), token: token.to_owned() })
    }

    /// Sends a request; any answer that is not in `accepted` is an error with the server's words.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
        accepted: &[u16],
    ) -> Result<(StatusCode, String)> {
        let mut request =
            self.client.request(method.clone(), format!("{}{path}", self.server)).bearer_auth(&self.token);
        if let Some((content_type, body)) = body {
            request = request.header("content-type", content_type).body(serde_json::to_vec(body)?);
        }
        let answer = request.send().await.with_context(|| format!("failed to send {method} {path}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !accepted.contains(&status.as_u16()) {
            bail!("{method} {path}: {status} {}", text.chars().take(300).collect::<String>());
        }
        Ok((status, text))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let (_, text) = self.send(Method::GET, path, None, &[200]).await?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) async fn get_text(&self, path: &str) -> Result<String> {
        Ok(self.send(Method::GET, path, None, &[200]).await?.1)
    }

    pub(crate) async fn create(&self, path: &str, object: &Value, accepted: &[u16]) -> Result<()> {
        self.send(Method::POST, path, Some(("application/json", object)), accepted).await.map(drop)
    }

    pub(crate) async fn merge(&self, path: &str, patch: &Value) -> Result<()> {
        self.send(Method::PATCH, path, Some(("application/merge-patch+json", patch)), &[200]).await.map(drop)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.send(Method::DELETE, path, None, &[200, 202, 404]).await.map(drop)
    }
}
