//! Objects as JSON or YAML.

use serde_json::Value;

use crate::error::CliError;

/// A document in JSON, with two spaces and a line end.
pub(crate) fn json(value: &Value) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// A document in YAML.
pub(crate) fn yaml(value: &Value) -> String {
    tiphys_manifest::yaml::emit(value)
}

/// A document in the format with this name; `None` for a name that is neither `json` nor `yaml`.
pub(crate) fn document(value: &Value, format: &str) -> Result<Option<String>, CliError> {
    Ok(match format {
        "json" => Some(json(value)?),
        "yaml" => Some(yaml(value)),
        _ => None,
    })
}

/// What to say to an output format that a command does not have.
pub(crate) fn unknown_format(format: &str, known: &str) -> CliError {
    CliError::new(format!("unknown output format: {format}")).hint(format!("one of: {known}"))
}
