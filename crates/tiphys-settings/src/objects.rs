//! The ConfigMaps and Secrets of a control plane as they come and go, until somebody asks what they say together.
//!
//! It knows which object is what, by name or by label. It leaves watching them to the services.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tiphys_api::names::label;

use crate::secret::SecretData;
use crate::{Problem, Settings, SettingsInput};

/// The objects observed so far.
#[derive(Clone, Debug, Default)]
pub struct SettingsObjects {
    config_maps: HashMap<String, BTreeMap<String, String>>,
    secrets: HashMap<String, SecretData>,
    unreadable: BTreeMap<String, String>,
}

impl SettingsObjects {
    /// Takes a ConfigMap as the API server gives it; says whether anything differs from before.
    pub fn put_config_map(&mut self, object: &Value) -> bool {
        let Some(name) = name(object) else { return false };
        let data: BTreeMap<String, String> = object
            .get("data")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        self.config_maps.insert(name.to_owned(), data.clone()).is_none_or(|before| before != data)
    }

    /// Forgets a ConfigMap; says whether it was there.
    pub fn remove_config_map(&mut self, name: &str) -> bool {
        self.config_maps.remove(name).is_some()
    }

    /// Names of the ConfigMaps that are known.
    pub fn config_map_names(&self) -> impl Iterator<Item = &str> {
        self.config_maps.keys().map(String::as_str)
    }

    /// Takes a Secret as the API server gives it; says whether anything differs from before. One that can't be read is
    /// a problem of the settings and leaves its last good state in place.
    pub fn put_secret(&mut self, object: &Value) -> bool {
        let Some(name) = name(object) else { return false };
        match SecretData::from_object(object) {
            Ok(secret) => {
                let was_unreadable = self.unreadable.remove(name).is_some();
                let before = self.secrets.insert(name.to_owned(), secret);
                was_unreadable || before.as_ref() != self.secrets.get(name)
            }
            Err(error) => {
                let message = format!("can't be read: {error}");
                self.unreadable
                    .insert(name.to_owned(), message.clone())
                    .is_none_or(|before| before != message)
            }
        }
    }

    /// Forgets a Secret; says whether it was there.
    pub fn remove_secret(&mut self, name: &str) -> bool {
        let was_unreadable = self.unreadable.remove(name).is_some();
        self.secrets.remove(name).is_some() || was_unreadable
    }

    /// Names of the Secrets that are known.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// What all objects say together, and what of it could not be used.
    #[must_use]
    pub fn parse(&self) -> (Settings, Vec<Problem>) {
        let config_map = |name: &str| self.config_maps.get(name).cloned().unwrap_or_default();
        let of_type = |wanted: &str| {
            let mut secrets: Vec<SecretData> = self
                .secrets
                .values()
                .filter(|secret| secret.labels.get(label::SECRET_TYPE).is_some_and(|kind| kind == wanted))
                .cloned()
                .collect();
            secrets.sort_by(|one, other| one.name.cmp(&other.name));
            secrets
        };
        let input = SettingsInput {
            argocd_cm: config_map("argocd-cm"),
            argocd_rbac_cm: config_map("argocd-rbac-cm"),
            argocd_secret: self
                .secrets
                .get("argocd-secret")
                .map(|secret| secret.data.clone())
                .unwrap_or_default(),
            ssh_known_hosts_cm: config_map("argocd-ssh-known-hosts-cm"),
            tls_certs_cm: config_map("argocd-tls-certs-cm"),
            gpg_keys_cm: config_map("argocd-gpg-keys-cm"),
            repository_secrets: of_type(label::SECRET_TYPE_REPOSITORY),
            repo_creds_secrets: of_type(label::SECRET_TYPE_REPO_CREDS),
            cluster_secrets: of_type(label::SECRET_TYPE_CLUSTER),
        };
        let (settings, mut problems) = Settings::parse(&input);
        problems.extend(
            self.unreadable.iter().map(|(name, message)| Problem {
                subject: format!("secret {name}"),
                message: message.clone(),
            }),
        );
        problems.sort();
        (settings, problems)
    }
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_says_the_same_again_is_no_change() {
        let mut objects = SettingsObjects::default();
        let cm =
            json!({"metadata": {"name": "argocd-cm", "resourceVersion": "1"}, "data": {"url": "https://a"}});
        let echo =
            json!({"metadata": {"name": "argocd-cm", "resourceVersion": "2"}, "data": {"url": "https://a"}});
        assert!(objects.put_config_map(&cm));
        assert!(!objects.put_config_map(&echo));
        assert_eq!(objects.parse().0.server.url, "https://a");
        assert!(objects.remove_config_map("argocd-cm"));
        assert_eq!(objects.parse().0.server.url, "");
    }

    #[test]
    fn a_secret_that_is_no_base64_is_a_problem_and_keeps_its_last_good_state() {
        let mut objects = SettingsObjects::default();
        let labels = json!({"argocd.argoproj.io/secret-type": "repository"});
        let secret = |url: &str| json!({"metadata": {"name": "r", "labels": labels}, "data": {"url": url}});
        assert!(objects.put_secret(&secret("aHR0cHM6Ly9leGFtcGxlLmNvbS9hLmdpdA==")));
        assert!(objects.put_secret(&secret("%%%")));
        let (settings, problems) = objects.parse();
        assert_eq!(settings.repositories.iter().count(), 1);
        assert!(problems.iter().any(|problem| problem.subject == "secret r"), "{problems:?}");
    }
}
