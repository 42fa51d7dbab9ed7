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

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

use super::{publication::Publication, selection::Selection, socket::Socket};
use crate::{
    id::{PrivateId, SocketId},
    transport::connection::Connection,
};

/// How sessions are recovered after a connection was lost.
///
/// ```
/// # use std::time::Duration;
/// use tidings::{EmitError, Namespace, RecoveryConfig, Server, Socket, SocketIo};
///
/// async fn welcome(socket: Socket) -> Result<(), EmitError> {
///     if socket.recovered() {
///         // Same id, rooms and data, and what was sent meanwhile is on its way.
///         return Ok(());
///     }
///     socket.emit("hello", &socket.id())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .recovery(RecoveryConfig::new().max_disconnection(Duration::from_secs(60)))
///     .namespace("/", Namespace::new().on_connect(welcome))
///     .socketio("/socket.io/", SocketIo::new())
///     .build()?;
/// # server.close().await;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RecoveryConfig {
    pub(crate) max_disconnection: Duration,
    pub(crate) log_bytes: usize,
    pub(crate) session_bytes: usize,
    pub(crate) sessions: usize,
    pub(crate) skip_middleware: bool,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self {
            max_disconnection: Duration::from_secs(120),
            log_bytes: 64 * 1024 * 1024,
            session_bytes: 1024 * 1024,
            sessions: 100_000,
            skip_middleware: false,
        }
    }
}

