//! Differences that don't count (`ignoreDifferences`).
//!
//! Rules choose objects by group, kind, name and namespace, and fields by JSON pointer, jq path expression or field
//! manager. Chosen fields are taken from both sides before they are compared.

mod jq;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value;
use tiphys_api::application::ResourceIgnoreDifferences;
use tiphys_manifest::masking::{is_secret, merge_string_data};

use crate::apply::three_way;
use crate::schema::MergeSchema;
use crate::{managed_fields, merge};

/// One rule as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreRule {
    /// Glob for the API group; empty for the core group.
    pub group: String,
    /// Glob for the kind.
    pub kind: String,
    /// The exact name; empty for all.
    pub name: String,
    /// The exact namespace; empty for all.
    pub namespace: String,
    /// RFC 6901 pointers.
    pub json_pointers: Vec<String>,
    /// jq path expressions.
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields don't count.
    pub managed_fields_managers: Vec<String>,
}

impl From<&ResourceIgnoreDifferences> for IgnoreRule {
    fn from(rule: &ResourceIgnoreDifferences) -> Self {
        IgnoreRule {
            group: rule.group.clone(),
            kind: rule.kind.clone(),
            name: rule.name.clone(),
            namespace: rule.namespace.clone(),
            json_pointers: rule.json_pointers.clone(),
            jq_path_expressions: rule.jq_path_expressions.clone(),
            managed_fields_managers: rule.managed_fields_managers.clone(),
        }
    }
}

/// Why a rule, or a part of it, has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreProblem {
    /// `group` or `kind` is no glob.
    #[error("ignoreDifferences: {0:?} is not a valid glob, so its rule has no effect")]
    Glob(String),
    /// Not a JSON pointer.
    #[error("ignoreDifferences: the JSON pointer {0:?} does not start with a slash, so it has no effect")]
    Pointer(String),
    /// Not a jq path expression, or beyond the part of jq that is supported.
    #[error("ignoreDifferences: the jq path expression {expression:?} has no effect: {reason}")]
    Jq {
        /// The expression.
        expression: String,
        /// What about it is not understood or not supported.
        reason: String,
    },
}

/// Rules ready for use.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Compiled>,
}

#[derive(Debug, Clone)]
struct Compiled {
    group: GlobMatcher,
    kind: GlobMatcher,
    name: String,
    namespace: String,
    pointers: Vec<Vec<String>>,
    expressions: Vec<jq::Expression>,
    managers: Vec<String>,
}

impl IgnoreRules {
    /// Prepares rules; what is wrong with some of them comes beside those that are right.
    pub fn compile(rules: impl IntoIterator<Item = IgnoreRule>) -> (Self, Vec<IgnoreProblem>) {
        let mut problems = Vec::new();
        let mut compiled = Vec::new();
        for rule in rules {
            let (Some(group), Some(kind)) =
                (glob(&rule.group, &mut problems), glob(&rule.kind, &mut problems))
            else {
                continue;
            };
            let mut expressions = Vec::new();
            for expression in rule.jq_path_expressions {
                match jq::Expression::parse(&expression) {
                    Ok(parsed) => expressions.push(parsed),
                    Err(reason) => problems.push(IgnoreProblem::Jq { expression, reason }),
                }
            }
            let mut pointers = Vec::new();
            for text in rule.json_pointers {
                match tokens(&text) {
                    Some(pointer) => pointers.push(pointer),
                    None => problems.push(IgnoreProblem::Pointer(text)),
                }
            }
            compiled.push(Compiled {
                group,
                kind,
                name: rule.name,
                namespace: rule.namespace,
                pointers,
                expressions,
                managers: rule.managed_fields_managers,
            });
        }
        (IgnoreRules { rules: compiled }, problems)
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule concerns this object.
    pub fn concern(&self, object: &Value) -> bool {
        self.matching(object).next().is_some()
    }

    /// Takes the chosen fields from both objects. Managers are read from `live`.
    pub fn remove_from(&self, desired: &mut Value, live: &mut Value) {
        for rule in self.matching(&live.clone()) {
            for pointer in &rule.pointers {
                remove(desired, pointer);
                remove(live, pointer);
            }
            for expression in &rule.expressions {
                for object in [&mut *desired, &mut *live] {
                    if let Some(paths) = expression.paths(object) {
                        jq::delete(object, paths);
                    }
                }
            }
            if !rule.managers.is_empty() {
                managed_fields::remove_owned(&rule.managers, desired, live);
            }
        }
    }

    /// `desired` with the chosen fields as they are in `live`: an apply of it leaves them alone. A `status` is never
    /// taken over. `None` where no rule concerns the object.
    ///
    /// Without a schema whose lists merge, a list that has a chosen field in one of its items is `live`'s as a whole.
    pub fn with_live_fields(
        &self,
        desired: &Value,
        live: &Value,
        schema: Option<&MergeSchema>,
    ) -> Option<Value> {
        if !self.concern(live) {
            return None;
        }
        let (mut desired, mut live) = (desired.clone(), live.clone());
        if desired.get("stringData").is_some() && is_secret(&desired) {
            merge_string_data(&mut desired);
        }
        if let Some(fields) = live.as_object_mut() {
            fields.remove("status");
        }
        let mut without = live.clone();
        self.remove_from(&mut desired, &mut without);
        let chosen = three_way(None, &without, &live, schema);
        Some(merge::apply(&desired, &chosen, schema))
    }

    fn matching<'a>(&'a self, object: &'a Value) -> impl Iterator<Item = &'a Compiled> {
        let text = |value: Option<&'a Value>| value.and_then(Value::as_str).unwrap_or_default();
        let group = tiphys_manifest::identity::split_api_version(text(object.get("apiVersion"))).0;
        let kind = text(object.get("kind"));
        let metadata = object.get("metadata");
        let name = text(metadata.and_then(|metadata| metadata.get("name")));
        let namespace = text(metadata.and_then(|metadata| metadata.get("namespace")));
        self.rules.iter().filter(move |rule| {
            rule.kind.is_match(kind)
                && rule.group.is_match(group)
                && (rule.name.is_empty() || rule.name == name)
                && (rule.namespace.is_empty() || rule.namespace == namespace)
        })
    }
}

fn glob(pattern: &str, problems: &mut Vec<IgnoreProblem>) -> Option<GlobMatcher> {
    match GlobBuilder::new(pattern).literal_separator(false).build() {
        Ok(glob) => Some(glob.compile_matcher()),
        Err(_) => {
            problems.push(IgnoreProblem::Glob(pattern.to_owned()));
            None
        }
    }
}

/// The tokens of an RFC 6901 pointer; the pointer to the whole object is no pointer to a field.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

/// Removes what a pointer points at; nothing happens where it points at nothing.
fn remove(object: &mut Value, tokens: &[String]) {
    let Some((last, parents)) = tokens.split_last() else { return };
    let mut place = object;
    for token in parents {
        let next = match place {
            Value::Object(fields) => fields.get_mut(token),
            Value::Array(items) => token.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
    match place {
        Value::Object(fields) => {
            fields.remove(last);
        }
        Value::Array(items) => {
            if let Some(at) = last.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}
