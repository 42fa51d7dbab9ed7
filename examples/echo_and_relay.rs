//! Echo and relay: whoever says something is told that it arrived, and all others are told what
//! it was.

use tidings::{Server, Socket, WebSocketConfig, WebSocketHandler};
use tokio::net::TcpListener;

struct EchoAndRelay;

impl WebSocketHandler for EchoAndRelay {
    fn text(&self, socket: &Socket, text: &str) {
        socket.send_text(&format!("服务器已收到您的消息:“{text}”"));
        let others = socket.broadcast();
        others.send_text(&format!("有新消息来自其他客户端:{text}"));
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = WebSocketConfig::new().any_path();
    let server = Server::builder()
        .websocket("/", config, EchoAndRelay)
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
