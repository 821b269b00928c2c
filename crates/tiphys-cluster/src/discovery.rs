//! Which kinds an API server serves: two requests where it can aggregate its discovery documents, else one
//! per group and version.
//!
//! A group that can't be read is reported as such and does not hide the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kube::client::APIGroupDiscoveryList;
use serde::Deserialize;
use tiphys_live::KindInfo;
use tiphys_manifest::{GroupKind, Gvk};

use crate::client::{ApiClient, Call};
use crate::error::ApiError;

/// Aggregated documents in either of their versions, else the documents of old API servers.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The version of an API server (`/version`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerVersion {
    /// For example `1`.
    pub major: String,
    /// For example `36`; providers add a `+`.
    pub minor: String,
    /// For example `v1.36.3`.
    pub git_version: String,
    /// For example `linux/amd64`.
    pub platform: String,
}

impl ServerVersion {
    /// `major.minor` without the signs that providers add, for example `1.36`.
    pub fn short(&self) -> String {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        format!("{}.{}", digits(&self.major), digits(&self.minor))
    }
}

/// What an API server serves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Discovered {
    pub(crate) kinds: Vec<KindInfo>,
    pub(crate) failed_groups: BTreeMap<Arc<str>, Arc<str>>,
    /// `group/version` and `group/version/Kind`, sorted.
    pub(crate) api_versions: Vec<String>,
}

/// Asks the API server for everything it serves.
pub(crate) async fn discover(client: &ApiClient) -> Result<Discovered, ApiError> {
    let mut collected = Collected::default();
    for root in ["/api", "/apis"] {
        let bytes = client.call(Call { accept: ACCEPT, ..Call::get(root) }).await?;
        let decode = |source| ApiError::Decode { request: format!("GET {root}"), source };
        let head: Head = serde_json::from_slice(&bytes).map_err(decode)?;
        if head.kind == "APIGroupDiscoveryList" {
            let list: APIGroupDiscoveryList = serde_json::from_slice(&bytes).map_err(decode)?;
            collected.aggregated(list);
        } else {
            collected.one_by_one(client, root, &head).await?;
        }
    }
    Ok(collected.finish())
}

/// Either the beginning of an aggregated document, or an old one.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<GroupVersion>,
    #[serde(default)]
    preferred_version: Option<GroupVersion>,
}

#[derive(Clone, Deserialize)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default)]
    namespaced: bool,
    kind: String,
    #[serde(default)]
    verbs: Vec<String>,
}

/// Kinds as they are found, version by version, the preferred one first.
#[derive(Default)]
struct Collected {
    order: Vec<GroupKind>,
    kinds: HashMap<GroupKind, KindInfo>,
    failed_groups: BTreeMap<Arc<str>, Arc<str>>,
    api_versions: BTreeSet<String>,
}

impl Collected {
    fn aggregated(&mut self, list: APIGroupDiscoveryList) {
        for group in list.items {
            let name: Arc<str> = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default().into();
            for version in group.versions {
                let Some(version_name) = version.version else { continue };
                if version.freshness.as_deref() == Some("Stale") {
                    self.fail(&name, &format!("the API service of version {version_name} does not answer"));
                }
                self.group_version(&name, &version_name);
                for resource in version.resources {
                    let (Some(plural), Some(response)) = (resource.resource, resource.response_kind) else {
                        continue;
                    };
                    let Some(kind) = response.kind.filter(|kind| !kind.is_empty()) else { continue };
                    let namespaced = resource.scope.as_deref() == Some("Namespaced");
                    self.add(
                        Gvk::new(name.clone(), &*version_name, kind),
                        plural,
                        namespaced,
                        &resource.verbs,
                    );
                }
            }
        }
    }

