//! Inflates arbitrary bytes as a compressed message, and deflates them and inflates the result.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidings_protocol::websocket::{Decoder, Error, Event, Limits, deflate};

/// Decodes one compressed binary message; its mask is zero.
fn inflate(payload: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut frame = vec![0xC2];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length @ ..65536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    let mut message = None;
    Decoder::new(Arc::new(limits.clone()), true).feed(&mut frame, |event| match event {
        Event::Binary(bytes) => message = Some(bytes.to_owned()),
        event => panic!("{event:?} from a binary message"),
    })?;
    Ok(message.expect("a whole frame makes a message"))
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        max_message: 100_000,
        max_fragments: 1,
        max_inflate_ratio: 20,
    };
    if let Ok(message) = inflate(data, &limits) {
        assert!(message.len() <= limits.max_message);
        assert!(message.len() <= (data.len() * 20).max(16 * 1024));
    }

    let lifted = Limits {
        max_message: data.len(),
        max_fragments: 1,
        max_inflate_ratio: u32::MAX,
    };
    if let Some(small) = deflate(data) {
        assert!(small.len() < data.len());
        assert_eq!(
            inflate(&small, &lifted).expect("what we deflate inflates"),
            data
        );
        let tight = Limits {
            max_message: data.len() - 1,
            ..lifted
        };
        assert!(inflate(&small, &tight).is_err());
    }
});
