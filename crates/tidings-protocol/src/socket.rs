//! Socket.IO packets, protocol 5, in the default JSON encoding and in MessagePack.
//!
//! Each connection owns one [`Decoder`], which remembers a packet whose attachments are still to
//! come; nothing here knows of namespaces that exist or of ids that were given out. See
//! <https://socket.io/docs/v4/socket-io-protocol/>.
mod decode;
mod encode;
pub mod msgpack;

use crate::args::{Args, JsonFault, MsgpackFault};
use decode::{Header, Kind};
pub use encode::{
    encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event,
};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The names that the protocol keeps for itself; events must not have them.
pub const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// The encoding of a connection, which both ends must agree on beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Parser {
    /// Text with binary data in attachments, the default.
    #[default]
    Json,
    /// One MessagePack map per packet.
    MessagePack,
}

/// A packet from a client.
#[derive(Debug)]
pub enum Packet<'a> {
    /// The client wants to join a namespace.
    Connect {
        /// The namespace, `/` if the packet named none.
        namespace: Cow<'a, str>,
        /// A JSON object, if the client sent credentials.
        auth: Option<Box<RawValue>>,
    },
    /// The client leaves a namespace.
    Disconnect {
        /// The namespace.
        namespace: Cow<'a, str>,
    },
    /// An event for the handlers of a namespace.
    Event {
        /// The namespace.
        namespace: Cow<'a, str>,
        /// The id to acknowledge with. An id beyond 64 bits is none: no client counts that far, and
        /// it could not be echoed.
        id: Option<u64>,
        /// The name, with each lone surrogate escape read as U+FFFD.
        name: Cow<'a, str>,
        /// What follows the name.
        args: Args,
    },
    /// The answer to an event of the server.
    Ack {
        /// The namespace.
        namespace: Cow<'a, str>,
        /// The id that the server gave; an id beyond 64 bits is none.
        id: Option<u64>,
        /// What the client answered, possibly nothing.
        args: Args,
    },
    /// A packet that is valid and has no effect: an event without payload, or one whose name is a
    /// number.
    Nothing {
        /// The namespace.
        namespace: Cow<'a, str>,
    },
}

/// How much a decoder accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most attachments of one packet.
    pub max_attachments: usize,
    /// The most bytes in all attachments of one packet together.
    pub max_attachment_bytes: usize,
    /// The deepest nesting of a payload, its own array counted; at most
    /// [`MAX_DEPTH`](crate::args::MAX_DEPTH) applies.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attachments: 10,
            max_attachment_bytes: 10_000_000,
            max_depth: 100,
        }
    }
}

/// Why a message is not a packet that a client may send; the connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The type is missing, unknown, or one that only servers send.
    #[error("unknown packet type")]
    UnknownType,
    /// The count of attachments is no integer from one up.
    #[error("illegal number of attachments")]
    IllegalAttachments,
    /// There are more attachments than the limit allows.
    #[error("too many attachments")]
    TooManyAttachments,
    /// The attachments together are larger than the limit allows.
    #[error("attachments are too large")]
    AttachmentsTooLarge,
    /// A placeholder names no attachment of its packet.
    #[error("placeholder without attachment")]
    BadPlaceholder,
    /// A text message came while attachments were outstanding, or in a MessagePack connection.
    #[error("unexpected text message")]
    UnexpectedText,
    /// A binary message came while no attachment was outstanding.
    #[error("unexpected binary message")]
    UnexpectedBinary,
    /// The payload is malformed or does not fit the type of the packet.
    #[error("invalid payload")]
    InvalidPayload,
    /// The event has a name that the protocol keeps for itself.
    #[error("reserved event name")]
    ReservedName,
    /// The payload nests more deeply than the limit allows.
    #[error("payload is nested too deeply")]
    TooDeep,
}

impl From<JsonFault> for Error {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Syntax => Self::InvalidPayload,
            JsonFault::TooDeep => Self::TooDeep,
        }
    }
}

impl From<MsgpackFault> for Error {
    fn from(fault: MsgpackFault) -> Self {
        match fault {
            MsgpackFault::Syntax => Self::InvalidPayload,
            MsgpackFault::TooDeep => Self::TooDeep,
        }
    }
}

/// Puts packets together from the messages of one connection.
///
/// After an error the connection must be closed; the decoder has forgotten any partial packet.
#[derive(Debug, Default)]
pub struct Decoder {
    parser: Parser,
    /// Boxed, because most connections never wait for an attachment.
    partial: Option<Box<Partial>>,
}

const _: () = assert!(size_of::<Decoder>() <= 32);

/// A packet that waits for attachments.
#[derive(Debug)]
struct Partial {
    header: Header<'static>,
    expected: usize,
    attachments: Vec<bytes::Bytes>,
    bytes: usize,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(parser: Parser) -> Self {
        Self {
            parser,
            partial: None,
        }
    }

    /// Takes a text message, without the type digit of Engine.IO. Returns `None` if attachments
    /// must follow.
    ///
    /// # Errors
    ///
    /// When the message is no packet that a client may send now.
    pub fn text<'a>(
        &mut self,
        message: &'a str,
        limits: &Limits,
    ) -> Result<Option<Packet<'a>>, Error> {
        if self.partial.take().is_some() || self.parser == Parser::MessagePack {
            return Err(Error::UnexpectedText);
        }
        let (header, expected) = decode::text(message, limits)?;
        if expected == 0 {
            return Ok(Some(header.finish(Vec::new())));
        }
        self.partial = Some(Box::new(Partial {
            header: header.into_owned(),
            expected,
            attachments: Vec::new(),
            bytes: 0,
        }));
        Ok(None)
    }

    /// Takes a binary message: an attachment, or a whole packet in MessagePack. Returns `None` if
    /// more attachments must follow.
    ///
    /// # Errors
    ///
    /// When the message is no packet or attachment that a client may send now.
    pub fn binary<'a>(
        &mut self,
        message: &'a [u8],
        limits: &Limits,
    ) -> Result<Option<Packet<'a>>, Error> {
        if self.parser == Parser::MessagePack {
            return msgpack::decode(message, limits).map(Some);
        }
        let mut partial = self.partial.take().ok_or(Error::UnexpectedBinary)?;
        partial.bytes = partial.bytes.saturating_add(message.len());
        if partial.bytes > limits.max_attachment_bytes {
            return Err(Error::AttachmentsTooLarge);
        }
        partial
            .attachments
            .push(bytes::Bytes::copy_from_slice(message));
        if partial.attachments.len() == partial.expected {
            return Ok(Some(partial.header.finish(partial.attachments)));
        }
        self.partial = Some(partial);
        Ok(None)
    }

    /// Whether attachments of a packet are outstanding.
    pub fn is_waiting(&self) -> bool {
        self.partial.is_some()
    }
}

impl<'a> Header<'a> {
    fn finish(self, attachments: Vec<bytes::Bytes>) -> Packet<'a> {
        let Self {
            namespace,
            id,
            kind,
        } = self;
        match kind {
            Kind::Connect { auth } => Packet::Connect { namespace, auth },
            Kind::Disconnect => Packet::Disconnect { namespace },
            Kind::Nothing => Packet::Nothing { namespace },
            Kind::Event { name, args } => Packet::Event {
                namespace,
                id,
                name,
                args: args.finish(attachments),
            },
            Kind::Ack { args } => Packet::Ack {
                namespace,
                id,
                args: args.finish(attachments),
            },
        }
    }
}
