//! What can be chosen about an SQLite store.

use std::sync::Arc;

use crate::Announcer;

/// How an SQLite store works. The default is right for a server of any size that one machine has.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// What is waited for before a write counts as done.
    pub sync: SyncMode,
    /// Writes that may wait for their commit.
    pub queue: usize,
    /// Bytes of text in those.
    pub queue_bytes: usize,
    /// Writes that are committed together, at most. More make each wait longer.
    pub batch: usize,
    /// Reads that are done at the same time. A store in memory has one at a time.
    pub readers: usize,
    /// Reads that may wait for their turn.
    pub waiting_reads: usize,
    /// Rooms whose place in their sequence is kept in memory, about 100 bytes each.
    pub cached_rooms: usize,
    /// How large the database may grow, in bytes. Beyond it, writes fail as on a full disk until
    /// something is trimmed. The log beside it, up to some megabytes, comes on top.
    pub max_bytes: Option<u64>,
    /// Who says what goes into the outbox with a write; nothing does without one.
    pub announcer: Option<Arc<dyn Announcer>>,
    /// Events that the outbox keeps. When half of that waits, expendable events are left out, and
    /// when all of it does, the oldest go.
    pub outbox: u64,
    /// Bytes of text in those.
    pub outbox_bytes: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            sync: SyncMode::Full,
            queue: 8_192,
            queue_bytes: 64 * 1024 * 1024,
            batch: 512,
            readers: 4,
            waiting_reads: 4_096,
            cached_rooms: 16_384,
            max_bytes: None,
            announcer: None,
            outbox: 1_000_000,
            outbox_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// What is waited for before a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SyncMode {
    /// That the disk has it. It then survives the loss of power.
    #[default]
    Full,
    /// That the operating system has it. It then survives the end of the process, however sudden,
    /// but the loss of power can take back the last seconds.
    Normal,
}
