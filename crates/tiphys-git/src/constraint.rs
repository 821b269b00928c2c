//! Semantic version constraints as Argo CD's users write them (`1.x`, `^2.1`, `>=1.2 <3`, `1.0 - 2.0 || 4.x`).
//!
//! The rules are those of the Go library Masterminds/semver v3, which Helm also uses. They differ from Cargo's:
//! a bare version means exactly that one, and a pre-release is only matched by a constraint that names one.

use semver::{BuildMetadata, Prerelease, Version};

/// Reads a version as leniently as tags are written: `v1`, `1.2`, `v1.2.3-rc.1+build`.
#[must_use]
pub fn version(text: &str) -> Option<Version> {
    let partial = Partial::parse(text)?;
    (partial.precision == Precision::Exact || !partial.wildcard).then_some(partial.version)
}

/// A set of versions.
#[derive(Clone, Debug)]
pub struct Constraint {
    alternatives: Vec<Vec<Comparator>>,
}

#[derive(Clone, Debug)]
struct Comparator {
    operator: Operator,
    partial: Partial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Which parts of a version were written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    /// Nothing but a wildcard.
    Any,
    Major,
    Minor,
    Exact,
}

#[derive(Clone, Debug)]
struct Partial {
    version: Version,
    precision: Precision,
    wildcard: bool,
}

impl Constraint {
    /// Reads a constraint; `None` when the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let alternatives: Option<Vec<_>> = text.split("||").map(conjunction).collect();
        Some(Self { alternatives: alternatives? })
    }

    /// Whether `version` is in the set.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| {
            let names_prerelease = all.iter().any(|one| !one.partial.version.pre.is_empty());
            (version.pre.is_empty() || names_prerelease) && all.iter().all(|one| one.matches(version))
        })
    }
}

fn conjunction(text: &str) -> Option<Vec<Comparator>> {
    let words: Vec<&str> = text.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let mut comparators = Vec::new();
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        if let [dash, upper, after @ ..] = after
            && *dash == "-"
        {
            comparators
                .push(Comparator { operator: Operator::GreaterOrEqual, partial: Partial::parse(word)? });
            comparators.push(Comparator { operator: Operator::LessOrEqual, partial: Partial::parse(upper)? });
            rest = after;
            continue;
        }
        let (operator, number) = operator_of(word);
        let (number, after) = match (number, after.split_first()) {
            ("", Some((next, after))) => (*next, after),
            _ => (number, after),
        };
        comparators.push(Comparator { operator, partial: Partial::parse(number)? });
        rest = after;
    }
    (!comparators.is_empty()).then_some(comparators)
}

fn operator_of(word: &str) -> (Operator, &str) {
    const OPERATORS: [(&str, Operator); 12] = [
        ("!=", Operator::NotEqual),
        (">=", Operator::GreaterOrEqual),
        ("=>", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("=<", Operator::LessOrEqual),
        ("~>", Operator::Tilde),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    OPERATORS
        .iter()
        .find_map(|(text, operator)| word.strip_prefix(text).map(|rest| (*operator, rest)))
        .unwrap_or((Operator::Equal, word))
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (text, pre) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
        let mut numbers = [0_u64; 3];
        let mut precision = Precision::Any;
        let mut wildcard = false;
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() > 3 {
            return None;
        }
        for ((part, number), reached) in
            parts.iter().zip(numbers.iter_mut()).zip([Precision::Major, Precision::Minor, Precision::Exact])
        {
            if matches!(*part, "x" | "X" | "*") {
                wildcard = true;
            } else if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            } else if !wildcard {
                *number = part.parse().ok()?;
                precision = reached;
            }
        }
        let [major, minor, patch] = numbers;
        let version = Version {
            major,
            minor,
            patch,
            pre: pre.map_or(Some(Prerelease::EMPTY), |pre| Prerelease::new(pre).ok())?,
            build: build.map_or(Some(BuildMetadata::EMPTY), |build| BuildMetadata::new(build).ok())?,
        };
        Some(Self { version, precision, wildcard })
    }
}

