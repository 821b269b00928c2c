//! The limits of one project, compiled: sources, destinations, kinds and namespaces of applications.

use tiphys_api::cluster::Cluster;
use tiphys_api::project::{AppProjectSpec, SyncWindow};
use tiphys_api::{AppProject, Application};
use tiphys_settings::glob::{self, Glob};
use tiphys_settings::{Settings, normalise_url};

use crate::sync_window::SyncWindows;

/// A cluster as a project sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destination<'a> {
    /// Address of the cluster.
    pub server: &'a str,
    /// Name of the cluster; may be empty.
    pub name: &'a str,
}

impl<'a> From<&'a Cluster> for Destination<'a> {
    fn from(cluster: &'a Cluster) -> Self {
        Self { server: &cluster.server, name: &cluster.name }
    }
}

/// The limits of one project.
#[derive(Clone, Debug)]
pub struct Project {
    name: String,
    sources: Vec<Pattern>,
    destinations: Vec<DestinationRule>,
    /// Address and name of clusters that are registered for the project; `None` where any cluster may be used.
    only_clusters: Option<Vec<(String, String)>>,
    cluster_whitelist: Vec<KindRule>,
    cluster_blacklist: Vec<KindRule>,
    /// `None` permits every kind, an empty list none.
    namespace_whitelist: Option<Vec<KindRule>>,
    namespace_blacklist: Vec<KindRule>,
    source_namespaces: Vec<String>,
    sync_windows: Vec<SyncWindow>,
    asks_for_signatures: bool,
}

/// A glob that permits, or with `!` in front denies.
#[derive(Clone, Debug)]
struct Pattern {
    /// `None` for a pattern that is no glob; it matches nothing.
    glob: Option<Glob>,
    denies: bool,
}

impl Pattern {
    fn new(pattern: &str, compile: impl Fn(&str) -> Option<Glob>) -> Self {
        match pattern.strip_prefix('!') {
            Some(denied) => Self { glob: compile(denied), denies: true },
            None => Self { glob: compile(pattern), denies: false },
        }
    }

    fn names(&self, text: &str) -> bool {
        self.glob.as_ref().is_some_and(|glob| glob.matches(text))
    }

    /// What is named by a permitting pattern, and what is not named by a denying one.
    fn permits(&self, text: &str) -> bool {
        self.names(text) != self.denies
    }
}

#[derive(Clone, Debug)]
struct DestinationRule {
    server: Pattern,
    name: Pattern,
    namespace: Pattern,
}

#[derive(Clone, Debug)]
struct KindRule {
    group: Option<Glob>,
    kind: Option<Glob>,
    /// `None` for all names.
    name: Option<Pattern>,
}

impl KindRule {
    fn new(group: &str, kind: &str, name: &str) -> Self {
        let compile = |pattern: &str| Glob::with_separator(pattern, '/').ok();
        let name = (!name.is_empty()).then(|| Pattern { glob: compile(name), denies: false });
        Self { group: compile(group), kind: compile(kind), name }
    }

    fn matches(&self, group: &str, kind: &str, name: &str) -> bool {
        self.kind.as_ref().is_some_and(|glob| glob.matches(kind))
            && self.group.as_ref().is_some_and(|glob| glob.matches(group))
            && self.name.as_ref().is_none_or(|pattern| pattern.names(name))
    }
}

/// `*` alone matches everything; anywhere else it stops at a slash.
fn url_glob(pattern: &str) -> Option<Glob> {
    let pattern = normalise_url(pattern);
    if pattern == "*" { Glob::new("*").ok() } else { Glob::with_separator(&pattern, '/').ok() }
}

/// Keys without policies are for all repositories; a policy of mode `none` asks for nothing.
fn asks_for_signatures(spec: &AppProjectSpec) -> bool {
    let policies =
        spec.source_integrity.iter().flat_map(|integrity| &integrity.git).flat_map(|git| &git.policies);
    !spec.signature_keys.is_empty()
        || policies.filter_map(|policy| policy.gpg.as_ref()).any(|gpg| gpg.mode != "none")
}