impl RecoveryConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a client may be away. 2 minutes.
    pub fn max_disconnection(mut self, duration: Duration) -> Self {
        self.max_disconnection = duration;
        self
    }

    /// Bytes of events that the server keeps, all namespaces together. 64 MiB.
    pub fn log_bytes(mut self, bytes: usize) -> Self {
        self.log_bytes = bytes;
        self
    }

    /// Bytes of missed events that one client is sent; who missed more starts anew. 1 MiB.
    pub fn session_bytes(mut self, bytes: usize) -> Self {
        self.session_bytes = bytes;
        self
    }

    /// Sessions that are kept in each namespace; the oldest give way. 100,000.
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Lets recovered sessions in without asking the middleware again. Off: somebody may have
    /// lost the right to connect while away.
    pub fn skip_middleware(mut self, skip: bool) -> Self {
        self.skip_middleware = skip;
        self
    }
}

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
    fn parse(text: &str) -> Option<Self> {
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
        let bytes = publication.weight();
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.entries.push_back(Entry {
            at: now,
            bytes,
            selection,
            publication,
        });
        self.trim(now, config);
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

    /// A session begins, or goes on from the place that its client has reached.
    pub(crate) fn begin(&mut self, pid: PrivateId, from: Offset, connection: &Arc<Connection>) {
        self.live
            .insert(pid, (from.position, Arc::downgrade(connection)));
    }

    /// A session that was to begin did not.
    pub(crate) fn cancel(&mut self, pid: PrivateId) {
        self.live.remove(&pid);
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
        let Some((since, _)) = self.live.remove(&pid) else {
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
        if position + 1 < self.first || position > self.last() {
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
        if session.since + 1 < self.first {
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
mod tests {
    use tidings_protocol::args::Args;

    use super::*;
    use crate::hub::publication::Content;

    #[test]
    fn offsets_read_back() {
        let offset = Offset {
            epoch: 0xa0b1_c2d3,
            position: 77,
        };
        assert_eq!(Offset::parse(&offset.to_string()), Some(offset));
        for text in ["", "a", "-", "g-1", "1-", "hello-world", "1-2-3"] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }

    fn publication(name: &str, args: Args) -> Arc<Publication> {
        let content = Content::Event {
            namespace: "/".into(),
            name: name.into(),
            args,
            id: None,
        };
        Arc::new(Publication::new(content, true, None))
    }

    fn recovery(config: RecoveryConfig) -> (Recovery, Arc<AtomicUsize>) {
        let total = Arc::new(AtomicUsize::new(0));
        (Recovery::new(config, Arc::clone(&total)), total)
    }

    /// Publishes an event with one string to everybody.
    fn say(recovery: &Recovery, text: &str) {
        let publication = publication("said", Args::one(text).unwrap());
        recovery
            .lock()
            .append(publication, Selection::default(), &recovery.config);
    }

    fn session(since: u64) -> Session {
        let id = SocketId::random();
        let expires = Instant::now() + Duration::from_secs(60);
        Session {
            id,
            rooms: vec![id.as_str().into()],
            data: None,
            since,
            expires,
        }
    }

    /// The texts that a session of that offset has missed.
    fn missed(recovery: &Recovery, session: &Session, offset: Option<&str>) -> Option<Vec<String>> {
        let (_, missed) = recovery.lock().missed(session, offset, &recovery.config)?;
        let text = |it: &Arc<Publication>| it.event().unwrap().1.get(0).unwrap();
        Some(missed.iter().map(text).collect())
    }

    #[test]
    fn a_session_is_sent_what_came_after_its_place() {
        let (recovery, _) = recovery(RecoveryConfig::new());
        let session = session(recovery.lock().here().position);
        assert_eq!(missed(&recovery, &session, None), Some(vec![]));
        say(&recovery, "one");
        let place = recovery.lock().here().to_string();
        say(&recovery, "two");
        say(&recovery, "three");
        let texts = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(
            missed(&recovery, &session, None),
            texts(&["one", "two", "three"])
        );
        assert_eq!(
            missed(&recovery, &session, Some(&place)),
            texts(&["two", "three"])
        );
        // A place that is not reached yet is none of ours.
        let next = recovery.lock().next().to_string();
        assert_eq!(missed(&recovery, &session, Some(&next)), None);
        let other = Offset {
            epoch: !recovery.lock().epoch,
            position: 1,
        }
        .to_string();
        assert_eq!(missed(&recovery, &session, Some(&other)), None);
    }

    #[test]
    fn only_what_was_meant_for_a_session_is_replayed() {
        let (recovery, _) = recovery(RecoveryConfig::new());
        let mut session = session(0);
        session.rooms.push("tea".into());
        let publish = |text: &str, rooms: &[&str], except: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|it| (*it).into()).collect();
            let selection = Selection {
                rooms: names(rooms),
                except: names(except),
            };
            let publication = publication("said", Args::one(text).unwrap());
            recovery
                .lock()
                .append(publication, selection, &recovery.config);
        };
        publish("to tea", &["tea"], &[]);
        publish("to coffee", &["coffee"], &[]);
        publish("to me", &[session.id.as_str()], &[]);
        publish("not to me", &[], &[session.id.as_str()]);
        publish("not to tea", &["tea"], &["tea"]);
        publish("to either", &["coffee", "tea"], &["milk"]);
        let expected = ["to tea", "to me", "to either"].map(str::to_owned).to_vec();
        assert_eq!(missed(&recovery, &session, None), Some(expected));
    }

    #[test]
    fn the_last_argument_is_a_place_when_only_one_event_ends_so() {
        let (recovery, _) = recovery(RecoveryConfig::new());
        let session = session(0);
        for text in ["a", "b", "twice", "c", "twice"] {
            say(&recovery, text);
        }
        let rest = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(
            missed(&recovery, &session, Some("b")),
            rest(&["twice", "c", "twice"])
        );
        assert_eq!(missed(&recovery, &session, Some("c")), rest(&["twice"]));
        assert_eq!(missed(&recovery, &session, Some("twice")), None);
        assert_eq!(missed(&recovery, &session, Some("never said")), None);
    }

    #[test]
    fn the_last_argument_is_no_place_when_the_log_has_lost_events() {
        let (recovery, _) = recovery(RecoveryConfig::new());
        let session = session(0);
        say(&recovery, "x");
        let later = Instant::now() + Duration::from_secs(121);
        recovery.lock().trim(later, &recovery.config);
        say(&recovery, "y");
        say(&recovery, "x");
        // Its client may have seen the first: then it would not get what follows.
        assert_eq!(missed(&recovery, &session, Some("x")), None);
        assert_eq!(missed(&recovery, &session, None), None);
    }

    #[test]
    fn the_log_is_bounded_in_bytes_over_all_hubs() {
        let weight = publication("said", Args::one("1").unwrap()).weight();
        let total = Arc::new(AtomicUsize::new(0));
        let config = RecoveryConfig::new().log_bytes(10 * weight);
        let one = Recovery::new(config.clone(), Arc::clone(&total));
        let other = Recovery::new(config, Arc::clone(&total));
        for n in 0..8 {
            say(&one, &n.to_string());
        }
        assert_eq!(total.load(Ordering::Relaxed), 8 * weight);
        for n in 0..8 {
            say(&other, &n.to_string());
            assert!(total.load(Ordering::Relaxed) <= 10 * weight);
        }
        assert_eq!(one.lock().entries.len(), 8);
        assert_eq!(other.lock().entries.len(), 2);
        // Positions go on, whatever is dropped.
        assert_eq!(other.lock().first, 7);
        assert_eq!(other.lock().last(), 8);
        drop(one);
        assert_eq!(total.load(Ordering::Relaxed), 2 * weight);
    }

    #[test]
    fn the_log_is_bounded_in_time() {
        let config = RecoveryConfig::new().max_disconnection(Duration::from_secs(10));
        let (recovery, total) = recovery(config);
        say(&recovery, "old");
        let now = Instant::now();
        recovery
            .lock()
            .trim(now + Duration::from_secs(9), &recovery.config);
        assert_eq!(recovery.lock().entries.len(), 1);
        recovery
            .lock()
            .trim(now + Duration::from_secs(11), &recovery.config);
        assert_eq!(recovery.lock().entries.len(), 0);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_missed_too_much_starts_anew() {
        let weight = publication("said", Args::one("1").unwrap()).weight();
        let (recovery, _) = recovery(RecoveryConfig::new().session_bytes(3 * weight));
        let session = session(0);
        for _ in 0..3 {
            say(&recovery, "1");
        }
        assert_eq!(
            missed(&recovery, &session, None).map(|it| it.len()),
            Some(3)
        );
        say(&recovery, "1");
        assert_eq!(missed(&recovery, &session, None), None);
    }

    #[test]
    fn a_session_is_taken_once_and_in_time() {
        let (recovery, _) = recovery(RecoveryConfig::new());
        let mut log = recovery.lock();
        let (pid, kept) = (PrivateId::random(), session(0));
        log.keep(pid, kept.clone());
        assert_eq!(log.take(pid).map(|it| it.id), Some(kept.id));
        assert!(log.take(pid).is_none());
        // Given back, it can be taken again.
        log.keep(pid, kept.clone());
        assert!(log.take(pid).is_some());
        log.keep(
            pid,
            Session {
                expires: Instant::now(),
                ..kept
            },
        );
        assert!(log.take(pid).is_none());
        assert!(log.take(PrivateId::random()).is_none());
    }

    #[test]
    fn the_oldest_sessions_give_way() {
        let (recovery, _) = recovery(RecoveryConfig::new().sessions(2));
        let mut log = recovery.lock();
        let pids = [(); 4].map(|()| PrivateId::random());
        for (pid, age) in pids.iter().zip([0, 1, 2, 3]) {
            let expires = Instant::now() + Duration::from_secs(10 + age);
            log.keep(
                *pid,
                Session {
                    expires,
                    ..session(0)
                },
            );
        }
        log.trim(Instant::now(), &recovery.config);
        assert_eq!(
            pids.map(|pid| log.sessions.contains_key(&pid)),
            [false, false, true, true]
        );
        log.trim(
            Instant::now() + Duration::from_millis(12_500),
            &recovery.config,
        );
        assert_eq!(
            pids.map(|pid| log.sessions.contains_key(&pid)),
            [false, false, false, true]
        );
    }
}
