//! Close codes: why a WebSocket ends, and what that asks of the client.
//!
//! The codes below 3000 are those of [RFC 6455 section 7.4.1] and of its IANA registry; those from
//! 3000 on are Tidings' own. The hundreds carry meaning, so that a client that meets a code it has
//! never heard of still knows what to do: 3000 to 3499 asks it to come back, 3500 to 3999 tells it
//! to stay away until something on its side has changed.
//!
//! [RFC 6455 section 7.4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1

use std::fmt;

/// The number in a close frame that says why the connection ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(
    /// The number as it goes over the wire.
    pub u16,
);

impl CloseCode {
    /// The purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The endpoint goes away: a page is left, a server goes down.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of data that this endpoint does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// A message does not hold what its kind promises, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// The peer broke a rule of this endpoint for which there is no better code.
    pub const POLICY: Self = Self(1008);
    /// A message is bigger than this endpoint takes.
    pub const TOO_BIG: Self = Self(1009);
    /// The server met something that it did not expect.
    pub const INTERNAL: Self = Self(1011);

    /// The server shuts down; another one, or this one again, takes over.
    pub const SHUTDOWN: Self = Self(3001);
    /// The token ran out while connected; come back with a fresh one.
    pub const TOKEN_EXPIRED: Self = Self(3005);
    /// The client read too slowly and its outbox is full.
    pub const SLOW_CONSUMER: Self = Self(3008);
    /// The server's application sends the client away for a moment, to come back anew.
    pub const RECONNECT: Self = Self(3011);
    /// The client did not answer a ping in time.
    pub const NO_PONG: Self = Self(3012);
    /// The client sent more requests than it is allowed; come back after a while.
    pub const TOO_MANY_REQUESTS: Self = Self(3013);
    /// The token is malformed, wrongly signed or not meant for this server.
    pub const INVALID_TOKEN: Self = Self(3500);
    /// The client sent something that is well-formed WebSocket but makes no sense.
    pub const BAD_REQUEST: Self = Self(3501);
    /// The client did not finish its handshake in time.
    pub const STALE: Self = Self(3502);
    /// The server's application does not want the client any more.
    pub const DISMISSED: Self = Self(3503);
    /// The client has as many connections as it may have.
    pub const CONNECTION_LIMIT: Self = Self(3504);
    /// The client may not do what it asked for.
    pub const PERMISSION_DENIED: Self = Self(3507);

    /// Tells whether a peer may put this code into a close frame.
    ///
    /// These are the codes that RFC 6455 section 7.4.1 and the IANA registry define for the wire,
    /// and the ranges of section 7.4.2 for libraries and applications. The codes 1005, 1006 and
    /// 1015 are for local use only.
    pub fn may_be_received(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// A few words for the reason of a close frame, for who reads it in a browser's console.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::SHUTDOWN => "shutting down",
            Self::TOKEN_EXPIRED => "token expired",
            Self::SLOW_CONSUMER => "slow consumer",
            Self::RECONNECT => "reconnect",
            Self::NO_PONG => "no pong",
            Self::TOO_MANY_REQUESTS => "too many requests",
            Self::INVALID_TOKEN => "invalid token",
            Self::BAD_REQUEST => "bad request",
            Self::STALE => "stale",
            Self::DISMISSED => "dismissed",
            Self::CONNECTION_LIMIT => "connection limit",
            Self::PERMISSION_DENIED => "permission denied",
            _ => "",
        }
    }

    /// Tells whether a client that was closed with this code should connect again.
    ///
    /// Of the standard codes those that tell of the server's or the network's condition say yes,
    /// those that tell of something the client would only repeat say no. The private range is cut
    /// in halves like ours: 4000 to 4499 yes, 4500 to 4999 no.
    pub fn reconnect(self) -> bool {
        matches!(self.0, 1001 | 1005 | 1006 | 1011..=1014 | 3000..=3499 | 4000..=4499)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn only_wire_codes_may_be_received() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
        ] {
            assert!(CloseCode(code).may_be_received(), "{code}");
        }
        for code in [
            0,
            999,
            1004,
            1005,
            1006,
            1015,
            1016,
            1100,
            2000,
            2999,
            5000,
            u16::MAX,
        ] {
            assert!(!CloseCode(code).may_be_received(), "{code}");
        }
    }

    #[test]
    fn the_hundreds_say_whether_to_come_back() {
        for code in [
            CloseCode::SHUTDOWN,
            CloseCode::TOKEN_EXPIRED,
            CloseCode::SLOW_CONSUMER,
        ] {
            assert!(code.reconnect(), "{code}");
        }
        for code in [CloseCode::GOING_AWAY, CloseCode::INTERNAL, CloseCode(1006)] {
            assert!(code.reconnect(), "{code}");
        }
        for code in [
            CloseCode::INVALID_TOKEN,
            CloseCode::STALE,
            CloseCode::PERMISSION_DENIED,
        ] {
            assert!(!code.reconnect(), "{code}");
        }
        for code in [
            CloseCode::NORMAL,
            CloseCode::PROTOCOL_ERROR,
            CloseCode::TOO_BIG,
        ] {
            assert!(!code.reconnect(), "{code}");
        }
    }
}
