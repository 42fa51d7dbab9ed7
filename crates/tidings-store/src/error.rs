//! What can go wrong with a write or a read, in terms that a caller can act on.

use std::{error::Error, sync::Arc};

/// Why the store did not do what it was asked.
///
/// It can be cloned, since one commit that fails fails every write in it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too much is waiting already. Nothing was queued; the same call may succeed a moment later.
    #[error("the store has too much waiting; try again in a moment")]
    Overloaded,
    /// The store was closed, or its writer is gone. Nothing that is asked of it succeeds again.
    #[error("the store is closed")]
    Closed,
    /// What was named does not exist, or exists no longer.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What kind of thing was looked for, as a word: `message`, `notification`.
        what: &'static str,
        /// The name under which it was looked for.
        id: String,
    },
    /// A message may be changed by its sender and by moderators.
    #[error("only the sender of a message, or a moderator, may change it")]
    Forbidden,
    /// A record does not continue its document: something else was stored in between, or nothing
    /// of what was before it. Nothing was kept of it.
    #[error("record {seq} of a document does not follow on {last}, the last one stored")]
    OutOfTurn {
        /// The number of the record.
        seq: u64,
        /// The number of the last one that is stored.
        last: u64,
    },
    /// The database could not do it: a full disk, a damaged file, a lock that another program
    /// holds. Nothing of the write that is told so was kept.
    #[error("the database failed: {0}")]
    Backend(#[source] Arc<dyn Error + Send + Sync>),
}

impl StoreError {
    /// There is no such message, in this room at least.
    pub(crate) fn no_message(id: &str) -> Self {
        Self::NotFound {
            what: "message",
            id: id.to_owned(),
        }
    }

    /// There is no such notification of this user.
    pub(crate) fn no_notification(id: &str) -> Self {
        Self::NotFound {
            what: "notification",
            id: id.to_owned(),
        }
    }

    /// Something beneath the store failed.
    pub(crate) fn backend(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Backend(Arc::new(source))
    }
}
