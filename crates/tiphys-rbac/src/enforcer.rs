//! May this user do this?

use std::sync::Arc;

use tiphys_settings::{MatchMode, RbacSettings};

use crate::policy::{Policy, PolicyError, Right};

/// The policies of an installation, compiled.
#[derive(Clone, Debug)]
pub struct Enforcer {
    policy: Arc<Policy>,
    default_role: String,
    match_mode: MatchMode,
}

/// Somebody who wants to do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The user's name, or `proj:<project>:<role>` for a token of a project; empty for somebody without a session.
    pub name: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
}

impl Subject<'_> {
    /// The project that a token of a project role belongs to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        let (project, role) = self.name.strip_prefix("proj:")?.split_once(':')?;
        (!role.contains(':')).then_some(project)
    }
}

impl Enforcer {
    /// Compiles the policy of the settings together with the built-in roles.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when the policy cannot be read; the caller keeps the one before.
    pub fn compile(settings: &RbacSettings) -> Result<Self, PolicyError> {
        let mut policy = Policy::builtin();
        policy.extend(&Policy::parse(&settings.policy, settings.match_mode)?);
        Ok(Self {
            policy: Arc::new(policy),
            default_role: settings.default_role.clone(),
            match_mode: settings.match_mode,
        })
    }

    /// How patterns are matched; policies of projects follow it too.
    #[must_use]
    pub fn match_mode(&self) -> MatchMode {
        self.match_mode
    }

    /// What a subject may do, compiled for many questions. `project` is the name and the policy of the project whose
    /// objects the questions are about; its roles count there and nowhere else.
    #[must_use]
    pub fn permissions<'a>(
        &'a self,
        subject: Subject<'_>,
        project: Option<(&str, &'a Policy)>,
    ) -> Permissions<'a> {
        let mut policies: Vec<&'a Policy> = vec![&self.policy];
        policies.extend(project.map(|(_, policy)| policy));
        let mut calls = Vec::new();
        if !self.default_role.is_empty() {
            calls.push(Policy::rights_of(&policies, &self.default_role));
        }
        // A token of a project role is nobody in another project.
        let is_foreign = match (subject.project(), project) {
            (Some(own), Some((name, _))) => own != name,
            _ => false,
        };
        if !is_foreign && !subject.name.is_empty() {
            calls.push(Policy::rights_of(&policies, subject.name));
        }
        if subject.project().is_none() {
            for group in subject.groups {
                // A group counts when some role is given to it.
                if policies.iter().any(|policy| policy.has_roles(group)) {
                    calls.push(Policy::rights_of(&policies, group));
                }
            }
        }
        calls.retain(|rights| !rights.is_empty());
        Permissions { calls }
    }

    /// Whether a subject may do something; for many questions use [`Enforcer::permissions`].
    #[must_use]
    pub fn enforce(
        &self,
        subject: Subject<'_>,
        project: Option<(&str, &Policy)>,
        resource: &str,
        action: &str,
        object: &str,
    ) -> bool {
        self.permissions(subject, project).allows(resource, action, object)
    }
}

/// What one subject may do.
#[derive(Clone, Debug)]
pub struct Permissions<'a> {
    /// The rights of the default role, of the user and of each group. Each is asked for itself.
    calls: Vec<Vec<&'a Right>>,
}

impl Permissions<'_> {
    /// Whether something is allowed: by the default role, by the user's own rights or by those of one group. Within
    /// each of these a denial wins over every permission.
    #[must_use]
    pub fn allows(&self, resource: &str, action: &str, object: &str) -> bool {
        self.calls.iter().any(|rights| {
            let mut is_allowed = false;
            for right in rights.iter().filter(|right| right.is_for(resource, action, object)) {
                if !right.allows {
                    return false;
                }
                is_allowed = true;
            }
            is_allowed
        })
    }

    /// Whether one object of an application may be updated or deleted. `action` is `update` or `delete`, `reference`
    /// is `<group>/<kind>/<namespace>/<name>`. The right to do it to the whole application counts only where it is
    /// inherited (`server.rbac.disableApplicationFineGrainedRBACInheritance: "false"`).
    #[must_use]
    pub fn allows_resource(&self, action: &str, reference: &str, application: &str, inherited: bool) -> bool {
        inherited && self.allows("applications", action, application)
            || self.allows("applications", &format!("{action}/{reference}"), application)
    }
}

#[cfg(test)]
mod tests;
