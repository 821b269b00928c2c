//! Kustomizations, built by the real `kustomize`.
//!
//! The changes that an application asks for are made by `kustomize edit` on a private copy, in the reference's
//! order: an overlay beside the kustomization would stack a second name prefix where the reference replaces it.

mod closure;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tiphys_api::application::{ApplicationSourceKustomize, KustomizePatch};
use tiphys_git::{Snapshot, Target, join};
use tiphys_manifest::yaml;

use crate::detect::KUSTOMIZATIONS;
use crate::environment::Environment;
use crate::error::RenderError;
use crate::inputs::{Inputs, Limits};
use crate::manifests::{Rendered, from_output};
use crate::plan::{Files, SourceType};
use crate::process::Run;
use crate::renderer::Workspace;
use crate::toolbox::{Tool, Toolbox};

/// A build that is ready to be run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KustomizePlan {
    tool: Tool,
    pub(crate) files: Files,
    folder: String,
    edits: Vec<Edit>,
    build: Vec<String>,
    /// The commit, where the build also reads what is not in it: such a result is good for one commit only.
    commit: Option<String>,
    limit_objects: usize,
}

/// One change to the kustomization.
#[derive(Clone, Debug, Serialize)]
enum Edit {
    /// Words behind `kustomize edit`.
    Command(Vec<String>),
    /// Patches that are appended.
    Patches(Vec<Value>),
}

/// Chooses the files and works the changes out.
pub(crate) fn plan(
    inputs: &Inputs,
    snapshot: &Snapshot,
    folder: &Target,
    source: Option<&ApplicationSourceKustomize>,
    toolbox: &Toolbox,
    limits: &Limits,
) -> Result<KustomizePlan, RenderError> {
    let default = ApplicationSourceKustomize::default();
    let source = source.unwrap_or(&default);
    let options = &inputs.options;
    let tool = match source.version.as_str() {
        "" => toolbox.kustomize()?,
        version => {
            let path = options.kustomize_binaries.get(version).ok_or_else(|| {
                RenderError::Source(format!("kustomize version {version} is not registered"))
            })?;
            Toolbox::named("kustomize", path)?
        }
    };
    let words = match options.kustomize_build_options_by_version.get(&source.version) {
        Some(words) if !source.version.is_empty() => words,
        _ => &options.kustomize_build_options,
    };
    let mut build: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let with_helm = build.iter().any(|word| word == "--enable-helm" || word == "--enable-helm=true");
    if with_helm {
        add_helm_options(&mut build, inputs, source, toolbox)?;
    }
    let components = existing_components(snapshot, folder, source)?;
    let everything = build.iter().any(|word| word.starts_with("--load-restrictor"));
    let closure = closure::of(snapshot, folder, &components, everything, limits)?;
    Ok(KustomizePlan {
        tool,
        files: Files(closure.files),
        folder: folder.path.clone(),
        edits: edits(source, &Environment::of(inputs), components)?,
        build,
        commit: closure.reads_elsewhere.then(|| inputs.commit.id().to_string()),
        limit_objects: limits.objects,
    })
}

fn add_helm_options(
    build: &mut Vec<String>,
    inputs: &Inputs,
    source: &ApplicationSourceKustomize,
    toolbox: &Toolbox,
) -> Result<(), RenderError> {
    let kube_version =
        if source.kube_version.is_empty() { &inputs.kube_version } else { &source.kube_version };
    let api_versions =
        if source.api_versions.is_empty() { &inputs.api_versions } else { &source.api_versions };
    if !kube_version.is_empty() {
        build.push(format!("--helm-kube-version={}", crate::helm::plain_version(kube_version)));
    }
    build.extend(api_versions.iter().map(|version| format!("--helm-api-versions={version}")));
    if !build.iter().any(|word| word.starts_with("--helm-command")) {
        build.push(format!("--helm-command={}", toolbox.helm()?.path.display()));
    }
    Ok(())
}

/// The components that are added; one that is not there is left out where the source says so.
fn existing_components(
    snapshot: &Snapshot,
    folder: &Target,
    source: &ApplicationSourceKustomize,
) -> Result<Vec<String>, RenderError> {
    let mut components: Vec<String> = Vec::new();
    for component in &source.components {
        if source.ignore_missing_components && snapshot.lookup_from(&folder.path, component)?.is_none() {
            continue;
        }
        components.push(component.clone());
    }
    Ok(components)
}

