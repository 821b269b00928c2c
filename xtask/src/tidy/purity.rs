//! Vocabulary and core are synchronous and take time and chance as parameters: what they must not say.

use super::{Problem, Sources};

/// Words of input, output, clocks and chance.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::fs", "reads files"),
    ("std::net", "uses the network"),
    ("std::process", "runs programs"),
    ("std::env", "reads the environment"),
    ("std::thread", "starts threads"),
    ("SystemTime::now", "asks the clock"),
    ("Instant::now", "asks the clock"),
    ("Utc::now", "asks the clock"),
    ("Local::now", "asks the clock"),
    ("rand::", "throws dice"),
    ("async fn", "is asynchronous"),
    (".await", "is asynchronous"),
];

pub(super) fn check(sources: &Sources, folders: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in sources {
        let pure = folders.iter().any(|folder| path.starts_with(folder));
        if !pure || !path.ends_with(".rs") || is_test_file(path) {
            continue;
        }
        for (number, line) in production_lines(text) {
            for (word, why) in FORBIDDEN {
                if line.contains(word) {
                    let what =
                        format!("`{word}`: a crate of the lower layers never {why}; make it a parameter");
                    problems.push(Problem::new(format!("{path}:{number}"), what));
                }
            }
        }
    }
    problems
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Lines that are neither comments nor part of a test module, with their numbers from one. Relies on rustfmt: a
/// module ends with a brace as far in as it began.
fn production_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut test_module: Option<usize> = None;
    let mut test_next = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(depth) = test_module {
            if indent == depth && trimmed.starts_with('}') {
                test_module = None;
            }
            continue;
        }
        if trimmed.starts_with("#[cfg(test)]") {
            test_next = true;
            continue;
        }
        if test_next && !trimmed.starts_with("#[") {
            test_next = false;
            if trimmed.ends_with('{') {
                test_module = Some(indent);
            }
            continue;
        }
        if !trimmed.starts_with("//") {
            lines.push((index + 1, line));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(text: &str) -> Vec<Problem> {
        let sources = [("crates/x/src/lib.rs".to_owned(), text.to_owned())].into();
        check(&sources, &["crates/x/src/".to_owned()])
    }

    #[test]
    fn a_clock_in_core_is_found_with_its_line() {
        let problems = check_one("//! x\nfn f() {\n    let now = Utc::now();\n}\n");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "crates/x/src/lib.rs:3");
    }

    #[test]
    fn comments_and_tests_may_say_anything() {
        let text = "// std::fs\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() {\n    }\n}\nfn after() { std::env::args(); }\n";
        let problems = check_one(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].place, "crates/x/src/lib.rs:8");
    }
}
