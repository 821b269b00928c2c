//! The parameters of an installation and the command lines of the services fit together: each variable that the install
//! manifests set is carried out, refused with a word, or said to have no effect; and defaults are always accepted.

use clap::{CommandFactory, Parser};
use tiphys_api::names::component;
use tiphys_api::names::parameters::{self, Parameter};

/// Names of the variables that a command line reads.
fn variables<A: CommandFactory>() -> Vec<(String, String)> {
    A::command()
        .get_arguments()
        .filter_map(|argument| {
            let variable = argument.get_env()?.to_str()?.to_owned();
            Some((variable, argument.get_long().unwrap_or_default().to_owned()))
        })
        .collect()
}

/// Holds a service against its table; `unbuilt` says whether settings that are not built were given.
fn check<A: Parser>(component: &str, unbuilt: impl Fn(&A) -> Result<(), String>) {
    let variables = variables::<A>();
    let mut problems = Vec::new();
    for Parameter { key, env, default } in parameters::of(component) {
        let Some((_, flag)) = variables.iter().find(|(variable, _)| variable == env) else {
            problems.push(format!("{env} ({key}) is not known"));
            continue;
        };
        if default.is_empty() {
            continue;
        }
        match A::try_parse_from([component, &format!("--{flag}={default}")]) {
            Err(error) => problems.push(format!("{env}={default} ({key}): {}", error.to_string().trim())),
            Ok(args) => {
                problems
                    .extend(unbuilt(&args).err().map(|error| format!("{env}={default} ({key}): {error}")));
            }
        }
    }
    assert!(problems.is_empty(), "{component}:\n{}", problems.join("\n"));
}

#[test]
fn the_repo_server_knows_every_parameter_and_accepts_its_default() {
    check::<tiphys_repo_server::Args>(component::REPO_SERVER, |args| {
        args.unbuilt.check().map(|_| ()).map_err(|error| error.to_string())
    });
}

#[test]
fn the_application_controller_knows_every_parameter_and_accepts_its_default() {
    check::<tiphys_application_controller::Args>(component::APPLICATION_CONTROLLER, |args| {
        args.unbuilt.check().map(|_| ()).map_err(|error| error.to_string())
    });
}

#[test]
fn the_api_server_knows_every_parameter_and_accepts_its_default() {
    check::<tiphys_api_server::Args>(component::API_SERVER, |args| {
        args.unbuilt.check().map(|_| ()).map_err(|error| error.to_string())
    });
}
