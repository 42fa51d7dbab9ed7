//! A document in memory: the task that owns it.
//!
//! An operation is applied, stored, told to the others and acknowledged, in that order. The first
//! happens here, the last two when the store says that it is on disk, on the task that hands out
//! its outcomes one after the other: so everybody hears of a document in the order of its
//! versions, and of nothing that a restart could take back.
//!
//! Should a write fail, the document is ahead of what is stored. What was queued behind that write
//! fails too, since the store takes a record only after the one before it; the document is loaded
//! anew, and whoever had it open has to join again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tidings::{Hub, Socket};
use tidings_documents::{Change, Document, Edit, Limits, LoadError, Operation, SessionId};
use tidings_store::{Compaction, DocumentRecord, StoreError, StoredDocument, Time};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::{
    Acknowledged, Charge, Joined, OperationAnswer,
    events::{Cursor, Operated, Sync},
};
use crate::{
    app::App,
    channel,
    client::Client,
    clock,
    device::Device,
    events::{ErrorEvent, Event as _},
    fault::{Code, Fault},
    limits::meters::Limit,
    names::{DocumentId, UserId},
    registry::{Answer, log_unsent},
};

/// Records after which a snapshot takes their place.
const COMPACT_RECORDS: usize = 500;
/// Their bytes after which it does.
const COMPACT_BYTES: usize = 1 << 20;
/// Records that are not worth a snapshot when the document goes out of memory.
const FEW_RECORDS: usize = 20;
/// Stored bytes from which loading them would keep a thread busy that others need.
const MUCH: usize = 64 * 1024;
/// How long a write waits for a store that has too much to do.
const PATIENCE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(10);

/// Whoever asks something of a document.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) socket: Socket,
    pub(crate) client: Arc<Client>,
    pub(crate) user_id: UserId,
}

impl Caller {
    fn session(&self) -> SessionId {
        session_of(self.client.device)
    }
}

fn session_of(device: Device) -> SessionId {
    SessionId(device.number)
}

/// An operation, as a client sends it.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) operation_id: Arc<str>,
    /// The last version that the client had seen.
    pub(crate) version: u64,
    pub(crate) operation: Operation,
}

/// Where a client's cursor is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: usize,
    /// In the text of which version; of the present one if the client does not say.
    pub(crate) version: Option<u64>,
}

/// What is asked of a document.
#[derive(Debug)]
pub(crate) enum Request {
    /// Tell the text, and everything that happens to it from then on.
    Join {
        caller: Caller,
        /// The version that the client has.
        known: Option<u64>,
        read_only: bool,
        answer: Answer<Joined>,
        /// Dropped when the answer has been given.
        entered: oneshot::Sender<()>,
    },
    /// A session goes on on another connection, which has been told everything already.
    Continue { caller: Caller },
    /// Tell no more.
    Leave { device: Device, user_id: UserId },
    /// Change the text.
    Edit {
        caller: Caller,
        submission: Submission,
        answer: OperationAnswer,
    },
    /// Show the others where a cursor is.
    Cursor { caller: Caller, place: Place },
}

/// What is done about a document, whatever there is of it in memory.
struct Live {
    app: App,
    hub: Hub,
    id: DocumentId,
    charge: Charge,
    open: Loaded,
}

/// The document, and how it stands to what is stored of it.
struct Loaded {
    document: Document,
    /// The number of the last record.
    seq: u64,
    /// Set when a write has failed: the document is no longer what is stored.
    failed: Arc<AtomicBool>,
    /// Records since the snapshot, and their bytes.
    records: usize,
    bytes: usize,
    last_version: Option<Time>,
    /// Who has shown a cursor.
    cursors: HashMap<SessionId, UserId>,
}

