//! Which part of the program is meant: by its name (so that links with the reference's names work) or by its first
//! argument.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::{launch, serve};

/// The parts that run until they are told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    ApiServer,
    RepoServer,
    ApplicationController,
}

impl Part {
    /// The part behind a program name of the reference, or behind a subcommand.
    fn named(name: &str) -> Option<Self> {
        match name {
            "argocd-server" | "api-server" | "server" => Some(Self::ApiServer),
            "argocd-repo-server" | "repo-server" => Some(Self::RepoServer),
            "argocd-application-controller" | "application-controller" | "controller" => {
                Some(Self::ApplicationController)
            }
            _ => None,
        }
    }
}

/// Runs what the arguments mean. `ARGOCD_BINARY_NAME` takes the place of the program's own name, as in the reference.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let own = std::env::var("ARGOCD_BINARY_NAME").ok().or_else(|| {
        let name = Path::new(arguments.first()?).file_name()?.to_str()?;
        Some(name.to_owned())
    });
    if let Some(part) = own.as_deref().filter(|name| name.starts_with("argocd-")).and_then(Part::named) {
        return launch(part, arguments);
    }
    let first = arguments.get(1).and_then(|word| word.to_str());
    match first.and_then(Part::named) {
        Some(part) => {
            // The subcommand takes the place of the program's name, so that the usage text reads right.
            let rest = arguments.into_iter().skip(2);
            launch(part, std::iter::once(OsString::from("tiphys")).chain(rest).collect())
        }
        None if first == Some("serve") => {
            let rest = arguments.into_iter().skip(2);
            let arguments = std::iter::once(OsString::from("tiphys serve")).chain(rest);
            launch::report(serve::run(&serve::Args::parse_from(arguments)))
        }
        None => tiphys_cli::run(arguments.into_iter()),
    }
}

fn launch(part: Part, arguments: Vec<OsString>) -> ExitCode {
    let result = match part {
        Part::ApiServer => launch::api_server(&tiphys_api_server::Args::parse_from(arguments)),
        Part::RepoServer => launch::repo_server(&tiphys_repo_server::Args::parse_from(arguments)),
        Part::ApplicationController => {
            launch::application_controller(&tiphys_application_controller::Args::parse_from(arguments))
        }
    };
    launch::report(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CFG-150
    #[test]
    fn the_references_program_names_are_its_services() {
        assert_eq!(Part::named("argocd-server"), Some(Part::ApiServer));
        assert_eq!(Part::named("argocd-repo-server"), Some(Part::RepoServer));
        assert_eq!(Part::named("argocd-application-controller"), Some(Part::ApplicationController));
        assert_eq!(Part::named("argocd"), None);
        assert_eq!(Part::named("app"), None);
    }
}
