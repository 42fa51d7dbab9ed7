//! Whatever a client sends, the decoder of the `tokio-websockets` crate makes the same of it.

use futures_util::StreamExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::Opcode;
use tokio_websockets::{Error, Limits, ServerBuilder, proto::ProtocolError};

use crate::client::{Frame, Owned, decode_cut, lifted};

/// Decodes a stream with the other crate; the error is told by its close code.
fn decode_with_peer(stream: &[u8]) -> (Vec<Owned>, Option<CloseCode>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let socket = tokio::io::join(stream, tokio::io::sink());
    let mut socket = ServerBuilder::new()
        .limits(Limits::unlimited())
        .serve(socket);
    let mut events = Vec::new();
    while let Some(message) = runtime.block_on(socket.next()) {
        let message = match message {
            Ok(message) => message,
            Err(Error::Protocol(ProtocolError::InvalidUtf8)) => {
                return (events, Some(CloseCode::INVALID_PAYLOAD));
            }
            Err(Error::Protocol(_)) => return (events, Some(CloseCode::PROTOCOL_ERROR)),
            Err(_) => break,
        };
        let payload = message.as_payload().to_vec();
        events.push(if message.is_text() {
            // Version 0.13.3 does not notice that an empty last fragment leaves a character cut,
            // and hands out such text unchecked.
            let Ok(text) = String::from_utf8(payload) else {
                return (events, Some(CloseCode::INVALID_PAYLOAD));
            };
            Owned::Text(text)
        } else if message.is_ping() {
            Owned::Ping(payload)
        } else if message.is_pong() {
            Owned::Pong(payload)
        } else if message.is_close() {
            let code = payload
                .first_chunk()
                .map(|code| CloseCode(u16::from_be_bytes(*code)));
            let reason = payload.get(2..).unwrap_or_default();
            Owned::Close(code, String::from_utf8_lossy(reason).into_owned())
        } else {
            Owned::Binary(payload)
        });
    }
    (events, None)
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<String>().prop_map(String::into_bytes),
        1 => "[a-zé€𐍈]{0,60}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..140),
        1 => vec(select(&b"a\xC3\xA9\xE2\x82\xAC\xED\xA0\x80\xF4\x8F\xBF\xBF"[..]), 0..6),
        1 => (0..70_000_usize).prop_map(|length| vec![b'x'; length]),
        2 => (select(&[0, 999, 1000, 1004, 1006, 1011, 1015, 1016, 2999, 3000, 4999, 5000][..]),
            "[a-zé]{0,50}")
            .prop_map(|(code, reason): (u16, String)| {
                [&code.to_be_bytes()[..], reason.as_bytes()].concat()
            }),
    ]
}

/// The bytes of one frame, seldom wrong: of a message whose text is cut, or of anything.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let data = select(&[Opcode::Text, Opcode::Text, Opcode::Binary][..]);
    let message = (data, payload(), vec(any::<Index>(), 0..4)).prop_map(|(opcode, bytes, cuts)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut at, mut opcode, mut out) = (0, opcode, Vec::new());
        for cut in cuts {
            out.extend(Frame::new(opcode, &bytes[at..cut]).unfinished().bytes());
            (at, opcode) = (cut, Opcode::Continuation);
        }
        out.extend(Frame::new(opcode, &bytes[at..]).bytes());
        out
    });
    let control = (
        select(&[Opcode::Ping, Opcode::Pong][..]),
        vec(any::<u8>(), 0..126),
    )
        .prop_map(|(opcode, bytes)| Frame::new(opcode, bytes).bytes());
    let anything = (any::<u8>(), payload()).prop_map(|(first, bytes)| {
        let mut out = Frame::new(Opcode::Text, bytes).bytes();
        out[0] = first;
        out
    });
    let close = payload().prop_map(|bytes| Frame::new(Opcode::Close, bytes).bytes());
    prop_oneof![8 => message, 4 => control, 1 => anything, 1 => close]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_other_decoder_agrees(
        pieces in vec(frames(), 0..8),
        unmasked in proptest::option::weighted(0.05, any::<Index>()),
    ) {
        let mut stream: Vec<u8> = pieces.concat();
        if let Some(at) = unmasked
            && !pieces.is_empty()
        {
            // The second byte of a piece, which is where its first frame has the mask bit.
            let at: usize = pieces[..at.index(pieces.len())].iter().map(Vec::len).sum();
            stream[at + 1] &= 0x7F;
        }
        let (events, code) = decode_with_peer(&stream);
        let (outcome, _) = decode_cut(&stream, &[], &lifted(), false);
        prop_assert_eq!((outcome.0, outcome.1.err().map(|error| error.code)), (events, code));
    }
}
