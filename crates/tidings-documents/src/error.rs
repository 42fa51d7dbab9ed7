//! Why a document does not do what it is asked, in terms on which a client can act.

use thiserror::Error;

/// Why an operation was not applied.
///
/// Afterwards the session has to be [opened](crate::Document::open) again, with the text as it
/// is: the client shows something that the document does not have, and whatever it sent after
/// the refused operation rests on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// The session was never opened, or has been closed.
    #[error("the document was not joined")]
    NotOpen,
    /// An earlier operation of the session was refused.
    #[error("an earlier operation was refused; join the document again")]
    OutOfStep,
    /// The operation's own name is empty or too long.
    #[error("operationId must have 1 to {most} bytes")]
    OperationId {
        /// Bytes that it may have.
        most: usize,
    },
    /// The version is one that the document has not reached.
    #[error(
        "version {base} is ahead of the document, which is at {version}; join the document again"
    )]
    UnknownVersion {
        /// What the operation says that it was made against.
        base: u64,
        /// Where the document is.
        version: u64,
    },
    /// The version is so old that the operation can no longer be brought to the present, or that
    /// nobody can say whether it was applied before.
    #[error(
        "version {base} is too old, the document is at {version}; join the document again, and \
         see there whether the operation was applied"
    )]
    TooOld {
        /// What the operation says that it was made against.
        base: u64,
        /// Where the document is.
        version: u64,
    },
    /// The operation reaches beyond the text.
    #[error(
        "the operation reaches beyond the text, which has {length} UTF-16 units at version {version}"
    )]
    OutOfBounds {
        /// UTF-16 units of the text.
        length: usize,
        /// Where the document is.
        version: u64,
    },
    /// The operation begins or ends within a character of two UTF-16 units.
    #[error(
        "the operation would cut a character in two: it begins or ends within a surrogate pair"
    )]
    WithinCharacter,
    /// The operation inserts more than one may.
    #[error("an operation may insert {most} UTF-16 units")]
    OperationTooLarge {
        /// UTF-16 units that it may insert.
        most: usize,
    },
    /// The text, or what is kept behind it, would become too large.
    #[error("the document is full: it may have {most} UTF-16 units of text")]
    DocumentFull {
        /// UTF-16 units of text that it may have.
        most: usize,
    },
    /// Yjs editors keep something in the document that has no plain text.
    #[error("the document is not plain text, and can be edited by Yjs clients only")]
    NotText,
}

/// As many sessions are open as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{most} editors have the document open, which is as many as may")]
pub struct TooManySessions {
    /// Sessions that there may be.
    pub most: usize,
}

/// Why an update of a Yjs client was not applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// It is not an update.
    #[error("the update cannot be read: {0}")]
    Malformed(String),
    /// With it, the document would become too large.
    #[error("the document is full: it may have {most} bytes")]
    DocumentFull {
        /// Bytes that it may have.
        most: usize,
    },
    /// It was applied in part. The document has to be loaded again from what is stored.
    #[error("the update contradicts the document: {0}")]
    Damaged(String),
}

/// Why a document could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A snapshot or record is of another format, cut off or damaged.
    #[error("a stored piece of the document cannot be read: {0}")]
    Unreadable(String),
    /// A record does not continue the one before.
    #[error("a record of the document is missing: version {expected} was expected, {found} found")]
    Gap {
        /// The version at which the record should begin.
        expected: u64,
        /// The version at which it begins.
        found: u64,
    },
}
