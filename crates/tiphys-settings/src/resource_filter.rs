//! Which kinds are watched and managed: `resource.exclusions` and `resource.inclusions`.

use serde::Deserialize;

use crate::glob::Glob;
use crate::reading::Reader;

/// Kinds in some clusters; an empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRule {
    /// Globs of API groups; empty text is the core group.
    pub api_groups: Vec<String>,
    /// Kinds, or `*`.
    pub kinds: Vec<String>,
    /// Globs of cluster addresses.
    pub clusters: Vec<String>,
}

/// A rule with its globs compiled.
#[derive(Clone, Debug)]
struct Compiled {
    api_groups: Vec<Glob>,
    kinds: Vec<String>,
    clusters: Vec<Glob>,
    all_groups: bool,
    all_clusters: bool,
}

impl Compiled {
    /// A glob that cannot be compiled matches nothing, so a rule that has only such ones is never met.
    fn new(rule: &ResourceRule) -> Self {
        let globs = |patterns: &[String]| patterns.iter().filter_map(|glob| Glob::new(glob).ok()).collect();
        Self {
            api_groups: globs(&rule.api_groups),
            kinds: rule.kinds.clone(),
            clusters: globs(&rule.clusters),
            all_groups: rule.api_groups.is_empty(),
            all_clusters: rule.clusters.is_empty(),
        }
    }

    fn is_for_cluster(&self, server: &str) -> bool {
        self.all_clusters || self.clusters.iter().any(|glob| glob.matches(server))
    }

    fn matches(&self, group: &str, kind: &str, server: &str) -> bool {
        (self.kinds.is_empty() || self.kinds.iter().any(|known| known == "*" || known == kind))
            && (self.all_groups || self.api_groups.iter().any(|glob| glob.matches(group)))
            && self.is_for_cluster(server)
    }
}

/// Which kinds are watched and managed.
#[derive(Clone, Debug)]
pub struct ResourceFilter {
    exclusions: Vec<Compiled>,
    inclusions: Vec<Compiled>,
}

impl Default for ResourceFilter {
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

impl ResourceFilter {
    /// A filter of these rules and of the kinds that nobody manages and that change all the time: events, metrics
    /// and leases.
    #[must_use]
    pub fn new(exclusions: &[ResourceRule], inclusions: &[ResourceRule]) -> Self {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let always = [
            ResourceRule {
                api_groups: texts(&["events.k8s.io", "metrics.k8s.io"]),
                ..ResourceRule::default()
            },
            ResourceRule { api_groups: texts(&[""]), kinds: texts(&["Event"]), clusters: Vec::new() },
            ResourceRule {
                api_groups: texts(&["coordination.k8s.io"]),
                kinds: texts(&["Lease"]),
                clusters: Vec::new(),
            },
        ];
        Self {
            exclusions: always.iter().chain(exclusions).map(Compiled::new).collect(),
            inclusions: inclusions.iter().map(Compiled::new).collect(),
        }
    }

    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        let mut rules = |key: &str| -> Vec<ResourceRule> {
            let rules: Vec<ResourceRule> = cm.yaml(key).unwrap_or_default();
            for pattern in rules.iter().flat_map(|rule| rule.api_groups.iter().chain(&rule.clusters)) {
                if let Err(error) = Glob::new(pattern) {
                    cm.problem(key, format!("{error}; it matches nothing"));
                }
            }
            rules
        };
        let exclusions = rules("resource.exclusions");
        let inclusions = rules("resource.inclusions");
        Self::new(&exclusions, &inclusions)
    }

    /// Whether a kind is left out in the cluster with this address. An exclusion wins over an inclusion; where there
    /// are inclusions for a cluster, everything else is left out.
    #[must_use]
    pub fn is_excluded(&self, group: &str, kind: &str, server: &str) -> bool {
        let meets = |rules: &[Compiled]| rules.iter().any(|rule| rule.matches(group, kind, server));
        meets(&self.exclusions)
            || !meets(&self.inclusions) && self.inclusions.iter().any(|rule| rule.is_for_cluster(server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://kubernetes.default.svc";

    fn rule(groups: &[&str], kinds: &[&str], clusters: &[&str]) -> ResourceRule {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        ResourceRule { api_groups: texts(groups), kinds: texts(kinds), clusters: texts(clusters) }
    }

    // covers: TRK-011
    #[test]
    fn an_exclusion_beats_an_inclusion_and_inclusions_leave_out_the_rest() {
        let apps = rule(&["apps"], &["*"], &[]);
        let deployments = rule(&["app*"], &["Deployment"], &[]);
        let elsewhere = rule(&[], &["Secret"], &["https://other*"]);
        for (exclusions, inclusions, kind, expected) in [
            (vec![], vec![], ("apps", "Deployment"), false),
            (vec![deployments.clone()], vec![], ("apps", "Deployment"), true),
            (vec![deployments.clone()], vec![], ("apps", "StatefulSet"), false),
            (vec![deployments.clone()], vec![apps.clone()], ("apps", "Deployment"), true),
            (vec![deployments], vec![apps.clone()], ("apps", "StatefulSet"), false),
            (vec![], vec![apps.clone()], ("", "Service"), true),
            (vec![elsewhere.clone()], vec![], ("", "Secret"), false),
            (vec![], vec![elsewhere], ("", "Service"), false),
            (vec![], vec![apps], ("metrics.k8s.io", "PodMetrics"), true),
            (vec![], vec![], ("events.k8s.io", "Event"), true),
            (vec![], vec![], ("", "Event"), true),
            (vec![], vec![], ("coordination.k8s.io", "Lease"), true),
            (vec![], vec![], ("", "Pod"), false),
        ] {
            let filter = ResourceFilter::new(&exclusions, &inclusions);
            assert_eq!(
                filter.is_excluded(kind.0, kind.1, SERVER),
                expected,
                "{exclusions:?} {inclusions:?} {kind:?}"
            );
        }
    }

    #[test]
    fn a_glob_of_an_exclusion_that_is_broken_matches_nothing() {
        let filter = ResourceFilter::new(&[rule(&["["], &[], &[])], &[]);
        assert!(!filter.is_excluded("apps", "Deployment", SERVER));
    }
}
