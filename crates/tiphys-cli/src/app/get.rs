//! `app get`.

use std::time::Duration;

use chrono::Utc;

use crate::backend::{App, Backend, Refresh};
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::summary::{self, Windows};
use crate::{output, resources, tree};

/// Flags of `app get`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Output format: wide, json, yaml, tree or tree=detailed
    #[arg(short, long, default_value = "wide")]
    output: String,
    /// Compare the application anew before it is shown
    #[arg(long)]
    refresh: bool,
    /// As --refresh, with manifests rendered anew
    #[arg(long)]
    hard_refresh: bool,
    /// Show the operation
    #[arg(long)]
    show_operation: bool,
    /// Show the parameters
    #[arg(long)]
    show_params: bool,
    /// Position of the source whose parameters are shown, counted from 1
    #[arg(long, default_value_t = -1, allow_negative_numbers = true, hide_default_value = true)]
    source_position: i64,
    /// Name of the source whose parameters are shown
    #[arg(long, conflicts_with = "source_position")]
    source_name: Option<String>,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
    /// Seconds after which the application is shown without the refresh
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    timeout: u64,
}

/// Runs `app get`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    if !matches!(&*args.output, "wide" | "" | "json" | "yaml" | "tree" | "tree=detailed") {
        return Err(output::unknown_format(&args.output, "json|yaml|wide|tree|tree=detailed"));
    }
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    let refresh = Refresh::of(args.refresh, args.hard_refresh);
    let app = match args.timeout {
        0 => backend.get(&name, refresh).await?,
        seconds => {
            match tokio::time::timeout(Duration::from_secs(seconds), backend.get(&name, refresh)).await {
                Ok(app) => app?,
                Err(_) => backend.get(&name, None).await?,
            }
        }
    };
    if let Some(document) = output::document(&app.raw, &args.output)? {
        return console.print(&document);
    }
    let url = backend.app_url(&name.name).await;
    let windows = backend.windows(&app).await;
    let mut text = head(args, &app, &url, &windows)?;
    match &*args.output {
        "tree" | "tree=detailed" => {
            let tree = backend.resource_tree(&name).await?;
            if !tree.nodes.is_empty() {
                let states = resources::states(&app.typed, &[]);
                let detailed = args.output == "tree=detailed";
                text.push_str(&format!(
                    "\n{}",
                    tree::application(&tree.nodes, &states, detailed, Utc::now())
                ));
            }
        }
        _ if app.typed.status.resources.is_empty() => {}
        _ => text.push_str(&format!("\n{}", resources::table(&app.typed))),
    }
    console.print(&text)
}

fn head(args: &Args, app: &App, url: &str, windows: &Windows) -> Result<String, CliError> {
    let mut text = summary::summary(&app.typed, url, windows, Utc::now());
    let conditions = summary::conditions(&app.typed);
    if !conditions.is_empty() {
        text.push_str(&format!("\n{conditions}\n"));
    }
    if let Some(state) = app.typed.status.operation_state.as_ref().filter(|_| args.show_operation) {
        text.push_str(&format!("\n{}", summary::operation(state, Utc::now())));
    }
    if args.show_params {
        text.push_str(&parameters(args, app)?);
    }
    Ok(text)
}

fn parameters(args: &Args, app: &App) -> Result<String, CliError> {
    let sources = app.typed.spec.effective_sources();
    let place = match &args.source_name {
        Some(name) => match sources.iter().position(|source| source.name == *name) {
            Some(place) => place,
            None => return Err(CliError::failure(format!("Unknown source name '{name}'"))),
        },
        None if sources.len() > 1 => {
            let position = usize::try_from(args.source_position).unwrap_or_default();
            if position == 0 || position > sources.len() {
                return Err(CliError::new(
                    "Source position should be specified and must be greater than 0 for applications with multiple sources",
                )
                .hint(format!("there are {} sources", sources.len())));
            }
            position - 1
        }
        None => 0,
    };
    Ok(sources.get(place).map(summary::parameters).unwrap_or_default())
}
