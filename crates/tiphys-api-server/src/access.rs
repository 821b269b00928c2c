//! Who calls, and whether they may.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tiphys_identity::{Identity, Verifier, join_cookies};
use tiphys_rbac::{Permissions, Subject};
use tiphys_wire::WireError;
use tiphys_wire::api::Context;

use crate::server::Server;

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Nobody is asked (`--disable-auth`).
    Anybody,
    /// Somebody without a session, where that is allowed.
    Anonymous,
    /// Somebody with a good token.
    Known(Identity),
}

impl Caller {
    /// The name for records.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Anybody | Self::Anonymous => "",
            Self::Known(identity) => &identity.subject,
        }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Known(identity) => Some(identity),
            Self::Anybody | Self::Anonymous => None,
        }
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::Known(identity) => Subject { name: &identity.subject, groups: &identity.groups },
            Self::Anybody | Self::Anonymous => Subject::default(),
        }
    }
}

impl Server {
    /// Who sent the request. The `token` metadata counts first, even when it is empty; then a bearer token; then the
    /// cookie.
    pub(crate) fn caller(&self, context: &Context) -> Result<Caller, WireError> {
        if self.config.disable_auth {
            return Ok(Caller::Anybody);
        }
        let settings = self.settings.load();
        let result = match token(context).filter(|token| !token.is_empty()) {
            None => Err(WireError::unauthenticated("no session information")),
            Some(token) => {
                let revocations = self.revocations.lock();
                let verifier =
                    Verifier { settings: &settings, projects: &self.projects, revocations: &revocations };
                verifier
                    .verify(&token, chrono::Utc::now().timestamp())
                    .map(Caller::Known)
                    .map_err(|error| WireError::unauthenticated(format!("invalid session: {error}")))
            }
        };
        match result {
            Err(_) if settings.session.anonymous_enabled => Ok(Caller::Anonymous),
            other => other,
        }
    }

    /// Whether the caller may do something to a thing of a project.
    pub(crate) fn permits(
        &self,
        caller: &Caller,
        resource: &str,
        action: &str,
        project: &str,
        object: &str,
    ) -> bool {
        if matches!(caller, Caller::Anybody) {
            return true;
        }
        let enforcer = self.enforcer.load();
        let known = self.projects.get(project);
        let policy = known.as_ref().and_then(|known| Some((project, known.policy.as_ref()?)));
        enforcer.enforce(caller.subject(), policy, resource, action, object)
    }

    /// Those of many Applications that the caller may see. Policies are put together once for each project.
    pub(crate) fn shown_to(&self, caller: &Caller, applications: Vec<Arc<Value>>) -> Vec<Arc<Value>> {
        if matches!(caller, Caller::Anybody) {
            return applications;
        }
        let enforcer = self.enforcer.load();
        let names: BTreeSet<&str> = applications.iter().map(|application| project_of(application)).collect();
        let projects: Vec<_> = names.into_iter().map(|name| (name, self.projects.get(name))).collect();
        let permissions: HashMap<&str, Permissions<'_>> = projects
            .iter()
            .map(|(name, known)| {
                let policy = known.as_ref().and_then(|known| Some((*name, known.policy.as_ref()?)));
                (*name, enforcer.permissions(caller.subject(), policy))
            })
            .collect();
        let shown = |application: &Arc<Value>| {
            permissions
                .get(project_of(application))
                .is_some_and(|rights| rights.allows("applications", "get", &self.rbac_name(application)))
        };
        applications.iter().filter(|application| shown(application)).cloned().collect()
    }

    /// Whether the caller may do something to an Application.
    pub(crate) fn permits_application(&self, caller: &Caller, action: &str, application: &Value) -> bool {
        let project = project_of(application);
        self.permits(caller, "applications", action, project, &self.rbac_name(application))
    }

    /// The name of an Application in policies: `project/name`, or `project/namespace/name` outside the control plane's
    /// namespace.
    pub(crate) fn rbac_name(&self, application: &Value) -> String {
        let text = |pointer| application.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        self.rbac_name_of(project_of(application), text("/metadata/namespace"), text("/metadata/name"))
    }

    /// The same from its parts.
    pub(crate) fn rbac_name_of(&self, project: &str, namespace: &str, name: &str) -> String {
        if namespace.is_empty() || namespace == self.config.namespace {
            format!("{project}/{name}")
        } else {
            format!("{project}/{namespace}/{name}")
        }
    }
}

/// The project of an Application; `default` where it names none.
pub(crate) fn project_of(application: &Value) -> &str {
    application
        .pointer("/spec/project")
        .and_then(Value::as_str)
        .filter(|project| !project.is_empty())
        .unwrap_or("default")
}

/// The token that came with a request.
pub(crate) fn token(context: &Context) -> Option<String> {
    if let Some(token) = context.metadata("token") {
        return Some(token.to_owned());
    }
    let header = |name| context.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = header(http::header::AUTHORIZATION).and_then(bearer) {
        return Some(token.to_owned());
    }
    join_cookies(context.headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok()))
}

/// What follows `Bearer` when it has the shape of a token; other credentials are for whoever stands in front of us.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.split('.').count() == 3).then_some(token.trim())
}