/// Runs a document until nobody needs it.
pub(super) async fn run(
    app: App,
    hub: Hub,
    id: DocumentId,
    limits: Limits,
    charge: Charge,
    mut requests: mpsc::Receiver<Request>,
) {
    let open = match load(&app, &id, limits).await {
        Ok(open) => open,
        Err(fault) => return refuse_all(&mut requests, &fault),
    };
    let mut live = Live {
        app,
        hub,
        id,
        charge,
        open,
    };
    let idle = live.app.config().documents.idle;
    live.weigh();
    loop {
        match timeout(idle, requests.recv()).await {
            Ok(Some(request)) => {
                if live.open.failed.load(Ordering::Acquire) {
                    match load(&live.app, &live.id, limits).await {
                        Ok(open) => live.open = open,
                        Err(fault) => {
                            request.refuse(&fault);
                            return refuse_all(&mut requests, &fault);
                        }
                    }
                }
                live.handle(request).await;
            }
            Ok(None) => break,
            Err(_) if live.open.document.sessions() > 0 => {}
            Err(_) => {
                if live.app.documents().let_go(&live.id, &requests) {
                    break;
                }
            }
        }
    }
    if live.open.records > FEW_RECORDS {
        live.compact();
    }
}

/// Says no to everybody who waits. Whoever comes later opens the document anew.
fn refuse_all(requests: &mut mpsc::Receiver<Request>, fault: &Fault) {
    requests.close();
    while let Ok(request) = requests.try_recv() {
        request.refuse(fault);
    }
}

impl Request {
    fn refuse(self, fault: &Fault) {
        match self {
            Self::Join { answer, .. } => answer.refuse(fault),
            Self::Edit { answer, .. } => answer.refuse(fault),
            Self::Continue { .. } | Self::Leave { .. } | Self::Cursor { .. } => {}
        }
    }
}

async fn load(app: &App, id: &DocumentId, limits: Limits) -> Result<Loaded, Fault> {
    let stored = app.store().document(id.as_str()).await?;
    let Some(stored) = stored else {
        let document = Document::new(replica()?, limits);
        return Ok(Loaded::new(document, 0, 0, 0, None));
    };
    let bytes = stored.records.iter().map(Vec::len).sum();
    let (seq, records, last_version) = (stored.last_seq, stored.records.len(), stored.last_version);
    let all = bytes + stored.snapshot.as_ref().map_or(0, Vec::len);
    let replica = replica()?;
    let loaded = if all < MUCH {
        read(replica, limits, &stored)
    } else {
        tokio::task::spawn_blocking(move || read(replica, limits, &stored))
            .await
            .map_err(Fault::internal)?
    };
    let document = loaded.map_err(|error| {
        tracing::error!(document = %id, %error, "a document cannot be loaded");
        Fault::new(
            Code::Internal,
            format!("Document {id} cannot be loaded. The server's log says why."),
        )
    })?;
    Ok(Loaded::new(document, seq, records, bytes, last_version))
}

fn read(replica: u64, limits: Limits, stored: &StoredDocument) -> Result<Document, LoadError> {
    let records = stored.records.iter().map(Vec::as_slice);
    Document::load(replica, limits, stored.snapshot.as_deref(), records)
}

/// A number for a replica that no other has had: 32 random bits, as Yjs itself does it.
fn replica() -> Result<u64, Fault> {
    getrandom::u32().map(u64::from).map_err(Fault::internal)
}

impl Loaded {
    fn new(
        document: Document,
        seq: u64,
        records: usize,
        bytes: usize,
        last_version: Option<Time>,
    ) -> Self {
        Self {
            document,
            seq,
            failed: Arc::default(),
            records,
            bytes,
            last_version,
            cursors: HashMap::new(),
        }
    }
}

impl Live {
    async fn handle(&mut self, request: Request) {
        match request {
            Request::Join {
                caller,
                known,
                read_only,
                answer,
                entered,
            } => {
                let client = Arc::clone(&caller.client);
                if let Err(fault) = self.join(caller, known, read_only, &answer, entered) {
                    self.open.document.close(session_of(client.device));
                    client.remove_document(&self.id);
                    answer.refuse(&fault);
                }
            }
            Request::Continue { caller } => {
                // If there is no room, its first operation is refused.
                let _ = self.open.document.open(caller.session());
            }
            Request::Leave { device, user_id } => self.leave(device, &user_id),
            Request::Edit {
                caller,
                submission,
                answer,
            } => {
                if let Err(fault) = self.edit(caller, submission, &answer).await {
                    answer.refuse(&fault);
                }
            }
            Request::Cursor { caller, place } => self.cursor(caller, place),
        }
    }

