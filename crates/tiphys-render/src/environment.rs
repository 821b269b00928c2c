//! The build environment: variables that sources may use in their parameters.

use std::collections::BTreeMap;

use crate::inputs::Inputs;

/// Names and values, as documented for Argo CD's build environment.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    values: BTreeMap<&'static str, String>,
}

impl Environment {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        let revision = inputs.commit.id().to_string();
        let short = |digits: usize| revision.chars().take(digits).collect::<String>();
        let values = [
            ("ARGOCD_APP_NAME", inputs.app_instance_name.clone()),
            ("ARGOCD_APP_NAMESPACE", inputs.namespace.clone()),
            ("ARGOCD_APP_PROJECT_NAME", inputs.project.clone()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_REVISION", revision),
            ("ARGOCD_APP_SOURCE_PATH", inputs.source.path.clone()),
            ("ARGOCD_APP_SOURCE_REPO_URL", inputs.source.repo_url.clone()),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", inputs.source.target_revision.clone()),
            ("KUBE_VERSION", inputs.kube_version.clone()),
            ("KUBE_API_VERSIONS", inputs.api_versions.join(",")),
        ];
        Self { values: values.into_iter().collect() }
    }

    /// Whether there is a variable of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Replaces `$NAME` and `${NAME}`; an unknown name becomes nothing, `$$` a dollar sign.
    ///
    /// The corner cases are those of Go's `os.Expand`, which users of the reference have come to rely on.
    pub(crate) fn substitute(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            result.push_str(before);
            rest = match reference(after) {
                Reference::Name(name, rest) => {
                    if name == "$" {
                        result.push('$');
                    } else if let Some(value) = self.values.get(name) {
                        result.push_str(value);
                    }
                    rest
                }
                Reference::Invalid(rest) => rest,
                Reference::None => {
                    result.push('$');
                    after
                }
            };
        }
        result.push_str(rest);
        result
    }
}

enum Reference<'a> {
    /// A name, and what follows it.
    Name(&'a str, &'a str),
    /// Something that looks like a reference and is none; it is dropped.
    Invalid(&'a str),
    /// An ordinary dollar sign.
    None,
}

fn reference(after_dollar: &str) -> Reference<'_> {
    let Some(first) = after_dollar.chars().next() else { return Reference::None };
    if first == '{' {
        let inner = after_dollar.get(1..).unwrap_or_default();
        return match inner.split_once('}') {
            Some(("", rest)) => Reference::Invalid(rest),
            Some((name, rest)) => Reference::Name(name, rest),
            None => Reference::Invalid(inner),
        };
    }
    if "*#$@!?-".contains(first) || first.is_ascii_digit() {
        let (name, rest) = after_dollar.split_at(first.len_utf8());
        return Reference::Name(name, rest);
    }
    let end =
        after_dollar.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(after_dollar.len());
    if end == 0 { Reference::None } else { Reference::Name(&after_dollar[..end], &after_dollar[end..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: TOOL-008
    #[test]
    fn names_are_replaced_and_everything_else_is_left_as_go_leaves_it() {
        let values = [("ARGOCD_APP_NAME", "web".to_owned()), ("KUBE_VERSION", "1.31".to_owned())];
        let environment = Environment { values: values.into_iter().collect() };
        let table = [
            ("$ARGOCD_APP_NAME-x", "web-x"),
            ("a${ARGOCD_APP_NAME}b", "awebb"),
            ("$$HOME", "$HOME"),
            ("$HOME!", "!"),
            ("${HOME}", ""),
            ("costs 5$", "costs 5$"),
            ("$ x", "$ x"),
            ("${}", ""),
            ("${open", "open"),
            ("$1x", "x"),
            ("é$KUBE_VERSIONé", "é1.31é"),
            ("$KUBE_VERSION$ARGOCD_APP_NAME", "1.31web"),
        ];
        for (text, expected) in table {
            assert_eq!(environment.substitute(text), expected, "{text}");
        }
    }
}
