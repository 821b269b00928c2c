//! `Update`, `UpdateSpec` and `Patch`: labels, annotations, finalizers and spec are the user's to change, the rest is
//! not.
//!
//! A client knows the fields of its own release and sends back what it knows. So a change is what differs between what
//! the API's schema shows of the current state and what came; fields that the schema does not have stay as they are.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::patch::{self, merge_patch};
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Context, Document, Reply};

use super::find::{Target, names, typed};
use super::json_patch;
use crate::access::{Caller, project_of};
use crate::audit::Reason;
use crate::errors::{denied, unreadable};
use crate::server::{Server, Shared};

const MESSAGE: &str = "github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1.Application";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UpdateRequest {
    application: Value,
    validate: Option<bool>,
    project: String,
}

/// `Update`.
pub(super) async fn update(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let request: UpdateRequest =
        UpdateRequest::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let (namespace, name) = names(&request.application);
    let target = Target {
        name: name.to_owned(),
        app_namespace: namespace.to_owned(),
        project: request.project.clone(),
    };
    let current = server.find(&caller, "update", &target)?;
    let wanted = request.application;
    let make = move |current: &Value| Ok(merged(current, &wanted, true));
    server.write(&call.context, &caller, current, request.validate, make).await.map(Reply::one)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UpdateSpecRequest {
    spec: Value,
    validate: Option<bool>,
}

/// `UpdateSpec`.
pub(super) async fn update_spec(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let request: UpdateSpecRequest =
        UpdateSpecRequest::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let current = server.find(&caller, "update", &target)?;
    let wanted = json!({"spec": request.spec});
    let make = move |current: &Value| Ok(merged(current, &wanted, false));
    let updated = server.write(&call.context, &caller, current, request.validate, make).await?;
    Ok(Reply::one(updated.get("spec").cloned().unwrap_or_default()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PatchRequest {
    patch: String,
    patch_type: String,
}

/// `Patch`.
pub(super) async fn patch(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let target = Target::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let request = PatchRequest::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let current = server.find(&caller, "update", &target)?;
    let wrong = |reason: String| WireError::invalid_argument(format!("patch the application: {reason}"));
    let parsed: Value = serde_json::from_str(&request.patch).map_err(|error| wrong(error.to_string()))?;
    let is_merge = match request.patch_type.as_str() {
        "" | "json" => false,
        "merge" => true,
        other => {
            return Err(WireError::invalid_argument(format!(
                "Patch type '{other}' is not supported: json or merge"
            )));
        }
    };
    let make = move |current: &Value| {
        let mut wanted = current.clone();
        if is_merge {
            patch::apply(&mut wanted, &parsed);
        } else {
            json_patch::apply(&mut wanted, &parsed).map_err(wrong)?;
        }
        Ok(Wanted { metadata: true, object: wanted })
    };
    server.write(&call.context, &caller, current, Some(true), make).await.map(Reply::one)
}

/// What an Application should become.
struct Wanted {
    object: Value,
    /// Whether labels, annotations and finalizers count too.
    metadata: bool,
}

/// Puts what the caller knows of the schema into the current state.
fn merged(current: &Value, wanted: &Value, metadata: bool) -> Wanted {
    let mut object = current.clone();
    if let (Some(target), Some(source)) = (object.as_object_mut(), wanted.get("spec")) {
        target.insert("spec".to_owned(), source.clone());
    }
    if metadata && let Some(target) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["labels", "annotations", "finalizers"] {
            match wanted.pointer(&format!("/metadata/{key}")).filter(|value| !value.is_null()) {
                Some(value) => target.insert(key.to_owned(), value.clone()),
                None => target.remove(key),
            };
        }
    }
    Wanted { object, metadata }
}

impl Server {
    async fn write(
        &self,
        context: &Context,
        caller: &Caller,
        current: Arc<Value>,
        validate: Option<bool>,
        make: impl Fn(&Value) -> Result<Wanted, WireError>,
    ) -> Result<Arc<Value>, WireError> {
        let wanted = make(&current)?;
        let application =
            typed(&wanted.object).map_err(|error| WireError::invalid_argument(error.message))?;
        if project_of(&wanted.object) != project_of(&current)
            && !self.permits_application(caller, "create", &self.moved(&current, &wanted.object))
        {
            // An application is moved by who may take it out of one project and put it into the other.
            return Err(denied());
        }
        self.check_project(&application)?;
        if validate.unwrap_or(true) {
            self.check_spec(&application).await?;
        }
        let updated = self.change(&current, |current| Ok(self.patch_for(current, &make(current)?))).await?;
        self.record(context, caller, Reason::Updated, &updated, "updated application spec");
        Ok(updated)
    }

    /// The Application under its new project, for the question whether it may be created there.
    fn moved(&self, current: &Value, wanted: &Value) -> Value {
        json!({"metadata": current.get("metadata"), "spec": {"project": project_of(wanted)}})
    }

    /// The merge patch that makes `current` what is wanted, without a word about fields that the schema does not know.
    fn patch_for(&self, current: &Value, wanted: &Wanted) -> Option<Value> {
        let mut patch = json!({});
        let before = self.visible(current);
        if let Some(spec) = merge_patch(&before["spec"], &wanted.object["spec"]) {
            patch["spec"] = spec;
        }
        if wanted.metadata {
            for key in ["labels", "annotations", "finalizers"] {
                let of =
                    |object: &Value| object.pointer(&format!("/metadata/{key}")).cloned().unwrap_or_default();
                let (old, new) = (of(current), of(&wanted.object));
                if old != new {
                    patch["metadata"][key] = match (old.is_object(), new.is_object()) {
                        (true, true) => merge_patch(&old, &new).unwrap_or_default(),
                        _ => new,
                    };
                }
            }
        }
        (patch != json!({})).then_some(patch)
    }

    /// The Application as a client of the API's schema sees it.
    fn visible(&self, current: &Value) -> Value {
        let shown = self
            .schema
            .encode(MESSAGE, &Document::Value(current.clone()))
            .and_then(|bytes| self.schema.decode(MESSAGE, &bytes));
        shown.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "an application does not fit the API's schema");
            current.clone()
        })
    }
}
