//! The documents that are open: a task each, which is found here by the document's id.
//!
//! A document comes into memory with the first request to it, and goes when nobody has had it open
//! for a while ([`live`]). Everything that is asked of it waits in a queue of its own, bounded, so
//! nobody waits for a document that somebody else keeps busy.
//!
//! **Lock.** That of the map, held to look up a queue and to put something into it, and taken alone.

mod answers;
pub(crate) mod events;
mod live;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tidings::Hub;
use tidings_documents::Limits;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub(crate) use self::{
    answers::{Acknowledged, Joined, OperationAnswer},
    live::{Caller, Place, Request, Submission},
};
use crate::{
    app::App,
    config::DocumentsConfig,
    fault::{Code, Fault},
    limits::{bucket::RetryAfter, meters::Limit},
    names::DocumentId,
};

/// How long somebody should wait whom a full queue turned away.
const BUSY_FOR: RetryAfter = RetryAfter(std::time::Duration::from_millis(250));

/// The documents that are open.
#[derive(Debug)]
pub(crate) struct Documents {
    open: Mutex<Open>,
    tasks: TaskTracker,
    memory: Arc<AtomicUsize>,
    config: DocumentsConfig,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Open {
    queues: HashMap<DocumentId, mpsc::Sender<Request>>,
    closed: bool,
}

/// The memory that one document is counted with.
#[derive(Debug)]
struct Charge {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl Charge {
    fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.total.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.total.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Documents {
    /// None is open. So many bytes may wait for a client.
    pub(crate) fn new(config: DocumentsConfig, outbox_bytes: usize) -> Self {
        let text_units = config.text_units(outbox_bytes);
        Self {
            open: Mutex::default(),
            tasks: TaskTracker::new(),
            memory: Arc::default(),
            limits: Limits {
                text_units,
                // Deleted text and the names of what was typed weigh more than the text.
                state_bytes: text_units.saturating_mul(16).max(1 << 20),
                history_changes: config.history,
                sessions: config.editors,
                ..Limits::default()
            },
            config,
        }
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open.lock().queues.len()
    }

    /// Bytes of memory that they take, roughly.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Asks something of a document, which is opened for that if it is not open.
    ///
    /// # Errors
    ///
    /// When too much is waiting for it, or there is no memory left for another one.
    pub(crate) fn ask(
        &self,
        app: &App,
        hub: &Hub,
        id: &DocumentId,
        request: Request,
    ) -> Result<(), Fault> {
        let mut request = request;
        // The second time, if its task has broken off.
        for _ in 0..2 {
            let queue = self.queue(app, hub, id)?;
            request = match queue.try_send(request) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    app.guard().hit(Limit::DocumentQueue);
                    let sentence = format!("Too much is asked of document {id} at this moment.");
                    return Err(Fault::new(Code::Overloaded, sentence).after(BUSY_FOR));
                }
                Err(mpsc::error::TrySendError::Closed(request)) => {
                    self.forget(id, &queue);
                    request
                }
            };
        }
        Err(Fault::internal("the task of a document ends at once"))
    }

    /// Tells a document something, if it is open.
    pub(crate) async fn tell(&self, id: &DocumentId, request: Request) {
        let queue = self.open.lock().queues.get(id).cloned();
        if let Some(queue) = queue {
            // Without a task there is nobody to be told.
            let _ = queue.send(request).await;
        }
    }

    fn queue(&self, app: &App, hub: &Hub, id: &DocumentId) -> Result<mpsc::Sender<Request>, Fault> {
        let mut open = self.open.lock();
        if let Some(queue) = open.queues.get(id) {
            return Ok(queue.clone());
        }
        if open.closed {
            return Err(Fault::new(
                Code::Unavailable,
                "The server is shutting down.",
            ));
        }
        if self.memory_bytes() >= self.config.memory_bytes {
            drop(open);
            app.guard().hit(Limit::DocumentMemory);
            let sentence = format!(
                "Document {id} cannot be opened: those that are open take all the memory that \
                 documents may. Try again later."
            );
            return Err(Fault::new(Code::Overloaded, sentence).after(BUSY_FOR));
        }
        let (queue, requests) = mpsc::channel(self.config.queue);
        open.queues.insert(id.clone(), queue.clone());
        drop(open);
        let charge = Charge {
            total: Arc::clone(&self.memory),
            bytes: 0,
        };
        let task = live::run(
            app.clone(),
            hub.clone(),
            id.clone(),
            self.limits,
            charge,
            requests,
        );
        self.tasks.spawn(task);
        Ok(queue)
    }

    fn forget(&self, id: &DocumentId, queue: &mpsc::Sender<Request>) {
        let mut open = self.open.lock();
        if open.queues.get(id).is_some_and(|it| it.same_channel(queue)) {
            open.queues.remove(id);
        }
    }

    /// Forgets a document that nothing is asked of. False when somebody is about to ask.
    fn let_go(&self, id: &DocumentId, requests: &mpsc::Receiver<Request>) -> bool {
        let mut open = self.open.lock();
        // Whoever holds another one has found it here and has not used it yet.
        let idle = requests.is_empty() && requests.sender_strong_count() <= 1;
        if idle {
            open.queues.remove(id);
        }
        idle
    }

    /// Has all documents stored as they are and closed.
    pub(crate) async fn close(&self) {
        let queues = {
            let mut open = self.open.lock();
            open.closed = true;
            std::mem::take(&mut open.queues)
        };
        drop(queues);
        self.tasks.close();
        self.tasks.wait().await;
    }
}
