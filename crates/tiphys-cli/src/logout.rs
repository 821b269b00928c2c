//! `logout`: forget the token of a context, here and at the server.

use crate::api_server::ApiServer;
use crate::config::LocalConfig;
use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::CliError;

/// Arguments of `logout`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Context to log out of
    context: String,
}

/// Runs `logout`. The token is forgotten here even when the server can't be told.
pub(crate) async fn run(
    args: &Args,
    connection: &ConnectionArgs,
    console: &mut Console,
) -> Result<(), CliError> {
    let path = connection.config_path();
    let config = LocalConfig::read(&path)?;
    let mut config = config.ok_or_else(|| CliError::failure("Nothing to logout from"))?;
    let name = &args.context;
    let undefined = || CliError::failure(format!("Context {name} does not exist"));
    if connection.prompts_enabled == Some(true)
        && !console.confirm(&format!("Are you sure you want to log out from '{name}'? [y/n] "))
    {
        console.note(&format!("Logout from '{name}' cancelled"));
        return Ok(());
    }
    let context = config.resolve(Some(name)).map_err(|_| undefined())?;
    if !context.user.auth_token.is_empty() && !context.server.core {
        let options = connection.server_options(&context.server.server, Some(&context))?;
        if let Err(error) = ApiServer::new(options)?.revoke(&context.user.auth_token).await {
            console.note(&format!("warning: failed to invalidate token on server: {error}"));
        }
    }
    if !config.remove_token(name) {
        return Err(undefined());
    }
    config.write(&path)?;
    console.line(&format!("Logged out from '{name}'"))
}
