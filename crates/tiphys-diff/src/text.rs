//! A difference as text, for terminals.

use similar::TextDiff;

/// A unified diff from `live` to `desired`, both YAML, with three lines of context; empty when they are the same.
pub fn unified(desired_yaml: &str, live_yaml: &str) -> String {
    if desired_yaml == live_yaml {
        return String::new();
    }
    TextDiff::from_lines(live_yaml, desired_yaml)
        .unified_diff()
        .context_radius(3)
        .header("live", "desired")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_its_surroundings() {
        let text = unified("a: 1\nb: 2\n", "a: 1\nb: 3\n");
        assert!(text.contains("-b: 3\n+b: 2\n"), "{text}");
        assert!(text.starts_with("--- live\n+++ desired\n"), "{text}");
        assert_eq!(unified("a\n", "a\n"), "");
    }
}
