//! The local configuration: contexts, servers and users, in the file that the reference's command line uses.
//!
//! The file is written back with everything that was in it, also what is not known here.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::CliError;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct LocalConfig {
    /// The context that is used when none is named.
    pub(crate) current_context: String,
    #[serde(deserialize_with = "list")]
    pub(crate) contexts: Vec<ContextRef>,
    #[serde(deserialize_with = "list")]
    pub(crate) servers: Vec<Server>,
    #[serde(deserialize_with = "list")]
    pub(crate) users: Vec<User>,
    /// What is not known here, kept for those who know it.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// A server and a user under one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ContextRef {
    pub(crate) name: String,
    pub(crate) server: String,
    pub(crate) user: String,
    /// What is not known here, kept for those who know it.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// How to reach a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Server {
    /// Address, `host[:port]`.
    pub(crate) server: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) insecure: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) grpc_web: bool,
    pub(crate) grpc_web_root_path: String,
    /// Base64 of a PEM certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) client_certificate_data: String,
    /// Base64 of a PEM key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) client_certificate_key_data: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) plain_text: bool,
    /// There is no API server: Kubernetes is asked directly.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) core: bool,
    /// What is not known here, kept for those who know it.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// Who one is.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct User {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) auth_token: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) refresh_token: String,
    /// What is not known here, kept for those who know it.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A context with what it refers to.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) server: Server,
    pub(crate) user: User,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Go writes an empty list as `null`.
fn list<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl LocalConfig {
    /// Reads the file; `None` when there is none. A file that others may read is refused: it holds tokens.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, CliError> {
        let error = |what: &str, source: &dyn std::fmt::Display| {
            CliError::new(format!("cannot {what} the config file {}: {source}", path.display()))
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(error("read", &source)),
        };
        check_permissions(path)?;
        let value = tiphys_manifest::yaml::parse_one(&text).map_err(|source| error("read", &source))?;
        if value.is_null() {
            return Ok(Some(LocalConfig::default()));
        }
        serde_json::from_value(value).map(Some).map_err(|source| error("read", &source))
    }

    /// Writes the file, readable only by its owner; other readers see the old or the new one, never half of it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CliError> {
        let error = |source: std::io::Error| {
            CliError::new(format!("cannot write the config file {}: {source}", path.display()))
        };
        let text = tiphys_manifest::yaml::emit(&serde_json::to_value(self)?);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(error)?;
        }
        let new = path.with_extension(format!("new-{}", std::process::id()));
        write_private(&new, &text).map_err(error)?;
        std::fs::rename(&new, path).map_err(error)
    }

    /// A context by name, or the current one.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<Context, CliError> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(&self.current_context);
        if name.is_empty() {
            return Err(CliError::new("local config: current-context unset"));
        }
        let context = self.contexts.iter().find(|context| context.name == name);
        let context = context.ok_or_else(|| CliError::new(format!("Context '{name}' undefined")))?;
        let server = self.servers.iter().find(|server| server.server == context.server);
        let server = server.ok_or_else(|| CliError::new(format!("Server '{}' undefined", context.server)))?;
        let user = self.users.iter().find(|user| user.name == context.user);
        let user = user.ok_or_else(|| CliError::new(format!("User '{}' undefined", context.user)))?;
        Ok(Context { server: server.clone(), user: user.clone() })
    }

    pub(crate) fn upsert_server(&mut self, server: Server) {
        match self.servers.iter_mut().find(|known| known.server == server.server) {
            Some(known) => *known = Server { other: std::mem::take(&mut known.other), ..server },
            None => self.servers.push(server),
        }
    }

    pub(crate) fn upsert_user(&mut self, user: User) {
        match self.users.iter_mut().find(|known| known.name == user.name) {
            Some(known) => *known = User { other: std::mem::take(&mut known.other), ..user },
            None => self.users.push(user),
        }
    }

    pub(crate) fn upsert_context(&mut self, context: ContextRef) {
        match self.contexts.iter_mut().find(|known| known.name == context.name) {
            Some(known) => *known = ContextRef { other: std::mem::take(&mut known.other), ..context },
            None => self.contexts.push(context),
        }
    }

    /// Takes a context out, with its user, and with its server when no other context needs it.
    pub(crate) fn remove_context(&mut self, name: &str) -> bool {
        let Some(place) = self.contexts.iter().position(|context| context.name == name) else { return false };
        let removed = self.contexts.remove(place);
        self.users.retain(|user| user.name != removed.user);
        if !self.contexts.iter().any(|context| context.server == removed.server) {
            self.servers.retain(|server| server.server != removed.server);
        }
        if self.current_context == name {
            self.current_context.clear();
        }
        true
    }

    /// Forgets the tokens of a context's user; false when there is no such context.
    pub(crate) fn remove_token(&mut self, context: &str) -> bool {
        let Some(context) = self.contexts.iter().find(|known| known.name == context) else { return false };
        let Some(user) = self.users.iter_mut().find(|user| user.name == context.user) else { return false };
        user.auth_token.clear();
        user.refresh_token.clear();
        true
    }
}

