//! Compressed batches: a client that expects very many small events is sent one event `batch` for
//! up to 100 of them, or for what came within 50 ms; and any message of 1,024 bytes or more is
//! compressed, once for all who are sent the same.

use std::time::Duration;

use serde_json::json;
use tidings::{
    Args, Cors, Data, EmitError, EngineConfig, Hub, Namespace, Server, Socket, SocketIo, State,
    WebSocketConfig,
};
use tokio::net::TcpListener;

const COMPRESSED_FROM_BYTES: usize = 1024;
const BATCH: usize = 100;

async fn batch(socket: Socket, State(interval): State<Duration>) {
    socket.batch(BATCH, interval);
}

async fn message(hub: Hub, args: Args) -> Result<(), EmitError> {
    hub.everyone().emit("message", args)
}

/// Sends everybody so many small events at once, as a market does when it opens.
async fn burst(hub: Hub, Data(count): Data<u32>) -> Result<(), EmitError> {
    for n in 0..count.min(10_000) {
        hub.everyone().emit("tick", &json!({ "n": n }))?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let interval = std::env::var("BATCH_INTERVAL_MS").unwrap_or_else(|_| "50".to_owned());
    let interval = Duration::from_millis(interval.parse()?);
    let namespace = Namespace::new()
        .middleware(batch)
        .on("message", message)
        .on("burst", burst)
        .with_state(interval);
    let engine = EngineConfig::new()
        .cors(Cors::any())
        .deflate(Some(COMPRESSED_FROM_BYTES));
    let websocket = WebSocketConfig::new().deflate(Some(COMPRESSED_FROM_BYTES));
    let server = Server::builder()
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .envelope("/ws", websocket, "/")
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
