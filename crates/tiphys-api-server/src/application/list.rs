//! `List`: Applications that the caller may see and that the filters let through.

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_settings::same_url;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Document, Reply};

use super::selector::Selector;
use crate::access::{Caller, project_of};
use crate::errors::unreadable;
use crate::server::Shared;

/// The filters of a list or a watch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) name: String,
    projects: Vec<String>,
    project: Vec<String>,
    selector: String,
    repo: String,
    app_namespace: String,
    pub(super) resource_version: String,
}

/// Filters, ready to be asked.
#[derive(Debug)]
pub(super) struct Filter {
    name: String,
    projects: Vec<String>,
    selector: Selector,
    repo: String,
    namespace: String,
}

impl Filter {
    pub(super) fn new(query: &Query) -> Result<Self, WireError> {
        Ok(Self {
            name: query.name.clone(),
            projects: query
                .projects
                .iter()
                .chain(&query.project)
                .filter(|name| !name.is_empty())
                .cloned()
                .collect(),
            selector: Selector::parse(&query.selector)?,
            repo: query.repo.clone(),
            namespace: query.app_namespace.clone(),
        })
    }

    pub(super) fn lets_through(&self, application: &Value) -> bool {
        let metadata = application.get("metadata");
        let text =
            |key| metadata.and_then(|metadata| metadata.get(key)).and_then(Value::as_str).unwrap_or_default();
        (self.name.is_empty() || text("name") == self.name)
            && (self.namespace.is_empty() || text("namespace") == self.namespace)
            && (self.projects.is_empty()
                || self.projects.iter().any(|project| project == project_of(application)))
            && self.selector.matches(metadata.and_then(|metadata| metadata.get("labels")))
            && (self.repo.is_empty() || sources(application).any(|url| same_url(url, &self.repo)))
    }
}

/// The repositories of an Application.
fn sources(application: &Value) -> impl Iterator<Item = &str> {
    let spec = application.get("spec");
    let several = spec.and_then(|spec| spec.get("sources")).and_then(Value::as_array).into_iter().flatten();
    let one = spec.and_then(|spec| spec.get("source"));
    several.chain(one).filter_map(|source| source.get("repoURL").and_then(Value::as_str))
}

/// `List`.
pub(super) async fn list(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let query = Query::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let filter = Filter::new(&query)?;
    let (all, version) = server.applications.all();
    let matching = all.into_iter().filter(|application| filter.lets_through(application)).collect();
    let items = server.shown_to(&caller, matching);
    let items = if items.is_empty() {
        // What Go writes for no items at all; clients are used to it.
        Document::Value(Value::Null)
    } else {
        Document::Array(items.into_iter().map(Document::from).collect())
    };
    Ok(Reply::one(Document::object([
        ("metadata", json!({"resourceVersion": version}).into()),
        ("items", items),
    ])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_all_asked() {
        let application = json!({
            "metadata": {"name": "shop", "namespace": "team", "labels": {"a": "b"}},
            "spec": {"project": "p", "sources": [{"repoURL": "https://git.example.com/x"}, {"repoURL": "https://git.example.com/apps.git"}]},
        });
        for (query, expected) in [
            (json!({}), true),
            (json!({"name": "shop"}), true),
            (json!({"name": "sho"}), false),
            (json!({"projects": ["q", "p"]}), true),
            (json!({"project": ["q"]}), false),
            (json!({"selector": "a=b"}), true),
            (json!({"selector": "a!=b"}), false),
            (json!({"repo": "https://git.example.com/apps"}), true),
            (json!({"repo": "https://git.example.com/other"}), false),
            (json!({"appNamespace": "team"}), true),
            (json!({"appNamespace": "argocd"}), false),
        ] {
            let filter = Filter::new(&Query::deserialize(&query).unwrap()).unwrap();
            assert_eq!(filter.lets_through(&application), expected, "{query}");
        }
    }
}
