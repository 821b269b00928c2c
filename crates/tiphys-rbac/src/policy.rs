//! A policy: rights and roles, read from text and compiled.

use std::collections::HashMap;

use regex::Regex;
use tiphys_api::AppProject;
use tiphys_settings::MatchMode;
use tiphys_settings::glob::Glob;

use crate::{builtin, csv};

/// Why a policy cannot be used. One bad line makes the whole policy unusable, so that a typing error never leaves
/// rights without the denial that belongs to them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A line is neither a right nor a role.
    #[error("policy line {line} `{text}` is not valid: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a project role says something that it may not say.
    #[error("policy rule `{text}` of role {role} is not valid: {reason}")]
    ProjectRule {
        /// The line.
        text: String,
        /// The role.
        role: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Rights and roles.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rights: Vec<Right>,
    /// Indices into `rights`, by subject.
    by_subject: HashMap<Box<str>, Vec<usize>>,
    /// Roles by user, group or role.
    roles: HashMap<Box<str>, Vec<Box<str>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Right {
    resource: Pattern,
    action: Pattern,
    object: Pattern,
    pub(crate) allows: bool,
}

impl Right {
    pub(crate) fn is_for(&self, resource: &str, action: &str, object: &str) -> bool {
        self.resource.matches(resource) && self.action.matches(action) && self.object.matches(object)
    }
}

#[derive(Clone, Debug)]
enum Pattern {
    Glob(Glob),
    Regex(Regex),
}

impl Pattern {
    fn new(text: &str, mode: MatchMode) -> Result<Self, String> {
        match mode {
            MatchMode::Glob => Glob::new(text).map(Self::Glob).map_err(|error| error.to_string()),
            MatchMode::Regex => {
                Regex::new(text).map(Self::Regex).map_err(|_| format!("`{text}` is not a regular expression"))
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Policy {
    /// The roles that every installation has. Their rights are globs in either mode.
    #[must_use]
    pub fn builtin() -> Self {
        let mut policy = Self::default();
        for (subject, resource, action, object) in builtin::rights() {
            let added = policy.add_right(subject, [resource, action, object], true, MatchMode::Glob);
            debug_assert!(added.is_ok(), "built-in patterns are globs");
        }
        for (member, role) in builtin::ROLES {
            policy.add_role(member, role);
        }
        policy
    }

    /// Reads lines `p, subject, resource, action, object, allow|deny` and `g, member, role`. Empty lines and lines that
    /// begin with `#` say nothing.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Line`] for the first line that cannot be read.
    pub fn parse(text: &str, mode: MatchMode) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        for (index, line) in text.lines().enumerate() {
            policy.add_line(line.trim(), mode).map_err(|reason| PolicyError::Line {
                line: index + 1,
                text: line.trim().to_owned(),
                reason,
            })?;
        }
        Ok(policy)
    }

    /// Adds all of another policy.
    pub fn extend(&mut self, other: &Self) {
        let offset = self.rights.len();
        self.rights.extend_from_slice(&other.rights);
        for (subject, indices) in &other.by_subject {
            self.by_subject
                .entry(subject.clone())
                .or_default()
                .extend(indices.iter().map(|index| index + offset));
        }
        for (member, roles) in &other.roles {
            self.roles.entry(member.clone()).or_default().extend_from_slice(roles);
        }
    }

    fn add_line(&mut self, line: &str, mode: MatchMode) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let fields = csv::fields(line)?;
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        match fields.as_slice() {
            ["p", subject, resource, action, object, effect] => {
                let allows = match *effect {
                    "allow" => true,
                    "deny" => false,
                    _ => return Err(format!("effect `{effect}` is neither allow nor deny")),
                };
                self.add_right(subject, [resource, action, object], allows, mode)
            }
            ["g", member, role] => {
                self.add_role(member, role);
                Ok(())
            }
            ["p", ..] => Err(format!("a right has 6 fields, not {}", fields.len())),
            ["g", ..] => Err(format!("a role has 3 fields, not {}", fields.len())),
            _ => Err("it begins with neither `p` nor `g`".to_owned()),
        }
    }

    fn add_right(
        &mut self,
        subject: &str,
        [resource, action, object]: [&str; 3],
        allows: bool,
        mode: MatchMode,
    ) -> Result<(), String> {
        let right = Right {
            resource: Pattern::new(resource, mode)?,
            action: Pattern::new(action, mode)?,
            object: Pattern::new(object, mode)?,
            allows,
        };
        self.by_subject.entry(subject.into()).or_default().push(self.rights.len());
        self.rights.push(right);
        Ok(())
    }

    fn add_role(&mut self, member: &str, role: &str) {
        self.roles.entry(member.into()).or_default().push(role.into());
    }

    /// Whether a role is given to this user or group by name.
    pub(crate) fn has_roles(&self, member: &str) -> bool {
        self.roles.contains_key(member)
    }

    /// The rights of a subject and of all roles that it has, also through other roles.
    pub(crate) fn rights_of<'a>(policies: &[&'a Self], subject: &str) -> Vec<&'a Right> {
        let mut seen: Vec<&str> = vec![subject];
        let mut rights: Vec<&'a Right> = Vec::new();
        let mut next = 0;
        // Roles of roles are followed as far as they go, each once, so that a circle ends.
        while let Some(&member) = seen.get(next) {
            next += 1;
            for policy in policies {
                let indices = policy.by_subject.get(member).into_iter().flatten();
                rights.extend(indices.filter_map(|&index| policy.rights.get(index)));
                for role in policy.roles.get(member).into_iter().flatten() {
                    if !seen.contains(&&**role) {
                        seen.push(role);
                    }
                }
            }
        }
        rights
    }
}

