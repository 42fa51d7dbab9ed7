//! What an open session does with the packets of its client.

use std::sync::Arc;

use tidings_protocol::engine::{self, Packet};

use crate::{
    reason::CloseReason,
    transport::connection::{Connection, Goodbye},
};

/// Takes a WebSocket text message. False when the session is over.
pub(crate) fn receive_text(connection: &Arc<Connection>, text: &str) -> bool {
    match engine::decode_text(text) {
        Ok(packet) => receive(connection, packet),
        Err(_) => unreadable(connection),
    }
}

/// The session ends because its client sent something that is no packet.
pub(crate) fn unreadable(connection: &Arc<Connection>) -> bool {
    connection.end(CloseReason::ParseError, Goodbye::Frame(None, ""));
    false
}

/// Takes one packet. False when the session is over.
pub(crate) fn receive(connection: &Arc<Connection>, packet: Packet<'_>) -> bool {
    match packet {
        Packet::Message(text) => connection.deliver(|receiver| receiver.text(connection, text)),
        Packet::Binary(bytes) => connection.deliver(|receiver| receiver.binary(connection, &bytes)),
        Packet::Pong(_) => {
            connection.pong();
            true
        }
        Packet::Close => {
            // A waiting GET learns from a noop that it is over, as in the reference.
            connection.with_polling(|_, polling| {
                if let Some(waiting) = polling.waiting.take() {
                    let _ = waiting.send(crate::transport::outbox::PollAnswer {
                        payload: b"6".to_vec(),
                        compress: false,
                    });
                }
            });
            connection.end(CloseReason::TransportClose, Goodbye::Frame(None, ""));
            false
        }
        // In this version of the protocol, only the server asks.
        Packet::Ping(_) => {
            connection.end(CloseReason::TransportError, Goodbye::Frame(None, ""));
            false
        }
        Packet::Open(_) | Packet::Upgrade | Packet::Noop => true,
    }
}
