//! `app manifests`.

use serde_json::Value;
use tiphys_api::resource_tree::ResourceDiff;

use crate::app::RevisionArgs;
use crate::backend::Backend;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::output;

/// Flags of `app manifests`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Which manifests: git for rendered ones, live for those of the cluster
    #[arg(long, default_value = "git")]
    source: String,
    #[command(flatten)]
    revisions: RevisionArgs,
    /// Not supported yet
    #[arg(long, hide = true)]
    local: Option<String>,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app manifests`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    if args.local.is_some() {
        return Err(
            CliError::new("--local is not supported yet").hint("commit to a branch and use --revision")
        );
    }
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    let manifests = match &*args.source {
        "git" if args.revisions.is_given() => {
            let app = backend.get(&name, None).await?;
            backend.manifests(&name, &args.revisions.resolve(&app)?).await?
        }
        "git" => states(&backend.managed_resources(&name).await?, |item| &item.target_state)?,
        "live" => states(&backend.managed_resources(&name).await?, |item| &item.live_state)?,
        other => {
            return Err(CliError::failure(format!("Unknown source type '{other}'")).hint("one of: git, live"));
        }
    };
    let text: String =
        manifests.iter().map(|manifest| format!("---\n{}\n", output::yaml(manifest))).collect();
    console.print(&text)
}

/// One side of managed objects, where it is there.
fn states(items: &[ResourceDiff], side: fn(&ResourceDiff) -> &String) -> Result<Vec<Value>, CliError> {
    let mut states = Vec::new();
    for item in items {
        let text = side(item);
        if !text.is_empty() && text != "null" {
            states.push(serde_json::from_str(text)?);
        }
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CLI-070
    #[test]
    fn a_side_that_is_missing_is_left_out() {
        let item = |target: &str, live: &str| ResourceDiff {
            target_state: target.to_owned(),
            live_state: live.to_owned(),
            ..ResourceDiff::default()
        };
        let items = [item(r#"{"kind":"A"}"#, "null"), item("", r#"{"kind":"B"}"#)];
        assert_eq!(states(&items, |item| &item.target_state).unwrap().len(), 1);
        assert_eq!(states(&items, |item| &item.live_state).unwrap()[0]["kind"], "B");
        assert!(states(&[item("{", "")], |item| &item.target_state).is_err());
    }
}
