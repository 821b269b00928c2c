//! `app sync`.

use std::time::Duration;

use serde_json::{Value, json};
use tiphys_api::application::OperationState;
use tiphys_api::duration::{format_duration, parse_duration};
use tiphys_api::words::ResultCode;

use crate::app::{RevisionArgs, diff, selected};
use crate::backend::{App, Backend, ListQuery};
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::resources;
use crate::selector::ResourceSelector;
use crate::wait::{Conditions, Waiting};

/// Flags of `app sync`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names of the applications
    #[arg(required_unless_present_any = ["selector", "project"])]
    apps: Vec<String>,
    /// Only show what would be done
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    dry_run: Option<bool>,
    /// Delete objects that left the source
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    prune: Option<bool>,
    #[command(flatten)]
    revisions: RevisionArgs,
    /// Sync only these objects, as [!]GROUP:KIND:[NAMESPACE/]NAME; may be repeated
    #[arg(long)]
    resource: Vec<String>,
    /// Sync only objects with this label, as KEY=VALUE; may be repeated
    #[arg(long)]
    label: Vec<String>,
    /// Sync applications with these labels
    #[arg(short = 'l', long, conflicts_with = "apps")]
    selector: Option<String>,
    /// Sync applications of this project; may be repeated
    #[arg(long)]
    project: Vec<String>,
    /// Seconds after which waiting ends with an error; 0 for never
    #[arg(long, default_value_t = 0)]
    timeout: u64,
    /// Do not wait for the end
    #[arg(long = "async", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    is_async: Option<bool>,
    /// How often a failed sync is tried again; negative for no limit
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    retry_limit: i64,
    /// Take the newest revision for each try
    #[arg(long)]
    retry_refresh: bool,
    /// First wait between tries
    #[arg(long, default_value = "5s")]
    retry_backoff_duration: String,
    /// Longest wait between tries
    #[arg(long, default_value = "3m0s")]
    retry_backoff_max_duration: String,
    /// By how much each wait is longer than the one before
    #[arg(long, default_value_t = 2)]
    retry_backoff_factor: i64,
    /// Strategy: hook, or apply to leave hooks out
    #[arg(long)]
    strategy: Option<String>,
    /// Delete and create what can't be changed
    #[arg(long)]
    force: bool,
    /// Replace objects instead of patching them
    #[arg(long)]
    replace: bool,
    /// Apply on the server side
    #[arg(long)]
    server_side: bool,
    /// Sync only objects that are out of sync
    #[arg(long)]
    apply_out_of_sync_only: bool,
    /// A fact to be remembered with the sync, as KEY=VALUE; may be repeated
    #[arg(long)]
    info: Vec<String>,
    /// Show what would change and ask before syncing
    #[arg(long)]
    preview_changes: bool,
    /// Do not ask
    #[arg(long = "assumeYes")]
    assume_yes: bool,
    /// Not supported yet
    #[arg(long, hide = true)]
    local: Option<String>,
    /// Output format: wide, json, yaml, tree or tree=detailed
    #[arg(short, long, default_value = "wide")]
    output: String,
    /// Namespace of the applications
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app sync`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    if args.local.is_some() {
        return Err(
            CliError::new("--local is not supported yet").hint("commit to a branch and use --revision")
        );
    }
    if args.apps.len() != 1 && !args.revisions.revisions.is_empty() {
        return Err(CliError::failure(
            "Cannot use --revisions when 0 or more than 1 application names are passed as argument(s)",
        ));
    }
    let mut apps = args.apps.clone();
    if args.selector.is_some() || !args.project.is_empty() {
        let ask = ListQuery {
            selector: args.selector.clone().unwrap_or_default(),
            namespace: args.app_namespace.clone().unwrap_or_default(),
            projects: args.project.clone(),
        };
        apps.extend(selected(backend, &ask).await?);
    }
    for app in &apps {
        let name = AppName::parse(app, args.app_namespace.as_deref());
        Box::pin(sync(args, &name, backend, console)).await?;
    }
    Ok(())
}

async fn sync(args: &Args, name: &AppName, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let app = backend.get(name, None).await?;
    if app.typed.spec.has_multiple_sources() && args.revisions.revision.is_some() {
        return Err(CliError::failure(
            "argocd cli does not work on multi-source app with --revision flag. Use --revisions and --source-positions instead.",
        ));
    }
    let mut picked = args.resource.clone();
    if !args.label.is_empty() {
        picked.extend(labelled(args, name, &app, backend).await?);
    }
    let selectors = ResourceSelector::parse_all(&picked)?;
    let request = request(args, &app, &selectors, &picked)?;
    if args.preview_changes && !preview(args, name, &app, backend, console).await? {
        return Ok(());
    }
    backend.sync(name, request).await?;
    if args.is_async == Some(true) {
        return Ok(());
    }
    let waiting = Waiting {
        backend,
        name,
        conditions: Conditions::operation(),
        selectors: &selectors,
        timeout: (args.timeout > 0).then(|| Duration::from_secs(args.timeout)),
        output: &args.output,
    };
    let waited = Box::pin(waiting.run(console)).await?;
    match waited {
        Some(waited) if args.dry_run != Some(true) => {
            verdict(&waited.app, waited.operation.as_ref(), &selectors)
        }
        _ => Ok(()),
    }
}

/// The fields of the API's request.
fn request(
    args: &Args,
    app: &App,
    selectors: &[ResourceSelector],
    picked: &[String],
) -> Result<Value, CliError> {
    let revisions = args.revisions.resolve(app)?;
    let mut request = json!({
        "dryRun": args.dry_run.unwrap_or_default(),
        "prune": args.prune.unwrap_or_default(),
        "strategy": match args.strategy.as_deref() {
            None | Some("" | "hook") => json!({"hook": {"force": args.force}}),
            Some("apply") => json!({"apply": {"force": args.force}}),
            Some(other) => {
                return Err(CliError::failure(format!("Unknown sync strategy: '{other}'")).hint("one of: hook, apply"));
            }
        },
    });
    if !revisions.revision.is_empty() {
        request["revision"] = json!(revisions.revision);
    }
    if !revisions.revisions.is_empty() {
        request["revisions"] = json!(revisions.revisions);
        request["sourcePositions"] = json!(revisions.source_positions);
    }
    if !picked.is_empty() {
        let resources = resources::picked(&app.typed, selectors);
        if resources.is_empty() {
            return Err(CliError::failure(format!(
                "No matching app resources found for resource filter: {}",
                picked.join(", ")
            )));
        }
        request["resources"] = serde_json::to_value(resources)?;
    }
    let options: Vec<&str> = [
        (args.replace, "Replace=true"),
        (args.server_side, "ServerSideApply=true"),
        (args.apply_out_of_sync_only, "ApplyOutOfSyncOnly=true"),
    ]
    .into_iter()
    .filter_map(|(is_set, option)| is_set.then_some(option))
    .collect();
    if !options.is_empty() {
        request["syncOptions"] = json!({"items": options});
    }
    if args.retry_limit != 0 {
        let duration = |text: &str| {
            parse_duration(text).map(format_duration).map_err(|source| CliError::failure(source.to_string()))
        };
        request["retryStrategy"] = json!({
            "limit": args.retry_limit,
            "refresh": args.retry_refresh,
            "backoff": {
                "duration": duration(&args.retry_backoff_duration)?,
                "maxDuration": duration(&args.retry_backoff_max_duration)?,
                "factor": args.retry_backoff_factor,
            },
        });
    }
    if !args.info.is_empty() {
        let infos = args.info.iter().filter_map(|info| info.split_once('='));
        request["infos"] = infos.map(|(name, value)| json!({"name": name, "value": value})).collect();
    }
    Ok(request)
}

/// Objects with one of the labels, as `--resource` writes them.
async fn labelled(
    args: &Args,
    name: &AppName,
    app: &App,
    backend: &Backend,
) -> Result<Vec<String>, CliError> {
    let manifests = backend.manifests(name, &args.revisions.resolve(app)?).await?;
    let mut picked = Vec::new();
    for manifest in &manifests {
        let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let has = |label: &String| {
            let (key, value) = label.split_once('=').unwrap_or((label, ""));
            let labels = manifest.pointer("/metadata/labels");
            labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value)
        };
        if args.label.iter().any(has) {
            let group = text("/apiVersion").split_once('/').map(|(group, _)| group).unwrap_or_default();
            picked.push(format!("{group}:{}:{}", text("/kind"), text("/metadata/name")));
        }
    }
    if picked.is_empty() && args.resource.is_empty() {
        let labels = args.label.join(" ");
        return Err(CliError::failure(format!("No matching resources found for labels: [{labels}]")));
    }
    Ok(picked)
}

/// Shows what would change; whether to go on.
async fn preview(
    args: &Args,
    name: &AppName,
    app: &App,
    backend: &Backend,
    console: &mut Console,
) -> Result<bool, CliError> {
    console.line(&format!(
        "====== Previewing differences between live and desired state of application {name} ======"
    ))?;
    let differences = diff::of_application(backend, name, app, &args.revisions).await?;
    if differences.is_empty() {
        console.line("====== No Differences found ======")?;
        return Ok(false);
    }
    for difference in &differences {
        console.print(&difference.preview())?;
    }
    let question = format!(
        "Please review changes to application {name} shown above. Do you want to continue the sync process? (y/n): "
    );
    Ok(args.assume_yes || console.confirm(&question))
}

/// Whether the operation did what was asked for.
fn verdict(
    app: &App,
    operation: Option<&OperationState>,
    selectors: &[ResourceSelector],
) -> Result<(), CliError> {
    let Some(operation) = operation else { return Ok(()) };
    if operation.phase.is_failed() {
        let error = CliError::failure(format!("Operation has completed with phase: {}", operation.phase));
        return Err(error.hint(operation.message.clone()));
    }
    if !selectors.is_empty() || app.typed.status.sync.status.as_str() == "Synced" {
        return Ok(());
    }
    let results =
        operation.sync_result.as_ref().map(|result| result.resources.as_slice()).unwrap_or_default();
    match results.iter().filter(|result| result.status == ResultCode::PruneSkipped).count() {
        0 => Ok(()),
        count => {
            Err(CliError::failure(format!("{count} resources require pruning")).hint("repeat with --prune"))
        }
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

    fn args(line: &str) -> Args {
        Line::parse_from(std::iter::once("sync").chain(line.split_whitespace())).args
    }

    fn app() -> App {
        App::of(json!({"spec": {"source": {"repoURL": "x"}}, "status": {
            "sync": {"status": "OutOfSync"},
            "resources": [{"group": "apps", "kind": "Deployment", "namespace": "n", "name": "web"}, {"kind": "Service", "name": "web"}],
        }}))
        .unwrap()
    }

    fn request_of(line: &str) -> Result<Value, CliError> {
        let args = args(line);
        let selectors = ResourceSelector::parse_all(&args.resource)?;
        request(&args, &app(), &selectors, &args.resource.clone())
    }

    // covers: CLI-077
    #[test]
    fn flags_become_the_request() {
        assert_eq!(
            request_of("web").unwrap(),
            json!({"dryRun": false, "prune": false, "strategy": {"hook": {"force": false}}})
        );
        assert_eq!(
            request_of(
                "web --dry-run --prune --revision main --strategy apply --force --server-side --replace \
                 --apply-out-of-sync-only --retry-limit 3 --retry-backoff-max-duration 90s --info a=b=c --info x"
            )
            .unwrap(),
            json!({
                "dryRun": true, "prune": true, "revision": "main", "strategy": {"apply": {"force": true}},
                "syncOptions": {"items": ["Replace=true", "ServerSideApply=true", "ApplyOutOfSyncOnly=true"]},
                "retryStrategy": {"limit": 3, "refresh": false,
                    "backoff": {"duration": "5s", "maxDuration": "1m30s", "factor": 2}},
                "infos": [{"name": "a", "value": "b=c"}],
            })
        );
        let picked = request_of("web --resource apps:*:*").unwrap();
        assert_eq!(
            picked["resources"],
            json!([{"group": "apps", "kind": "Deployment", "name": "web", "namespace": "n"}])
        );
        let error = request_of("web --resource :Pod:x").unwrap_err().to_string();
        assert_eq!(error, "No matching app resources found for resource filter: :Pod:x");
        assert!(request_of("web --strategy magic").unwrap_err().to_string().contains("'magic'"));
    }

    // covers: CLI-077
    #[test]
    fn a_sync_that_failed_or_left_objects_to_prune_is_an_error() {
        let state = |json: Value| -> OperationState {
            let mut state = json!({"startedAt": "2026-01-01T00:00:00Z"});
            tiphys_api::patch::apply(&mut state, &json);
            serde_json::from_value(state).unwrap()
        };
        let failed = state(json!({"phase": "Failed", "message": "it broke"}));
        let error = verdict(&app(), Some(&failed), &[]).unwrap_err();
        assert_eq!(error.to_string(), "Operation has completed with phase: Failed\nhint: it broke");
        assert_eq!(error.exit_code(), 1);
        let result = json!({"kind": "A", "name": "a", "status": "PruneSkipped"});
        let kept =
            state(json!({"phase": "Succeeded", "syncResult": {"revision": "x", "resources": [result]}}));
        let error = verdict(&app(), Some(&kept), &[]).unwrap_err().to_string();
        assert!(error.starts_with("1 resources require pruning"), "{error}");
        let selectors = [ResourceSelector::parse("a:b:c").unwrap()];
        assert!(verdict(&app(), Some(&kept), &selectors).is_ok());
        assert!(verdict(&app(), Some(&state(json!({"phase": "Succeeded"}))), &[]).is_ok());
    }
}
