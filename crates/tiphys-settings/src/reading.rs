//! Reading one ConfigMap, key by key, with a default and a problem for each value that cannot be used.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tiphys_api::duration::parse_duration;

use crate::{Problem, yaml};

/// One ConfigMap and the list that its problems go to.
pub(crate) struct Reader<'a> {
    name: &'static str,
    data: &'a BTreeMap<String, String>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        name: &'static str,
        data: &'a BTreeMap<String, String>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { name, data, problems }
    }

    /// Notes that a key's value cannot be used.
    pub(crate) fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem { subject: format!("{}: {key}", self.name), message: message.into() });
    }

    /// All keys and values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.data.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value as it is, also when it is empty.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a str> {
        self.data.get(key).map(String::as_str)
    }

    /// The value without spaces around it; an empty one counts as missing.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.raw(key).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The parts of a list with commas between them.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        split(self.raw(key).unwrap_or_default())
    }

    /// A boolean, in the spellings that Go reads.
    pub(crate) fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(text) = self.text(key) else { return default };
        parse_bool(text).unwrap_or_else(|| {
            self.problem(key, format!("`{text}` is neither true nor false; {default} is used"));
            default
        })
    }

    /// A whole number.
    pub(crate) fn number(&mut self, key: &str, default: i64) -> i64 {
        let Some(text) = self.text(key) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.problem(key, format!("`{text}` is no whole number; {default} is used"));
            default
        })
    }

    /// A duration as Go writes it.
    pub(crate) fn duration(&mut self, key: &str, default: Duration) -> Duration {
        let Some(text) = self.text(key) else { return default };
        match parse_duration(text) {
            Ok(duration) => duration,
            Err(error) => {
                let default_text = tiphys_api::duration::format_duration(default);
                self.problem(key, format!("{error}; {default_text} is used"));
                default
            }
        }
    }

    /// A YAML document; `None` when it is missing, empty or broken.
    pub(crate) fn yaml<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        match yaml::parse(text) {
            Ok(value) => value,
            Err(error) => {
                self.problem(key, format!("not valid: {error}; it is ignored"));
                None
            }
        }
    }
}

/// The spellings of a boolean that Go's `strconv.ParseBool` reads.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The parts of a list with commas between them, without spaces, without empty ones.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
