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
    /// Server-Sent Events.
    EventStream,
    /// WebSocket messages as they are; events mean nothing to it.
    Raw,
    /// None: the client only asks and is answered, and is sent nothing.
    Silent,
}

impl Encoding {
    /// How many there are.
    pub(crate) const COUNT: usize = 8;

    /// A number below [`COUNT`](Self::COUNT), one for each in which something can be said.
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
            Self::Silent => return None,
        })
    }
}
