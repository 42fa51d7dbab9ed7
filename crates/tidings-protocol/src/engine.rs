//! Engine.IO packets and polling payloads, protocol 4.
//!
//! A packet is a type digit and its data; on WebSocket one message carries one packet, and binary
//! messages have no digit at all. Long-polling joins packets with the byte `0x1e` and writes binary
//! ones as `b` and base64. See <https://socket.io/docs/v4/engine-io-protocol/>.
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use std::borrow::Cow;
use std::time::Duration;

/// The byte between two packets of a polling payload.
pub const SEPARATOR: u8 = 0x1e;

/// As forgiving about padding as the decoders of JavaScript.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One packet, borrowed from the frame or payload that carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake; clients send it only over WebTransport.
    Open(&'a str),
    /// The sender ends the session.
    Close,
    /// A heartbeat, or `probe` during an upgrade.
    Ping(&'a str),
    /// The answer to a heartbeat or probe.
    Pong(&'a str),
    /// A text message.
    Message(&'a str),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// The client finishes its upgrade.
    Upgrade,
    /// Nothing; it only answers a waiting request.
    Noop,
}

/// Why a text is not an Engine.IO packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There was not even a type digit.
    #[error("empty packet")]
    Empty,
    /// The first character is neither a digit from 0 to 6 nor `b`.
    #[error("unknown packet type")]
    UnknownType,
    /// What follows `b` is not base64.
    #[error("invalid base64")]
    Base64,
    /// The payload has more packets than allowed.
    #[error("too many packets in one payload")]
    TooManyPackets,
}

/// Decodes one packet: a WebSocket text message, or one part of a polling payload.
///
/// # Errors
///
/// When the type is missing or unknown, or the base64 after `b` is invalid.
pub fn decode_text(frame: &str) -> Result<Packet<'_>, Error> {
    let kind = *frame.as_bytes().first().ok_or(Error::Empty)?;
    if !kind.is_ascii() {
        return Err(Error::UnknownType);
    }
    let data = &frame[1..];
    Ok(match kind {
        b'0' => Packet::Open(data),
        b'1' => Packet::Close,
        b'2' => Packet::Ping(data),
        b'3' => Packet::Pong(data),
        b'4' => Packet::Message(data),
        b'5' => Packet::Upgrade,
        b'6' => Packet::Noop,
        b'b' => Packet::Binary(Cow::Owned(LENIENT.decode(data).map_err(|_| Error::Base64)?)),
        _ => return Err(Error::UnknownType),
    })
}

/// Decodes the packets of a polling payload, one after the other.
///
/// The iteration ends after the first error, so that the packets before it still count. An empty
/// body is one empty packet and thus an error.
pub fn decode_payload(
    body: &str,
    max_packets: usize,
) -> impl Iterator<Item = Result<Packet<'_>, Error>> {
    let mut failed = false;
    let parts = body.split(char::from(SEPARATOR)).enumerate();
    parts.map_while(move |(index, part)| {
        if failed {
            return None;
        }
        let packet = if index < max_packets {
            decode_text(part)
        } else {
            Err(Error::TooManyPackets)
        };
        failed = packet.is_err();
        Some(packet)
    })
}

/// The handshake that opens a session.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// The id of the session, which is a secret of its client.
    pub sid: &'a str,
    /// The transports that the client may upgrade to.
    pub upgrades: &'a [&'a str],
    /// How long the server waits between two pings.
    pub ping_interval: Duration,
    /// How long the server waits for a pong.
    pub ping_timeout: Duration,
    /// The largest message in bytes that the server accepts.
    pub max_payload: usize,
}

impl Open<'_> {
    /// Encodes the packet, type digit included.
    pub fn encode(&self) -> String {
        let mut out = br#"0{"sid":"#.to_vec();
        crate::args::write_json_string(&mut out, self.sid);
        out.extend_from_slice(br#","upgrades":["#);
        for (index, upgrade) in self.upgrades.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            crate::args::write_json_string(&mut out, upgrade);
        }
        let mut out = String::from_utf8(out).expect("JSON is written as UTF-8");
        out.push_str(&format!(
            r#"],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            self.ping_interval.as_millis(),
            self.ping_timeout.as_millis(),
            self.max_payload,
        ));
        out
    }
}

/// Appends a text message to a polling payload.
pub fn push_message(out: &mut Vec<u8>, text: &[u8]) {
    separate(out);
    out.reserve(text.len() + 1);
    out.push(b'4');
    out.extend_from_slice(text);
}

/// Appends a binary message to a polling payload.
pub fn push_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    separate(out);
    out.push(b'b');
    push_base64(out, bytes);
}

fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(SEPARATOR);
    }
}

/// Appends bytes as standard base64 with padding.
pub(crate) fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    STANDARD
        .encode_slice(bytes, &mut out[from..])
        .expect("the room was made to measure");
}

/// Why a request was refused, as the body of the HTTP response tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The transport is missing, unknown or not enabled.
    TransportUnknown = 0,
    /// No session has the id that was given.
    SessionUnknown = 1,
    /// A session can only be opened with GET.
    BadHandshakeMethod = 2,
    /// The request does not fit its session or transport.
    BadRequest = 3,
    /// The server does not let this client in.
    Forbidden = 4,
    /// The client asked for another version than 4.
    UnsupportedProtocolVersion = 5,
}

impl ErrorCode {
    /// The sentence that clients know this code by.
    pub fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedProtocolVersion => "Unsupported protocol version",
        }
    }

    /// The JSON body of the HTTP response.
    pub fn body(self) -> String {
        format!(
            r#"{{"code":{},"message":"{}"}}"#,
            self as u8,
            self.message()
        )
    }
}
