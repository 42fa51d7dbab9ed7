//! The other side: encodes frames as a client does, and collects what the decoder makes of them.

use std::sync::Arc;

use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Decoder, Error, Event, Limits, Opcode};

/// An event that owns what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, String),
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(bytes) => Self::Binary(bytes.to_owned()),
            Event::Ping(bytes) => Self::Ping(bytes.to_owned()),
            Event::Pong(bytes) => Self::Pong(bytes.to_owned()),
            Event::Close(code, reason) => Self::Close(code, reason.to_owned()),
        }
    }
}

/// A frame to be sent by a client.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    pub(crate) compressed: bool,
    pub(crate) key: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(opcode: Opcode, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self {
            opcode,
            fin: true,
            compressed: false,
            key: [0x12, 0x34, 0x56, 0x78],
            payload,
        }
    }

    pub(crate) fn unfinished(self) -> Self {
        Self { fin: false, ..self }
    }

    pub(crate) fn compressed(self) -> Self {
        Self {
            compressed: true,
            ..self
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let first = u8::from(self.fin) << 7 | u8::from(self.compressed) << 6 | self.opcode as u8;
        let mut out = vec![first];
        let length = self.payload.len();
        if length < 126 {
            out.push(0x80 | length as u8);
        } else if length < 65536 {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        } else {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
        out.extend_from_slice(&self.key);
        out.extend(
            self.payload
                .iter()
                .zip(self.key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        out
    }
}

/// The frames one after the other.
pub(crate) fn stream(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(Frame::bytes).collect()
}

/// What came of a stream: the events, and how it ended.
pub(crate) type Outcome = (Vec<Owned>, Result<(), Error>);

/// Decodes a stream whose reads end at `cuts`, which must ascend.
pub(crate) fn decode_cut(
    stream: &[u8],
    cuts: &[usize],
    limits: &Limits,
    deflate: bool,
) -> (Outcome, bool) {
    let mut decoder = Decoder::new(Arc::new(limits.clone()), deflate);
    let mut stream = stream.to_vec();
    let mut rest = &mut stream[..];
    let mut at = 0;
    let mut events = Vec::new();
    for &cut in cuts.iter().chain([&usize::MAX]) {
        let (piece, later) = rest.split_at_mut((cut - at).min(rest.len()));
        rest = later;
        at = cut;
        if let Err(error) = decoder.feed(piece, |event| events.push(event.into())) {
            assert!(decoder.is_idle(), "nothing is kept after an error");
            assert_eq!(
                decoder.feed(rest, |event| panic!("{event:?} after an error")),
                Ok(())
            );
            return ((events, Err(error)), true);
        }
    }
    ((events, Ok(())), decoder.is_idle())
}

/// Decodes a stream whole and byte by byte, which must come to the same.
pub(crate) fn decode(stream: &[u8], limits: &Limits, deflate: bool) -> Outcome {
    let whole = decode_cut(stream, &[], limits, deflate);
    let cuts: Vec<usize> = (1..stream.len()).collect();
    assert_eq!(
        decode_cut(stream, &cuts, limits, deflate),
        whole,
        "byte by byte and whole"
    );
    whole.0
}

/// No limits at all.
pub(crate) fn lifted() -> Limits {
    Limits {
        max_message: usize::MAX,
        max_fragments: u32::MAX,
        max_inflate_ratio: u32::MAX,
    }
}
