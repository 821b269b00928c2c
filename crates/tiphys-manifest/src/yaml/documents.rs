//! How kubectl cuts a stream into documents, before any YAML is read.
//!
//! A line that starts with `---` separates, wherever it stands, also within a block scalar. A stream whose first
//! character is `{` is tried as JSON first. Leaves the reading of one document to `compose`.

use std::borrow::Cow;

use serde_json::Value;

use super::numbers::normalize;
use super::{Document, Limits, Problem, YamlError};

const SEPARATOR: &[u8] = b"---";
/// How far kubectl looks for the `{` of a JSON stream.
const SNIFFED: usize = 4096;

/// One document's text, with line ends made plain and one at its end.
pub(super) struct Chunk<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// From 1, counting also what turns out to be empty.
    pub(super) number: usize,
    /// The line of the stream at which the text starts, from 1.
    pub(super) line: usize,
}

/// Whether kubectl takes the stream for JSON.
pub(super) fn starts_as_json(text: &[u8]) -> bool {
    let head = text.get(..SNIFFED).unwrap_or(text);
    let mut rest = head;
    loop {
        match rest {
            [b'{', ..] => return true,
            [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, tail @ ..] => rest = tail,
            // U+0085 and U+00A0, which Unicode counts as white space.
            [0xc2, 0x85 | 0xa0, tail @ ..] => rest = tail,
            _ => return false,
        }
    }
}

/// The documents' texts in order. An error ends the iteration.
pub(super) fn split(text: &[u8], first: Start) -> impl Iterator<Item = Result<Chunk<'_>, YamlError>> {
    Splitter { text, at: 0, line: first.line, number: first.number, failed: false }
}

/// What came before a text in its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// The text's first line, from 1.
    pub(super) line: usize,
    /// How many documents stand before it.
    pub(super) number: usize,
}

impl Start {
    pub(super) const OF_STREAM: Start = Start { line: 1, number: 0 };
}

struct Splitter<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    number: usize,
    failed: bool,
}

impl<'a> Iterator for Splitter<'a> {
    type Item = Result<Chunk<'a>, YamlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let start = self.at;
        let first_line = self.line;
        let mut carriage_returns = false;
        while self.at < self.text.len() {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            let line = rest.get(..length).unwrap_or_default();
            if let Some(after) = line.strip_prefix(SEPARATOR) {
                let after = String::from_utf8_lossy(after);
                let after = after.trim();
                if !after.is_empty() && !after.starts_with('#') {
                    self.failed = true;
                    let problem = Problem::Separator(after.chars().take(40).collect());
                    return Some(Err(YamlError { document: self.number + 1, line: self.line, problem }));
                }
                if self.at > start {
                    let end = self.at;
                    self.at += length;
                    self.line += 1;
                    return Some(Ok(self.chunk(start, end, first_line, carriage_returns)));
                }
                // The separator before any content stays part of the document, where it is harmless.
            }
            carriage_returns |= line.ends_with(b"\r\n");
            self.at += length;
            self.line += 1;
        }
        (self.at > start).then(|| Ok(self.chunk(start, self.at, first_line, carriage_returns)))
    }
}

impl<'a> Splitter<'a> {
    fn chunk(&mut self, start: usize, end: usize, line: usize, carriage_returns: bool) -> Chunk<'a> {
        self.number += 1;
        let text = self.text.get(start..end).unwrap_or_default();
        let mut text =
            if carriage_returns { Cow::Owned(without_carriage_returns(text)) } else { Cow::Borrowed(text) };
        // kubectl ends every line, also the last one, so that a block scalar at the end keeps its line end.
        if !text.ends_with(b"\n") {
            text.to_mut().push(b'\n');
        }
        Chunk { text, number: self.number, line }
    }
}

fn without_carriage_returns(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => {
                plain.extend_from_slice(content);
                plain.push(b'\n');
            }
            None => plain.extend_from_slice(line),
        }
    }
    plain
}