    async fn one_by_one(&mut self, client: &ApiClient, root: &str, head: &Head) -> Result<(), ApiError> {
        for version in &head.versions {
            self.resources(client, "", version, &format!("{root}/{version}")).await?;
        }
        for group in &head.groups {
            let preferred = group.preferred_version.iter().cloned();
            let others = group.versions.iter().cloned();
            let mut seen = BTreeSet::new();
            for version in preferred.chain(others).filter(|it| seen.insert(it.version.clone())) {
                let path = format!("{root}/{}/{}", group.name, version.version);
                match self.resources(client, &group.name, &version.version, &path).await {
                    Err(error) if error.is_transport() => return Err(error),
                    Err(error) => self.fail(&group.name.as_str().into(), &error.to_string()),
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    async fn resources(
        &mut self,
        client: &ApiClient,
        group: &str,
        version: &str,
        path: &str,
    ) -> Result<(), ApiError> {
        let list: ResourceList = client.json(Call::get(path)).await?;
        self.group_version(group, version);
        for resource in list.resources {
            if !resource.name.contains('/') {
                let gvk = Gvk::new(group, version, resource.kind);
                self.add(gvk, resource.name, resource.namespaced, &resource.verbs);
            }
        }
        Ok(())
    }

    fn fail(&mut self, group: &Arc<str>, reason: &str) {
        self.failed_groups.entry(group.clone()).or_insert_with(|| reason.into());
    }

    fn group_version(&mut self, group: &str, version: &str) {
        self.api_versions.insert(api_version(group, version));
    }

    fn add(&mut self, gvk: Gvk, plural: String, namespaced: bool, verbs: &[String]) {
        self.api_versions.insert(format!("{}/{}", api_version(&gvk.group, &gvk.version), gvk.kind));
        let verbs: Arc<[Arc<str>]> = verbs.iter().map(|verb| Arc::from(verb.as_str())).collect();
        let kind = gvk.group_kind();
        let info = KindInfo {
            versions: Arc::new([gvk.version.clone()]),
            gvk,
            plural: plural.into(),
            namespaced,
            verbs,
        };
        match self.kinds.get_mut(&kind) {
            None => {
                self.order.push(kind.clone());
                self.kinds.insert(kind, info);
            }
            // The same version again is another resource that answers with this kind, such as a review: the
            // one that can be watched is the object.
            Some(known) if known.gvk.version == info.gvk.version => {
                if info.is_watchable() && !known.is_watchable() {
                    *known = info;
                }
            }
            Some(known) => {
                let mut versions: Vec<Arc<str>> = known.versions.to_vec();
                versions.push(info.gvk.version.clone());
                // A preferred version that can't be watched gives way to one that can.
                if info.is_watchable() && !known.is_watchable() {
                    *known = info;
                }
                known.versions = versions.into();
            }
        }
    }

    fn finish(mut self) -> Discovered {
        let kinds = self.order.iter().filter_map(|kind| self.kinds.remove(kind)).collect();
        Discovered {
            kinds,
            failed_groups: self.failed_groups,
            api_versions: self.api_versions.into_iter().collect(),
        }
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn aggregated(document: serde_json::Value) -> Discovered {
        let mut collected = Collected::default();
        collected.aggregated(serde_json::from_value(document).unwrap());
        collected.finish()
    }

    fn resource(name: &str, kind: &str, verbs: &[&str]) -> serde_json::Value {
        json!({"resource": name, "responseKind": {"group": "", "version": "", "kind": kind}, "scope": "Namespaced", "verbs": verbs})
    }

    #[test]
    fn the_first_version_is_preferred_and_all_are_known() {
        let found = aggregated(json!({"items": [{"metadata": {"name": "autoscaling"}, "versions": [
            {"version": "v2", "freshness": "Current", "resources": [resource("hpas", "HPA", &["list", "watch"])]},
            {"version": "v1", "freshness": "Current", "resources": [resource("hpas", "HPA", &["list", "watch"])]}
        ]}]}));
        let kind = found.kinds.first().unwrap();
        assert_eq!(kind.gvk.to_string(), "autoscaling/v2/HPA");
        assert!(kind.serves("v1") && kind.serves("v2") && kind.namespaced);
        assert_eq!(
            found.api_versions,
            ["autoscaling/v1", "autoscaling/v1/HPA", "autoscaling/v2", "autoscaling/v2/HPA"]
        );
    }

    #[test]
    fn a_stale_version_makes_its_group_unknown_and_no_other() {
        let found = aggregated(json!({"items": [
            {"metadata": {"name": "a.example.org"}, "versions": [{"version": "v1", "freshness": "Stale", "resources": []}]},
            {"metadata": {"name": "b.example.org"}, "versions": [{"version": "v1", "freshness": "Current",
                "resources": [resource("bs", "B", &["list", "watch"])]}]}
        ]}));
        assert_eq!(found.failed_groups.keys().map(|name| &**name).collect::<Vec<_>>(), ["a.example.org"]);
        assert_eq!(found.kinds.len(), 1);
    }

    #[test]
    fn a_resource_that_only_answers_with_a_kind_does_not_hide_the_objects() {
        let found = aggregated(
            json!({"items": [{"metadata": {"name": "g"}, "versions": [{"version": "v1", "resources": [
                resource("processedthings", "Thing", &["create"]),
                resource("things", "Thing", &["list", "watch"])
            ]}]}]}),
        );
        assert_eq!(found.kinds.first().map(|kind| &*kind.plural), Some("things"));
    }

    #[test]
    fn the_short_version_has_no_signs_of_providers() {
        let version = ServerVersion { major: "1".into(), minor: "34+".into(), ..ServerVersion::default() };
        assert_eq!(version.short(), "1.34");
    }
}
