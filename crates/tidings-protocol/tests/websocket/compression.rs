//! permessage-deflate: what is deflated inflates, and what inflates too much does not.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Error, Limits, Opcode, deflate};

use crate::client::{Frame, Outcome, Owned, decode, lifted, stream};

const TOO_BIG: Result<(), Error> = Err(Error {
    code: CloseCode::TOO_BIG,
    reason: "message is too big when inflated",
});

/// Compresses whatever the size of the result, as clients do.
fn compress(payload: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(payload).expect("a Vec takes everything");
    encoder.flush().expect("a Vec takes everything");
    let flushed = encoder.get_ref();
    flushed
        .strip_suffix(&[0, 0, 0xFF, 0xFF])
        .expect("a flush ends so")
        .to_vec()
}

fn inflate(payload: &[u8], limits: &Limits) -> Outcome {
    decode(
        &Frame::new(Opcode::Binary, payload).compressed().bytes(),
        limits,
        true,
    )
}

fn inflates_to(payload: &[u8], limits: &Limits, expected: &[u8]) {
    assert_eq!(
        inflate(payload, limits),
        (vec![Owned::Binary(expected.to_vec())], Ok(()))
    );
}

#[test]
fn examples_of_the_rfc() {
    // RFC 7692 section 7.2.3: one block, no compression, a final block, two blocks.
    for hex in [
        "f248cdc9c90700",
        "000500faff48656c6c6f00",
        "f348cdc9c9070000",
        "f248050000 00ffffcac9c90700",
    ] {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        inflates_to(&bytes, &Limits::default(), b"Hello");
    }
    inflates_to(&[0], &Limits::default(), b"");
}

#[test]
fn a_compressed_message_may_be_fragmented() {
    let payload = compress(b"{\"type\":\"message\"}", 6);
    for cut in 0..=payload.len() {
        let frames = [
            Frame::new(Opcode::Text, &payload[..cut])
                .compressed()
                .unfinished(),
            Frame::new(Opcode::Ping, "now"),
            Frame::new(Opcode::Continuation, &payload[cut..]),
        ];
        let expected = vec![
            Owned::Ping(b"now".to_vec()),
            Owned::Text("{\"type\":\"message\"}".to_owned()),
        ];
        assert_eq!(
            decode(&stream(&frames), &Limits::default(), true),
            (expected, Ok(()))
        );
    }
}

#[test]
fn a_message_need_not_be_compressed() {
    let frame = Frame::new(Opcode::Text, "plain");
    let expected = (vec![Owned::Text("plain".to_owned())], Ok(()));
    assert_eq!(decode(&frame.bytes(), &Limits::default(), true), expected);
}

#[test]
fn no_context_is_taken_over() {
    let payload = b"the same words, the same words".repeat(3);
    let small = deflate(&payload).expect("it repeats itself");
    assert_eq!(deflate(&payload).as_ref(), Some(&small));
    inflates_to(&small, &Limits::default(), &payload);
    inflates_to(&small, &Limits::default(), &payload);
}

#[test]
fn what_would_grow_is_left_alone() {
    assert_eq!(deflate(b""), None);
    assert_eq!(deflate(b"hi"), None);
    let noise: Vec<u8> = (0..5000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    if let Some(small) = deflate(&noise) {
        assert!(small.len() < noise.len());
    }
    let text = b"{\"a\":1}".repeat(1000);
    assert!(deflate(&text).expect("it repeats itself").len() < text.len() / 10);
}

#[test]
fn the_inflated_size_is_limited_inclusively() {
    let payload = compress(&[7; 5000], 6);
    inflates_to(
        &payload,
        &Limits {
            max_message: 5000,
            ..lifted()
        },
        &[7; 5000],
    );
    let less = Limits {
        max_message: 4999,
        ..lifted()
    };
    assert_eq!(inflate(&payload, &less), (vec![], TOO_BIG));
}

#[test]
fn what_does_not_compress_has_room_to_grow() {
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let stored = compress(&noise, 0);
    assert!(stored.len() > noise.len());
    inflates_to(
        &stored,
        &Limits {
            max_message: noise.len(),
            ..lifted()
        },
        &noise,
    );
}

#[test]
fn a_bomb_is_refused() {
    let bomb = compress(&vec![0; 10_000_000], 9);
    assert!(bomb.len() < 20_000);
    assert_eq!(inflate(&bomb, &Limits::default()), (vec![], TOO_BIG));
    // A third of a megabyte is within the size, but not within the ratio.
    let smaller = compress(&vec![0; 300_000], 9);
    assert_eq!(inflate(&smaller, &Limits::default()), (vec![], TOO_BIG));
    inflates_to(&smaller, &lifted(), &vec![0; 300_000]);
    // Short messages may repeat themselves as much as they like.
    inflates_to(
        &compress(&[0; 16 * 1024], 9),
        &Limits::default(),
        &[0; 16 * 1024],
    );
}

#[test]
fn what_is_not_deflate_is_refused() {
    let malformed: Result<(), Error> = Err(Error {
        code: CloseCode::INVALID_PAYLOAD,
        reason: "compressed message is not valid deflate",
    });
    for payload in [
        &[0xFF, 0xFF, 0xFF][..],
        &[0x06, 1, 2, 3],
        &[0x03, 0x00].repeat(100),
    ] {
        assert_eq!(inflate(payload, &Limits::default()), (vec![], malformed));
    }
}

#[test]
fn inflated_text_is_checked() {
    let frame = Frame::new(Opcode::Text, compress(b"abc\xFFabc", 6)).compressed();
    let error = decode(&frame.bytes(), &Limits::default(), true)
        .1
        .expect_err("not UTF-8");
    let reason = "text message is not UTF-8";
    assert_eq!(
        (error.code, error.reason),
        (CloseCode::INVALID_PAYLOAD, reason)
    );
}