/// The policy of a project's roles: what they say, that they may see their project, and who has them.
///
/// # Errors
///
/// As [`Policy::parse`].
pub fn project_policy(project: &AppProject, mode: MatchMode) -> Result<Policy, PolicyError> {
    let name = &project.metadata.name;
    let mut policy = Policy::default();
    for role in &project.spec.roles {
        let subject = format!("proj:{name}:{}", role.name);
        let fail = |text: &str, reason| PolicyError::ProjectRule {
            text: text.to_owned(),
            role: role.name.clone(),
            reason,
        };
        policy
            .add_right(&subject, ["projects", "get", name], true, MatchMode::Glob)
            .map_err(|reason| fail(name, reason))?;
        for line in &role.policies {
            policy.add_line(line.trim(), mode).map_err(|reason| fail(line, reason))?;
        }
        for group in &role.groups {
            policy.add_role(group, &subject);
        }
    }
    Ok(policy)
}

/// Checks a line of a project role: it speaks of this role, of a kind of thing that belongs to projects, and of things
/// in this project.
///
/// # Errors
///
/// [`PolicyError::ProjectRule`] with the first thing that is wrong.
pub fn validate_project_policy(project: &str, role: &str, line: &str) -> Result<(), PolicyError> {
    const RESOURCES: [&str; 6] =
        ["applications", "applicationsets", "repositories", "clusters", "exec", "logs"];
    const ACTIONS: [&str; 7] = ["get", "create", "update", "delete", "sync", "override", "*"];
    let fail =
        |reason: String| PolicyError::ProjectRule { text: line.to_owned(), role: role.to_owned(), reason };
    let fields = csv::fields(line).map_err(|reason| fail(reason.to_owned()))?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let ["p", subject, resource, action, object, effect] = fields.as_slice() else {
        return Err(fail("must be of the form: 'p, sub, res, act, obj, eft'".to_owned()));
    };
    let expected = format!("proj:{project}:{role}");
    if *subject != expected {
        return Err(fail(format!("policy subject must be: '{expected}', not '{subject}'")));
    }
    if !RESOURCES.contains(resource) {
        return Err(fail(format!(
            "project resource must be one of {}, not '{resource}'",
            RESOURCES.join(", ")
        )));
    }
    let is_action = ACTIONS.contains(action)
        || ["action/", "update/", "delete/"].iter().any(|prefix| action.starts_with(prefix));
    if !is_action {
        return Err(fail(format!("invalid action '{action}'")));
    }
    let in_project = object.strip_prefix(project).and_then(|rest| rest.strip_prefix('/'));
    if !in_project.is_some_and(|rest| {
        !rest.is_empty() && rest.matches('/').count() <= 1
            || *resource == "repositories"
            || *resource == "clusters"
    }) {
        return Err(fail(format!(
            "object must be of form '{project}/*', '{project}[/<NAMESPACE>]/<APPNAME>', not '{object}'"
        )));
    }
    if !matches!(*effect, "allow" | "deny") {
        return Err(fail(format!("effect must be: 'allow' or 'deny', not '{effect}'")));
    }
    Ok(())
}
