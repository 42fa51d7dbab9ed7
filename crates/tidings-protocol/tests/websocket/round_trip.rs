//! What a client sends arrives, however it was fragmented and however the reads were cut.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Opcode, deflate};

use crate::client::{Frame, Owned, decode_cut, lifted, stream};

fn message() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<String>().prop_map(Owned::Text),
        "[ab]{0,300}".prop_map(Owned::Text),
        vec(any::<u8>(), 0..300).prop_map(Owned::Binary),
        (0..70_000_usize, any::<u8>()).prop_map(|(len, byte)| Owned::Binary(vec![byte; len])),
    ]
}

fn control() -> impl Strategy<Value = Owned> {
    prop_oneof![
        vec(any::<u8>(), 0..=125).prop_map(Owned::Ping),
        vec(any::<u8>(), 0..=125).prop_map(Owned::Pong),
    ]
}

/// A message with the places where it is fragmented and the control frames in between.
fn sent() -> impl Strategy<Value = (Owned, bool, Vec<(Index, Option<Owned>)>)> {
    let between = (any::<Index>(), proptest::option::of(control()));
    (message(), any::<bool>(), vec(between, 0..5))
}

/// Encodes a message, and tells the events that it and the control frames make.
fn encode(
    message: Owned,
    compress: bool,
    mut cuts: Vec<(Index, Option<Owned>)>,
    frames: &mut Vec<Frame>,
    events: &mut Vec<Owned>,
) {
    let (mut opcode, mut payload) = match &message {
        Owned::Text(text) => (Opcode::Text, text.clone().into_bytes()),
        Owned::Binary(bytes) => (Opcode::Binary, bytes.clone()),
        other => panic!("{other:?} is no message"),
    };
    let mut compressed = false;
    if compress && let Some(small) = deflate(&payload) {
        (payload, compressed) = (small, true);
    }
    let mut at = 0;
    cuts.sort_by_key(|(index, _)| index.index(payload.len() + 1));
    for (index, between) in cuts {
        let cut = index.index(payload.len() + 1);
        let frame = Frame {
            compressed,
            ..Frame::new(opcode, &payload[at..cut])
        };
        frames.push(frame.unfinished());
        (at, opcode, compressed) = (cut, Opcode::Continuation, false);
        if let Some(control) = between {
            frames.push(match &control {
                Owned::Ping(bytes) => Frame::new(Opcode::Ping, bytes),
                Owned::Pong(bytes) => Frame::new(Opcode::Pong, bytes),
                other => panic!("{other:?} is no ping"),
            });
            events.push(control);
        }
    }
    frames.push(Frame {
        compressed,
        ..Frame::new(opcode, &payload[at..])
    });
    events.push(message);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_arrive(
        messages in vec(sent(), 0..6),
        keys in vec(any::<[u8; 4]>(), 1..8),
        reads in vec(any::<Index>(), 0..12),
        reason in "[a-zé€]{0,20}",
    ) {
        let (mut frames, mut events) = (Vec::new(), Vec::new());
        for (message, compress, cuts) in messages {
            encode(message, compress, cuts, &mut frames, &mut events);
        }
        let close = [&CloseCode::GOING_AWAY.0.to_be_bytes()[..], reason.as_bytes()].concat();
        frames.push(Frame::new(Opcode::Close, close));
        events.push(Owned::Close(Some(CloseCode::GOING_AWAY), reason));
        for (frame, key) in frames.iter_mut().zip(keys.iter().cycle()) {
            frame.key = *key;
        }
        let stream = stream(&frames);
        let mut reads: Vec<usize> = reads.iter().map(|at| at.index(stream.len())).collect();
        reads.sort_unstable();
        let (outcome, idle) = decode_cut(&stream, &reads, &lifted(), true);
        prop_assert_eq!(outcome, (events, Ok(())));
        prop_assert!(idle);
    }

    #[test]
    fn every_cut_of_a_stream_is_alike(messages in vec(sent(), 1..3)) {
        let (mut frames, mut events) = (Vec::new(), Vec::new());
        for (message, compress, cuts) in messages {
            encode(message, compress, cuts, &mut frames, &mut events);
        }
        let stream = stream(&frames);
        let expected = ((events, Ok(())), true);
        for cut in (0..=stream.len()).step_by(1 + stream.len() / 200) {
            prop_assert_eq!(&decode_cut(&stream, &[cut], &lifted(), true), &expected);
        }
    }

    #[test]
    fn noise_is_cut_anywhere(
        noise in vec(any::<u8>(), 0..200),
        reads in vec(any::<Index>(), 0..12),
    ) {
        let mut reads: Vec<usize> = reads.iter().map(|at| at.index(noise.len() + 1)).collect();
        reads.sort_unstable();
        let whole = decode_cut(&noise, &[], &lifted(), true);
        prop_assert_eq!(decode_cut(&noise, &reads, &lifted(), true), whole);
    }
}
