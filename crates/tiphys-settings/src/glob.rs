//! Globs as policies, projects and resource filters use them.
//!
//! `*` stands for any run of characters, `?` for one, `[abc]`, `[a-z]` and `[!a]` for one of a set, `{a,b}` for one of
//! several texts, `\` takes the next character as it is. Where a separator is given, `*` and `?` stop at it and only
//! `**` crosses it. Matching takes time in proportion to the text, whatever the pattern, because both can be hostile.

use regex::Regex;

/// A pattern that is no glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a glob: {reason}")]
pub struct GlobError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A compiled glob.
#[derive(Clone, Debug)]
pub struct Glob {
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Exact(Box<str>),
    /// The text before a last star, which may stand for anything but the separator.
    Prefix(Box<str>, Option<char>),
    Regex(Regex),
}

impl Glob {
    /// Compiles a glob in which `*` stands for any text.
    ///
    /// # Errors
    ///
    /// When a bracket or brace is not closed.
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        Self::compile(pattern, None)
    }

    /// Compiles a glob in which `*` and `?` stop at the separator.
    ///
    /// # Errors
    ///
    /// As [`Glob::new`].
    pub fn with_separator(pattern: &str, separator: char) -> Result<Self, GlobError> {
        Self::compile(pattern, Some(separator))
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.rule {
            Rule::Exact(exact) => **exact == *text,
            Rule::Prefix(prefix, separator) => text
                .strip_prefix(&**prefix)
                .is_some_and(|rest| separator.is_none_or(|separator| !rest.contains(separator))),
            Rule::Regex(regex) => regex.is_match(text),
        }
    }

    fn compile(pattern: &str, separator: Option<char>) -> Result<Self, GlobError> {
        let is_special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
        if !pattern.contains(is_special) {
            return Ok(Self { rule: Rule::Exact(pattern.into()) });
        }
        // Most patterns are texts or end with their only star, and need no regular expression.
        let prefix = |stars: &str, separator| {
            let head = pattern.strip_suffix(stars).filter(|head| !head.contains(is_special))?;
            Some(Self { rule: Rule::Prefix(head.into(), separator) })
        };
        if let Some(glob) = prefix("**", None).or_else(|| prefix("*", separator)) {
            return Ok(glob);
        }
        let fail = |reason: &str| GlobError { pattern: pattern.to_owned(), reason: reason.to_owned() };
        let text = translate(pattern, separator).map_err(fail)?;
        let regex = Regex::new(&text).map_err(|_| fail("a set of characters is not valid"))?;
        Ok(Self { rule: Rule::Regex(regex) })
    }
}

/// Matches a text against a glob without separators; a pattern that is no glob matches nothing.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    pattern == "*" || pattern == text || Glob::new(pattern).is_ok_and(|glob| glob.matches(text))
}

/// Matches a text against patterns that are globs, or regular expressions between slashes (`/^team-.*$/`). A pattern
/// that cannot be compiled matches nothing.
#[must_use]
pub fn matches_any<P: AsRef<str>>(patterns: &[P], text: &str) -> bool {
    patterns.iter().map(AsRef::as_ref).any(|pattern| {
        match pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) if !expression.is_empty() => {
                Regex::new(expression).is_ok_and(|regex| regex.is_match(text))
            }
            _ => matches(pattern, text),
        }
    })
}

/// Writes a glob as a regular expression.
fn translate(pattern: &str, separator: Option<char>) -> Result<String, &'static str> {
    let one = match separator {
        Some(separator) => format!("[^{}]", regex::escape(separator.encode_utf8(&mut [0; 4]))),
        None => ".".to_owned(),
    };
    let mut out = String::with_capacity(pattern.len() * 2 + 8);
    out.push_str(r"(?s)\A");
    let mut depth = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                if chars.next_if_eq(&'*').is_some() {
                    while chars.next_if_eq(&'*').is_some() {}
                    out.push_str(".*");
                } else {
                    out.push_str(&one);
                    out.push('*');
                }
            }
            '?' => out.push_str(&one),
            '\\' => push_literal(&mut out, chars.next().ok_or("it ends with a backslash")?),
            '[' => set(&mut out, &mut chars)?,
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            other => push_literal(&mut out, other),
        }
    }
    if depth > 0 {
        return Err("a brace is not closed");
    }
    out.push_str(r"\z");
    Ok(out)
}

/// Writes a set of characters, from after its opening bracket.
fn set(out: &mut String, chars: &mut impl Iterator<Item = char>) -> Result<(), &'static str> {
    out.push('[');
    let mut is_first = true;
    loop {
        match chars.next().ok_or("a bracket is not closed")? {
            '!' if is_first => {
                out.push('^');
                continue;
            }
            ']' if is_first => return Err("a set of characters is empty"),
            ']' => break,
            '-' if !is_first => out.push('-'),
            '\\' => push_literal(out, chars.next().ok_or("a bracket is not closed")?),
            other => push_literal(out, other),
        }
        is_first = false;
    }
    out.push(']');
    Ok(())
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_the_whole_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("team-*", "team-a/b", true),
            ("team-*", "tea", false),
            ("*-prod", "eu-prod", true),
            ("*-prod", "eu-prod-1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]x", "bx", true),
            ("[!ab]x", "bx", false),
            ("[a-c]x", "bx", true),
            ("{dev,prod}-*", "prod-1", true),
            ("{dev,prod}-*", "test-1", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("a.c", "abc", false),
            ("a,b", "a,b", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text), expected, "{pattern} {text}");
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_separator_stops_one_star_but_not_two() {
        for (pattern, text, expected) in [
            ("https://github.com/*", "https://github.com/org", true),
            ("https://github.com/*", "https://github.com/org/repo", false),
            ("https://github.com/**", "https://github.com/org/repo", true),
            ("https://github.com/*/repo", "https://github.com/org/repo", true),
            ("https://github.com/org?", "https://github.com/org/", false),
            ("**/repo", "https://github.com/org/repo", true),
            ("*", "a", true),
            ("*", "a/b", false),
        ] {
            assert_eq!(
                Glob::with_separator(pattern, '/').unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_pattern_that_is_no_glob_is_an_error_that_names_it_and_matches_nothing() {
        for pattern in ["[", "[]", "{a", "a\\", "[z-a]"] {
            let error = Glob::new(pattern).unwrap_err().to_string();
            assert!(error.contains(pattern), "{error}");
            assert!(!matches(pattern, "a"));
        }
    }

    #[test]
    fn a_pattern_between_slashes_is_a_regular_expression() {
        assert!(matches_any(&["/^team-(a|b)$/"], "team-b"));
        assert!(!matches_any(&["/^team-(a|b)$/"], "team-c"));
        assert!(matches_any(&["x", "team-*"], "team-c"));
        assert!(!matches_any(&["/(/"], "("));
        assert!(!matches_any::<&str>(&[], "a"));
    }

    #[test]
    fn a_hostile_pattern_takes_no_more_time_than_a_long_one() {
        let pattern = "*a".repeat(60);
        assert!(!Glob::new(&pattern).unwrap().matches(&"a".repeat(50)));
    }
}
