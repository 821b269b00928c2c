//! Files that no module includes: Rust never compiles them and says nothing.

use super::{Problem, Sources};

pub(super) fn check(sources: &Sources) -> Vec<Problem> {
    let mut problems = Vec::new();
    for path in sources.keys().filter(|path| path.ends_with(".rs")) {
        if let Some((package, name)) = path.split_once("/tests/")
            && !name.contains('/')
            && name != "it.rs"
            && !package.contains("/src")
        {
            problems
                .push(Problem::new(path, "belongs into tests/it/: a crate has one integration test binary"));
            continue;
        }
        let Some(parents) = parents(path) else { continue };
        let included = parents
            .iter()
            .any(|(parent, module)| sources.get(parent).is_some_and(|text| includes(text, module)));
        if !included {
            let (parent, module) = parents.first().map_or(("", ""), |(parent, module)| (parent, module));
            problems
                .push(Problem::new(path, format!("is compiled nowhere: {parent} has no `mod {module};`")));
        }
    }
    problems
}

/// Files that may include this one, each with the module's name there; nothing for the root of a crate.
fn parents(path: &str) -> Option<Vec<(String, String)>> {
    let (folder, file) = path.rsplit_once('/')?;
    let module = file.strip_suffix(".rs")?.to_owned();
    let in_tests = path.contains("/tests/it");
    if folder.ends_with("/src") {
        if module == "lib" || module == "main" {
            return None;
        }
        return Some(vec![
            (format!("{folder}/lib.rs"), module.clone()),
            (format!("{folder}/main.rs"), module),
        ]);
    }
    if in_tests && folder.ends_with("/tests") {
        return None;
    }
    if !(path.contains("/src/") || in_tests) || folder.ends_with("/src/bin") {
        return None;
    }
    Some(vec![(format!("{folder}.rs"), module)])
}

fn includes(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        let declared = line.strip_prefix("pub ").unwrap_or(line);
        let declared = match declared.strip_prefix("pub(") {
            Some(rest) => rest.split_once(") ").map_or(declared, |(_, rest)| rest),
            None => declared,
        };
        declared.strip_prefix("mod ").is_some_and(|name| name.trim_end_matches(';').trim() == module)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_file_that_nobody_includes_is_found() {
        let found = check(&sources(&[
            ("crates/x/src/lib.rs", "pub(crate) mod kept;\nmod deep;\n"),
            ("crates/x/src/kept.rs", ""),
            ("crates/x/src/deep.rs", "mod inner;"),
            ("crates/x/src/deep/inner.rs", ""),
            ("crates/x/src/lost.rs", ""),
            ("crates/x/tests/it.rs", "#[path = \"it/a.rs\"]\nmod a;"),
            ("crates/x/tests/it/a.rs", ""),
            ("crates/x/tests/it/b.rs", ""),
            ("crates/x/tests/alone.rs", ""),
        ]));
        let places: Vec<_> = found.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["crates/x/src/lost.rs", "crates/x/tests/alone.rs", "crates/x/tests/it/b.rs"]);
    }
}
