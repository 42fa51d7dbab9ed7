//! What commands about documents answer.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tidings_documents::{EditError, TooManySessions};

use super::events::Operated;
use crate::{
    fault::{Code, Fault},
    names::DocumentId,
    registry::Answer,
};

/// What somebody who joins a document finds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Joined {
    pub(crate) document_id: DocumentId,
    /// The version of the text: the next event has the one after it.
    pub(crate) version: u64,
    /// The whole text, unless `operations` leads there from the version that the client has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Arc<str>>,
    /// What happened after the version that the client has, if all of it is still known; the
    /// client's own operations are among it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operations: Option<Vec<Operated>>,
    /// Whether `operations` is all that the client missed.
    pub(crate) recovered: bool,
    /// Whether operations of this client would be refused.
    pub(crate) read_only: bool,
}

/// An operation is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Acknowledged {
    /// The version of the text with it.
    pub(crate) version: u64,
}

/// The answer to an operation.
pub(crate) type OperationAnswer = Answer<Acknowledged>;

impl From<EditError> for Fault {
    fn from(error: EditError) -> Self {
        let code = match error {
            EditError::OperationTooLarge { .. } | EditError::DocumentFull { .. } => Code::TooLarge,
            EditError::OperationId { .. } | EditError::NotText => Code::BadRequest,
            _ => Code::OutOfSync,
        };
        Self::new(code, format!("The operation was not applied: {error}."))
    }
}

impl From<TooManySessions> for Fault {
    fn from(error: TooManySessions) -> Self {
        Self::new(
            Code::Overloaded,
            format!("The document cannot be joined: {error}. Try again later."),
        )
    }
}
