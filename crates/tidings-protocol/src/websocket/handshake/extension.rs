//! The negotiation of permessage-deflate ([RFC 7692 section 7.1]).
//!
//! Both sides always go without context takeover: the server, so that a compressed message can be
//! shared by all its receivers; the client, so that nothing need be kept between its messages.
//!
//! [RFC 7692 section 7.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.1

use http::header::{self, HeaderMap};

/// The answer to an offer that says nothing about our window.
const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The answer to an offer that names our window; it must be named in return (section 7.1.2.1).
const WINDOWED: &str = "permessage-deflate; server_no_context_takeover; \
                        client_no_context_takeover; server_max_window_bits=15";

/// Picks the first offer that can be honoured and gives the answer to it.
///
/// An offer that wants our window smaller than the largest is declined, because the compressed
/// messages are shared with those who did not ask for that. So is one that does not follow the
/// RFC (section 7.1: unknown, repeated or ill-valued parameters).
pub(super) fn agree(headers: &HeaderMap) -> Option<&'static str> {
    headers
        .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
        .iter()
        .flat_map(|value| split(value.as_bytes(), b','))
        .find_map(answer)
}

/// Gives the answer to one offer, or `None` to decline it.
fn answer(offer: &[u8]) -> Option<&'static str> {
    let mut parts = split(offer, b';');
    if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
        return None;
    }
    let mut seen = [false; 4];
    let mut answer = PLAIN;
    for parameter in parts {
        let (name, value) = parameter_of(parameter);
        let index = match (name, value) {
            (b"server_no_context_takeover", None) => 0,
            (b"client_no_context_takeover", None) => 1,
            (b"server_max_window_bits", Some(value)) => {
                if window_bits(value)? != 15 {
                    return None;
                }
                answer = WINDOWED;
                2
            }
            (b"client_max_window_bits", value) => {
                // Our window is the largest, so whatever the client picks will do.
                if let Some(value) = value {
                    window_bits(value)?;
                }
                3
            }
            _ => return None,
        };
        if std::mem::replace(&mut seen[index], true) {
            return None;
        }
    }
    Some(answer)
}

/// Splits `name = value`, taking the quotes off the value (RFC 6455 section 9.1).
fn parameter_of(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(equals) = memchr::memchr(b'=', parameter) else {
        return (parameter, None);
    };
    let value = parameter[equals + 1..].trim_ascii();
    let value = match value {
        [b'"', value @ .., b'"'] => value,
        value => value,
    };
    (parameter[..equals].trim_ascii(), Some(value))
}

/// Reads 8 to 15 without leading zeroes (RFC 7692 section 7.1.2).
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// Splits at `separator` where it is not within quotes, and trims the pieces.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            let literal = std::mem::replace(&mut escaped, false);
            match byte {
                _ if literal => {}
                b'"' => quoted = !quoted,
                b'\\' if quoted => escaped = true,
                _ => return byte == separator && !quoted,
            }
            false
        })
        .map(<[u8]>::trim_ascii)
}
