//! YAML and JSON streams as kubectl reads them, and YAML as kubectl prints it.
//!
//! kubectl cuts a stream into documents, reads each as YAML 1.1 and turns it into JSON. Every quirk of that way is
//! kept, because manifests in the wild rely on it: `0644` is octal, `yes` is a boolean, a later duplicate key wins,
//! a merge key takes effect where it stands. Knows nothing of Kubernetes objects.

mod compose;
mod documents;
mod emit;
mod encoding;
mod numbers;
mod quirks;
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
    let text = encoding::as_utf_8(text);
    let mut nodes = limits.nodes;
    if !documents::starts_as_json(&text) {
        let mut read = Vec::new();
        read_yaml(&text, documents::Start::OF_STREAM, limits, &mut nodes, &mut read)?;
        return Ok(read);
    }
    let mut json = documents::read_json(&text, limits, &mut nodes)?;
    if let Some((rest, start)) = json.rest {
        read_yaml(rest, start, limits, &mut nodes, &mut json.documents)?;
    }
    Ok(json.documents)
}

fn read_yaml(
    text: &[u8],
    start: documents::Start,
    limits: &Limits,
    nodes: &mut usize,
    read: &mut Vec<Document>,
) -> Result<(), YamlError> {
    for chunk in documents::split(text, start) {
        let chunk = chunk?;
        let place = compose::Place { document: chunk.number, first_line: chunk.line };
        if let Some(document) = compose::read(&chunk.text, place, limits, nodes)?
            && !document.value.is_null()
        {
            read.push(document);
        }
    }
    Ok(())
}

/// The first document of a text: for values files and settings, which are one document. Null when there is none. As
/// with the reference's YAML library, what follows the first document is not read. A missing line end at the end is
/// added first.
///
/// # Errors
/// [`YamlError`] with the line.
pub fn parse_one(text: &[u8]) -> Result<Value, YamlError> {
    let limits = Limits::default();
    check_size(text, &limits)?;
    let mut nodes = limits.nodes;
    let place = compose::Place { document: 1, first_line: 1 };
    let mut text = encoding::as_utf_8(text);
    if !text.ends_with(b"\n") {
        text.to_mut().push(b'\n');
    }
    let document = compose::read(&text, place, &limits, &mut nodes)?;
    Ok(document.map_or(Value::Null, |document| document.value))
}

fn check_size(text: &[u8], limits: &Limits) -> Result<(), YamlError> {
    if text.len() > limits.bytes {
        let problem = Problem::Limit { limit: limits.bytes, what: "bytes" };
        return Err(YamlError { document: 1, line: 0, problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(text: &str) -> YamlError {
        parse_stream(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_error_says_which_document_and_line_of_the_stream() {
        let error = error("a: 1\n---\nb: 2\n---\nc: 3\nd: [\n");
        assert_eq!((error.document, error.line), (3, 7));
        assert!(error.to_string().starts_with("document 3, line 7: "), "{error}");
        let error = self::error("{\"a\": 1}\n---\nb: *x\n");
        assert_eq!((error.document, error.line), (2, 3));
        assert_eq!(error.problem, Problem::UnknownAnchor("x".to_owned()));
    }

    #[test]
    fn keys_that_stand_twice_are_reported_and_the_later_one_wins() {
        let documents = parse_documents(b"a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", &Limits::default()).unwrap();
        let [document] = documents.as_slice() else { panic!("{documents:?}") };
        assert_eq!(document.value, json!({"a": 3, "b": {"c": 2}}));
        let keys: Vec<_> =
            document.duplicate_keys.iter().map(|twice| (twice.key.as_str(), twice.line)).collect();
        assert_eq!(keys, [("c", 4), ("a", 5)]);
    }

    #[test]
    fn a_merge_key_is_no_duplicate() {
        let text = b"a: &a {b: 1}\nc: {<<: *a, b: 2}\n";
        let documents = parse_documents(text, &Limits::default()).unwrap();
        assert!(documents.iter().all(|document| document.duplicate_keys.is_empty()));
    }

    #[test]
    fn limits_end_what_is_too_deep_too_many_or_too_long() {
        let limits = Limits { bytes: 1000, depth: 10, nodes: 50 };
        let problem = |text: &str| match parse_documents(text.as_bytes(), &limits) {
            Err(YamlError { problem: Problem::Limit { limit, .. }, .. }) => Some(limit),
            _ => None,
        };
        assert_eq!(problem(&"a".repeat(1001)), Some(1000));
        assert_eq!(problem(&format!("{}{}", "[".repeat(11), "]".repeat(11))), Some(10));
        assert_eq!(problem(&format!("{}{}", "[".repeat(10), "]".repeat(10))), None);
        assert_eq!(problem(&"- a\n".repeat(60)), Some(50));
        assert_eq!(problem(&"---\n- a\n".repeat(30)), Some(50));
        assert_eq!(problem(&format!("{{\"a\": [{}1]}}", "1,".repeat(60))), Some(50));
        assert_eq!(problem("a: &a [b, b, b, b]\nc: &c [*a, *a, *a, *a]\nd: [*c, *c, *c]\n"), Some(50));
        let chain: String = (1..20).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
        assert_eq!(
            parse_documents(format!("a0: &a0 [x]\n{chain}").as_bytes(), &Limits { nodes: 1 << 20, ..limits })
                .map_err(|error| error.problem),
            Err(Problem::Limit { limit: 10, what: "levels of nesting" })
        );
    }

    #[test]
    fn one_document_is_the_first_one() {
        assert_eq!(parse_one(b"a: yes\n---\nb: 1\n").unwrap(), json!({"a": true}));
        assert_eq!(parse_one(b"").unwrap(), Value::Null);
        assert_eq!(parse_one(b"# nothing\n").unwrap(), Value::Null);
    }

    #[test]
    fn no_mutilated_text_ends_the_process() {
        let seed = "a: &x {b: |2-\n   c\n, 'd': \"e\\u00e9\"}\n---\n? - *x\n: !!binary aGk=\n<<: *x\n%TAG ! x\n\u{feff}\t";
        let characters: Vec<char> = seed.chars().collect();
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut text = characters.clone();
            for _ in 0..random(6) + 1 {
                let (from, to) = (random(text.len()), random(text.len()));
                match random(3) {
                    0 => text[from] = text[to],
                    1 => {
                        text.remove(from);
                    }
                    _ => text.insert(from, characters[random(characters.len())]),
                }
            }
            let text: String = text.into_iter().collect();
            let _ = parse_stream(text.as_bytes());
        }
    }
}
