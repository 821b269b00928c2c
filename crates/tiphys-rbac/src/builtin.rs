//! The two roles that every installation has: `role:readonly` may see everything, `role:admin` may do everything.
//! The user `admin` has the latter, and it includes the former.

/// Who sees everything.
pub(crate) const READONLY: &str = "role:readonly";
/// Who does everything.
pub(crate) const ADMIN: &str = "role:admin";

/// Objects below a project are named `<project>/<name>`, all others by one name.
const IN_PROJECT: &str = "*/*";
const ANY: &str = "*";

const READ: &[(&str, &str)] = &[
    ("applications", IN_PROJECT),
    ("applicationsets", IN_PROJECT),
    ("certificates", ANY),
    ("clusters", ANY),
    ("repositories", ANY),
    ("write-repositories", ANY),
    ("projects", ANY),
    ("accounts", ANY),
    ("gpgkeys", ANY),
    ("logs", IN_PROJECT),
];

const WRITE: &[(&str, &[&str], &str)] = &[
    (
        "applications",
        &["create", "update", "update/*", "delete", "delete/*", "sync", "rollback", "override", "action/*"],
        IN_PROJECT,
    ),
    ("applicationsets", &["get", "create", "update", "delete"], IN_PROJECT),
    ("certificates", &["create", "update", "delete"], ANY),
    ("clusters", &["create", "update", "delete"], ANY),
    ("repositories", &["create", "update", "delete"], ANY),
    ("write-repositories", &["create", "update", "delete"], ANY),
    ("projects", &["create", "update", "delete"], ANY),
    ("accounts", &["update"], ANY),
    ("gpgkeys", &["create", "delete"], ANY),
    ("exec", &["create"], IN_PROJECT),
];

/// Rights of the built-in roles: role, resource, action, object.
pub(crate) fn rights() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    let read = READ.iter().map(|&(resource, object)| (READONLY, resource, "get", object));
    let write = WRITE.iter().flat_map(|&(resource, actions, object)| {
        actions.iter().map(move |&action| (ADMIN, resource, action, object))
    });
    read.chain(write)
}

/// Who has which role from the start.
pub(crate) const ROLES: [(&str, &str); 2] = [(ADMIN, READONLY), ("admin", ADMIN)];
