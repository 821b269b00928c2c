//! `app terminate-op`.

use crate::backend::Backend;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;

/// Flags of `app terminate-op`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names of the applications
    #[arg(required = true)]
    apps: Vec<String>,
    /// Namespace of the applications
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app terminate-op`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    for app in &args.apps {
        let name = AppName::parse(app, args.app_namespace.as_deref());
        backend.terminate(&name).await?;
        console.line(&format!("Application '{name}' operation terminating"))?;
    }
    Ok(())
}
