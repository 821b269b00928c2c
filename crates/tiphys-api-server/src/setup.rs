//! The first start of an installation: a key that signs tokens and a password for the first sign-in.
//!
//! Several replicas may start at once, so the password is decided by who creates its Secret; the others take it.

use std::collections::BTreeMap;

use tiphys_api::names::{label, secret};
use tiphys_api::secret::SecretString;
use tiphys_cluster::{ApiClient, ApiError};
use tiphys_identity::{PasswordError, generate_password, generate_signature_key, hash_password};

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// The Kubernetes API refused.
    #[error("prepare the secret {0}")]
    Secret(&'static str, #[source] ApiError),
    /// The password that is there can't be used.
    #[error("hash the first password of admin")]
    Password(#[source] PasswordError),
    /// Somebody else's Secret of that name is no password.
    #[error("the secret {} has no password in it", secret::INITIAL_ADMIN)]
    NoPassword,
}

impl SetupError {
    /// Whether it may work later without anybody changing anything.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Secret(_, error) if error.is_retryable() || error.is_conflict())
    }
}

/// Makes what is missing of `argocd-secret`; leaves alone what is there.
pub(crate) async fn prepare(api: &ApiClient, namespace: &str) -> Result<(), SetupError> {
    let refused = |error| SetupError::Secret(secret::SETTINGS, error);
    let labels = part_of();
    let mut known = api.load_secret(namespace, secret::SETTINGS).await.map_err(refused)?;
    if known.is_none() {
        match api.create_secret(namespace, secret::SETTINGS, &labels, &BTreeMap::new()).await {
            Ok(()) => known = Some(BTreeMap::new()),
            Err(error) if error.is_already_exists() => {
                known = api.load_secret(namespace, secret::SETTINGS).await.map_err(refused)?;
            }
            Err(error) => return Err(refused(error)),
        }
    }
    let known = known.unwrap_or_default();
    let has = |key: &str| known.get(key).is_some_and(|value| !value.is_empty());
    let mut missing = BTreeMap::new();
    if !has(secret::SERVER_SECRET_KEY) {
        missing.insert(
            secret::SERVER_SECRET_KEY.to_owned(),
            generate_signature_key().expose().as_bytes().to_vec(),
        );
    }
    if !has(secret::ADMIN_PASSWORD) {
        let password = initial_password(api, namespace).await?;
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
        let hash = hash.unwrap_or(Err(PasswordError::TooLong)).map_err(SetupError::Password)?;
        missing.insert(secret::ADMIN_PASSWORD.to_owned(), hash.into_bytes());
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        missing.insert(secret::ADMIN_PASSWORD_MTIME.to_owned(), now.into_bytes());
    }
    if !missing.is_empty() {
        let keys: Vec<&str> = missing.keys().map(String::as_str).collect();
        tracing::info!(keys = keys.join(", "), "prepared {}", secret::SETTINGS);
        api.update_secret(namespace, secret::SETTINGS, &missing).await.map_err(refused)?;
    }
    Ok(())
}

async fn initial_password(api: &ApiClient, namespace: &str) -> Result<SecretString, SetupError> {
    let refused = |error| SetupError::Secret(secret::INITIAL_ADMIN, error);
    let made = generate_password();
    let data =
        BTreeMap::from([(secret::INITIAL_ADMIN_PASSWORD.to_owned(), made.expose().as_bytes().to_vec())]);
    match api.create_secret(namespace, secret::INITIAL_ADMIN, &part_of(), &data).await {
        Ok(()) => Ok(made),
        Err(error) if error.is_already_exists() => {
            let known = api.load_secret(namespace, secret::INITIAL_ADMIN).await.map_err(refused)?;
            known
                .and_then(|mut data| data.remove(secret::INITIAL_ADMIN_PASSWORD))
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|password| !password.is_empty())
                .map(SecretString::new)
                .ok_or(SetupError::NoPassword)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Labels of the Secrets that are made here, so that every service finds them.
fn part_of() -> BTreeMap<String, String> {
    BTreeMap::from([(label::PART_OF.to_owned(), label::PART_OF_ARGOCD.to_owned())])
}
