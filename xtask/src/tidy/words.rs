//! Words that have no place in the tree: paths of one machine, hosts of registries, talk about how work is organised.

use regex::Regex;

use super::{Problem, Sources};

/// Files whose content is not ours to choose, and this one.
const EXEMPT: &[&str] = &["Cargo.lock", "package-lock.json", "xtask/src/tidy/words.rs"];

const PATTERNS: &[(&str, &str)] = &[
    (r"(^|[^\w.])/(work|root|home/\w+)/", "a path of one machine"),
    (r"/tmp/(bash|brief|claude)", "a path of one machine"),
    (
        r"\b(index\.crates\.io|static\.crates\.io|proxy\.golang\.org|sum\.golang\.org|registry\.npmjs\.org|deb\.debian\.org|pypi\.org/simple)\b",
        "the host of a registry",
    ),
    (r"(?i)\b(sub-?agents?|language model|anthropic|claude|chatgpt|openai|copilot)\b", "talk about tools"),
    (
        r"(?i)\b(this session|the brief|issues show|first voyage|the lead|this workplace)\b",
        "talk about how work is organised",
    ),
    (r"(?i)\b(as of this issue|this issue builds|issue item \d+)\b", "talk about how work is organised"),
];

pub(super) fn check(sources: &Sources) -> Vec<Problem> {
    let patterns: Vec<(Regex, &str)> =
        PATTERNS.iter().filter_map(|(pattern, why)| Some((Regex::new(pattern).ok()?, *why))).collect();
    let mut problems = Vec::new();
    for (path, text) in sources {
        if EXEMPT.iter().any(|exempt| path == exempt || path.ends_with(&format!("/{exempt}"))) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            // The home folder in images of Argo CD is a fact about them.
            let line = line.replace("/home/argocd/", "");
            for (pattern, why) in &patterns {
                if let Some(found) = pattern.find(&line) {
                    let what = format!("`{}` is {why}", found.as_str().trim());
                    problems.push(Problem::new(format!("{path}:{}", index + 1), what));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_are_patterns() {
        for (pattern, _) in PATTERNS {
            Regex::new(pattern).unwrap();
        }
    }

    #[test]
    fn a_path_of_a_machine_is_found_and_a_path_of_a_product_is_not() {
        let check_one = |text: &str| check(&[("a.md".to_owned(), text.to_owned())].into()).len();
        assert_eq!(check_one("see /home/jason/notes"), 1);
        assert_eq!(check_one("mounted at /tmp and /app/config"), 0);
        assert_eq!(check_one("proxy.golang.org"), 1);
        assert_eq!(check_one("a Session of the API"), 0);
    }
}
