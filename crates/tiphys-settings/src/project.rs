//! Projects whose limits others share (`globalProjects`).

use serde::Deserialize;
use tiphys_api::metadata::LabelSelector;

use crate::reading::Reader;

/// A project whose limits are added to those of all projects with these labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GlobalProject {
    /// Name of the project.
    pub project_name: String,
    /// Which projects share its limits.
    pub label_selector: LabelSelector,
}

pub(crate) fn read(cm: &mut Reader<'_>) -> Vec<GlobalProject> {
    cm.yaml("globalProjects").unwrap_or_default()
}
