//! `app rollback`.

use std::time::Duration;

use tiphys_api::application::RevisionHistory;

use crate::backend::Backend;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::wait::{Conditions, Waiting};

/// Flags of `app rollback`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Entry of the history (`app history`); the one before the last when missing
    id: Option<i64>,
    /// Delete objects that the earlier sync did not have
    #[arg(long)]
    prune: bool,
    /// Seconds after which waiting ends with an error; 0 for never
    #[arg(long, default_value_t = 0)]
    timeout: u64,
    /// Output format: wide, json, yaml, tree or tree=detailed
    #[arg(short, long, default_value = "wide")]
    output: String,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app rollback`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    let app = backend.get(&name, None).await?;
    let id = entry(&app.typed.status.history, args.id, &name)?;
    backend.rollback(&name, id, args.prune).await?;
    let waiting = Waiting {
        backend,
        name: &name,
        conditions: Conditions::operation(),
        selectors: &[],
        timeout: (args.timeout > 0).then(|| Duration::from_secs(args.timeout)),
        output: &args.output,
    };
    let waited = Box::pin(waiting.run(console)).await?;
    match waited.and_then(|waited| waited.operation) {
        Some(operation) if operation.phase.is_failed() => {
            Err(CliError::failure(format!("Operation has completed with phase: {}", operation.phase)))
        }
        _ => Ok(()),
    }
}

/// The entry that is meant.
fn entry(history: &[RevisionHistory], id: Option<i64>, name: &AppName) -> Result<i64, CliError> {
    match id {
        Some(id) if history.iter().any(|entry| entry.id == id) => Ok(id),
        Some(id) => Err(CliError::new(format!(
            "application '{}' does not have deployment id '{id}' in history",
            name.name
        ))
        .hint(format!("see which there are: app history {name}"))),
        None => match history {
            [.., before, _] => Ok(before.id),
            _ => Err(CliError::new(format!(
                "application '{}' should have at least two successful deployments",
                name.name
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CLI-075
    #[test]
    fn without_an_id_the_entry_before_the_last_is_meant() {
        let history: Vec<RevisionHistory> =
            [4, 7, 9].map(|id| RevisionHistory { id, ..RevisionHistory::default() }).into();
        let name = AppName::parse("web", None);
        assert_eq!(entry(&history, None, &name).unwrap(), 7);
        assert_eq!(entry(&history, Some(4), &name).unwrap(), 4);
        let error = entry(&history, Some(5), &name).unwrap_err().to_string();
        assert!(error.starts_with("application 'web' does not have deployment id '5' in history"), "{error}");
        let error = entry(&history[..1], None, &name).unwrap_err().to_string();
        assert_eq!(error, "application 'web' should have at least two successful deployments");
    }
}
