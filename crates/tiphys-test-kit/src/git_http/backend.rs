//! Hands one request to `git http-backend`, which speaks CGI, and reads its answer.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::git_repo::git_command;

/// Answers a request from the repositories below `root`.
pub(super) async fn run(root: &Path, request: Request<Incoming>) -> Result<Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.context("failed to read a request")?.to_bytes();
    let header =
        |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut command = git_command(root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GATEWAY_INTERFACE", "CGI/1.1")
        .env("SERVER_PROTOCOL", "HTTP/1.1")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or(""))
        .env("CONTENT_TYPE", header(&CONTENT_TYPE))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header(&CONTENT_ENCODING))
        .env("GIT_PROTOCOL", header(&HeaderName::from_static("git-protocol")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let mut child = command.kill_on_drop(true).spawn().context("failed to start `git http-backend`")?;
    let mut input = child.stdin.take().context("standard input was asked for")?;
    let writer = tokio::spawn(async move {
        // The program may answer without reading all, and close.
        let _ = input.write_all(&body).await;
    });
    let output = child.wait_with_output().await.context("failed to wait for `git http-backend`")?;
    writer.abort();
    parse(output.stdout).with_context(|| {
        format!("`git http-backend` said: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}

/// Reads the answer of a CGI program: header lines, an empty line, the body.
fn parse(output: Vec<u8>) -> Result<Response<Bytes>> {
    let output = Bytes::from(output);
    let (end, skip) = find(&output, b"\r\n\r\n")
        .map(|end| (end, 4))
        .or_else(|| find(&output, b"\n\n").map(|end| (end, 2)))
        .context("the answer has no end of its head")?;
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Response::new(output.slice(end + skip..));
    for line in head.lines() {
        let (name, value) = line.split_once(':').with_context(|| format!("`{line}` is no header"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split_ascii_whitespace().next().unwrap_or_default();
            *response.status_mut() =
                StatusCode::from_bytes(code.as_bytes()).with_context(|| format!("`{value}` is no status"))?;
        } else {
            let name = HeaderName::try_from(name).with_context(|| format!("`{name}` is no header"))?;
            let value = HeaderValue::try_from(value).with_context(|| format!("`{value}` is no header"))?;
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_of_a_program_becomes_the_status() {
        let response =
            parse(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno".to_vec()).unwrap();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.body().as_ref(), b"no");
    }
}
