//! Which application an object belongs to.
//!
//! Knows the label and the annotations that say so, how they are written on desired objects and read from live
//! ones. Leaves to others which method and which names are configured.

use std::fmt;

use crate::identity::{ResourceKey, split_api_version};
use crate::object::Manifest;

/// The annotation that carries a [`TrackingId`].
pub const TRACKING_ID_ANNOTATION: &str = "argocd.argoproj.io/tracking-id";
/// The annotation that says which installation of the controller owns an object.
pub const INSTALLATION_ID_ANNOTATION: &str = "argocd.argoproj.io/installation-id";
/// The label that carries the application's name where `application.instanceLabelKey` is not set.
pub const DEFAULT_INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// The label of the oldest installations: the only one that is also written into pod templates.
pub const LEGACY_INSTANCE_LABEL: &str = "applications.argoproj.io/app-name";
/// The API server's limit on the length of a label's value.
const LABEL_MAX: usize = 63;

/// How objects are marked (`application.resourceTrackingMethod`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TrackingMethod {
    /// An annotation with the object's own identity in it; a copy made by another controller is recognised.
    #[default]
    Annotation,
    /// The instance label alone.
    Label,
    /// The annotation decides; the label is for other tools.
    AnnotationAndLabel,
}

impl TrackingMethod {
    /// Reads `annotation`, `label` or `annotation+label`; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "annotation" => Some(TrackingMethod::Annotation),
            "label" => Some(TrackingMethod::Label),
            "annotation+label" => Some(TrackingMethod::AnnotationAndLabel),
            _ => None,
        }
    }
}

impl fmt::Display for TrackingMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrackingMethod::Annotation => "annotation",
            TrackingMethod::Label => "label",
            TrackingMethod::AnnotationAndLabel => "annotation+label",
        })
    }
}

/// `<application>:<group>/<kind>:<namespace>/<name>`, borrowed from the annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrackingId<'a> {
    /// The application's instance name: its name, or `<namespace>_<name>` outside the controller's namespace.
    pub app_instance: &'a str,
    /// The object's group; empty for the core group.
    pub group: &'a str,
    /// The object's kind.
    pub kind: &'a str,
    /// The object's namespace, or the application's destination namespace when it was rendered without one.
    pub namespace: &'a str,
    /// The object's name.
    pub name: &'a str,
}

impl<'a> TrackingId<'a> {
    /// Reads a tracking id; text of another shape is `None`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let app_instance = parts.next()?;
        let (group, kind) = parts.next()?.split_once('/')?;
        let (namespace, name) = parts.next()?.split_once('/')?;
        Some(TrackingId { app_instance, group, kind, namespace, name })
    }

    /// Whether this id names the given object itself. A copy keeps the id of what it was copied from, so it does
    /// not. A live object without namespace accepts any (the destination's was written), and a kind that Kubernetes
    /// moved to another group is still the same kind.
    pub fn names(&self, key: &ResourceKey) -> bool {
        self.kind == key.kind()
            && self.name == key.name()
            && (key.namespace().is_empty() || self.namespace == key.namespace())
            && same_group(self.group, key.group())
    }
}

impl fmt::Display for TrackingId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}:{}/{}", self.app_instance, self.group, self.kind, self.namespace, self.name)
    }
}

/// `extensions` was split into `apps`, `networking.k8s.io` and `policy`; an id written before the move stays good.
fn same_group(one: &str, other: &str) -> bool {
    const HEIRS: [&str; 3] = ["apps", "networking.k8s.io", "policy"];
    one == other
        || (one == "extensions" && HEIRS.contains(&other))
        || (other == "extensions" && HEIRS.contains(&one))
}

/// What is read from an object to find its owner. Small enough to be kept for each live object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks<'a> {
    /// The value of the instance label.
    pub label: Option<&'a str>,
    /// The value of [`TRACKING_ID_ANNOTATION`].
    pub tracking_id: Option<&'a str>,
    /// The value of [`INSTALLATION_ID_ANNOTATION`].
    pub installation_id: Option<&'a str>,
}

