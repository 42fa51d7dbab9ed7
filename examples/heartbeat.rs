//! Heartbeat: every client is pinged every 30 seconds, and terminated when it stays silent until
//! the next ping would be due. The library does both; what is left is to greet, and to survive
//! whatever a client takes for JSON.

use std::time::Duration;

use serde_json::{Value, json};
use tidings::{CloseReason, Server, Socket, WebSocketConfig, WebSocketHandler};
use tokio::net::TcpListener;

struct Heartbeat;

impl WebSocketHandler for Heartbeat {
    fn opened(&self, socket: &Socket) {
        let welcome = json!({ "type": "welcome", "clientId": socket.id() });
        socket.send_text(&welcome.to_string());
    }

    fn text(&self, socket: &Socket, text: &str) {
        let answer = match serde_json::from_str::<Value>(text) {
            Ok(message) => json!({ "type": "echo", "data": message }),
            Err(error) => json!({ "type": "error", "message": format!("invalid JSON: {error}") }),
        };
        socket.send_text(&answer.to_string());
    }

    fn closed(&self, socket: &Socket, reason: CloseReason) {
        println!("{} left: {reason}", socket.id());
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let interval = std::env::var("PING_INTERVAL_MS").unwrap_or_else(|_| "30000".to_owned());
    let interval = Duration::from_millis(interval.parse()?);
    let config = WebSocketConfig::new()
        .ping_interval(interval)
        .ping_timeout(interval)
        .any_path();
    let server = Server::builder()
        .websocket("/", config, Heartbeat)
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
