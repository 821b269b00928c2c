//! Where the event parser and the YAML library under kubectl part.
//!
//! Both descend from the same C library, at different ages. What the older one refuses is refused here, what it
//! takes for an ordinary character is hidden from the newer one.

use std::borrow::Cow;

use libyaml_safer::ScalarStyle;

/// Why the library under kubectl would refuse a scalar that the event parser has taken. `source` is its text with
/// quotes.
pub(super) fn refused(source: &[u8], style: ScalarStyle, in_flow: bool) -> Option<&'static str> {
    match style {
        ScalarStyle::DoubleQuoted if escapes_slash(source) => Some("found unknown escape character \\/"),
        ScalarStyle::Plain if in_flow && source.contains(&b'?') => {
            Some("found a question mark in a scalar without quotes within [] or {}")
        }
        _ => None,
    }
}

fn escapes_slash(source: &[u8]) -> bool {
    let mut bytes = source.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'/') {
            return true;
        }
    }
    false
}

/// Byte order marks within a text: ordinary characters to kubectl, white space to the event parser.
pub(super) struct ByteOrderMarks<'a> {
    text: Cow<'a, [u8]>,
    stand_in: Option<char>,
}

const MARK: &str = "\u{feff}";

impl<'a> ByteOrderMarks<'a> {
    /// Puts a character that the text doesn't have for each mark, except one at its start, which is one.
    pub(super) fn hide(bytes: &'a [u8]) -> Self {
        let plain = ByteOrderMarks { text: Cow::Borrowed(bytes), stand_in: None };
        if !bytes.contains(&0xef) {
            return plain;
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return plain };
        let (start, rest) = text.split_at(if text.starts_with(MARK) { MARK.len() } else { 0 });
        if !rest.contains(MARK) {
            return plain;
        }
        // As long as a mark, so that positions stay.
        match ('\u{e000}'..='\u{f8ff}').find(|candidate| !rest.contains(*candidate)) {
            Some(stand_in) => {
                let hidden = format!("{start}{}", rest.replace(MARK, stand_in.encode_utf8(&mut [0; 4])));
                ByteOrderMarks { text: Cow::Owned(hidden.into_bytes()), stand_in: Some(stand_in) }
            }
            None => plain,
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Puts the marks back.
    pub(super) fn restore(&self, scalar: String) -> String {
        match self.stand_in {
            Some(stand_in) => scalar.replace(stand_in, MARK),
            None => scalar,
        }
    }
}
