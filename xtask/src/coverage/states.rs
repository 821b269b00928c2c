//! States of rows that people set by hand, with a reason: `docs/compatibility.toml`.
//!
//! ```toml
//! [[rows]]
//! ids = ["SYN-001", "HYD-*"]
//! state = "not built"
//! why = "one sentence"
//! ```

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;

use super::rows::Section;

/// What can be said of a row by hand. What tests show needs no word here.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum State {
    /// It is there; no test shows it yet.
    #[serde(rename = "built")]
    Built,
    /// It is not there.
    #[serde(rename = "not built")]
    NotBuilt,
    /// It is there and behaves otherwise, on purpose.
    #[serde(rename = "differs")]
    Differs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    ids: Vec<String>,
    state: State,
    #[serde(default)]
    why: String,
}

/// All entries of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct States {
    #[serde(default)]
    rows: Vec<Entry>,
}

pub(super) fn parse(text: &str) -> Result<States> {
    Ok(toml::from_str(text)?)
}

impl States {
    /// State and reason of a row. An entry with its whole id goes before one with a `*`.
    pub(super) fn of(&self, id: &str) -> Option<(State, &str)> {
        let exact = self.rows.iter().find(|entry| entry.ids.iter().any(|pattern| pattern == id));
        let entry = exact
            .or_else(|| self.rows.iter().find(|entry| entry.ids.iter().any(|pattern| fits(pattern, id))))?;
        Some((entry.state, entry.why.as_str()))
    }

    /// Entries that fit no row, lack a reason, or contradict a test.
    pub(super) fn problems(
        &self,
        sections: &[Section],
        by_row: &BTreeMap<String, Vec<String>>,
    ) -> Vec<String> {
        let rows = || sections.iter().flat_map(|section| &section.rows);
        let mut problems = Vec::new();
        for entry in &self.rows {
            for pattern in &entry.ids {
                if !rows().any(|row| fits(pattern, &row.id)) {
                    problems.push(format!("docs/compatibility.toml: `{pattern}` fits no row"));
                }
                if entry.state == State::NotBuilt && !pattern.ends_with('*') && by_row.contains_key(pattern) {
                    problems.push(format!(
                        "docs/compatibility.toml: `{pattern}` is `not built`, and a test shows it"
                    ));
                }
            }
            if entry.state == State::Differs && entry.why.is_empty() {
                problems.push(format!(
                    "docs/compatibility.toml: {} `differs` without a reason",
                    entry.ids.join(", ")
                ));
            }
        }
        problems
    }
}

fn fits(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::rows::parse as parse_rows;

    #[test]
    fn a_whole_id_goes_before_a_pattern() {
        let states = parse(
            "[[rows]]\nids = [\"SYN-*\"]\nstate = \"not built\"\n[[rows]]\nids = [\"SYN-002\"]\nstate = \"differs\"\nwhy = \"faster\"\n",
        )
        .unwrap();
        assert_eq!(states.of("SYN-001"), Some((State::NotBuilt, "")));
        assert_eq!(states.of("SYN-002"), Some((State::Differs, "faster")));
        assert_eq!(states.of("APP-001"), None);
    }

    #[test]
    fn an_entry_that_contradicts_a_test_is_a_problem() {
        let states = parse("[[rows]]\nids = [\"SYN-001\", \"ZZZ-*\"]\nstate = \"not built\"\n").unwrap();
        let sections = parse_rows("## x\n| id | name |\n| SYN-001 | a |\n");
        let by_row = [("SYN-001".to_owned(), vec!["t".to_owned()])].into();
        assert_eq!(states.problems(&sections, &by_row).len(), 2);
    }
}
