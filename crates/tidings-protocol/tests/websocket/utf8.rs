//! Text fails at the first byte that cannot be UTF-8 any more, however it is cut.

use std::sync::Arc;

use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Decoder, Error, Limits, Opcode};

use crate::client::{Frame, Owned, decode, stream};

const NOT_UTF8: Error = Error {
    code: CloseCode::INVALID_PAYLOAD,
    reason: "text message is not UTF-8",
};

/// Feeds a text frame byte by byte and tells how many payload bytes went in before it failed.
fn fails_after(payload: &[u8]) -> usize {
    let bytes = Frame::new(Opcode::Text, payload).bytes();
    let header = bytes.len() - payload.len();
    let mut decoder = Decoder::new(Arc::default(), false);
    for (at, mut byte) in bytes.into_iter().enumerate() {
        match decoder.feed(std::slice::from_mut(&mut byte), |event| panic!("{event:?}")) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, NOT_UTF8);
                return at + 1 - header;
            }
        }
    }
    panic!("{payload:?} was accepted");
}

#[test]
fn one_frame_fails_at_the_first_wrong_byte() {
    let check = |payload: &[u8], expected| assert_eq!(fails_after(payload), expected);
    check(b"\xFFabc", 1);
    check(b"abc\x80abc", 4);
    check(b"\xC0\xAFabc", 1);
    check(b"\xC3\x28abc", 2);
    check(b"\xE0\x80\x80abc", 2);
    check(b"\xED\xA0\x80abc", 2);
    check(b"\xE2\x82\x28abc", 3);
    check(b"\xF0\x90\x8D\x28", 4);
    // Autobahn 6.4.1: beyond the last code point.
    check(
        b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80edited",
        13,
    );
    check(b"\xF5\x80\x80\x80", 1);
    // Cut at the end of the message.
    check(b"abc\xE2\x82", 5);
}

#[test]
fn fragments_fail_at_the_first_wrong_byte() {
    let frames = [
        Frame::new(Opcode::Text, b"a\xF4").unfinished(),
        Frame::new(Opcode::Continuation, b"").unfinished(),
        // This frame is not finished and need not be: its first byte is wrong.
        Frame::new(Opcode::Continuation, b"\x90\x80\x80"),
    ];
    let bytes = stream(&frames);
    let (events, result) = decode(&bytes[..bytes.len() - 2], &Limits::default(), false);
    assert_eq!((events, result), (vec![], Err(NOT_UTF8)));
}

#[test]
fn characters_may_be_cut_anywhere() {
    let text = "aé€𐍈\u{10FFFF}\u{0}ß";
    for cut in 0..=text.len() {
        let frames = [
            Frame::new(Opcode::Text, &text.as_bytes()[..cut]).unfinished(),
            Frame::new(Opcode::Continuation, &text.as_bytes()[cut..]),
        ];
        let expected = (vec![Owned::Text(text.to_owned())], Ok(()));
        assert_eq!(
            decode(&stream(&frames), &Limits::default(), false),
            expected
        );
    }
}

#[test]
fn a_cut_character_may_not_end_a_message() {
    for last in ["\u{0}", ""] {
        let frames = [
            Frame::new(Opcode::Text, b"a\xE2").unfinished(),
            Frame::new(Opcode::Continuation, b"\x82").unfinished(),
            Frame::new(Opcode::Continuation, last),
        ];
        assert_eq!(
            decode(&stream(&frames), &Limits::default(), false),
            (vec![], Err(NOT_UTF8))
        );
    }
}

#[test]
fn binary_may_be_anything() {
    let frame = Frame::new(Opcode::Binary, b"\xFF\xFE");
    let expected = (vec![Owned::Binary(b"\xFF\xFE".to_vec())], Ok(()));
    assert_eq!(decode(&frame.bytes(), &Limits::default(), false), expected);
}
