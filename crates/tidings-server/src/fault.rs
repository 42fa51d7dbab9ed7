//! The one error of commands: a code for programs and a sentence for people.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use tidings::DecodeError;
use tidings_store::StoreError;

use crate::limits::bucket::RetryAfter;

/// Why a command was not carried out. It is answered as `{success: false, error, code}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fault {
    code: Code,
    #[serde(rename = "error")]
    sentence: String,
    /// After how many milliseconds to try again, where that may help.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// What a program may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Code {
    /// The data does not have the form that the command needs; the sentence names the field.
    BadRequest,
    /// Nobody has signed in on this connection.
    Unauthenticated,
    /// Somebody else has signed in on this connection.
    AlreadyAuthenticated,
    /// The token is none, or none of ours, or not for this server.
    InvalidToken,
    /// The token was good and is no longer.
    TokenExpired,
    /// The user may not do this there.
    PermissionDenied,
    /// The room has to be joined first, with the command `room:join`.
    NotAMember,
    /// The client's text is not the document's; join it again with `doc:join`.
    OutOfSync,
    /// What the command is about is not there.
    NotFound,
    /// The connection has as many rooms as it may have.
    TooManyRooms,
    /// The data of the command has too many bytes.
    TooLarge,
    /// Too many commands; `retryAfterMs` says when the next one is welcome.
    RateLimited,
    /// Too many connections of this user or address.
    ConnectionLimit,
    /// The server has more to write than it can; try again after `retryAfterMs`.
    Overloaded,
    /// There is no command of that name.
    UnknownCommand,
    /// There is no method of that name, in the HTTP API.
    UnknownMethod,
    /// The request contradicts one before it, in the HTTP API.
    Conflict,
    /// The application behind the server has ended the connection.
    Dismissed,
    /// The backend that carries out the command has not answered in time.
    Timeout,
    /// The backend that carries out the command has failed, or has answered what is no answer.
    BadGateway,
    /// The server is shutting down, or what it stores in or asks is out of reach.
    Unavailable,
    /// The server has made a mistake; its log says which.
    Internal,
}

// Counters of codes are found by their place.
const _: () = assert!(Code::ALL.len() == Code::Internal as usize + 1);

impl Code {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::AlreadyAuthenticated,
        Self::InvalidToken,
        Self::TokenExpired,
        Self::PermissionDenied,
        Self::NotAMember,
        Self::OutOfSync,
        Self::NotFound,
        Self::TooManyRooms,
        Self::TooLarge,
        Self::RateLimited,
        Self::ConnectionLimit,
        Self::Overloaded,
        Self::UnknownCommand,
        Self::UnknownMethod,
        Self::Conflict,
        Self::Dismissed,
        Self::Timeout,
        Self::BadGateway,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::AlreadyAuthenticated => "already_authenticated",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::PermissionDenied => "permission_denied",
            Self::NotAMember => "not_a_member",
            Self::OutOfSync => "out_of_sync",
            Self::NotFound => "not_found",
            Self::TooManyRooms => "too_many_rooms",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::ConnectionLimit => "connection_limit",
            Self::Overloaded => "overloaded",
            Self::UnknownCommand => "unknown_command",
            Self::UnknownMethod => "unknown_method",
            Self::Conflict => "conflict",
            Self::Dismissed => "dismissed",
            Self::Timeout => "timeout",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

/// How long somebody should wait whom a full queue turned away.
const OVERLOADED_FOR: RetryAfter = RetryAfter(Duration::from_millis(500));

impl Fault {
    /// A fault with the sentence that says what happened, to what, and what to do.
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            retry_after: None,
        }
    }

    /// Says when to try again.
    pub(crate) fn after(mut self, wait: RetryAfter) -> Self {
        self.retry_after = Some(wait.milliseconds());
        self
    }

    /// The data of a command could not be read.
    pub(crate) fn unreadable(command: &str, error: &DecodeError) -> Self {
        let reason = match error {
            DecodeError::Missing(_) => "it is missing".to_owned(),
            error => {
                let mut reason = error.to_string();
                // A place in the JSON text means nothing to whoever sent a value.
                if let Some(place) = reason.rfind(" at line ") {
                    reason.truncate(place);
                }
                reason
            }
        };
        Self::new(
            Code::BadRequest,
            format!("The data of {command} does not fit: {reason}."),
        )
    }

    /// Nobody has signed in.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            Code::Unauthenticated,
            "Nobody has signed in on this connection. Send the command auth first.",
        )
    }

    /// The server could not do what it should be able to do; the log says why.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a command failed");
        Self::new(
            Code::Internal,
            "The server could not do this. Its log says why.",
        )
    }

    /// After how many milliseconds to try again, where that may help.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after
    }

    /// The code, for programs.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The sentence, for people.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::new(
                Code::Overloaded,
                "The server has more to store than it can. Try again shortly.",
            )
            .after(OVERLOADED_FOR),
            StoreError::Closed => Self::new(Code::Unavailable, "The server is shutting down."),
            StoreError::NotFound { what, .. } => Self::new(
                Code::NotFound,
                format!("There is no such {what} here, or it was deleted."),
            ),
            StoreError::Forbidden => Self::new(
                Code::PermissionDenied,
                "Only who sent a message may change it.",
            ),
            error => {
                tracing::error!(%error, "the store failed");
                Self::new(
                    Code::Unavailable,
                    "The server cannot reach what it stores in. Its log says why.",
                )
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Fault {}
