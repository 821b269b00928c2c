//! `Create`, which is also how scripts say "let it be so": creating what is there already in the same shape changes
//! nothing.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_api::names::project::DEFAULT_PROJECT;
use tiphys_api::{Application, patch};
use tiphys_cluster::ResourceType;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Context, Reply};

use super::find::typed;
use crate::access::{Caller, project_of};
use crate::applications::From;
use crate::audit::Reason;
use crate::errors::{denied, from_api, unreadable};
use crate::server::{Server, Shared};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    application: Value,
    upsert: bool,
    validate: Option<bool>,
}

/// `Create`.
pub(super) async fn create(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let request: Request = Request::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let mut object = request.application;
    let namespace = {
        let asked = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        server.application_namespace(asked)?
    };
    prepare(&mut object, &namespace);
    let application = typed(&object).map_err(|error| WireError::invalid_argument(error.message))?;
    if application.metadata.name.is_empty() && application.metadata.generate_name.is_empty() {
        return Err(WireError::invalid_argument("metadata.name is required"));
    }
    server.require(&caller, "create", &object)?;
    server.check_project(&application)?;
    if request.validate.unwrap_or(true) {
        server.check_spec(&application).await?;
    }
    match server.api.create_object(&ResourceType::applications(), &namespace, &object).await {
        Ok(created) => {
            let created = server.applications.put(created, From::Write);
            server.record(&call.context, &caller, Reason::Created, &created, "created application");
            Ok(Reply::one(created))
        }
        Err(error) if error.is_already_exists() => {
            let known = server.existing(&namespace, &application.metadata.name).await?;
            server
                .create_again(&call.context, &caller, known, &object, &application, request.upsert)
                .await
                .map(Reply::one)
        }
        Err(error) => Err(from_api(&error)),
    }
}

/// Takes away what is not the caller's to say, and fills in what may be left out.
fn prepare(object: &mut Value, namespace: &str) {
    if !object.is_object() {
        *object = json!({});
    }
    let Some(map) = object.as_object_mut() else { return };
    map.remove("operation");
    map.remove("status");
    map.insert("apiVersion".to_owned(), tiphys_api::API_VERSION.into());
    map.insert("kind".to_owned(), "Application".into());
    if let Some(metadata) = map.entry("metadata").or_insert_with(|| json!({})).as_object_mut() {
        metadata.insert("namespace".to_owned(), namespace.into());
        for key in ["managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink"]
        {
            metadata.remove(key);
        }
    }
    if let Some(spec) = map.entry("spec").or_insert_with(|| json!({})).as_object_mut()
        && spec.get("project").and_then(Value::as_str).unwrap_or_default().is_empty()
    {
        spec.insert("project".to_owned(), DEFAULT_PROJECT.into());
    }
}

impl Server {
    async fn existing(&self, namespace: &str, name: &str) -> Result<Arc<Value>, WireError> {
        let found = self.api.get_object(&ResourceType::applications(), namespace, name).await;
        let found = found.map_err(|error| from_api(&error))?;
        let found =
            found.ok_or_else(|| WireError::unavailable("the application vanished while it was created"))?;
        Ok(self.applications.put(found, From::Write))
    }

    async fn create_again(
        &self,
        context: &Context,
        caller: &Caller,
        known: Arc<Value>,
        object: &Value,
        wanted: &Application,
        upsert: bool,
    ) -> Result<Arc<Value>, WireError> {
        if project_of(&known) != project_of(object) {
            // Nothing is said about an application of a project that the caller did not name.
            self.require(caller, "get", &known)?;
        }
        let old = typed(&known)?;
        let same = old.spec == wanted.spec
            && old.metadata.labels == wanted.metadata.labels
            && old.metadata.annotations == wanted.metadata.annotations
            && old.metadata.finalizers == wanted.metadata.finalizers;
        if same {
            return Ok(known);
        }
        if !upsert {
            return Err(WireError::invalid_argument(
                "existing application spec is different; use upsert flag to force update",
            ));
        }
        if !self.permits_application(caller, "update", &known) {
            return Err(denied());
        }
        let updated = self
            .change(&known, |current| {
                // Labels and annotations are merged, the spec is replaced.
                let mut metadata = json!({});
                for key in ["labels", "annotations", "finalizers"] {
                    if let Some(value) =
                        object.pointer(&format!("/metadata/{key}")).filter(|value| !value.is_null())
                    {
                        metadata[key] = value.clone();
                    }
                }
                let mut change = json!({ "metadata": metadata });
                let before = current.get("spec").cloned().unwrap_or_default();
                if let Some(spec) = patch::merge_patch(&before, &object["spec"]) {
                    change["spec"] = spec;
                }
                Ok(Some(change))
            })
            .await?;
        self.record(context, caller, Reason::Updated, &updated, "updated application");
        Ok(updated)
    }
}
