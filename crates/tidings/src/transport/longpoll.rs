//! The sink of a long-polling session: which answer a poll gets.
//!
//! Every answer that holds events has a cursor of its own. A poll with the latest cursor has
//! received everything and waits for what is new; one that repeats the cursor of the poll before
//! has not received the answer to it, and gets the same again. Any other cursor belongs to another
//! time, and is for recovery to make sense of. All of it is under the lock of the outbox.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::frame::Frame;
use crate::{hub::recovery::Offset, id::PrivateId};

/// How far a client has come, as it is told with every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Its place in the log, with recovery on.
    pub(crate) place: Option<Offset>,
    /// The number of the answer.
    number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}.")?;
        }
        write!(f, "{:x}", self.number)
    }
}

impl Cursor {
    /// Reads a cursor, or the bare place that is the event id of an event stream.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(place) = Offset::parse(text) {
            return Some(Self {
                place: Some(place),
                number: 0,
            });
        }
        let (place, number) = match text.split_once('.') {
            Some((place, number)) => (Some(Offset::parse(place)?), number),
            None => (None, text),
        };
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(Self { place, number })
    }
}

/// What a poll is to do.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Give the same answer again.
    Again(Bytes),
    /// Wait for the answer.
    Wait(oneshot::Receiver<Bytes>),
    /// Nothing here: its cursor is none that could be continued from.
    Stale,
}

#[derive(Debug)]
pub(crate) struct LongPoll {
    session: PrivateId,
    waiting: Option<oneshot::Sender<Bytes>>,
    /// The cursor of the latest answer.
    current: Cursor,
    /// The cursor of the latest poll.
    asked: Option<Cursor>,
    /// Whether what comes next follows on what that poll's client has received.
    continues: bool,
    /// The latest answer, until it is known to have arrived.
    kept: Option<Bytes>,
}

impl LongPoll {
    /// The sink of a session whose first poll carries that cursor.
    pub(crate) fn new(session: PrivateId, asked: Option<Cursor>) -> Self {
        // Beyond all cursors that the client may still have from before.
        let number = asked.map_or(0, |it| it.number.wrapping_add(1));
        Self {
            session,
            waiting: None,
            current: Cursor {
                place: None,
                number,
            },
            asked,
            continues: false,
            kept: None,
        }
    }

    /// The place from which the session starts, and whether its client has been there before.
    pub(crate) fn begin(&mut self, place: Option<Offset>, recovered: bool) {
        self.current.place = place;
        self.continues = recovered;
    }

    /// Takes a poll. One that waits already gets an empty answer.
    pub(crate) fn ask(&mut self, cursor: Option<Cursor>) -> Asked {
        if cursor == Some(self.current) {
            self.kept = None;
            self.asked = cursor;
            self.continues = true;
        } else if cursor != self.asked {
            return Asked::Stale;
        } else if let Some(kept) = &self.kept {
            return Asked::Again(kept.clone());
        }
        self.give_nothing();
        let (sender, receiver) = oneshot::channel();
        self.waiting = Some(sender);
        Asked::Wait(receiver)
    }

