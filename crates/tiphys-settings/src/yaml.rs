//! YAML values inside ConfigMaps, read as YAML 1.1 like everything else that users of Kubernetes write.

use serde::de::DeserializeOwned;

/// Reads a document; `None` when it holds nothing but comments.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<Option<T>, String> {
    let value = tiphys_manifest::yaml::parse_one(text.as_bytes()).map_err(|error| error.to_string())?;
    if value.is_null() {
        return Ok(None);
    }
    serde_json::from_value(value).map(Some).map_err(|error| error.to_string())
}