    /// Everything up to the version that is answered has been told when the answer is given, and
    /// nothing after it.
    fn join(
        &mut self,
        caller: Caller,
        known: Option<u64>,
        read_only: bool,
        answer: &Answer<Joined>,
        entered: oneshot::Sender<()>,
    ) -> Result<(), Fault> {
        let document = &mut self.open.document;
        document.open(caller.session()).inspect_err(|_| {
            self.app.guard().hit(Limit::DocumentEditors);
        })?;
        let version = document.version();
        let changes = known.and_then(|it| document.since(it));
        let content = changes.is_none().then(|| Arc::<str>::from(document.text()));
        let (id, answer) = (self.id.clone(), answer.clone());
        self.app.store().barrier(Box::new(move |reached| {
            let _entered = entered;
            if let Err(error) = reached {
                return answer.refuse(&Fault::from(error));
            }
            let Caller { socket, client, .. } = &caller;
            if socket.join(channel::of_document(&id)).is_err() {
                client.remove_document(&id);
                let sentence = "This connection is in as many rooms and documents as it may be.";
                return answer.refuse(&Fault::new(Code::TooManyRooms, sentence));
            }
            if let Some(content) = &content {
                let sync = Sync {
                    document_id: &id,
                    content,
                    version,
                    read_only,
                };
                log_unsent(socket.emit(Sync::NAME, &sync));
            }
            let operations = changes.map(|changes| {
                let told = changes.iter().map(|it| Operated::of(&id, it));
                told.collect::<Vec<_>>()
            });
            answer.give(Joined {
                document_id: id,
                version,
                content,
                recovered: operations.is_some(),
                operations,
                read_only,
            });
        }))?;
        Ok(())
    }

    fn leave(&mut self, device: Device, user_id: &UserId) {
        let session = session_of(device);
        self.open.document.close(session);
        if self.open.cursors.remove(&session).is_some() {
            let cursor = Cursor {
                document_id: &self.id,
                user_id,
                client_id: device.socket.as_str(),
                position: None,
                version: self.open.document.version(),
            };
            let others = self.hub.to(channel::of_document(&self.id));
            let others = others.except(device.socket.as_str());
            log_unsent(others.emit(Cursor::NAME, &cursor));
        }
    }

    async fn edit(
        &mut self,
        caller: Caller,
        submission: Submission,
        answer: &OperationAnswer,
    ) -> Result<(), Fault> {
        let session = caller.session();
        // Who has not joined may send an operation all the same, as with messages.
        let passing = !caller.client.has_document(&self.id);
        let document = &mut self.open.document;
        if passing {
            document.open(session)?;
        }
        let edited = document.edit(Edit {
            session,
            author: caller.user_id.shared(),
            operation_id: submission.operation_id,
            base: submission.version,
            operation: submission.operation,
            at: clock::now().as_millis(),
        });
        if passing {
            document.close(session);
        }
        let edited = edited?;
        let version = edited.version;
        let Some(record) = edited.record else {
            // It may rest on what is not stored yet.
            let answer = answer.clone();
            self.app
                .store()
                .barrier(Box::new(move |reached| match reached {
                    Ok(()) => answer.give(Acknowledged { version }),
                    Err(error) => answer.refuse(&Fault::from(error)),
                }))?;
            return Ok(());
        };
        let told = Arc::new(Told {
            hub: self.hub.clone(),
            id: self.id.clone(),
            author: caller.socket,
            changes: edited.changes,
            version,
            answer: answer.clone(),
            failed: Arc::clone(&self.open.failed),
        });
        self.store(record, &told).await;
        if self.open.records >= COMPACT_RECORDS || self.open.bytes >= COMPACT_BYTES {
            self.compact();
        } else if self.open.records.is_multiple_of(16) {
            self.weigh();
        }
        Ok(())
    }

