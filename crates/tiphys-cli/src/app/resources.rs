//! `app resources`.

use chrono::Utc;

use crate::backend::Backend;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::output;
use crate::tree::{self, ResourceFormat};

/// Flags of `app resources`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Only objects that nobody manages
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    orphaned: Option<bool>,
    /// Output format: tree or tree=detailed; a list of the first level when missing
    #[arg(long, default_value = "", hide_default_value = true)]
    output: String,
    /// Accepted for compatibility
    #[arg(long, hide = true)]
    project: Option<String>,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app resources`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let format = match &*args.output {
        "" => ResourceFormat::List,
        "tree" => ResourceFormat::Tree,
        "tree=detailed" => ResourceFormat::Detailed,
        other => return Err(output::unknown_format(other, "tree|tree=detailed")),
    };
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    if let (Backend::Core(_), true) = (backend, format != ResourceFormat::List || args.orphaned == Some(true))
    {
        console.note("note: with --core only the objects that the status names are known, not what they own");
    }
    let tree = backend.resource_tree(&name).await?;
    // Without the flag everything is listed; with it one of the two.
    let nodes = (args.orphaned != Some(true)).then_some(&*tree.nodes);
    let orphaned = (args.orphaned != Some(false)).then_some(&*tree.orphaned_nodes);
    console.print(&tree::resources(nodes, orphaned, format, Utc::now()))
}
