//! `version`: what runs here, and at the server.

use serde_json::{Value, json};

use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::output;

/// Flags of `version`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this program's version: no connection is made
    #[arg(long)]
    client: bool,
    /// Only the numbers
    #[arg(long)]
    short: bool,
    /// Output format: wide, short, json or yaml
    #[arg(short, long, default_value = "wide")]
    output: String,
}

/// Runs `version`.
pub(crate) async fn run(
    args: &Args,
    connection: &ConnectionArgs,
    console: &mut Console,
) -> Result<(), CliError> {
    let is_document = match &*args.output {
        "json" | "yaml" => true,
        "wide" | "short" | "" => false,
        other => return Err(output::unknown_format(other, "json|yaml|wide|short")),
    };
    let short = args.short || args.output == "short";
    if !is_document {
        console.print(&client_text(short))?;
    }
    let server = match args.client {
        true => None,
        false => connection.connect().await?.version().await?,
    };
    if !is_document {
        return console.print(&server.map(|server| server_text(&server, short)).unwrap_or_default());
    }
    let mut document = json!({"client": match short {
        true => json!({"argocd": env!("CARGO_PKG_VERSION")}),
        false => client(),
    }});
    if let Some(server) = server {
        document["server"] = match short {
            true => json!({"argocd-server": server["Version"]}),
            false => server,
        };
    }
    console.print(&output::document(&document, &args.output)?.unwrap_or_default())
}

fn platform() -> String {
    format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH)
}

fn client() -> Value {
    json!({"Version": env!("CARGO_PKG_VERSION"), "Platform": platform(), "Compiler": "rustc"})
}

/// Lines about this program.
fn client_text(short: bool) -> String {
    let mut text = format!("argocd: {}\n", env!("CARGO_PKG_VERSION"));
    if !short {
        text.push_str(&format!("  Compiler: rustc\n  Platform: {}\n", platform()));
    }
    text
}

/// Lines about the server: what it says, in the reference's order.
fn server_text(server: &Value, short: bool) -> String {
    const FIELDS: [(&str, &str); 12] = [
        ("BuildDate", "BuildDate"),
        ("GitCommit", "GitCommit"),
        ("GitTreeState", "GitTreeState"),
        ("GitTag", "GitTag"),
        ("GoVersion", "GoVersion"),
        ("Compiler", "Compiler"),
        ("Platform", "Platform"),
        ("ExtraBuildInfo", "ExtraBuildInfo"),
        ("KustomizeVersion", "Kustomize Version"),
        ("HelmVersion", "Helm Version"),
        ("KubectlVersion", "Kubectl Version"),
        ("JsonnetVersion", "Jsonnet Version"),
    ];
    let field = |name: &str| server.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut text = format!("argocd-server: {}\n", field("Version").unwrap_or_default());
    for (name, label) in FIELDS.iter().filter(|_| !short) {
        if let Some(value) = field(name) {
            text.push_str(&format!("  {label}: {value}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CLI-170
    #[test]
    fn the_servers_version_is_told_without_what_it_does_not_say() {
        let server = json!({"Version": "v3.6.0", "GitCommit": "abc", "GitTag": "", "HelmVersion": "v3.19.0"});
        assert_eq!(
            server_text(&server, false),
            "argocd-server: v3.6.0\n  GitCommit: abc\n  Helm Version: v3.19.0\n"
        );
        assert_eq!(server_text(&server, true), "argocd-server: v3.6.0\n");
        assert!(client_text(true).starts_with("argocd: ") && client_text(true).lines().count() == 1);
    }
}
