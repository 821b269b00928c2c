//! Commands that others bring: `argocd-<name>` on the search path.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::error::{CliError, FAILURE_EXIT_CODE};

/// Runs a plugin with the words that follow its name; its exit code is ours.
pub(crate) fn run(words: &[OsString]) -> Result<ExitCode, CliError> {
    let Some((name, args)) = words.split_first() else {
        return Err(CliError::failure("no command is given"));
    };
    let mut program = OsString::from("argocd-");
    program.push(name);
    match Command::new(&program).args(args).status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Ok(ExitCode::from(code.unwrap_or(FAILURE_EXIT_CODE)))
        }
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(CliError::failure(format!("unknown command {:?}", name.to_string_lossy()))
                .hint("see --help for the commands that there are"))
        }
        Err(source) => Err(CliError::new(format!("cannot run {}: {source}", program.to_string_lossy()))),
    }
}