impl<'a> Marks<'a> {
    /// Reads the marks of an object; `label_key` is the instance label.
    pub fn of(manifest: &'a Manifest, label_key: &str) -> Self {
        Marks {
            label: manifest.label(label_key),
            tracking_id: manifest.annotation(TRACKING_ID_ANNOTATION),
            installation_id: manifest.annotation(INSTALLATION_ID_ANNOTATION),
        }
    }
}

/// The application that an object says it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The application's instance name: its name, or `<namespace>_<name>` outside the controller's namespace.
    pub app_instance: &'a str,
}

/// The installation's settings for tracking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// `application.resourceTrackingMethod`.
    pub method: TrackingMethod,
    /// `application.instanceLabelKey`.
    pub label_key: String,
    /// `installationID`; empty when not set.
    pub installation_id: String,
}

impl Default for Tracking {
    fn default() -> Self {
        Tracking {
            method: TrackingMethod::default(),
            label_key: DEFAULT_INSTANCE_LABEL.to_owned(),
            installation_id: String::new(),
        }
    }
}

impl Tracking {
    /// Marks a desired object as the application's. `destination_namespace` stands in the id where the object has no
    /// namespace of its own. CustomResourceDefinitions are left alone: several applications ship the same ones.
    ///
    /// With the label method the name is written whole, however long: the API server then refuses the object, which
    /// is better than two applications that share a cut name.
    pub fn track(&self, manifest: &mut Manifest, app_instance: &str, destination_namespace: &str) {
        if is_crd(manifest) {
            return;
        }
        match self.method {
            TrackingMethod::Annotation => self.annotate(manifest, app_instance, destination_namespace),
            TrackingMethod::Label => self.label(manifest, app_instance),
            TrackingMethod::AnnotationAndLabel => {
                self.annotate(manifest, app_instance, destination_namespace);
                self.label(manifest, shorten(app_instance));
            }
        }
    }

    /// The application that a live object belongs to; `None` when it carries no mark, another installation's mark,
    /// or a mark that was copied from another object.
    pub fn owner<'a>(&self, key: &ResourceKey, marks: Marks<'a>) -> Option<Owner<'a>> {
        let claimed = self.claimed_by(marks)?;
        match self.method {
            TrackingMethod::Label => Some(claimed),
            TrackingMethod::Annotation | TrackingMethod::AnnotationAndLabel => {
                TrackingId::parse(marks.tracking_id?)?.names(key).then_some(claimed)
            }
        }
    }

    /// As [`Tracking::owner`], without the test that the mark is the object's own.
    pub fn claimed_by<'a>(&self, marks: Marks<'a>) -> Option<Owner<'a>> {
        let app_instance = match self.method {
            TrackingMethod::Label => marks.label?,
            TrackingMethod::Annotation | TrackingMethod::AnnotationAndLabel => {
                if !self.installation_id.is_empty()
                    && marks.installation_id != Some(self.installation_id.as_str())
                {
                    return None;
                }
                TrackingId::parse(marks.tracking_id?)?.app_instance
            }
        };
        (!app_instance.is_empty()).then_some(Owner { app_instance })
    }

    /// As [`Tracking::owner`], of a whole object.
    pub fn owner_of<'a>(&self, manifest: &'a Manifest) -> Option<Owner<'a>> {
        let marks = Marks::of(manifest, &self.label_key);
        if marks.label.is_none() && marks.tracking_id.is_none() {
            return None;
        }
        self.owner(&manifest.key(), marks)
    }

    fn annotate(&self, manifest: &mut Manifest, app_instance: &str, destination_namespace: &str) {
        let namespace =
            if manifest.namespace().is_empty() { destination_namespace } else { manifest.namespace() };
        let id = TrackingId {
            app_instance,
            group: manifest.group(),
            kind: manifest.kind(),
            namespace,
            name: manifest.name(),
        }
        .to_string();
        manifest.set_annotation(TRACKING_ID_ANNOTATION, &id);
        if self.installation_id.is_empty() {
            manifest.remove_annotation(INSTALLATION_ID_ANNOTATION);
        } else {
            manifest.set_annotation(INSTALLATION_ID_ANNOTATION, &self.installation_id);
        }
    }

    fn label(&self, manifest: &mut Manifest, value: &str) {
        manifest.set_label(&self.label_key, value);
        if self.label_key == LEGACY_INSTANCE_LABEL {
            label_pod_template(manifest, value);
        }
    }
}