/// What of a stream could be read as JSON.
pub(super) struct Json<'a> {
    pub(super) documents: Vec<Document>,
    /// Where kubectl goes on with YAML: a stream is surely JSON only from its second value on.
    pub(super) rest: Option<(&'a [u8], Start)>,
}

/// Reads JSON values as far as there are any. `nodes` is what is left of the stream's budget.
pub(super) fn read_json<'a>(
    text: &'a [u8],
    limits: &Limits,
    nodes: &mut usize,
) -> Result<Json<'a>, YamlError> {
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let mut number = 0;
    loop {
        let start = stream.byte_offset();
        let fail = |line, problem| YamlError { document: number + 1, line, problem };
        match stream.next() {
            None => return Ok(Json { documents, rest: None }),
            // A number beyond all floats is well-formed JSON, and an error to kubectl only later.
            Some(Err(error)) if number <= 1 && !error.to_string().starts_with("number out of range") => {
                let blank = text.get(start..).unwrap_or_default();
                let newline =
                    blank.iter().take_while(|byte| byte.is_ascii_whitespace()).position(|b| *b == b'\n');
                let at = start + newline.map_or(0, |at| at + 1);
                let line =
                    1 + text.get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
                let rest = text.get(at..).unwrap_or_default();
                return Ok(Json { documents, rest: Some((rest, Start { line, number })) });
            }
            Some(Err(error)) => return Err(fail(error.line(), Problem::Json(without_position(&error)))),
            Some(Ok(mut value)) => {
                let line = first_line(text, start);
                normalize(&mut value, limits.depth, nodes)
                    .map_err(|what| fail(line, what.problem(limits)))?;
                if !value.is_null() {
                    documents.push(Document { value, line, duplicate_keys: Vec::new() });
                }
            }
        }
        number += 1;
    }
}

fn first_line(text: &[u8], start: usize) -> usize {
    let before = text.get(..start).unwrap_or_default();
    let blank = text.get(start..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace());
    1 + before.iter().chain(blank).filter(|byte| **byte == b'\n').count()
}

/// The error's line is reported by ourselves, counted from the stream's start.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").and_then(|end| text.get(..end)).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(stream: &str) -> Vec<(String, usize)> {
        split(stream.as_bytes(), Start::OF_STREAM)
            .map(|chunk| chunk.unwrap())
            .map(|chunk| (String::from_utf8(chunk.text.into_owned()).unwrap(), chunk.line))
            .collect()
    }

    #[test]
    fn separators_cut_and_the_first_one_stays() {
        assert_eq!(texts("a\n---\nb\n"), [("a\n".into(), 1), ("b\n".into(), 3)]);
        assert_eq!(texts("---\na\n--- # c\n---\nb"), [("---\na\n".into(), 1), ("---\nb\n".into(), 4)]);
        assert_eq!(texts(""), []);
        assert_eq!(texts("---"), [("---\n".into(), 1)]);
    }

    #[test]
    fn carriage_returns_before_line_ends_go() {
        assert_eq!(texts("a: |\r\n  b\r\n---\r\nc\r\n"), [("a: |\n  b\n".into(), 1), ("c\n".into(), 4)]);
    }

    #[test]
    fn text_behind_a_separator_is_an_error_that_names_the_line() {
        let error = split(b"a\nb\n--- c\n", Start::OF_STREAM).find_map(Result::err).unwrap();
        assert_eq!((error.document, error.line), (1, 3));
    }

    #[test]
    fn json_is_recognised_by_its_first_brace() {
        assert!(starts_as_json(b" \n\t{"));
        assert!(!starts_as_json(b"\xef\xbb\xbf{"));
        assert!(!starts_as_json(b"[{}]"));
        assert!(!starts_as_json(&[b" ".repeat(5000).as_slice(), b"{"].concat()));
    }
}
