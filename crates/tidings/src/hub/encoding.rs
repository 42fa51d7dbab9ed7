//! In which form a socket is sent events.

use tidings_protocol::{envelope::Format, socket::Parser};

/// The form in which a socket is sent events. One published event is encoded at most once for
/// each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Socket.IO packets.
    SocketIo { parser: Parser, recovery: bool },
    /// The plain `{type, data}` envelope.
    Envelope(Format),
    /// Items `{type, data}` of one packet for several events; what cannot be an item is a packet.
    BatchedSocketIo { parser: Parser, recovery: bool },
    /// Items `{type, data}` of one envelope for several events.
    BatchedEnvelope(Format),
    /// Server-Sent Events.
    EventStream,
    /// WebSocket messages as they are; events mean nothing to it.
    Raw,
    /// None: the client only asks and is answered, and is sent nothing.
    Silent,
}

impl Encoding {
    /// How many there are.
    pub(crate) const COUNT: usize = 11;

    /// The form that several events take together; `None` when there is none.
    pub(crate) fn batched(self) -> Option<Self> {
        match self {
            Self::SocketIo { parser, recovery } => Some(Self::BatchedSocketIo { parser, recovery }),
            Self::Envelope(format) => Some(Self::BatchedEnvelope(format)),
            _ => None,
        }
    }

    /// The form that an event takes alone.
    pub(crate) fn alone(self) -> Self {
        match self {
            Self::BatchedSocketIo { parser, recovery } => Self::SocketIo { parser, recovery },
            Self::BatchedEnvelope(format) => Self::Envelope(format),
            other => other,
        }
    }

    /// A number below [`COUNT`](Self::COUNT), one for each in which something can be said in
    /// bytes of its own: items are the same in MessagePack for whomever they are.
    pub(crate) fn index(self) -> Option<usize> {
        Some(match self {
            Self::SocketIo {
                parser: Parser::Json,
                recovery,
            } => usize::from(recovery),
            Self::SocketIo {
                parser: Parser::MessagePack,
                recovery,
            } => 2 + usize::from(recovery),
            Self::Envelope(Format::Json) => 4,
            Self::Envelope(Format::MessagePack) => 5,
            Self::EventStream => 6,
            Self::Raw => 7,
            Self::BatchedSocketIo {
                parser: Parser::Json,
                ..
            } => 8,
            Self::BatchedEnvelope(Format::Json) => 9,
            Self::BatchedSocketIo {
                parser: Parser::MessagePack,
                ..
            }
            | Self::BatchedEnvelope(Format::MessagePack) => 10,
            Self::Silent => return None,
        })
    }
}
