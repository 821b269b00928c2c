//! What an application should look like: rendered objects with namespaces, tracking, hooks and waves.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tiphys_api::application::ApplicationCondition;
use tiphys_api::words::ApplicationConditionType::{
    ExcludedResourceWarning, InvalidSpecError, RepeatedResourceWarning,
};
use tiphys_live::{KindState, LiveSnapshot, Observation};
use tiphys_manifest::{GroupKind, Gvk, Manifest, ResourceKey};
use tiphys_settings::Settings;
use tiphys_sync::hook::{self, Hook, HookType};
use tiphys_sync::{RenderProof, wave};

use crate::conditions::condition;
use crate::messages;

/// Which kinds live in namespaces.
pub trait ApiScopes {
    /// Whether objects of the kind live in namespaces; `None` for a kind that the cluster does not serve.
    fn is_namespaced(&self, kind: &GroupKind) -> Option<bool>;
}

impl ApiScopes for Observation {
    fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.kind(kind).map(|info| info.namespaced)
    }
}

impl ApiScopes for LiveSnapshot {
    fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        LiveSnapshot::is_namespaced(self, kind)
    }
}

impl ApiScopes for HashMap<GroupKind, bool> {
    fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.get(kind).copied()
    }
}

/// What an application should look like, as far as that is known.
#[derive(Clone, Debug)]
pub enum Target {
    /// Every source was rendered to its end.
    Complete(Arc<TargetState>),
    /// Some source was not; with what went wrong, in words for the user.
    Unknown(Arc<str>),
}

/// All objects that an application should consist of.
#[derive(Clone, Debug)]
pub struct TargetState {
    /// The complete render that the objects come from.
    pub proof: Arc<RenderProof>,
    /// The objects in the order in which they were rendered, hooks included, each once.
    pub objects: Vec<TargetObject>,
    /// What was wrong with some of them.
    pub conditions: Vec<ApplicationCondition>,
    /// There are hooks that run before the application is deleted.
    pub has_pre_delete_hooks: bool,
    /// There are hooks that run after the application's objects are deleted.
    pub has_post_delete_hooks: bool,
}

/// One object that an application should have.
#[derive(Clone, Debug)]
pub struct TargetObject {
    /// Its identity; the name is empty for an object with only a `generateName`.
    pub key: ResourceKey,
    /// Its kind and version.
    pub gvk: Gvk,
    /// The object, with namespace and tracking.
    pub manifest: Arc<Manifest>,
    /// What makes it a hook; `None` for an ordinary object.
    pub hook: Option<Hook>,
    /// Its wave.
    pub wave: i64,
}

impl TargetState {
    /// Identities of all objects with a name, hooks included: what a live snapshot has to hold.
    pub fn keys(&self) -> impl Iterator<Item = &ResourceKey> {
        self.objects.iter().map(|object| &object.key).filter(|key| !key.name().is_empty())
    }

    /// Live objects that have to be read apart before the comparison: those that the cluster watches in another
    /// version, and those of kinds that are not watched. Whoever reads one puts it into the snapshot's nodes.
    #[must_use]
    pub fn to_read(&self, live: &LiveSnapshot) -> Vec<(ResourceKey, Gvk)> {
        self.objects
            .iter()
            .filter(|object| object.hook.is_none() && !object.key.name().is_empty())
            .filter(|object| match live.get(&object.key) {
                Some(node) => node.version != object.gvk.version,
                None => live.observation().state(&object.gvk.group_kind()) == Some(&KindState::NotWatched),
            })
            .map(|object| (object.key.clone(), object.gvk.clone()))
            .collect()
    }
}

/// What rendered objects are normalised with.
#[derive(Clone, Copy)]
pub struct Normalisation<'a> {
    /// Which kinds live in namespaces.
    pub scopes: &'a dyn ApiScopes,
    /// Namespace of objects that name none.
    pub destination_namespace: &'a str,
    /// Address of the cluster.
    pub server: &'a str,
    /// Tracking and excluded kinds.
    pub settings: &'a Settings,
    /// Instance name of the application.
    pub instance: &'a str,
}

