//! The plain envelope in both formats.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::value::RawValue;
use tidings_protocol::args;
use tidings_protocol::args::Args;
use tidings_protocol::envelope::{
    Command, Error, Format, decode_json, decode_msgpack, encode_ack, encode_event, encode_events,
};

fn show(command: Command<'_>) -> String {
    let id = command.id.as_ref().map_or("-", |id| id.get());
    let data = command.args.to_json_base64().unwrap();
    format!("{} {id} ({}) {data}", command.name, command.args.len())
}

#[test]
fn reads_json() {
    for (text, expected) in [
        (
            r#"{"type":"chat","data":{"a":1},"id":7}"#,
            Ok(r#"chat 7 (1) {"a":1}"#),
        ),
        (
            r#" { "id" : "x\u0041" , "type" : "c" } "#,
            Ok(r#"c "x\u0041" (0) "#),
        ),
        (r#"{"type":"c","data":null}"#, Ok("c - (1) null")),
        (r#"{"type":"c","id":null,"more":[{}]}"#, Ok("c - (0) ")),
        (r#"{"type":"c","id":0}"#, Ok("c 0 (0) ")),
        (r#"{"type":"c","id":1E400}"#, Err(Error::BadId)),
        (r#"{"type":"c","type":"d","t\u0079pe":"e"}"#, Ok("e - (0) ")),
        (r#"{"type":"\ud800"}"#, Ok("\u{fffd} - (0) ")),
        (r#"{"type":"c","data":"\ud800"}"#, Ok(r#"c - (1) "\ud800""#)),
        (r#"{"type":1}"#, Err(Error::BadType)),
        ("{}", Err(Error::BadType)),
        (r#"{"data":1}"#, Err(Error::BadType)),
        (r#"{"type":"c","id":true}"#, Err(Error::BadId)),
        (r#"{"type":"c","id":[1]}"#, Err(Error::BadId)),
        (r#"{"type":"c","id":{}}"#, Err(Error::BadId)),
        ("[]", Err(Error::NotAnObject)),
        ("null", Err(Error::NotAnObject)),
        ("", Err(Error::Malformed)),
        ("{", Err(Error::Malformed)),
        (r#"{"type":"c"}x"#, Err(Error::Malformed)),
        (r#"{"type":"c",}"#, Err(Error::Malformed)),
        (r#"{"type":"c","data":}"#, Err(Error::Malformed)),
        (r#"{"type":"c","data":[[[[]]]]}"#, Err(Error::TooDeep)),
    ] {
        let result = decode_json(text, 4).map(show);
        assert_eq!(result.as_deref(), expected.as_deref(), "{text}");
    }
}

#[test]
fn reads_messagepack() {
    for (bytes, expected) in [
        (
            &b"\x83\xa4type\xa4chat\xa4data\x81\xa1a\x01\xa2id\x07"[..],
            Ok(r#"chat 7 (1) {"a":1}"#),
        ),
        (b"\x82\xa4type\xa1c\xa2id\xa1x", Ok(r#"c "x" (0) "#)),
        (b"\x82\xa4type\xa1c\xa4data\xc0", Ok("c - (1) null")),
        (
            b"\x83\xa4type\xa1c\xa4data\xd4\0\0\xa2id\xc0",
            Ok("c - (0) "),
        ),
        (
            b"\x83\xa4type\xa1c\xa4data\xc4\x02hi\x90\x01",
            Ok(r#"c - (1) "aGk=""#),
        ),
        (b"\x80", Err(Error::BadType)),
        (b"\x81\xa4type\x01", Err(Error::BadType)),
        (b"\x82\xa4type\xa1c\xa2id\xc3", Err(Error::BadId)),
        (
            b"\x82\xa4type\xa1c\xa2id\xcb\x7f\xf8\0\0\0\0\0\0",
            Err(Error::BadId),
        ),
        (b"\x90", Err(Error::NotAnObject)),
        (b"", Err(Error::Malformed)),
        (b"\x81\xa4type\xa1c\0", Err(Error::Malformed)),
        (b"\x82\xa4type\xa1c", Err(Error::Malformed)),
        (
            b"\x82\xa4type\xa1c\xa4data\x91\x91\x91\x90",
            Err(Error::TooDeep),
        ),
        (b"\xdf\xff\xff\xff\xff", Err(Error::Malformed)),
    ] {
        let result = decode_msgpack(bytes, 4).map(show);
        assert_eq!(result.as_deref(), expected.as_deref(), "{bytes:x?}");
    }
}

#[test]
fn writes_both_formats() {
    let id = RawValue::from_string("7".to_owned()).unwrap();
    let hi = Bytes::from_static(b"hi");
    let check = |args: Args, json: &str, packed: &[u8]| {
        let mut out = Vec::new();
        encode_event(Format::Json, &mut out, "e", &args).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(r#"{{"type":"e"{json}}}"#)
        );
        let mut out = Vec::new();
        encode_ack(Format::Json, &mut out, &id, &args).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(r#"{{"type":"ack","id":7{json}}}"#)
        );
        let mut out = Vec::new();
        encode_event(Format::MessagePack, &mut out, "e", &args).unwrap();
        assert_eq!(out[1..], [b"\xa4type\xa1e", packed].concat());
        let mut out = Vec::new();
        encode_ack(Format::MessagePack, &mut out, &id, &args).unwrap();
        assert_eq!(out[1..], [b"\xa4type\xa3ack\xa2id\x07", packed].concat());
    };
    check(args!().unwrap(), "", b"");
    check(args!(1).unwrap(), r#","data":1"#, b"\xa4data\x01");
    check(
        args!(1, "a").unwrap(),
        r#","data":[1,"a"]"#,
        b"\xa4data\x92\x01\xa1a",
    );
    check(
        args!([hi]).unwrap(),
        r#","data":["aGk="]"#,
        b"\xa4data\x91\xc4\x02hi",
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in any::<String>(), data in any::<Option<String>>()) {
        let mut args = Args::new();
        if let Some(data) = &data {
            args.push(data).unwrap();
        }
        let mut out = Vec::new();
        encode_event(Format::Json, &mut out, &name, &args).unwrap();
        let text = String::from_utf8(out).unwrap();
        let command = decode_json(&text, 10).unwrap();
        prop_assert_eq!(&*command.name, &*name);
        prop_assert_eq!(command.args.get::<Option<String>>(0).unwrap(), data.clone());
        let mut out = Vec::new();
        encode_event(Format::MessagePack, &mut out, &name, &args).unwrap();
        let command = decode_msgpack(&out, 10).unwrap();
        prop_assert_eq!(&*command.name, &*name);
        prop_assert_eq!(command.args.get::<Option<String>>(0).unwrap(), data);
    }

    #[test]
    fn nothing_is_too_strange(
        text in r#"\{?["a-z:,0-9\[\]{}\\ ]{0,30}\}?"#,
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = decode_json(&text, 10);
        let _ = decode_msgpack(&bytes, 10);
    }
}

/// Found by fuzzing: printed as text, a map that is the key of a map doubled with every level.
#[test]
fn maps_as_keys_of_maps_do_not_grow() {
    let mut message = b"\x82\xa4type\xa1e\xa4data".to_vec();
    message.extend(std::iter::repeat_n(0x81, 60));
    message.extend(std::iter::repeat_n(0xc3, 61));
    let command = decode_msgpack(&message, 100).unwrap();
    let mut out = Vec::new();
    encode_event(Format::Json, &mut out, "e", &command.args).unwrap();
    assert!(out.len() < 1000, "{} bytes", out.len());
}

/// Found by fuzzing: a number beyond those of JavaScript has no place in MessagePack.
#[test]
fn an_id_is_a_string_or_a_finite_number() {
    for (id, good) in [
        ("7", true),
        ("-0.5e3", true),
        ("\"a\"", true),
        ("3004e030004", false),
        ("[1]", false),
    ] {
        let text = format!(r#"{{"type":"e","id":{id}}}"#);
        let decoded = decode_json(&text, 100);
        match decoded {
            Ok(command) if good => assert_eq!(command.id.unwrap().get(), id),
            Err(Error::BadId) if !good => {}
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[test]
fn several_events_are_the_data_of_one() {
    for (count, json) in [
        (0, r#"b - (1) []"#),
        (1, r#"b - (1) [{"type":"n\"0","data":0}]"#),
        (
            2,
            r#"b - (1) [{"type":"n\"0","data":0},{"type":"n\"1","data":1}]"#,
        ),
        (40, ""),
    ] {
        for format in [Format::Json, Format::MessagePack] {
            let events = (0..count).map(|n| {
                let mut out = Vec::new();
                let args = Args::one(&n).unwrap();
                encode_event(format, &mut out, &format!("n\"{n}"), &args).unwrap();
                out
            });
            let events = events.collect::<Vec<_>>();
            let mut out = Vec::new();
            encode_events(format, &mut out, "b", events.iter().map(Vec::as_slice));
            let command = match format {
                Format::Json => decode_json(std::str::from_utf8(&out).unwrap(), 8),
                Format::MessagePack => decode_msgpack(&out, 8),
            };
            let command = command.unwrap();
            let items: Vec<serde_json::Value> = command.args.get(0).unwrap();
            assert_eq!(items.len(), count);
            if !json.is_empty() {
                assert_eq!(show(command), json);
            }
        }
    }
}
