//! Helm charts, rendered by the real `helm template`.
//!
//! Never installed: the life of the objects is the controller's. A chart sees no cluster and no credentials.

mod dependencies;
mod values;

use std::ffi::OsString;

use serde::Serialize;
use tiphys_api::application::ApplicationSourceHelm;
use tiphys_cache::Bounded;
use tiphys_git::{Snapshot, Target, Walking};
use tiphys_manifest::yaml;

use crate::environment::Environment;
use crate::error::RenderError;
use crate::inputs::{Inputs, Limits};
use crate::manifests::{Rendered, from_output};
use crate::plan::{Files, SourceType};
use crate::process::Run;
use crate::renderer::Workspace;
use crate::toolbox::{Tool, Toolbox};

pub(crate) use values::ValueFile;

/// Helm's own limit on the length of a release name.
const RELEASE_NAME: usize = 53;

/// Bytes of one file of a chart that are searched for what it sees of the cluster.
const SEARCHED: u64 = 1 << 20;

/// A render that is ready to be run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HelmPlan {
    tool: Tool,
    pub(crate) files: Files,
    chart: String,
    release: String,
    namespace: String,
    /// Not set where the chart does not look at it.
    kube_version: Option<String>,
    api_versions: Vec<String>,
    pub(crate) value_files: Vec<ValueFile>,
    values: Option<String>,
    parameters: Vec<Parameter>,
    pub(crate) file_parameters: Vec<(String, ValueFile)>,
    switches: Vec<&'static str>,
    /// The commit, where the chart may fetch something that is not in it.
    commit: Option<String>,
    limit_objects: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Parameter {
    flag: &'static str,
    assignment: String,
}

/// Chooses the files and works the arguments out.
pub(crate) fn plan(
    inputs: &Inputs,
    snapshot: &Snapshot,
    folder: &Target,
    source: Option<&ApplicationSourceHelm>,
    toolbox: &Toolbox,
    limits: &Limits,
    sight: &Bounded<blake3::Hash, bool>,
) -> Result<HelmPlan, RenderError> {
    let default = ApplicationSourceHelm::default();
    let source = source.unwrap_or(&default);
    if !matches!(source.version.as_str(), "" | "v3" | "v4") {
        return Err(RenderError::Source(format!(
            "helm.version {:?} is not supported: use v3",
            source.version
        )));
    }
    let release = if source.release_name.is_empty() { &inputs.app_name } else { &source.release_name };
    check_release(release)?;
    let environment = Environment::of(inputs);
    let resolver = values::Resolver::new(inputs, snapshot, folder, &environment);
    let value_files = resolver.value_files(source)?;
    let file_parameters = resolver.file_parameters(source)?;
    let chart = dependencies::files(snapshot, folder, limits)?;
    let files = Files(chart.files);
    let values = inline_values(source)?;
    let sees_cluster = sees_cluster(snapshot, &files, sight)? || values_may_see_cluster(values.as_deref());
    let kube_version =
        if source.kube_version.is_empty() { &inputs.kube_version } else { &source.kube_version };
    let api_versions =
        if source.api_versions.is_empty() { &inputs.api_versions } else { &source.api_versions };
    let mut switches = Vec::new();
    if !source.skip_crds {
        switches.push("--include-crds");
    }
    if source.skip_tests {
        switches.push("--skip-tests");
    }
    if source.skip_schema_validation {
        switches.push("--skip-schema-validation");
    }
    Ok(HelmPlan {
        tool: toolbox.helm()?,
        files,
        chart: folder.path.clone(),
        release: release.clone(),
        namespace: if source.namespace.is_empty() {
            inputs.namespace.clone()
        } else {
            source.namespace.clone()
        },
        kube_version: (sees_cluster && !kube_version.is_empty()).then(|| plain_version(kube_version)),
        api_versions: if sees_cluster { sorted(api_versions) } else { Vec::new() },
        value_files,
        values,
        parameters: source.parameters.iter().map(|parameter| set(parameter, &environment)).collect(),
        file_parameters,
        switches,
        commit: chart.fetches.then(|| inputs.commit.id().to_string()),
        limit_objects: limits.objects,
    })
}

