//! Rules for kinds: `resource.compareoptions`, `resource.customizations` and the keys that it is split into.

use std::collections::BTreeMap;

use serde::Deserialize;
use tiphys_api::application::ResourceIgnoreDifferences;

use crate::reading::{Reader, parse_bool};

/// Whose `status` is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgnoreStatus {
    /// Nobody's status is compared.
    #[default]
    All,
    /// Only the status of CustomResourceDefinitions is not compared.
    Crd,
    /// Every status is compared.
    None,
}

/// How objects are compared (`resource.compareoptions`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompareOptions {
    /// Rules that the API server fills in from other roles are not compared.
    pub ignore_aggregated_roles: bool,
    /// Whose `status` is not compared.
    pub ignore_status: IgnoreStatus,
    /// Differences that are ignored are ignored too when it is decided whether an update matters.
    pub ignore_differences_on_resource_updates: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            ignore_aggregated_roles: false,
            ignore_status: IgnoreStatus::All,
            ignore_differences_on_resource_updates: true,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCompareOptions {
    #[serde(default)]
    ignore_aggregated_roles: bool,
    #[serde(default)]
    ignore_resource_status_field: Word,
    #[serde(default = "yes")]
    ignore_differences_on_resource_updates: bool,
}

/// A word that YAML may have taken for a boolean.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Word {
    #[default]
    Missing,
    Bool(bool),
    Text(String),
}

fn yes() -> bool {
    true
}

impl CompareOptions {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        const KEY: &str = "resource.compareoptions";
        let Some(raw) = cm.yaml::<RawCompareOptions>(KEY) else { return Self::default() };
        let ignore_status = match &raw.ignore_resource_status_field {
            Word::Missing | Word::Bool(true) => IgnoreStatus::All,
            Word::Bool(false) => IgnoreStatus::None,
            Word::Text(text) => match text.as_str() {
                "" | "all" | "on" => IgnoreStatus::All,
                "crd" => IgnoreStatus::Crd,
                "none" | "off" | "false" => IgnoreStatus::None,
                other => {
                    cm.problem(
                        KEY,
                        format!("ignoreResourceStatusField `{other}` is none of all, crd, none; all is used"),
                    );
                    IgnoreStatus::All
                }
            },
        };
        Self {
            ignore_aggregated_roles: raw.ignore_aggregated_roles,
            ignore_status,
            ignore_differences_on_resource_updates: raw.ignore_differences_on_resource_updates,
        }
    }
}

/// Parts of objects that do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IgnoreRule {
    /// Parts as JSON pointers.
    pub json_pointers: Vec<String>,
    /// Parts as jq path expressions.
    pub jq_path_expressions: Vec<String>,
    /// Parts as all fields that these field managers own.
    pub managed_fields_managers: Vec<String>,
}

impl IgnoreRule {
    /// Whether the rule names no part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.json_pointers.is_empty()
            && self.jq_path_expressions.is_empty()
            && self.managed_fields_managers.is_empty()
    }
}

/// A field of a custom resource that holds a well-known type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KnownTypeField {
    /// Path of the field, with dots.
    pub field: String,
    /// The type, such as `core/v1/PodSpec`.
    #[serde(rename = "type")]
    pub type_: String,
}

/// What is configured for one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceOverride {
    /// Lua script that judges the health.
    pub health_lua: Option<String>,
    /// The Lua scripts may use all libraries.
    pub use_open_libs: bool,
    /// Actions, as the YAML that they are written in.
    pub actions: Option<String>,
    /// Differences that do not count.
    pub ignore_differences: IgnoreRule,
    /// Updates that do not count.
    pub ignore_resource_updates: IgnoreRule,
    /// Fields with well-known types.
    pub known_type_fields: Vec<KnownTypeField>,
}

/// The form inside `resource.customizations`. Rules are YAML in YAML there: a text, or a map by those who forgot the
/// bar.
#[derive(Deserialize)]
struct RawOverride {
    #[serde(default, rename = "health.lua")]
    health_lua: Option<String>,
    #[serde(default, rename = "health.lua.useOpenLibs")]
    use_open_libs: bool,
    #[serde(default)]
    actions: Option<String>,
    #[serde(default, rename = "ignoreDifferences")]
    ignore_differences: Option<Nested<IgnoreRule>>,
    #[serde(default, rename = "ignoreResourceUpdates")]
    ignore_resource_updates: Option<Nested<IgnoreRule>>,
    #[serde(default, rename = "knownTypeFields")]
    known_type_fields: Option<Nested<Vec<KnownTypeField>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Nested<T> {
    Text(String),
    Value(T),
}

impl<T: for<'de> Deserialize<'de> + Default> Nested<T> {
    fn read(value: Option<Self>) -> Result<T, String> {
        match value {
            None => Ok(T::default()),
            Some(Self::Value(value)) => Ok(value),
            Some(Self::Text(text)) => Ok(crate::yaml::parse(&text)?.unwrap_or_default()),
        }
    }
}

/// What is configured for kinds. Keys are `group/Kind`, `Kind` for the core group, and globs of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customisations {
    /// By kind.
    pub by_kind: BTreeMap<String, ResourceOverride>,
}

