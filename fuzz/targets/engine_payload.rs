//! Polling payloads: what is decoded must survive being written and decoded again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tidings_protocol::engine::{Packet, decode_payload, push_binary, push_message};

fuzz_target!(|body: &str| {
    let packets: Vec<_> = decode_payload(body, 64).map_while(Result::ok).collect();
    let mut out = Vec::new();
    let mut expected = Vec::new();
    for packet in packets {
        match &packet {
            Packet::Message(text) => push_message(&mut out, text.as_bytes()),
            Packet::Binary(bytes) => push_binary(&mut out, bytes),
            _ => continue,
        }
        expected.push(packet);
    }
    if !expected.is_empty() {
        let again = std::str::from_utf8(&out).expect("payloads are text");
        let again: Vec<_> = decode_payload(again, 64)
            .map(|packet| packet.expect("own"))
            .collect();
        assert_eq!(again, expected);
    }
});
