//! `app list`.

use serde_json::Value;

use crate::backend::{App, Backend, ListQuery};
use crate::console::Console;
use crate::error::CliError;
use crate::output;
use crate::rows;
use crate::table::Table;

/// Flags of `app list`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Output format: wide, name, json or yaml
    #[arg(short, long, default_value = "wide")]
    output: String,
    /// Only applications with these labels
    #[arg(short = 'l', long, default_value = "", hide_default_value = true)]
    selector: String,
    /// Only applications of this project; may be repeated
    #[arg(short, long)]
    project: Vec<String>,
    /// Only applications with a source in this repository
    #[arg(short, long)]
    repo: Option<String>,
    /// Only applications in this namespace
    #[arg(short = 'N', long, default_value = "", hide_default_value = true)]
    app_namespace: String,
    /// Only applications that go to this cluster, by name or address
    #[arg(short, long)]
    cluster: Option<String>,
    /// Only applications with a source at this path
    #[arg(short = 'P', long)]
    path: Option<String>,
}

/// Runs `app list`.
pub(crate) async fn run(args: &Args, backend: &Backend, console: &mut Console) -> Result<(), CliError> {
    if !matches!(&*args.output, "wide" | "" | "name" | "json" | "yaml") {
        return Err(output::unknown_format(&args.output, "wide|name|json|yaml"));
    }
    let ask = ListQuery {
        selector: args.selector.clone(),
        namespace: args.app_namespace.clone(),
        projects: args.project.clone(),
    };
    let mut apps = backend.list(&ask).await?;
    apps.retain(|app| is_wanted(args, app));
    let text = match &*args.output {
        "name" => apps.iter().map(|app| format!("{}\n", app.qualified_name())).collect(),
        "wide" | "" => table(&apps),
        format => {
            let items = apps.into_iter().map(|app| app.raw).collect();
            output::document(&Value::Array(items), format)?.unwrap_or_default()
        }
    };
    console.print(&text)
}

fn is_wanted(args: &Args, app: &App) -> bool {
    let spec = &app.typed.spec;
    let sources = spec.effective_sources();
    let has_repo = |repo: &String| sources.iter().any(|source| source.repo_url == *repo);
    let has_path = |path: &String| sources.iter().any(|source| source.path == *path);
    let destination = &spec.destination;
    args.repo.as_ref().is_none_or(has_repo)
        && args.path.as_ref().is_none_or(has_path)
        && args.cluster.as_ref().is_none_or(|it| *it == destination.server || *it == destination.name)
}

fn table(apps: &[App]) -> String {
    let mut table = Table::default();
    table.row([
        "NAME",
        "CLUSTER",
        "NAMESPACE",
        "PROJECT",
        "STATUS",
        "HEALTH",
        "SYNCPOLICY",
        "CONDITIONS",
        "REPO",
        "PATH",
        "TARGET",
    ]);
    for App { typed: app, .. } in apps {
        let source = rows::first_source(app);
        table.row([
            app.qualified_name(""),
            rows::cluster(app).to_owned(),
            app.spec.destination.namespace.clone(),
            app.spec.project_name().to_owned(),
            app.status.sync.status.to_string(),
            app.status.health.status.to_string(),
            rows::sync_policy(app).to_owned(),
            rows::conditions(app),
            source.repo_url,
            source.path,
            source.target_revision,
        ]);
    }
    table.take()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app(name: &str, server: &str) -> App {
        App::of(json!({
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "",
                "source": {"repoURL": "https://git.example.com/apps", "path": name, "targetRevision": "main"},
                "destination": {"server": server, "name": if server.is_empty() { "prod" } else { "" }, "namespace": "demo"},
            },
            "status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}},
        }))
        .unwrap()
    }

    // covers: CLI-068
    #[test]
    fn the_table_has_the_columns_of_the_reference() {
        assert_eq!(
            table(&[app("guestbook", "https://kubernetes.default.svc"), app("web", "")]),
            "\
NAME              CLUSTER                         NAMESPACE  PROJECT  STATUS  HEALTH   SYNCPOLICY  CONDITIONS  REPO                          PATH       TARGET
argocd/guestbook  https://kubernetes.default.svc  demo       default  Synced  Healthy  Manual      <none>      https://git.example.com/apps  guestbook  main
argocd/web        prod                            demo       default  Synced  Healthy  Manual      <none>      https://git.example.com/apps  web        main
"
        );
    }

    // covers: CLI-068
    #[test]
    fn applications_are_filtered_by_repository_path_and_cluster() {
        let args = |repo: Option<&str>, path: Option<&str>, cluster: Option<&str>| Args {
            output: String::new(),
            selector: String::new(),
            project: Vec::new(),
            repo: repo.map(str::to_owned),
            app_namespace: String::new(),
            cluster: cluster.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        let web = app("web", "");
        assert!(is_wanted(&args(None, None, None), &web));
        assert!(is_wanted(&args(Some("https://git.example.com/apps"), Some("web"), Some("prod")), &web));
        assert!(!is_wanted(&args(Some("https://git.example.com/other"), None, None), &web));
        assert!(!is_wanted(&args(None, Some("other"), None), &web));
        assert!(!is_wanted(&args(None, None, Some("other")), &web));
    }
}
