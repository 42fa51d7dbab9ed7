//! A document: the replica, the text that thin clients see, and what is needed to bring their
//! operations to the present.
//!
//! Everything here is a step of a state machine: it takes what happened and gives what to tell
//! others and what to store, and does neither. The replica and the text say the same after every
//! step. A document is owned by one task; nothing in it is shared.

mod history;
mod record;
mod repeats;
mod replica;
mod session;
#[cfg(test)]
mod tests;
mod text;

use std::{fmt, sync::Arc};

use rustc_hash::FxHashMap;

pub(crate) use self::text::Text;
pub use self::{history::Change, session::SessionId};
use self::{
    history::History,
    record::{Record, Snapshot, encode_snapshot},
    repeats::{Outcome, Repeats},
    replica::Replica,
    session::Session,
};
use crate::{
    EditError, Limits, LoadError, Operation, TooManySessions, UpdateError, transform::Shape,
};

/// A document.
pub struct Document {
    replica: Replica,
    text: Text,
    history: History,
    repeats: Repeats,
    sessions: FxHashMap<SessionId, Session>,
    limits: Limits,
    /// Bytes of the state when it was last encoded, and of the updates since.
    state_bytes: usize,
    /// The replica has something that the text cannot show with the same positions.
    not_text: bool,
}

/// An operation of a thin client.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Through which session it came.
    pub session: SessionId,
    /// Whose it is.
    pub author: Arc<str>,
    /// The author's own name for it, by which it is known when it is sent again.
    pub operation_id: Arc<str>,
    /// The last version that the session had seen.
    pub base: u64,
    /// What to do, in the text of that version with the session's own operations since.
    pub operation: Operation,
    /// When, in milliseconds of whatever clock the caller uses.
    pub at: i64,
}

/// What came of an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The version of the text with it.
    pub version: u64,
    /// Whether it was applied before, and is answered with its first result. Everything else is
    /// empty then.
    pub repeated: bool,
    /// What to tell thin clients. Empty if others had done it already.
    pub changes: Vec<Change>,
    /// What to tell Yjs clients.
    pub update: Vec<u8>,
    /// What to append to the log, if there is something to remember.
    pub record: Option<Vec<u8>>,
}

/// What came of an update of a Yjs client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// What to tell thin clients.
    pub changes: Vec<Change>,
    /// What to tell Yjs clients, if anything of it was new.
    pub update: Option<Vec<u8>>,
    /// What to append to the log, if anything of it was new.
    pub record: Option<Vec<u8>>,
    /// Part of it rests on something that is missing, and was thrown away. The sender is to be
    /// asked for what is missing, by the state vector.
    pub incomplete: bool,
}

impl Document {
    /// An empty document. The number is that of its replica, and must not have been another's,
    /// nor this one's when it was loaded before. 53 bits of it are used.
    pub fn new(client_id: u64, limits: Limits) -> Self {
        Self {
            replica: Replica::new(client_id),
            text: Text::default(),
            history: History::new(0),
            repeats: Repeats::default(),
            sessions: FxHashMap::default(),
            limits,
            state_bytes: 0,
            not_text: false,
        }
    }

    /// The document of a snapshot and the records since, in their order. The number is as for
    /// [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// When a piece is damaged or missing.
    pub fn load<'a>(
        client_id: u64,
        limits: Limits,
        snapshot: Option<&[u8]>,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, LoadError> {
        let damaged = |error: UpdateError| LoadError::Unreadable(error.to_string());
        let mut document = Self::new(client_id, limits);
        if let Some(bytes) = snapshot {
            let snapshot = Snapshot::decode(bytes)?;
            document.replica.restore(snapshot.state).map_err(damaged)?;
            document.state_bytes = snapshot.state.len();
            document.repeats = snapshot.repeats;
            let kept = snapshot.changes.len() as u64;
            document.history = History::new(snapshot.version.saturating_sub(kept));
            for change in snapshot.changes {
                document.continues(change.version.saturating_sub(1))?;
                document.history.push(change, &limits);
            }
        }
        for bytes in records {
            let record = Record::decode(bytes)?;
            document.continues(record.before)?;
            document.replica.restore(record.update).map_err(damaged)?;
            document.state_bytes += record.update.len();
            let Record {
                before,
                at,
                author,
                operation_id,
                operations,
                ..
            } = record;
            document.note(operations, &author, operation_id.as_ref(), at);
            if let Some(id) = operation_id {
                let version = document.version();
                let outcome = Outcome { before, version };
                document.repeats.remember(&author, id, outcome, &limits);
            }
        }
        document.text = Text::new(&document.replica.text());
        document.not_text = document.text.len() != document.replica.len();
        Ok(document)
    }