fn sorted(versions: &[String]) -> Vec<String> {
    let mut versions = versions.to_vec();
    versions.sort();
    versions.dedup();
    versions
}

/// Without the parts that cloud providers add (`1.31.2-gke.100`, `v1.30+`), which charts' version checks trip over.
pub(crate) fn plain_version(version: &str) -> String {
    let end = version.find(['+', '-']).unwrap_or(version.len());
    version.get(..end).unwrap_or(version).to_owned()
}

fn check_release(name: &str) -> Result<(), RenderError> {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(inner)
    };
    if name.len() <= RELEASE_NAME && name.split('.').all(label) {
        return Ok(());
    }
    Err(RenderError::Source(format!(
        "invalid release name {name:?}: it must consist of lower case letters, digits, '-' and '.', begin and end \
         with a letter or digit, and have at most {RELEASE_NAME} characters; set helm.releaseName"
    )))
}

fn inline_values(source: &ApplicationSourceHelm) -> Result<Option<String>, RenderError> {
    if let Some(object) = source.values_object.as_ref().filter(|object| !object.0.is_empty()) {
        return Ok(Some(yaml::emit(&serde_json::Value::Object(object.0.clone()))));
    }
    if source.values.is_empty() {
        return Ok(None);
    }
    yaml::parse_one(source.values.as_bytes())
        .map_err(|error| RenderError::Source(format!("helm.values is not YAML: {error}")))?;
    Ok(Some(source.values.clone()))
}

fn set(parameter: &tiphys_api::application::HelmParameter, environment: &Environment) -> Parameter {
    let flag = if parameter.force_string { "--set-string" } else { "--set" };
    let value = escaped(&environment.substitute(&parameter.value));
    Parameter { flag, assignment: format!("{}={value}", parameter.name) }
}

