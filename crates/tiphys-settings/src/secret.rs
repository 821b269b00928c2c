//! A Secret as plain data.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tiphys_api::secret::SecretBytes;

/// A Secret: who it is, and its data, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretData {
    /// Name of the Secret.
    pub name: String,
    /// Unique id of the Secret.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Values, decoded from base64.
    pub data: BTreeMap<String, SecretBytes>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, SecretBytes>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl SecretData {
    /// Reads a Secret as the API server gives it.
    ///
    /// # Errors
    ///
    /// When it has no name, or a value is not base64. The message does not repeat values.
    pub fn from_object(object: &Value) -> Result<Self, serde_json::Error> {
        let Object { metadata, data } = Object::deserialize(object)?;
        Ok(Self {
            name: metadata.name,
            uid: metadata.uid,
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
            data: data.unwrap_or_default(),
        })
    }

    /// A value as text; empty when it is missing or no text. Spaces are kept: they may be part of a password.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.data.get(key).and_then(|value| std::str::from_utf8(value.expose()).ok()).unwrap_or_default()
    }
}
