//! Paths of the Kubernetes API. Every part that comes from outside is escaped, so that a name can't leave its
//! place.

use std::fmt::Write;

/// What is addressed: a kind in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, for example `v1`.
    pub version: String,
    /// Name of the kind in paths, for example `configmaps`.
    pub plural: String,
    /// Kind, for example `ConfigMap`.
    pub kind: String,
    /// Objects live in namespaces.
    pub namespaced: bool,
}

impl ResourceType {
    /// A kind whose objects live in namespaces.
    pub fn namespaced(group: &str, version: &str, plural: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            kind: kind.to_owned(),
            namespaced: true,
        }
    }

    /// A kind whose objects belong to no namespace.
    pub fn cluster_scoped(group: &str, version: &str, plural: &str, kind: &str) -> Self {
        Self { namespaced: false, ..Self::namespaced(group, version, plural, kind) }
    }

    /// Core Secrets.
    pub fn secrets() -> Self {
        Self::namespaced("", "v1", "secrets", "Secret")
    }

    /// Core ConfigMaps.
    pub fn config_maps() -> Self {
        Self::namespaced("", "v1", "configmaps", "ConfigMap")
    }

    /// Core Events.
    pub fn events() -> Self {
        Self::namespaced("", "v1", "events", "Event")
    }

    /// Applications.
    pub fn applications() -> Self {
        Self::namespaced("argoproj.io", "v1alpha1", "applications", "Application")
    }

    /// AppProjects.
    pub fn app_projects() -> Self {
        Self::namespaced("argoproj.io", "v1alpha1", "appprojects", "AppProject")
    }

    /// ApplicationSets.
    pub fn application_sets() -> Self {
        Self::namespaced("argoproj.io", "v1alpha1", "applicationsets", "ApplicationSet")
    }

    /// Path of the collection: in a namespace, or of all namespaces when `namespace` is empty.
    pub fn collection(&self, namespace: &str) -> String {
        let mut path = if self.group.is_empty() { "/api/".to_owned() } else { "/apis/".to_owned() };
        if !self.group.is_empty() {
            escape(&self.group, &mut path);
            path.push('/');
        }
        escape(&self.version, &mut path);
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            escape(namespace, &mut path);
        }
        path.push('/');
        escape(&self.plural, &mut path);
        path
    }

    /// Path of one object.
    pub fn object(&self, namespace: &str, name: &str) -> String {
        let mut path = self.collection(namespace);
        path.push('/');
        escape(name, &mut path);
        path
    }
}

/// Adds `key=value` to a path, escaped.
pub(crate) fn query(path: &mut String, key: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(key);
    path.push('=');
    escape(value, path);
}

/// RFC 3986: what is not unreserved is written as bytes. A part of dots alone would be taken for a folder.
fn escape(text: &str, out: &mut String) {
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    for byte in text.bytes() {
        if (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || byte == b'.')
            && !(dots && byte == b'.')
        {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_kubernetes_api() {
        assert_eq!(ResourceType::secrets().object("a", "b"), "/api/v1/namespaces/a/secrets/b");
        assert_eq!(ResourceType::applications().collection(""), "/apis/argoproj.io/v1alpha1/applications");
        let role =
            ResourceType::cluster_scoped("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole");
        assert_eq!(
            role.object("ignored", "system:node"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"
        );
    }

    #[test]
    fn a_name_can_not_leave_its_place() {
        let path = ResourceType::secrets().object("a/../b", "..");
        assert_eq!(path, "/api/v1/namespaces/a%2F..%2Fb/secrets/%2E%2E");
    }

    #[test]
    fn a_query_is_escaped() {
        let mut path = "/api".to_owned();
        query(&mut path, "labelSelector", "a in (b,c)");
        query(&mut path, "limit", "5");
        assert_eq!(path, "/api?labelSelector=a%20in%20%28b%2Cc%29&limit=5");
    }
}
