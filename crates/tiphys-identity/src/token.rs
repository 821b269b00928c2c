//! Tokens of local accounts and of project roles: HS256, with the claims that the reference writes, so that tokens of
//! either are good at the other as long as they share `server.secretkey`.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tiphys_api::secret::{SecretBytes, SecretString};
use tiphys_settings::{Capability, Settings};

/// Who issues the tokens of local accounts and project roles.
pub const ISSUER: &str = "argocd";

/// A sign-in that ends sooner than this is renewed in passing.
pub const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

const PROJECT_PREFIX: &str = "proj:";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default)]
    nbf: i64,
    #[serde(default)]
    iat: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    jti: String,
}

/// Why no token could be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Without a key anybody could sign.
    #[error("issue a token: the signing key server.secretkey is not there yet")]
    NoKey,
    /// Signing failed.
    #[error("issue a token")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token itself.
    pub token: SecretString,
    /// Its name.
    pub id: String,
    /// When it ends, in seconds since the epoch.
    pub expires_at: Option<i64>,
}

/// Issues a token for `subject` (a local account, or `proj:<project>:<role>` without a capability), good from `now` (seconds
/// since the epoch) and for `lifetime`, or for ever.
pub fn issue(
    key: &SecretBytes,
    subject: &str,
    capability: Option<Capability>,
    id: Option<String>,
    now: i64,
    lifetime: Option<Duration>,
) -> Result<IssuedToken, IssueError> {
    if key.is_empty() {
        return Err(IssueError::NoKey);
    }
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let expires_at =
        lifetime.map(|lifetime| now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)));
    let sub = match capability {
        Some(capability) => format!("{subject}:{}", capability.as_str()),
        None => subject.to_owned(),
    };
    let claims = Claims { iss: ISSUER.to_owned(), sub, exp: expires_at, nbf: now, iat: now, jti: id.clone() };
    let token = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(key.expose()),
    )
    .map_err(IssueError::Sign)?;
    Ok(IssuedToken { token: token.into(), id, expires_at })
}

/// Somebody who showed a good token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name that policies speak of: the account, or `proj:<project>:<role>`.
    pub subject: String,
    /// Groups out of the token. Local accounts have none.
    pub groups: Vec<String>,
    /// Who issued the token.
    pub issuer: String,
    /// Name of the token.
    pub token_id: String,
    /// When it ends, in seconds since the epoch.
    pub expires_at: Option<i64>,
    /// It came of signing in, so it may be renewed.
    pub by_login: bool,
}

impl Identity {
    /// Whether the session is to be renewed now, so that somebody at work is not thrown out.
    pub fn wants_renewal(&self, now: i64) -> bool {
        let soon = i64::try_from(RENEW_BEFORE.as_secs()).unwrap_or(i64::MAX);
        self.by_login && self.expires_at.is_some_and(|end| end - now < soon)
    }
}

/// Why a token is not accepted. Shown after `invalid session: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Not a token of ours: another algorithm, another key, damaged.
    #[error("token signature is invalid")]
    Signature,
    /// Its time is over.
    #[error("token is expired")]
    Expired,
    /// Its time has not come.
    #[error("token is not valid yet")]
    NotYet,
    /// It was issued by somebody else.
    #[error("token was issued by {0:?}")]
    Issuer(String),
    /// There is no such account any more.
    #[error("account '{0}' does not exist")]
    NoAccount(String),
    /// The account was switched off.
    #[error("account {0} is disabled")]
    Disabled(String),
    /// The account may not be used in this way any more.
    #[error("account {account} does not have '{capability}' capability")]
    Capability {
        /// The account.
        account: String,
        /// `login` or `apiKey`.
        capability: &'static str,
    },
    /// The account's token was deleted.
    #[error("account {account} does not have token with id {id}")]
    Deleted {
        /// The account.
        account: String,
        /// Name of the token.
        id: String,
    },
    /// The role has no such token any more.
    #[error("project role {0} does not have this token")]
    ProjectToken(String),
    /// Somebody signed out with it.
    #[error("token is revoked, please re-login")]
    Revoked,
    /// The password was changed after it was issued.
    #[error("account password has changed since token issued")]
    PasswordChanged,
}

