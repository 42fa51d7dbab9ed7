//! What can go wrong between values and arguments.
use super::{json, msgpack};

/// Why a value cannot become an argument.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value has no form in JSON, or its own serialisation failed.
    #[error("the value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The arguments that it should join cannot be converted.
    #[error(transparent)]
    Convert(#[from] DecodeError),
    /// An ordinary object with `"_placeholder": true` would be taken for one of the attachments.
    #[error("an object looks like a placeholder and stands next to binary data")]
    Placeholder,
}

/// Why an argument cannot be read as the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are fewer arguments, and the type has no value for nothing.
    #[error("argument {0} is missing")]
    Missing(usize),
    /// The value does not fit the type.
    #[error("{0}")]
    Mismatch(#[from] serde_json::Error),
    /// The bytes are not valid in their encoding.
    #[error("malformed argument")]
    Malformed,
    /// The value nests more deeply than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("argument is nested too deeply")]
    TooDeep,
}

impl From<json::Fault> for DecodeError {
    fn from(fault: json::Fault) -> Self {
        match fault {
            json::Fault::Syntax => Self::Malformed,
            json::Fault::TooDeep => Self::TooDeep,
        }
    }
}

impl From<msgpack::Fault> for DecodeError {
    fn from(fault: msgpack::Fault) -> Self {
        match fault {
            msgpack::Fault::Syntax => Self::Malformed,
            msgpack::Fault::TooDeep => Self::TooDeep,
        }
    }
}
