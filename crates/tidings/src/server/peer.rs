//! Who is at the other end of a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Extensions;

/// The peer of a request, as an extension of it.
///
/// The listeners of this library set it. Behind another HTTP server, set it in a layer; without
/// it, the address of a handshake is `0.0.0.0:0`.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The address at the other end of the TCP connection.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

impl Peer {
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            secure: false,
        })
    }
}
