//! What a project, a role or a policy permits.
