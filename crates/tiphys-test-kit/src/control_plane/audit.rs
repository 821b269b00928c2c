//! Requests that the API server saw, out of its audit log: who asked what, and how often.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::ControlPlane;

/// One finished request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path with its query.
    pub uri: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// User name.
    pub user: String,
    /// API group; empty for the core group and for what is no resource.
    pub group: String,
    /// Plural of the resource; empty for what is none, such as `/openapi/v3`.
    pub resource: String,
    /// Subresource, such as `status`, or empty.
    pub subresource: String,
    /// Namespace, or empty.
    pub namespace: String,
    /// Name of the object, or empty.
    pub name: String,
    /// HTTP status of the answer.
    pub status: u16,
}

impl AuditedRequest {
    /// Whether the request could change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        let reads = ["get", "list", "watch"];
        !reads.contains(&self.verb.as_str()) && !self.uri.contains("dryRun=")
    }

    fn read(line: &str) -> Result<Self> {
        let event: Value = serde_json::from_str(line).context("a line of the audit log is no JSON")?;
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default();
        Ok(Self {
            verb: text("/verb"),
            uri: text("/requestURI"),
            user_agent: text("/userAgent"),
            user: text("/user/username"),
            group: text("/objectRef/apiGroup"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            status: u16::try_from(code).unwrap_or_default(),
        })
    }
}

/// A place in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditMark(u64);

impl ControlPlane {
    /// The present end of the audit log.
    ///
    /// # Errors
    /// When the control plane writes none.
    pub fn audit_mark(&self) -> Result<AuditMark> {
        let mut file = self.open_audit_log()?;
        Ok(AuditMark(file.seek(SeekFrom::End(0)).context("failed to find the end of the audit log")?))
    }

    /// The requests that finished after `mark`, in the order of their ends. A watch is written when it ends.
    ///
    /// # Errors
    /// When the control plane writes no audit log or it cannot be read.
    pub fn requests_since(&self, mark: AuditMark) -> Result<Vec<AuditedRequest>> {
        let mut file = self.open_audit_log()?;
        file.seek(SeekFrom::Start(mark.0)).context("failed to find a place in the audit log")?;
        let mut requests = Vec::new();
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        loop {
            line.clear();
            reader.read_line(&mut line).context("failed to read the audit log")?;
            // A line without its end is still being written.
            let Some(whole) = line.strip_suffix('\n') else { return Ok(requests) };
            requests.push(AuditedRequest::read(whole)?);
        }
    }

    fn open_audit_log(&self) -> Result<File> {
        let Some(path) = self.audit_log() else {
            bail!("this control plane writes no audit log: `AuditLog::Metadata` asks for one");
        };
        File::open(&path).with_context(|| format!("failed to open {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_no_write() {
        let line = r#"{"verb":"patch","requestURI":"/api/v1/namespaces/n/configmaps/c?dryRun=All&fieldManager=m","userAgent":"a/1","user":{"username":"admin"},"objectRef":{"resource":"configmaps","namespace":"n","name":"c"},"responseStatus":{"code":200}}"#;
        let request = AuditedRequest::read(line).unwrap();
        assert!(!request.is_write());
        assert_eq!(
            (request.resource.as_str(), request.name.as_str(), request.status),
            ("configmaps", "c", 200)
        );
        assert!(AuditedRequest::read(&line.replace("dryRun=All&", "")).unwrap().is_write());
    }
}
