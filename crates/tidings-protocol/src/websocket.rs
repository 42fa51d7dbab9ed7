//! The WebSocket protocol, server side: frames, messages, handshake and compression.
//!
//! This module knows [RFC 6455] and, for permessage-deflate, [RFC 7692]. It does no I/O and keeps
//! no clock: a [`Decoder`] is fed with whatever was read from the peer and calls back for each
//! message, the encoders append to a buffer. Answering pings, echoing the close frame and timing
//! out a silent peer are the work of the caller.
//!
//! Everything is strict. What the RFC forbids a client to send ends the connection with the close
//! code that the RFC asks for, and no length is believed before the bytes have come.
//!
//! A [`Decoder`] belongs to one connection and to one task. Compressors are shared per thread,
//! which is possible because no context outlives a message.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692

mod compression;
mod decoder;
mod encode;
pub mod handshake;
mod header;
mod mask;
mod message;

pub use compression::deflate;
pub use decoder::Decoder;
pub use encode::{FrameHeader, encode_close, encode_frame, frame_header};

use crate::close::CloseCode;

/// What a frame holds (RFC 6455 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that an earlier frame began.
    Continuation = 0x0,
    /// A text message or its first fragment.
    Text = 0x1,
    /// A binary message or its first fragment.
    Binary = 0x2,
    /// The announcement that the sender will send nothing more.
    Close = 0x8,
    /// A request for a pong.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life that nobody asked for.
    Pong = 0xA,
}

impl Opcode {
    /// Reads the low four bits of a frame's first byte; `None` for the reserved values.
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Tells control frames from data frames (RFC 6455 section 5.5).
    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// What the decoder hands over: a whole message or a control frame.
///
/// The bytes are borrowed from the read buffer or from the decoder; copy what must live longer
/// than the callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message, put together and inflated.
    Text(&'a str),
    /// A binary message, put together and inflated.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A close frame with its code, if it had one, and its reason, which may be empty.
    Close(Option<CloseCode>, &'a str),
}

/// How much a peer may send before its connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The size in bytes of the largest message, inclusive, put together and inflated.
    ///
    /// A bigger one is refused with 1009 as soon as a frame header gives it away. A compressed
    /// message may be a thousandth bigger than this on the wire, since data that does not compress
    /// grows a little.
    pub max_message: usize,
    /// The most frames, inclusive, that a message may be cut into; beyond it is 1008.
    ///
    /// This bounds the work that a peer can cause with empty fragments, which no limit in bytes
    /// would ever stop.
    pub max_fragments: u32,
    /// The most times that a compressed message may grow when inflated; beyond it is 1009.
    ///
    /// Up to 16 KiB are inflated whatever the ratio, because short messages that repeat
    /// themselves are common and harmless. `u32::MAX` stands for no limit.
    pub max_inflate_ratio: u32,
}

impl Default for Limits {
    /// A megabyte in at most 1024 fragments, inflated at most 32-fold.
    ///
    /// JSON with repeated keys reaches about the twentieth of its size; a deflate bomb the
    /// thousandth.
    fn default() -> Self {
        Self {
            max_message: 1_000_000,
            max_fragments: 1024,
            max_inflate_ratio: 32,
        }
    }
}

/// Why a connection must be closed: the peer broke a rule or a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (close code {code})")]
pub struct Error {
    /// The code to put into the close frame.
    pub code: CloseCode,
    /// What was wrong, in words that may go into the close frame.
    pub reason: &'static str,
}

impl Error {
    /// A breach of RFC 6455, code 1002.
    const fn protocol(reason: &'static str) -> Self {
        Self {
            code: CloseCode::PROTOCOL_ERROR,
            reason,
        }
    }

    /// A payload that is not what it claims to be, code 1007.
    const fn payload(reason: &'static str) -> Self {
        Self {
            code: CloseCode::INVALID_PAYLOAD,
            reason,
        }
    }

    /// A message beyond the limit, code 1009.
    const fn too_big(reason: &'static str) -> Self {
        Self {
            code: CloseCode::TOO_BIG,
            reason,
        }
    }
}