fn edits(
    source: &ApplicationSourceKustomize,
    environment: &Environment,
    components: Vec<String>,
) -> Result<Vec<Edit>, RenderError> {
    let mut edits = Vec::new();
    let mut command = |words: &[&str], arguments: Vec<String>| {
        // What a user wrote comes after `--`, so that it is never an option.
        let words = words.iter().copied().chain(["--"]).map(str::to_owned);
        edits.push(Edit::Command(words.chain(arguments).collect()));
    };
    if !source.name_prefix.is_empty() {
        command(&["set", "nameprefix"], vec![source.name_prefix.clone()]);
    }
    if !source.name_suffix.is_empty() {
        command(&["set", "namesuffix"], vec![source.name_suffix.clone()]);
    }
    if !source.images.is_empty() {
        let images = source.images.iter().map(|image| environment.substitute(image)).collect();
        command(&["set", "image"], images);
    }
    if !source.replicas.is_empty() {
        let replicas: Result<Vec<String>, RenderError> = source.replicas.iter().map(replica).collect();
        command(&["set", "replicas"], replicas?);
    }
    if !source.common_labels.is_empty() {
        let mut words = vec!["add", "label"];
        if source.force_common_labels {
            words.push("--force");
        }
        if source.label_without_selector {
            words.push("--without-selector");
        }
        if source.label_include_templates {
            words.push("--include-templates");
        }
        command(&words, pairs(&source.common_labels, |value| environment.substitute(value)));
    }
    if !source.common_annotations.is_empty() {
        let mut words = vec!["add", "annotation"];
        if source.force_common_annotations {
            words.push("--force");
        }
        let substitute = source.common_annotations_envsubst;
        let value = |value: &str| if substitute { environment.substitute(value) } else { value.to_owned() };
        command(&words, pairs(&source.common_annotations, value));
    }
    if !source.namespace.is_empty() {
        command(&["set", "namespace"], vec![source.namespace.clone()]);
    }
    if !source.patches.is_empty() {
        edits.push(Edit::Patches(source.patches.iter().map(patch).collect()));
    }
    if !components.is_empty() {
        let words = ["add", "component", "--"].map(str::to_owned);
        edits.push(Edit::Command(words.into_iter().chain(components).collect()));
    }
    Ok(edits)
}

fn replica(replica: &tiphys_api::application::KustomizeReplica) -> Result<String, RenderError> {
    match replica.count.as_int() {
        Some(count) => Ok(format!("{}={count}", replica.name)),
        None => Err(RenderError::Source(format!(
            "kustomize.replicas of {}: expected integer value for count. Received: {}",
            replica.name, replica.count
        ))),
    }
}

fn pairs(map: &BTreeMap<String, String>, value: impl Fn(&str) -> String) -> Vec<String> {
    map.iter().map(|(key, text)| format!("{key}:{}", value(text))).collect()
}

fn patch(patch: &KustomizePatch) -> Value {
    let mut entry = Map::new();
    let set = |entry: &mut Map<String, Value>, key: &str, text: &str| {
        if !text.is_empty() {
            entry.insert(key.to_owned(), Value::String(text.to_owned()));
        }
    };
    set(&mut entry, "path", &patch.path);
    set(&mut entry, "patch", &patch.patch);
    if let Some(target) = &patch.target {
        let mut selector = Map::new();
        for (key, text) in [
            ("group", &target.group),
            ("version", &target.version),
            ("kind", &target.kind),
            ("name", &target.name),
            ("namespace", &target.namespace),
            ("labelSelector", &target.label_selector),
            ("annotationSelector", &target.annotation_selector),
        ] {
            set(&mut selector, key, text);
        }
        entry.insert("target".to_owned(), Value::Object(selector));
    }
    if !patch.options.is_empty() {
        entry.insert("options".to_owned(), json!(patch.options));
    }
    Value::Object(entry)
}

impl KustomizePlan {
    /// Whether the files are changed before the build, so that it needs a copy of its own.
    pub(crate) fn edits_files(&self) -> bool {
        !self.edits.is_empty()
    }

    /// Builds it in `workspace`, which holds the files.
    pub(crate) async fn render(
        &self,
        workspace: &Workspace,
        limits: &Limits,
    ) -> Result<Rendered, RenderError> {
        let folder = workspace.files().join(&self.folder);
        for edit in &self.edits {
            match edit {
                Edit::Command(words) => {
                    let arguments = std::iter::once("edit").chain(words.iter().map(String::as_str));
                    let arguments = arguments.map(OsString::from).collect();
                    self.run(workspace, &folder, arguments).output(limits).await?;
                }
                Edit::Patches(patches) => add_patches(&folder, &self.folder, patches)?,
            }
        }
        let mut arguments: Vec<OsString> = vec!["build".into(), folder.clone().into_os_string()];
        arguments.extend(self.build.iter().map(OsString::from));
        let output = self.run(workspace, workspace.files(), arguments).output(limits).await?;
        from_output(&output, SourceType::Kustomize, self.limit_objects, "kustomize")
    }

    fn run<'a>(&'a self, workspace: &'a Workspace, folder: &'a Path, arguments: Vec<OsString>) -> Run<'a> {
        Run { tool: &self.tool, arguments, folder, home: workspace.home(), shown: workspace.shown() }
    }
}

fn add_patches(folder: &Path, shown: &str, patches: &[Value]) -> Result<(), RenderError> {
    let Some(name) = KUSTOMIZATIONS.into_iter().find(|name| folder.join(name).is_file()) else {
        return Err(RenderError::Content(format!("{shown}: there is no kustomization to add patches to")));
    };
    let path = folder.join(name);
    let shown = join(shown, name);
    let text = std::fs::read(&path).map_err(|error| RenderError::machine(format!("read {shown}"), error))?;
    let mut kustomization =
        yaml::parse_one(&text).map_err(|error| RenderError::Content(format!("{shown}: {error}")))?;
    if kustomization.is_null() {
        kustomization = Value::Object(Map::new());
    }
    let wrong = |what: &str| RenderError::Content(format!("{shown}: {what}"));
    let fields = kustomization.as_object_mut().ok_or_else(|| wrong("a kustomization must be a map"))?;
    match fields.entry("patches").or_insert(Value::Null) {
        Value::Array(present) => present.extend(patches.iter().cloned()),
        empty @ Value::Null => *empty = Value::Array(patches.to_vec()),
        _ => return Err(wrong("patches must be a list")),
    }
    std::fs::write(&path, yaml::emit(&kustomization))
        .map_err(|error| RenderError::machine(format!("write {shown}"), error))
}
