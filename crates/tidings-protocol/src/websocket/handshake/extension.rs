//! The negotiation of permessage-deflate ([RFC 7692 section 7.1]).
//!
//! Both sides always go without context takeover: the server, so that a compressed message can be
//! shared by all its receivers; the client, so that nothing need be kept between its messages.
//!
//! [RFC 7692 section 7.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.1

use http::header::{self, HeaderMap};

macro_rules! windowed {
    ($bits:literal) => {
        concat!(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; ",
            "server_max_window_bits=",
            $bits
        )
    };
}

/// The answer to an offer that says nothing about our window.
const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The answers to offers that name our window, by its bits from 8 on; it must be named in return
/// (section 7.1.2.1).
const WINDOWED: [&str; 8] = [
    windowed!("8"),
    windowed!("9"),
    windowed!("10"),
    windowed!("11"),
    windowed!("12"),
    windowed!("13"),
    windowed!("14"),
    windowed!("15"),
];

/// What was agreed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreement {
    /// The answer to the offer.
    pub(super) answer: &'static str,
    /// Whether we may compress with the largest window.
    ///
    /// Compressed messages are shared by their receivers. To one that wants our window smaller,
    /// messages go uncompressed, as any message may (section 6), while it may still compress its.
    pub(super) full_window: bool,
}

/// Picks the first offer that can be honoured with the largest window, or else the first that can
/// be honoured at all. One that does not follow the RFC is declined (section 7.1: unknown,
/// repeated or ill-valued parameters).
pub(super) fn agree(headers: &HeaderMap) -> Option<Agreement> {
    let agreements = || {
        headers
            .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
            .iter()
            .flat_map(|value| split(value.as_bytes(), b','))
            .filter_map(answer)
    };
    agreements()
        .find(|agreement| agreement.full_window)
        .or_else(|| agreements().next())
}

/// Gives the answer to one offer, or `None` to decline it.
fn answer(offer: &[u8]) -> Option<Agreement> {
    let mut parts = split(offer, b';');
    if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
        return None;
    }
    let mut seen = [false; 4];
    let mut agreement = Agreement {
        answer: PLAIN,
        full_window: true,
    };
    for parameter in parts {
        let (name, value) = parameter_of(parameter);
        let index = match (name, value) {
            (b"server_no_context_takeover", None) => 0,
            (b"client_no_context_takeover", None) => 1,
            (b"server_max_window_bits", Some(value)) => {
                let bits = window_bits(value)?;
                agreement = Agreement {
                    answer: WINDOWED[usize::from(bits) - 8],
                    full_window: bits == 15,
                };
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
    Some(agreement)
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
