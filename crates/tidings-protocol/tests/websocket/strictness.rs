//! Each rule of RFC 6455 that a client can break, and what it costs.

use tidings_protocol::close::CloseCode;
use tidings_protocol::websocket::{Limits, Opcode};

use crate::client::{Frame, Owned, decode, stream};

/// Asserts that `bytes` bring nothing but an error, with compression agreed on or not.
#[track_caller]
fn refuse(bytes: &[u8], code: CloseCode, reason: &str) {
    for deflate in [false, true] {
        let (events, result) = decode(bytes, &Limits::default(), deflate);
        let error = result.expect_err("must be refused");
        assert_eq!((error.code, error.reason), (code, reason));
        assert_eq!(events, []);
    }
}

#[track_caller]
fn breach(bytes: &[u8], reason: &str) {
    refuse(bytes, CloseCode::PROTOCOL_ERROR, reason);
}

const KEY: [u8; 4] = [0; 4];

fn with_key(head: &[u8]) -> Vec<u8> {
    [head, &KEY].concat()
}

#[test]
fn reserved_bits() {
    for bits in [0x20, 0x10, 0x30, 0x70] {
        breach(&[0x82 | bits], "frame has a reserved bit set");
        breach(&[0x89 | bits], "frame has a reserved bit set");
    }
}

#[test]
fn compression_bit() {
    let (events, result) = decode(&[0xC1], &Limits::default(), false);
    assert_eq!(events, []);
    assert_eq!(
        result.expect_err("not agreed on").reason,
        "frame has a reserved bit set"
    );

    let reason = "only the first frame of a message may be compressed";
    for first in [0xC0, 0xC8, 0xC9, 0xCA] {
        let (_, result) = decode(&[first], &Limits::default(), true);
        let error = result.expect_err("compression is for the first frame of a message");
        assert_eq!(
            (error.code, error.reason),
            (CloseCode::PROTOCOL_ERROR, reason)
        );
    }
}

#[test]
fn reserved_opcodes() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        breach(&[0x80 | opcode], "frame has a reserved opcode");
    }
}

#[test]
fn missing_mask() {
    breach(&[0x81, 0x00], "frame of a client is not masked");
    breach(&[0x89, 0x7E], "frame of a client is not masked");
}

#[test]
fn lengths_longer_than_need_be() {
    let reason = "frame length is not in its shortest form";
    breach(&[0x82, 0xFE, 0, 0], reason);
    breach(&[0x82, 0xFE, 0, 125], reason);
    breach(&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1], reason);
    breach(&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], reason);
}

#[test]
fn lengths_with_the_highest_bit() {
    let reason = "frame length has its highest bit set";
    breach(&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], reason);
    breach(
        &[0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        reason,
    );
}

#[test]
fn control_frames_in_fragments() {
    for opcode in [0x8, 0x9, 0xA] {
        breach(&[opcode], "control frame is fragmented");
    }
}

#[test]
fn long_control_frames() {
    for first in [0x88, 0x89, 0x8A] {
        for second in [0xFE, 0xFF] {
            breach(&[first, second], "control frame is longer than 125 bytes");
        }
    }
    let ping = Frame::new(Opcode::Ping, [7; 125]);
    let (events, result) = decode(&ping.bytes(), &Limits::default(), false);
    assert_eq!((events, result), (vec![Owned::Ping(vec![7; 125])], Ok(())));
}

#[test]
fn close_payloads() {
    let close = |payload: &[u8]| Frame::new(Opcode::Close, payload).bytes();
    breach(&close(&[0x03]), "close frame has half a code");
    for code in [
        0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let reason = "close frame has a code that must not be sent";
        breach(&close(&code.to_be_bytes()), reason);
    }
    let reason = "reason of close frame is not UTF-8";
    refuse(&close(b"\x03\xE8\xFF"), CloseCode::INVALID_PAYLOAD, reason);
    refuse(
        &close(b"\x03\xE8\xE2\x82"),
        CloseCode::INVALID_PAYLOAD,
        reason,
    );
}

#[test]
fn nothing_after_a_close() {
    let check = |payload: &[u8], expected| {
        let frames = [
            Frame::new(Opcode::Close, payload),
            Frame::new(Opcode::Text, "late"),
        ];
        let bytes = [stream(&frames), vec![0xFF; 20]].concat();
        assert_eq!(
            decode(&bytes, &Limits::default(), false),
            (vec![expected], Ok(()))
        );
    };
    check(b"", Owned::Close(None, String::new()));
    check(
        b"\x03\xE8",
        Owned::Close(Some(CloseCode::NORMAL), String::new()),
    );
    let reason = "é".repeat(61);
    let payload = [b"\x0F\xA0", reason.as_bytes()].concat();
    check(&payload, Owned::Close(Some(CloseCode(4000)), reason));
}

#[test]
fn continuation_of_nothing() {
    let reason = "continuation frame without a message to continue";
    breach(&with_key(&[0x80, 0x80]), reason);
    breach(&with_key(&[0x00, 0x81]), reason);

    let frames = [
        Frame::new(Opcode::Text, "a").unfinished(),
        Frame::new(Opcode::Continuation, "b"),
        Frame::new(Opcode::Continuation, "c"),
    ];
    let (events, result) = decode(&stream(&frames), &Limits::default(), false);
    assert_eq!(events, [Owned::Text("ab".to_owned())]);
    assert_eq!(result.expect_err("the message had ended").reason, reason);
}

#[test]
fn new_message_within_a_message() {
    for opcode in [Opcode::Text, Opcode::Binary] {
        let frames = [
            Frame::new(Opcode::Text, "a").unfinished(),
            Frame::new(opcode, "b"),
        ];
        breach(
            &stream(&frames),
            "new message before the end of a fragmented one",
        );
    }
}

#[test]
fn control_frames_within_a_message() {
    let frames = [
        Frame::new(Opcode::Binary, "a").unfinished(),
        Frame::new(Opcode::Ping, "1"),
        Frame::new(Opcode::Continuation, "").unfinished(),
        Frame::new(Opcode::Pong, ""),
        Frame::new(Opcode::Continuation, "b"),
    ];
    let expected = vec![
        Owned::Ping(b"1".to_vec()),
        Owned::Pong(Vec::new()),
        Owned::Binary(b"ab".to_vec()),
    ];
    assert_eq!(
        decode(&stream(&frames), &Limits::default(), false),
        (expected, Ok(()))
    );
}
