//! Connection state recovery: what a client missed, kept for a while, in bounded space.
//!
//! Every event that can be replayed has a place in the log of its hub. Publishing holds the log's
//! lock while it appends to outboxes, so that the order of the log is the order in which every
//! socket is sent its events, and "everything after this place" is exact.
//!
//! A client is told its place by a marker event behind each event (see
//! [`Publication`](super::publication::Publication)), written with it in one piece. Should the
//! connection break between the two, the client comes back with the last string argument of the
//! event itself; if exactly one of the events that it may have missed ends so, that is its place,
//! and otherwise the session is not recovered, rather than with a gap or a repetition.

mod config;
pub(crate) mod snapshot;

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

use super::{publication::Publication, selection::Selection, socket::Socket};
use crate::{
    id::{PrivateId, SocketId},
    transport::connection::Connection,
};

pub use self::config::RecoveryConfig;

/// A place in the log of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Different for each hub of each run, so that no other log's place is taken for ours.
    epoch: u32,
    position: u64,
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.epoch, self.position)
    }
}

impl Offset {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, position) = text.split_once('-')?;
        Some(Self {
            epoch: u32::from_str_radix(epoch, 16).ok()?,
            position: u64::from_str_radix(position, 16).ok()?,
        })
    }
}

/// What is kept of a session whose connection was lost.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: SocketId,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) data: Option<Arc<RawValue>>,
    /// The place of the log at which the session began.
    since: u64,
    expires: Instant,
}

struct Entry {
    at: Instant,
    bytes: usize,
    selection: Selection,
    publication: Arc<Publication>,
}

/// The log and the sessions of one hub.
pub(crate) struct Recovery {
    pub(crate) config: RecoveryConfig,
    log: Mutex<Log>,
}