    fn continues(&self, found: u64) -> Result<(), LoadError> {
        let expected = self.version();
        if found == expected {
            Ok(())
        } else {
            Err(LoadError::Gap { expected, found })
        }
    }

    /// How many insertions and deletions the text has seen.
    pub fn version(&self) -> u64 {
        self.history.version()
    }

    /// The text. Whatever Yjs clients have put into it that is no text is U+FFFC.
    pub fn text(&self) -> String {
        self.text.to_string()
    }

    /// UTF-16 units of the text.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins a session of a thin client, or begins it again: what it sends first rests on the
    /// version that it names, and on nothing that was sent before.
    ///
    /// # Errors
    ///
    /// When there are as many as there may be.
    pub fn open(&mut self, session: SessionId) -> Result<(), TooManySessions> {
        let most = self.limits.sessions;
        if self.sessions.len() >= most && !self.sessions.contains_key(&session) {
            return Err(TooManySessions { most });
        }
        self.sessions.insert(session, Session::default());
        Ok(())
    }

    /// Ends a session.
    pub fn close(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// Sessions that are open.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The changes after a version, for a client that comes back; `None` when they are no longer
    /// kept, or there is no such version.
    pub fn since(&self, version: u64) -> Option<Vec<Change>> {
        Some(self.history.after(version)?.cloned().collect())
    }

    /// Applies an operation of a thin client.
    ///
    /// # Errors
    ///
    /// When it is refused. Nothing has happened to the text then, and the session has to be
    /// [opened](Self::open) again.
    pub fn edit(&mut self, edit: Edit) -> Result<Edited, EditError> {
        let id = edit.session;
        let mut session = self.sessions.get(&id).ok_or(EditError::NotOpen)?.clone();
        let outcome = if let Some(first) = self.repeats.find(&edit.author, &edit.operation_id) {
            self.repeat(&edit, first, &mut session);
            Ok(Edited {
                version: first.version,
                repeated: true,
                ..Edited::default()
            })
        } else if session.out_of_step {
            Err(EditError::OutOfStep)
        } else {
            self.apply(edit, &mut session)
        };
        match outcome {
            Ok(edited) => {
                self.sessions.insert(id, session);
                Ok(edited)
            }
            Err(error) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.out_of_step = true;
                }
                Err(error)
            }
        }
    }

    /// A session that did not send an operation itself, as far as it knows, now rests on it.
    fn repeat(&self, edit: &Edit, first: Outcome, session: &mut Session) {
        if session.has_passed(first.version) || edit.base > first.before {
            return;
        }
        let shape = edit.operation.shape();
        match session.transform(edit.base, shape, first.before, &self.history) {
            Some(_) => session.reached(first.version),
            // Whatever follows it will be too old as well.
            None => session.out_of_step = true,
        }
    }

    fn apply(&mut self, edit: Edit, session: &mut Session) -> Result<Edited, EditError> {
        let version = self.version();
        let base = edit.base;
        let shape = edit.operation.shape();
        self.admit(&edit, shape)?;
        if self.repeats.may_have_forgotten(&edit.author, base) {
            return Err(EditError::TooOld { base, version });
        }
        let shapes = session
            .transform(base, shape, version, &self.history)
            .ok_or(EditError::TooOld { base, version })?;
        let operations = shapes
            .into_iter()
            .filter(|it| it.length() > 0)
            .map(|it| edit.operation.moved(it))
            .collect::<Vec<_>>();
        // Each piece of a deletion is in the text without those before it.
        let mut text_after = None;
        for operation in &operations {
            let text = text_after.as_ref().unwrap_or(&self.text);
            self.fits(text, operation)?;
            if operations.len() > 1 {
                let mut text = text.clone();
                text.apply(operation);
                text_after = Some(text);
            }
        }
        let mut edited = Edited {
            version: version + operations.len() as u64,
            ..Edited::default()
        };
        session.reached(edited.version);
        if !operations.is_empty() {
            edited.update = self.replica.apply(&operations);
            self.state_bytes += edited.update.len();
            for operation in &operations {
                self.text.apply(operation);
            }
            let record = Record {
                before: version,
                at: edit.at,
                author: Arc::clone(&edit.author),
                operation_id: Some(Arc::clone(&edit.operation_id)),
                update: &edited.update,
                operations,
            };
            edited.record = Some(record.encode());
            edited.changes = self.note(
                record.operations,
                &edit.author,
                Some(&edit.operation_id),
                edit.at,
            );
        }
        let outcome = Outcome {
            before: version,
            version: edited.version,
        };
        self.repeats
            .remember(&edit.author, edit.operation_id, outcome, &self.limits);
        debug_assert_eq!(self.text.len(), self.replica.len());
        Ok(edited)
    }

    /// What can be said of an operation without bringing it to the present.
    fn admit(&self, edit: &Edit, shape: Shape) -> Result<(), EditError> {
        let limits = &self.limits;
        let version = self.version();
        if self.not_text {
            return Err(EditError::NotText);
        }
        let name = edit.operation_id.len();
        if name == 0 || name > limits.operation_id_bytes {
            let most = limits.operation_id_bytes;
            return Err(EditError::OperationId { most });
        }
        if edit.base > version {
            return Err(EditError::UnknownVersion {
                base: edit.base,
                version,
            });
        }
        let (position, inserted) = match shape {
            Shape::Insert { position, length } => (position, length),
            Shape::Delete { position, length } => (position.saturating_add(length), 0),
        };
        // So far beyond every text that sums of it would overflow.
        if position > NO_TEXT_IS_SO_LONG {
            let length = self.text.len();
            return Err(EditError::OutOfBounds { length, version });
        }
        if inserted > limits.operation_units {
            let most = limits.operation_units;
            return Err(EditError::OperationTooLarge { most });
        }
        let most = limits.text_units;
        let grows = edit.operation.bytes();
        if inserted > 0
            && (self.text.len() + inserted > most || self.state_bytes + grows > limits.state_bytes)
        {
            return Err(EditError::DocumentFull { most });
        }
        Ok(())
    }

    fn fits(&self, text: &Text, operation: &Operation) -> Result<(), EditError> {
        if text.fits(operation) {
            return Ok(());
        }
        let (Operation::Insert { position, .. } | Operation::Delete { position, .. }) = operation;
        let end = match operation {
            Operation::Insert { .. } => *position,
            Operation::Delete { length, .. } => position + length,
        };
        if text.contains(end) {
            return Err(EditError::WithinCharacter);
        }
        Err(EditError::OutOfBounds {
            length: self.text.len(),
            version: self.version(),
        })
    }

    /// Adds changes to the history, and gives them.
    fn note(
        &mut self,
        operations: Vec<Operation>,
        author: &Arc<str>,
        operation_id: Option<&Arc<str>>,
        at: i64,
    ) -> Vec<Change> {
        let mut changes = Vec::with_capacity(operations.len());
        for operation in operations {
            let change = Change {
                version: self.version() + 1,
                operation,
                author: Arc::clone(author),
                operation_id: operation_id.cloned(),
                at,
            };
            self.history.push(change.clone(), &self.limits);
            changes.push(change);
        }
        changes
    }

    /// Applies an update of a Yjs client.
    ///
    /// # Errors
    ///
    /// When it is refused, in which case nothing has happened, unless it is
    /// [`UpdateError::Damaged`].
    pub fn update(
        &mut self,
        update: &[u8],
        author: &Arc<str>,
        at: i64,
    ) -> Result<Updated, UpdateError> {
        let most = self.limits.state_bytes;
        let full = self.state_bytes.saturating_add(update.len()) > most
            || self.text.bytes().saturating_add(update.len()) > self.limits.text_units;
        // Only then it is worth looking how much of it is known already.
        if full {
            let news = self.replica.news(update)?;
            if self.state_bytes + news > most || self.text.len() + news > self.limits.text_units {
                return Err(UpdateError::DocumentFull { most });
            }
        }
        let before = self.version();
        let merged = self.replica.merge(update)?;
        let mut updated = Updated {
            incomplete: merged.incomplete,
            ..Updated::default()
        };
        let Some(update) = merged.update else {
            return Ok(updated);
        };
        self.state_bytes += update.len();
        let operations = self.follow(merged.operations);
        let record = Record {
            before,
            at,
            author: Arc::clone(author),
            operation_id: None,
            update: &update,
            operations,
        };
        updated.record = Some(record.encode());
        updated.changes = self.note(record.operations, author, None, at);
        updated.update = Some(update);
        Ok(updated)
    }

    /// Has the text follow the replica, and gives what was done for that.
    ///
    /// Where Yjs cuts a surrogate pair in two, both halves become U+FFFD, which no delta tells.
    /// Whenever that may have happened, the two texts are compared.
    fn follow(&mut self, operations: Vec<Operation>) -> Vec<Operation> {
        let mut done = Vec::with_capacity(operations.len());
        let mut doubtful = self.text.has_pairs() && operations.is_empty();
        for operation in operations {
            if !self.text.fits(&operation) {
                doubtful = true;
                break;
            }
            self.text.apply(&operation);
            done.push(operation);
        }
        if doubtful || self.text.len() != self.replica.len() {
            for operation in self.text.difference(&self.replica.text()) {
                self.text.apply(&operation);
                done.push(operation);
            }
        }
        self.not_text = self.text.len() != self.replica.len();
        done
    }

    /// What the replica has, for a Yjs client to send what it lacks.
    pub fn state_vector(&self) -> Vec<u8> {
        self.replica.state_vector()
    }

    /// What a Yjs client lacks that has that.
    ///
    /// # Errors
    ///
    /// When it is not a state vector.
    pub fn difference(&self, state_vector: &[u8]) -> Result<Vec<u8>, UpdateError> {
        self.replica.difference(state_vector)
    }

    /// Where a position in a session's text is in the present one, if that can be said.
    pub fn locate(&self, session: SessionId, base: u64, position: usize) -> Option<usize> {
        if base > self.version() || position > NO_TEXT_IS_SO_LONG {
            return None;
        }
        let place = self
            .sessions
            .get(&session)?
            .locate(base, position, &self.history)?;
        (self.text.contains(place)).then_some(place)
    }

    /// All of it, to be stored in the place of the snapshot before and of the records since.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let state = self.replica.state();
        self.state_bytes = state.len();
        encode_snapshot(self.version(), &state, &self.history, &self.repeats)
    }

    /// Bytes of memory that it takes, roughly: what is bounded by how much was written.
    pub fn memory_bytes(&self) -> usize {
        // The replica takes up to three times what it is when encoded.
        4_096
            + self.text.bytes()
            + self.state_bytes * 3
            + self.history.memory_bytes()
            + self.repeats.memory_bytes()
    }
}

/// Longer than any text can be, and short enough to be added to.
const NO_TEXT_IS_SO_LONG: usize = u32::MAX as usize;

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("version", &self.version())
            .field("length", &self.text.len())
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}
