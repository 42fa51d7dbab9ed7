//! Server-Sent Events as a browser's parser takes them apart.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use tidings_protocol::args::Args;
use tidings_protocol::event_stream::{KEEP_ALIVE, encode_event, encode_opening};

#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
    last_id: String,
}

/// The algorithm of the HTML standard.
fn parse(stream: &str) -> (Vec<Event>, String, Option<u64>) {
    let (mut events, mut last_id, mut retry) = (Vec::new(), String::new(), None);
    let (mut name, mut data) = (String::new(), String::new());
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    for line in lines.split_terminator('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                events.push(Event {
                    name: std::mem::take(&mut name),
                    data: std::mem::take(&mut data),
                    last_id: last_id.clone(),
                });
            }
            name.clear();
            data.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut last_id),
            "retry" => retry = value.parse().ok(),
            _ => {}
        }
    }
    (events, last_id, retry)
}

fn args(values: &[Value]) -> Args {
    let mut args = Args::new();
    for value in values {
        args.push(value).unwrap();
    }
    args
}

#[test]
fn an_event_is_a_name_an_id_and_one_line_of_json() {
    for (name, id, values, expected) in [
        (
            "chat",
            Some("1-2"),
            vec![json!({ "a": 1 })],
            "event: chat\nid: 1-2\ndata: {\"a\":1}\n\n",
        ),
        ("none", None, vec![], "event: none\ndata: null\n\n"),
        (
            "two",
            None,
            vec![json!(1), json!("x\ny")],
            "event: two\ndata: [1,\"x\\ny\"]\n\n",
        ),
        (
            "a\r\nb\rdata: 1\nc",
            None,
            vec![json!(1)],
            "event: a  b data: 1 c\ndata: 1\n\n",
        ),
    ] {
        let mut out = Vec::new();
        encode_event(&mut out, name, id, &args(&values)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn line_ends_between_the_tokens_of_json_do_not_end_the_event() {
    let text = r#"{"type":"x","data":{"a": 1,"b":[]}}"#.replace(' ', "\r\n\r\n");
    let command = tidings_protocol::envelope::decode_json(&text, 10).unwrap();
    let mut out = Vec::new();
    encode_event(&mut out, "x", None, &command.args).unwrap();
    let (events, ..) = parse(std::str::from_utf8(&out).unwrap());
    assert_eq!(events.len(), 1);
    let data: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!(data, json!({ "a": 1, "b": [] }));
}

#[test]
fn binary_data_is_base64() {
    let mut out = Vec::new();
    let bytes = Args::one(serde_bytes::Bytes::new(&[1, 2, 3])).unwrap();
    encode_event(&mut out, "b", None, &bytes).unwrap();
    assert_eq!(out, b"event: b\ndata: \"AQID\"\n\n");
}

#[test]
fn the_opening_sets_the_place_and_is_no_event() {
    let mut out = Vec::new();
    encode_opening(&mut out, Duration::from_secs(2), Some("a-0"));
    out.extend_from_slice(KEEP_ALIVE);
    assert_eq!(
        parse(std::str::from_utf8(&out).unwrap()),
        (vec![], "a-0".to_owned(), Some(2000))
    );
}

proptest! {
    #[test]
    fn whatever_its_name_and_data_an_event_arrives_as_one(
        name in any::<String>(),
        texts in prop::collection::vec(any::<String>(), 1..4),
    ) {
        let values: Vec<Value> = texts.iter().map(|it| json!({ it: it })).collect();
        let mut out = Vec::new();
        encode_event(&mut out, &name, Some("7-7"), &args(&values)).unwrap();
        encode_event(&mut out, "next", None, &args(&[json!(1)])).unwrap();
        let (events, last_id, _) = parse(std::str::from_utf8(&out).unwrap());
        prop_assert_eq!(events.len(), 2);
        prop_assert_eq!(&events[0].name, &name.replace(['\r', '\n'], " "));
        let data: Value = serde_json::from_str(&events[0].data).unwrap();
        let expected = if values.len() == 1 { values[0].clone() } else { json!(values) };
        prop_assert_eq!(data, expected);
        prop_assert_eq!(&events[1].name, "next");
        prop_assert_eq!(last_id, "7-7");
    }
}