    /// Whether a poll waits for an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.as_ref().is_some_and(|it| !it.is_closed())
    }

    /// Answers the poll that waits with these events.
    pub(crate) fn give<'a>(&mut self, frames: impl IntoIterator<Item = &'a Arc<Frame>>) {
        let mut events = Vec::new();
        for frame in frames {
            if !events.is_empty() {
                events.push(b',');
            }
            events.extend_from_slice(frame.payload());
            self.current.place = frame.mark().or(self.current.place);
        }
        self.current.number = self.current.number.wrapping_add(1);
        let body = self.body(&events);
        self.kept = Some(body.clone());
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(body);
        }
    }

    /// Answers the poll that waits, if one does, with no events. Says whether one did.
    pub(crate) fn give_nothing(&mut self) -> bool {
        let body = self.body(b"");
        self.waiting
            .take()
            .is_some_and(|waiting| waiting.send(body).is_ok())
    }

    fn body(&self, events: &[u8]) -> Bytes {
        let Self {
            session,
            current,
            continues,
            ..
        } = self;
        let session = session.reveal();
        // Ids and cursors hold nothing that JSON would have to escape.
        let head = format!(
            r#"{{"session":"{session}","cursor":"{current}","recovered":{continues},"events":["#
        );
        let mut body = Vec::with_capacity(head.len() + events.len() + 2);
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(events);
        body.extend_from_slice(b"]}");
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidings_protocol::websocket::Opcode;

    use super::*;

    fn events(numbers: &[u32]) -> Vec<Arc<Frame>> {
        let frame = |number: &u32| Frame::raw(Opcode::Text, number.to_string().as_bytes());
        numbers.iter().map(|it| Arc::new(frame(it))).collect()
    }

    fn wait(poll: &mut LongPoll, cursor: Option<Cursor>) -> oneshot::Receiver<Bytes> {
        match poll.ask(cursor) {
            Asked::Wait(receiver) => receiver,
            other => panic!("{other:?}"),
        }
    }

    fn read(body: &Bytes) -> (Cursor, bool, Value) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let cursor = Cursor::parse(body["cursor"].as_str().unwrap()).unwrap();
        let recovered = body["recovered"].as_bool().unwrap();
        (cursor, recovered, body["events"].clone())
    }

    #[test]
    fn an_answer_is_given_again_until_its_cursor_comes_back() {
        for first in [
            None,
            Cursor::parse("7"),
            Cursor::parse("1-2.ffffffffffffffff"),
        ] {
            let mut poll = LongPoll::new(PrivateId::random(), first);
            let mut receiver = wait(&mut poll, first);
            poll.give(&events(&[1, 2]));
            let lost = receiver.try_recv().unwrap();
            let (second, recovered, found) = read(&lost);
            assert_eq!((recovered, found), (false, json!([1, 2])));
            for _ in 0..2 {
                assert!(matches!(poll.ask(first), Asked::Again(again) if again == lost));
            }

            let mut receiver = wait(&mut poll, Some(second));
            assert!(matches!(poll.ask(first), Asked::Stale));
            poll.give(&events(&[3]));
            let (third, recovered, found) = read(&receiver.try_recv().unwrap());
            assert_eq!((recovered, found), (true, json!([3])));
            assert_ne!(second, third);
            assert!(matches!(poll.ask(Some(second)), Asked::Again(_)));
            assert!(matches!(poll.ask(first), Asked::Stale));
            wait(&mut poll, Some(third));
            assert!(matches!(poll.ask(Some(second)), Asked::Stale));
        }
    }

    #[test]
    fn a_second_poll_ends_the_first_with_nothing() {
        let mut poll = LongPoll::new(PrivateId::random(), None);
        let mut first = wait(&mut poll, None);
        let mut second = wait(&mut poll, None);
        let (cursor, recovered, found) = read(&first.try_recv().unwrap());
        assert_eq!((recovered, found), (false, json!([])));
        assert!(poll.is_waiting());
        let mut third = wait(&mut poll, Some(cursor));
        let (again, ..) = read(&second.try_recv().unwrap());
        assert_eq!(cursor, again);
        assert!(poll.give_nothing());
        assert!(read(&third.try_recv().unwrap()).1);
        assert!(!poll.give_nothing());
    }

    #[test]
    fn cursors_are_read_back_as_they_were_written() {
        for text in ["0", "1f", "a-b.c", "deadbeef-ffffffffffffffff.1"] {
            assert_eq!(Cursor::parse(text).unwrap().to_string(), text);
        }
        assert!(Cursor::parse("a-b").unwrap().place.is_some());
        for text in ["", ".", "a-b.", "x", "a-b.c.d", "-1", "1-"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
