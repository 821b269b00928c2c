//! Local accounts, passwords and tokens.
//!
//! Who somebody is, and whether they are still allowed to say so. What they may do is `tiphys-rbac`'s; where
//! accounts and keys are kept is `tiphys-settings`'. Time is a parameter. Hashing a password takes a tenth of a second of CPU
//! on purpose: callers keep it off threads that others wait for.

mod attempts;
mod cookie;
mod password;
mod token;

pub use attempts::{AttemptLimits, Attempts};
pub use cookie::{COOKIE_NAME, cleared_cookies, join_cookies, split_cookie};
pub use password::{
    LoginError, MAX_USERNAME_LENGTH, PasswordError, check_login, generate_password, generate_signature_key,
    hash_password,
};
pub use token::{
    ISSUER, Identity, InvalidToken, IssueError, IssuedToken, ProjectTokens, RENEW_BEFORE, Revocations,
    Verifier, issue,
};
