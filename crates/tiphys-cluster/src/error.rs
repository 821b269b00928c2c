//! What a request to an API server can come back with instead of an answer.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// The API server's own account of a failure (`metav1.Status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiStatus {
    /// HTTP status code.
    pub code: u16,
    /// One word for machines, for example `AlreadyExists`; may be empty.
    pub reason: String,
    /// The API server's words, unchanged.
    pub message: String,
    /// How long to wait before trying again, when the API server says so.
    pub retry_after: Option<Duration>,
}

/// Why a request has no answer that can be used. The words of the API server are in `Display` as they came.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The API server answered with a failure.
    #[error("{}", .0.message)]
    Status(Box<ApiStatus>),
    /// The connection could not be made, or it broke. Whether the request was carried out is not known.
    #[error("{request} got no answer from the API server: {}", root_cause(source.as_ref()))]
    Transport {
        /// Verb and path of the request.
        request: String,
        /// What the connection says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time. Whether the request was carried out is not known.
    #[error("{request} got no answer from the API server within {after:?}")]
    Timeout {
        /// Verb and path of the request.
        request: String,
        /// The time that was given.
        after: Duration,
    },
    /// The answer is not what the request asks for.
    #[error("the API server's answer to {request} can't be read")]
    Decode {
        /// Verb and path of the request.
        request: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The request can't be made of what was given, for example because a name has characters that no path
    /// can hold.
    #[error("can't make the request {request}")]
    Request {
        /// Verb and path of the request.
        request: String,
        /// What is wrong with it.
        #[source]
        source: http::Error,
    },
}

impl ApiError {
    /// The API server's account, when it gave one.
    pub fn status(&self) -> Option<&ApiStatus> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// HTTP status code, when there was an answer.
    pub fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    fn has(&self, code: u16) -> bool {
        self.code() == Some(code)
    }

    /// The object, or its kind, is not there.
    pub fn is_not_found(&self) -> bool {
        self.has(404)
    }

    /// An object of that name is there already.
    pub fn is_already_exists(&self) -> bool {
        self.has(409) && self.status().is_some_and(|status| status.reason == "AlreadyExists")
    }

    /// A precondition (uid or resourceVersion) does not hold, or a field belongs to another field manager.
    pub fn is_conflict(&self) -> bool {
        self.has(409) && !self.is_already_exists()
    }

    /// The credentials do not permit the request.
    pub fn is_forbidden(&self) -> bool {
        self.has(403)
    }

    /// The credentials are not accepted.
    pub fn is_unauthorized(&self) -> bool {
        self.has(401)
    }

    /// The resourceVersion of a list or watch is too old, or its continuation has expired.
    pub fn is_expired(&self) -> bool {
        self.has(410)
    }

    /// The API server refused the object.
    pub fn is_invalid(&self) -> bool {
        self.has(422) || self.has(400)
    }

    /// The connection failed: nothing is known of the API server but that it does not answer.
    pub fn is_transport(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::Timeout { .. })
    }

    /// Whether a write may or may not have been carried out. An admission webhook that fails does so before
    /// the write.
    pub fn is_outcome_unknown(&self) -> bool {
        let refused =
            || self.status().is_some_and(|status| status.message.contains("failed calling webhook"));
        self.is_transport() || (matches!(self.code(), Some(500 | 502 | 503 | 504)) && !refused())
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        self.is_transport() || matches!(self.code(), Some(429 | 500 | 502 | 503 | 504))
    }
}

/// The last link of a chain of errors says what happened; those above say only who noticed.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[derive(Deserialize)]
struct WireStatus {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Option<WireDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDetails {
    #[serde(default)]
    retry_after_seconds: u64,
}

impl ApiStatus {
    /// Reads the body of a failed answer. What is not a Status (a proxy's page, for example) is cut and quoted.
    pub(crate) fn of(code: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        match serde_json::from_slice::<WireStatus>(body) {
            Ok(status) if !status.message.is_empty() => {
                let seconds = status.details.map_or(0, |details| details.retry_after_seconds);
                Self {
                    code: if status.code == 0 { code } else { status.code },
                    reason: status.reason,
                    message: status.message,
                    retry_after: retry_after.or((seconds > 0).then(|| Duration::from_secs(seconds))),
                }
            }
            _ => {
                let text = String::from_utf8_lossy(body);
                let quoted: String = text.trim().chars().take(200).collect();
                let message = if quoted.is_empty() {
                    format!("the server answered with status {code}")
                } else {
                    format!("the server answered with status {code}: {quoted}")
                };
                Self { code, reason: String::new(), message, retry_after }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_api_server_are_kept() {
        let body = br#"{"kind":"Status","reason":"AlreadyExists","message":"configmaps \"a\" already exists","code":409}"#;
        let error = ApiError::Status(Box::new(ApiStatus::of(409, None, body)));
        assert_eq!(error.to_string(), "configmaps \"a\" already exists");
        assert!(error.is_already_exists() && !error.is_conflict() && !error.is_retryable());
    }

    #[test]
    fn a_webhook_that_fails_is_a_refusal_and_a_gateway_that_fails_is_not() {
        let status = |code: u16, message: &str| {
            ApiError::Status(Box::new(ApiStatus {
                code,
                reason: String::new(),
                message: message.to_owned(),
                retry_after: None,
            }))
        };
        let webhook = status(500, "Internal error occurred: failed calling webhook \"a\": no endpoints");
        assert!(!webhook.is_outcome_unknown() && webhook.is_retryable());
        assert!(status(504, "gateway timeout").is_outcome_unknown());
        assert!(!status(403, "forbidden").is_outcome_unknown());
    }

    #[test]
    fn a_page_that_is_no_status_is_quoted_in_part() {
        let status = ApiStatus::of(502, None, format!("<html>{}", "x".repeat(1000)).as_bytes());
        assert!(status.message.starts_with("the server answered with status 502: <html>xx"));
        assert!(status.message.len() < 300);
    }

    #[test]
    fn the_time_to_wait_is_taken_from_the_header_or_from_the_details() {
        let body = br#"{"message":"slow down","code":429,"details":{"retryAfterSeconds":7}}"#;
        assert_eq!(ApiStatus::of(429, None, body).retry_after, Some(Duration::from_secs(7)));
        let header = Some(Duration::from_secs(2));
        assert_eq!(ApiStatus::of(429, header, body).retry_after, header);
    }
}
