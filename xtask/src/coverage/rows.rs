//! Rows with stable ids (`SYN-001`) out of the tables of a Markdown text.

use std::collections::BTreeMap;

/// One row: a behaviour that a user of Argo CD expects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    /// What the row says, as one cell of Markdown.
    pub(super) what: String,
}

/// The rows below one heading, and the headings above it that have not been shown yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Headings as they stand, with their marks.
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// Columns that say where in the reference's sources something is, which is of no use here.
const DROPPED: &[&str] = &["ref", "manifest dir", "state", "tests"];

/// All sections that have rows. Reads both the table of features and the document made from it.
pub(super) fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut headings: Vec<String> = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if line.starts_with("## ") || line.starts_with("### ") {
            headings.retain(|heading| line.starts_with("### ") && heading.starts_with("## "));
            headings.push(line.to_owned());
            open = false;
            continue;
        }
        let Some(cells) = cells(line) else { continue };
        let Some(first) = cells.first() else { continue };
        if first == "id" {
            columns = cells;
        } else if is_id(first) {
            if !open {
                sections.push(Section { headings: std::mem::take(&mut headings), rows: Vec::new() });
                open = true;
            }
            let what: Vec<_> = cells
                .iter()
                .zip(&columns)
                .skip(1)
                .filter(|(cell, column)| !DROPPED.contains(&column.as_str()) && !cell.is_empty())
                .map(|(cell, _)| cell.as_str())
                .collect();
            if let Some(section) = sections.last_mut() {
                section.rows.push(Row { id: first.clone(), what: what.join(" — ") });
            }
        }
    }
    sections
}

/// Problems with tags that name rows which do not exist.
pub(super) fn unknown(sections: &[Section], by_row: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let known = |id: &str| sections.iter().flat_map(|section| &section.rows).any(|row| row.id == id);
    by_row
        .iter()
        .filter(|(id, _)| !known(id))
        .map(|(id, tests)| format!("{}: `{id}` is no row", tests.join(", ")))
        .collect()
}

/// Whether a word is the id of a row: capitals, a dash, three digits.
pub(super) fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.chars().all(|character| character.is_ascii_uppercase())
            && number.len() == 3
            && number.chars().all(|character| character.is_ascii_digit())
    })
}

/// The cells of a line of a table; a bar behind a backslash is text.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for character in inner.chars() {
        if character == '|' && !escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    Some(cells.into_iter().map(|cell| cell.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
## 1. Sync `SYN`

### 1.1 Waves

| id | name | behaviour | ref |
|---|---|---|---|
| SYN-001 | wave | `a\\|b` first | x.go |
| SYN-002 | hook |  | y.go |

### 1.2 Later

| id | name | ref |
|---|---|---|
| SYN-003 | prune | z.go |
";

    #[test]
    fn rows_keep_their_words_and_lose_the_reference() {
        let sections = parse(TEXT);
        assert_eq!(sections.len(), 2);
        assert_eq!(sections[0].headings, ["## 1. Sync `SYN`", "### 1.1 Waves"]);
        assert_eq!(sections[0].rows[0], Row { id: "SYN-001".into(), what: "wave — `a\\|b` first".into() });
        assert_eq!(sections[0].rows[1].what, "hook");
        assert_eq!(sections[1].headings, ["### 1.2 Later"]);
    }

    #[test]
    fn a_tag_with_an_unknown_row_is_a_problem_that_names_its_test() {
        let by_row = [("SYN-999".to_owned(), vec!["x::y".to_owned()])].into();
        assert_eq!(unknown(&parse(TEXT), &by_row), ["x::y: `SYN-999` is no row"]);
    }

    #[test]
    fn an_id_has_capitals_and_three_digits() {
        assert!(is_id("SYN-001"));
        assert!(!is_id("SYN-01") && !is_id("syn-001") && !is_id("id"));
    }
}
