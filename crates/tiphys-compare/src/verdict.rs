//! Whether a live object is as desired: the bridge to `tiphys-diff`.

use std::sync::Arc;

use serde_json::Value;
use tiphys_api::Application;
use tiphys_api::application::ResourceIgnoreDifferences;
use tiphys_diff::{DiffContext, DiffOptions, IgnoreRule, IgnoreRules, MergeSchema, StatusFields};
use tiphys_live::LiveNode;
use tiphys_manifest::{Gvk, Manifest};
use tiphys_settings::{IgnoreStatus, Settings};

/// Schemas of kinds, as far as they are known.
pub trait MergeSchemas {
    /// The schema of a kind; `None` when the cluster gives none, or it has not been read yet.
    fn schema(&self, gvk: &Gvk) -> Option<Arc<MergeSchema>>;
}

/// No schemas: lists are compared whole and without defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSchemas;

impl MergeSchemas for NoSchemas {
    fn schema(&self, _: &Gvk) -> Option<Arc<MergeSchema>> {
        None
    }
}

/// What all comparisons of one application have in common.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) options: DiffOptions,
    pub(crate) ignore: IgnoreRules,
    /// Some rule speaks of field managers, so live objects are needed with their managed fields.
    pub(crate) needs_managers: bool,
    /// The application's own rules, as they are written.
    pub(crate) own: Vec<ResourceIgnoreDifferences>,
    /// What is wrong with the application's own rules.
    pub(crate) problems: Vec<String>,
}

impl Rules {
    pub(crate) fn new(app: &Application, settings: &Settings) -> Self {
        let system = settings.customisations.ignore_differences();
        let own = &app.spec.ignore_differences;
        let needs_managers = system.iter().chain(own).any(|rule| !rule.managed_fields_managers.is_empty());
        let (_, own_problems) = IgnoreRules::compile(own.iter().map(IgnoreRule::from));
        let (ignore, _) = IgnoreRules::compile(system.iter().chain(own).map(IgnoreRule::from));
        let options = DiffOptions {
            status: match settings.compare_options.ignore_status {
                IgnoreStatus::All => StatusFields::All,
                IgnoreStatus::Crd => StatusFields::Crd,
                IgnoreStatus::None => StatusFields::None,
            },
            ignore_aggregated_roles: settings.compare_options.ignore_aggregated_roles,
        };
        let problems = own_problems.iter().map(ToString::to_string).collect();
        Self { options, ignore, needs_managers, own: own.clone(), problems }
    }

    pub(crate) fn context<'a>(&'a self, schema: Option<&'a MergeSchema>) -> DiffContext<'a> {
        DiffContext {
            schema,
            ignore: (!self.ignore.is_empty()).then_some(&self.ignore),
            options: self.options,
        }
    }

    /// The live object as it is compared with a desired one; `None` when its body is not kept.
    pub(crate) fn live_body(&self, live: &LiveNode, gvk: &Gvk) -> Option<Value> {
        let mut body = if self.needs_managers { live.body_with_managed_fields() } else { live.body() }?;
        if live.version != gvk.version
            && let Some(fields) = body.as_object_mut()
        {
            // Nobody has read it in the desired version. Most fields are the same in all versions.
            fields.insert("apiVersion".to_owned(), Value::String(gvk.api_version()));
        }
        Some(body)
    }
}

/// Whether an apply would change the live object. A live object whose body is not kept is tracked by nobody; the mark alone
/// makes a difference then.
pub(crate) fn is_modified(
    desired: &Manifest,
    body: Option<&Value>,
    rules: &Rules,
    schema: Option<&MergeSchema>,
) -> bool {
    body.is_none_or(|body| tiphys_diff::is_modified(desired.value(), body, &rules.context(schema)))
}

/// What is wrong with the rules for all applications; for the log, once per change of settings.
#[must_use]
pub fn ignore_problems(settings: &Settings) -> Vec<String> {
    let system = settings.customisations.ignore_differences();
    let (_, problems) = IgnoreRules::compile(system.iter().map(IgnoreRule::from));
    problems.iter().map(ToString::to_string).collect()
}
