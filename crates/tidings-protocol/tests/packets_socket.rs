//! Socket.IO packets as the reference writes them, and what closes a connection.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::value::RawValue;
use tidings_protocol::args::Args;
use tidings_protocol::socket::{
    Decoder, Error, Limits, Packet, Parser, RESERVED, encode_ack, encode_connect,
    encode_connect_error, encode_disconnect, encode_event, msgpack,
};

/// A packet in one line: type, namespace, id, name and arguments.
fn show(packet: &Packet<'_>) -> String {
    let args = |args: &Args| {
        let (text, attachments) = args.to_json().unwrap();
        format!("({}) {text} +{}", args.len(), attachments.len())
    };
    let id = |id: &Option<u64>| id.map_or("-".to_owned(), |id| id.to_string());
    match packet {
        Packet::Connect { namespace, auth } => {
            format!(
                "connect {namespace} {}",
                auth.as_ref().map_or("-", |auth| auth.get())
            )
        }
        Packet::Disconnect { namespace } => format!("disconnect {namespace}"),
        Packet::Event {
            namespace,
            id: ack,
            name,
            args: list,
        } => {
            format!("event {namespace} {} {name} {}", id(ack), args(list))
        }
        Packet::Ack {
            namespace,
            id: ack,
            args: list,
        } => {
            format!("ack {namespace} {} {}", id(ack), args(list))
        }
        Packet::Nothing { namespace } => format!("nothing {namespace}"),
    }
}

fn text(message: &str) -> Result<String, Error> {
    let mut decoder = Decoder::new(Parser::Json);
    let limits = Limits::default();
    if let Some(packet) = decoder.text(message, &limits)? {
        return Ok(show(&packet));
    }
    for number in 0..=10u8 {
        assert!(decoder.is_waiting());
        if let Some(packet) = decoder.binary(&[number], &limits)? {
            assert!(!decoder.is_waiting());
            return Ok(show(&packet));
        }
    }
    panic!("more attachments than allowed");
}

