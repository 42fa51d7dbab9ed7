//! What the server keeps of one connected client, whatever its transport: where it comes from, who
//! has signed in on it, its rooms and documents, and how much it may still ask for.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use parking_lot::{Mutex, MutexGuard};
use tidings::Socket;
use tokio::{
    sync::{Mutex as Turns, MutexGuard as Turn},
    task::unconstrained,
};

use crate::{
    device::Device,
    guard::Allowance,
    names::{DocumentId, RoomId},
    session::Session,
};

/// One client. It lives in the socket, see [`Client::of`].
#[derive(Debug)]
pub(crate) struct Client {
    /// What it is known by.
    pub(crate) device: Device,
    /// Where it comes from, as far as trusted proxies tell.
    pub(crate) address: IpAddr,
    /// Commands of it that wait for a backend.
    pub(crate) at_backends: AtomicUsize,
    /// Under one short lock, since every command asks for several of these.
    state: Mutex<State>,
    /// Held by the command that is being done.
    turns: Turns<()>,
}

#[derive(Debug)]
struct State {
    session: Option<Arc<Session>>,
    rooms: HashSet<RoomId>,
    documents: HashSet<DocumentId>,
    allowance: Allowance,
}

impl Client {
    /// A client that nobody has signed in on.
    pub(crate) fn new(device: Device, address: IpAddr) -> Self {
        Self {
            device,
            address,
            at_backends: AtomicUsize::new(0),
            state: Mutex::new(State {
                session: None,
                rooms: HashSet::new(),
                documents: HashSet::new(),
                allowance: Allowance::default(),
            }),
            turns: Turns::new(()),
        }
    }

    /// The client of a socket; all sockets that passed the middleware have one.
    pub(crate) fn of(socket: &Socket) -> Option<Arc<Self>> {
        socket.get()
    }

    /// Waits until the commands that came before have been done, as far as later ones can tell.
    /// Whoever asks first has it first.
    pub(crate) async fn turn(&self) -> Turn<'_, ()> {
        // Put off for the sake of other tasks, a command would lose its place.
        unconstrained(self.turns.lock()).await
    }

    /// Who has signed in.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.state.lock().session.clone()
    }

    /// Somebody has signed in.
    pub(crate) fn sign_in(&self, session: Arc<Session>) {
        self.state.lock().session = Some(session);
    }

    /// How much it may still ask for, under the lock.
    pub(crate) fn allowance(&self) -> impl std::ops::DerefMut<Target = Allowance> + '_ {
        MutexGuard::map(self.state.lock(), |state| &mut state.allowance)
    }

    /// Notes that it is in a room; false when it is in so many already, and not in this one.
    pub(crate) fn add_room(&self, room_id: &RoomId, most: usize) -> bool {
        let rooms = &mut self.state.lock().rooms;
        if rooms.contains(room_id) {
            return true;
        }
        rooms.len() < most && rooms.insert(room_id.clone())
    }

    /// Notes that it is no longer in a room.
    pub(crate) fn remove_room(&self, room_id: &RoomId) {
        self.state.lock().rooms.remove(room_id);
    }

    /// Whether it has joined a room.
    pub(crate) fn is_in(&self, room_id: &RoomId) -> bool {
        self.state.lock().rooms.contains(room_id)
    }

    /// Notes that it has a document open; false when it has so many already, and not this one.
    pub(crate) fn add_document(&self, id: &DocumentId, most: usize) -> bool {
        let documents = &mut self.state.lock().documents;
        if documents.contains(id) {
            return true;
        }
        documents.len() < most && documents.insert(id.clone())
    }

    /// Notes that it has a document open no longer. False when it had not.
    pub(crate) fn remove_document(&self, id: &DocumentId) -> bool {
        self.state.lock().documents.remove(id)
    }

    /// Whether it has a document open.
    pub(crate) fn has_document(&self, id: &DocumentId) -> bool {
        self.state.lock().documents.contains(id)
    }

    /// The documents that it has open, which it has no longer.
    pub(crate) fn take_documents(&self) -> HashSet<DocumentId> {
        std::mem::take(&mut self.state.lock().documents)
    }

    /// The rooms that it has joined.
    pub(crate) fn rooms(&self) -> Vec<RoomId> {
        self.state.lock().rooms.iter().cloned().collect()
    }
}
