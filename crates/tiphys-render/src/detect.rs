//! Which tool renders a folder, and the parameters that the folder itself brings along.

use serde::Serialize;
use serde_json::Value;
use tiphys_api::application::ApplicationSource;
use tiphys_git::{Kind, Snapshot, Target, join};
use tiphys_manifest::yaml;

use crate::error::RenderError;
use crate::inputs::ToolOptions;
use crate::plan::SourceType;

/// Bytes of a file with parameters.
const PARAMETERS_LIMIT: u64 = 1 << 20;

/// File names that make a folder a kustomization.
pub(crate) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Finds the folder of a source.
pub(crate) fn folder(snapshot: &Snapshot, path: &str) -> Result<Target, RenderError> {
    let wrong = |what: &str| RenderError::Source(format!("{path}: {what}"));
    if path.starts_with('/') {
        return Err(wrong("app path is absolute"));
    }
    let found = match snapshot.lookup(path) {
        Err(tiphys_git::TreeError::OutOfBounds { .. }) => return Err(wrong("app path outside root")),
        found => found?,
    };
    match found {
        None => Err(wrong("app path does not exist")),
        Some(target) if target.kind != Kind::Tree => Err(wrong("app path is not a directory")),
        Some(target) => Ok(target),
    }
}

/// The tool that the source names, else the one that the files of the folder ask for.
pub(crate) fn source_type(
    snapshot: &Snapshot,
    folder: &Target,
    source: &ApplicationSource,
    options: &ToolOptions,
) -> Result<SourceType, RenderError> {
    let named = [
        (says_something(source.kustomize.as_ref()), SourceType::Kustomize),
        (says_something(source.helm.as_ref()), SourceType::Helm),
        (says_something(source.directory.as_ref()), SourceType::Directory),
        (says_something(source.plugin.as_ref()), SourceType::Plugin),
    ];
    let named: Vec<SourceType> = named.into_iter().filter(|(set, _)| *set).map(|(_, tool)| tool).collect();
    let enabled = |tool: SourceType| match tool {
        SourceType::Helm => !options.helm_disabled,
        SourceType::Kustomize => !options.kustomize_disabled,
        SourceType::Directory | SourceType::Plugin => true,
    };
    let found = match named.as_slice() {
        [] => discovered(snapshot, folder, enabled)?,
        [one] => *one,
        several => {
            let names: Vec<&str> = several.iter().map(|tool| tool.name()).collect();
            let names = names.join(",");
            return Err(RenderError::Source(format!("multiple application sources defined: {names}")));
        }
    };
    Ok(if enabled(found) { found } else { SourceType::Directory })
}

/// Whether a tool's block is there and has a field that is not the zero of its type: an empty block, as forms write it,
/// names no tool.
fn says_something(block: Option<&impl Serialize>) -> bool {
    fn is_zero(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.values().all(is_zero),
        }
    }
    block.is_some_and(|block| serde_json::to_value(block).is_ok_and(|value| !is_zero(&value)))
}

/// The last file that names a tool decides, in the order of the names.
fn discovered(
    snapshot: &Snapshot,
    folder: &Target,
    enabled: impl Fn(SourceType) -> bool,
) -> Result<SourceType, RenderError> {
    let mut found = SourceType::Directory;
    for entry in snapshot.list(folder)? {
        let tool = match entry.name.as_str() {
            name if name.ends_with("Chart.yaml") => SourceType::Helm,
            name if KUSTOMIZATIONS.contains(&name) => SourceType::Kustomize,
            _ => continue,
        };
        if matches!(entry.kind, Kind::File { .. } | Kind::Link) && enabled(tool) {
            found = tool;
        }
    }
    Ok(found)
}

/// Merges `.argocd-source.yaml` and `.argocd-source-<application>.yaml` over the options of the tools. Where the
/// source is and which of it is taken stays as the application says.
pub(crate) fn with_parameter_files(
    snapshot: &Snapshot,
    folder: &Target,
    source: &ApplicationSource,
    app_instance_name: &str,
) -> Result<ApplicationSource, RenderError> {
    let mut merged: Option<Value> = None;
    let generic = ".argocd-source.yaml".to_owned();
    for name in [generic, format!(".argocd-source-{app_instance_name}.yaml")] {
        if name.contains('/') {
            continue;
        }
        let path = join(&folder.path, &name);
        let Some(file) = snapshot.lookup(&path)?.filter(|file| file.kind != Kind::Tree) else { continue };
        let wrong = |what: &dyn std::fmt::Display| RenderError::Content(format!("{path}: {what}"));
        let patch =
            yaml::parse_one(&snapshot.read(&file, PARAMETERS_LIMIT)?).map_err(|error| wrong(&error))?;
        let value = match merged.take() {
            Some(value) => value,
            None => serde_json::to_value(source).map_err(|error| wrong(&error))?,
        };
        merged = Some(merge(value, patch));
    }
    let Some(merged) = merged else { return Ok(source.clone()) };
    let merged: ApplicationSource = serde_json::from_value(merged).map_err(|error| {
        RenderError::Content(format!("{}: parameters of the source: {error}", folder.path))
    })?;
    Ok(ApplicationSource {
        helm: merged.helm,
        kustomize: merged.kustomize,
        directory: merged.directory,
        plugin: merged.plugin,
        ..source.clone()
    })
}

/// JSON merge patch (RFC 7396).
fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut target = match target {
        Value::Object(target) => target,
        _ => serde_json::Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            let old = target.remove(&key).unwrap_or(Value::Null);
            target.insert(key, merge(old, value));
        }
    }
    Value::Object(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_block_names_no_tool() {
        let source = |text: &str| serde_json::from_str::<ApplicationSource>(text).unwrap();
        let empty = source(r#"{"repoURL": "u", "directory": {"jsonnet": {}, "recurse": false}}"#);
        assert!(!says_something(empty.directory.as_ref()));
        let set = source(r#"{"repoURL": "u", "directory": {"recurse": true}}"#);
        assert!(says_something(set.directory.as_ref()));
    }
}
