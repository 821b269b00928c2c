//! What names an object: group, version, kind, namespace and name.
//!
//! Knows the spelling of `apiVersion` and the textual form of a key. Leaves to others whether such a kind exists.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// An API group and a kind, without a version: what stays the same when an object is read in another version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: Arc<str>,
    /// The kind, as in `kind:`.
    pub kind: Arc<str>,
}

impl GroupKind {
    /// A group (empty for core) and a kind.
    pub fn new(group: impl Into<Arc<str>>, kind: impl Into<Arc<str>>) -> Self {
        GroupKind { group: group.into(), kind: kind.into() }
    }
}

impl fmt::Display for GroupKind {
    /// `apps/Deployment`; for the core group only the kind, `Service`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

/// Group, version and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// The API group; empty for the core group.
    pub group: Arc<str>,
    /// The version, for instance `v1`.
    pub version: Arc<str>,
    /// The kind, as in `kind:`.
    pub kind: Arc<str>,
}

impl Gvk {
    /// A group (empty for core), a version and a kind.
    pub fn new(group: impl Into<Arc<str>>, version: impl Into<Arc<str>>, kind: impl Into<Arc<str>>) -> Self {
        Gvk { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// From the two fields that an object carries: `apps/v1` and `Deployment`.
    pub fn from_api_version(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        Gvk::new(group, version, kind)
    }

    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The same without the version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind { group: self.group.clone(), kind: self.kind.clone() }
    }
}

impl fmt::Display for Gvk {
    /// `apps/v1/Deployment`, `v1/Service`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            write!(f, "{}/{}", self.version, self.kind)
        } else {
            write!(f, "{}/{}/{}", self.group, self.version, self.kind)
        }
    }
}

/// Splits `apiVersion` into group (empty for core) and version.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// The identity of one object in one cluster: group, kind, namespace and name.
///
/// One shared allocation holds all four parts, so that a hundred thousand keys stay small and a clone is a counter.
/// Ordered by group, kind, namespace, name. The version is no part of it: the same object can be read in several.
#[derive(Clone)]
pub struct ResourceKey {
    /// `group/Kind:namespace/name`.
    text: Arc<str>,
    group_end: u32,
    kind_end: u32,
    namespace_end: u32,
}

impl ResourceKey {
    /// A key of its parts; `group` is empty for the core group, `namespace` for cluster-scoped objects.
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        let mut text = String::with_capacity(group.len() + kind.len() + namespace.len() + name.len() + 3);
        text.push_str(group);
        let group_end = offset(text.len());
        text.push('/');
        text.push_str(kind);
        let kind_end = offset(text.len());
        text.push(':');
        text.push_str(namespace);
        let namespace_end = offset(text.len());
        text.push('/');
        text.push_str(name);
        ResourceKey { text: text.into(), group_end, kind_end, namespace_end }
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.part(0, self.group_end)
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        self.part(self.group_end + 1, self.kind_end)
    }

    /// The namespace; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.part(self.kind_end + 1, self.namespace_end)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.text.get(self.namespace_end as usize + 1..).unwrap_or_default()
    }

    /// Group and kind as owned values.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(self.group(), self.kind())
    }

    /// The whole key, `apps/Deployment:namespace/name`; the core group is empty (`/Service:namespace/name`). The
    /// same text follows the application's name in a tracking id.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same object in another namespace (empty: cluster-scoped).
    pub fn with_namespace(&self, namespace: &str) -> Self {
        ResourceKey::new(self.group(), self.kind(), namespace, self.name())
    }

    fn part(&self, from: u32, to: u32) -> &str {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    fn parts(&self) -> (&str, &str, &str, &str) {
        (self.group(), self.kind(), self.namespace(), self.name())
    }
}

/// Offsets into a key's text. Text of 4 GiB can't be met: the parsers' size limits are far below.
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl PartialEq for ResourceKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            && self.kind_end == other.kind_end
            && self.namespace_end == other.namespace_end
    }
}

impl Eq for ResourceKey {}

impl Hash for ResourceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for ResourceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_its_parts_and_prints_as_one_text() {
        let key = ResourceKey::new("apps", "Deployment", "shop", "web");
        assert_eq!(
            (key.group(), key.kind(), key.namespace(), key.name()),
            ("apps", "Deployment", "shop", "web")
        );
        assert_eq!(key.to_string(), "apps/Deployment:shop/web");
        let core = ResourceKey::new("", "Namespace", "", "shop");
        assert_eq!((core.group(), core.kind(), core.namespace(), core.name()), ("", "Namespace", "", "shop"));
        assert_eq!(core.to_string(), "/Namespace:/shop");
    }

    #[test]
    fn keys_are_ordered_by_group_kind_namespace_and_name() {
        let mut keys = [
            ResourceKey::new("apps", "Deployment", "b", "a"),
            ResourceKey::new("apps", "Deployment", "a", "b"),
            ResourceKey::new("", "Service", "a", "a"),
            ResourceKey::new("app", "Zebra", "a", "a"),
        ];
        keys.sort();
        let text: Vec<_> = keys.iter().map(ResourceKey::as_str).collect();
        assert_eq!(text, ["/Service:a/a", "app/Zebra:a/a", "apps/Deployment:a/b", "apps/Deployment:b/a"]);
    }

    #[test]
    fn two_keys_whose_text_is_the_same_but_cut_elsewhere_differ() {
        assert_ne!(ResourceKey::new("", "a:b", "c", "d"), ResourceKey::new("", "a", "b:c", "d"));
        assert_ne!(ResourceKey::new("", "a", "b/c", "d"), ResourceKey::new("", "a", "b", "c/d"));
    }

    #[test]
    fn a_gvk_of_the_core_group_has_no_slash_in_its_api_version() {
        assert_eq!(Gvk::from_api_version("v1", "Pod").api_version(), "v1");
        assert_eq!(Gvk::from_api_version("apps/v1", "Deployment").api_version(), "apps/v1");
        assert_eq!(
            Gvk::from_api_version("apps/v1", "Deployment").group_kind().to_string(),
            "apps/Deployment"
        );
    }
}
