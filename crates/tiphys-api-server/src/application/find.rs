//! Finding the Application that a request is about, without telling who may not know whether it exists.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tiphys_api::Application;
use tiphys_wire::WireError;

use crate::access::{Caller, project_of};
use crate::errors::denied;
use crate::server::Server;

/// The part of a request that names an Application.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) app_namespace: String,
    pub(super) project: String,
}

impl Target {
    /// The same for requests that call the name `applicationName`.
    pub(super) fn named(request: &Value, key: &str) -> Self {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { name: text(key), app_namespace: text("appNamespace"), project: text("project") }
    }
}

impl Server {
    /// The namespace that a request means, if Applications may live there.
    pub(super) fn application_namespace(&self, asked: &str) -> Result<String, WireError> {
        let namespace = if asked.is_empty() { self.config.namespace.as_str() } else { asked };
        if self.config.manages_namespace(namespace) {
            Ok(namespace.to_owned())
        } else {
            Err(WireError::permission_denied(format!("namespace '{namespace}' is not permitted")))
        }
    }

    /// The Application, if the caller may do `action` to it. Without a project in the request, an absent one and a
    /// forbidden one have the same answer; with one, a caller who may act on that name in that project is told the truth
    /// about it, and about no other project.
    pub(super) fn find(
        &self,
        caller: &Caller,
        action: &str,
        target: &Target,
    ) -> Result<Arc<Value>, WireError> {
        let namespace = self.application_namespace(&target.app_namespace)?;
        if !target.project.is_empty() {
            let object = self.rbac_name_of(&target.project, &namespace, &target.name);
            if !self.permits(caller, "applications", action, &target.project, &object) {
                return Err(denied());
            }
        }
        let found = self.applications.get(&namespace, &target.name);
        if target.project.is_empty() {
            return found
                .filter(|application| self.permits_application(caller, action, application))
                .ok_or_else(denied);
        }
        found
            .filter(|application| {
                project_of(application) == target.project
                    && self.permits_application(caller, action, application)
            })
            .ok_or_else(|| not_found(&target.name))
    }

    /// Refuses unless the caller may also do `action` to an Application that was found.
    pub(super) fn require(
        &self,
        caller: &Caller,
        action: &str,
        application: &Value,
    ) -> Result<(), WireError> {
        if self.permits_application(caller, action, application) { Ok(()) } else { Err(denied()) }
    }
}

/// In the words of the Kubernetes API.
pub(super) fn not_found(name: &str) -> WireError {
    WireError::not_found(format!("applications.argoproj.io \"{name}\" not found"))
}

/// The Application with types.
pub(super) fn typed(application: &Value) -> Result<Application, WireError> {
    Application::deserialize(application).map_err(|error| {
        let name = application.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        WireError::failed_precondition(format!("application {name:?} can't be read: {error}"))
    })
}

/// Namespace and name of an Application.
pub(super) fn names(application: &Value) -> (&str, &str) {
    let text = |pointer| application.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    (text("/metadata/namespace"), text("/metadata/name"))
}
