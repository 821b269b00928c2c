//! The order of an application's objects in its status.

use std::cmp::Ordering;

use tiphys_manifest::ResourceKey;

/// Compares two keys as the texts `group/kind/namespace/name`. The slash counts: `a-b` comes before `a` where another
/// part follows, because `-` sorts before `/`. Clients compare statuses as texts, so the order is kept exactly.
pub(crate) fn by_joined_text(one: &ResourceKey, other: &ResourceKey) -> Ordering {
    joined(one).cmp(joined(other))
}

fn joined(key: &ResourceKey) -> impl Iterator<Item = u8> + '_ {
    key.group()
        .bytes()
        .chain([b'/'])
        .chain(key.kind().bytes())
        .chain([b'/'])
        .chain(key.namespace().bytes())
        .chain([b'/'])
        .chain(key.name().bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_their_joined_texts() {
        let mut keys = [
            ResourceKey::new("", "Service", "a", "x"),
            ResourceKey::new("", "Service", "a-b", "x"),
            ResourceKey::new("apps", "Deployment", "a", "x"),
            ResourceKey::new("", "ConfigMap", "a", "x"),
            ResourceKey::new("", "ServiceAccount", "a", "x"),
        ];
        keys.sort_by(by_joined_text);
        let order: Vec<&str> = keys.iter().map(ResourceKey::as_str).collect();
        assert_eq!(
            order,
            [
                "/ConfigMap:a/x",
                "/Service:a-b/x",
                "/Service:a/x",
                "/ServiceAccount:a/x",
                "apps/Deployment:a/x"
            ]
        );
    }
}