/// Makes rendered objects what they should be in the cluster.
///
/// A namespaced object without a namespace goes into the destination's, a cluster-scoped one loses the one it has. Of
/// objects with one identity the last stays. Kinds that the settings exclude are left out. Each of these but the first
/// is said in a condition. A kind that the cluster does not serve is namespaced, unless its CRD among the objects says
/// otherwise.
#[must_use]
pub fn normalise_target(
    proof: Arc<RenderProof>,
    rendered: Vec<Manifest>,
    with: &Normalisation<'_>,
) -> TargetState {
    let own_scopes = scopes_of_crds(&rendered);
    let mut conditions = Vec::new();
    let mut objects: Vec<Option<TargetObject>> = Vec::with_capacity(rendered.len());
    let mut first_of: HashMap<ResourceKey, (usize, usize)> = HashMap::with_capacity(rendered.len());
    for mut manifest in rendered {
        let gvk = manifest.gvk();
        let kind = gvk.group_kind();
        let is_namespaced =
            with.scopes.is_namespaced(&kind).or_else(|| own_scopes.get(&kind).copied()).unwrap_or(true);
        if !is_namespaced {
            manifest.set_namespace("");
        } else if manifest.namespace().is_empty() {
            manifest.set_namespace(with.destination_namespace);
        }
        with.settings.tracking.track(&mut manifest, with.instance, with.destination_namespace);
        let key = manifest.key();
        if with.settings.resource_filter.is_excluded(key.group(), key.kind(), with.server) {
            conditions.push(condition(ExcludedResourceWarning, messages::excluded_resource(&key)));
            continue;
        }
        if is_namespaced && key.namespace().is_empty() {
            let message = messages::namespace_missing(key.name(), &gvk.api_version(), key.kind());
            conditions.push(condition(InvalidSpecError, message));
        }
        if !key.name().is_empty() {
            let index = objects.len();
            let seen = first_of.entry(key.clone()).or_insert((index, 0));
            seen.1 += 1;
            if seen.1 > 1
                && let Some(earlier) = objects.get_mut(seen.0)
            {
                *earlier = None;
                seen.0 = index;
            }
        }
        objects.push(Some(TargetObject {
            hook: hook::of(&manifest),
            wave: wave::of(&manifest),
            manifest: Arc::new(manifest),
            key,
            gvk,
        }));
    }
    let mut repeated: Vec<(&ResourceKey, usize)> =
        first_of.iter().filter(|(_, (_, count))| *count > 1).map(|(key, (_, count))| (key, *count)).collect();
    repeated.sort();
    conditions.extend(
        repeated
            .into_iter()
            .map(|(key, count)| condition(RepeatedResourceWarning, messages::repeated_resource(key, count))),
    );
    let objects: Vec<TargetObject> = objects.into_iter().flatten().collect();
    let runs_at =
        |point| objects.iter().any(|object| object.hook.as_ref().is_some_and(|hook| hook.runs_at(point)));
    TargetState {
        has_pre_delete_hooks: runs_at(HookType::PreDelete),
        has_post_delete_hooks: runs_at(HookType::PostDelete),
        proof,
        objects,
        conditions,
    }
}

/// Scopes of the kinds whose CRDs are among the objects.
fn scopes_of_crds(objects: &[Manifest]) -> HashMap<GroupKind, bool> {
    objects
        .iter()
        .filter(|object| {
            object.kind() == "CustomResourceDefinition" && object.group() == "apiextensions.k8s.io"
        })
        .filter_map(|crd| {
            let spec = crd.value().get("spec")?;
            let text = |path: &str| spec.pointer(path).and_then(Value::as_str);
            Some((GroupKind::new(text("/group")?, text("/names/kind")?), text("/scope")? == "Namespaced"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
