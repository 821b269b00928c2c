//! `context`: list the remembered servers, switch between them, forget one.

use crate::config::{self, LocalConfig};
use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::table::Table;

/// Flags of `context`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Context to switch to; `-` for the one before
    context: Option<String>,
    /// Delete the context instead of switching to it
    #[arg(long, requires = "context")]
    delete: bool,
}

/// Runs `context`.
pub(crate) fn run(args: &Args, connection: &ConnectionArgs, console: &mut Console) -> Result<(), CliError> {
    let path = connection.config_path();
    let nothing = || CliError::failure("No local configuration found").hint("log in first: login SERVER");
    let mut config = LocalConfig::read(&path)?.ok_or_else(nothing)?;
    let Some(name) = args.context.clone() else { return console.print(&list(&config)) };
    if args.delete {
        if !config.remove_context(&name) {
            return Err(CliError::new(format!("context {name} does not exist")));
        }
        config.write(&path)?;
        return console.line(&format!("Context '{name}' deleted"));
    }
    let previous = config::folder().join(".prev-ctx");
    let name = match &*name {
        "-" => std::fs::read_to_string(&previous)
            .map_err(|source| CliError::new(format!("cannot read {}: {source}", previous.display())))?,
        _ => name,
    };
    if config.current_context == name {
        return console.line(&format!("Already at context '{name}'"));
    }
    config.resolve(Some(&name))?;
    let before = std::mem::replace(&mut config.current_context, name.clone());
    config.write(&path)?;
    // Only `context -` needs it.
    let _ = std::fs::write(&previous, before);
    console.line(&format!("Switched to context '{name}'"))
}

fn list(config: &LocalConfig) -> String {
    let mut table = Table::default();
    table.row(["CURRENT", "NAME", "SERVER"]);
    for context in &config.contexts {
        let mark = if context.name == config.current_context { "*" } else { " " };
        table.row([mark, &context.name, &context.server]);
    }
    table.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ContextRef;

    // covers: CLI-101
    #[test]
    fn contexts_are_listed_with_a_star_at_the_current_one() {
        let mut config = LocalConfig { current_context: "b".into(), ..LocalConfig::default() };
        for (name, server) in [("a", "a.example.com"), ("b", "kubernetes")] {
            let (name, server) = (name.to_owned(), server.to_owned());
            config.upsert_context(ContextRef { user: name.clone(), name, server, ..ContextRef::default() });
        }
        assert_eq!(
            list(&config),
            "CURRENT  NAME  SERVER\n         a     a.example.com\n*        b     kubernetes\n"
        );
    }
}
