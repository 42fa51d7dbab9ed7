//! Collaborative documents, as the store keeps them: bytes that it does not look into.

use std::sync::Arc;

use crate::Time;

/// A step of a document, to be stored.
#[derive(Debug, Clone)]
pub struct DocumentRecord {
    /// The document, which comes into being with its first record.
    pub document: Arc<str>,
    /// Its number: one more than that of the record before, the first is 1.
    pub seq: u64,
    /// What happened.
    pub bytes: Vec<u8>,
    /// When.
    pub at: Time,
}

/// A snapshot that takes the place of the records before it.
#[derive(Debug, Clone)]
pub struct Compaction {
    /// The document.
    pub document: Arc<str>,
    /// The number of the last record that the snapshot stands for.
    pub through: u64,
    /// The snapshot.
    pub snapshot: Vec<u8>,
    /// How many snapshots to keep as versions, this one among them; with 0 it is not kept as one,
    /// and those that there are stay.
    pub versions: usize,
    /// When it was made, which is the time of the version.
    pub at: Time,
}

/// A document, to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// What stands for the records up to some number, if there is one.
    pub snapshot: Option<Vec<u8>>,
    /// The records since, in their order.
    pub records: Vec<Vec<u8>>,
    /// The number of the last record that there ever was.
    pub last_seq: u64,
    /// Whether it has been deleted. The snapshot is what was to remain.
    pub deleted: bool,
    /// When it last changed.
    pub updated_at: Time,
    /// When a version was last kept.
    pub last_version: Option<Time>,
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its name.
    pub document: String,
    /// Bytes of what is stored of it, versions excepted.
    pub bytes: u64,
    /// When it came into being.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A version that is kept of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentVersion {
    /// When it was kept.
    pub at: Time,
    /// The last record that it stands for.
    pub seq: u64,
}
