//! What clients hear of documents.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings_documents::{Change, Operation};

use crate::{
    clock,
    events::Event,
    names::{DocumentId, UserId},
};

/// `doc:sync`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sync<'a> {
    pub(crate) document_id: &'a DocumentId,
    /// The whole text.
    pub(crate) content: &'a str,
    /// Its version: how many insertions and deletions it has seen.
    pub(crate) version: u64,
    /// Whether operations of this client would be refused.
    pub(crate) read_only: bool,
}

impl Event for Sync<'_> {
    const NAME: &'static str = "doc:sync";
    const SUMMARY: &'static str =
        "To a client that has joined a document and did not ask for what it missed only.";
}

/// Whether an operation puts text somewhere or takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Text comes.
    Insert,
    /// Text goes.
    Delete,
}

/// `doc:operation`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operated {
    pub(crate) document_id: DocumentId,
    /// The version of the text with it: the one after the last that the client has.
    pub(crate) version: u64,
    /// Its author's own name for the operation. Of a deletion in which others have inserted
    /// something meanwhile, there are several events with the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation_id: Option<Arc<str>>,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// UTF-16 units before it, in the text of the version before.
    pub(crate) position: usize,
    /// What is inserted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Arc<str>>,
    /// How many UTF-16 units are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<usize>,
    pub(crate) user_id: Arc<str>,
    pub(crate) timestamp: String,
}

impl Event for Operated {
    const NAME: &'static str = "doc:operation";
    const SUMMARY: &'static str = "To the others that have a document open: its text has changed. Each event has the version after the one \
         before it; the sender of an operation has its answer instead.";
}

impl Operated {
    /// What is told of a change.
    pub(crate) fn of(document_id: &DocumentId, change: &Change) -> Self {
        let (kind, position, content, length) = match &change.operation {
            Operation::Insert { position, content } => {
                (Kind::Insert, *position, Some(Arc::clone(content)), None)
            }
            Operation::Delete { position, length } => {
                (Kind::Delete, *position, None, Some(*length))
            }
        };
        Self {
            document_id: document_id.clone(),
            version: change.version,
            operation_id: change.operation_id.clone(),
            kind,
            position,
            content,
            length,
            user_id: Arc::clone(&change.author),
            timestamp: clock::rfc3339(tidings_store::Time::from_millis(change.at)),
        }
    }
}

/// `doc:cursor`
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cursor<'a> {
    pub(crate) document_id: &'a DocumentId,
    pub(crate) user_id: &'a UserId,
    /// The connection, of which a user may have several.
    pub(crate) client_id: &'a str,
    /// UTF-16 units before it; null when the connection has left the document.
    pub(crate) position: Option<usize>,
    /// The version of the text in which that is so.
    pub(crate) version: u64,
}

impl Event for Cursor<'_> {
    const NAME: &'static str = "doc:cursor";
    const SUMMARY: &'static str = "To the others that have a document open: where somebody's cursor is. It moves with the text by itself; \
         slow clients may not hear of every place.";
}
