//! `app`: commands about applications.

mod create;
mod delete;
mod diff;
mod get;
mod history;
mod list;
mod manifests;
mod resources;
mod rollback;
mod source_flags;
mod sync;
mod terminate_op;
mod wait;

use std::process::ExitCode;

use clap::Subcommand;

use crate::backend::{App, Backend, ListQuery, ManifestQuery};
use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::CliError;

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum AppCommand {
    /// Create an application
    Create(Box<create::Args>),
    /// Delete applications
    Delete(delete::Args),
    /// Show what a sync would change; exit code 1 when it would change anything, 2 for errors
    Diff(diff::Args),
    /// Show an application
    Get(get::Args),
    /// Show the syncs that an application has had
    History(history::Args),
    /// List applications
    List(list::Args),
    /// Print the manifests of an application
    Manifests(manifests::Args),
    /// List the objects of an application
    Resources(resources::Args),
    /// Go back to an earlier sync
    Rollback(rollback::Args),
    /// Sync applications with their sources
    Sync(Box<sync::Args>),
    /// Stop the operation that runs
    TerminateOp(terminate_op::Args),
    /// Wait until applications are synced and healthy
    Wait(wait::Args),
}

/// Runs a command.
pub(crate) async fn run(
    command: AppCommand,
    connection: &ConnectionArgs,
    console: &mut Console,
) -> Result<ExitCode, CliError> {
    if let AppCommand::Diff(args) = &command {
        return Box::pin(diff::run(args, connection, console)).await;
    }
    let backend = connection.connect().await?;
    match &command {
        AppCommand::Create(args) => Box::pin(create::run(args, &backend, console)).await?,
        AppCommand::Delete(args) => Box::pin(delete::run(args, &backend, console)).await?,
        AppCommand::Get(args) => Box::pin(get::run(args, &backend, console)).await?,
        AppCommand::History(args) => Box::pin(history::run(args, &backend, console)).await?,
        AppCommand::List(args) => Box::pin(list::run(args, &backend, console)).await?,
        AppCommand::Manifests(args) => Box::pin(manifests::run(args, &backend, console)).await?,
        AppCommand::Resources(args) => Box::pin(resources::run(args, &backend, console)).await?,
        AppCommand::Rollback(args) => Box::pin(rollback::run(args, &backend, console)).await?,
        AppCommand::Sync(args) => Box::pin(sync::run(args, &backend, console)).await?,
        AppCommand::TerminateOp(args) => Box::pin(terminate_op::run(args, &backend, console)).await?,
        AppCommand::Wait(args) => Box::pin(wait::run(args, &backend, console)).await?,
        AppCommand::Diff(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The applications that a selector picks, which must be at least one.
async fn selected(backend: &Backend, ask: &ListQuery) -> Result<Vec<String>, CliError> {
    let apps = backend.list(ask).await?;
    if apps.is_empty() {
        let mut words = "No matching apps found for filter:".to_owned();
        if !ask.selector.is_empty() {
            words.push_str(&format!(" selector {}", ask.selector));
        }
        if !ask.projects.is_empty() {
            words.push_str(&format!(" projects [{}]", ask.projects.join(" ")));
        }
        return Err(CliError::failure(words));
    }
    Ok(apps.iter().map(App::qualified_name).collect())
}

/// Which revision of which source is meant.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct RevisionArgs {
    /// Revision of the one source
    #[arg(long)]
    revision: Option<String>,
    /// Revision of the source at the same place of --source-positions or --source-names; may be repeated
    #[arg(long)]
    revisions: Vec<String>,
    /// Positions of sources, counted from 1
    #[arg(long, value_delimiter = ',')]
    source_positions: Vec<i64>,
    /// Names of sources; may be repeated
    #[arg(long)]
    source_names: Vec<String>,
}

impl RevisionArgs {
    fn is_given(&self) -> bool {
        self.revision.is_some() || !self.revisions.is_empty()
    }

    /// Positions for names, after a check that everything fits together.
    fn resolve(&self, app: &App) -> Result<ManifestQuery, CliError> {
        let bad = |words: &str| Err(CliError::failure(words));
        if !self.source_names.is_empty() && !self.source_positions.is_empty() {
            return bad("Only one of source-positions and source-names can be specified.");
        }
        let mut positions = self.source_positions.clone();
        if !positions.is_empty() && positions.len() != self.revisions.len() {
            return bad(
                "While using --revisions and --source-positions, length of values for both flags should be same.",
            );
        }
        if !self.source_names.is_empty() && self.source_names.len() != self.revisions.len() {
            return bad(
                "While using --revisions and --source-names, length of values for both flags should be same.",
            );
        }
        if positions.iter().any(|position| *position <= 0) {
            return bad("source-position cannot be less than or equal to 0, Counting starts at 1");
        }
        for name in &self.source_names {
            let sources = app.typed.spec.user_sources();
            match sources.iter().position(|source| source.name == *name) {
                Some(place) => positions.push(i64::try_from(place + 1).unwrap_or(i64::MAX)),
                None => return Err(CliError::failure(format!("Unknown source name '{name}'"))),
            }
        }
        Ok(ManifestQuery {
            revision: self.revision.clone().unwrap_or_default(),
            revisions: self.revisions.clone(),
            source_positions: positions,
        })
    }
}
