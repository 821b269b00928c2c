//! Kubernetes Events about Applications, with the reference's reasons and words.

use std::collections::BTreeMap;

use tiphys_api::Application;
use tiphys_cluster::{ApiClient, EventRecord, EventType, EventWriter, ObjectReference};

/// Name of the component in the Events, the reference's.
const COMPONENT: &str = "argocd-application-controller";

/// Writes Events, as far as they are wanted (`--enable-k8s-event`).
#[derive(Debug)]
pub(crate) struct Events {
    writer: EventWriter,
    reasons: Reasons,
}

#[derive(Debug, PartialEq, Eq)]
enum Reasons {
    All,
    Some(Vec<String>),
}

impl Reasons {
    fn parse(words: &[String]) -> Self {
        if words.iter().any(|word| word == "all") {
            Self::All
        } else {
            Self::Some(words.iter().filter(|word| *word != "none").cloned().collect())
        }
    }

    fn wants(&self, reason: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(reasons) => reasons.iter().any(|wanted| wanted == reason),
        }
    }
}

impl Events {
    pub(crate) fn new(api: &ApiClient, words: &[String]) -> Self {
        Self { writer: EventWriter::new(api, COMPONENT), reasons: Reasons::parse(words) }
    }

    /// The sync or health status of an application is another one.
    pub(crate) fn status_changed(&self, before: &Application, after: &Application) {
        let was = before.status.sync.status.as_str();
        let is = after.status.sync.status.as_str();
        if was != is {
            let message = format!("Updated sync status: {was} -> {is}");
            self.emit(after, EventType::Normal, "ResourceUpdated", message);
        }
        let was = before.status.health.status.as_str();
        let health = &after.status.health;
        if was != health.status.as_str() {
            let mut message = format!("Updated health status: {was} -> {}", health.status.as_str());
            if !health.message.is_empty() {
                message = format!("{message} ({})", health.message);
            }
            self.emit(after, EventType::Normal, "ResourceUpdated", message);
        }
    }

    /// An operation begins.
    pub(crate) fn operation_started(&self, app: &Application, message: String) {
        self.emit(app, EventType::Normal, "OperationStarted", message);
    }

    /// An operation has ended.
    pub(crate) fn operation_completed(&self, app: &Application, succeeded: bool, message: String) {
        let kind = if succeeded { EventType::Normal } else { EventType::Warning };
        self.emit(app, kind, "OperationCompleted", message);
    }

    fn emit(&self, app: &Application, event_type: EventType, reason: &str, message: String) {
        if !self.reasons.wants(reason) {
            return;
        }
        self.writer.emit(EventRecord {
            involved: ObjectReference {
                api_version: tiphys_api::API_VERSION.to_owned(),
                kind: "Application".to_owned(),
                namespace: app.metadata.namespace.clone(),
                name: app.metadata.name.clone(),
                uid: app.metadata.uid.clone(),
                resource_version: app.metadata.resource_version.clone(),
            },
            event_type,
            reason: reason.to_owned(),
            message,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_all_none_or_the_named_ones() {
        let parse =
            |words: &[&str]| Reasons::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert!(parse(&["all"]).wants("OperationStarted"));
        assert!(!parse(&["none"]).wants("OperationStarted"));
        assert!(parse(&["OperationStarted"]).wants("OperationStarted"));
        assert!(!parse(&["OperationStarted"]).wants("ResourceUpdated"));
    }
}
