//! The store in one SQLite file.
//!
//! One thread writes ([`writer`]), fed by a bounded queue ([`queue`]); one task hands out the
//! outcomes ([`outcomes`]); a few connections read on the threads for blocking work
//! ([`readers`]). Calls touch the queue's lock and nothing else.

mod counters;
mod fault;
mod job;
mod migrations;
mod open;
mod options;
mod outbox;
mod outcomes;
mod queue;
mod read;
mod readers;
mod row;
mod session;
mod trim;
mod write;
mod writer;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};

use self::{
    counters::Counters,
    job::{Asked, Request},
    open::Opened,
    outbox::Outbox,
    outcomes::{Ended, hand_out},
    queue::Queue,
    readers::Readers,
    session::Clocks,
    write::{
        Announce, Barrier, DeleteDocument, Pass, Probe, PutSnapshot, ReadNotifications, STEP, Seen,
        SetMember, SetReaders, Settle, TakeSnapshot,
    },
    writer::Writer,
};
pub use self::{
    open::OpenError,
    options::{SqliteOptions, SyncMode},
};
use crate::{
    Amended, Amendment, Appended, Compaction, DocumentRecord, DocumentRow, DocumentVersion, Done,
    History, Mark, Marked, MemberRoom, NewMessage, NewNotification, NotificationQuery,
    Notifications, NotificationsRead, Notified, OutboxEntry, OutboxEvent, Page, Pending, ReadIds,
    ReceiptRow, Retention, Since, Store, StoreError, StoreStats, StoredDocument, Time, Trimmed,
    UserRow,
};

/// Batches whose outcomes may wait to be handed out.
const UNTOLD: usize = 8;

/// A store in one SQLite file.
///
/// The file is in SQLite's write-ahead mode, so there are `-wal` and `-shm` files beside it while
/// it is open, and a `-lock` file that says which process has it: only one can. To copy a file in
/// use, `sqlite3 FILE ".backup COPY"` does it well.
///
/// A store that is dropped without [`close`](Store::close) still writes what is queued, but
/// nobody can wait for that.
#[derive(Debug)]
pub struct SqliteStore {
    queue: Arc<Queue>,
    readers: Readers,
    counters: Arc<Counters>,
    ended: watch::Receiver<Ended>,
    outbox_end: watch::Receiver<u64>,
}

impl SqliteStore {
    /// Opens a file, creates it if there is none, and brings an older one up to date.
    ///
    /// It uses the disk while it works, as long as that takes: milliseconds, or longer when an
    /// older file is brought up to date.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says what is in the way, and what to do about it.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        Ok(Self::start(open::file(path, &options)?, &options, &runtime))
    }

    /// Opens a new store in memory, which keeps nothing when it is closed.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoRuntime`] outside a Tokio runtime; otherwise hardly.
    pub fn in_memory(options: SqliteOptions) -> Result<Self, OpenError> {
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        Ok(Self::start(open::memory(&options)?, &options, &runtime))
    }

    fn start(opened: Opened, options: &SqliteOptions, runtime: &Handle) -> Self {
        let counters = Arc::new(Counters::default());
        let queue = Arc::new(Queue::new(options.queue, options.queue_bytes));
        let (outcomes, told) = mpsc::channel(UNTOLD);
        let (ending, ended) = watch::channel(None);
        runtime.spawn(hand_out(told, ending, Arc::clone(&counters)));
        let (outbox, outbox_end) = Outbox::new(
            options.announcer.clone(),
            options.outbox,
            options.outbox_bytes,
        );
        let writer = Writer {
            connection: opened.writer,
            clocks: Clocks::new(options.cached_rooms),
            outbox,
            queue: Arc::clone(&queue),
            batch: options.batch.max(1),
            outcomes,
            counters: Arc::clone(&counters),
            lock: opened.lock,
        };
        std::thread::Builder::new()
            .name("tidings-store".to_owned())
            .spawn(move || writer.run())
            .expect("a process that is starting can start a thread");
        Self {
            queue,
            readers: Readers::new(opened.readers, options.waiting_reads, Arc::clone(&counters)),
            counters,
            ended,
            outbox_end,
        }
    }

    /// Queues a write of a client.
    fn write<R: Request>(&self, request: R, done: Done<R::Answer>) -> Result<(), StoreError> {
        let queued = self.queue.push(Asked::boxed(request, done));
        if let Err(StoreError::Overloaded) = queued {
            self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
        }
        queued
    }

    /// Does a write of the house, whose number does not depend on clients.
    async fn write_for_the_house<R: Request>(&self, request: R) -> Result<R::Answer, StoreError> {
        let (tell, told) = oneshot::channel();
        let done = Box::new(move |outcome| drop(tell.send(outcome)));
        self.queue.push_beyond_bounds(Asked::boxed(request, done))?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.readers.close();
        self.queue.close();
    }
}

