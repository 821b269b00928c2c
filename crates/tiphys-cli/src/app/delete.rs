//! `app delete`.

use std::time::Duration;

use crate::app::selected;
use crate::backend::{AppEvent, Backend, ListQuery};
use crate::console::Console;
use crate::error::{CliError, ErrorKind};
use crate::name::AppName;

/// Flags of `app delete`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names of the applications
    #[arg(required_unless_present = "selector")]
    apps: Vec<String>,
    /// Delete the application's objects too; what its finalizers say when missing, and yes without them
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    cascade: Option<bool>,
    /// In which order objects and what they own are deleted: foreground or background
    #[arg(short, long)]
    propagation_policy: Option<String>,
    /// Do not ask
    #[arg(short, long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    yes: Option<bool>,
    /// Delete applications with these labels
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Wait until the applications are gone
    #[arg(long)]
    wait: bool,
    /// Namespace of the applications
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app delete`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let mut apps = args.apps.clone();
    if let Some(selector) = &args.selector {
        let ask = ListQuery { selector: selector.clone(), ..ListQuery::default() };
        apps = selected(backend, &ask).await?;
    }
    let mut asks = args.cascade.unwrap_or(true) && console.is_terminal() && args.yes != Some(true);
    for app in &apps {
        let name = AppName::parse(app, args.app_namespace.as_deref());
        if asks {
            match confirm(&name, apps.len() > 1, console) {
                Answer::Yes => {}
                Answer::All => asks = false,
                Answer::No => {
                    console.line(&format!("The command to delete '{name}' was cancelled."))?;
                    continue;
                }
            }
        }
        // Watched from before the deletion, so that its end can't be missed.
        let events = if args.wait { Some(backend.watch(&name).await?) } else { None };
        backend.delete(&name, args.cascade, args.propagation_policy.as_deref()).await?;
        if let Some(events) = events {
            gone(&name, backend, events).await?;
        }
        console.line(&format!("application '{name}' deleted"))?;
    }
    Ok(())
}

enum Answer {
    Yes,
    No,
    All,
}

fn confirm(name: &AppName, is_one_of_many: bool, console: &mut Console) -> Answer {
    let question = match is_one_of_many {
        false => format!("Are you sure you want to delete '{name}' and all its resources? [y/n] "),
        true => format!(
            "Are you sure you want to delete '{name}' and all its resources? [y/n/a] where 'a' is to delete all specified apps and their resources without prompting "
        ),
    };
    loop {
        match console.ask(&question).map(|answer| answer.to_lowercase()).as_deref() {
            Some("y" | "yes") => return Answer::Yes,
            Some("a" | "all") if is_one_of_many => return Answer::All,
            Some("n" | "no") | None => return Answer::No,
            Some(_) => {}
        }
    }
}

/// Waits until the application is gone. What the watch misses, a look every few seconds does not.
async fn gone(
    name: &AppName,
    backend: &Backend,
    mut events: tokio::sync::mpsc::Receiver<AppEvent>,
) -> Result<(), CliError> {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await;
        if matches!(event, Ok(Some(AppEvent::Deleted))) {
            return Ok(());
        }
        if matches!(event, Ok(Some(_))) {
            continue;
        }
        match backend.get(name, None).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() != ErrorKind::Connection => return Err(error),
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}
