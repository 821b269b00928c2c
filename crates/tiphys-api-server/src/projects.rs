//! Projects as the watch brings them, with the policies of their roles compiled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde_json::Value;
use tiphys_api::AppProject;
use tiphys_identity::ProjectTokens;
use tiphys_rbac::{Policy, Project, project_policy, virtual_project};
use tiphys_settings::{MatchMode, Settings};

/// A project and what its roles may do.
#[derive(Debug)]
pub(crate) struct KnownProject {
    pub(crate) object: AppProject,
    /// `None` when a role has a line that can't be read: then no role of the project counts.
    pub(crate) policy: Option<Policy>,
}

/// All projects by name.
#[derive(Debug, Default)]
pub(crate) struct Projects {
    known: RwLock<BTreeMap<String, Arc<KnownProject>>>,
    listed: AtomicBool,
}

impl Projects {
    pub(crate) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    pub(crate) fn reset(&self, list: &[Value], mode: MatchMode) {
        let fresh: BTreeMap<_, _> = list.iter().filter_map(|object| read(object, mode)).collect();
        *self.known.write() = fresh;
        self.listed.store(true, Ordering::Release);
    }

    pub(crate) fn put(&self, object: &Value, mode: MatchMode) {
        if let Some((name, project)) = read(object, mode) {
            self.known.write().insert(name, project);
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        self.known.write().remove(name);
    }

    /// Compiles all policies anew, after the way patterns are matched has changed.
    pub(crate) fn recompile(&self, mode: MatchMode) {
        for project in self.known.write().values_mut() {
            *project = Arc::new(compile(project.object.clone(), mode));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<KnownProject>> {
        self.known.read().get(name).cloned()
    }

    /// What the project permits, with the limits of global projects; `None` without such a project.
    pub(crate) fn limits(&self, name: &str, settings: &Settings) -> Option<Project> {
        let known = self.known.read();
        let project = known.get(name)?;
        let find = |name: &str| known.get(name).map(|project| &project.object);
        Some(Project::new(&virtual_project(&project.object, &settings.global_projects, find), settings))
    }
}

impl ProjectTokens for Projects {
    fn has(&self, project: &str, role: &str, id: &str, issued_at: i64) -> bool {
        let Some(project) = self.get(project) else { return false };
        let Some(known) = project.object.spec.roles.iter().find(|known| known.name == role) else {
            return false;
        };
        let by_status =
            project.object.status.jwt_tokens_by_role.get(role).into_iter().flat_map(|tokens| &tokens.items);
        // Tokens of old servers have no id; their second of issue names them.
        known.jwt_tokens.iter().chain(by_status).any(|token| match (token.id.as_str(), id) {
            ("", _) | (_, "") => token.iat == issued_at,
            (known, id) => known == id,
        })
    }
}

fn read(object: &Value, mode: MatchMode) -> Option<(String, Arc<KnownProject>)> {
    match serde_json::from_value::<AppProject>(object.clone()) {
        Ok(project) => Some((project.metadata.name.clone(), Arc::new(compile(project, mode)))),
        Err(error) => {
            let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            tracing::warn!(project = name, error = %error, "a project can't be read");
            None
        }
    }
}

fn compile(object: AppProject, mode: MatchMode) -> KnownProject {
    let policy = match project_policy(&object, mode) {
        Ok(policy) => Some(policy),
        Err(error) => {
            tracing::warn!(project = object.metadata.name, error = %error, "a project's roles can't be read");
            None
        }
    };
    KnownProject { object, policy }
}
