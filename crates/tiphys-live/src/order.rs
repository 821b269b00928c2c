//! The order of resourceVersions.
//!
//! Kubernetes documents them since 1.35 as decimal numbers that grow within a resource type; older API
//! servers behaved so. What is not a number can only be tested for equality.

use std::cmp::Ordering;

/// Orders two resourceVersions; `None` when they differ and can't be ordered.
pub fn compare_versions(one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => Some(one.cmp(&other)),
        _ => None,
    }
}

/// `one` is known to be older than `other`.
pub(crate) fn is_older(one: &str, other: &str) -> bool {
    compare_versions(one, other) == Some(Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers_and_otherwise_only_equal() {
        assert_eq!(compare_versions("9", "10"), Some(Ordering::Less));
        assert_eq!(compare_versions("a", "a"), Some(Ordering::Equal));
        assert_eq!(compare_versions("a", "b"), None);
        assert_eq!(compare_versions("10", ""), None);
    }
}
