//! `app diff`: what a sync would change.

use std::process::{Command, ExitCode};

use serde_json::Value;
use tiphys_api::resource_tree::ResourceDiff;
use tiphys_diff::DiffContext;

use crate::app::RevisionArgs;
use crate::backend::{App, Backend, Refresh};
use crate::commands::words;
use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::output;

/// The exit code of an error, which must not look like a difference.
const ERROR_EXIT_CODE: u8 = 2;
/// The program that shows differences, with its first arguments.
const EXTERNAL_DIFF: &str = "KUBECTL_EXTERNAL_DIFF";

/// Flags of `app diff`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Compare the application anew before
    #[arg(long)]
    refresh: bool,
    /// As --refresh, with manifests rendered anew
    #[arg(long)]
    hard_refresh: bool,
    /// Whether a difference is told by the exit code
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    exit_code: Option<bool>,
    /// The exit code for a difference
    #[arg(long, default_value_t = 1)]
    diff_exit_code: u8,
    #[command(flatten)]
    revisions: RevisionArgs,
    /// Not supported yet
    #[arg(long, hide = true)]
    local: Option<String>,
    /// Not supported yet
    #[arg(long, hide = true)]
    server_side_generate: bool,
    /// Not supported yet
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    server_side_diff: Option<bool>,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app diff`.
pub(crate) async fn run(
    args: &Args,
    connection: &ConnectionArgs,
    console: &mut Console,
) -> Result<ExitCode, CliError> {
    let result = Box::pin(differences(args, connection)).await;
    let differences = result.map_err(|error| error.with_exit_code(ERROR_EXIT_CODE))?;
    for difference in &differences {
        console.print(&difference.head())?;
        show(difference, console)?;
    }
    match differences.is_empty() || args.exit_code == Some(false) {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::from(args.diff_exit_code)),
    }
}

async fn differences(args: &Args, connection: &ConnectionArgs) -> Result<Vec<Shown>, CliError> {
    for (is_given, flag) in [
        (args.local.is_some(), "--local"),
        (args.server_side_generate, "--server-side-generate"),
        (args.server_side_diff == Some(true), "--server-side-diff"),
    ] {
        if is_given {
            return Err(CliError::new(format!("{flag} is not supported yet")));
        }
    }
    let backend = connection.connect().await?;
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    let app = backend.get(&name, Refresh::of(args.refresh, args.hard_refresh)).await?;
    of_application(&backend, &name, &app, &args.revisions).await
}

/// What differs of an application: from its own revision, or from those that are given.
pub(super) async fn of_application(
    backend: &Backend,
    name: &AppName,
    app: &App,
    revisions: &RevisionArgs,
) -> Result<Vec<Shown>, CliError> {
    let managed = backend.managed_resources(name).await?;
    let mut differences = match revisions.is_given() {
        false => of_managed(&managed)?,
        true => {
            let manifests = backend.manifests(name, &revisions.resolve(app)?).await?;
            of_manifests(&managed, manifests, &app.typed.spec.destination.namespace)?
        }
    };
    differences.sort_by_key(|difference| difference.key.clone());
    Ok(differences)
}

/// One object that differs.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    /// Group, kind, namespace, name.
    key: [String; 4],
    live: Option<Value>,
    target: Option<Value>,
}

impl Shown {
    fn head(&self) -> String {
        let [group, kind, namespace, name] = &self.key;
        format!("\n===== {group}/{kind} {namespace}/{name} ======\n")
    }

    /// The difference as text, without a heading.
    pub(super) fn text(&self) -> String {
        let side = |side: &Option<Value>| side.as_ref().map(output::yaml).unwrap_or_default();
        tiphys_diff::unified(&side(&self.target), &side(&self.live))
    }

    /// Heading and text.
    pub(super) fn preview(&self) -> String {
        format!("{}{}", self.head(), self.text())
    }
}

fn state(text: &str) -> Result<Option<Value>, CliError> {
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(text)?))
}

fn key(item: &ResourceDiff) -> [String; 4] {
    [item.group.clone(), item.kind.clone(), item.namespace.clone(), item.name.clone()]
}

/// The server's own verdicts. Hooks are no part of them.
fn of_managed(managed: &[ResourceDiff]) -> Result<Vec<Shown>, CliError> {
    let mut differences = Vec::new();
    for item in managed.iter().filter(|item| !item.hook) {
        let (live, target) = match (state(&item.live_state)?, state(&item.target_state)?) {
            (None, None) => continue,
            (Some(_), Some(_)) if !item.modified => continue,
            // Both sides without what is never compared, the target with what the cluster adds to it.
            (Some(live), Some(target)) => (
                Some(state(&item.normalized_live_state)?.unwrap_or(live)),
                Some(state(&item.predicted_live_state)?.unwrap_or(target)),
            ),
            (live, target) => {
                let live = state(&item.normalized_live_state)?.filter(|_| live.is_some()).or(live);
                (live, target)
            }
        };
        differences.push(Shown { key: key(item), live, target });
    }
    Ok(differences)
}

/// Manifests of another revision against the live objects. Secrets are left out: their live values are masked.
fn of_manifests(
    managed: &[ResourceDiff],
    manifests: Vec<Value>,
    namespace: &str,
) -> Result<Vec<Shown>, CliError> {
    let mut targets: Vec<([String; 4], Value)> = Vec::new();
    for manifest in manifests {
        let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_hook = manifest.pointer("/metadata/annotations").is_some_and(|annotations| {
            annotations.get("argocd.argoproj.io/hook").or(annotations.get("helm.sh/hook")).is_some()
        });
        if is_hook {
            continue;
        }
        let api_version = text("/apiVersion");
        let group = api_version.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
        let key = [group, text("/kind"), text("/metadata/namespace"), text("/metadata/name")];
        targets.push((key, manifest));
    }
    let is_secret = |key: &[String; 4]| key[0].is_empty() && key[1] == "Secret";
    let mut differences = Vec::new();
    for item in managed.iter().filter(|item| !item.hook) {
        let key = key(item);
        let place = targets.iter().position(|(target, _)| {
            let is_in =
                target[2] == key[2] || (target[2].is_empty() && (key[2].is_empty() || key[2] == namespace));
            target[0] == key[0] && target[1] == key[1] && target[3] == key[3] && is_in
        });
        let target = place.map(|place| targets.swap_remove(place).1);
        let live = state(&item.normalized_live_state)?.or(state(&item.live_state)?);
        if is_secret(&key) {
            continue;
        }
        let shown = match (live, target) {
            (None, None) => continue,
            (Some(live), Some(mut target)) => {
                if let Some(metadata) = target.get_mut("metadata").and_then(Value::as_object_mut)
                    && let Some(live_namespace) = live.pointer("/metadata/namespace")
                {
                    metadata.insert("namespace".to_owned(), live_namespace.clone());
                }
                keep_tracking(&live, &mut target);
                let difference = tiphys_diff::compare(&target, &live, &DiffContext::default());
                if !difference.modified {
                    continue;
                }
                Shown { key, live: Some(difference.normalized_live), target: Some(difference.predicted_live) }
            }
            (live, target) => Shown { key, live, target },
        };
        differences.push(shown);
    }
    let new = targets.into_iter().filter(|(key, _)| !is_secret(key));
    differences.extend(new.map(|(key, target)| Shown { key, live: None, target: Some(target) }));
    Ok(differences)
}

/// Rendered manifests do not say whose they are; the live object does.
fn keep_tracking(live: &Value, target: &mut Value) {
    for (map, mark) in
        [("annotations", "argocd.argoproj.io/tracking-id"), ("labels", "app.kubernetes.io/instance")]
    {
        let Some(value) = live.get("metadata").and_then(|metadata| metadata.get(map)?.get(mark)) else {
            continue;
        };
        let Some(metadata) = target.get_mut("metadata").and_then(Value::as_object_mut) else { continue };
        let marks = metadata.entry(map).or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(marks) = marks.as_object_mut() {
            marks.entry(mark).or_insert_with(|| value.clone());
        }
    }
}

/// By the program that the environment names, else by our own text.
fn show(difference: &Shown, console: &mut Console) -> Result<(), CliError> {
    let external = std::env::var(EXTERNAL_DIFF).unwrap_or_default();
    let command = words(&external);
    let Some((program, args)) = command.split_first() else { return console.print(&difference.text()) };
    let side = |side: &Option<Value>| side.as_ref().map(output::yaml).unwrap_or_default();
    let [_, _, _, name] = &difference.key;
    let run = || -> std::io::Result<()> {
        let folder = scratch_folder()?;
        // A name of an object has no slash; what comes from a server is not trusted to keep to that.
        let name = name.replace(['/', '\\'], "_");
        let (live, target) = (folder.join(format!("{name}-live.yaml")), folder.join(name));
        std::fs::write(&live, side(&difference.live))?;
        std::fs::write(&target, side(&difference.target))?;
        // The program's exit code says only that there is a difference.
        let status = Command::new(program).args(args).arg(&live).arg(&target).status().map(|_| ());
        let _ = std::fs::remove_dir_all(&folder);
        status
    };
    run().map_err(|source| {
        CliError::new(format!("cannot run {program:?}: {source}"))
            .hint(format!("it is named by {EXTERNAL_DIFF}"))
            .with_exit_code(ERROR_EXIT_CODE)
    })
}

/// A folder that only this user can read.
fn scratch_folder() -> std::io::Result<std::path::PathBuf> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("argocd-diff-{}-{number}", std::process::id()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    }
    #[cfg(not(unix))]
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
mod tests {
    use serde_json::json;

    use super::*;

    fn item(name: &str, live: Value, target: Value, modified: bool) -> ResourceDiff {
        let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        ResourceDiff {
            kind: "ConfigMap".into(),
            namespace: "n".into(),
            name: name.into(),
            live_state: text(&live),
            normalized_live_state: text(&live),
            target_state: text(&target),
            predicted_live_state: text(&target),
            modified,
            ..ResourceDiff::default()
        }
    }

    fn config_map(name: &str, value: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": {"x": value}})
    }

    // covers: CLI-063
    #[test]
    fn what_is_modified_missing_or_too_much_is_shown() {
        let managed = [
            item("same", config_map("same", "1"), config_map("same", "1"), false),
            item("changed", config_map("changed", "1"), config_map("changed", "2"), true),
            item("new", Value::Null, config_map("new", "1"), false),
            item("old", config_map("old", "1"), Value::Null, false),
            ResourceDiff { hook: true, ..item("hook", Value::Null, config_map("hook", "1"), false) },
        ];
        let shown = of_managed(&managed).unwrap();
        let names: Vec<&str> = shown.iter().map(|shown| shown.key[3].as_str()).collect();
        assert_eq!(names, ["changed", "new", "old"]);
        assert_eq!(shown[0].head(), "\n===== /ConfigMap n/changed ======\n");
        let text = shown[0].text();
        assert!(text.contains("-  x: \"1\"\n+  x: \"2\"\n"), "{text}");
        assert!(shown[1].text().lines().skip(3).all(|line| line.starts_with('+')), "{}", shown[1].text());
    }

    // covers: CLI-063
    #[test]
    fn another_revision_is_compared_with_the_live_objects() {
        let mut tracked = config_map("same", "1");
        tracked["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "a:/ConfigMap:n/same"});
        let managed = [
            item("same", tracked, Value::Null, false),
            item("changed", config_map("changed", "1"), Value::Null, false),
            item("gone", config_map("gone", "1"), config_map("gone", "1"), false),
        ];
        let mut without_namespace = config_map("same", "1");
        without_namespace["metadata"].as_object_mut().unwrap().remove("namespace");
        let mut hook = config_map("hook", "1");
        hook["metadata"]["annotations"] = json!({"argocd.argoproj.io/hook": "Sync"});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        let manifests =
            vec![without_namespace, config_map("changed", "2"), config_map("new", "1"), hook, secret];
        let shown = of_manifests(&managed, manifests, "n").unwrap();
        let mut names: Vec<&str> = shown.iter().map(|shown| shown.key[3].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["changed", "gone", "new"]);
    }
}
