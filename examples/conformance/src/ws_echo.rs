//! `PROFILE=ws-echo`: every message goes back with its type, on any path.

use tidings::{Server, Socket, WebSocketConfig, WebSocketHandler};

use crate::settings::Settings;

pub(crate) struct Echo;

impl WebSocketHandler for Echo {
    fn text(&self, socket: &Socket, text: &str) {
        socket.connection().send_text(text);
    }

    fn binary(&self, socket: &Socket, bytes: &[u8]) {
        socket.connection().send_binary(bytes);
    }
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let max_payload = settings.max_payload.unwrap_or(64 * 1024 * 1024);
    let mut limits = settings.limits();
    // The Autobahn suite cuts messages into as many pieces as it likes, and sends text that
    // compresses a thousandfold.
    limits.fragments = u32::MAX;
    limits.inflate_ratio = u32::MAX;
    // An echo may have to wait while the suite is still sending the next.
    limits.outbox_bytes = 4 * max_payload;
    let config = WebSocketConfig::new()
        .max_payload(max_payload)
        .deflate(settings.deflate.then_some(0))
        .any_path();
    Ok(Server::builder()
        .limits(limits)
        .websocket("/", config, Echo)
        .build()?)
}
