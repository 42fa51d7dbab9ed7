//! The plain envelope: commands in either format must give events that can be read again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tidings_protocol::envelope::{
    Command, Format, decode_json, decode_msgpack, encode_ack, encode_event,
};

fn check(command: &Command<'_>) {
    for format in [Format::Json, Format::MessagePack] {
        let mut event = Vec::new();
        encode_event(format, &mut event, &command.name, &command.args).expect("checked");
        let mut ack = Vec::new();
        if let Some(id) = &command.id {
            encode_ack(format, &mut ack, id, &command.args).expect("checked");
        }
        for message in [event, ack] {
            if message.is_empty() {
                continue;
            }
            let again = match format {
                Format::Json => {
                    let text = std::str::from_utf8(&message).expect("JSON is text");
                    decode_json(text, 128).map(|again| again.args.len())
                }
                Format::MessagePack => decode_msgpack(&message, 128).map(|again| again.args.len()),
            };
            assert_eq!(again, Ok(command.args.len()));
        }
    }
}

fuzz_target!(|message: &[u8]| {
    if let Ok(command) = decode_msgpack(message, 100) {
        check(&command);
    }
    if let Ok(text) = std::str::from_utf8(message)
        && let Ok(command) = decode_json(text, 100)
    {
        check(&command);
    }
});