impl Store for SqliteStore {
    fn append(&self, message: NewMessage, done: Done<Appended>) -> Result<(), StoreError> {
        self.write(message, done)
    }

    fn amend(&self, amendment: Amendment, done: Done<Amended>) -> Result<(), StoreError> {
        self.write(amendment, done)
    }

    fn mark(&self, mark: Mark, done: Done<Marked>) -> Result<(), StoreError> {
        self.write(mark, done)
    }

    fn notify(
        &self,
        notification: NewNotification,
        done: Done<Notified>,
    ) -> Result<(), StoreError> {
        self.write(notification, done)
    }

    fn read_notifications(
        &self,
        user: &str,
        ids: ReadIds,
        at: Time,
        done: Done<NotificationsRead>,
    ) -> Result<(), StoreError> {
        let user = user.into();
        self.write(ReadNotifications { user, ids, at }, done)
    }

    fn seen(&self, user: &str, username: &str, at: Time) -> Result<(), StoreError> {
        let seen = Seen {
            user: user.into(),
            username: username.into(),
            at,
        };
        self.write(seen, Box::new(drop))
    }

    fn set_member(
        &self,
        room: &str,
        user: &str,
        member: bool,
        done: Done<bool>,
    ) -> Result<(), StoreError> {
        let set = SetMember {
            room: room.into(),
            user: user.into(),
            member,
        };
        self.write(set, done)
    }

    fn barrier(&self, done: Done<()>) -> Result<(), StoreError> {
        self.write(Barrier, done)
    }

    fn announce(&self, event: OutboxEntry) -> Result<(), StoreError> {
        self.write(Announce(event), Box::new(drop))
    }

    fn pass_outbox(&self, reader: &str, through: u64) -> Result<(), StoreError> {
        let reader = reader.into();
        let pass = Asked::boxed(Pass { reader, through }, Box::new(drop));
        self.queue.push_beyond_bounds(pass)
    }

    fn set_outbox_readers<'a>(&'a self, names: &'a [String]) -> Pending<'a, Vec<u64>> {
        Box::pin(async {
            let readers = SetReaders(names.to_vec());
            let cursors = self.write_for_the_house(readers).await?;
            while self.write_for_the_house(Settle).await? == STEP {}
            Ok(cursors)
        })
    }

