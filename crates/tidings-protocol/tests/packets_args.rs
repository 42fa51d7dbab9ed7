//! Arguments: reading, joining, cutting and converting them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use bytes::Bytes;
use proptest::prelude::*;
use rmpv::Value;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tidings_protocol::args;
use tidings_protocol::args::{Args, DecodeError, EncodeError};
use tidings_protocol::socket::{Decoder, Limits, Packet, Parser, msgpack};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Photo {
    name: String,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    note: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Empty,
    Circle(u32),
    Box { width: u32, height: u32 },
}

fn photo() -> Photo {
    Photo {
        name: "cat".into(),
        data: vec![1, 2, 3],
        note: None,
    }
}

/// Arguments as a JSON client would have sent them.
fn json(items: &str) -> Args {
    let message = format!("3[{items}]");
    match Decoder::new(Parser::Json).text(&message, &Limits::default()) {
        Ok(Some(Packet::Ack { args, .. })) => args,
        other => panic!("{other:?}"),
    }
}

/// Arguments as a MessagePack client would have sent them.
fn packed(items: &[u8], count: usize) -> Args {
    let mut message = Vec::new();
    msgpack::encode_ack(&mut message, "/", 1, items, count);
    match Decoder::new(Parser::MessagePack).binary(&message, &Limits::default()) {
        Ok(Some(Packet::Ack { args, .. })) => args,
        other => panic!("{other:?}"),
    }
}

/// The same arguments in the other encoding.
fn converted(args: &Args) -> Args {
    packed(&args.to_msgpack().unwrap(), args.len())
}

fn text(args: &Args) -> String {
    args.to_json().unwrap().0.into_owned()
}

#[test]
fn values_become_arguments_and_back() {
    let args = args!("a", 7, photo(), Shape::Circle(3)).unwrap();
    assert_eq!(args.len(), 4);
    assert!(args.has_binary());
    assert_eq!(
        text(&args),
        r#""a",7,{"name":"cat","data":{"_placeholder":true,"num":0},"note":null},{"circle":3}"#
    );
    for args in [converted(&args), args] {
        assert_eq!(args.get::<String>(0).unwrap(), "a");
        assert_eq!(args.get::<u8>(1).unwrap(), 7);
        assert_eq!(args.get::<Photo>(2).unwrap(), photo());
        assert_eq!(args.get::<Shape>(3).unwrap(), Shape::Circle(3));
        assert_eq!(args.get::<Option<u8>>(4).unwrap(), None);
        assert!(matches!(args.get::<u8>(4), Err(DecodeError::Missing(4))));
        assert!(matches!(args.get::<u8>(0), Err(DecodeError::Mismatch(_))));
        let whole: (String, u64, Photo, Shape, Option<String>) = args.decode().unwrap();
        assert_eq!(whole.3, Shape::Circle(3));
        let (first,): (String,) = args.decode().unwrap();
        assert_eq!(first, "a");
    }
    let nothing = args!().unwrap();
    assert!(nothing.is_empty());
    nothing.decode::<()>().unwrap();
    assert_eq!(nothing.decode::<Vec<u8>>().unwrap(), [] as [u8; 0]);
}

#[test]
fn enums_and_keys_read_alike_in_both_encodings() {
    let numbers = HashMap::from([(1u32, "one"), (2, "two")]);
    let args = args!(
        Shape::Empty,
        Shape::Box {
            width: 1,
            height: 2
        },
        numbers,
        serde_bytes::Bytes::new(b"x")
    )
    .unwrap();
    for args in [converted(&args), args] {
        assert_eq!(args.get::<Shape>(0).unwrap(), Shape::Empty);
        assert_eq!(
            args.get::<Shape>(1).unwrap(),
            Shape::Box {
                width: 1,
                height: 2
            }
        );
        assert_eq!(args.get::<HashMap<u32, String>>(2).unwrap()[&2], "two");
        assert_eq!(
            args.get::<serde_json::Value>(1).unwrap()["box"]["height"],
            2
        );
        assert_eq!(args.get::<serde_bytes::ByteBuf>(3).unwrap(), b"x");
    }
}

