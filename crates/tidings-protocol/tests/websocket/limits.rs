//! How much a client may send, and how little is held for it before it does.

use std::sync::Arc;

use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Decoder, Error, Limits, Opcode};

use crate::client::{Frame, Owned, decode, lifted, stream};

const TOO_BIG: Result<(), Error> = Err(Error {
    code: CloseCode::TOO_BIG,
    reason: "message is too big",
});

fn at_most(max_message: usize) -> Limits {
    Limits {
        max_message,
        ..lifted()
    }
}

#[test]
fn the_greatest_size_is_inclusive() {
    for size in [0, 1, 125, 126, 1000, 65535, 65536] {
        let frame = Frame::new(Opcode::Binary, vec![1; size]);
        let expected = (vec![Owned::Binary(frame.payload.clone())], Ok(()));
        assert_eq!(decode(&frame.bytes(), &at_most(size), false), expected);
        if let Some(less) = size.checked_sub(1) {
            assert_eq!(
                decode(&frame.bytes(), &at_most(less), false),
                (vec![], TOO_BIG)
            );
        }
    }
}

#[test]
fn the_size_is_that_of_the_message() {
    let frames = [
        Frame::new(Opcode::Binary, [1; 60]).unfinished(),
        Frame::new(Opcode::Continuation, [2; 40]),
    ];
    let (events, result) = decode(&stream(&frames), &at_most(100), false);
    assert_eq!((events.len(), result), (1, Ok(())));
    assert_eq!(
        decode(&stream(&frames), &at_most(99), false),
        (vec![], TOO_BIG)
    );
}

#[test]
fn a_header_alone_is_refused() {
    let header = [&[0x82, 0xFF][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(decode(&header, &Limits::default(), true), (vec![], TOO_BIG));
}

#[test]
fn an_announcement_is_not_believed() {
    // Were the announced length allocated, this would abort the process.
    let header = [
        &[0x82, 0xFF][..],
        &(1_u64 << 62).to_be_bytes(),
        &[0; 4],
        &[1; 10],
    ]
    .concat();
    assert_eq!(decode(&header, &lifted(), false), (vec![], Ok(())));
}

#[test]
fn fragments_are_counted() {
    let fragments = |count: usize| {
        let mut frames = vec![Frame::new(Opcode::Text, "").unfinished()];
        frames.resize(count - 1, Frame::new(Opcode::Continuation, "").unfinished());
        frames.push(Frame::new(Opcode::Continuation, ""));
        stream(&frames)
    };
    let limits = Limits {
        max_fragments: 5,
        ..lifted()
    };
    let expected = vec![Owned::Text(String::new())];
    assert_eq!(
        decode(&fragments(5), &limits, false),
        (expected.clone(), Ok(()))
    );
    let error = decode(&fragments(6), &limits, false)
        .1
        .expect_err("one too many");
    assert_eq!(
        (error.code, error.reason),
        (CloseCode::POLICY, "message has too many fragments")
    );
    assert_eq!(
        decode(&fragments(5000), &lifted(), false),
        (expected, Ok(()))
    );
}

#[test]
fn nothing_is_kept_between_messages() {
    let mut decoder = Decoder::new(Arc::default(), false);
    assert!(decoder.is_idle());
    for opcode in [Opcode::Text, Opcode::Binary, Opcode::Ping, Opcode::Pong] {
        let mut bytes = Frame::new(opcode, "hello").bytes();
        let last = bytes.len() - 1;
        for byte in &mut bytes[..last] {
            decoder
                .feed(std::slice::from_mut(byte), |event| panic!("{event:?}"))
                .expect("valid");
            assert!(!decoder.is_idle());
        }
        let mut count = 0;
        decoder
            .feed(&mut bytes[last..], |_| count += 1)
            .expect("valid");
        assert_eq!(count, 1);
        assert!(decoder.is_idle());
    }
    decoder
        .feed(&mut [], |event| panic!("{event:?}"))
        .expect("nothing");
    assert!(decoder.is_idle());
}