impl Project {
    /// Compiles a project that already holds what global projects add ([`crate::virtual_project`]). Clusters and
    /// repositories that are registered for the project are permitted besides its own lists.
    #[must_use]
    pub fn new(project: &AppProject, settings: &Settings) -> Self {
        let spec = &project.spec;
        let name = project.metadata.name.clone();
        let mut sources: Vec<Pattern> =
            spec.source_repos.iter().map(|pattern| Pattern::new(pattern, url_glob)).collect();
        sources.extend(settings.repositories.of_project(&name).map(|repository| {
            // The URL of a repository is a text, whatever characters it holds.
            let url = normalise_url(&repository.repo);
            let escaped: String = url
                .chars()
                .flat_map(|c| {
                    matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\')
                        .then_some('\\')
                        .into_iter()
                        .chain([c])
                })
                .collect();
            Pattern { glob: Glob::with_separator(&escaped, '/').ok(), denies: false }
        }));
        let compile = |pattern: &str| Glob::new(pattern).ok();
        let rule = |server: &str, name: &str, namespace: &str| DestinationRule {
            server: Pattern::new(server, compile),
            name: Pattern::new(name, compile),
            namespace: Pattern::new(namespace, compile),
        };
        let mut destinations: Vec<DestinationRule> =
            spec.destinations.iter().map(|item| rule(&item.server, &item.name, &item.namespace)).collect();
        for cluster in settings.clusters.of_project(&name) {
            if cluster.namespaces.is_empty() {
                destinations.push(rule(&cluster.server, "", "*"));
            }
            destinations
                .extend(cluster.namespaces.iter().map(|namespace| rule(&cluster.server, "", namespace)));
        }
        let only_clusters = spec.permit_only_project_scoped_clusters.then(|| {
            settings
                .clusters
                .of_project(&name)
                .map(|cluster| (cluster.server.clone(), cluster.name.clone()))
                .collect()
        });
        let kinds = |list: &[tiphys_api::project::GroupKind]| {
            list.iter().map(|item| KindRule::new(&item.group, &item.kind, "")).collect()
        };
        let named = |list: &[tiphys_api::project::ClusterResourceRestrictionItem]| {
            list.iter().map(|item| KindRule::new(&item.group, &item.kind, &item.name)).collect()
        };
        Self {
            sources,
            destinations,
            only_clusters,
            cluster_whitelist: named(&spec.cluster_resource_whitelist),
            cluster_blacklist: named(&spec.cluster_resource_blacklist),
            namespace_whitelist: spec.namespace_resource_whitelist.as_deref().map(kinds),
            namespace_blacklist: kinds(&spec.namespace_resource_blacklist),
            source_namespaces: spec.source_namespaces.clone(),
            sync_windows: spec.sync_windows.clone(),
            asks_for_signatures: asks_for_signatures(spec),
            name,
        }
    }

    /// Name of the project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether commits of some repository have to be signed (`signatureKeys`, `sourceIntegrity`).
    #[must_use]
    pub fn asks_for_signatures(&self) -> bool {
        self.asks_for_signatures
    }

    /// Whether applications may use the repository. A pattern that denies it wins over all that permit it; without
    /// any pattern nothing is permitted.
    #[must_use]
    pub fn permits_source(&self, url: &str) -> bool {
        let url = normalise_url(url);
        if self.sources.iter().any(|pattern| pattern.denies && pattern.names(&url)) {
            return false;
        }
        self.sources.iter().any(|pattern| pattern.permits(&url))
    }

    /// Whether applications may deploy into the namespace of the cluster. A destination that denies it wins.
    #[must_use]
    pub fn permits_destination(&self, cluster: Destination<'_>, namespace: &str) -> bool {
        let mut is_permitted = false;
        for rule in &self.destinations {
            let server = !cluster.server.is_empty() && rule.server.permits(cluster.server);
            let name = !cluster.name.is_empty() && rule.name.permits(cluster.name);
            let in_namespace = rule.namespace.permits(namespace);
            if (server || name) && in_namespace {
                is_permitted = true;
            } else if !name && rule.name.denies
                || !server && rule.server.denies && in_namespace
                || !in_namespace && rule.namespace.denies && (server || name)
            {
                return false;
            }
        }
        is_permitted
            && self.only_clusters.as_ref().is_none_or(|only| {
                only.iter().any(|(server, name)| {
                    server == cluster.server || !cluster.name.is_empty() && name == cluster.name
                })
            })
    }

    /// Whether applications may manage objects of a kind. The name matters for cluster-scoped kinds only.
    #[must_use]
    pub fn permits_kind(&self, group: &str, kind: &str, name: &str, namespaced: bool) -> bool {
        let listed = |rules: &[KindRule]| rules.iter().any(|rule| rule.matches(group, kind, name));
        if namespaced {
            self.namespace_whitelist.as_deref().is_none_or(listed) && !listed(&self.namespace_blacklist)
        } else {
            listed(&self.cluster_whitelist) && !listed(&self.cluster_blacklist)
        }
    }

    /// Whether applications may manage, and see, one object: its kind is permitted and, in a namespace, the namespace as
    /// a destination.
    #[must_use]
    pub fn permits_resource(
        &self,
        cluster: Destination<'_>,
        group: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> bool {
        self.permits_kind(group, kind, name, !namespace.is_empty())
            && (namespace.is_empty() || self.permits_destination(cluster, namespace))
    }

    /// The windows that say when an application may be synced, global projects' included.
    #[must_use]
    pub fn sync_windows(&self, app: &Application) -> SyncWindows {
        SyncWindows::matching(&self.sync_windows, app)
    }

    /// Whether applications may live in the namespace. The control plane's own is always permitted.
    #[must_use]
    pub fn permits_application_namespace(&self, namespace: &str, control_namespace: &str) -> bool {
        namespace.is_empty()
            || namespace == control_namespace
            || glob::matches_any(&self.source_namespaces, namespace)
    }
}

#[cfg(test)]
mod tests;
