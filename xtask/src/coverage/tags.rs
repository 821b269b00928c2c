//! `covers:` comments above test functions.

use std::collections::BTreeMap;

use super::rows::is_id;

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// For each row the tests that show it, as `file::function`, in order.
    pub(super) by_row: BTreeMap<String, Vec<String>>,
    /// Comments that are not what they look like.
    pub(super) problems: Vec<String>,
}

/// Whether tests may stand in a file.
pub(super) fn may_hold_tests(path: &str) -> bool {
    let place = ["crates/", "xtask/", "tests/", "ui/"].iter().any(|folder| path.starts_with(folder));
    let own = path.starts_with("xtask/src/coverage");
    place && !own && [".rs", ".ts", ".tsx"].iter().any(|ending| path.ends_with(ending))
}

/// Collects the tags of all files.
pub(super) fn scan(sources: &BTreeMap<String, String>) -> Tags {
    let mut tags = Tags::default();
    for (path, text) in sources {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(list) = line.strip_prefix("// covers:") else { continue };
            let place = format!("{path}:{}", index + 1);
            let following = lines.get(index + 1..).unwrap_or_default();
            let (ids, used) = ids(list, following);
            if ids.is_empty() {
                tags.problems.push(format!("{place}: `covers:` names no row"));
            }
            let below = following.get(used..).unwrap_or_default();
            let Some(name) = test_below(below) else {
                tags.problems.push(format!("{place}: `covers:` does not stand above a test"));
                continue;
            };
            for id in ids {
                if is_id(&id) {
                    let tests = tags.by_row.entry(id).or_default();
                    let test = format!("{path}::{name}");
                    if !tests.contains(&test) {
                        tests.push(test);
                    }
                } else {
                    tags.problems.push(format!("{place}: `{id}` is no id of a row"));
                }
            }
        }
    }
    tags
}

/// The ids of a tag, which goes on in the next comment line when a line ends with a comma; and how many of the
/// following lines that took.
fn ids(list: &str, following: &[&str]) -> (Vec<String>, usize) {
    let mut text = list.trim().to_owned();
    let mut used = 0;
    while text.ends_with(',') {
        let Some(more) = following.get(used).and_then(|line| line.strip_prefix("//")) else { break };
        text.push_str(more.trim());
        used += 1;
    }
    let ids = text.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
    (ids, used)
}

/// Name of the test that begins here, after further comments and attributes.
fn test_below(lines: &[&str]) -> Option<String> {
    let mut is_test = false;
    for line in lines {
        if line.starts_with("//") || line.is_empty() {
            continue;
        }
        if line.starts_with("#[") {
            is_test |= line.contains("test");
            continue;
        }
        if let Some(rest) = line.strip_prefix("test(").or_else(|| line.strip_prefix("it(")) {
            let quote = rest.chars().next()?;
            return rest.get(1..)?.split(quote).next().map(str::to_owned);
        }
        let words = line.trim_start_matches("pub ").trim_start_matches("async ");
        let name = words.strip_prefix("fn ")?;
        let end = name.find(|character: char| !character.is_alphanumeric() && character != '_')?;
        return is_test.then(|| name[..end].to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_one(text: &str) -> Tags {
        scan(&[("crates/x/src/a.rs".to_owned(), text.to_owned())].into())
    }

    #[test]
    fn a_tag_belongs_to_the_test_below_it() {
        let tags = scan_one(
            "// covers: SYN-001, SYN-002,\n// SYN-003\n// why\n#[tokio::test]\nasync fn waves_wait() {}\n",
        );
        assert!(tags.problems.is_empty(), "{:?}", tags.problems);
        assert_eq!(tags.by_row.len(), 3);
        assert_eq!(tags.by_row["SYN-003"], ["crates/x/src/a.rs::waves_wait"]);
    }

    #[test]
    fn a_tag_above_something_else_is_a_problem() {
        assert_eq!(scan_one("// covers: SYN-001\nfn no_test() {}\n").problems.len(), 1);
        assert_eq!(scan_one("// covers: SYN-1\n#[test]\nfn t() {}\n").problems.len(), 1);
        assert_eq!(scan_one("// covers:\n#[test]\nfn t() {}\n").problems.len(), 1);
    }

    #[test]
    fn tests_of_the_user_interface_count_too() {
        let tags = scan_one("// covers: UI-001\ntest('a list is shown', () => {\n");
        assert_eq!(tags.by_row["UI-001"], ["crates/x/src/a.rs::a list is shown"]);
    }
}
