//! `fields=`: only the parts of an answer that the caller asks for, or all but these.

use serde_json::{Map, Value};

use super::document::Node;

/// A parsed `fields` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    fields: Vec<String>,
    exclude: bool,
}

impl Selection {
    /// `a.b,c` keeps these, `-a.b,c` leaves them out. `None` when it selects nothing in particular.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (exclude, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let fields: Vec<String> =
            text.split(',').map(str::trim).filter(|f| !f.is_empty()).map(str::to_owned).collect();
        (!fields.is_empty()).then_some(Self { fields, exclude })
    }

    /// What is left of the document. Items of an array have the path of the array.
    pub(super) fn apply(&self, node: Node<'_>) -> Value {
        self.visit(node, "").unwrap_or_else(|| Value::Object(Map::new()))
    }

    fn visit(&self, node: Node<'_>, path: &str) -> Option<Value> {
        match self.verdict(path) {
            Verdict::Drop => return None,
            Verdict::Keep => return Some(copy(node)),
            Verdict::Look => {}
        }
        if let Some(members) = node.members() {
            let mut kept = Map::new();
            for (key, value) in members {
                let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                if let Some(value) = self.visit(value, &inner) {
                    kept.insert(key.to_owned(), value);
                }
            }
            return Some(Value::Object(kept));
        }
        if let Some(items) = node.items() {
            return Some(Value::Array(items.into_iter().filter_map(|item| self.visit(item, path)).collect()));
        }
        // A plain value above what was asked for holds nothing of it.
        self.exclude.then(|| copy(node))
    }

    fn verdict(&self, path: &str) -> Verdict {
        let below = |field: &String| !path.is_empty() && within(path, field);
        let above = |field: &String| path.is_empty() || within(field, path);
        match (self.exclude, self.fields.iter().any(below), self.fields.iter().any(above)) {
            (true, true, _) => Verdict::Drop,
            (true, false, false) | (false, true, _) => Verdict::Keep,
            (false, false, false) => Verdict::Drop,
            (_, false, true) => Verdict::Look,
        }
    }
}

enum Verdict {
    Keep,
    Drop,
    /// Neither all nor nothing of it: its members decide.
    Look,
}

/// Whether `path` is `field` or a part of it.
fn within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn copy(node: Node<'_>) -> Value {
    match node {
        Node::Value(value) => value.clone(),
        Node::Document(document) => document.clone().into_value(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Document;

    fn select(text: &str) -> Value {
        let list = json!({
            "metadata": {"resourceVersion": "7"},
            "items": [
                {"metadata": {"name": "a", "namespace": "x", "labels": {"a.b": "c"}}, "spec": {"project": "p"}},
                {"metadata": {"name": "b", "names": "other"}, "status": {"sync": {"status": "Synced", "revision": "1"}}},
            ],
        });
        Selection::parse(text).unwrap().apply(Document::from(list).node())
    }

    #[test]
    fn named_fields_are_kept_with_all_below_them() {
        assert_eq!(
            select("metadata.resourceVersion,items.metadata.name,items.status.sync"),
            json!({
                "metadata": {"resourceVersion": "7"},
                "items": [
                    {"metadata": {"name": "a"}},
                    {"metadata": {"name": "b"}, "status": {"sync": {"status": "Synced", "revision": "1"}}},
                ],
            })
        );
    }

    #[test]
    fn a_leading_minus_leaves_the_named_fields_out() {
        assert_eq!(
            select("-metadata,items.status,items.spec,items.metadata.labels"),
            json!({"items": [
                {"metadata": {"name": "a", "namespace": "x"}},
                {"metadata": {"name": "b", "names": "other"}},
            ]})
        );
    }

    #[test]
    fn a_selection_of_nothing_is_no_selection() {
        assert_eq!(Selection::parse(""), None);
        assert_eq!(Selection::parse("-"), None);
    }
}
