//! The messages of `y-websocket`: document synchronisation, awareness, and a refusal.
//!
//! A frame begins with the number of its kind. Clients send one message a frame, but nothing says
//! that they must, so a frame is read to its end; and since stock clients read the first message
//! of a frame only, each message that is written is a frame of its own.

use super::codec::{CodecError, Reader, put_bytes, put_number, put_text};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;

const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

const DENIED: u64 = 0;

/// The awareness of nobody, which clients that only see silence take as a sign of life.
pub const KEEP_ALIVE: [u8; 3] = [1, 1, 0];

/// A message, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// What the sender has, so that it is sent the rest: a state vector.
    Step1(&'a [u8]),
    /// The rest, as an update.
    Step2(&'a [u8]),
    /// An update.
    Update(&'a [u8]),
    /// Awareness states; [`states`] reads them.
    Awareness(&'a [u8]),
    /// The sender may not, and why. Servers send it.
    Denied(&'a str),
    /// The sender wants all awareness states.
    QueryAwareness,
}

/// One client's awareness state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<'a> {
    /// The Yjs client that it is about.
    pub client: u64,
    /// Grows with each change, and is what says which of two states is newer.
    pub clock: u64,
    /// JSON; `null` when the client has gone.
    pub json: &'a str,
}

/// Reads the messages of a frame.
///
/// # Errors
///
/// When it is cut off, or of a kind that is unknown. What stands before that has been given.
pub fn messages(frame: &[u8]) -> impl Iterator<Item = Result<Message<'_>, CodecError>> {
    let mut reader = Some(Reader::new(frame));
    std::iter::from_fn(move || {
        let rest = reader.as_mut().filter(|it| !it.is_empty())?;
        let read = message(rest);
        if read.is_err() {
            reader = None;
        }
        Some(read)
    })
}

fn message<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, CodecError> {
    match reader.number()? {
        SYNC => match reader.number()? {
            STEP_1 => Ok(Message::Step1(reader.bytes()?)),
            STEP_2 => Ok(Message::Step2(reader.bytes()?)),
            UPDATE => Ok(Message::Update(reader.bytes()?)),
            _ => Err(CodecError::Unknown),
        },
        AWARENESS => Ok(Message::Awareness(reader.bytes()?)),
        AUTH => match reader.number()? {
            DENIED => Ok(Message::Denied(reader.text()?)),
            _ => Err(CodecError::Unknown),
        },
        QUERY_AWARENESS => Ok(Message::QueryAwareness),
        _ => Err(CodecError::Unknown),
    }
}

/// Reads the states of an awareness message.
///
/// # Errors
///
/// When they are cut off, or fewer than they say.
pub fn states(bytes: &[u8]) -> Result<Vec<State<'_>>, CodecError> {
    let mut reader = Reader::new(bytes);
    let count = reader.number()?;
    let mut states = Vec::new();
    for _ in 0..count {
        states.push(State {
            client: reader.number()?,
            clock: reader.number()?,
            json: reader.text()?,
        });
    }
    if reader.is_empty() {
        Ok(states)
    } else {
        Err(CodecError::Unknown)
    }
}

/// A frame with one message.
pub fn frame(message: Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Step1(bytes) => put_sync(&mut out, STEP_1, bytes),
        Message::Step2(bytes) => put_sync(&mut out, STEP_2, bytes),
        Message::Update(bytes) => put_sync(&mut out, UPDATE, bytes),
        Message::Awareness(bytes) => {
            put_number(&mut out, AWARENESS);
            put_bytes(&mut out, bytes);
        }
        Message::Denied(reason) => {
            put_number(&mut out, AUTH);
            put_number(&mut out, DENIED);
            put_text(&mut out, reason);
        }
        Message::QueryAwareness => put_number(&mut out, QUERY_AWARENESS),
    }
    out
}

fn put_sync(out: &mut Vec<u8>, step: u64, bytes: &[u8]) {
    out.reserve(bytes.len() + 8);
    put_number(out, SYNC);
    put_number(out, step);
    put_bytes(out, bytes);
}

/// The bytes of an awareness message with these states.
pub fn put_states<'a>(states: impl ExactSizeIterator<Item = State<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, states.len() as u64);
    for state in states {
        put_number(&mut out, state.client);
        put_number(&mut out, state.clock);
        put_text(&mut out, state.json);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(frame: &[u8]) -> Vec<Result<Message<'_>, CodecError>> {
        messages(frame).collect()
    }

    /// Frames as the JavaScript libraries write them.
    #[test]
    fn frames_are_those_of_javascript() {
        let update = b"\x01\x01\x07\x00\x04\x01\x07content\x07h\xc3\xa9\xf0\x9f\x98\x80\x00";
        let mut step_2 = vec![0, 1, 0x17];
        step_2.extend_from_slice(update);
        let gone = [State {
            client: 7,
            clock: 2,
            json: "null",
        }];
        let gone = put_states(gone.into_iter());
        for (message, bytes) in [
            (Message::Step1(&[0]), &[0, 0, 1, 0][..]),
            (Message::Step2(update), &step_2),
            (Message::Awareness(&gone), b"\x01\x08\x01\x07\x02\x04null"),
            (Message::Denied("nope"), b"\x02\x00\x04nope"),
            (Message::QueryAwareness, &[3]),
            (Message::Awareness(&[0]), &KEEP_ALIVE),
        ] {
            assert_eq!(frame(message), bytes);
            assert_eq!(all(bytes), [Ok(message)]);
        }
    }

    #[test]
    fn a_frame_is_read_to_its_end() {
        let mut frames = frame(Message::Step1(&[0]));
        frames.extend(frame(Message::QueryAwareness));
        frames.push(9);
        assert_eq!(
            all(&frames),
            [
                Ok(Message::Step1(&[0])),
                Ok(Message::QueryAwareness),
                Err(CodecError::Unknown)
            ]
        );
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        assert_eq!(states(&[0xff, 0xff, 0xff, 0x7f]), Err(CodecError::End));
        assert_eq!(states(&[0, 0]), Err(CodecError::Unknown));
    }

    proptest! {
        #[test]
        fn states_are_read_as_written(list in prop::collection::vec((0..1_u64 << 53, 0..1_u64 << 53, ".*"), 0..5)) {
            let list: Vec<_> = list
                .iter()
                .map(|(client, clock, json)| State { client: *client, clock: *clock, json })
                .collect();
            let bytes = put_states(list.iter().copied());
            prop_assert_eq!(states(&bytes), Ok(list));
        }

        #[test]
        fn arbitrary_frames_are_read_or_refused(frame: Vec<u8>) {
            for message in messages(&frame).flatten() {
                if let Message::Awareness(bytes) = message {
                    let _ = states(bytes);
                }
            }
        }
    }
}