#[test]
fn the_dialect_of_javascript_is_read() {
    let args = json(r#""\ud800x\ud83d\ude00",1E400,{"a":1,"a":2},1.0,18446744073709551616,-0"#);
    assert_eq!(args.get::<String>(0).unwrap(), "\u{fffd}x\u{1f600}");
    assert_eq!(args.get::<f64>(1).unwrap(), f64::INFINITY);
    assert_eq!(
        args.get::<serde_json::Value>(1).unwrap(),
        serde_json::Value::Null
    );
    #[derive(Deserialize)]
    struct A {
        a: u8,
    }
    assert_eq!(args.get::<A>(2).unwrap().a, 2);
    assert_eq!(args.get::<u32>(3).unwrap(), 1);
    assert_eq!(args.get::<f64>(4).unwrap(), 18_446_744_073_709_551_616.0);
    assert_eq!(args.get::<f64>(5).unwrap(), 0.0);
    // On its way to other clients the text stays as it came.
    assert!(text(&args).contains("1E400"));
    assert!(text(&args).contains(r#"{"a":1,"a":2}"#));
    let (first, rest): (String, f64) = args.decode().unwrap();
    assert_eq!((&*first, rest), ("\u{fffd}x\u{1f600}", f64::INFINITY));
}

#[test]
fn what_json_cannot_hold_becomes_null() {
    assert_eq!(
        text(&args!(f64::NAN, f64::INFINITY, 1.5).unwrap()),
        "null,null,1.5"
    );
    let infinite = [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0];
    assert_eq!(text(&packed(&infinite, 1)), "null");
}

#[test]
fn extensions_of_notepack_are_understood() {
    for (bytes, expected) in [
        (&[0xd4, 0, 0][..], "null"),
        // {"a": undefined, "b": 1}
        (
            &[0x82, 0xa1, b'a', 0xd4, 0, 0, 0xa1, b'b', 1][..],
            r#"{"b":1}"#,
        ),
        (&[0x92, 0xd4, 0, 0, 1][..], "[null,1]"),
        // new Date(0), and one before 1970
        (
            &[0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            r#""1970-01-01T00:00:00.000Z""#,
        ),
        (
            &[0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
            r#""1969-12-31T23:59:59.999Z""#,
        ),
        // The timestamps of MessagePack itself
        (
            &[0xd6, 0xff, 0, 0, 0, 1][..],
            r#""1970-01-01T00:00:01.000Z""#,
        ),
        (
            &[0xd7, 0xff, 0x77, 0x35, 0x94, 0, 0, 0, 0, 1][..],
            r#""1970-01-01T00:00:01.500Z""#,
        ),
        (
            &[
                0xc7, 12, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            ][..],
            r#""1969-12-31T23:59:59.000Z""#,
        ),
        // ArrayBuffers of three and of eight bytes
        (
            &[0xc7, 3, 0, 1, 2, 3][..],
            r#"{"_placeholder":true,"num":0}"#,
        ),
        (
            &[0xc7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8][..],
            r#"{"_placeholder":true,"num":0}"#,
        ),
        (&[0xc4, 2, 1, 2][..], r#"{"_placeholder":true,"num":0}"#),
        // An extension that nobody knows
        (&[0xd4, 5, 1][..], "null"),
        // Numbers in every width
        (&[0xd0, 0x80][..], "-128"),
        (&[0xd3, 0, 0, 0, 0, 0, 0, 0, 5][..], "5"),
        (
            &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
            "18446744073709551615",
        ),
        (&[0xca, 0x3f, 0x80, 0, 0][..], "1.0"),
        (&[0xe0][..], "-32"),
        // Keys that are no strings, and bytes that are no UTF-8
        (&[0x81, 1, 2][..], r#"{"1":2}"#),
        (&[0xa1, 0xff][..], "\"\u{fffd}\""),
    ] {
        let args = packed(bytes, 1);
        assert_eq!(text(&args), expected, "{bytes:x?}");
        assert_eq!(&*args.to_msgpack().unwrap(), bytes, "kept as it came");
    }
}

#[test]
fn placeholders_mean_something_only_next_to_attachments() {
    let plain = json(r#"{"_placeholder":true,"num":0}"#);
    assert!(!plain.has_binary());
    assert_eq!(plain.get::<serde_json::Value>(0).unwrap()["num"], 0);
    let bytes = args!(Bytes::from_static(b"x")).unwrap();
    assert!(matches!(
        bytes.clone().extend(&plain),
        Err(EncodeError::Placeholder)
    ));
    assert!(matches!(
        plain.clone().extend(&bytes),
        Err(EncodeError::Placeholder)
    ));
    let forged = serde_json::json!({"_placeholder": true, "num": 9});
    assert!(matches!(
        Args::one(&(forged, serde_bytes::Bytes::new(b"x"))),
        Err(EncodeError::Placeholder)
    ));
    // [{_placeholder: true, num: 9}, <bin>] from MessagePack
    let mut items = vec![0x82, 0xac];
    items.extend_from_slice(b"_placeholder\xc3\xa3num\x09\xc4\x01x");
    let (text, attachments) = {
        let args = packed(&items, 2);
        let (text, attachments) = args.to_json().unwrap();
        (text.into_owned(), attachments.into_owned())
    };
    assert_eq!(text, r#"{"num":9},{"_placeholder":true,"num":0}"#);
    assert_eq!(attachments, ["x"]);
}

#[test]
fn slices_keep_their_attachments() {
    let (a, b) = (Bytes::from_static(b"aa"), Bytes::from_static(b"bb"));
    let args = args!(a, 1, [b, a], "end").unwrap();
    for args in [converted(&args), args] {
        let (first, rest) = args.split_first().unwrap();
        assert_eq!((first.len(), rest.len()), (1, 3));
        assert_eq!(first.get::<serde_bytes::ByteBuf>(0).unwrap(), b"aa");
        let list: Vec<serde_bytes::ByteBuf> = rest.get(1).unwrap();
        assert_eq!(list, [&b"bb"[..], b"aa"]);
        assert_eq!(text(&rest).matches("_placeholder").count(), 2);
        assert_eq!(rest.to_json().unwrap().1.len(), 2);
        assert!(!args.slice(3..).has_binary());
        assert_eq!(
            args.slice(3..).first_json().unwrap_or(r#""end""#),
            r#""end""#
        );
        assert_eq!(args.slice(1..=1).get::<u8>(0).unwrap(), 1);
        assert_eq!(args.without_last().len(), 3);
        assert!(args.slice(9..).is_empty());
        assert!(args.slice(2..2).is_empty());
        assert_eq!(args.slice(..99).len(), 4);
    }
    assert!(Args::new().split_first().is_none());
    assert!(Args::new().without_last().is_empty());
}

#[test]
fn lists_join_in_any_encoding() {
    let left = args!("l", Bytes::from_static(b"1")).unwrap();
    let right = args!(Bytes::from_static(b"2"), "r").unwrap();
    for left in [left.clone(), converted(&left)] {
        for right in [right.clone(), converted(&right)] {
            let mut both = left.clone();
            both.extend(&right).unwrap();
            assert_eq!(both.len(), 4);
            let all: (String, serde_bytes::ByteBuf, serde_bytes::ByteBuf, String) =
                both.decode().unwrap();
            assert_eq!((&all.1[..], &all.2[..]), (&b"1"[..], &b"2"[..]));
        }
    }
    assert_eq!(left.len(), 2, "the original is untouched");
}

#[test]
fn nesting_is_limited_on_the_way_out_too() {
    let nested = |levels: usize| {
        (0..levels).fold(serde_json::json!(1), |value, _| serde_json::json!([value]))
    };
    assert_eq!(
        Args::one(&nested(128)).unwrap().to_values().unwrap().len(),
        1
    );
    assert!(matches!(Args::one(&nested(129)), Err(EncodeError::Json(_))));
    let raw = serde_json::value::to_raw_value(&nested(128)).unwrap();
    assert!(Args::one(&raw).is_ok());
    let mut args = args!("kept").unwrap();
    assert!(args.push(&[raw]).is_err());
    assert_eq!(text(&args), r#""kept""#);
}

#[test]
fn serialises_as_a_sequence() {
    let args = args!(1, "a", [true]).unwrap();
    assert_eq!(serde_json::to_string(&args).unwrap(), r#"[1,"a",[true]]"#);
    assert_eq!(
        serde_json::to_string(&converted(&args)).unwrap(),
        r#"[1,"a",[true]]"#
    );
}

#[test]
fn base64_stands_for_binary_where_there_are_no_attachments() {
    let args = args!([Bytes::from_static(b"hi")], 1).unwrap();
    assert_eq!(args.to_json_base64().unwrap(), r#"["aGk="],1"#);
    assert_eq!(converted(&args).to_json_base64().unwrap(), r#"["aGk="],1"#);
}

/// Values that both encodings can hold without loss.
#[test]
fn a_field_is_plucked_as_it_came() {
    for (items, index, key, expected) in [
        (
            r#"{"a": {"b":[1, 2]} ,"c":2}"#,
            0,
            "a",
            Some(r#"{"b":[1, 2]}"#),
        ),
        (r#"7, {"data":1E400}"#, 1, "data", Some("1E400")),
        (r#"{"a":1,"a":2}"#, 0, "a", Some("2")),
        (r#"{"\u0061":"x"}"#, 0, "a", Some("\"x\"")),
        (r#"{"a":null}"#, 0, "a", Some("null")),
        (r#"{"a":1}"#, 0, "b", None),
        (r#"{"b":{"a":1}}"#, 0, "a", None),
        (r#"{"a":1}"#, 1, "a", None),
        (r#"[{"a":1}]"#, 0, "a", None),
        (r#""a""#, 0, "a", None),
        ("{}", 0, "a", None),
        ("", 0, "a", None),
    ] {
        let args = json(items);
        let plucked = args.pluck(index, key).unwrap();
        assert_eq!(plucked.as_ref().map(text).as_deref(), expected, "{items}");
        // The other encoding has its own way to write a number, and knows no spaces.
        let there = converted(&args).pluck(index, key).unwrap();
        assert_eq!(
            there.map(|it| it.to_values().unwrap()),
            plucked.map(|it| it.to_values().unwrap())
        );
    }
}

#[test]
fn a_plucked_field_brings_its_attachments() {
    let one = serde_bytes::ByteBuf::from(b"one");
    let two = serde_bytes::ByteBuf::from(b"two!");
    let first = HashMap::from([("x", &one)]);
    let second = HashMap::from([("y", &two)]);
    let args = args!(1, HashMap::from([("first", first), ("second", second)])).unwrap();
    assert_eq!(args.attachment_bytes(), 7);
    let plucked = args.pluck(1, "second").unwrap().unwrap();
    assert_eq!(text(&plucked), r#"{"y":{"_placeholder":true,"num":0}}"#);
    assert_eq!(plucked.attachment_bytes(), 4);
    assert_eq!(plucked.byte_len(), text(&plucked).len());
    let bytes: HashMap<String, serde_bytes::ByteBuf> = plucked.get(0).unwrap();
    assert_eq!(bytes["y"], two);
    // Binary data is no object, whatever stands for it.
    let binary = Args::one(&one).unwrap();
    assert!(binary.pluck(0, "num").unwrap().is_none());
}

#[test]
fn keys_of_any_kind_are_plucked_from_messagepack() {
    // {1: "one", bin "b": nil, "u": undefined}
    let items = b"\x83\x01\xa3one\xc4\x01b\xc0\xa1u\xd4\x00\x00";
    let args = packed(items, 1);
    let pluck = |key| {
        args.pluck(0, key)
            .unwrap()
            .map(|it| it.to_values().unwrap())
    };
    assert_eq!(pluck("1"), Some(vec![Value::from("one")]));
    assert_eq!(pluck("b"), Some(vec![Value::Nil]));
    assert_eq!(pluck("u"), None);
    // One byte is binary: the key.
    assert_eq!(args.byte_len(), items.len() - 1);
    assert_eq!(args.attachment_bytes(), 1);
}

#[test]
fn what_is_kept_reads_back_to_the_letter_and_nothing_else_does() {
    let photos = args!(photo(), 1, photo()).unwrap();
    for args in [
        Args::new(),
        json(r#""\ud800", 1E400 ,{"a":1,"a":2},-0"#),
        packed(b"\xd4\x00\x00\xc7\x01\x05x", 2),
        converted(&photos),
        photos,
    ] {
        let bytes = args.to_bytes();
        let back = Args::from_bytes(bytes.clone().into()).unwrap();
        assert_eq!(back.len(), args.len());
        assert_eq!(back.to_bytes(), bytes);
        assert_eq!(back.to_values().unwrap(), args.to_values().unwrap());
    }
    for bytes in [
        &b""[..],
        b"\x02",
        b"\x00",
        b"\x00\0\0\0",
        b"\x00\0\0\0\x001,",
        b"\x00\0\0\0\x00,1",
        b"\x00\0\0\0\x001 2",
        b"\x00\0\0\0\x00\"\xff\"",
        b"\x00\0\0\0\x01\0\0\0\x02x",
        b"\x00\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        b"\x00\0\0\0\x01\0\0\0\x01x{\"_placeholder\":true,\"num\":1}",
        b"\x01\xc1",
        b"\x01\x91",
    ] {
        assert!(Args::from_bytes(bytes.into()).is_err(), "{bytes:?}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::F64),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..10).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[a-z\\\\\"\u{1}é]{0,4}", inner, 0..5).prop_map(|map| {
                Value::Map(
                    map.into_iter()
                        .map(|(key, value)| (key.into(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_between_the_encodings(values in prop::collection::vec(value(), 0..5)) {
        let mut args = Args::new();
        for value in &values {
            args.push(value).unwrap();
        }
        prop_assert_eq!(args.len(), values.len());
        prop_assert_eq!(&args.to_values().unwrap(), &values);
        let packed = converted(&args);
        prop_assert_eq!(&packed.to_values().unwrap(), &values);
        prop_assert_eq!(packed.to_json().unwrap(), args.to_json().unwrap());
        prop_assert_eq!(packed.has_binary(), args.has_binary());
        for args in [args, packed] {
            let back = Args::from_bytes(args.to_bytes().into()).unwrap();
            prop_assert_eq!(back.len(), args.len());
            prop_assert_eq!(back.to_json().unwrap(), args.to_json().unwrap());
        }
    }

    #[test]
    fn cut_and_joined_is_the_same(
        values in prop::collection::vec(value(), 0..6),
        at in 0..6usize,
        pack in any::<bool>(),
    ) {
        let mut args = Args::new();
        for value in &values {
            args.push(value).unwrap();
        }
        let args = if pack { converted(&args) } else { args };
        let at = at.min(values.len());
        let (mut left, right) = (args.slice(..at), args.slice(at..));
        prop_assert_eq!(&left.to_values().unwrap()[..], &values[..at]);
        prop_assert_eq!(&right.to_values().unwrap()[..], &values[at..]);
        left.extend(&right).unwrap();
        prop_assert_eq!(left.to_values().unwrap(), values);
    }

    #[test]
    fn every_field_is_plucked_as_it_was_pushed(
        fields in prop::collection::btree_map("[a-z\\\\\"\u{1}é]{0,4}", value(), 0..6),
        before in prop::collection::vec(value(), 0..3),
        pack in any::<bool>(),
    ) {
        let mut args = Args::new();
        for value in &before {
            args.push(value).unwrap();
        }
        let entries = fields.iter().map(|(key, value)| (Value::from(&**key), value.clone()));
        args.push(&Value::Map(entries.collect())).unwrap();
        let args = if pack { converted(&args) } else { args };
        for (key, value) in &fields {
            let plucked = args.pluck(before.len(), key).unwrap().unwrap();
            prop_assert_eq!(plucked.to_values().unwrap(), std::slice::from_ref(value));
        }
        prop_assert!(args.pluck(before.len(), "longer").unwrap().is_none());
    }
}
