//! The CustomResourceDefinitions, made from the Rust types.
//!
//! A type's JSON schema comes from its definition: what is always written is required, documentation becomes
//! descriptions. The module `structural` turns that into what the API server takes. The files in `crds/` are written from here
//! and compared with it by a test.

mod structural;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::{AppProject, Application, ApplicationSet, GROUP, VERSION};

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("write the definition of {plural} as YAML")]
pub struct WriteCrdError {
    /// Plural of the kind.
    plural: &'static str,
    #[source]
    source: serde_yaml_ng::Error,
}

/// How a kind is named, and what of it differs from the other kinds.
struct Kind {
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
}

/// Returns the definition of `Application`.
///
/// It has no status subresource: clients write the status through the object.
#[must_use]
pub fn application() -> Value {
    let mut crd = definition::<Application>(&Kind {
        kind: "Application",
        plural: "applications",
        singular: "application",
        short_names: &["app", "apps"],
    });
    let version = &mut crd["spec"]["versions"][0];
    version["additionalPrinterColumns"] = json!([
        { "name": "Sync Status", "type": "string", "jsonPath": ".status.sync.status" },
        { "name": "Health Status", "type": "string", "jsonPath": ".status.health.status" },
        { "name": "Revision", "type": "string", "jsonPath": ".status.sync.revision", "priority": 10 },
        { "name": "Project", "type": "string", "jsonPath": ".spec.project", "priority": 10 },
    ]);
    version["subresources"] = json!({});
    crd
}

/// Returns the definition of `AppProject`.
#[must_use]
pub fn app_project() -> Value {
    definition::<AppProject>(&Kind {
        kind: "AppProject",
        plural: "appprojects",
        singular: "appproject",
        short_names: &["appproj", "appprojs"],
    })
}

/// Returns the definition of `ApplicationSet`, which has a status subresource.
///
/// The application template appears in it 28 times; its fields are described once, at `spec.template`. Even without any
/// description the definition would be too long for the annotation of `kubectl apply`, so it needs
/// `kubectl apply --server-side`, as Argo CD's does.
#[must_use]
pub fn application_set() -> Value {
    let mut crd = definition::<ApplicationSet>(&Kind {
        kind: "ApplicationSet",
        plural: "applicationsets",
        singular: "applicationset",
        short_names: &["appset", "appsets"],
    });
    let version = &mut crd["spec"]["versions"][0];
    version["subresources"] = json!({ "status": {} });
    let generators = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["generators"]
        ["items"]["properties"];
    for (name, generator) in generators.as_object_mut().into_iter().flatten() {
        let repeated = ["/properties/template", "/properties/generators/items"];
        let repeated = if name == "matrix" || name == "merge" { &repeated[..] } else { &repeated[..1] };
        for path in repeated {
            if let Some(schema) = generator.pointer_mut(path) {
                structural::drop_descriptions(schema);
            }
        }
    }
    crd
}

/// Returns the files of the folder `crds/`, by name.
///
/// # Errors
///
/// When a definition cannot be written as YAML.
pub fn files() -> Result<Vec<(&'static str, String)>, WriteCrdError> {
    Ok(vec![
        ("application-crd.yaml", yaml("applications", &application())?),
        ("appproject-crd.yaml", yaml("appprojects", &app_project())?),
        ("applicationset-crd.yaml", yaml("applicationsets", &application_set())?),
        ("kustomization.yaml", KUSTOMIZATION.to_owned()),
    ])
}

const KUSTOMIZATION: &str = "\
# Written by `cargo xtask crds`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - application-crd.yaml
  - appproject-crd.yaml
  - applicationset-crd.yaml
";

fn yaml(plural: &'static str, crd: &Value) -> Result<String, WriteCrdError> {
    let text = serde_yaml_ng::to_string(crd).map_err(|source| WriteCrdError { plural, source })?;
    Ok(format!("# Written by `cargo xtask crds` from the types in `crates/tiphys-api`.\n{text}"))
}

fn definition<T: JsonSchema>(kind: &Kind) -> Value {
    let settings =
        SchemaSettings::draft07().for_serialize().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut schema = structural::from_json_schema(schema);
    // The API server describes metadata itself and refuses a definition that does.
    schema["properties"]["metadata"] = json!({ "type": "object" });
    let name = format!("{}.{GROUP}", kind.plural);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": name,
            "labels": { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd" },
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": format!("{}List", kind.kind),
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": kind.short_names,
            },
            "scope": "Namespaced",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": schema },
            }],
        },
    })
}
