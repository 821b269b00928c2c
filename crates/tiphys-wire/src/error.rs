//! What went wrong with a call, in the one vocabulary that all three wires share, and its numbers on each of them.

use std::fmt;

/// The kinds of failure of a call. Each has one gRPC code and one HTTP status (see [`ErrorKind::table`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller went away.
    Cancelled,
    /// Nothing more precise is known.
    Unknown,
    /// The request can't be right in any state of the system.
    InvalidArgument,
    /// It took too long.
    DeadlineExceeded,
    /// There is no such thing.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// A limit was reached.
    ResourceExhausted,
    /// The system is not in the state that the request needs.
    FailedPrecondition,
    /// Somebody else changed the thing meanwhile.
    Aborted,
    /// Beyond the valid range.
    OutOfRange,
    /// This server does not do that.
    Unimplemented,
    /// Our own fault.
    Internal,
    /// A part of the system can't be reached now.
    Unavailable,
    /// Data is lost.
    DataLoss,
    /// Nobody knows who the caller is.
    Unauthenticated,
}

impl ErrorKind {
    /// Every kind with its gRPC code and its HTTP status, as grpc-gateway maps them.
    pub const TABLE: [(Self, u8, u16); 16] = [
        (Self::Cancelled, 1, 408),
        (Self::Unknown, 2, 500),
        (Self::InvalidArgument, 3, 400),
        (Self::DeadlineExceeded, 4, 504),
        (Self::NotFound, 5, 404),
        (Self::AlreadyExists, 6, 409),
        (Self::PermissionDenied, 7, 403),
        (Self::ResourceExhausted, 8, 429),
        (Self::FailedPrecondition, 9, 400),
        (Self::Aborted, 10, 409),
        (Self::OutOfRange, 11, 400),
        (Self::Unimplemented, 12, 501),
        (Self::Internal, 13, 500),
        (Self::Unavailable, 14, 503),
        (Self::DataLoss, 15, 500),
        (Self::Unauthenticated, 16, 401),
    ];

    fn row(self) -> (Self, u8, u16) {
        Self::TABLE.into_iter().find(|(kind, ..)| *kind == self).unwrap_or((self, 2, 500))
    }

    /// The number in the `grpc-status` trailer and in the `code` of a REST error.
    pub fn grpc_code(self) -> u8 {
        self.row().1
    }

    /// The HTTP status of a REST answer.
    pub fn http_status(self) -> u16 {
        self.row().2
    }

    /// The name of the gRPC code as Go's library writes it, for labels of metrics.
    pub fn grpc_name(self) -> &'static str {
        match self {
            Self::Cancelled => "Canceled",
            Self::Unknown => "Unknown",
            Self::InvalidArgument => "InvalidArgument",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::PermissionDenied => "PermissionDenied",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::FailedPrecondition => "FailedPrecondition",
            Self::Aborted => "Aborted",
            Self::OutOfRange => "OutOfRange",
            Self::Unimplemented => "Unimplemented",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
            Self::DataLoss => "DataLoss",
            Self::Unauthenticated => "Unauthenticated",
        }
    }

    /// The kind with this gRPC code; unknown numbers are [`ErrorKind::Unknown`].
    pub fn from_grpc_code(code: u8) -> Self {
        Self::TABLE
            .into_iter()
            .find(|(_, number, _)| *number == code)
            .map_or(Self::Unknown, |(kind, ..)| kind)
    }

    /// The kind for the `reason` of a Kubernetes Status, as the reference translates it; the HTTP `code` decides where
    /// the reason is empty.
    pub fn from_kubernetes(reason: &str, code: u16) -> Self {
        match (reason, code) {
            ("NotFound", _) | ("", 404) => Self::NotFound,
            ("AlreadyExists", _) => Self::AlreadyExists,
            ("Invalid", _) | ("", 422) => Self::InvalidArgument,
            ("BadRequest" | "MethodNotAllowed", _) | ("", 400 | 405) => Self::FailedPrecondition,
            ("Unauthorized", _) | ("", 401) => Self::Unauthenticated,
            ("Forbidden", _) | ("", 403) => Self::PermissionDenied,
            ("Timeout" | "ServerTimeout", _) | ("", 504) => Self::DeadlineExceeded,
            ("Conflict", _) | ("", 409) => Self::Aborted,
            ("TooManyRequests", _) | ("", 429) => Self::ResourceExhausted,
            ("InternalError", _) => Self::Internal,
            ("ServiceUnavailable", _) | ("", 503) => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// A failed call: its kind and the words for the user. The words leave the system, so they hold no secret and no
/// inner detail; the cause belongs in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Decides the status numbers.
    pub kind: ErrorKind,
    /// Shown to the user as it is.
    pub message: String,
}

impl WireError {
    /// A failure of this kind with these words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl WireError {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self { Self::new(ErrorKind::$kind, message) })*
        }
    };
}

constructors! {
    /// [`ErrorKind::InvalidArgument`].
    invalid_argument => InvalidArgument;
    /// [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// [`ErrorKind::AlreadyExists`].
    already_exists => AlreadyExists;
    /// [`ErrorKind::PermissionDenied`].
    permission_denied => PermissionDenied;
    /// [`ErrorKind::FailedPrecondition`].
    failed_precondition => FailedPrecondition;
    /// [`ErrorKind::Unimplemented`].
    unimplemented => Unimplemented;
    /// [`ErrorKind::Internal`].
    internal => Internal;
    /// [`ErrorKind::Unavailable`].
    unavailable => Unavailable;
    /// [`ErrorKind::DeadlineExceeded`].
    deadline_exceeded => DeadlineExceeded;
    /// [`ErrorKind::Unauthenticated`].
    unauthenticated => Unauthenticated;
    /// [`ErrorKind::ResourceExhausted`].
    resource_exhausted => ResourceExhausted;
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}

impl From<tonic::Status> for WireError {
    /// Keeps the kind and the words of an answer of a sibling service.
    fn from(status: tonic::Status) -> Self {
        let code = u8::try_from(i32::from(status.code())).unwrap_or(2);
        Self::new(ErrorKind::from_grpc_code(code), status.message())
    }
}

impl From<WireError> for tonic::Status {
    fn from(error: WireError) -> Self {
        Self::new(tonic::Code::from(i32::from(error.kind.grpc_code())), error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_comes_back_from_it() {
        for (kind, code, _) in ErrorKind::TABLE {
            assert_eq!(ErrorKind::from_grpc_code(code), kind);
            assert_eq!(kind.grpc_code(), code);
        }
        assert_eq!(ErrorKind::from_grpc_code(99), ErrorKind::Unknown);
    }

    #[test]
    fn a_kubernetes_conflict_is_aborted_and_a_refusal_is_a_permission() {
        assert_eq!(ErrorKind::from_kubernetes("Conflict", 409), ErrorKind::Aborted);
        assert_eq!(ErrorKind::from_kubernetes("AlreadyExists", 409), ErrorKind::AlreadyExists);
        assert_eq!(ErrorKind::from_kubernetes("Forbidden", 403), ErrorKind::PermissionDenied);
        assert_eq!(ErrorKind::from_kubernetes("", 404), ErrorKind::NotFound);
    }
}
