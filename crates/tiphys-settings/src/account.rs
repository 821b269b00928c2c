//! Local users: `accounts.<name>` in `argocd-cm` and their secrets in `argocd-secret`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tiphys_api::secret::{SecretBytes, SecretString};
use tiphys_api::time::Time;

use crate::Problem;
use crate::reading::parse_bool;

/// Name of the user that always exists.
pub const ADMIN: &str = "admin";

/// What a local user may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Sign in with a password (`login`).
    Login,
    /// Have tokens (`apiKey`).
    ApiKey,
}

impl Capability {
    /// The word as it is written in the settings and in the subject of a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::ApiKey => "apiKey",
        }
    }
}

/// A token that was handed out; the token itself is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountToken {
    /// Name of the token.
    pub id: String,
    /// When it was issued, in seconds since 1970.
    #[serde(rename = "iat")]
    pub issued_at: i64,
    /// When it expires, in seconds since 1970; never for 0.
    #[serde(rename = "exp", default, skip_serializing_if = "is_zero")]
    pub expires_at: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A local user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user can act at all.
    pub enabled: bool,
    /// What the user may use, in the order of the settings.
    pub capabilities: Vec<Capability>,
    /// Hash of the password (bcrypt); empty when there is none.
    pub password_hash: SecretString,
    /// When the password was set; tokens of an earlier time are no longer good.
    pub password_mtime: Option<Time>,
    /// Tokens that are good.
    pub tokens: Vec<AccountToken>,
}

impl Account {
    fn new() -> Self {
        Self {
            enabled: true,
            capabilities: Vec::new(),
            password_hash: SecretString::default(),
            password_mtime: None,
            tokens: Vec::new(),
        }
    }

    /// Whether the user may use this.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// The token with this name.
    #[must_use]
    pub fn token(&self, id: &str) -> Option<&AccountToken> {
        self.tokens.iter().find(|token| token.id == id)
    }
}

/// All local users, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts(BTreeMap<String, Account>);

impl Accounts {
    /// The user with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Account> {
        self.0.get(name)
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.0.iter().map(|(name, account)| (name.as_str(), account))
    }

    pub(crate) fn read(
        cm: &BTreeMap<String, String>,
        secret: &BTreeMap<String, SecretBytes>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut notes = Notes { problems };
        let mut admin = Account::new();
        admin.capabilities.push(Capability::Login);
        if let Some(text) = cm.get("admin.enabled") {
            admin.enabled = notes.flag("argocd-cm", "admin.enabled", text);
        }
        let mut accounts = BTreeMap::from([(ADMIN.to_owned(), admin)]);
        for (key, value) in cm {
            let Some(rest) = key.strip_prefix("accounts.") else { continue };
            match rest.split_once('.') {
                None => {
                    let account = accounts.entry(rest.to_owned()).or_insert_with(Account::new);
                    for word in crate::reading::split(value) {
                        match word.as_str() {
                            "login" => grant(account, Capability::Login),
                            "apiKey" => grant(account, Capability::ApiKey),
                            _ => notes.add(
                                "argocd-cm",
                                key,
                                format!("capability `{word}` is not known; it is ignored"),
                            ),
                        }
                    }
                }
                Some((name, "enabled")) => {
                    let enabled = notes.flag("argocd-cm", key, value);
                    accounts.entry(name.to_owned()).or_insert_with(Account::new).enabled = enabled;
                }
                Some(_) => notes.add("argocd-cm", key, "the key is not known; it is ignored"),
            }
        }
        for (name, account) in &mut accounts {
            let prefix = if name == ADMIN { ADMIN.to_owned() } else { format!("accounts.{name}") };
            notes.read_secrets(secret, &prefix, account);
        }
        Self(accounts)
    }
}

fn grant(account: &mut Account, capability: Capability) {
    if !account.has(capability) {
        account.capabilities.push(capability);
    }
}

struct Notes<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Notes<'_> {
    fn add(&mut self, object: &str, key: &str, message: impl Into<String>) {
        self.problems.push(Problem { subject: format!("{object}: {key}"), message: message.into() });
    }

    /// A switch that cannot be read is off: the safe side for something that lets people in.
    fn flag(&mut self, object: &str, key: &str, text: &str) -> bool {
        parse_bool(text.trim()).unwrap_or_else(|| {
            self.add(object, key, format!("`{text}` is neither true nor false; false is used"));
            false
        })
    }

    fn read_secrets(&mut self, secret: &BTreeMap<String, SecretBytes>, prefix: &str, account: &mut Account) {
        let text = |key: &str| secret.get(key).and_then(|value| std::str::from_utf8(value.expose()).ok());
        account.password_hash = text(&format!("{prefix}.password")).unwrap_or_default().into();
        let key = format!("{prefix}.passwordMtime");
        if let Some(mtime) = text(&key).filter(|mtime| !mtime.trim().is_empty()) {
            match mtime.trim().parse() {
                Ok(time) => account.password_mtime = Some(time),
                Err(_) => self.add("argocd-secret", &key, "not an RFC 3339 time; older tokens stay good"),
            }
        }
        let key = format!("{prefix}.tokens");
        if let Some(tokens) = text(&key).filter(|tokens| !tokens.trim().is_empty()) {
            match serde_json::from_str::<Option<Vec<AccountToken>>>(tokens) {
                Ok(tokens) => account.tokens = tokens.unwrap_or_default(),
                Err(error) => self.add(
                    "argocd-secret",
                    &key,
                    format!(
                        "not a list of tokens ({} at column {}); none is good",
                        kind(&error),
                        error.column()
                    ),
                ),
            }
        }
    }
}

/// What kind of JSON error it is; the error's own words could repeat the value.
fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "wrong type",
        _ => "not JSON",
    }
}
