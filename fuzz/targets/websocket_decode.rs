//! Feeds arbitrary bytes to the WebSocket decoder whole, in pieces and byte by byte, and checks
//! that the reads make no difference.
//!
//! The first byte chooses whether compression is on, the next eight how the rest is cut.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Decoder, Error, Event, Limits};

const MAX_MESSAGE: usize = 4096;

#[derive(Debug, PartialEq)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, String),
}

fn own(event: Event<'_>) -> Owned {
    match event {
        Event::Text(text) => Owned::Text(text.to_owned()),
        Event::Binary(bytes) => Owned::Binary(bytes.to_owned()),
        Event::Ping(bytes) => Owned::Ping(bytes.to_owned()),
        Event::Pong(bytes) => Owned::Pong(bytes.to_owned()),
        Event::Close(code, reason) => Owned::Close(code, reason.to_owned()),
    }
}

/// Decodes `stream`, whose reads are as long as `next_read` says.
fn decode(
    stream: &[u8],
    deflate: bool,
    mut next_read: impl FnMut() -> usize,
) -> (Vec<Owned>, Result<(), Error>, bool) {
    let limits = Limits {
        max_message: MAX_MESSAGE,
        max_fragments: 8,
        max_inflate_ratio: 32,
    };
    let mut decoder = Decoder::new(Arc::new(limits), deflate);
    let mut stream = stream.to_vec();
    let mut rest = &mut stream[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let count = next_read().clamp(1, rest.len());
        let (piece, later) = rest.split_at_mut(count);
        rest = later;
        let result = decoder.feed(piece, |event| events.push(own(event)));
        if result.is_err() {
            decoder
                .feed(rest, |event| panic!("{event:?} after an error"))
                .expect("bytes after an error are ignored");
            assert!(decoder.is_idle());
            return (events, result, true);
        }
    }
    (events, Ok(()), decoder.is_idle())
}

fuzz_target!(|data: &[u8]| {
    let Some((&[flags], data)) = data.split_first_chunk() else {
        return;
    };
    let Some((cuts, stream)) = data.split_first_chunk::<8>() else {
        return;
    };
    let deflate = flags & 1 != 0;

    let whole = decode(stream, deflate, || usize::MAX);
    let mut cuts = cuts.iter().cycle();
    let pieces = decode(stream, deflate, || {
        cuts.next().map_or(1, |&cut| usize::from(cut))
    });
    assert_eq!(whole, pieces);
    assert_eq!(whole, decode(stream, deflate, || 1));

    for event in &whole.0 {
        match event {
            Owned::Text(text) => assert!(text.len() <= MAX_MESSAGE),
            Owned::Binary(bytes) => assert!(bytes.len() <= MAX_MESSAGE),
            Owned::Ping(bytes) | Owned::Pong(bytes) => assert!(bytes.len() <= 125),
            Owned::Close(code, reason) => {
                assert!(reason.len() <= 123);
                assert!(code.is_some_and(CloseCode::may_be_received) || reason.is_empty());
            }
        }
    }
    let closed = whole
        .0
        .iter()
        .position(|event| matches!(event, Owned::Close(..)));
    assert!(closed.is_none_or(|at| at + 1 == whole.0.len() && whole.1.is_ok()));
});