pub(crate) struct Log {
    epoch: u32,
    /// The position of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    /// Bytes of the logs of all hubs.
    total: Arc<AtomicUsize>,
    sessions: FxHashMap<PrivateId, Session>,
    by_age: VecDeque<(Instant, PrivateId)>,
    live: FxHashMap<PrivateId, (u64, Weak<Connection>)>,
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Recovery {
    pub(crate) fn new(config: RecoveryConfig, total: Arc<AtomicUsize>) -> Self {
        let mut epoch = [0; 4];
        getrandom::fill(&mut epoch).expect("the operating system gives random bytes");
        let log = Log {
            epoch: u32::from_le_bytes(epoch),
            first: 1,
            entries: VecDeque::new(),
            total,
            sessions: FxHashMap::default(),
            by_age: VecDeque::new(),
            live: FxHashMap::default(),
        };
        Self {
            config,
            log: Mutex::new(log),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }

    /// Drops what is too old.
    pub(crate) fn sweep(&self) {
        self.log.lock().trim(Instant::now(), &self.config);
    }

    /// Whether nothing here would be missed.
    pub(crate) fn is_empty(&self) -> bool {
        self.log.lock().sessions.is_empty()
    }
}

impl Log {
    fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    fn offset(&self, position: u64) -> Offset {
        Offset {
            epoch: self.epoch,
            position,
        }
    }

    /// The place that every socket has reached.
    pub(crate) fn here(&self) -> Offset {
        self.offset(self.last())
    }

    /// The place that the next entry will have.
    pub(crate) fn next(&self) -> Offset {
        self.offset(self.last() + 1)
    }

    pub(crate) fn append(
        &mut self,
        publication: Arc<Publication>,
        selection: Selection,
        config: &RecoveryConfig,
    ) {
        let now = Instant::now();
        self.append_at(now, publication, selection);
        self.trim(now, config);
    }

    fn append_at(&mut self, at: Instant, publication: Arc<Publication>, selection: Selection) {
        let bytes = publication.weight();
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.entries.push_back(Entry {
            at,
            bytes,
            selection,
            publication,
        });
    }

    /// Passes over a place whose event is not kept, and with it over all that stand before it.
    fn skip(&mut self) {
        self.first += self.entries.len() as u64 + 1;
        let bytes = self.entries.drain(..).map(|entry| entry.bytes).sum();
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn trim(&mut self, now: Instant, config: &RecoveryConfig) {
        while let Some(oldest) = self.entries.front() {
            let over = self.total.load(Ordering::Relaxed) > config.log_bytes;
            if !over && now.saturating_duration_since(oldest.at) <= config.max_disconnection {
                break;
            }
            self.total.fetch_sub(oldest.bytes, Ordering::Relaxed);
            self.entries.pop_front();
            self.first += 1;
        }
        while let Some((expires, pid)) = self.by_age.front().copied() {
            if expires > now && self.by_age.len() <= config.sessions {
                break;
            }
            self.by_age.pop_front();
            if self
                .sessions
                .get(&pid)
                .is_some_and(|session| session.expires <= expires)
            {
                self.sessions.remove(&pid);
            }
        }
    }

    /// A session begins, or goes on from the place that its client has reached. Gives the other
    /// connection on which it still lived, which has to be ended: clients of streams choose their
    /// sessions themselves.
    pub(crate) fn begin(
        &mut self,
        pid: PrivateId,
        from: Offset,
        connection: &Arc<Connection>,
    ) -> Option<Arc<Connection>> {
        self.live
            .insert(pid, (from.position, Arc::downgrade(connection)))
            .and_then(|(_, before)| before.upgrade())
            .filter(|before| !Arc::ptr_eq(before, connection))
    }

    /// Takes out where the session began on that connection; `None` when it has moved to another.
    fn finish(&mut self, pid: PrivateId, connection: &Arc<Connection>) -> Option<u64> {
        let (since, on) = self.live.get(&pid)?;
        let since = std::ptr::eq(on.as_ptr(), Arc::as_ptr(connection)).then_some(*since)?;
        self.live.remove(&pid);
        Some(since)
    }

    /// A session that was to begin did not.
    pub(crate) fn cancel(&mut self, pid: PrivateId, connection: &Arc<Connection>) {
        self.finish(pid, connection);
    }

    /// The connection on which that session still lives.
    pub(crate) fn live(&self, pid: PrivateId) -> Option<Arc<Connection>> {
        self.live.get(&pid)?.1.upgrade()
    }

    /// A session ends. It is kept when it may be recovered.
    pub(crate) fn end(
        &mut self,
        pid: PrivateId,
        socket: &Socket,
        rooms: Option<Vec<Arc<str>>>,
        config: &RecoveryConfig,
    ) {
        let Some(since) = self.finish(pid, socket.connection()) else {
            return;
        };
        let Some(rooms) = rooms else { return };
        let now = Instant::now();
        let expires = now + config.max_disconnection;
        let session = Session {
            id: socket.id(),
            rooms,
            data: socket.raw_data(),
            since,
            expires,
        };
        self.keep(pid, session);
        self.trim(now, config);
    }

    /// Puts a session back that was taken and not used.
    pub(crate) fn keep(&mut self, pid: PrivateId, session: Session) {
        self.by_age.push_back((session.expires, pid));
        self.sessions.insert(pid, session);
    }

    /// What a client of no session, that knows only its place, has missed so far: nothing but what
    /// its rooms will tell. `None` when the log does not cover that place.
    pub(crate) fn session_at(&self, offset: Offset) -> Option<Session> {
        self.covers(offset).then(|| Session {
            id: SocketId::random(),
            rooms: Vec::new(),
            data: None,
            since: offset.position,
            expires: Instant::now(),
        })
    }

    /// Whether everything that was published since is known.
    fn covers(&self, offset: Offset) -> bool {
        offset.epoch == self.epoch
            && offset.position <= self.last()
            && offset.position + 1 >= self.first
    }

    /// Takes a session out: it can be recovered once.
    pub(crate) fn take(&mut self, pid: PrivateId) -> Option<Session> {
        let session = self.sessions.remove(&pid)?;
        (session.expires > Instant::now()).then_some(session)
    }

    /// The place that the session has reached and what it has missed since; `None` when that is
    /// not known for certain.
    pub(crate) fn missed(
        &self,
        session: &Session,
        offset: Option<&str>,
        config: &RecoveryConfig,
    ) -> Option<(Offset, Vec<Arc<Publication>>)> {
        let position = match offset {
            None => session.since,
            Some(offset) => match Offset::parse(offset) {
                Some(offset) if offset.epoch == self.epoch => offset.position,
                _ => self.position_of_argument(session, offset)?,
            },
        };
        if !self.covers(self.offset(position)) {
            return None;
        }
        let skip = usize::try_from(position + 1 - self.first).ok()?;
        let mut bytes = 0;
        let mut missed = Vec::new();
        for entry in self
            .entries
            .iter()
            .skip(skip)
            .filter(|entry| session.is_meant(entry))
        {
            bytes += entry.bytes;
            if bytes > config.session_bytes {
                return None;
            }
            missed.push(Arc::clone(&entry.publication));
        }
        Some((self.offset(position), missed))
    }

    /// The place behind the one event of the session whose last argument is that string.
    fn position_of_argument(&self, session: &Session, argument: &str) -> Option<u64> {
        if session.since.saturating_add(1) < self.first {
            // Among the events that were dropped may be another that ends so.
            return None;
        }
        let mut found = None;
        for (index, entry) in self.entries.iter().enumerate() {
            let position = self.first + index as u64;
            if position <= session.since || !session.is_meant(entry) {
                continue;
            }
            let Some((name, args)) = entry.publication.event() else {
                continue;
            };
            let last = match args.len() {
                0 => Some(name.to_owned()),
                n => args.get::<String>(n - 1).ok(),
            };
            if last.as_deref() == Some(argument) && found.replace(position).is_some() {
                return None;
            }
        }
        found
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let bytes = self.entries.iter().map(|entry| entry.bytes).sum();
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Session {
    fn is_meant(&self, entry: &Entry) -> bool {
        entry
            .selection
            .matches(self.rooms.iter().map(|room| &**room))
    }
}

#[cfg(test)]
mod tests;
