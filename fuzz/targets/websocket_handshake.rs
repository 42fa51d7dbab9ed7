//! Feeds arbitrary headers to the WebSocket handshake.
//!
//! Each line of the input is a header: its first byte chooses the name, the rest is the value.
#![no_main]

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tidings_protocol::websocket::handshake::{Options, accept, is_upgrade};

const NAMES: [HeaderName; 6] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_PROTOCOL,
];

fuzz_target!(|data: &[u8]| {
    let (mut request, ()) = http::Request::new(()).into_parts();
    for line in data.split(|&byte| byte == b'\n') {
        let Some((&choice, value)) = line.split_first() else {
            continue;
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let name = NAMES[usize::from(choice) % NAMES.len()].clone();
        if request.headers.try_append(name, value).is_err() {
            return;
        }
    }
    let protocols = ["chat", "tidings.v1"];
    let mut response = HeaderMap::new();
    match accept(
        &request,
        &Options {
            deflate: true,
            protocols: &protocols,
        },
    ) {
        Ok(accepted) => {
            assert!(is_upgrade(&request.headers));
            assert_eq!(accepted.accept_key.len(), 28);
            assert_eq!(accepted.deflate, accepted.extensions.is_some());
            assert!(
                accepted
                    .protocol
                    .as_deref()
                    .is_none_or(|name| protocols.contains(&name))
            );
            accepted.apply(&mut response);
            assert!(response.contains_key(header::SEC_WEBSOCKET_ACCEPT));

            let plain = accept(
                &request,
                &Options {
                    deflate: false,
                    protocols: &[],
                },
            )
            .expect("options do not decide whether a handshake is well-formed");
            assert_eq!((plain.deflate, plain.protocol), (false, None));
        }
        Err(error) => {
            assert!(error.status().is_client_error());
            error.apply(&mut response);
        }
    }
});
