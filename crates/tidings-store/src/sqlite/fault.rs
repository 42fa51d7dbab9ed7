//! Why something was not written or read: because of what was asked, or because of SQLite.

use crate::StoreError;

/// Why something was not written or read.
#[derive(Debug)]
pub(super) enum Fault {
    /// It must not be, or cannot be found.
    Refused(StoreError),
    /// SQLite could not do it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Sqlite(error) => Self::backend(error),
        }
    }
}
