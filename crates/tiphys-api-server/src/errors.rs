//! What other parts of the system refuse, in the words and kinds that users get.

use tiphys_cluster::ApiError;
use tiphys_wire::{ErrorKind, WireError};

/// The Kubernetes API's refusal of a write or read, in its own words.
pub(crate) fn from_api(error: &ApiError) -> WireError {
    match error.status() {
        Some(status) => {
            WireError::new(ErrorKind::from_kubernetes(&status.reason, status.code), &*status.message)
        }
        None => WireError::unavailable(error.to_string()),
    }
}

/// A sibling service's refusal. Its kind and words are made for users; only that it can't be reached is said anew.
pub(crate) fn from_sibling(who: &str, status: tonic::Status) -> WireError {
    if status.code() == tonic::Code::Unavailable {
        tracing::warn!(service = who, reason = status.message(), "a service can't be reached");
        return WireError::unavailable(format!("the {who} can't be reached: {}", status.message()));
    }
    WireError::from(status)
}

/// Nothing is said about whether the thing exists.
pub(crate) fn denied() -> WireError {
    WireError::permission_denied("permission denied")
}

/// A request whose JSON does not fit its type, which the schema should have refused before.
pub(crate) fn unreadable(error: &serde_json::Error) -> WireError {
    WireError::invalid_argument(format!("read the request: {error}"))
}
