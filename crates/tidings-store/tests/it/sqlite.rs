//! The store in SQLite: all behaviours, in a file and in memory, and what is its own.

mod files;
mod kill;
mod troubles;

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tidings_store::{Announcer, SqliteOptions, SqliteStore, Store};

use crate::conformance::{Place, conformance};

/// A folder of its own for a file.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("tidings.db")
    }
}

/// With an announcer, and so much room for what it says.
fn announcing(announcer: Arc<dyn Announcer>, outbox: u64, outbox_bytes: u64) -> SqliteOptions {
    SqliteOptions {
        announcer: Some(announcer),
        outbox,
        outbox_bytes,
        ..SqliteOptions::default()
    }
}

impl Place for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path(), SqliteOptions::default()).unwrap())
    }

    fn open_announcing(
        &self,
        announcer: Arc<dyn Announcer>,
        events: u64,
        bytes: u64,
    ) -> Arc<dyn Store> {
        let options = announcing(announcer, events, bytes);
        Arc::new(SqliteStore::open(&self.path(), options).unwrap())
    }
}

mod in_a_file {
    use super::Folder;

    crate::conformance::conformance!(Folder::new());
}

mod in_memory {
    //! Everything that needs no second store with the data of the first.

    use super::*;

    struct Memory;

    impl Place for Memory {
        fn open(&self) -> Arc<dyn Store> {
            Arc::new(SqliteStore::in_memory(SqliteOptions::default()).unwrap())
        }

        fn open_announcing(
            &self,
            announcer: Arc<dyn Announcer>,
            events: u64,
            bytes: u64,
        ) -> Arc<dyn Store> {
            Arc::new(SqliteStore::in_memory(announcing(announcer, events, bytes)).unwrap())
        }
    }

    conformance! { Memory;
        a_retry_is_answered_with_the_first_message,
        outcomes_come_in_the_order_of_the_calls,
        since_gives_what_was_said_and_what_was_changed,
        much_is_trimmed_in_small_steps,
        what_is_written_is_announced_with_it,
        a_closed_store_refuses_everything,
        random_operations_do_what_a_simple_model_does,
    }
}