/// A comma would begin another assignment, except in a list `{a,b}`.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    let mut before = '\0';
    for c in value.chars() {
        if c == ',' && before != '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// Whether the result may depend on the version or the APIs of the cluster.
fn sees_cluster(
    snapshot: &Snapshot,
    files: &Files,
    sight: &Bounded<blake3::Hash, bool>,
) -> Result<bool, RenderError> {
    let digest = files.digest();
    if let Some(known) = sight.get(&digest) {
        return Ok(known);
    }
    let mut sees = false;
    for file in &files.0 {
        // Packed charts can't be searched, and `tpl` renders what is only known later.
        if file.path.ends_with(".tgz") || snapshot.size(&file.target)? > SEARCHED {
            sees = true;
            break;
        }
        let text = snapshot.read(&file.target, SEARCHED)?;
        let words: [&[u8]; 3] = [b"Capabilities", b"kubeVersion", b"tpl "];
        let found = words.iter().any(|word| text.windows(word.len()).any(|window| window == *word));
        // `toYaml .` would print the whole context, the cluster's part included; `toYaml .Values` does not.
        if found || contains_whole_context(&text) {
            sees = true;
            break;
        }
    }
    sight.insert(digest, sees, 64);
    Ok(sees)
}

fn contains_whole_context(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    ["toYaml", "toJson", "toRawJson", "toPrettyJson", "toToml", "printf", "range", "index"].iter().any(
        |function| {
            text.match_indices(function).any(|(at, _)| {
                let after = text.get(at + function.len()..).unwrap_or_default().trim_start();
                let mut chars = after.chars();
                matches!(chars.next(), Some('.' | '$'))
                    && chars.next().is_none_or(|c| !(c.is_alphanumeric() || c == '.'))
            })
        },
    )
}

fn values_may_see_cluster(values: Option<&str>) -> bool {
    values.is_some_and(|values| values.contains("Capabilities"))
}

impl HelmPlan {
    /// Runs `helm template` in `workspace`; the files are there.
    pub(crate) async fn render(
        &self,
        workspace: &mut Workspace,
        limits: &Limits,
    ) -> Result<Rendered, RenderError> {
        let first = self.template(workspace, limits).await;
        let output = match first {
            Err(RenderError::Tool { how, .. }) if dependencies::are_missing(&how) => {
                dependencies::build(&self.tool, workspace, &self.chart, limits).await?;
                self.template(workspace, limits).await?
            }
            output => output?,
        };
        from_output(&output, SourceType::Helm, self.limit_objects, "helm")
    }

    async fn template(&self, workspace: &Workspace, limits: &Limits) -> Result<Vec<u8>, RenderError> {
        let chart = workspace.files().join(&self.chart);
        let mut arguments: Vec<OsString> = vec!["template".into(), ".".into()];
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        add(&["--name-template", &self.release]);
        add(&["--namespace", &self.namespace]);
        if let Some(version) = &self.kube_version {
            add(&["--kube-version", version]);
        }
        for parameter in &self.parameters {
            add(&[parameter.flag, &parameter.assignment]);
        }
        for (position, (name, _)) in self.file_parameters.iter().enumerate() {
            let path = workspace.parameter_file(position);
            add(&["--set-file", &format!("{name}={}", path.display())]);
        }
        for position in 0..self.value_files.len() {
            add(&["--values", &workspace.value_file(position).display().to_string()]);
        }
        if let Some(values) = &self.values {
            let path = workspace.inline_values();
            std::fs::write(&path, values)
                .map_err(|error| RenderError::machine("write helm.values", error))?;
            add(&["--values", &path.display().to_string()]);
        }
        for version in &self.api_versions {
            add(&["--api-versions", version]);
        }
        add(&self.switches);
        let mut shown = workspace.shown();
        for (position, file) in self.value_files.iter().enumerate() {
            shown.insert(0, (workspace.value_file(position).display().to_string(), file.shown.clone()));
        }
        for (position, (_, file)) in self.file_parameters.iter().enumerate() {
            shown.insert(0, (workspace.parameter_file(position).display().to_string(), file.shown.clone()));
        }
        let run = Run { tool: &self.tool, arguments, folder: &chart, home: workspace.home(), shown };
        run.output(limits).await
    }
}

fn walking(limits: &Limits) -> Walking {
    Walking {
        recurse: true,
        hidden_folders: true,
        linked_folders: true,
        skip_submodules: false,
        limit: limits.files,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: TOOL-039
    #[test]
    fn commas_in_a_parameter_are_escaped_except_in_a_list() {
        assert_eq!(escaped("a,b"), "a\\,b");
        assert_eq!(escaped("a\\,b"), "a\\,b");
        assert_eq!(escaped("{a,b}"), "{a,b}");
        assert_eq!(escaped(",é,"), "\\,é\\,");
    }

    #[test]
    fn release_names_that_helm_would_not_take_or_would_run_are_refused() {
        for name in ["web", "web-1", "a.b", &"a".repeat(53)] {
            assert!(check_release(name).is_ok(), "{name}");
        }
        for name in ["", "-web", "Web", "a_b", "{{env \"HOME\"}}", "--kubeconfig=x", "a..b", &"a".repeat(54)]
        {
            assert!(check_release(name).is_err(), "{name}");
        }
    }

    #[test]
    fn versions_of_cloud_providers_lose_their_suffix() {
        assert_eq!(plain_version("v1.31.2-gke.100"), "v1.31.2");
        assert_eq!(plain_version("1.30+"), "1.30");
        assert_eq!(plain_version("v1.36.3"), "v1.36.3");
    }

    #[test]
    fn a_template_that_prints_its_whole_context_sees_the_cluster() {
        assert!(contains_whole_context(b"{{ toYaml . }}"));
        assert!(contains_whole_context(b"{{ toJson $ | quote }}"));
        assert!(!contains_whole_context(b"{{ toYaml .Values.x }}"));
        assert!(!contains_whole_context(b"{{ toYaml $.Values.x }}"));
    }
}
