//! Packets in the JSON encoding: one message per line, attachments made up as they are wanted.
//!
//! Arguments must survive being converted, cut, joined, written and decoded again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tidings_protocol::args::Args;
use tidings_protocol::socket::{
    Decoder, Limits, Packet, Parser, encode_ack, encode_event, msgpack,
};

static ATTACHMENT: [u8; 16] = [7; 16];

fn next<'a>(decoder: &mut Decoder, text: &'a str) -> Option<Packet<'a>> {
    let limits = Limits::default();
    let mut packet = decoder.text(text, &limits).ok()?;
    for number in 0..=limits.max_attachments {
        if packet.is_some() {
            break;
        }
        packet = decoder.binary(&ATTACHMENT[..number], &limits).ok()?;
    }
    packet
}

fn check(namespace: &str, id: Option<u64>, name: Option<&str>, args: &Args) {
    let values = args.to_values().expect("checked by the decoder");
    assert_eq!(values.len(), args.len());
    let _ = args.get::<String>(0);
    let _ = args.decode::<(Option<f64>, serde_json::Value)>();
    let half = args.len() / 2;
    let (mut left, right) = (args.slice(..half), args.slice(half..));
    if left.extend(&right).is_ok() {
        assert_eq!(left.to_values().expect("cut from checked ones"), values);
    }

    let mut packed = Vec::new();
    let items = args.to_msgpack().expect("checked");
    let (text, attachments) = args.to_json().expect("checked");
    let mut out = Vec::new();
    match name {
        Some(name) => {
            encode_event(&mut out, namespace, id, name, &text, attachments.len());
            msgpack::encode_event(&mut packed, namespace, id, name, &items, args.len());
        }
        None => {
            let id = id.unwrap_or(0);
            encode_ack(&mut out, namespace, id, &text, attachments.len());
            msgpack::encode_ack(&mut packed, namespace, id, &items, args.len());
        }
    }
    let limits = Limits::default();
    let message = String::from_utf8(out).expect("packets are text");
    let mut decoder = Decoder::new(Parser::Json);
    let mut packet = decoder.text(&message, &limits).expect("own packet");
    for attachment in attachments.iter() {
        packet = decoder.binary(attachment, &limits).expect("own attachment");
    }
    let again = Decoder::new(Parser::MessagePack)
        .binary(&packed, &limits)
        .expect("own packet");
    for packet in [packet, again] {
        match packet {
            Some(Packet::Event { args, .. } | Packet::Ack { args, .. }) => {
                let again = args.to_values().expect("checked");
                // As debug output, because the names of numbers are equal where NaN is not.
                assert_eq!(format!("{again:?}"), format!("{values:?}"));
            }
            other => panic!("{other:?}"),
        }
    }
}

fuzz_target!(|text: &str| {
    let mut decoder = Decoder::new(Parser::Json);
    for line in text.split('\n') {
        match next(&mut decoder, line) {
            Some(Packet::Event {
                namespace,
                id,
                name,
                args,
            }) => {
                check(&namespace, id, Some(&name), &args);
            }
            Some(Packet::Ack {
                namespace,
                id,
                args,
            }) => check(&namespace, id, None, &args),
            Some(_) => {}
            None => break,
        }
    }
});
