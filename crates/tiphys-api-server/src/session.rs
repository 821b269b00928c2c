//! `SessionService`: signing in and out with local accounts.

use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Value, json};
use tiphys_api::secret::SecretString;
use tiphys_identity::{IssuedToken, LoginError, check_login, cleared_cookies, issue, split_cookie};
use tiphys_settings::Capability;
use tiphys_wire::WireError;
use tiphys_wire::api::{Answer, Call, Context, Reply};

use crate::access::Caller;
use crate::server::{Server, Shared};

/// `Create`: a name and a password for a token, which is also set as a cookie.
pub(crate) async fn create(server: Shared, call: Call) -> Result<Reply, WireError> {
    let text = |key| call.request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (username, password) = (text("username"), SecretString::new(text("password")));
    let peer = call.context.peer.map(|peer| peer.to_string());
    let result = sign_in(&server, username.clone(), password).await;
    server.metrics.login(result.is_ok());
    match result {
        Ok(()) => {
            tracing::info!(user = username, peer, "signed in");
            let token = server.new_session(&username)?;
            let cookies = server.session_cookies(token.token.expose())?;
            Ok(Reply::One(Answer {
                body: json!({"token": token.token.expose()}).into(),
                cookies,
                metadata: Vec::new(),
            }))
        }
        Err(error) => {
            tracing::warn!(user = username, peer, reason = %error, "refused a sign-in");
            // How long it took says nothing about why.
            let pause = Duration::from_millis(rand::rng().random_range(500..1000));
            tokio::time::sleep(pause).await;
            Err(match error {
                LoginError::NameTooLong => WireError::invalid_argument(error.to_string()),
                LoginError::Blank | LoginError::Invalid => WireError::unauthenticated(error.to_string()),
            })
        }
    }
}

async fn sign_in(server: &Shared, username: String, password: SecretString) -> Result<(), LoginError> {
    let now = chrono::Utc::now().timestamp();
    if !server.attempts.lock().allows(&username, now) {
        return Err(LoginError::Invalid);
    }
    // Hashing is slow on purpose; only so many at once, so that guessing does not take the server down.
    let Ok(_permit) = server.logins.try_acquire() else { return Err(LoginError::Invalid) };
    let settings = server.settings.load_full();
    let name = username.clone();
    let checked =
        tokio::task::spawn_blocking(move || check_login(&settings.accounts, &name, &password)).await;
    let result = checked.unwrap_or(Err(LoginError::Invalid));
    let mut attempts = server.attempts.lock();
    match result {
        Ok(()) => attempts.succeeded(&username),
        Err(_) => attempts.failed(&username, now),
    }
    result
}

/// `Delete`: takes the session back and clears the cookie.
pub(crate) async fn delete(server: Shared, call: Call) -> Result<Reply, WireError> {
    server.end_session(&call.context);
    Ok(Reply::One(Answer {
        body: json!({"token": ""}).into(),
        cookies: cleared_cookies(&server.cookie_attributes()),
        metadata: Vec::new(),
    }))
}

/// `GetUserInfo`: never fails.
pub(crate) async fn user_info(server: Shared, call: Call) -> Result<Reply, WireError> {
    let caller = server.caller(&call.context);
    let Ok(Caller::Known(identity)) = caller else { return Ok(Reply::one(json!({}))) };
    let mut info = json!({"loggedIn": true, "username": identity.subject, "iss": identity.issuer});
    if !identity.groups.is_empty() {
        info["groups"] = identity.groups.into();
    }
    Ok(Reply::one(info))
}

impl Server {
    /// A token for a user who has just shown who they are.
    pub(crate) fn new_session(&self, username: &str) -> Result<IssuedToken, WireError> {
        let settings = self.settings.load();
        let session = &settings.session;
        let lifetime = (!session.duration.is_zero()).then_some(session.duration);
        let now = chrono::Utc::now().timestamp();
        issue(&session.signature_key, username, Some(Capability::Login), None, now, lifetime).map_err(
            |error| {
                tracing::error!(error = %error, "a session can't be made");
                WireError::internal("a session can't be made; the server's log says why")
            },
        )
    }

    /// Whatever token came with the request is void from now on.
    pub(crate) fn end_session(&self, context: &Context) {
        if let Ok(Caller::Known(identity)) = self.caller(context) {
            let now = chrono::Utc::now().timestamp();
            let end = identity.expires_at.unwrap_or(i64::MAX);
            self.revocations.lock().revoke(&identity.token_id, end, now);
            tracing::info!(user = identity.subject, "signed out");
        }
    }

    pub(crate) fn session_cookies(&self, token: &str) -> Result<Vec<String>, WireError> {
        split_cookie(token, &self.cookie_attributes(), self.config.max_cookies).ok_or_else(|| {
            WireError::internal("the session takes more cookies than ARGOCD_MAX_COOKIE_NUMBER allows")
        })
    }

    pub(crate) fn cookie_attributes(&self) -> Vec<String> {
        let mut attributes =
            vec![format!("path={}", self.config.base_href), "SameSite=lax".to_owned(), "httpOnly".to_owned()];
        if !self.config.insecure {
            attributes.push("Secure".to_owned());
        }
        attributes
    }
}
