//! The broadcast hub: every message, text or binary, goes to everybody, its sender included.
//!
//! Nobody can make the others wait. A client whose socket takes no more has up to 256 messages
//! waiting for it; the next one finds it too slow, and it is let go of.

use tidings::{CloseReason, Limits, Server, Socket, WebSocketConfig, WebSocketHandler};
use tokio::net::TcpListener;

const WAITING_MESSAGES: usize = 256;
const MESSAGE_BYTES: usize = 256 * 1024;

struct BroadcastHub;

impl WebSocketHandler for BroadcastHub {
    fn opened(&self, socket: &Socket) {
        println!("{} came: {} clients", socket.id(), socket.hub().len());
    }

    fn text(&self, socket: &Socket, text: &str) {
        socket.hub().everyone().send_text(text);
    }

    fn binary(&self, socket: &Socket, bytes: &[u8]) {
        socket.hub().everyone().send_binary(bytes);
    }

    fn closed(&self, socket: &Socket, reason: CloseReason) {
        println!("{} left: {reason}", socket.id());
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut limits = Limits::default();
    limits.outbox_messages = WAITING_MESSAGES;
    // They may all be of the largest size. They are shared: a hundred slow clients that wait for
    // the same message hold it once.
    limits.outbox_bytes = WAITING_MESSAGES * MESSAGE_BYTES;
    let config = WebSocketConfig::new().max_payload(MESSAGE_BYTES).any_path();
    let server = Server::builder()
        .limits(limits)
        .websocket("/", config, BroadcastHub)
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
