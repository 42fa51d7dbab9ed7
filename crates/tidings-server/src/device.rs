//! One connection of a user, told from all others of this server.

use tidings::SocketId;

/// A connection. The id of its socket alone would not do: a session that is continued has the same
/// id on another connection, which may be there before the end of the first one is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Device {
    /// The socket of the connection.
    pub(crate) socket: SocketId,
    /// Different for each connection.
    pub(crate) number: u64,
}
