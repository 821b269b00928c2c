//! Label selectors as `kubectl -l` takes them.

use serde_json::Value;
use tiphys_wire::WireError;

/// Conditions on labels, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Condition>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    /// Also holds where there is no such label.
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Empty text selects everything.
    pub(super) fn parse(text: &str) -> Result<Self, WireError> {
        split(text)
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(condition)
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|part| {
                WireError::invalid_argument(format!(
                    "unable to parse requirement {part:?} of the selector {text:?}"
                ))
            })
    }

    /// Whether the labels (an object, or nothing) meet all conditions.
    pub(super) fn matches(&self, labels: Option<&Value>) -> bool {
        self.0.iter().all(|condition| {
            let value = labels.and_then(|labels| labels.get(&condition.key)).and_then(Value::as_str);
            let among =
                |values: &Vec<String>| value.is_some_and(|value| values.iter().any(|known| known == value));
            match &condition.test {
                Test::In(values) => among(values),
                Test::NotIn(values) => !among(values),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
            }
        })
    }
}

/// Splits at commas outside brackets.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut depth) = (0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts
}

fn condition(part: &str) -> Result<Condition, String> {
    let wrong = || part.to_owned();
    let made = |key: &str, test| {
        let key = key.trim();
        if is_key(key) { Ok(Condition { key: key.to_owned(), test }) } else { Err(wrong()) }
    };
    if let Some(key) = part.strip_prefix('!') {
        return made(key, Test::Absent);
    }
    if let Some((key, set)) = part.split_once(char::is_whitespace)
        && let Some((word, set)) = set.trim_start().split_once('(')
    {
        let values = set.trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match word.trim() {
            "in" => made(key, Test::In(values)),
            "notin" => made(key, Test::NotIn(values)),
            _ => Err(wrong()),
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = part.split_once("!=") {
        return made(key, Test::NotIn(one(value)));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return made(key, Test::In(one(value)));
    }
    made(part, Test::Exists)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_condition_is_understood() {
        let labels = json!({"team": "a", "env": "prod", "empty": ""});
        for (text, expected) in [
            ("", true),
            ("team=a", true),
            ("team==a,env=prod", true),
            ("team=b", false),
            ("team!=b", true),
            ("other!=b", true),
            ("env in (dev, prod)", true),
            ("env notin (dev,prod)", false),
            ("other notin (x),team", true),
            ("team", true),
            ("!other", true),
            ("!team", false),
            ("empty=", true),
            ("team=a,env in (dev)", false),
        ] {
            assert_eq!(Selector::parse(text).unwrap().matches(Some(&labels)), expected, "{text}");
        }
        assert!(!Selector::parse("a=b").unwrap().matches(None));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["=a", "a b", "a in b", "a in (b", "a of (b)", "!", "ä=1"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }
}
