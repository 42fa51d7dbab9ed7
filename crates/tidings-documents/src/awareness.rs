//! Awareness: what Yjs editors show of each other, such as cursors and names. It is never stored.
//!
//! A state belongs to the connection that introduced it. No other connection may change it, it
//! goes with its connection, and one that is not renewed in time goes too. Clients renew theirs
//! every 15 seconds.

use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::{
    Limits,
    wire::{
        codec::CodecError,
        protocol::{State, put_states, states},
    },
};

/// How long a state lasts that nobody renews.
const LASTS: Duration = Duration::from_secs(30);
/// How long it is remembered of a client that went, so that what it sent before does not bring it
/// back. A client that returns continues its clock.
const REMEMBERED: Duration = Duration::from_secs(120);
const GONE: &str = "null";

/// A connection of a Yjs client, by a number of the caller's choice that is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Why awareness states were refused. None of the message was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AwarenessError {
    /// They cannot be read.
    #[error("the awareness message cannot be read: {0}")]
    Malformed(#[from] CodecError),
    /// A state is not JSON. Peers would fail on it.
    #[error("an awareness state is not JSON")]
    NotJson,
    /// A state is too large.
    #[error("an awareness state may have {most} bytes")]
    TooLarge {
        /// Bytes that it may have.
        most: usize,
    },
    /// The connection, or all connections, have introduced as many states as they may.
    #[error("there are as many awareness states as there may be")]
    TooMany,
}

/// The awareness states of a document.
#[derive(Debug, Default)]
pub struct Awareness {
    states: FxHashMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    clock: u64,
    /// `None` when the client has gone.
    json: Option<Box<str>>,
    owner: ConnectionId,
    /// When it was last renewed, or went.
    at: Duration,
}

impl Awareness {
    /// Takes the states of a message from a connection. Gives the bytes of a message with those
    /// that are news, for everybody, the sender included: stock clients need it as a sign of life.
    ///
    /// `now` is the time since any fixed moment.
    ///
    /// # Errors
    ///
    /// When the message is at fault; nothing has been taken then. States that are older than what
    /// is known, or somebody else's, are passed over.
    pub fn apply(
        &mut self,
        bytes: &[u8],
        connection: ConnectionId,
        now: Duration,
        limits: &Limits,
    ) -> Result<Option<Vec<u8>>, AwarenessError> {
        let states = states(bytes)?;
        for state in &states {
            if state.json.len() > limits.awareness_bytes {
                let most = limits.awareness_bytes;
                return Err(AwarenessError::TooLarge { most });
            }
            serde_json::from_str::<IgnoredAny>(state.json).map_err(|_| AwarenessError::NotJson)?;
        }
        let mut fresh = Vec::new();
        for state in states {
            if self.take(state, connection, now, limits)? {
                fresh.push(state);
            }
        }
        Ok((!fresh.is_empty()).then(|| put_states(fresh.into_iter())))
    }

    fn take(
        &mut self,
        state: State<'_>,
        connection: ConnectionId,
        now: Duration,
        limits: &Limits,
    ) -> Result<bool, AwarenessError> {
        let json = (state.json != GONE).then(|| state.json.into());
        if let Some(known) = self.states.get_mut(&state.client) {
            // Somebody else's, unless that has gone: then its client has come back.
            if known.owner != connection && known.json.is_some() {
                return Ok(false);
            }
            let goes = json.is_none() && known.json.is_some();
            if state.clock < known.clock || (state.clock == known.clock && !goes) {
                return Ok(false);
            }
            *known = Known {
                clock: state.clock,
                json,
                owner: connection,
                at: now,
            };
            return Ok(true);
        }
        if json.is_none() {
            return Ok(false);
        }
        let own = self.states.values().filter(|it| it.owner == connection);
        if own.count() >= limits.awareness_states_per_connection
            || self.states.len() >= limits.awareness_states
        {
            return Err(AwarenessError::TooMany);
        }
        let known = Known {
            clock: state.clock,
            json,
            owner: connection,
            at: now,
        };
        self.states.insert(state.client, known);
        Ok(true)
    }

    /// All states, as the bytes of a message, if there are any.
    pub fn all(&self) -> Option<Vec<u8>> {
        let states: Vec<_> = self
            .states
            .iter()
            .filter_map(|(&client, known)| {
                Some(State {
                    client,
                    clock: known.clock,
                    json: known.json.as_deref()?,
                })
            })
            .collect();
        (!states.is_empty()).then(|| put_states(states.into_iter()))
    }

    /// A connection has ended. Gives the bytes of a message that says so of its clients.
    pub fn leave(&mut self, connection: ConnectionId, now: Duration) -> Option<Vec<u8>> {
        self.end(now, |known| known.owner == connection)
    }

