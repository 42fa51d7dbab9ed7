//! The logs and sessions of all hubs as bytes, so that a restart is to clients like a lost
//! connection.
//!
//! Moments are kept as ages, and the time between writing and reading counts by the wall clock.
//! What nobody could claim any more is left out on both ways.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;
use tidings_protocol::args::{Args, DecodeError};

use super::{Entry, Offset, Recovery, Session};
use crate::{
    hub::{
        publication::{Content, Publication},
        selection::Selection,
    },
    id::{PrivateId, SocketId},
};

/// What every snapshot begins with; the digit is the version of what follows.
const HEADER: &[u8] = b"tidings recovery 1\n";

/// Why a snapshot is not taken.
#[derive(Debug, Error)]
pub(crate) enum SnapshotError {
    #[error("it is no snapshot of this version")]
    Version,
    #[error("it is damaged: {0}")]
    Damaged(#[from] rmp_serde::decode::Error),
    #[error("an event in it is damaged: {0}")]
    Args(#[from] DecodeError),
    #[error("{0} in it is out of range")]
    Range(&'static str),
    #[error("the data of a session in it is damaged: {0}")]
    Data(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Milliseconds since 1970.
    taken: u64,
    hubs: Vec<KeptHub>,
}

/// What a snapshot holds of one hub.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptHub {
    pub(crate) namespace: String,
    epoch: u32,
    /// The position of the first entry, or of the next when there is none.
    first: u64,
    entries: Vec<KeptEntry>,
    sessions: Vec<KeptSession>,
}

#[derive(Serialize, Deserialize)]
struct KeptEntry {
    /// Milliseconds.
    age: u64,
    rooms: Vec<Box<str>>,
    except: Vec<Box<str>>,
    name: Box<str>,
    args: Bytes,
    compress: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptSession {
    pid: Box<str>,
    id: Box<str>,
    rooms: Vec<Box<str>>,
    data: Option<Box<str>>,
    since: u64,
    /// Milliseconds until it expires.
    left: u64,
}

/// A snapshot that was read and is in order.
pub(crate) struct Snapshot {
    hubs: Vec<(Arc<str>, Restored)>,
}

/// What a hub gets back.
pub(crate) struct Restored {
    epoch: u32,
    first: u64,
    entries: Vec<(Duration, Selection, Publication)>,
    sessions: Vec<(PrivateId, Session)>,
}

/// The bytes of a snapshot of these hubs.
pub(crate) fn write(hubs: Vec<KeptHub>, now: SystemTime) -> Vec<u8> {
    let kept = Kept {
        taken: millis(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
        hubs,
    };
    let mut out = HEADER.to_vec();
    rmp_serde::encode::write(&mut out, &kept).expect("plain structures fit into a Vec");
    out
}

impl Snapshot {
    /// Reads a snapshot at a moment that is `clock` by the wall clock.
    pub(crate) fn read(bytes: &[u8], clock: SystemTime) -> Result<Self, SnapshotError> {
        let body = bytes.strip_prefix(HEADER).ok_or(SnapshotError::Version)?;
        let kept: Kept = rmp_serde::from_slice(body)?;
        let taken = UNIX_EPOCH + Duration::from_millis(kept.taken);
        // A clock that was set back makes nothing younger.
        let down = clock.duration_since(taken).unwrap_or_default();
        let now = Instant::now();
        let hubs = kept.hubs.into_iter().map(|hub| {
            let namespace: Arc<str> = hub.namespace.as_str().into();
            let restored = hub.restore(&namespace, now, down)?;
            Ok((namespace, restored))
        });
        let hubs = hubs.collect::<Result<_, SnapshotError>>()?;
        Ok(Self { hubs })
    }

    /// The namespaces and what they get back.
    pub(crate) fn into_hubs(self) -> impl Iterator<Item = (Arc<str>, Restored)> {
        self.hubs.into_iter()
    }
}

impl Recovery {
    /// What somebody may still come back for; `None` when nobody can.
    pub(crate) fn snapshot(&self, namespace: &str) -> Option<KeptHub> {
        let now = Instant::now();
        let mut log = self.lock();
        log.trim(now, &self.config);
        let mut sessions: Vec<_> = log
            .sessions
            .iter()
            .filter(|(_, session)| session.expires > now)
            .map(|(pid, session)| KeptSession::of(*pid, session, now))
            .collect();
        sessions.sort_by_key(|session| session.left);
        let since = sessions.iter().map(|session| session.since).min()?;
        let skip = since.saturating_add(1).saturating_sub(log.first);
        let skip = usize::try_from(skip).map_or(log.entries.len(), |it| it.min(log.entries.len()));
        Some(KeptHub {
            namespace: namespace.to_owned(),
            epoch: log.epoch,
            first: log.first + skip as u64,
            entries: log
                .entries
                .iter()
                .skip(skip)
                .map(|entry| KeptEntry::of(entry, now))
                .collect(),
            sessions,
        })
    }

    /// Begins where a snapshot ended. Nothing must have been published yet.
    pub(crate) fn restore(&self, restored: Restored) {
        let now = Instant::now();
        let mut log = self.lock();
        log.epoch = restored.epoch;
        log.first = restored.first;
        for (age, selection, publication) in restored.entries {
            match now
                .checked_sub(age)
                .filter(|_| age <= self.config.max_disconnection)
            {
                Some(at) => log.append_at(at, Arc::new(publication), selection),
                // Older than the machine's clock reaches, or than anybody may come back for; all
                // in front of it are too.
                None => log.skip(),
            }
        }
        for (pid, mut session) in restored.sessions {
            session.expires = session.expires.min(now + self.config.max_disconnection);
            log.keep(pid, session);
        }
        log.trim(now, &self.config);
    }
}

impl KeptEntry {
    fn of(entry: &Entry, now: Instant) -> Self {
        let (name, args) = entry
            .publication
            .event()
            .map_or_else(Default::default, |(name, args)| {
                (name.into(), args.to_bytes())
            });
        Self {
            age: millis(now.saturating_duration_since(entry.at)),
            rooms: entry.selection.rooms.to_vec(),
            except: entry.selection.except.to_vec(),
            name,
            args: args.into(),
            compress: entry.publication.may_compress(),
        }
    }
}

impl KeptSession {
    fn of(pid: PrivateId, session: &Session, now: Instant) -> Self {
        Self {
            pid: pid.reveal().into(),
            id: session.id.as_str().into(),
            rooms: session.rooms.iter().map(|room| (**room).into()).collect(),
            data: session.data.as_ref().map(|data| data.get().into()),
            since: session.since,
            left: millis(session.expires.saturating_duration_since(now)),
        }
    }

    fn restore(self, now: Instant, down: Duration) -> Result<(PrivateId, Session), SnapshotError> {
        let data = self.data.map(|data| RawValue::from_string(data.into()));
        let left = Duration::from_millis(self.left).saturating_sub(down);
        let session = Session {
            id: SocketId::parse(&self.id).ok_or(SnapshotError::Range("an id"))?,
            rooms: self.rooms.into_iter().map(Arc::from).collect(),
            data: data.transpose()?.map(Arc::from),
            since: self.since,
            expires: now
                .checked_add(left)
                .ok_or(SnapshotError::Range("an age"))?,
        };
        let pid = PrivateId::parse(&self.pid).ok_or(SnapshotError::Range("an id"))?;
        Ok((pid, session))
    }
}

impl KeptHub {
    fn restore(
        self,
        namespace: &Arc<str>,
        now: Instant,
        down: Duration,
    ) -> Result<Restored, SnapshotError> {
        // Positions count from 1 up, and never come to an end.
        let end = self.first.checked_add(self.entries.len() as u64);
        if self.first == 0 || end.is_none() {
            return Err(SnapshotError::Range("a position"));
        }
        let mut entries = Vec::with_capacity(self.entries.len());
        for (position, entry) in (self.first..).zip(self.entries) {
            let content = Content::Event {
                namespace: Arc::clone(namespace),
                name: entry.name,
                args: Args::from_bytes(entry.args)?,
                id: None,
            };
            let offset = Offset {
                epoch: self.epoch,
                position,
            };
            let selection = Selection {
                rooms: entry.rooms.into(),
                except: entry.except.into(),
            };
            let publication = Publication::new(content, entry.compress, Some(offset));
            let age = Duration::from_millis(entry.age).saturating_add(down);
            entries.push((age, selection, publication));
        }
        let sessions = self.sessions.into_iter().filter(|session| {
            // Those that nobody can claim any more are not worth their place.
            Duration::from_millis(session.left) > down
        });
        let sessions = sessions.map(|session| session.restore(now, down));
        Ok(Restored {
            epoch: self.epoch,
            first: self.first,
            entries,
            sessions: sessions.collect::<Result<_, _>>()?,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
