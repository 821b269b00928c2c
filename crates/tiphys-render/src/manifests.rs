//! The result of a render: objects as lines of JSON, counted and hashed.

use std::sync::Arc;

use serde_json::Value;
use tiphys_manifest::{flatten_lists, yaml};

use crate::error::RenderError;
use crate::plan::SourceType;

/// Rendered manifests. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The tool.
    pub source_type: SourceType,
    /// One JSON object per line, in the order of the source, lists taken apart.
    pub lines: Arc<[u8]>,
    /// Number of objects.
    pub count: u64,
    /// BLAKE3 of `lines`, in hex.
    pub digest: Arc<str>,
}

/// Collects objects.
#[derive(Debug)]
pub(crate) struct Collected {
    lines: Vec<u8>,
    count: usize,
    limit: usize,
}

impl Collected {
    pub(crate) fn new(limit: usize) -> Self {
        Self { lines: Vec::new(), count: 0, limit }
    }

    /// Adds the objects of a document; `wrong` makes an error that says where it is.
    pub(crate) fn add(
        &mut self,
        document: Value,
        wrong: impl Fn(String) -> RenderError,
    ) -> Result<(), RenderError> {
        for object in flatten_lists(vec![document]) {
            let problem = missing_identity(&object);
            if let Some(problem) = problem {
                return Err(wrong(problem));
            }
            if self.count >= self.limit {
                let what = "the number of manifests".to_owned();
                return Err(RenderError::TooLarge { what, limit: self.limit.to_string() });
            }
            serde_json::to_writer(&mut self.lines, &object).map_err(|error| wrong(error.to_string()))?;
            self.lines.push(b'\n');
            self.count += 1;
        }
        Ok(())
    }

    pub(crate) fn finish(self, source_type: SourceType) -> Rendered {
        let digest = blake3::hash(&self.lines).to_hex();
        Rendered {
            source_type,
            lines: Arc::from(self.lines),
            count: self.count as u64,
            digest: Arc::from(digest.as_str()),
        }
    }
}

/// What keeps a value from being a Kubernetes object.
pub(crate) fn missing_identity(value: &Value) -> Option<String> {
    let Some(object) = value.as_object() else {
        return Some("a manifest must be a map".to_owned());
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind").is_empty() {
        let keys: Vec<&str> = object.keys().take(5).map(String::as_str).collect();
        return Some(format!("Object 'Kind' is missing in an object with the fields {}", keys.join(", ")));
    }
    if text("apiVersion").is_empty() {
        return Some(format!("Object 'apiVersion' is missing in a {}", text("kind")));
    }
    None
}

/// Reads what a tool printed. Errors name the chart template that the text came from, where a comment says so.
pub(crate) fn from_output(
    output: &[u8],
    source_type: SourceType,
    limit: usize,
    tool: &str,
) -> Result<Rendered, RenderError> {
    let limits = yaml::Limits { bytes: output.len().saturating_add(1), ..yaml::Limits::default() };
    let documents = yaml::parse_documents(output, &limits).map_err(|error| {
        let place = template_before(output, error.line);
        RenderError::Content(format!("{place}failed to read what {tool} printed: {error}"))
    })?;
    let mut collected = Collected::new(limit);
    for document in documents {
        let line = document.line;
        collected.add(document.value, |problem| {
            let place = template_before(output, line);
            RenderError::Content(format!(
                "{place}{tool} printed something that is no manifest, line {line}: {problem}"
            ))
        })?;
    }
    Ok(collected.finish(source_type))
}

fn template_before(output: &[u8], line: usize) -> String {
    let text = String::from_utf8_lossy(output);
    let before: Vec<&str> = text.lines().take(line.max(1)).collect();
    let source = before.iter().rev().find_map(|line| line.strip_prefix("# Source: "));
    source.map_or_else(String::new, |source| format!("{source}: "))
}
