//! What an ApplicationSet makes: a template, generators of its parameters, and how changes are rolled out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::generator::ApplicationSetGenerator;
use crate::application::ApplicationSpec;
use crate::json::{IntOrString, absent, nullable};
use crate::words::{ApplicationSetStrategyType, ApplicationsSyncPolicy, DeletionOrder};

/// A template of applications and where its parameters come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetSpec {
    /// The template is a Go template; otherwise only `{{name}}` is replaced.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub go_template: bool,
    /// Sources of parameters; the results of all are put together.
    #[serde(deserialize_with = "nullable")]
    pub generators: Vec<ApplicationSetGenerator>,
    /// What each application looks like.
    #[serde(deserialize_with = "nullable")]
    pub template: ApplicationSetTemplate,
    /// What may be done to the applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<ApplicationSetSyncPolicy>,
    /// In which order changes reach the applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ApplicationSetStrategy>,
    /// Labels and annotations of applications that are left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserved_fields: Option<ApplicationPreservedFields>,
    /// Options of the Go template engine, such as `missingkey=error`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub go_template_options: Vec<String>,
    /// Kept for objects that carry it; nested selectors always work.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub apply_nested_selectors: bool,
    /// Parts of applications that others may change.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub ignore_application_differences: Vec<ApplicationSetResourceIgnoreDifferences>,
    /// A patch, itself a template, for the rendered application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_patch: Option<String>,
    /// Fields that this version does not know, kept so that writing the object back loses nothing.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// An application with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetTemplate {
    /// Metadata of the application.
    #[serde(deserialize_with = "nullable")]
    pub metadata: ApplicationSetTemplateMeta,
    /// Spec of the application.
    #[serde(deserialize_with = "nullable")]
    pub spec: ApplicationSpec,
}

/// Metadata of a generated application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetTemplateMeta {
    /// Name.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Namespace; the ApplicationSet's when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub namespace: String,
    /// Labels.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub finalizers: Vec<String>,
}

/// What may be done to generated applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetSyncPolicy {
    /// Objects stay in the cluster when an application is deleted.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub preserve_resources_on_deletion: bool,
    /// Whether applications are created, updated and deleted; everything when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["create-only", "create-update", "create-delete", "sync"]))]
    pub applications_sync: Option<ApplicationsSyncPolicy>,
}

/// In which order changes reach the applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetStrategy {
    /// `AllAtOnce` or `RollingSync`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub type_: ApplicationSetStrategyType,
    /// The steps of a rolling sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_sync: Option<ApplicationSetRolloutStrategy>,
    /// `AllAtOnce` or `Reverse`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub deletion_order: DeletionOrder,
}

/// The steps of a rolling sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetRolloutStrategy {
    /// Each step begins when the one before is healthy.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub steps: Vec<ApplicationSetRolloutStep>,
}

/// One step of a rolling sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetRolloutStep {
    /// Labels of the applications that belong to the step; all must match.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub match_expressions: Vec<ApplicationMatchExpression>,
    /// How many applications, or what percentage, may be changed at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_update: Option<IntOrString>,
}

/// A condition on an application's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationMatchExpression {
    /// Label.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub key: String,
    /// `In` or `NotIn`.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub operator: String,
    /// Values of the label.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub values: Vec<String>,
}

/// Keys of application metadata that are left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationPreservedFields {
    /// Annotations.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub annotations: Vec<String>,
    /// Labels.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub labels: Vec<String>,
}

/// Parts of applications that others may change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationSetResourceIgnoreDifferences {
    /// Name of the application; all when empty.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub name: String,
    /// Parts as JSON pointers.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub json_pointers: Vec<String>,
    /// Parts as jq path expressions.
    #[serde(skip_serializing_if = "absent", deserialize_with = "nullable")]
    pub jq_path_expressions: Vec<String>,
}