/// Whether a project role has a token. Asked for subjects `proj:<project>:<role>`.
pub trait ProjectTokens {
    /// Whether `role` of `project` has a token with this id (or, from old servers, without one) issued at this second.
    fn has(&self, project: &str, role: &str, id: &str, issued_at: i64) -> bool;
}

/// Tokens that somebody signed out with, until they would have ended anyway.
#[derive(Debug, Default)]
pub struct Revocations(HashMap<String, i64>);

impl Revocations {
    /// Takes a token's name for void until `end`, seconds since the epoch.
    pub fn revoke(&mut self, id: &str, end: i64, now: i64) {
        self.0.retain(|_, end| *end > now);
        self.0.insert(id.to_owned(), end);
    }

    /// Whether the token is void.
    pub fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

/// Everything that a token is checked against.
pub struct Verifier<'a> {
    /// Accounts and the key.
    pub settings: &'a Settings,
    /// Tokens of project roles.
    pub projects: &'a dyn ProjectTokens,
    /// Tokens that were signed out with.
    pub revocations: &'a Revocations,
}

impl Verifier<'_> {
    /// Who `token` says its bearer is, if it is good at `now` (seconds since the epoch).
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, InvalidToken> {
        let key = &self.settings.session.signature_key;
        if key.is_empty() {
            return Err(InvalidToken::Signature);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked here, against the caller's clock and without leeway, as the reference does it.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key.expose()), &validation)
                .map_err(|_| InvalidToken::Signature)?
                .claims;
        if claims.iss != ISSUER {
            return Err(InvalidToken::Issuer(claims.iss));
        }
        if claims.exp.is_some_and(|end| now >= end) {
            return Err(InvalidToken::Expired);
        }
        if claims.nbf > now {
            return Err(InvalidToken::NotYet);
        }
        if !claims.jti.is_empty() && self.revocations.contains(&claims.jti) {
            return Err(InvalidToken::Revoked);
        }
        if let Some(rest) = claims.sub.strip_prefix(PROJECT_PREFIX) {
            return self.project_role(&claims, rest);
        }
        self.account(claims)
    }

    fn project_role(&self, claims: &Claims, rest: &str) -> Result<Identity, InvalidToken> {
        let known = rest
            .split_once(':')
            .is_some_and(|(project, role)| self.projects.has(project, role, &claims.jti, claims.iat));
        if !known {
            return Err(InvalidToken::ProjectToken(claims.sub.clone()));
        }
        Ok(Identity {
            subject: claims.sub.clone(),
            groups: Vec::new(),
            issuer: claims.iss.clone(),
            token_id: claims.jti.clone(),
            expires_at: claims.exp,
            by_login: false,
        })
    }

    fn account(&self, claims: Claims) -> Result<Identity, InvalidToken> {
        // Tokens of very old servers name the account alone; they came of signing in.
        let (name, capability) = match claims.sub.rsplit_once(':') {
            Some((name, "apiKey")) => (name, Capability::ApiKey),
            Some((name, "login")) => (name, Capability::Login),
            _ => (claims.sub.as_str(), Capability::Login),
        };
        let account =
            self.settings.accounts.get(name).ok_or_else(|| InvalidToken::NoAccount(name.to_owned()))?;
        if !account.enabled {
            return Err(InvalidToken::Disabled(name.to_owned()));
        }
        if !account.has(capability) {
            return Err(InvalidToken::Capability {
                account: name.to_owned(),
                capability: capability.as_str(),
            });
        }
        match capability {
            Capability::ApiKey if account.token(&claims.jti).is_none() => {
                Err(InvalidToken::Deleted { account: name.to_owned(), id: claims.jti })
            }
            Capability::Login
                if account.password_mtime.is_some_and(|changed| claims.iat < changed.unix()) =>
            {
                Err(InvalidToken::PasswordChanged)
            }
            _ => Ok(Identity {
                subject: name.to_owned(),
                groups: Vec::new(),
                issuer: claims.iss,
                token_id: claims.jti,
                expires_at: claims.exp,
                by_login: capability == Capability::Login,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use tiphys_settings::SettingsInput;

    use super::*;

    const NOW: i64 = 1_767_323_045;
    const DAY: Duration = Duration::from_secs(86_400);

    struct Roles(&'static [(&'static str, &'static str, &'static str)]);

    impl ProjectTokens for Roles {
        fn has(&self, project: &str, role: &str, id: &str, _issued_at: i64) -> bool {
            self.0.contains(&(project, role, id))
        }
    }

    fn settings(cm: &[(&str, &str)], secret: &[(&str, &str)]) -> Settings {
        let mut input = SettingsInput::default();
        input.argocd_secret.insert("server.secretkey".to_owned(), b"key".to_vec().into());
        for (key, value) in cm {
            input.argocd_cm.insert((*key).to_owned(), (*value).to_owned());
        }
        for (key, value) in secret {
            input.argocd_secret.insert((*key).to_owned(), value.as_bytes().to_vec().into());
        }
        Settings::parse(&input).0
    }

    fn verify(settings: &Settings, token: &IssuedToken, now: i64) -> Result<Identity, InvalidToken> {
        verify_text(settings, token.token.expose(), now)
    }

    fn verify_text(settings: &Settings, token: &str, now: i64) -> Result<Identity, InvalidToken> {
        let projects = Roles(&[("default", "ci", "t1")]);
        Verifier { settings, projects: &projects, revocations: &Revocations::default() }.verify(token, now)
    }

    fn login(settings: &Settings) -> IssuedToken {
        let key = &settings.session.signature_key;
        issue(key, "admin", Some(Capability::Login), None, NOW, Some(DAY)).unwrap()
    }

    // covers: USR-007, USR-008
    #[test]
    fn a_sign_in_is_good_for_its_time_and_wants_renewal_near_its_end() {
        let settings = settings(&[], &[]);
        let token = login(&settings);
        let identity = verify(&settings, &token, NOW).unwrap();
        assert_eq!((identity.subject.as_str(), identity.issuer.as_str()), ("admin", "argocd"));
        assert!(!identity.wants_renewal(NOW));
        assert!(identity.wants_renewal(NOW + 86_400 - 299));
        assert!(verify(&settings, &token, NOW + 86_399).is_ok());
        assert_eq!(verify(&settings, &token, NOW + 86_400), Err(InvalidToken::Expired));
        assert_eq!(verify(&settings, &token, NOW - 1), Err(InvalidToken::NotYet));
    }

    #[test]
    fn a_token_made_elsewhere_with_the_same_key_is_good() {
        // {"alg":"HS256","typ":"JWT"} {"iss":"argocd","sub":"admin:login","nbf":1,"iat":1,"jti":"j"}, signed with `key`.
        let head = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhcmdvY2QiLCJzdWIiOiJhZG1pbjpsb2dpbiIsIm5iZiI6MSwiaWF0IjoxLCJqdGkiOiJqIn0";
        let token = format!("{head}.mimDa7bIi20XG9NjbmfID-yhigHKwFiSoZo3-NU_J0g");
        let identity = verify_text(&settings(&[], &[]), &token, NOW).unwrap();
        assert_eq!(
            (identity.subject.as_str(), identity.token_id.as_str(), identity.expires_at),
            ("admin", "j", None)
        );
    }

    #[test]
    fn tokens_without_a_signature_or_with_that_of_another_key_are_refused() {
        let ours = settings(&[], &[]);
        let theirs = settings(&[], &[("server.secretkey", "another")]);
        assert_eq!(verify(&ours, &login(&theirs), NOW), Err(InvalidToken::Signature));
        let token = login(&ours).token.expose().to_owned();
        let (head, _) = token.rsplit_once('.').unwrap();
        let (_, claims) = head.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"}
        for forged in
            [format!("{head}."), format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."), String::new()]
        {
            assert_eq!(verify_text(&ours, &forged, NOW), Err(InvalidToken::Signature), "{forged}");
        }
        let without_key = settings(&[], &[("server.secretkey", "")]);
        assert_eq!(verify(&without_key, &login(&ours), NOW), Err(InvalidToken::Signature));
        assert!(issue(&SecretBytes::default(), "admin", None, None, NOW, None).is_err());
    }

    // covers: USR-009
    #[test]
    fn a_changed_password_a_disabled_account_and_a_lost_capability_end_a_session() {
        let before = settings(&[("accounts.dev", "login")], &[]);
        let token = login(&before);
        let changed = settings(&[], &[("admin.passwordMtime", "2026-01-02T03:04:06Z")]);
        assert_eq!(verify(&changed, &token, NOW + 10), Err(InvalidToken::PasswordChanged));
        let same = settings(&[], &[("admin.passwordMtime", "2026-01-02T03:04:05Z")]);
        assert!(verify(&same, &token, NOW + 10).is_ok());
        let disabled = settings(&[("admin.enabled", "false")], &[]);
        assert_eq!(verify(&disabled, &token, NOW), Err(InvalidToken::Disabled("admin".to_owned())));
        let key = &before.session.signature_key;
        let dev = issue(key, "dev", Some(Capability::Login), None, NOW, Some(DAY)).unwrap();
        assert!(verify(&before, &dev, NOW).is_ok());
        let lost = settings(&[("accounts.dev", "apiKey")], &[]);
        assert!(matches!(verify(&lost, &dev, NOW), Err(InvalidToken::Capability { .. })));
        let gone = settings(&[], &[]);
        assert_eq!(verify(&gone, &dev, NOW), Err(InvalidToken::NoAccount("dev".to_owned())));
    }

    // covers: USR-010
    #[test]
    fn an_api_key_is_good_while_the_account_has_it() {
        let tokens = [("accounts.ci.tokens", r#"[{"id":"k1","iat":1767323045}]"#)];
        let has = settings(&[("accounts.ci", "apiKey")], &tokens);
        let key = &has.session.signature_key;
        let token = issue(key, "ci", Some(Capability::ApiKey), Some("k1".to_owned()), NOW, None).unwrap();
        let identity = verify(&has, &token, NOW + 400_000_000).unwrap();
        assert!(!identity.by_login && !identity.wants_renewal(NOW));
        let deleted = settings(&[("accounts.ci", "apiKey")], &[]);
        assert!(matches!(verify(&deleted, &token, NOW), Err(InvalidToken::Deleted { .. })));
    }

    #[test]
    fn a_token_of_a_project_role_is_good_while_the_role_has_it() {
        let settings = settings(&[], &[]);
        let key = &settings.session.signature_key;
        let good = issue(key, "proj:default:ci", None, Some("t1".to_owned()), NOW, None).unwrap();
        assert_eq!(verify(&settings, &good, NOW).unwrap().subject, "proj:default:ci");
        let other = issue(key, "proj:default:ci", None, Some("t2".to_owned()), NOW, None).unwrap();
        assert!(matches!(verify(&settings, &other, NOW), Err(InvalidToken::ProjectToken(_))));
    }

    #[test]
    fn a_revoked_token_is_refused_until_it_would_have_ended() {
        let settings = settings(&[], &[]);
        let token = login(&settings);
        let mut revocations = Revocations::default();
        revocations.revoke(&token.id, NOW + 86_400, NOW);
        let projects = Roles(&[]);
        let verifier = Verifier { settings: &settings, projects: &projects, revocations: &revocations };
        assert_eq!(verifier.verify(token.token.expose(), NOW), Err(InvalidToken::Revoked));
        revocations.revoke("other", NOW + 200_000, NOW + 86_401);
        assert!(!revocations.contains(&token.id), "what has ended anyway is forgotten");
    }
}
