//! The tree of commands, and what every command has around it: the runtime, the exit code, errors.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind as ClapErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::{CliError, ErrorKind, FAILURE_EXIT_CODE};
use crate::{app, context, login, logout, plugin, version};

/// Declarative continuous delivery for Kubernetes: control applications from the command line
#[derive(Parser, Debug)]
#[command(disable_version_flag = true, args_override_self = true, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Manage applications
    #[command(subcommand, visible_aliases = ["apps", "application", "applications"])]
    App(app::AppCommand),
    /// Switch between contexts, or list them
    #[command(visible_alias = "ctx")]
    Context(context::Args),
    /// Log in to an API server and remember it
    Login(login::Args),
    /// Log out: the token is forgotten here and at the server
    Logout(logout::Args),
    /// Print the versions of this program and of the server
    Version(version::Args),
    #[command(external_subcommand)]
    Plugin(Vec<OsString>),
}

/// See [`crate::run`].
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args = with_default_options(args.collect(), std::env::var("ARGOCD_OPTS").ok().as_deref());
    let mut console = Console::standard();
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let is_help = matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
            // clap writes help to standard output and errors to standard error, coloured where that makes sense.
            let _ = error.print();
            return if is_help { ExitCode::SUCCESS } else { ExitCode::from(FAILURE_EXIT_CODE) };
        }
    };
    // A provider that somebody else in this process installed serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return fail(&mut console, &CliError::new(format!("cannot start: {source}"))),
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = Box::pin(execute(cli, &mut console)) => result,
            _ = tokio::signal::ctrl_c() => Err(CliError::failure("interrupted").with_exit_code(130)),
        }
    });
    // Watches that go on in the background are of no use any more.
    runtime.shutdown_background();
    match result {
        Ok(exit_code) => exit_code,
        Err(error) => fail(&mut Console::standard(), &error),
    }
}

fn fail(console: &mut Console, error: &CliError) -> ExitCode {
    if error.kind() == ErrorKind::Unread {
        // `app list | head` has all that it wants. The code is that of a program ended by SIGPIPE.
        return ExitCode::from(141);
    }
    console.note(&format!("error: {error}"));
    ExitCode::from(error.exit_code())
}

/// Runs one command line and gives its exit code and what it wrote to standard output.
#[cfg(test)]
pub(crate) async fn execute_line(line: &str) -> (Result<ExitCode, CliError>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args: Vec<OsString> = words(line).into_iter().map(OsString::from).collect();
    let (mut console, text) = Console::captured();
    let result = match parse(&args) {
        Ok(cli) => Box::pin(execute(cli, &mut console)).await,
        Err(error) => Err(CliError::failure(error.to_string())),
    };
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    (result, text)
}

async fn execute(cli: Cli, console: &mut Console) -> Result<ExitCode, CliError> {
    let connection = &cli.connection;
    match cli.command {
        Command::App(command) => return Box::pin(app::run(command, connection, console)).await,
        Command::Context(args) => context::run(&args, connection, console)?,
        Command::Login(args) => Box::pin(login::run(&args, connection, console)).await?,
        Command::Logout(args) => Box::pin(logout::run(&args, connection, console)).await?,
        Command::Version(args) => Box::pin(version::run(&args, connection, console)).await?,
        Command::Plugin(words) => return plugin::run(&words),
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let name =
        args.first().map(Path::new).and_then(Path::file_stem).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
    let mut command = Cli::command().bin_name(name.clone()).display_name(name);
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches)
}

/// Puts the words of `ARGOCD_OPTS` before those of the command line, so that the latter win.
fn with_default_options(args: Vec<OsString>, options: Option<&str>) -> Vec<OsString> {
    let Some(options) = options else { return args };
    let mut args = args.into_iter();
    let program = args.next();
    program.into_iter().chain(words(options).into_iter().map(OsString::from)).chain(args).collect()
}

/// Splits a line as a shell does: by white space, with quotes and backslashes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), character) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, character) if character.is_whitespace() => words.extend(word.take()),
            (_, character) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        let args: Vec<OsString> = words(line).into_iter().map(OsString::from).collect();
        parse(&args)
    }

    #[test]
    fn the_tree_of_commands_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_are_split_as_a_shell_does() {
        assert_eq!(
            words(r#"--server  a:1 -H 'X: y z' "a \"b\"" c\ d '' "#),
            ["--server", "a:1", "-H", "X: y z", "a \"b\"", "c d", ""]
        );
        assert!(words("  ").is_empty());
    }

    #[test]
    fn options_of_the_environment_come_first_so_that_the_command_line_wins() {
        let args = ["argocd", "app", "list", "--server", "b"].map(OsString::from).to_vec();
        let args = with_default_options(args, Some("--server a --insecure"));
        let cli = parse(&args).unwrap();
        assert_eq!(cli.connection.server.as_deref(), Some("b"));
        assert_eq!(cli.connection.insecure, Some(true));
    }

    #[test]
    fn a_flag_can_be_switched_off_as_in_go() {
        let cli = parsed("argocd app sync a --prune=false --core=false --insecure").unwrap();
        assert_eq!((cli.connection.core, cli.connection.insecure), (Some(false), Some(true)));
    }

    // covers: CLI-171
    #[test]
    fn a_command_that_is_not_known_is_a_plugin() {
        let cli = parsed("argocd frobnicate --x y").unwrap();
        let Command::Plugin(words) = cli.command else { panic!("{cli:?}") };
        assert_eq!(words, ["frobnicate", "--x", "y"]);
    }

    #[test]
    fn commands_of_the_reference_are_read_with_its_flags() {
        for line in [
            "argocd app create web --repo https://git/x --path a --dest-server s --dest-namespace n --upsert -l a=b",
            "argocd app create -f app.yaml",
            "argocd app get web --refresh -o tree=detailed -N team",
            "argocd app list -p default -p other -o name -l a=b -r https://git/x",
            "argocd app diff web --revision main --exit-code=false --diff-exit-code 3",
            "argocd app sync a b --prune --dry-run --timeout 60 --async --retry-limit 3 --strategy apply --force",
            "argocd app sync -l a=b --resource apps:Deployment:web --resource '!*:Service:*' --info k=v",
            "argocd app wait a --health --sync --operation --timeout 10 --resource :Service:x",
            "argocd app history web -o id",
            "argocd app rollback web 3 --prune --timeout 5",
            "argocd app delete a b --cascade=false -y --wait -p background",
            "argocd app manifests web --source live --revision x",
            "argocd app resources web --orphaned --output tree",
            "argocd app terminate-op web",
            "argocd login localhost:8080 --username admin --password x --plaintext --name here --skip-test-tls",
            "argocd login --core",
            "argocd logout localhost:8080",
            "argocd context --delete x",
            "argocd version --client --short -o json",
            "argocd --grpc-web -H 'A: b' --loglevel debug app list",
        ] {
            assert!(parsed(line).is_ok(), "{line}: {}", parsed(line).unwrap_err());
        }
        for line in [
            "argocd app get",
            "argocd app",
            "argocd",
            "argocd app list --nonsense",
            "argocd app rollback a x",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
