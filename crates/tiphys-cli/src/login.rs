//! `login`: get a token for a user name and a password, and remember the server.

use base64::Engine;
use serde_json::{Value, json};

use crate::api_server::{ApiServer, Query, ServerOptions};
use crate::config::{ContextRef, LocalConfig, Server, User};
use crate::connection::ConnectionArgs;
use crate::console::Console;
use crate::error::{CliError, ErrorKind};

/// Flags of `login`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Address of the API server; not with --core
    server_address: Option<String>,
    /// Name of the context; default the server's address
    #[arg(long)]
    name: Option<String>,
    /// User name
    #[arg(long)]
    username: Option<String>,
    /// Password; asked for when missing
    #[arg(long)]
    password: Option<String>,
    /// Sign in by the server's identity provider
    #[arg(long)]
    sso: bool,
    /// Do not try first whether the server has TLS
    #[arg(long)]
    skip_test_tls: bool,
    /// Accepted for compatibility with --sso
    #[arg(long, hide = true)]
    sso_port: Option<u16>,
    /// Accepted for compatibility with --sso
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    sso_launch_browser: Option<bool>,
    /// Accepted for compatibility with --sso
    #[arg(long, hide = true)]
    callback: Option<String>,
}

/// Runs `login`.
pub(crate) async fn run(
    args: &Args,
    connection: &ConnectionArgs,
    console: &mut Console,
) -> Result<(), CliError> {
    let is_core = connection.core == Some(true);
    let address = match (&args.server_address, is_core) {
        (_, true) => "kubernetes".to_owned(),
        (Some(address), false) => address.clone(),
        (None, false) => {
            return Err(CliError::failure("no server is given").hint("login SERVER, or login --core"));
        }
    };
    let mut options = connection.server_options(&address, None)?;
    options.token.clear();
    let mut token = String::new();
    if !is_core {
        if args.sso {
            return Err(CliError::new("--sso is not supported yet")
                .hint("log in with a local account, or give a token by --auth-token or ARGOCD_AUTH_TOKEN"));
        }
        if !args.skip_test_tls {
            test_tls(&mut options, console).await?;
        }
        token = password_login(args, &options, console).await?;
        console.line(&format!("'{}' logged in successfully", display_name(&token)))?;
    }
    let root_path = options.root_path.trim_matches('/').to_owned();
    let name = args.name.clone().unwrap_or_else(|| match &*root_path {
        "" => address.clone(),
        path => format!("{address}/{path}"),
    });
    let path = connection.config_path();
    let mut config = LocalConfig::read(&path)?.unwrap_or_default();
    config.upsert_server(Server {
        server: address.clone(),
        plain_text: options.is_plaintext,
        insecure: options.is_insecure,
        grpc_web: connection.grpc_web == Some(true),
        grpc_web_root_path: options.root_path,
        core: is_core,
        ..Server::default()
    });
    config.upsert_user(User { name: name.clone(), auth_token: token, ..User::default() });
    config.upsert_context(ContextRef {
        name: name.clone(),
        user: name.clone(),
        server: address,
        ..ContextRef::default()
    });
    config.current_context.clone_from(&name);
    config.write(&path)?;
    console.line(&format!("Context '{name}' updated"))
}

/// Tries the connection, and asks before anything less than checked TLS is used.
async fn test_tls(options: &mut ServerOptions, console: &mut Console) -> Result<(), CliError> {
    let error = match version(options).await {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::Connection || options.is_plaintext => return Err(error),
        Err(error) => error,
    };
    let insecure = ServerOptions { is_insecure: true, ..options.clone() };
    if !options.is_insecure && version(&insecure).await.is_ok() {
        let question = format!("WARNING: server certificate had error: {error}. Proceed insecurely (y/n)? ");
        if !console.confirm(&question) {
            return Err(
                error.hint("repeat with --insecure, or give the certificate authority by --server-crt")
            );
        }
        *options = insecure;
        return Ok(());
    }
    let plaintext = ServerOptions { is_plaintext: true, ..options.clone() };
    if version(&plaintext).await.is_ok() {
        if !console.confirm("WARNING: server is not configured with TLS. Proceed (y/n)? ") {
            return Err(
                CliError::new("the server is not configured with TLS").hint("repeat with --plaintext")
            );
        }
        *options = plaintext;
        return Ok(());
    }
    Err(error)
}

async fn version(options: &ServerOptions) -> Result<(), CliError> {
    let server = ApiServer::new(ServerOptions { retries: 0, ..options.clone() })?;
    server.get("/api/version", &Query::default()).await.map(|_| ())
}

async fn password_login(
    args: &Args,
    options: &ServerOptions,
    console: &mut Console,
) -> Result<String, CliError> {
    let missing =
        |what: &str| CliError::failure(format!("no {what} is given")).hint(format!("give it by --{what}"));
    let username = match &args.username {
        Some(username) => username.clone(),
        None => console.ask("Username: ").ok_or_else(|| missing("username"))?,
    };
    let password = match &args.password {
        Some(password) => password.clone(),
        None => console.ask_secret("Password: ").ok_or_else(|| missing("password"))?,
    };
    let server = ApiServer::new(options.clone())?;
    let body = json!({"username": username, "password": password});
    let answer = server.call(reqwest::Method::POST, "/api/v1/session", &Query::default(), Some(&body)).await;
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated => CliError::new(format!("{error}"))
            .hint("the initial password of `admin` is in the Secret argocd-initial-admin-secret"),
        _ => error,
    })?;
    match answer.get("token").and_then(Value::as_str) {
        Some(token) => Ok(token.to_owned()),
        None => Err(CliError::new("the server gave no token")),
    }
}

/// The name in a token, which is not checked: the server does that.
fn display_name(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims: Value =
        engine.decode(payload).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let text = |path: &str| claims.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = ["/email", "/name", "/federated_claims/user_id", "/sub"].into_iter().find_map(text);
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: CLI-107
    #[test]
    fn a_token_names_its_user() {
        let token = |claims: &Value| {
            let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
            format!("x.{}.y", engine.encode(claims.to_string()))
        };
        assert_eq!(display_name(&token(&json!({"sub": "admin:login"}))), "admin:login");
        assert_eq!(display_name(&token(&json!({"sub": "x", "email": "a@example.com"}))), "a@example.com");
        assert_eq!(display_name("nonsense"), "");
    }
}
