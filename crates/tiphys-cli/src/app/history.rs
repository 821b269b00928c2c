//! `app history`.

use tiphys_api::application::{ApplicationSource, RevisionHistory};

use crate::backend::Backend;
use crate::console::Console;
use crate::error::CliError;
use crate::name::AppName;
use crate::output;
use crate::rows;
use crate::table::Table;

/// Flags of `app history`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the application
    app: String,
    /// Output format: wide or id
    #[arg(short, long, default_value = "wide")]
    output: String,
    /// Namespace of the application
    #[arg(short = 'N', long)]
    app_namespace: Option<String>,
}

/// Runs `app history`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    let name = AppName::parse(&args.app, args.app_namespace.as_deref());
    if !matches!(&*args.output, "wide" | "" | "id") {
        return Err(output::unknown_format(&args.output, "wide|id"));
    }
    let app = backend.get(&name, None).await?;
    let history = &app.typed.status.history;
    let text = match &*args.output {
        "id" => history.iter().map(|entry| format!("{}\n", entry.id)).collect(),
        _ => table(history),
    };
    console.print(&text)
}

/// One block for each repository, in the order in which they appear.
fn table(history: &[RevisionHistory]) -> String {
    let mut blocks: Vec<(String, Vec<[String; 3]>)> = Vec::new();
    let mut add = |source: &ApplicationSource, revision: &str, entry: &RevisionHistory| {
        let mut target = source.target_revision.clone();
        if revision.len() >= 7 {
            target = format!("{target} ({})", rows::short(revision));
        }
        let row = [entry.id.to_string(), rows::time(entry.deployed_at), target];
        match blocks.iter_mut().find(|(repository, _)| *repository == source.repo_url) {
            Some((_, rows)) => rows.push(row),
            None => blocks.push((source.repo_url.clone(), vec![row])),
        }
    };
    for entry in history {
        if entry.sources.is_empty() {
            add(&entry.source, &entry.revision, entry);
        }
        let is_complete = entry.revisions.len() == entry.sources.len();
        for (place, source) in entry.sources.iter().enumerate() {
            let revision = entry.revisions.get(place).filter(|_| is_complete);
            add(source, revision.map(String::as_str).unwrap_or_default(), entry);
        }
    }
    let mut table = Table::default();
    for (place, (repository, rows)) in blocks.into_iter().enumerate() {
        if place > 0 {
            table.row([""]);
        }
        table.row(["SOURCE", &repository]);
        table.row(["ID", "DATE", "REVISION"]);
        rows.into_iter().for_each(|row| table.row(row));
    }
    table.take()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // covers: CLI-067
    #[test]
    fn history_is_told_by_repository() {
        let history: Vec<RevisionHistory> = serde_json::from_value(json!([
            {"id": 0, "revision": "0123456789", "deployedAt": "2026-03-04T05:06:07Z",
             "source": {"repoURL": "https://git/a", "targetRevision": "main"}},
            {"id": 1, "revision": "1.2", "deployedAt": "2026-03-05T05:06:07Z",
             "source": {"repoURL": "https://git/a", "targetRevision": "1.2"}},
            {"id": 2, "deployedAt": "2026-03-06T05:06:07Z", "revisions": ["abcdefabcdef", "1.0.0-long"],
             "sources": [{"repoURL": "https://git/a", "targetRevision": "main"},
                         {"repoURL": "https://charts/b", "targetRevision": "1.0.0"}]},
        ]))
        .unwrap();
        assert_eq!(
            table(&history),
            "\
SOURCE  https://git/a
ID      DATE                           REVISION
0       2026-03-04 05:06:07 +0000 UTC  main (0123456)
1       2026-03-05 05:06:07 +0000 UTC  1.2
2       2026-03-06 05:06:07 +0000 UTC  main (abcdefa)

SOURCE  https://charts/b
ID      DATE                           REVISION
2       2026-03-06 05:06:07 +0000 UTC  1.0.0 (1.0.0-l)
"
        );
        assert_eq!(table(&[]), "");
    }
}
