//! The latest changes, for operations against older versions and for clients that come back.

use std::{collections::VecDeque, sync::Arc};

use crate::{Limits, Operation};

/// One insertion or deletion, as it was applied to the text of the version before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version of the text with it.
    pub version: u64,
    /// What was done.
    pub operation: Operation,
    /// Who did it.
    pub author: Arc<str>,
    /// The author's own name for the operation that it came from. Of one that others took apart,
    /// there are several changes.
    pub operation_id: Option<Arc<str>>,
    /// When, in milliseconds of whatever clock the caller uses.
    pub at: i64,
}

/// The latest changes, without gaps up to the present.
#[derive(Debug)]
pub(crate) struct History {
    changes: VecDeque<Change>,
    bytes: usize,
    /// The version that the oldest change was made to; the present when there is none.
    floor: u64,
}

impl History {
    /// Begins with a text of that version.
    pub(crate) fn new(version: u64) -> Self {
        Self {
            changes: VecDeque::new(),
            bytes: 0,
            floor: version,
        }
    }

    /// The present version.
    pub(crate) fn version(&self) -> u64 {
        self.floor + self.changes.len() as u64
    }

    /// Adds the next change, and lets go of the oldest if there are too many.
    pub(crate) fn push(&mut self, change: Change, limits: &Limits) {
        debug_assert_eq!(change.version, self.version() + 1, "changes have no gaps");
        self.bytes += change.operation.bytes();
        self.changes.push_back(change);
        while self.changes.len() > limits.history_changes || self.bytes > limits.history_bytes {
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.bytes -= oldest.operation.bytes();
            self.floor = oldest.version;
        }
    }

    /// The changes after that version; `None` when some of them are no longer kept, or the
    /// version has not been reached.
    pub(crate) fn after(&self, version: u64) -> Option<impl ExactSizeIterator<Item = &Change>> {
        let known = version.checked_sub(self.floor)?;
        let known = usize::try_from(known).ok()?;
        (known <= self.changes.len()).then(|| self.changes.range(known..))
    }

    /// Bytes that it takes, roughly.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes + self.changes.capacity() * size_of::<Change>()
    }

    /// All that are kept.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Change> {
        self.changes.iter()
    }
}