    /// Has a record stored. The store may be busy for a moment, which is waited for, since the
    /// document has made the step already.
    async fn store(&mut self, bytes: Vec<u8>, told: &Arc<Told>) {
        self.open.seq += 1;
        self.open.records += 1;
        self.open.bytes += bytes.len();
        let given_up = Instant::now() + PATIENCE;
        let record = DocumentRecord {
            document: self.id.shared(),
            seq: self.open.seq,
            bytes,
            at: clock::now(),
        };
        loop {
            let tell = Arc::clone(told);
            let done = Box::new(move |outcome| tell.tell(outcome));
            match self.app.store().record(record.clone(), done) {
                Ok(()) => return,
                Err(StoreError::Overloaded) if Instant::now() < given_up => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return told.tell(Err(error)),
            }
        }
    }

    fn cursor(&mut self, caller: Caller, place: Place) {
        let document = &self.open.document;
        let version = document.version();
        let session = caller.session();
        let base = place.version.unwrap_or(version);
        let Some(position) = document.locate(session, base, place.position) else {
            return;
        };
        self.open.cursors.insert(session, caller.user_id.clone());
        let id = self.id.clone();
        // Behind the operations that it rests on.
        let told = self.app.store().barrier(Box::new(move |reached| {
            if reached.is_ok() {
                let client_id = caller.socket.id();
                let cursor = Cursor {
                    document_id: &id,
                    user_id: &caller.user_id,
                    client_id: client_id.as_str(),
                    position: Some(position),
                    version,
                };
                let others = caller.socket.to(channel::of_document(&id)).volatile();
                log_unsent(others.emit(Cursor::NAME, &cursor));
            }
        }));
        if let Err(error) = told {
            tracing::debug!(%error, "a cursor was not shown");
        }
    }

    /// Puts a snapshot in the place of the records.
    fn compact(&mut self) {
        let config = self.app.config().documents.clone();
        let now = clock::now();
        let due = self
            .open
            .last_version
            .is_none_or(|last| last.after(config.version_interval) <= now);
        let compaction = Compaction {
            document: self.id.shared(),
            through: self.open.seq,
            snapshot: self.open.document.snapshot(),
            versions: if due { config.versions } else { 0 },
            at: now,
        };
        let id = self.id.clone();
        let done = move |outcome: Result<(), StoreError>| {
            if let Err(error) = outcome {
                tracing::warn!(document = %id, %error, "a document was not compacted");
            }
        };
        // If the store has too much to do, later is as good.
        if self.app.store().compact(compaction, Box::new(done)).is_ok() {
            self.open.records = 0;
            self.open.bytes = 0;
            if due {
                self.open.last_version = Some(now);
            }
        }
        self.weigh();
    }

    fn weigh(&mut self) {
        self.charge.set(self.open.document.memory_bytes());
    }
}

/// Who is told that a record is stored, or is not.
struct Told {
    hub: Hub,
    id: DocumentId,
    author: Socket,
    changes: Vec<Change>,
    version: u64,
    answer: OperationAnswer,
    failed: Arc<AtomicBool>,
}

impl Told {
    fn tell(&self, outcome: Result<(), StoreError>) {
        match outcome {
            Ok(()) => {
                let version = self.version;
                for change in &self.changes {
                    let event = Operated::of(&self.id, change);
                    let others = self.author.to(channel::of_document(&self.id));
                    log_unsent(others.emit(Operated::NAME, &event));
                }
                self.answer.give(Acknowledged { version });
            }
            Err(error) => {
                // Once for all that fails with it.
                if !self.failed.swap(true, Ordering::AcqRel) {
                    let message = format!(
                        "Document {} is not as you see it, since it could not be stored. Join it \
                         again.",
                        self.id
                    );
                    let event = ErrorEvent {
                        code: Code::OutOfSync,
                        message: &message,
                    };
                    let all = self.hub.to(channel::of_document(&self.id));
                    log_unsent(all.emit(ErrorEvent::NAME, &event));
                }
                self.answer.refuse(&Fault::from(error));
            }
        }
    }
}