    fn outbox(&self, after: u64, events: usize, bytes: usize) -> Pending<'_, Vec<OutboxEvent>> {
        Box::pin(
            self.readers
                .read(move |it| read::outbox::events(it, after, events, bytes)),
        )
    }

    fn outbox_end(&self) -> watch::Receiver<u64> {
        self.outbox_end.clone()
    }

    fn record(&self, record: DocumentRecord, done: Done<()>) -> Result<(), StoreError> {
        self.write(record, done)
    }

    fn compact(&self, compaction: Compaction, done: Done<()>) -> Result<(), StoreError> {
        self.write(compaction, done)
    }

    fn delete_document(
        &self,
        document: &str,
        remains: Vec<u8>,
        at: Time,
        done: Done<bool>,
    ) -> Result<(), StoreError> {
        let delete = DeleteDocument {
            document: document.into(),
            remains,
            at,
        };
        self.write(delete, done)
    }

    fn document<'a>(&'a self, document: &'a str) -> Pending<'a, Option<StoredDocument>> {
        let document = document.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::documents::document(it, &document)),
        )
    }

    fn documents<'a>(&'a self, after: &'a str, limit: usize) -> Pending<'a, Vec<DocumentRow>> {
        let after = after.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::documents::documents(it, &after, limit)),
        )
    }

    fn document_versions<'a>(&'a self, document: &'a str) -> Pending<'a, Vec<DocumentVersion>> {
        let document = document.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::documents::versions(it, &document)),
        )
    }

    fn document_version<'a>(&'a self, document: &'a str, at: Time) -> Pending<'a, Option<Vec<u8>>> {
        let document = document.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::documents::version(it, &document, at)),
        )
    }

    fn history<'a>(&'a self, room: &'a str, page: Page) -> Pending<'a, History> {
        let room = room.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::messages::history(it, &room, page)),
        )
    }

    fn since<'a>(&'a self, room: &'a str, after: u64, limit: usize) -> Pending<'a, Since> {
        let room = room.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::messages::since(it, &room, after, limit)),
        )
    }

    fn receipts<'a>(&'a self, room: &'a str) -> Pending<'a, Vec<ReceiptRow>> {
        let room = room.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::receipts::receipts(it, &room)),
        )
    }

    fn notifications<'a>(
        &'a self,
        user: &'a str,
        query: NotificationQuery,
    ) -> Pending<'a, Notifications> {
        let user = user.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::notifications::notifications(it, &user, &query)),
        )
    }

    fn users<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<UserRow>> {
        let ids = ids.to_owned();
        Box::pin(self.readers.read(move |it| read::users::users(it, &ids)))
    }

    fn is_member<'a>(&'a self, room: &'a str, user: &'a str) -> Pending<'a, bool> {
        let (room, user) = (room.to_owned(), user.to_owned());
        Box::pin(
            self.readers
                .read(move |it| read::members::is_member(it, &room, &user)),
        )
    }

    fn members<'a>(&'a self, room: &'a str, limit: usize) -> Pending<'a, Vec<String>> {
        let room = room.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::members::members(it, &room, limit)),
        )
    }

    fn rooms_of<'a>(&'a self, user: &'a str) -> Pending<'a, Vec<MemberRoom>> {
        let user = user.to_owned();
        Box::pin(
            self.readers
                .read(move |it| read::members::rooms_of(it, &user)),
        )
    }

    fn trim<'a>(&'a self, policy: &'a Retention, now: Time) -> Pending<'a, Trimmed> {
        Box::pin(self.trim_all(policy, now))
    }

    fn put_snapshot<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> Pending<'a, ()> {
        let name = name.into();
        Box::pin(self.write_for_the_house(PutSnapshot { name, bytes }))
    }

    fn take_snapshot<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        let name = name.into();
        Box::pin(self.write_for_the_house(TakeSnapshot { name }))
    }

    fn stats(&self) -> StoreStats {
        self.counters.stats(self.queue.len())
    }

    fn check<'a>(&'a self) -> Pending<'a, ()> {
        Box::pin(async {
            let (tell, told) = oneshot::channel();
            let write = self.counters.failing.load(Ordering::Relaxed);
            let done = Box::new(move |outcome| drop(tell.send(outcome)));
            self.write(Probe { write }, done)?;
            told.await.unwrap_or(Err(StoreError::Closed))?;
            self.readers.read(read::check).await
        })
    }

    fn close<'a>(&'a self) -> Pending<'a, ()> {
        Box::pin(async {
            self.readers.close();
            self.queue.close();
            let mut ended = self.ended.clone();
            let ended = ended.wait_for(Option::is_some).await;
            // Without an end there is no runtime any more that could have waited for it.
            ended.map_or(Err(StoreError::Closed), |it| {
                it.clone().unwrap_or(Err(StoreError::Closed))
            })
        })
    }
}
