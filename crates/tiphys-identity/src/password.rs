//! Passwords of local accounts.

use std::sync::OnceLock;

use base64::Engine as _;
use rand::RngExt as _;
use tiphys_api::secret::SecretString;
use tiphys_settings::{Accounts, Capability};

/// A name that is longer can't be an account's (the reference refuses it before it looks).
pub const MAX_USERNAME_LENGTH: usize = 32;

/// Work factor of new hashes: the reference's.
const COST: u32 = 10;
const PASSWORD_LENGTH: usize = 16;
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

/// Why somebody could not sign in. Shown as it is: it says no more than the reference does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// No password was given.
    #[error("Blank passwords are not allowed")]
    Blank,
    /// No account has a name this long.
    #[error("Username is too long ({MAX_USERNAME_LENGTH} bytes max)")]
    NameTooLong,
    /// There is no such account, it has another password, or it may not sign in with one.
    #[error("Invalid username or password")]
    Invalid,
}

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// bcrypt looks at 72 bytes; the rest would be no protection.
    #[error("hash a password: it is longer than 72 bytes")]
    TooLong,
    /// The hash function failed.
    #[error("hash a password")]
    Hash(#[source] bcrypt::BcryptError),
}

/// Whether `password` is that of the account `username`, and the account may sign in. Takes as long for a name that
/// does not exist as for one that does.
pub fn check_login(accounts: &Accounts, username: &str, password: &SecretString) -> Result<(), LoginError> {
    if password.is_empty() {
        return Err(LoginError::Blank);
    }
    if username.len() > MAX_USERNAME_LENGTH {
        return Err(LoginError::NameTooLong);
    }
    let account = accounts.get(username);
    let hash = account.map(|account| account.password_hash.expose()).filter(|hash| !hash.is_empty());
    let matches = bcrypt::verify(password.expose(), hash.unwrap_or_else(|| nobody())).unwrap_or(false);
    match account {
        Some(account) if matches && hash.is_some() && account.enabled && account.has(Capability::Login) => {
            Ok(())
        }
        _ => Err(LoginError::Invalid),
    }
}

/// A hash that costs what a real one costs and that no password matches for certain.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| bcrypt::hash(generate_password().expose(), COST).unwrap_or_default())
}

/// The bcrypt hash of a password, as `argocd-secret` holds it.
pub fn hash_password(password: &SecretString) -> Result<String, PasswordError> {
    if password.expose().len() > 72 {
        return Err(PasswordError::TooLong);
    }
    bcrypt::hash(password.expose(), COST).map_err(PasswordError::Hash)
}

/// A password for the first sign-in: 16 characters that need no quoting anywhere.
pub fn generate_password() -> SecretString {
    let mut rng = rand::rng();
    let letters: String = (0..PASSWORD_LENGTH)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|b| char::from(*b))
        .collect();
    letters.into()
}

/// A key that signs tokens, in the form in which `argocd-secret` holds it: base64 of 32 random bytes.
pub fn generate_signature_key() -> SecretString {
    base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>()).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tiphys_settings::{Settings, SettingsInput};

    use super::*;

    fn settings(cm: &[(&str, &str)], secret: &[(&str, &str)]) -> Settings {
        let input = SettingsInput {
            argocd_cm: cm.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            argocd_secret: secret
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec().into()))
                .collect::<BTreeMap<_, _>>(),
            ..SettingsInput::default()
        };
        Settings::parse(&input).0
    }

    // covers: USR-001, USR-014
    #[test]
    fn the_administrator_signs_in_with_the_password_of_the_secret_alone() {
        let hash = hash_password(&"a password".into()).unwrap();
        let accounts = settings(&[], &[("admin.password", &hash)]).accounts;
        assert_eq!(check_login(&accounts, "admin", &"a password".into()), Ok(()));
        assert_eq!(check_login(&accounts, "admin", &"another".into()), Err(LoginError::Invalid));
        assert_eq!(check_login(&accounts, "nobody", &"a password".into()), Err(LoginError::Invalid));
        assert_eq!(check_login(&accounts, "admin", &"".into()), Err(LoginError::Blank));
        assert_eq!(LoginError::Invalid.to_string(), "Invalid username or password");
        let disabled = settings(&[("admin.enabled", "false")], &[("admin.password", &hash)]).accounts;
        assert_eq!(check_login(&disabled, "admin", &"a password".into()), Err(LoginError::Invalid));
    }

    // covers: USR-003, USR-004
    #[test]
    fn a_local_account_needs_the_login_capability_to_sign_in() {
        let hash = hash_password(&"a password".into()).unwrap();
        let secret = [("accounts.ci.password", hash.as_str()), ("accounts.dev.password", &hash)];
        let accounts =
            settings(&[("accounts.ci", "apiKey"), ("accounts.dev", "apiKey, login")], &secret).accounts;
        assert_eq!(check_login(&accounts, "ci", &"a password".into()), Err(LoginError::Invalid));
        assert_eq!(check_login(&accounts, "dev", &"a password".into()), Ok(()));
        let long = "x".repeat(33);
        assert_eq!(check_login(&accounts, &long, &"a password".into()), Err(LoginError::NameTooLong));
    }

    #[test]
    fn an_account_without_a_password_has_none_that_fits() {
        let accounts = settings(&[], &[]).accounts;
        for password in ["", "admin", "x"] {
            assert!(check_login(&accounts, "admin", &password.into()).is_err());
        }
    }

    #[test]
    fn hashes_of_other_implementations_are_understood() {
        // bcrypt of "password" with the prefixes that Go, Apache and this library write.
        let hash = hash_password(&"password".into()).unwrap();
        for prefix in ["$2a$", "$2y$", "$2b$"] {
            let theirs = format!("{prefix}{}", &hash[4..]);
            let accounts = settings(&[], &[("admin.password", &theirs)]).accounts;
            assert_eq!(check_login(&accounts, "admin", &"password".into()), Ok(()), "{prefix}");
        }
        assert!(hash_password(&"x".repeat(73).into()).is_err());
    }

    #[test]
    fn generated_secrets_have_their_form_and_differ() {
        let password = generate_password();
        assert_eq!(password.expose().len(), 16);
        assert!(password.expose().bytes().all(|byte| LETTERS.contains(&byte)));
        assert_ne!(password.expose(), generate_password().expose());
        let key =
            base64::engine::general_purpose::STANDARD.decode(generate_signature_key().expose()).unwrap();
        assert_eq!(key.len(), 32);
    }
}
