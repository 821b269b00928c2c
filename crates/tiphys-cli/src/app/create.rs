//! `app create`.

use std::io::Read;

use serde_json::{Map, Value, json};

use crate::api_server::escaped;
use crate::app::source_flags::SpecFlags;
use crate::backend::{App, Backend};
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;

const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// Flags of `app create`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: Option<String>,
    /// File or URL with Applications, `-` for standard input
    #[arg(short, long)]
    file: Option<String>,
    /// Name of the application, when it is not given otherwise
    #[arg(long, hide = true)]
    name: Option<String>,
    /// Change an application that exists
    #[arg(long)]
    upsert: bool,
    /// Label of the application, as KEY=VALUE; may be repeated
    #[arg(short = 'l', long)]
    label: Vec<String>,
    /// Annotation of the application, as KEY=VALUE; may be repeated
    #[arg(long)]
    annotations: Vec<String>,
    /// Delete the application's objects with it
    #[arg(long)]
    set_finalizer: bool,
    /// Check repository and cluster first
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    validate: Option<bool>,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
    #[command(flatten)]
    spec: SpecFlags,
}

/// Runs `app create`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let documents = match &args.file {
        Some(file) => read(file).await?,
        None => vec![
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {}, "spec": {}}),
        ],
    };
    for mut app in documents {
        complete(args, &mut app)?;
        let name = AppName {
            namespace: text(&app, "/metadata/namespace").to_owned(),
            name: text(&app, "/metadata/name").to_owned(),
        };
        let existing = backend.find(&name).await?;
        let created = backend.create(&app, args.upsert, args.validate.unwrap_or(true)).await?;
        let action = match existing {
            None => "created",
            Some(existing) if args.upsert && has_changed(&existing, &created) => "updated",
            Some(_) => "unchanged",
        };
        console.line(&format!("application '{}' {action}", created.typed.metadata.name))?;
    }
    Ok(())
}

fn text<'a>(app: &'a Value, path: &str) -> &'a str {
    app.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn has_changed(before: &App, after: &App) -> bool {
    let (before, after) = (&before.typed, &after.typed);
    before.spec != after.spec
        || before.metadata.labels != after.metadata.labels
        || before.metadata.annotations != after.metadata.annotations
        || before.metadata.finalizers != after.metadata.finalizers
}

/// The Applications of a file, of standard input or behind a URL.
async fn read(file: &str) -> Result<Vec<Value>, CliError> {
    let bad = |source: &dyn std::fmt::Display| CliError::new(format!("cannot read {file}: {source}"));
    let text = if file == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).map_err(|source| bad(&source))?;
        text
    } else if file.starts_with("https://") || file.starts_with("http://") {
        let response = reqwest::get(file).await.and_then(reqwest::Response::error_for_status);
        let text = response.map_err(|source| bad(&source))?.bytes().await;
        text.map_err(|source| bad(&source))?.to_vec()
    } else {
        std::fs::read(file).map_err(|source| bad(&source))?
    };
    let documents = tiphys_manifest::yaml::parse_stream(&text).map_err(|source| bad(&source))?;
    let documents = tiphys_manifest::flatten_lists(documents);
    if documents.is_empty() {
        return Err(bad(&"there is no Application in it"));
    }
    for document in &documents {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        if kind != "Application" {
            return Err(bad(&format!("it has a {kind:?}, where only Applications are expected")));
        }
    }
    Ok(documents)
}

/// Puts name, labels and the spec's flags into an Application.
fn complete(args: &Args, app: &mut Value) -> Result<(), CliError> {
    let given = args.app.as_ref().or(args.name.as_ref());
    let written = text(app, "/metadata/name").to_owned();
    let name = match given {
        Some(given) if !written.is_empty() && written != *given => {
            return Err(CliError::new(format!(
                "app name '{given}' does not match app spec metadata.name '{written}'"
            )));
        }
        Some(given) => given.clone(),
        None if written.is_empty() => {
            return Err(CliError::failure("no name is given").hint("app create NAME, or --file FILE"));
        }
        None => written,
    };
    if escaped(&name) != name {
        return Err(CliError::failure(format!("{name:?} can't be the name of an application"))
            .hint("a namespace is given by --app-namespace"));
    }
    let metadata = entry(app, "metadata");
    metadata.insert("name".to_owned(), json!(name));
    if let Some(namespace) = &args.app_namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    for (field, pairs) in [("labels", &args.label), ("annotations", &args.annotations)] {
        for pair in pairs {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CliError::failure(format!("{field} must be given as KEY=VALUE, not {pair:?}")));
            };
            let map = metadata.entry(field).or_insert_with(|| json!({}));
            map[key] = json!(value);
        }
    }
    if args.set_finalizer {
        let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
        let is_there =
            finalizers.as_array().is_some_and(|list| list.iter().any(|held| held == RESOURCES_FINALIZER));
        if let Some(list) = finalizers.as_array_mut().filter(|_| !is_there) {
            list.push(json!(RESOURCES_FINALIZER));
        }
    }
    args.spec.apply(entry(app, "spec"))
}

fn entry<'a>(app: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    let map = object(app);
    object(map.entry(field).or_insert(Value::Null))
}

/// The fields of a value, which becomes an object when it is none.
pub(super) fn object(value: &mut Value) -> &mut Map<String, Value> {
    loop {
        if let Value::Object(map) = value {
            return map;
        }
        *value = Value::Object(Map::new());
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn completed(line: &str, mut app: Value) -> Result<Value, CliError> {
        let args = Line::parse_from(std::iter::once("create").chain(line.split_whitespace())).args;
        complete(&args, &mut app)?;
        Ok(app)
    }

    // covers: CLI-060
    #[test]
    fn flags_become_an_application() {
        let app = completed(
            "guestbook --repo https://git/x --path guestbook --revision main --dest-server https://k --dest-namespace demo \
             --project p --sync-policy auto --auto-prune --self-heal --sync-option CreateNamespace=true \
             --directory-recurse -l a=b --annotations c=d=e --set-finalizer -N team",
            json!({}),
        );
        assert_eq!(
            app.unwrap(),
            json!({
                "metadata": {
                    "name": "guestbook", "namespace": "team", "labels": {"a": "b"}, "annotations": {"c": "d=e"},
                    "finalizers": ["resources-finalizer.argocd.argoproj.io"],
                },
                "spec": {
                    "project": "p",
                    "source": {"repoURL": "https://git/x", "path": "guestbook", "targetRevision": "main",
                               "directory": {"recurse": true}},
                    "destination": {"server": "https://k", "namespace": "demo"},
                    "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "syncOptions": ["CreateNamespace=true"]},
                },
            })
        );
    }

    #[test]
    fn a_name_that_contradicts_the_file_is_an_error() {
        let file = || json!({"metadata": {"name": "a"}, "spec": {"project": "p"}});
        let error = completed("b", file()).unwrap_err().to_string();
        assert_eq!(error, "app name 'b' does not match app spec metadata.name 'a'");
        assert_eq!(completed("", file()).unwrap()["spec"]["project"], "p");
        assert!(completed("", json!({})).is_err());
        assert!(completed("team/a", json!({})).is_err());
    }
}
