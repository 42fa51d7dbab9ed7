//! Every bound that a client could otherwise grow, in one place.

use std::time::Duration;

/// Bounds of a server. All are on; [`Default`] has sensible values for the open Internet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that may wait to be written to one connection. A client that falls further behind
    /// is closed with [`CloseCode::SLOW_CONSUMER`]; one message may always wait, whatever its
    /// size. 1 MiB.
    ///
    /// [`CloseCode::SLOW_CONSUMER`]: tidings_protocol::close::CloseCode::SLOW_CONSUMER
    pub outbox_bytes: usize,
    /// Messages that may wait for one connection whose socket takes no more, within the bytes
    /// above and with the same end when there are more. What was never offered to the socket, as
    /// in a burst, is not the client's slowness and only counts in bytes. Any number.
    pub outbox_messages: usize,
    /// Connections of a server; above it a handshake is answered with 503. 100,000.
    pub connections: usize,
    /// Handlers that may run at once for one connection; above it the client is not read from.
    /// 256.
    pub handlers_in_flight: usize,
    /// Rooms that one socket may be in, its own not counted. 128.
    pub rooms_per_socket: usize,
    /// Bytes of a room's name. 255.
    pub room_name_bytes: usize,
    /// Namespaces that one connection may join. 64.
    pub namespaces_per_connection: usize,
    /// Packets that wait while a namespace is being joined. 128.
    pub packets_while_joining: usize,
    /// Binary attachments of one Socket.IO packet. 10, as in the reference.
    pub attachments: usize,
    /// Bytes of all attachments of one Socket.IO packet. 10 MB.
    pub attachment_bytes: usize,
    /// Time for the attachments of a packet to arrive. 10 s.
    pub attachment_timeout: Duration,
    /// Nesting of JSON and MessagePack values. 128.
    pub nesting: usize,
    /// Packets in one polling payload. 10,000.
    pub packets_per_payload: usize,
    /// Fragments of one WebSocket message. 1,024.
    pub fragments: u32,
    /// How many times its wire size a compressed message may inflate to. 10.
    pub inflate_ratio: u32,
    /// Time for a request's headers to arrive. 10 s.
    pub header_timeout: Duration,
    /// Bytes of a request's headers. 16 KiB.
    pub header_bytes: usize,
    /// Headers of a request. 64.
    pub headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            outbox_bytes: 1024 * 1024,
            outbox_messages: usize::MAX,
            connections: 100_000,
            handlers_in_flight: 256,
            rooms_per_socket: 128,
            room_name_bytes: 255,
            namespaces_per_connection: 64,
            packets_while_joining: 128,
            attachments: 10,
            attachment_bytes: 10_000_000,
            attachment_timeout: Duration::from_secs(10),
            nesting: 128,
            packets_per_payload: 10_000,
            fragments: 1024,
            inflate_ratio: 10,
            header_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            headers: 64,
        }
    }
}
