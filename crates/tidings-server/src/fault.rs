//! The one error of commands: a code for programs and a sentence for people.

use std::fmt;

use serde::Serialize;
use tidings::DecodeError;

/// Why a command was not carried out. It is answered as `{success: false, error, code}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    code: Code,
    #[serde(rename = "error")]
    sentence: String,
}

/// What a program may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// The data does not have the form that the command needs.
    BadRequest,
    /// Nobody has signed in on this connection.
    Unauthenticated,
    /// Somebody else has signed in on this connection.
    AlreadyAuthenticated,
    /// The room has to be joined first.
    NotAMember,
    /// The connection, or the server, has as many rooms as it may have.
    TooManyRooms,
    /// There is no command of that name.
    UnknownCommand,
    /// The server has made a mistake.
    Internal,
}

impl Fault {
    /// A fault with the sentence that says what happened, to what, and what to do.
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
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

    /// The server could not do what it should be able to do; the log says why.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a command failed");
        Self::new(
            Code::Internal,
            "The server could not do this. Its log says why.",
        )
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Fault {}
