//! YAML and JSON streams as kubectl reads them, and YAML as kubectl prints it.
//!
//! kubectl cuts a stream into documents, reads each as YAML 1.1 and turns it into JSON. Every quirk of that way is
//! kept, because manifests in the wild rely on it: `0644` is octal, `yes` is a boolean, a later duplicate key wins,
//! a merge key takes effect where it stands. Knows nothing of Kubernetes objects.

mod compose;
mod documents;
mod emit;
mod numbers;
mod resolve;

use std::fmt;

use serde_json::Value;

pub use emit::emit;

/// Bounds on what is read. Input is hostile until shown otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole stream.
    pub bytes: usize,
    /// Lists and maps inside one another. The JSON readers that the result travels through stop at 128.
    pub depth: usize,
    /// Scalars, lists and maps of the whole stream, each counted as often as aliases repeat it.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 64 << 20, depth: 120, nodes: 4_000_000 }
    }
}

/// One document of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says; never null.
    pub value: Value,
    /// The line in the stream where its first node stands, from 1.
    pub line: usize,
    /// Keys that stand twice in one map. The later one has won, as with kubectl; whoever wrote it rarely meant it.
    pub duplicate_keys: Vec<DuplicateKey>,
}

/// A key that a map has twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The line of the later one, from 1.
    pub line: usize,
}

/// Text that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}{}: {problem}", At(*line))]
pub struct YamlError {
    /// Which document of the stream, from 1. Documents of comments only are counted.
    pub document: usize,
    /// The line in the stream, from 1; 0 when it is not known.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

struct At(usize);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, ", line {}", self.0) }
    }
}

/// What can be wrong with text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// It is not JSON, in a stream that starts as JSON.
    #[error("{0}")]
    Json(String),
    /// `---` with something other than a comment after it.
    #[error("only a comment may follow the document separator, not {0:?}")]
    Separator(String),
    /// `*name` without a `&name` before it.
    #[error("alias *{0} has no anchor before it")]
    UnknownAnchor(String),
    /// An anchor whose value holds its own alias.
    #[error("the value of anchor &{0} contains itself")]
    SelfReference(String),
    /// So many aliases that the document would grow out of proportion.
    #[error("the document consists mostly of repeated aliases")]
    ExcessiveAliasing,
    /// `<<` with something that is neither a map nor a list of maps.
    #[error("a merge key needs a map or a list of maps")]
    MergeNeedsMap,
    /// A key that JSON has no spelling for: null, a list, a map, a huge integer.
    #[error("{0} can't be a key")]
    BadKey(&'static str),
    /// A value that contradicts its tag.
    #[error("{value:?} is not what its tag {tag} says")]
    BadTag {
        /// The start of the value.
        value: String,
        /// The tag, in its short form.
        tag: String,
    },
    /// `!!binary` that is not base64.
    #[error("a !!binary value is not base64")]
    BadBinary,
    /// An infinity or no number at all, which JSON can't say.
    #[error("{0} has no spelling in JSON")]
    NotFinite(String),
    /// Beyond one of the [`Limits`].
    #[error("the text has more than {limit} {what}")]
    Limit {
        /// The bound.
        limit: usize,
        /// What it bounds, in the plural.
        what: &'static str,
    },
}

/// All documents of a stream that say something. Documents of comments only, or of `null`, are left out.
///
/// # Errors
/// [`YamlError`] with the document and the line. One broken document makes the whole stream an error: objects that
/// can't be read must not look as if they had been deleted.
pub fn parse_stream(text: &[u8]) -> Result<Vec<Value>, YamlError> {
    let documents = parse_documents(text, &Limits::default())?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

/// As [`parse_stream`], with bounds, lines and duplicate keys.
///
/// # Errors
/// As [`parse_stream`].
pub fn parse_documents(text: &[u8], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    check_size(text, limits)?;
    if documents::starts_as_json(text) {
        return documents::read_json(text, limits);
    }
    let mut read = Vec::new();
    let mut nodes = limits.nodes;
    for chunk in documents::split(text) {
        let chunk = chunk?;
        let place = compose::Place { document: chunk.number, first_line: chunk.line };
        if let Some(document) = compose::read(&chunk.text, place, limits, &mut nodes)? {
            if !document.value.is_null() {
                read.push(document);
            }
        }
    }
    Ok(read)
}

/// The first document of a text: for values files and settings, which are one document. Null when there is none. As
/// with the reference's YAML library, what follows the first document is not read.
///
/// # Errors
/// [`YamlError`] with the line.
pub fn parse_one(text: &[u8]) -> Result<Value, YamlError> {
    let limits = Limits::default();
    check_size(text, &limits)?;
    let mut nodes = limits.nodes;
    let place = compose::Place { document: 1, first_line: 1 };
    let document = compose::read(text, place, &limits, &mut nodes)?;
    Ok(document.map_or(Value::Null, |document| document.value))
}

fn check_size(text: &[u8], limits: &Limits) -> Result<(), YamlError> {
    if text.len() > limits.bytes {
        let problem = Problem::Limit { limit: limits.bytes, what: "bytes" };
        return Err(YamlError { document: 1, line: 0, problem });
    }
    Ok(())
}
