//! Packets in MessagePack: arguments must survive being converted, cut, written and decoded again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tidings_protocol::args::Args;
use tidings_protocol::socket::{Decoder, Limits, Packet, Parser, encode_ack, msgpack};

fn check(args: &Args) {
    let values = args.to_values().expect("checked by the decoder");
    assert_eq!(values.len(), args.len());
    let _ = args.get::<String>(0);
    let _ = args.decode::<(Option<f64>, serde_json::Value)>();
    let half = args.len() / 2;
    let (mut left, right) = (args.slice(..half), args.slice(half..));
    left.extend(&right).expect("both are MessagePack");
    assert_eq!(
        left.to_msgpack().expect("as it came"),
        args.to_msgpack().expect("as it came")
    );

    let limits = Limits {
        max_attachments: usize::MAX,
        ..Limits::default()
    };
    let mut packed = Vec::new();
    msgpack::encode_ack(
        &mut packed,
        "/",
        1,
        &args.to_msgpack().expect("as it came"),
        args.len(),
    );
    let again = Decoder::new(Parser::MessagePack)
        .binary(&packed, &limits)
        .expect("own packet");
    assert!(matches!(again, Some(Packet::Ack { args: again, .. }) if again.len() == args.len()));

    // A JSON client must be able to read what it is sent, placeholders above all.
    let (text, attachments) = args.to_json().expect("checked");
    let mut out = Vec::new();
    encode_ack(&mut out, "/", 1, &text, attachments.len());
    let message = String::from_utf8(out).expect("packets are text");
    let mut decoder = Decoder::new(Parser::Json);
    let mut packet = decoder.text(&message, &limits).expect("own packet");
    for attachment in attachments.iter() {
        packet = decoder.binary(attachment, &limits).expect("own attachment");
    }
    match packet {
        Some(Packet::Ack { args: again, .. }) => assert_eq!(again.len(), args.len()),
        other => panic!("{other:?}"),
    }
}

fuzz_target!(|message: &[u8]| {
    let mut decoder = Decoder::new(Parser::MessagePack);
    match decoder.binary(message, &Limits::default()) {
        Ok(Some(Packet::Event { args, .. } | Packet::Ack { args, .. })) => check(&args),
        Ok(None) => panic!("a MessagePack packet is always whole"),
        _ => {}
    }
});