/// Where the file is: `--config`, else `config` in `$ARGOCD_CONFIG_DIR`, in `~/.argocd` if that exists, in
/// `$XDG_CONFIG_HOME/argocd`, or in `~/.config/argocd`.
pub(crate) fn path(flag: Option<&Path>) -> PathBuf {
    if let Some(path) = flag {
        return path.to_owned();
    }
    folder().join("config")
}

pub(crate) fn folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("ARGOCD_CONFIG_DIR") {
        return folder;
    }
    let home = variable("HOME").unwrap_or_default();
    let legacy = home.join(".argocd");
    if legacy.is_dir() {
        return legacy;
    }
    variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("argocd")
}

#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(CliError::new(format!("config file has incorrect permission flags: {mode:o}. Change the file permissions either to 0400 or 0600."))
        .hint(format!("chmod 600 {}", path.display())))
}

#[cfg(not(unix))]
fn check_permissions(_: &Path) -> Result<(), CliError> {
    Ok(())
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
contexts:
- name: prod
  server: argocd.example.com
  user: prod
- name: core
  server: kubernetes
  user: core
current-context: prod
prompts-enabled: false
servers:
- grpc-web-root-path: \"\"
  insecure: true
  server: argocd.example.com
- core: true
  grpc-web-root-path: \"\"
  server: kubernetes
users:
- auth-token: secret-token
  name: prod
- name: core
";

    fn read(text: &str) -> LocalConfig {
        serde_json::from_value(tiphys_manifest::yaml::parse_one(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_file_of_the_reference_is_read_and_written_back_as_it_was() {
        let config = read(FILE);
        assert_eq!(tiphys_manifest::yaml::emit(&serde_json::to_value(&config).unwrap()), FILE);
        let context = config.resolve(None).unwrap();
        assert_eq!(context.server.server, "argocd.example.com");
        assert!(context.server.insecure && !context.server.core);
        assert_eq!(context.user.auth_token, "secret-token");
        assert!(config.resolve(Some("core")).unwrap().server.core);
        assert_eq!(config.resolve(Some("x")).unwrap_err().to_string(), "Context 'x' undefined");
        assert!(!format!("{config:?}").contains("secret-token"));
    }

    #[test]
    fn a_context_goes_with_its_user_and_an_unshared_server() {
        let mut config = read(FILE);
        assert!(config.remove_context("prod") && !config.remove_context("prod"));
        assert_eq!((config.servers.len(), config.users.len(), &*config.current_context), (1, 1, ""));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_a_written_one_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/config");
        assert!(LocalConfig::read(&path).unwrap().is_none());
        read(FILE).write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(LocalConfig::read(&path).unwrap().unwrap(), read(FILE));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = LocalConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("incorrect permission flags: 644"), "{error}");
    }

    #[test]
    fn null_lists_of_go_are_empty() {
        let config = read("contexts: null\ncurrent-context: \"\"\nservers: null\nusers: null\n");
        assert_eq!(config.contexts.len() + config.servers.len() + config.users.len(), 0);
        assert_eq!(config.resolve(None).unwrap_err().to_string(), "local config: current-context unset");
    }
}
