//! `app wait`.

use std::time::Duration;

use crate::app::selected;
use crate::backend::{Backend, ListQuery};
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::selector::ResourceSelector;
use crate::wait::{Conditions, Waiting};

/// Flags of `app wait`. Without any condition sync, health and operation are waited for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names of the applications
    #[arg(required_unless_present = "selector")]
    apps: Vec<String>,
    /// Wait for sync
    #[arg(long)]
    sync: bool,
    /// Wait for health
    #[arg(long)]
    health: bool,
    /// Wait until suspended
    #[arg(long)]
    suspended: bool,
    /// Wait until degraded
    #[arg(long)]
    degraded: bool,
    /// Wait until deleted
    #[arg(long)]
    delete: bool,
    /// Wait for hydration
    #[arg(long)]
    hydrated: bool,
    /// Wait for the operation
    #[arg(long)]
    operation: bool,
    /// Wait for applications with these labels
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Wait only for these objects, as [!]GROUP:KIND:[NAMESPACE/]NAME; may be repeated
    #[arg(long)]
    resource: Vec<String>,
    /// Seconds after which waiting ends with an error; 0 for never
    #[arg(long, default_value_t = 0)]
    timeout: u64,
    /// Namespace of the applications
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
    /// Output format: wide, json, yaml, tree or tree=detailed
    #[arg(short, long, default_value = "wide")]
    output: String,
}

/// Runs `app wait`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let selectors = ResourceSelector::parse_all(&args.resource)?;
    let conditions = Conditions {
        sync: args.sync,
        health: args.health,
        operation: args.operation,
        suspended: args.suspended,
        degraded: args.degraded,
        delete: args.delete,
        hydrated: args.hydrated,
    };
    let mut apps = args.apps.clone();
    if let Some(selector) = &args.selector {
        let namespace = args.app_namespace.clone().unwrap_or_default();
        apps.extend(
            selected(backend, &ListQuery { selector: selector.clone(), namespace, ..ListQuery::default() })
                .await?,
        );
    }
    for app in &apps {
        let name = AppName::parse(app, args.app_namespace.as_deref());
        let waiting = Waiting {
            backend,
            name: &name,
            conditions: conditions.or_default(),
            selectors: &selectors,
            timeout: (args.timeout > 0).then(|| Duration::from_secs(args.timeout)),
            output: &args.output,
        };
        Box::pin(waiting.run(console)).await?;
    }
    Ok(())
}
