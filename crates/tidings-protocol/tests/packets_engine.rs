//! Engine.IO packets as the reference writes them, and what must not be accepted.
use proptest::prelude::*;
use std::borrow::Cow;
use std::time::Duration;
use tidings_protocol::engine::{
    Error, ErrorCode, Open, Packet, decode_payload, decode_text, push_binary, push_message,
};

fn binary(bytes: &[u8]) -> Packet<'_> {
    Packet::Binary(Cow::Borrowed(bytes))
}

#[test]
fn decodes_each_type() {
    for (text, expected) in [
        ("0{}", Ok(Packet::Open("{}"))),
        ("1", Ok(Packet::Close)),
        ("2", Ok(Packet::Ping(""))),
        ("2probe", Ok(Packet::Ping("probe"))),
        ("3probe", Ok(Packet::Pong("probe"))),
        ("4", Ok(Packet::Message(""))),
        ("4hello €", Ok(Packet::Message("hello €"))),
        ("5", Ok(Packet::Upgrade)),
        ("6", Ok(Packet::Noop)),
        ("bAQIDBA==", Ok(binary(&[1, 2, 3, 4]))),
        ("bAQIDBA", Ok(binary(&[1, 2, 3, 4]))),
        ("b", Ok(binary(&[]))),
        ("b\u{e9}", Err(Error::Base64)),
        ("bA", Err(Error::Base64)),
        ("", Err(Error::Empty)),
        ("7", Err(Error::UnknownType)),
        ("€", Err(Error::UnknownType)),
        ("abc", Err(Error::UnknownType)),
    ] {
        assert_eq!(decode_text(text), expected, "{text:?}");
    }
}

#[test]
fn splits_payloads() {
    let check = |body, max, expected: &[Result<Packet<'_>, Error>]| {
        assert_eq!(
            decode_payload(body, max).collect::<Vec<_>>(),
            expected,
            "{body:?}"
        );
    };
    check(
        "4a\u{1e}2\u{1e}bAQID",
        3,
        &[
            Ok(Packet::Message("a")),
            Ok(Packet::Ping("")),
            Ok(binary(&[1, 2, 3])),
        ],
    );
    check(
        "4a\u{1e}4b",
        1,
        &[Ok(Packet::Message("a")), Err(Error::TooManyPackets)],
    );
    check(
        "4a\u{1e}\u{1e}4b",
        9,
        &[Ok(Packet::Message("a")), Err(Error::Empty)],
    );
    check(
        "4a\u{1e}",
        9,
        &[Ok(Packet::Message("a")), Err(Error::Empty)],
    );
    check("", 9, &[Err(Error::Empty)]);
    check("4a", 0, &[Err(Error::TooManyPackets)]);
}

#[test]
fn writes_the_handshake_in_the_order_of_the_reference() {
    let open = Open {
        sid: "bAUOGNdIwrJ3My0OAAAA",
        upgrades: &["websocket"],
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        max_payload: 1_000_000,
    };
    assert_eq!(
        open.encode(),
        r#"0{"sid":"bAUOGNdIwrJ3My0OAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
    let open = Open {
        upgrades: &[],
        ..open
    };
    assert!(open.encode().contains(r#""upgrades":[],"#));
}

#[test]
fn writes_error_bodies() {
    assert_eq!(
        ErrorCode::TransportUnknown.body(),
        r#"{"code":0,"message":"Transport unknown"}"#
    );
    assert_eq!(
        ErrorCode::UnsupportedProtocolVersion.body(),
        r#"{"code":5,"message":"Unsupported protocol version"}"#
    );
}

proptest! {
    #[test]
    fn what_is_pushed_is_decoded(parts in prop::collection::vec(
        prop_oneof![
            "[^\u{1e}]{0,20}".prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Err),
        ],
        1..8,
    )) {
        let mut out = Vec::new();
        for part in &parts {
            match part {
                Ok(text) => push_message(&mut out, text.as_bytes()),
                Err(bytes) => push_binary(&mut out, bytes),
            }
        }
        let body = String::from_utf8(out).unwrap();
        let packets: Vec<_> = decode_payload(&body, 100).map(Result::unwrap).collect();
        let expected: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Ok(text) => Packet::Message(text),
                Err(bytes) => binary(bytes),
            })
            .collect();
        prop_assert_eq!(packets, expected);
    }

    #[test]
    fn no_text_is_too_strange(body in any::<String>()) {
        let _ = decode_payload(&body, 16).count();
    }
}
