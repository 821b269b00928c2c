//! What is known of each object of an application: the last operation's results first, then everything else.

use std::collections::BTreeMap;

use tiphys_api::Application;
use tiphys_api::application::{ResourceStatus, SyncOperationResource};

use crate::selector::{ResourceSelector, includes};
use crate::table::Table;

/// One line about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceState {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) health: String,
    pub(crate) hook: String,
    pub(crate) message: String,
}

impl ResourceState {
    /// What tells objects apart.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.group, self.kind, self.namespace, self.name)
    }

    /// Takes over what is new. Nothing that was said becomes empty. Gives whether anything changed.
    pub(crate) fn merge(&mut self, new: &ResourceState) -> bool {
        let mut changed = false;
        for (old, new) in [
            (&mut self.status, &new.status),
            (&mut self.health, &new.health),
            (&mut self.hook, &new.hook),
            (&mut self.message, &new.message),
        ] {
            if !new.is_empty() && old != new {
                old.clone_from(new);
                changed = true;
            }
        }
        changed
    }

    fn of(status: &ResourceStatus) -> Self {
        ResourceState {
            group: status.group.clone(),
            kind: status.kind.clone(),
            namespace: status.namespace.clone(),
            name: status.name.clone(),
            status: status.status.to_string(),
            health: health(status),
            ..ResourceState::default()
        }
    }

    fn as_resource(&self) -> SyncOperationResource {
        SyncOperationResource {
            group: self.group.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

fn health(status: &ResourceStatus) -> String {
    status.health.as_ref().map(|health| health.status.to_string()).unwrap_or_default()
}

/// The states of all objects that the selectors pick.
pub(crate) fn states(app: &Application, selectors: &[ResourceSelector]) -> Vec<ResourceState> {
    let key = |group: &str, kind: &str, namespace: &str, name: &str| {
        (group.to_owned(), kind.to_owned(), namespace.to_owned(), name.to_owned())
    };
    let mut rest: BTreeMap<_, &ResourceStatus> = app
        .status
        .resources
        .iter()
        .map(|status| (key(&status.group, &status.kind, &status.namespace, &status.name), status))
        .collect();
    let mut states = Vec::new();
    let results = app.status.operation_state.as_ref().and_then(|state| state.sync_result.as_ref());
    for result in results.into_iter().flat_map(|result| &result.resources) {
        let key = key(&result.group, &result.kind, &result.namespace, &result.name);
        let (status, health) = match rest.get(&key).filter(|_| result.hook_type.is_empty()) {
            Some(status) => (status.status.to_string(), health(status)),
            None => (result.hook_phase.to_string(), result.status.to_string()),
        };
        rest.remove(&key);
        states.push(ResourceState {
            group: result.group.clone(),
            kind: result.kind.clone(),
            namespace: result.namespace.clone(),
            name: result.name.clone(),
            status,
            health,
            hook: result.hook_type.to_string(),
            message: result.message.clone(),
        });
    }
    states.extend(rest.into_values().map(ResourceState::of));
    if !selectors.is_empty() {
        states.retain(|state| includes(selectors, &state.as_resource()));
    }
    states
}

/// The objects of the status that the selectors pick.
pub(crate) fn picked(app: &Application, selectors: &[ResourceSelector]) -> Vec<SyncOperationResource> {
    let resources = app.status.resources.iter().map(|status| ResourceState::of(status).as_resource());
    resources.filter(|resource| includes(selectors, resource)).collect()
}

/// The table of all objects.
pub(crate) fn table(app: &Application) -> String {
    let mut table = Table::default();
    table.row(["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"]);
    for state in states(app, &[]) {
        table.row([
            state.group,
            state.kind,
            state.namespace,
            state.name,
            state.status,
            state.health,
            state.hook,
            state.message,
        ]);
    }
    table.take()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app() -> Application {
        serde_json::from_value(json!({"status": {
            "resources": [
                {"kind": "Service", "namespace": "n", "name": "web", "status": "Synced", "health": {"status": "Healthy"}},
                {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "web", "status": "OutOfSync"},
                {"kind": "ConfigMap", "namespace": "n", "name": "old", "status": "OutOfSync", "requiresPruning": true},
            ],
            "operationState": {"phase": "Succeeded", "startedAt": "2026-01-01T00:00:00Z", "syncResult": {"revision": "x", "resources": [
                {"group": "batch", "version": "v1", "kind": "Job", "namespace": "n", "name": "before", "status": "Synced",
                 "hookPhase": "Succeeded", "hookType": "PreSync", "message": "job.batch/before created"},
                {"group": "", "version": "v1", "kind": "Service", "namespace": "n", "name": "web", "status": "Synced",
                 "hookPhase": "Running", "message": "service/web created"},
                {"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "n", "name": "gone", "status": "Pruned",
                 "hookPhase": "Succeeded", "message": "pruned"},
            ]}},
        }}))
        .unwrap()
    }

    #[test]
    fn results_of_the_last_operation_come_first_and_the_rest_after_them() {
        assert_eq!(
            table(&app()),
            "\
GROUP  KIND        NAMESPACE  NAME    STATUS     HEALTH   HOOK     MESSAGE
batch  Job         n          before  Succeeded  Synced   PreSync  job.batch/before created
       Service     n          web     Synced     Healthy           service/web created
       ConfigMap   n          gone    Succeeded  Pruned            pruned
       ConfigMap   n          old     OutOfSync                    
apps   Deployment  n          web     OutOfSync                    
"
        );
    }

    #[test]
    fn selectors_leave_objects_out() {
        let selectors = [ResourceSelector::parse("apps:*:*").unwrap()];
        assert_eq!(states(&app(), &selectors).len(), 1);
        assert_eq!(picked(&app(), &selectors)[0].name, "web");
    }

    #[test]
    fn what_was_said_is_not_forgotten() {
        let mut state = ResourceState { status: "Running".into(), message: "m".into(), ..Default::default() };
        assert!(!state.merge(&ResourceState::default()));
        assert!(state.merge(&ResourceState { status: "Synced".into(), ..Default::default() }));
        assert_eq!((&*state.status, &*state.message), ("Synced", "m"));
    }
}