#[test]
fn accepts_what_the_reference_accepts() {
    for (message, expected) in [
        ("0", "connect / -"),
        (
            r#"0/admin,{"token":"1"}"#,
            r#"connect /admin {"token":"1"}"#,
        ),
        (r#"0{"a":[1,{}]}"#, r#"connect / {"a":[1,{}]}"#),
        ("0/admin", "connect /admin -"),
        ("0/admin,", "connect /admin -"),
        ("0/unknown?a=b,", "connect /unknown?a=b -"),
        ("1", "disconnect /"),
        ("1/admin,", "disconnect /admin"),
        (r#"2["foo"]"#, "event / - foo (0)  +0"),
        (r#"2/admin,12["foo"]"#, "event /admin 12 foo (0)  +0"),
        (r#"20["foo",1]"#, "event / 0 foo (1) 1 +0"),
        (
            r#"2["foo", 1 ,{"a":[ ]} ]"#,
            r#"event / - foo (2) 1 ,{"a":[ ]} +0"#,
        ),
        (r#"2 [ "foo" , [1] ] "#, "event / - foo (1) [1] +0"),
        (r#"2["error"]"#, "event / - error (0)  +0"),
        (r#"2[""]"#, "event / -  (0)  +0"),
        (r#"2["a\u0062\ud800"]"#, "event / - ab\u{fffd} (0)  +0"),
        (
            r#"2["n",{"__proto__":1,"a":1,"a":2}]"#,
            r#"event / - n (1) {"__proto__":1,"a":1,"a":2} +0"#,
        ),
        (
            r#"2["n",1E400,9007199254740993]"#,
            "event / - n (2) 1E400,9007199254740993 +0",
        ),
        // A user object in a packet without attachments is left alone.
        (
            r#"2["n",{"_placeholder":true,"num":7}]"#,
            r#"event / - n (1) {"_placeholder":true,"num":7} +0"#,
        ),
        ("2", "nothing /"),
        ("2/admin,", "nothing /admin"),
        ("2[1,2]", "nothing /"),
        ("2[-1.5e3]", "nothing /"),
        (r#"299999999999999999999["n"]"#, "event / - n (0)  +0"),
        (
            r#"218446744073709551615["n"]"#,
            "event / 18446744073709551615 n (0)  +0",
        ),
        (r#"312["bar"]"#, r#"ack / 12 (1) "bar" +0"#),
        ("30[]", "ack / 0 (0)  +0"),
        ("3[]", "ack / - (0)  +0"),
        ("312", "ack / 12 (0)  +0"),
        ("3", "ack / - (0)  +0"),
        (
            r#"51-["b",{"_placeholder":true,"num":0}]"#,
            r#"event / - b (1) {"_placeholder":true,"num":0} +1"#,
        ),
        (
            r#"501-/a,3["b",{"num":0.0,"_placeholder":true}]"#,
            r#"event /a 3 b (1) {"num":0.0,"_placeholder":true} +1"#,
        ),
        (
            r#"51.0-["b",{"\u005fplaceholder":true,"num":0}]"#,
            r#"event / - b (1) {"\u005fplaceholder":true,"num":0} +1"#,
        ),
        (
            r#"51-["b",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]"#,
            r#"event / - b (1) [{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}] +1"#,
        ),
        // Only the last of equal keys counts, and only `true` itself.
        (
            r#"51-["b",{"_placeholder":true,"_placeholder":1,"num":9}]"#,
            r#"event / - b (1) {"_placeholder":true,"_placeholder":1,"num":9} +0"#,
        ),
        (r#"51-["b"]"#, "event / - b (0)  +0"),
        ("51-", "nothing /"),
        ("51-[1]", "nothing /"),
        (
            r#"62-1[{"_placeholder":true,"num":1}]"#,
            r#"ack / 1 (1) {"_placeholder":true,"num":1} +2"#,
        ),
        ("61-1", "ack / 1 (0)  +0"),
        (r#"510-["b"]"#, "event / - b (0)  +0"),
    ] {
        assert_eq!(text(message).as_deref(), Ok(expected), "{message}");
    }
}

#[test]
fn refuses_what_the_reference_refuses() {
    let reserved: Vec<_> = RESERVED
        .iter()
        .map(|name| format!(r#"2["{name}"]"#))
        .collect();
    for message in &reserved {
        assert_eq!(text(message), Err(Error::ReservedName), "{message}");
    }
    assert_eq!(text(r#"2["c\u006fnnect"]"#), Err(Error::ReservedName));
    for (error, messages) in [
        (
            Error::UnknownType,
            &[
                "",
                "7",
                "abc",
                "-1",
                "€",
                r#"4{"message":"x"}"#,
                r#"4"x""#,
                "999",
                " 2",
            ][..],
        ),
        (
            Error::InvalidPayload,
            &[
                "0[]",
                r#"0"x""#,
                "0null",
                "01{",
                "0{}x",
                "0{}{}",
                "1{}",
                "1[]",
                "1\"x\"",
                "2{}",
                "2\"x\"",
                "2null",
                "2[]",
                "2[{}]",
                "2[[]]",
                "2[null]",
                "2[true]",
                r#"2abc["x"]"#,
                r#"2-1["x"]"#,
                r#"21.5["x"]"#,
                r#"2["x"]y"#,
                r#"2["x"]["x"]"#,
                r#"2["x""#,
                r#"2["x",]"#,
                r#"2["x",,1]"#,
                r#"2["x" 1]"#,
                "2[\"x\n\"]",
                r#"2["x\q"]"#,
                r#"2["x\u12g4"]"#,
                r#"2["x",01]"#,
                r#"2["x",1.]"#,
                r#"2["x",+1]"#,
                r#"2["x",.5]"#,
                r#"2["x",1e]"#,
                r#"2["x",tru]"#,
                r#"2["x",NaN]"#,
                r#"2["x",{a:1}]"#,
                r#"2["x",{"a"}]"#,
                r#"2["x",{"a":1,}]"#,
                r#"2["x",'y']"#,
                r#"2["x",[1}]"#,
                r#"2["x",{"a":1]]"#,
                "2[\u{a0}\"x\"]",
                "2]",
                "2[",
                "3{}",
                "31null",
                r#"31["x"]x"#,
                r#"61-["x"x]"#,
            ],
        ),
        (
            Error::IllegalAttachments,
            &[
                "5",
                "5-",
                r#"50-["x"]"#,
                "60-[]",
                r#"5["x"]"#,
                r#"5a-["x"]"#,
                r#"51.5-["x"]"#,
                r#"5 1-["x"]"#,
                r#"5-1-["x"]"#,
                "51",
                r#"500-["x"]"#,
            ],
        ),
        (
            Error::TooManyAttachments,
            &[
                r#"511-["x"]"#,
                r#"599999999999999999999999-["x"]"#,
                "61000000-[]",
            ],
        ),
        (
            Error::BadPlaceholder,
            &[
                r#"51-["x",{"_placeholder":true,"num":1}]"#,
                r#"51-["x",{"_placeholder":true,"num":-1}]"#,
                r#"51-["x",{"_placeholder":true,"num":0.5}]"#,
                r#"51-["x",{"_placeholder":true,"num":"0"}]"#,
                r#"51-["x",{"_placeholder":true,"num":"splice"}]"#,
                r#"51-["x",{"_placeholder":true,"num":null}]"#,
                r#"51-["x",{"_placeholder":true,"num":[0]}]"#,
                r#"51-["x",{"_placeholder":true,"num":1e999}]"#,
                r#"51-["x",{"_placeholder":true}]"#,
                r#"51-["x",{"a":[{"num":0,"num":2,"_placeholder":true}]}]"#,
                r#"61-1[{"_placeholder":true,"num":1}]"#,
            ],
        ),
    ] {
        for message in messages {
            assert_eq!(text(message), Err(error), "{message}");
        }
    }
}

#[test]
fn parts_must_follow_each_other() {
    let limits = Limits {
        max_attachment_bytes: 4,
        ..Limits::default()
    };
    let header = r#"52-["b",{"_placeholder":true,"num":1}]"#;
    let mut decoder = Decoder::new(Parser::Json);
    assert_eq!(
        decoder.binary(b"x", &limits).unwrap_err(),
        Error::UnexpectedBinary
    );

    assert!(decoder.text(header, &limits).unwrap().is_none());
    assert_eq!(
        decoder.text(r#"2["x"]"#, &limits).unwrap_err(),
        Error::UnexpectedText
    );
    assert!(!decoder.is_waiting());

    assert!(decoder.text(header, &limits).unwrap().is_none());
    assert!(decoder.binary(b"123", &limits).unwrap().is_none());
    assert_eq!(
        decoder.binary(b"45", &limits).unwrap_err(),
        Error::AttachmentsTooLarge
    );
    assert!(!decoder.is_waiting());

    assert!(decoder.text(header, &limits).unwrap().is_none());
    assert!(decoder.binary(b"12", &limits).unwrap().is_none());
    match decoder.binary(b"34", &limits).unwrap() {
        Some(Packet::Event { args, .. }) => {
            assert_eq!(args.get::<serde_bytes::ByteBuf>(0).unwrap(), b"34");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let limits = Limits {
        max_depth: 4,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(Parser::Json);
    assert!(decoder.text(r#"2["x",[[[]]]]"#, &limits).is_ok());
    assert_eq!(
        decoder.text(r#"2["x",[[[[]]]]]"#, &limits).unwrap_err(),
        Error::TooDeep
    );
    assert_eq!(
        decoder.text(r#"0{"a":[{"a":[{}]}]}"#, &limits).unwrap_err(),
        Error::TooDeep
    );
    let boundless = Limits {
        max_depth: usize::MAX,
        ..Limits::default()
    };
    let bomb = format!(r#"2["x",{}"#, "[".repeat(500_000));
    assert_eq!(decoder.text(&bomb, &boundless).unwrap_err(), Error::TooDeep);
    let bomb = format!(r#"51-["x",{}"#, r#"{"a":"#.repeat(500_000));
    assert_eq!(decoder.text(&bomb, &boundless).unwrap_err(), Error::TooDeep);
    // As deep as is ever allowed, arguments can be read and converted.
    let deep = format!(r#"2["x",{}{}]"#, "[".repeat(127), "]".repeat(127));
    match decoder.text(&deep, &boundless).unwrap() {
        Some(Packet::Event { args, .. }) => {
            assert!(args.get::<serde_json::Value>(0).is_ok());
            assert!(!args.to_msgpack().unwrap().is_empty());
        }
        other => panic!("{other:?}"),
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn writes_what_the_reference_writes() {
    let data = RawValue::from_string(r#"{"retry":1}"#.to_owned()).unwrap();
    for (bytes, expected) in [
        (
            written(|out| encode_event(out, "/", None, "foo", "", 0)),
            r#"2["foo"]"#,
        ),
        (
            written(|out| encode_event(out, "/admin", Some(12), "a\"\u{1e}", "1,[]", 0)),
            r#"2/admin,12["a\"\u001e",1,[]]"#,
        ),
        (
            written(|out| {
                encode_event(out, "/", None, "b", r#"{"_placeholder":true,"num":0}"#, 1);
            }),
            r#"51-["b",{"_placeholder":true,"num":0}]"#,
        ),
        (
            written(|out| encode_ack(out, "/", 12, r#""bar""#, 0)),
            r#"312["bar"]"#,
        ),
        (written(|out| encode_ack(out, "/a", 0, "", 0)), "3/a,0[]"),
        (written(|out| encode_ack(out, "/", 1, "x", 2)), "62-1[x]"),
        (
            written(|out| encode_connect(out, "/", "s", None)),
            r#"0{"sid":"s"}"#,
        ),
        (
            written(|out| encode_connect(out, "/a", "s", Some("p"))),
            r#"0/a,{"sid":"s","pid":"p"}"#,
        ),
        (written(|out| encode_disconnect(out, "/")), "1"),
        (written(|out| encode_disconnect(out, "/admin")), "1/admin,"),
        (
            written(|out| encode_connect_error(out, "/admin", "Invalid namespace", None)),
            r#"4/admin,{"message":"Invalid namespace"}"#,
        ),
        (
            written(|out| encode_connect_error(out, "/", "no", Some(&data))),
            r#"4{"message":"no","data":{"retry":1}}"#,
        ),
    ] {
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}

fn packed(message: &[u8]) -> Result<String, Error> {
    Decoder::new(Parser::MessagePack)
        .binary(message, &Limits::default())
        .map(|packet| show(&packet.expect("a MessagePack packet is always whole")))
}

/// A map of raw entries.
fn map(entries: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0x80 | u8::try_from(entries.len()).unwrap()];
    entries
        .iter()
        .for_each(|entry| out.extend_from_slice(entry));
    out
}

const NSP: &[u8] = b"\xa3nsp\xa1/";

#[test]
fn accepts_messagepack_of_notepack() {
    for (entries, expected) in [
        // {type: 0, data: undefined, nsp: "/"}, as the JavaScript client connects
        (
            &[&b"\xa4type\0"[..], b"\xa4data\xd4\0\0", NSP][..],
            "connect / -",
        ),
        (&[b"\xa4type\0", NSP], "connect / -"),
        (
            &[b"\xa4type\0", b"\xa4data\x81\xa1t\xa11", NSP],
            r#"connect / {"t":"1"}"#,
        ),
        (
            &[
                b"\xa4type\x02",
                b"\xa4data\x92\xa1e\x01",
                b"\xa7options\x81\xa8compress\xc3",
                NSP,
            ],
            "event / - e (1) 1 +0",
        ),
        // Ids may be floats, and zero is one.
        (
            &[
                b"\xa2id\xcb\0\0\0\0\0\0\0\0",
                b"\xa4type\x02",
                NSP,
                b"\xa4data\x91\xa1e",
            ],
            "event / 0 e (0)  +0",
        ),
        (
            &[b"\xa2id\xff", b"\xa4type\x03", NSP, b"\xa4data\x90"],
            "ack / - (0)  +0",
        ),
        (
            &[
                b"\xa2id\xcc\xff",
                b"\xa4type\x03",
                NSP,
                b"\xa4data\x91\xc4\x01x",
            ],
            r#"ack / 255 (1) {"_placeholder":true,"num":0} +1"#,
        ),
        (
            &[b"\xa2id\xd4\0\0", b"\xa4type\x03", NSP, b"\xa4data\x90"],
            "ack / - (0)  +0",
        ),
        (
            &[b"\xa4type\x02", b"\xa4data\x92\x07\x01", NSP],
            "nothing /",
        ),
        (&[b"\xa4type\x01", b"\xa3nsp\xa2/a"], "disconnect /a"),
        (
            &[b"\xa4type\x01", b"\xa3nsp\xa2/a", b"\x01\x90", b"\x90\x80"],
            "disconnect /a",
        ),
    ] {
        let message = map(entries);
        assert_eq!(packed(&message).as_deref(), Ok(expected), "{message:x?}");
    }
}

#[test]
fn refuses_messagepack_that_the_reference_refuses() {
    let data: &[u8] = b"\xa4data\x91\xa1e";
    for entries in [
        &[NSP, data][..],
        &[b"\xa4type\x02", data],
        &[b"\xa4type\x02", NSP],
        &[b"\xa4type\x05", NSP, data],
        &[b"\xa4type\x04", NSP, b"\xa4data\xa1x"],
        &[b"\xa4type\xff", NSP, data],
        &[b"\xa4type\xa12", NSP, data],
        &[b"\xa4type\x02", b"\xa3nsp\x01", data],
        &[b"\xa4type\x02", NSP, data, b"\xa2id\xa11"],
        &[b"\xa4type\x02", NSP, data, b"\xa2id\xc0"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x80"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x90"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x91\xc0"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x91\xa7connect"],
        &[b"\xa4type\x00", NSP, b"\xa4data\xc0"],
        &[b"\xa4type\x00", NSP, b"\xa4data\x90"],
        &[b"\xa4type\x01", NSP, b"\xa4data\xc0"],
        &[b"\xa4type\x03", NSP, b"\xa4data\xc0"],
        // Lengths that are not there
        &[b"\xa4type\x02", NSP, b"\xa4data\xdd\xff\xff\xff\xff"],
        &[b"\xa4type\x02", NSP, b"\xa4data\xdf\xff\xff\xff\xff"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x91\xdb\xff\xff\xff\xff"],
        &[b"\xa4type\x02", NSP, b"\xa4data\x91\xc1"],
    ] {
        let message = map(entries);
        assert!(packed(&message).is_err(), "{message:x?}");
    }
    let mut trailing = map(&[b"\xa4type\x02", NSP, data]);
    trailing.push(0);
    assert_eq!(packed(&trailing), Err(Error::InvalidPayload));
    assert!(packed(&[]).is_err());
    assert!(packed(&[0x90]).is_err());
    let mut bomb = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data".to_vec();
    bomb.resize(bomb.len() + 500_000, 0x91);
    assert_eq!(packed(&bomb), Err(Error::TooDeep));
    let mut decoder = Decoder::new(Parser::MessagePack);
    assert_eq!(
        decoder.text("2", &Limits::default()).unwrap_err(),
        Error::UnexpectedText
    );
}

#[test]
fn writes_messagepack_in_the_order_of_the_reference() {
    for (bytes, expected) in [
        (
            written(|out| msgpack::encode_event(out, "/", None, "e", b"\x01", 1)),
            &b"\x83\xa4type\x02\xa4data\x92\xa1e\x01\xa3nsp\xa1/"[..],
        ),
        (
            written(|out| msgpack::encode_ack(out, "/", 7, b"\x01", 1)),
            b"\x84\xa2id\x07\xa4type\x03\xa4data\x91\x01\xa3nsp\xa1/",
        ),
        (
            written(|out| msgpack::encode_connect(out, "/", "s", None)),
            b"\x83\xa4type\0\xa4data\x81\xa3sid\xa1s\xa3nsp\xa1/",
        ),
        (
            written(|out| msgpack::encode_disconnect(out, "/")),
            b"\x82\xa4type\x01\xa3nsp\xa1/",
        ),
        (
            written(|out| msgpack::encode_connect_error(out, "/", "no", None)),
            b"\x83\xa4type\x04\xa4data\x81\xa7message\xa2no\xa3nsp\xa1/",
        ),
    ] {
        assert_eq!(bytes, expected);
    }
}

fn name() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("reserved", |name| !RESERVED.contains(&name.as_str()))
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        namespace in "/[a-z?=]{0,5}",
        id in any::<Option<u64>>(),
        name in name(),
        texts in prop::collection::vec(any::<String>(), 0..3),
        binary in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..3),
    ) {
        let mut args = Args::new();
        texts.iter().for_each(|text| args.push(text).unwrap());
        binary.iter().for_each(|bytes| args.push(&Bytes::copy_from_slice(bytes)).unwrap_or_default());
        let limits = Limits::default();
        let expected = args.to_values().unwrap();

        let (text, attachments) = args.to_json().unwrap();
        let mut out = Vec::new();
        encode_event(&mut out, &namespace, id, &name, &text, attachments.len());
        let message = String::from_utf8(out).unwrap();
        let mut decoder = Decoder::new(Parser::Json);
        let mut packet = decoder.text(&message, &limits).unwrap();
        for attachment in attachments.iter() {
            prop_assert!(packet.is_none());
            packet = decoder.binary(attachment, &limits).unwrap();
        }

        let mut message = Vec::new();
        let items = args.to_msgpack().unwrap();
        msgpack::encode_event(&mut message, &namespace, id, &name, &items, args.len());
        let packed = Decoder::new(Parser::MessagePack).binary(&message, &limits).unwrap();

        for packet in [packet, packed] {
            match packet {
                Some(Packet::Event { namespace: n, id: i, name: e, args }) => {
                    prop_assert_eq!((&*n, i, &*e), (&*namespace, id, &*name));
                    prop_assert_eq!(&args.to_values().unwrap(), &expected);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_text_is_too_strange(message in r#"[0-6][0-9.\-]{0,3}(/[a-z]{0,2},)?[0-9]{0,2}[\[\]{}",:0-9a-z\\_ ]{0,40}"#) {
        let _ = text(&message);
    }

    #[test]
    fn no_bytes_are_too_strange(message in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = packed(&message);
    }

    /// The walker accepts what serde_json accepts, except that it never judges meaning.
    #[test]
    fn agrees_with_serde_json(value in r#"[\[\]{}",:0-9eE.\-a-b\\u ]{0,12}"#) {
        let ours = text(&format!("3[{value}]")).is_ok();
        let theirs = serde_json::from_str::<Vec<&RawValue>>(&format!("[{value}]")).is_ok();
        prop_assert_eq!(ours, theirs);
    }
}
