//! What a store does, whatever it keeps its data in.
//!
//! The trait can be made into an object. An implementation has no lock that a caller could wait
//! for: a write is queued or refused, and a read is a future.

use std::{fmt, pin::Pin};

use tokio::sync::watch;

use crate::{
    Amended, Amendment, Appended, Compaction, DocumentRecord, DocumentRow, DocumentVersion,
    History, Mark, Marked, MemberRoom, NewMessage, NewNotification, NotificationQuery,
    Notifications, NotificationsRead, Notified, OutboxEntry, OutboxEvent, Page, ReadIds,
    ReceiptRow, Retention, Since, StoreError, StoreStats, StoredDocument, Time, Trimmed, UserRow,
};

/// The answer to a read, or to a write that is not part of anybody's message.
///
/// Dropping it gives up the answer. A write that was begun is done all the same.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Called once with the outcome of a write: after it is durable, or when it has failed.
///
/// It is called on a task that calls all of them, one after the other, so it does not wait and
/// does not work for long. Should it panic, that is logged, and the next one is called. If the
/// runtime ends before the outcome is known, it is dropped without being called.
pub type Done<T> = Box<dyn FnOnce(Result<T, StoreError>) + Send>;

/// The durable log.
///
/// # Writes
///
/// A write that takes a [`Done`] is queued and answered later. Outcomes are handed out in the
/// order in which the writes took effect, which is the order of the calls, so whoever publishes
/// messages in `done` publishes every room in the order of its sequence.
///
/// A call that returns an error has queued nothing and calls nobody:
/// [`StoreError::Overloaded`] if too much is waiting, [`StoreError::Closed`] after
/// [`close`](Store::close). It never blocks.
///
/// Any outcome can be [`StoreError::Backend`]; nothing of that write was kept then.
///
/// # Reads
///
/// A read sees every write whose outcome has been handed out, and sees it whole. Any read can
/// fail with [`StoreError::Backend`], with [`StoreError::Closed`], and with
/// [`StoreError::Overloaded`] if too many are waiting. It needs a Tokio runtime.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Stores a message.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn append(&self, message: NewMessage, done: Done<Appended>) -> Result<(), StoreError>;

    /// Edits or deletes a message.
    ///
    /// # Errors
    ///
    /// As all writes. The outcome is [`StoreError::NotFound`] if there is no such message in that
    /// room, or it has been deleted, and [`StoreError::Forbidden`] if it is somebody else's and
    /// the change is not by a moderator.
    fn amend(&self, amendment: Amendment, done: Done<Amended>) -> Result<(), StoreError>;

    /// Notes how far a user has come in a room.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn mark(&self, mark: Mark, done: Done<Marked>) -> Result<(), StoreError>;

    /// Stores a notification, unless one of the same key was stored for the user before.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn notify(&self, notification: NewNotification, done: Done<Notified>)
    -> Result<(), StoreError>;

    /// Notes that a user has read notifications, at that time.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn read_notifications(
        &self,
        user: &str,
        ids: ReadIds,
        at: Time,
        done: Done<NotificationsRead>,
    ) -> Result<(), StoreError>;

    /// Notes that a user was there at that time, under that name. Nobody is told whether it was
    /// stored. What is older than what is known changes nothing.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn seen(&self, user: &str, username: &str, at: Time) -> Result<(), StoreError>;

    /// Makes a user a member of a room, or not. The outcome says whether that is a change.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn set_member(
        &self,
        room: &str,
        user: &str,
        member: bool,
        done: Done<bool>,
    ) -> Result<(), StoreError>;

    /// Writes nothing: `done` runs when the outcomes of all writes that were queued before have
    /// been handed out, and before that of any later one. Whoever begins to listen there misses
    /// nothing and hears nothing twice.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn barrier(&self, done: Done<()>) -> Result<(), StoreError>;

    /// Puts an event into the outbox that belongs to no other write. Nobody is told whether it was
    /// taken: without readers none is, and when the outbox is half full none that is expendable.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn announce(&self, event: OutboxEntry) -> Result<(), StoreError>;

    /// Notes that a reader of the outbox needs nothing any more up to and including that number.
    /// What no reader needs is removed. Nobody is told when that is done.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn pass_outbox(&self, reader: &str, through: u64) -> Result<(), StoreError>;

    /// Makes these the readers of the outbox, each once, and gives the number up to which each
    /// has passed. A new one begins at the end; what others had not passed is removed with them.
    fn set_outbox_readers<'a>(&'a self, names: &'a [String]) -> Pending<'a, Vec<u64>>;

    /// The events of the outbox after a number, at most so many, and at most so many bytes of
    /// them; one in any case, if there is one.
    fn outbox(&self, after: u64, events: usize, bytes: usize) -> Pending<'_, Vec<OutboxEvent>>;

    /// The number of the last event that was put into the outbox, and whoever has it learns of
    /// the next one. What it says is there to be read.
    fn outbox_end(&self) -> watch::Receiver<u64>;

    /// Stores the next step of a document.
    ///
    /// # Errors
    ///
    /// As all writes. The outcome is [`StoreError::OutOfTurn`] if the record does not have the
    /// number after the last one.
    fn record(&self, record: DocumentRecord, done: Done<()>) -> Result<(), StoreError>;

    /// Puts a snapshot in the place of the records that it stands for.
    ///
    /// # Errors
    ///
    /// As all writes. The outcome is [`StoreError::NotFound`] if there is no such document, and
    /// [`StoreError::OutOfTurn`] if the snapshot stands for records that are not stored.
    fn compact(&self, compaction: Compaction, done: Done<()>) -> Result<(), StoreError>;

    /// Deletes a document and its versions, and keeps a snapshot in its place, with which it
    /// begins should it be written to again. The numbers of its records go on. The outcome says
    /// whether there was one.
    ///
    /// # Errors
    ///
    /// As all writes.
    fn delete_document(
        &self,
        document: &str,
        remains: Vec<u8>,
        at: Time,
        done: Done<bool>,
    ) -> Result<(), StoreError>;

    /// A document, if it was ever written to.
    fn document<'a>(&'a self, document: &'a str) -> Pending<'a, Option<StoredDocument>>;

    /// The documents whose names come after that one, in the order of their names, at most so
    /// many, and never more than [`PAGE_MAX`](crate::limits::PAGE_MAX).
    fn documents<'a>(&'a self, after: &'a str, limit: usize) -> Pending<'a, Vec<DocumentRow>>;

    /// The versions that are kept of a document, newest first, at most
    /// [`PAGE_MAX`](crate::limits::PAGE_MAX).
    fn document_versions<'a>(&'a self, document: &'a str) -> Pending<'a, Vec<DocumentVersion>>;

    /// The snapshot of the version that was the last one at that time.
    fn document_version<'a>(&'a self, document: &'a str, at: Time) -> Pending<'a, Option<Vec<u8>>>;

    /// A page of a room's messages.
    fn history<'a>(&'a self, room: &'a str, page: Page) -> Pending<'a, History>;

    /// What has happened in a room after a sequence number, up to so many messages and as many
    /// changes; never more than [`PAGE_MAX`](crate::limits::PAGE_MAX).
    fn since<'a>(&'a self, room: &'a str, after: u64, limit: usize) -> Pending<'a, Since>;

    /// How far users have come in a room: those who got further last come first, at most
    /// [`RECEIPTS_MAX`](crate::limits::RECEIPTS_MAX).
    fn receipts<'a>(&'a self, room: &'a str) -> Pending<'a, Vec<ReceiptRow>>;

    /// Notifications of a user.
    ///
    /// It is [`StoreError::NotFound`] if `before` was never the name of one of this user's.
    fn notifications<'a>(
        &'a self,
        user: &'a str,
        query: NotificationQuery,
    ) -> Pending<'a, Notifications>;

    /// Those of these users who have ever been seen, in the order in which they were named.
    fn users<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<UserRow>>;

    /// Whether a user is a member of a room.
    fn is_member<'a>(&'a self, room: &'a str, user: &'a str) -> Pending<'a, bool>;

    /// The members of a room in the order of their ids, at most so many.
    fn members<'a>(&'a self, room: &'a str, limit: usize) -> Pending<'a, Vec<String>>;

    /// The rooms of which a user is a member, in the order of their names, at most
    /// [`ROOMS_MAX`](crate::limits::ROOMS_MAX).
    fn rooms_of<'a>(&'a self, user: &'a str) -> Pending<'a, Vec<MemberRoom>>;

    /// Removes what need not be kept any longer, in small steps between which other writes take
    /// their turn. Dropping the future stops it after a step.
    fn trim<'a>(&'a self, policy: &'a Retention, now: Time) -> Pending<'a, Trimmed>;

    /// Keeps some bytes under a name, in place of what was there. The empty name is the store's own.
    fn put_snapshot<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> Pending<'a, ()>;

    /// Gives the bytes of that name and forgets them, in one: nobody is given them twice.
    fn take_snapshot<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>>;

    /// What has been counted.
    fn stats(&self) -> StoreStats;

    /// Whether reads and writes are served. After a write has failed it tries one.
    fn check<'a>(&'a self) -> Pending<'a, ()>;

    /// Takes nothing more, does what is queued, hands out the outcomes, and lets go of the
    /// database. Later calls wait for the first, and have its answer.
    fn close<'a>(&'a self) -> Pending<'a, ()>;
}
