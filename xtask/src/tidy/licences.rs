//! Licences of what is linked: each must be one of those that `deny.toml` allows.
//!
//! cargo-deny checks the same, and more; this needs no program that may be missing.

use anyhow::{Context, Result};
use cargo_metadata::Metadata;

use super::Problem;

/// Checks all packages that are not ours.
pub(super) fn check(metadata: &Metadata, deny: &str) -> Result<Vec<Problem>> {
    let deny: toml::Table = deny.parse().context("failed to read deny.toml")?;
    let allowed: Vec<&str> = deny
        .get("licenses")
        .and_then(|licenses| licenses.get("allow"))
        .and_then(|allow| allow.as_array())
        .context("deny.toml lacks `licenses.allow`")?
        .iter()
        .filter_map(|licence| licence.as_str())
        .collect();
    let ours = metadata.workspace_packages();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        if ours.iter().any(|one| one.id == package.id) {
            continue;
        }
        let place = format!("Cargo.lock: {} {}", package.name, package.version);
        // Some state their licence in a file alone; what that says is clarified by hand.
        let stated = package.license.clone().or_else(|| clarified(&deny, &package.name));
        match &stated {
            Some(licence) if is_allowed(licence, &allowed) => {}
            Some(licence) => {
                problems.push(Problem::new(place, format!("`{licence}` is not allowed in deny.toml")));
            }
            None => problems.push(Problem::new(place, "states no licence")),
        }
    }
    Ok(problems)
}

/// The expression that `deny.toml` gives for a package.
fn clarified(deny: &toml::Table, package: &str) -> Option<String> {
    let all = deny.get("licenses")?.get("clarify")?.as_array()?;
    let of_package =
        all.iter().find(|one| one.get("crate").and_then(toml::Value::as_str) == Some(package))?;
    of_package.get("expression")?.as_str().map(str::to_owned)
}

/// Whether an SPDX expression can be satisfied with what is allowed. `/` is the old way to write `OR`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    any_of(&words, &mut position, allowed) && position == words.len()
}

fn any_of(words: &[&str], position: &mut usize, allowed: &[&str]) -> bool {
    let mut satisfied = all_of(words, position, allowed);
    while words.get(*position) == Some(&"OR") {
        *position += 1;
        satisfied |= all_of(words, position, allowed);
    }
    satisfied
}

fn all_of(words: &[&str], position: &mut usize, allowed: &[&str]) -> bool {
    let mut satisfied = one(words, position, allowed);
    while words.get(*position) == Some(&"AND") {
        *position += 1;
        satisfied &= one(words, position, allowed);
    }
    satisfied
}

fn one(words: &[&str], position: &mut usize, allowed: &[&str]) -> bool {
    let Some(word) = words.get(*position) else { return false };
    *position += 1;
    if *word == "(" {
        let satisfied = any_of(words, position, allowed);
        *position += 1;
        return satisfied;
    }
    let mut licence = (*word).to_owned();
    if words.get(*position) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*position + 1).copied().unwrap_or_default());
        *position += 2;
    }
    allowed.contains(&licence.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_read_as_spdx_means_it() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-2.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", ""] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }
}
