//! The replica of the CRDT behind a document.
//!
//! `yrs` panics when it is told to edit beyond the text, so whoever calls has checked positions
//! against [`Replica::len`].

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use yrs::{
    Any, Doc, Observable, OffsetKind, Options, Out, ReadTxn, StateVector, Text as _, TextRef,
    Transact, Update, WriteTxn,
    block::ClientID,
    types::{Delta, text::YChange},
    updates::{decoder::Decode, encoder::Encode},
};

use crate::{
    Operation, UpdateError,
    wire::codec::{NUMBER_MAX, Reader},
};

/// Under which name editors find the text.
const ROOT: &str = "content";
/// What stands for something that is not text, such as a picture.
const EMBEDDED: &str = "\u{fffc}";
const WATCH: &str = "plain";

/// What an update did.
#[derive(Debug)]
pub(crate) struct Merged {
    /// What of it was new, as an update, if anything was.
    pub(crate) update: Option<Vec<u8>>,
    /// What became of the text, each in the text after the one before.
    pub(crate) operations: Vec<Operation>,
    /// Some of the update rests on something that is missing, and was thrown away.
    pub(crate) incomplete: bool,
}

/// A replica.
pub(crate) struct Replica {
    doc: Doc,
    text: TextRef,
}

impl Replica {
    /// An empty one, by a number that no other replica has ever had.
    pub(crate) fn new(client_id: u64) -> Self {
        let mut options = Options::with_client_id(ClientID::new(client_id & NUMBER_MAX));
        options.offset_kind = OffsetKind::Utf16;
        // What an update does is all that happens, so that the log has all that happened.
        options.cleanup_formatting = false;
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text(ROOT);
        Self { doc, text }
    }

    /// Applies an operation within the text. Gives it as an update.
    pub(crate) fn apply(&mut self, operations: &[Operation]) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        for operation in operations {
            match operation {
                Operation::Insert { position, content } => {
                    self.text.insert(&mut transaction, unit(*position), content);
                }
                Operation::Delete { position, length } => {
                    self.text
                        .remove_range(&mut transaction, unit(*position), unit(*length));
                }
            }
        }
        transaction.encode_update_v1()
    }

    /// Applies an update that is known to be good.
    pub(crate) fn restore(&mut self, update: &[u8]) -> Result<(), UpdateError> {
        let update = decode(update)?;
        let mut transaction = self.doc.transact_mut();
        transaction.apply_update(update).map_err(damaged)
    }

    /// Applies an update of a stranger.
    ///
    /// One that leaves a gap in what its client has done is not taken at all: `yrs` would apply it,
    /// and then leave out what is behind the gap whenever it says what others lack.
    pub(crate) fn merge(&mut self, update: &[u8]) -> Result<Merged, UpdateError> {
        let update = decode(update)?;
        if self.would_leave_a_gap(&update) {
            return Ok(Merged {
                update: None,
                operations: Vec::new(),
                incomplete: true,
            });
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let watched = Arc::clone(&seen);
        self.text.observe(WATCH, move |transaction, event| {
            let operations = operations(event.delta(transaction));
            *watched.lock().unwrap_or_else(PoisonError::into_inner) = operations;
        });
        let mut transaction = self.doc.transact_mut();
        let applied = transaction.apply_update(update);
        // What waits for something missing would wait in memory, without a bound. Its sender is
        // asked for all that is missing instead.
        let incomplete = transaction.prune_pending().is_some();
        let news = transaction
            .has_changes()
            .then(|| transaction.encode_update_v1());
        drop(transaction);
        self.text.unobserve(WATCH);
        applied.map_err(damaged)?;
        let operations = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Merged {
            update: news,
            operations,
            incomplete,
        })
    }

    /// UTF-16 units.
    pub(crate) fn len(&self) -> usize {
        self.text.len(&self.doc.transact()) as usize
    }

    /// The text, with a character in the place of whatever is no text.
    pub(crate) fn text(&self) -> String {
        let transaction = self.doc.transact();
        let pieces = self.text.diff(&transaction, YChange::identity);
        pieces.iter().map(|it| plain(&it.insert)).collect()
    }

    /// What it has, for others to say what it lacks.
    pub(crate) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody lacks who has that.
    pub(crate) fn difference(&self, state_vector: &[u8]) -> Result<Vec<u8>, UpdateError> {
        checked_count(state_vector)?;
        let state_vector = StateVector::decode_v1(state_vector).map_err(malformed)?;
        Ok(self.doc.transact().encode_diff_v1(&state_vector))
    }

    /// All of it, as an update.
    pub(crate) fn state(&self) -> Vec<u8> {
        let nothing = StateVector::default();
        self.doc.transact().encode_state_as_update_v1(&nothing)
    }

    fn would_leave_a_gap(&self, update: &Update) -> bool {
        let known = self.doc.transact().state_vector();
        update.insertions(true).iter().any(|(client, ranges)| {
            let mut reached = known.get(client);
            ranges.iter().any(|range| {
                let gap = range.start > reached;
                reached = reached.max(range.end);
                gap
            })
        })
    }

    /// Bytes of an update that are not known yet. Deletions may be.
    pub(crate) fn news(&self, update: &[u8]) -> Result<usize, UpdateError> {
        checked_count(update)?;
        yrs::diff_updates_v1(update, &self.state_vector())
            .map(|it| it.len())
            .map_err(malformed)
    }
}

/// Positions have been checked against a text whose length is a `u32`.
fn unit(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn decode(update: &[u8]) -> Result<Update, UpdateError> {
    checked_count(update)?;
    Update::decode_v1(update).map_err(malformed)
}

/// Refuses what says that more follows than could, before memory is set aside for it.
fn checked_count(bytes: &[u8]) -> Result<(), UpdateError> {
    let mut reader = Reader::new(bytes);
    let count = reader.size().map_err(malformed)?;
    if count > reader.rest().len() {
        return Err(UpdateError::Malformed("it ends too early".to_owned()));
    }
    Ok(())
}

fn malformed(error: impl fmt::Display) -> UpdateError {
    UpdateError::Malformed(error.to_string())
}

fn damaged(error: impl fmt::Display) -> UpdateError {
    UpdateError::Damaged(error.to_string())
}

fn plain(out: &Out) -> &str {
    match out {
        Out::Any(Any::String(text)) => text,
        _ => EMBEDDED,
    }
}

/// The operations of a delta, each in the text after those before it.
fn operations(delta: &[Delta]) -> Vec<Operation> {
    let mut position = 0;
    let mut operations = Vec::new();
    for part in delta {
        match part {
            Delta::Retain(length, _) => position += *length as usize,
            Delta::Deleted(length) => operations.push(Operation::Delete {
                position,
                length: *length as usize,
            }),
            Delta::Inserted(out, _) => {
                let content = plain(out);
                operations.push(Operation::Insert {
                    position,
                    content: content.into(),
                });
                position += crate::utf16_len(content);
            }
        }
    }
    operations
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}