impl Comparator {
    fn matches(&self, version: &Version) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let bound = &self.partial.version;
        let precision = self.partial.precision;
        let order = version.cmp_precedence(bound);
        let same_written_parts = match precision {
            Precision::Any => true,
            Precision::Major => version.major == bound.major,
            Precision::Minor => (version.major, version.minor) == (bound.major, bound.minor),
            Precision::Exact => order == Equal,
        };
        match self.operator {
            Operator::Equal if precision == Precision::Exact => order == Equal,
            Operator::Equal => same_written_parts && order != Less,
            Operator::NotEqual => !same_written_parts,
            Operator::Greater => order == Greater && !(precision < Precision::Exact && same_written_parts),
            Operator::GreaterOrEqual => order != Less,
            Operator::Less => order == Less,
            Operator::LessOrEqual => order != Greater || (precision < Precision::Exact && same_written_parts),
            Operator::Tilde => {
                order != Less
                    && (precision == Precision::Any
                        || version.major == bound.major
                            && (precision == Precision::Major || version.minor == bound.minor))
            }
            Operator::Caret => order != Less && self.within_caret(version),
        }
    }

    fn within_caret(&self, version: &Version) -> bool {
        let bound = &self.partial.version;
        let precision = self.partial.precision;
        if precision == Precision::Any {
            return true;
        }
        if bound.major > 0 || precision == Precision::Major {
            return version.major == bound.major;
        }
        if bound.minor > 0 || precision == Precision::Minor {
            return (version.major, version.minor) == (bound.major, bound.minor);
        }
        (version.major, version.minor, version.patch) == (bound.major, bound.minor, bound.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(constraint: &str, text: &str) -> bool {
        Constraint::parse(constraint).unwrap().matches(&version(text).unwrap())
    }

    #[test]
    fn constraints_match_as_masterminds_semver_says() {
        let table = [
            ("1.2.3", "1.2.3", true),
            ("=1.2.3", "1.2.4", false),
            ("1.x", "1.9.9", true),
            ("1.X", "2.0.0", false),
            ("1.2.*", "1.2.7", true),
            ("1.2.*", "1.3.0", false),
            ("*", "0.0.1", true),
            ("*", "1.0.0-rc.1", false),
            ("*-0", "1.0.0", true),
            (">=1.2", "1.2.0", true),
            (">=1.2", "1.1.9", false),
            (">1.x", "1.9.0", false),
            (">1.x", "2.0.0", true),
            (">1.2", "1.2.9", false),
            ("<2", "1.9.9", true),
            ("<=1.x", "1.9.9", true),
            ("<=1.2.x", "1.3.0", false),
            ("!=1.2.x", "1.2.5", false),
            ("!=1.2.x", "1.3.5", true),
            ("~1.2.3", "1.2.9", true),
            ("~1.2.3", "1.3.0", false),
            ("~>1", "1.9.0", true),
            ("~1", "2.0.0", false),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "1.2.2", false),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^0.0.3", "0.0.3", true),
            ("^0.0.3", "0.0.4", false),
            ("^0.0", "0.0.9", true),
            ("^0", "0.9.0", true),
            (">=1.0, <2", "1.5.0", true),
            (">=1.0 <2", "2.0.0", false),
            (">= 1.0 < 2", "1.4.0", true),
            ("1.0 - 2.0", "1.7.0", true),
            ("1.0 - 2.0.0", "2.0.1", false),
            ("1.x || 3.x", "3.1.0", true),
            ("1.x || 3.x", "2.1.0", false),
            (">=1.0.0-0", "1.2.0-rc.1", true),
            (">=1.0.0", "1.2.0-rc.1", false),
            ("^1.0.0-beta", "1.0.0-rc.1", true),
        ];
        for (constraint, text, expected) in table {
            assert_eq!(holds(constraint, text), expected, "{constraint} on {text}");
        }
    }

    #[test]
    fn names_of_branches_are_no_constraints() {
        for text in ["main", "release/1.2", "HEAD", "1.2.3.4", "", "||", "feature-x", ">", "^main"] {
            assert!(Constraint::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn tags_are_read_leniently() {
        assert_eq!(version("v1.2"), Some(Version::new(1, 2, 0)));
        assert_eq!(version("3"), Some(Version::new(3, 0, 0)));
        assert_eq!(version("1.x"), None);
        assert_eq!(version("latest"), None);
        assert!(version("v1.0.0-rc.1+abc").is_some());
    }
}