fn is_crd(manifest: &Manifest) -> bool {
    manifest.kind() == "CustomResourceDefinition" && manifest.group() == "apiextensions.k8s.io"
}

/// At most 63 bytes that end as a label's value must end.
fn shorten(name: &str) -> &str {
    if name.len() <= LABEL_MAX {
        return name;
    }
    let end = (0..=LABEL_MAX).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    name.get(..end).unwrap_or_default().trim_end_matches(['-', '_', '.'])
}

/// Installations that still use the oldest label select pods by it.
fn label_pod_template(manifest: &mut Manifest, value: &str) {
    let group = split_api_version(manifest.api_version()).0;
    let has_template = matches!(group, "apps" | "extensions")
        && matches!(manifest.kind(), "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet");
    if !has_template {
        return;
    }
    let edited = manifest.edit(|object| {
        let Some(template) = object.pointer_mut("/spec/template").and_then(|t| t.as_object_mut()) else {
            return;
        };
        let metadata = template.entry("metadata").or_insert_with(|| serde_json::json!({}));
        let Some(metadata) = metadata.as_object_mut() else { return };
        let labels = metadata.entry("labels").or_insert_with(|| serde_json::json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(LEGACY_INSTANCE_LABEL.to_owned(), serde_json::Value::String(value.to_owned()));
        }
    });
    debug_assert!(edited.is_ok(), "a pod template's label is no part of the identity");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Manifest {
        let mut manifest =
            Manifest::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}))
                .unwrap();
        manifest.set_namespace(namespace);
        manifest
    }

    fn tracking(method: TrackingMethod) -> Tracking {
        Tracking { method, ..Tracking::default() }
    }

    // covers: TRK-001
    #[test]
    fn methods_are_spelled_as_in_the_settings() {
        for method in [TrackingMethod::Annotation, TrackingMethod::Label, TrackingMethod::AnnotationAndLabel]
        {
            assert_eq!(TrackingMethod::parse(&method.to_string()), Some(method));
        }
        assert_eq!(TrackingMethod::parse("Label"), None);
        assert_eq!(TrackingMethod::default().to_string(), "annotation");
    }

    // covers: TRK-002
    #[test]
    fn the_annotation_names_the_application_and_the_object() {
        let tracking = tracking(TrackingMethod::Annotation);
        let mut service = object("v1", "Service", "n", "s");
        tracking.track(&mut service, "app", "dest");
        assert_eq!(service.annotation(TRACKING_ID_ANNOTATION), Some("app:/Service:n/s"));
        assert_eq!(service.label(DEFAULT_INSTANCE_LABEL), None);
        let mut role = object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "r:x");
        tracking.track(&mut role, "ns_app", "dest");
        assert_eq!(
            role.annotation(TRACKING_ID_ANNOTATION),
            Some("ns_app:rbac.authorization.k8s.io/ClusterRole:dest/r:x")
        );
        assert_eq!(tracking.owner_of(&role), Some(Owner { app_instance: "ns_app" }));
    }

    // covers: TRK-003
    #[test]
    fn a_long_name_is_whole_in_the_label_method_and_cut_beside_the_annotation() {
        let name = format!("{}-{}", "a".repeat(62), "b".repeat(20));
        let mut map = object("v1", "ConfigMap", "n", "c");
        tracking(TrackingMethod::Label).track(&mut map, &name, "d");
        assert_eq!(map.label(DEFAULT_INSTANCE_LABEL), Some(name.as_str()));
        assert_eq!(map.annotation(TRACKING_ID_ANNOTATION), None);
        let mut map = object("v1", "ConfigMap", "n", "c");
        tracking(TrackingMethod::AnnotationAndLabel).track(&mut map, &name, "d");
        assert_eq!(map.label(DEFAULT_INSTANCE_LABEL), Some("a".repeat(62).as_str()));
        assert_eq!(tracking(TrackingMethod::AnnotationAndLabel).owner_of(&map).unwrap().app_instance, name);
    }

    // covers: TRK-004
    #[test]
    fn a_copy_that_kept_the_annotation_is_nobodys() {
        let tracking = tracking(TrackingMethod::Annotation);
        let mut original = object("apps/v1", "Deployment", "n", "web");
        tracking.track(&mut original, "app", "n");
        assert!(tracking.owner_of(&original).is_some());
        for (api_version, kind, namespace, name) in [
            ("apps/v1", "Deployment", "n", "other"),
            ("apps/v1", "Deployment", "m", "web"),
            ("apps/v1", "ReplicaSet", "n", "web"),
            ("example.org/v1", "Deployment", "n", "web"),
        ] {
            let mut copy = object(api_version, kind, namespace, name);
            copy.set_annotation(TRACKING_ID_ANNOTATION, original.annotation(TRACKING_ID_ANNOTATION).unwrap());
            assert_eq!(tracking.owner_of(&copy), None, "{}", copy.key());
        }
        let mut moved = object("extensions/v1beta1", "Deployment", "n", "web");
        tracking.track(&mut moved, "app", "n");
        let mut live = object("apps/v1", "Deployment", "n", "web");
        live.set_annotation(TRACKING_ID_ANNOTATION, moved.annotation(TRACKING_ID_ANNOTATION).unwrap());
        assert!(tracking.owner_of(&live).is_some());
    }

    // covers: TRK-005
    #[test]
    fn an_object_of_another_installation_is_not_ours() {
        let ours = Tracking { installation_id: "one".into(), ..Tracking::default() };
        let theirs = Tracking { installation_id: "two".into(), ..Tracking::default() };
        let mut map = object("v1", "ConfigMap", "n", "c");
        ours.track(&mut map, "app", "n");
        assert_eq!(map.annotation(INSTALLATION_ID_ANNOTATION), Some("one"));
        assert!(ours.owner_of(&map).is_some());
        assert_eq!(theirs.owner_of(&map), None);
        Tracking::default().track(&mut map, "app", "n");
        assert_eq!(map.annotation(INSTALLATION_ID_ANNOTATION), None);
        assert_eq!(ours.owner_of(&map), None);
    }

    // covers: TRK-006
    #[test]
    fn a_custom_resource_definition_gets_no_mark() {
        for method in [TrackingMethod::Annotation, TrackingMethod::Label, TrackingMethod::AnnotationAndLabel]
        {
            let mut crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "a.b.c");
            let before = crd.clone();
            tracking(method).track(&mut crd, "app", "n");
            assert_eq!(crd, before);
        }
    }

    // covers: TRK-007
    #[test]
    fn only_the_legacy_label_reaches_the_pod_template() {
        let deployment = || {
            Manifest::new(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}))
            .unwrap()
        };
        let mut one = deployment();
        tracking(TrackingMethod::Label).track(&mut one, "app", "n");
        assert_eq!(one.value().pointer("/spec/template/metadata/labels"), Some(&json!({"a": "b"})));
        let mut two = deployment();
        Tracking {
            label_key: LEGACY_INSTANCE_LABEL.into(),
            method: TrackingMethod::Label,
            ..Tracking::default()
        }
        .track(&mut two, "app", "n");
        assert_eq!(
            two.value().pointer("/spec/template/metadata/labels"),
            Some(&json!({"a": "b", "applications.argoproj.io/app-name": "app"}))
        );
    }

    #[test]
    fn text_of_another_shape_is_no_tracking_id() {
        for text in ["", "app", "app:Service", "app:/Service", "app:/Service:n", "app:Service:n/s"] {
            assert_eq!(TrackingId::parse(text), None, "{text}");
        }
    }
}
