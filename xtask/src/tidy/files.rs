//! Single files: their size, how they open, and marks of unfinished work.

use super::{Problem, Sources};

/// Longest file. One idea fits well below.
const MOST_LINES: usize = 800;
/// Endings of files that people write.
const WRITTEN: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".css", ".sh", ".proto", ".py"];

pub(super) fn check(sources: &Sources) -> Vec<Problem> {
    // Put together here, so that this file does not find itself.
    let unfinished = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")];
    let mut problems = Vec::new();
    for (path, text) in sources {
        if !WRITTEN.iter().any(|ending| path.ends_with(ending)) || is_generated(text) {
            continue;
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            problems.push(Problem::new(path, format!("has {lines} lines, {MOST_LINES} is the most")));
        }
        if !path.ends_with(".rs") {
            continue;
        }
        // What a file of tests beside its subject knows is plain.
        let silent = !text.starts_with("//!") && !text.starts_with("#!/");
        if silent && !path.ends_with("/tests.rs") {
            problems.push(Problem::new(path, "must open with `//!` lines on what it knows"));
        }
        if path.ends_with("/mod.rs") {
            problems.push(Problem::new(path, "belongs into a file with the name of its folder"));
        }
        for (index, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for mark in unfinished {
                if code.contains(mark) {
                    problems.push(Problem::new(
                        format!("{path}:{}", index + 1),
                        format!("`{mark}` is unfinished work"),
                    ));
                }
            }
        }
    }
    problems
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains("@generated") || line.contains("Code generated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(path: &str, text: &str) -> Vec<Problem> {
        check(&[(path.to_owned(), text.to_owned())].into())
    }

    #[test]
    fn a_long_file_is_found_unless_it_is_generated() {
        let long = format!("//! x\n{}", "fn f() {}\n".repeat(800));
        assert_eq!(check_one("a.rs", &long).len(), 1);
        assert!(check_one("a.rs", &format!("//! @generated\n{long}")).is_empty());
    }

    #[test]
    fn unfinished_work_and_silent_files_are_found() {
        let text = format!("fn f() {{ {}) }}\n", concat!("to", "do!("));
        assert_eq!(check_one("a.rs", &text).len(), 2);
        assert_eq!(check_one("x/mod.rs", "//! x\n").len(), 1);
    }
}
