//! Objects picked by `--resource`: `GROUP:KIND:NAME`, `GROUP:KIND:NAMESPACE/NAME`, with `!` in front to leave out.

use tiphys_api::application::SyncOperationResource;

use crate::error::CliError;

/// One `--resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourceSelector {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    is_excluded: bool,
}

impl ResourceSelector {
    /// Reads one.
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        let (is_excluded, resource) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let fields: Vec<&str> = resource.split(':').collect();
        let [group, kind, name] = fields[..] else {
            return Err(CliError::new(format!(
                "resource should have GROUP:KIND:NAME, but instead got: {resource}"
            )));
        };
        let (namespace, name) = match name.split_once('/') {
            None => ("", name),
            Some((_, rest)) if rest.contains('/') => {
                return Err(CliError::new(format!(
                    "resource with namespace should have GROUP:KIND:NAMESPACE/NAME, but instead got: {resource}"
                )));
            }
            Some(parts) => parts,
        };
        Ok(ResourceSelector {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            is_excluded,
        })
    }

    /// Reads all.
    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Self>, CliError> {
        texts.iter().map(|text| ResourceSelector::parse(text)).collect()
    }

    fn matches(&self, object: &SyncOperationResource) -> bool {
        let is = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        let is_in = self.namespace.is_empty() || is(&self.namespace, &object.namespace);
        is(&self.group, &object.group)
            && is(&self.kind, &object.kind)
            && is(&self.name, &object.name)
            && is_in
    }
}

/// Whether an object is picked: by any selector that is not an exclusion (or by default when there are only
/// exclusions), and left out by none.
pub(crate) fn includes(selectors: &[ResourceSelector], object: &SyncOperationResource) -> bool {
    let mut included = selectors.iter().all(|selector| selector.is_excluded);
    for selector in selectors {
        if selector.matches(object) {
            if selector.is_excluded {
                return false;
            }
            included = true;
        }
    }
    included
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(group: &str, kind: &str, namespace: &str, name: &str) -> SyncOperationResource {
        SyncOperationResource {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    // covers: SYN-068
    #[test]
    fn objects_are_picked_by_group_kind_and_name_with_wildcards_and_exclusions() {
        let web = object("apps", "Deployment", "n", "web");
        let service = object("", "Service", "n", "web");
        for (texts, picks_web, picks_service) in [
            (vec!["apps:Deployment:web"], true, false),
            (vec![":Service:web"], false, true),
            (vec!["*:*:web"], true, true),
            (vec!["apps:Deployment:n/web"], true, false),
            (vec!["apps:Deployment:m/web"], false, false),
            (vec!["!*:Service:*"], true, false),
            (vec!["*:*:*", "!apps:Deployment:web"], false, true),
            (vec![], true, true),
        ] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            let selectors = ResourceSelector::parse_all(&texts).unwrap();
            assert_eq!(includes(&selectors, &web), picks_web, "{texts:?}");
            assert_eq!(includes(&selectors, &service), picks_service, "{texts:?}");
        }
    }

    #[test]
    fn a_resource_of_another_shape_is_an_error_that_shows_it() {
        for text in ["Service:web", "a:b:c:d", "a:b:c/d/e"] {
            let error = ResourceSelector::parse(text).unwrap_err().to_string();
            assert!(error.ends_with(&format!("but instead got: {text}")), "{error}");
        }
    }
}