const KEY: &str = "resource.customizations";

impl Customisations {
    pub(crate) fn read(cm: &mut Reader<'_>) -> Self {
        let mut by_kind: BTreeMap<String, ResourceOverride> = BTreeMap::new();
        for (kind, raw) in cm.yaml::<BTreeMap<String, RawOverride>>(KEY).unwrap_or_default() {
            let rules = Nested::read(raw.ignore_differences).and_then(|differences| {
                let updates = Nested::read(raw.ignore_resource_updates)?;
                Ok((differences, updates, Nested::read(raw.known_type_fields)?))
            });
            let (ignore_differences, ignore_resource_updates, known_type_fields) =
                rules.unwrap_or_else(|error| {
                    cm.problem(KEY, format!("{kind}: not valid: {error}; its rules are ignored"));
                    Default::default()
                });
            by_kind.insert(
                kind,
                ResourceOverride {
                    health_lua: raw.health_lua,
                    use_open_libs: raw.use_open_libs,
                    actions: raw.actions,
                    ignore_differences,
                    ignore_resource_updates,
                    known_type_fields,
                },
            );
        }
        for (key, value) in cm.entries() {
            read_split_key(cm, key, value, &mut by_kind);
        }
        for (kind, rules) in &by_kind {
            if rules.health_lua.is_some() {
                cm.problem(KEY, format!("{kind}: Lua health checks are not run by this version"));
            }
            if rules.actions.is_some() {
                cm.problem(KEY, format!("{kind}: Lua actions are not offered by this version"));
            }
        }
        Self { by_kind }
    }

    /// The differences that do not count in any application, as rules of an application are written.
    #[must_use]
    pub fn ignore_differences(&self) -> Vec<ResourceIgnoreDifferences> {
        self.rules(|rules| &rules.ignore_differences)
    }

    /// The updates of live objects that do not count.
    #[must_use]
    pub fn ignore_resource_updates(&self) -> Vec<ResourceIgnoreDifferences> {
        self.rules(|rules| &rules.ignore_resource_updates)
    }

    fn rules(&self, pick: impl Fn(&ResourceOverride) -> &IgnoreRule) -> Vec<ResourceIgnoreDifferences> {
        self.by_kind
            .iter()
            .map(|(kind, rules)| (kind, pick(rules)))
            .filter(|(_, rule)| !rule.is_empty())
            .map(|(kind, rule)| {
                let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
                ResourceIgnoreDifferences {
                    group: group.to_owned(),
                    kind: kind.to_owned(),
                    json_pointers: rule.json_pointers.clone(),
                    jq_path_expressions: rule.jq_path_expressions.clone(),
                    managed_fields_managers: rule.managed_fields_managers.clone(),
                    ..ResourceIgnoreDifferences::default()
                }
            })
            .collect()
    }
}

/// Reads `resource.customizations.<type>.<group>_<kind>`; every other key is not for here.
fn read_split_key(
    cm: &mut Reader<'_>,
    key: &str,
    value: &str,
    by_kind: &mut BTreeMap<String, ResourceOverride>,
) {
    let Some((what, kind)) =
        key.strip_prefix(KEY).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.split_once('.'))
    else {
        return;
    };
    let Some(kind) = override_key(kind) else {
        cm.problem(key, "the name must end with `<group>_<kind>` or `<kind>`; it is ignored");
        return;
    };
    let rules = by_kind.entry(kind).or_default();
    match what {
        "health" => rules.health_lua = Some(value.to_owned()),
        "actions" => rules.actions = Some(value.to_owned()),
        "useOpenLibs" => match parse_bool(value.trim()) {
            Some(flag) => rules.use_open_libs = flag,
            None => cm.problem(key, format!("`{value}` is neither true nor false; false is used")),
        },
        "ignoreDifferences" => rules.ignore_differences = cm.yaml(key).unwrap_or_default(),
        "ignoreResourceUpdates" => rules.ignore_resource_updates = cm.yaml(key).unwrap_or_default(),
        "knownTypeFields" => rules.known_type_fields = cm.yaml(key).unwrap_or_default(),
        other => cm.problem(key, format!("customisation type `{other}` is not known; it is ignored")),
    }
}

/// `group_Kind` or `Kind` as `group/Kind` or `Kind`; `all` is every kind.
fn override_key(kind: &str) -> Option<String> {
    let mut parts = kind.split('_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("all"), None, None) => Some("*/*".to_owned()),
        (Some(kind), None, None) if !kind.is_empty() => Some(kind.to_owned()),
        (Some(group), Some(kind), None) => Some(format!("{group}/{kind}")),
        _ => None,
    }
}
