//! Texts and bytes that must not appear in logs, errors or events.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is shown in place of a secret.
const REDACTED: &str = "[redacted]";

/// A text that is only given out on request; `Debug` and `Display` hide it, serialising writes it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SecretString(String);

impl SecretString {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Gives the text out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for SecretString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() { "" } else { REDACTED })
    }
}

impl fmt::Display for SecretString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// Bytes that are only given out on request, base64 in JSON; `Debug` hides them, serialising writes them.
#[derive(Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct SecretBytes(#[schemars(with = "String")] Vec<u8>);

impl SecretBytes {
    /// Hides bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Gives the bytes out.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Says whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() { "" } else { REDACTED })
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Line breaks inside base64 are common in Secrets written by hand, and Go's decoder skips them too.
        let text: String = String::deserialize(deserializer)?.split_ascii_whitespace().collect();
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("the value is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let secret = SecretString::from("hunter2");
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hunter2\"");
    }

    #[test]
    fn bytes_are_base64_and_an_error_does_not_repeat_them() {
        let read: SecretBytes = serde_json::from_str("\"aGVs\\nbG8=\"").unwrap();
        assert_eq!(read.expose(), b"hello");
        let error = serde_json::from_str::<SecretBytes>("\"s3cret!\"").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