    /// Ends what was not renewed in time, and forgets what went long ago. Gives the bytes of a
    /// message that says what went.
    pub fn expire(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.states
            .retain(|_, it| it.json.is_some() || now.saturating_sub(it.at) < REMEMBERED);
        self.end(now, |known| now.saturating_sub(known.at) >= LASTS)
    }

    fn end(&mut self, now: Duration, ends: impl Fn(&Known) -> bool) -> Option<Vec<u8>> {
        let mut gone = Vec::new();
        for (&client, known) in &mut self.states {
            if known.json.is_some() && ends(known) {
                known.json = None;
                known.at = now;
                // The clock stays, so that a client that comes back is seen with its next one.
                gone.push(State {
                    client,
                    clock: known.clock,
                    json: GONE,
                });
            }
        }
        (!gone.is_empty()).then(|| put_states(gone.into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ConnectionId = ConnectionId(1);
    const BOB: ConnectionId = ConnectionId(2);

    fn message(client: u64, clock: u64, json: &str) -> Vec<u8> {
        let state = State {
            client,
            clock,
            json,
        };
        put_states([state].into_iter())
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn newer_states_of_its_own_are_taken_from_a_connection() {
        let mut awareness = Awareness::default();
        let limits = Limits::default();
        for (connection, clock, json, taken) in [
            (ANN, 0, "null", false),
            (ANN, 1, "{}", true),
            (ANN, 1, "{}", false),
            (ANN, 0, "[1]", false),
            (BOB, 9, "[2]", false),
            (BOB, 9, "null", false),
            (ANN, 2, "[3]", true),
            (ANN, 2, "null", true),
            (ANN, 2, "null", false),
            (ANN, 2, "[4]", false),
            // The client has come back on another connection.
            (BOB, 3, "[5]", true),
            (ANN, 4, "[6]", false),
        ] {
            let bytes = message(7, clock, json);
            let news = awareness.apply(&bytes, connection, at(0), &limits).unwrap();
            assert_eq!(
                news,
                taken.then_some(bytes),
                "{connection:?} {clock} {json}"
            );
        }
        assert_eq!(awareness.all(), Some(message(7, 3, "[5]")));
    }

    #[test]
    fn states_go_with_their_connection_and_come_back_with_their_client() {
        let mut awareness = Awareness::default();
        let limits = Limits::default();
        let hello = message(7, 5, "{}");
        awareness.apply(&hello, ANN, at(0), &limits).unwrap();
        assert_eq!(awareness.leave(BOB, at(1)), None);
        assert_eq!(awareness.leave(ANN, at(1)), Some(message(7, 5, "null")));
        assert_eq!(awareness.leave(ANN, at(1)), None);
        assert_eq!(awareness.all(), None);
        let again = message(7, 6, "{}");
        assert_eq!(
            awareness.apply(&again, BOB, at(2), &limits),
            Ok(Some(again.clone()))
        );
    }

    #[test]
    fn states_that_nobody_renews_end_and_are_forgotten() {
        let mut awareness = Awareness::default();
        let limits = Limits::default();
        awareness
            .apply(&message(7, 5, "{}"), ANN, at(0), &limits)
            .unwrap();
        assert_eq!(awareness.expire(at(29)), None);
        assert_eq!(awareness.expire(at(30)), Some(message(7, 5, "null")));
        assert_eq!(awareness.states.len(), 1);
        assert_eq!(awareness.expire(at(150)), None);
        assert!(awareness.states.is_empty());
    }

    #[test]
    fn what_a_connection_may_introduce_is_bounded() {
        let mut awareness = Awareness::default();
        let limits = Limits {
            awareness_states: 3,
            awareness_states_per_connection: 2,
            awareness_bytes: 4,
            ..Limits::default()
        };
        let mut apply =
            |client, json, it| awareness.apply(&message(client, 1, json), it, at(0), &limits);
        assert_eq!(
            apply(1, "[\"\"]", ANN).map(|it| it.is_some()),
            Ok(true),
            "as large as it may be"
        );
        let too_large = AwarenessError::TooLarge { most: 4 };
        assert_eq!(apply(2, "[1,2]", ANN), Err(too_large));
        assert_eq!(apply(2, "{", ANN), Err(AwarenessError::NotJson));
        assert!(apply(2, "{}", ANN).is_ok());
        assert_eq!(apply(3, "{}", ANN), Err(AwarenessError::TooMany));
        assert!(apply(3, "{}", BOB).is_ok());
        assert_eq!(apply(4, "{}", BOB), Err(AwarenessError::TooMany));
    }
}
