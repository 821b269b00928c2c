//! Writes the document.

use std::collections::BTreeMap;
use std::fmt;

use super::rows::Section;
use super::states::{State, States};

const INTRODUCTION: &str = "\
# Compatibility with Argo CD

<!-- Written by `cargo xtask coverage` from the tags of the tests and docs/compatibility.toml. -->

One row for each behaviour that a user of Argo CD 3.6 expects. What a state means:

- **shown**: the tests named in the row would fail if it were not true.
- **built**: it is there, and no test of its own shows it yet.
- **differs**: it is there and behaves otherwise, for the reason given.
- **not built**: it is not there yet.
";

/// How many rows have which state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    shown: usize,
    built: usize,
    differs: usize,
    not_built: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.shown + self.built + self.differs + self.not_built;
        write!(
            formatter,
            "{all} rows: {} shown, {} built, {} differ, {} not built",
            self.shown, self.built, self.differs, self.not_built
        )
    }
}

/// The text of the document, and its counts.
pub(super) fn render(
    sections: &[Section],
    by_row: &BTreeMap<String, Vec<String>>,
    states: &States,
) -> (String, Counts) {
    let mut counts = Counts::default();
    let mut body = String::new();
    for section in sections {
        for heading in &section.headings {
            body.push_str(&format!("\n{heading}\n"));
        }
        body.push_str("\n| id | what | state | tests |\n|---|---|---|---|\n");
        for row in &section.rows {
            let tests = by_row.get(&row.id).map(Vec::as_slice).unwrap_or_default();
            let set = states.of(&row.id);
            let (state, why) = match (set, tests.is_empty()) {
                (Some((State::Differs, why)), _) => {
                    counts.differs += 1;
                    ("differs", why)
                }
                (_, false) => {
                    counts.shown += 1;
                    ("shown", "")
                }
                (Some((State::Built, why)), true) => {
                    counts.built += 1;
                    ("built", why)
                }
                (Some((State::NotBuilt, why)), true) => {
                    counts.not_built += 1;
                    ("not built", why)
                }
                (None, true) => {
                    counts.not_built += 1;
                    ("not built", "")
                }
            };
            let state = if why.is_empty() { state.to_owned() } else { format!("{state}: {why}") };
            let tests: Vec<_> = tests.iter().map(|test| format!("`{}`", short(test))).collect();
            body.push_str(&format!("| {} | {} | {state} | {} |\n", row.id, row.what, tests.join(" ")));
        }
    }
    (format!("{INTRODUCTION}\n{counts}.\n{body}"), counts)
}

/// `crates/tiphys-git/src/refs.rs::name` as `tiphys-git/refs::name`.
fn short(test: &str) -> String {
    let (path, name) = test.split_once("::").unwrap_or((test, ""));
    let path = path.trim_start_matches("crates/").trim_end_matches(".rs");
    let path = path.replacen("/src/", "/", 1).replacen("/tests/it/", "/", 1);
    format!("{path}::{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::{rows, states};

    #[test]
    fn the_document_reads_back_as_the_rows_that_it_was_made_from() {
        let text = "## 1. Sync `SYN`\n\n### 1.1 Waves\n\n| id | name | behaviour | ref |\n|---|---|---|---|\n| SYN-001 | wave | a\\|b | x |\n| SYN-002 | hook | c | x |\n";
        let sections = rows::parse(text);
        let by_row = [("SYN-001".to_owned(), vec!["crates/x/src/a.rs::t".to_owned()])].into();
        let states =
            states::parse("[[rows]]\nids = [\"SYN-002\"]\nstate = \"differs\"\nwhy = \"faster\"\n").unwrap();
        let (document, counts) = render(&sections, &by_row, &states);
        assert!(document.contains("| SYN-001 | wave — a\\|b | shown | `x/a::t` |"), "{document}");
        assert!(document.contains("| SYN-002 | hook — c | differs: faster |  |"), "{document}");
        assert_eq!(counts, Counts { shown: 1, differs: 1, ..Counts::default() });
        let again = rows::parse(&document);
        assert_eq!(again, sections);
        assert_eq!(render(&again, &by_row, &states).0, document);
    }
}
