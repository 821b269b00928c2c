//! Keys of `argocd-rbac-cm` and the roles that are always there.

/// Policies, in the CSV of Casbin.
pub const POLICY_CSV: &str = "policy.csv";
/// Keys with this prefix and [`POLICY_SUFFIX`] hold more policies.
pub const POLICY_PREFIX: &str = "policy.";
/// See [`POLICY_PREFIX`].
pub const POLICY_SUFFIX: &str = ".csv";
/// Role of everybody who is signed in.
pub const POLICY_DEFAULT: &str = "policy.default";
/// How policies match: `glob` or `regex`.
pub const POLICY_MATCH_MODE: &str = "policy.matchMode";
/// Claims of a token that name the user's groups.
pub const SCOPES: &str = "scopes";
/// May do everything.
pub const ROLE_ADMIN: &str = "role:admin";
/// May see everything.
pub const ROLE_READONLY: &str = "role:readonly";
