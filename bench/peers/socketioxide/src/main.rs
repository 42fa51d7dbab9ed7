//! The bench profile on socketioxide over axum, with the library's default settings.
//!
//! Prints `READY <port>` once it listens and ends on SIGTERM, as every server of the benches does.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::signal::unix::{SignalKind, signal};

/// What a client asks to be told to a room.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Send {
    room_id: String,
    content: String,
}

/// What every member of the room is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    room_id: String,
    content: String,
    sender_id: String,
}

async fn on_connect(socket: SocketRef) {
    socket.on(
        "room:join",
        async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
            socket.join(room);
            ack.send(&json!({ "success": true })).ok();
        },
    );
    socket.on(
        "room:leave",
        async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
            socket.leave(room);
            ack.send(&json!({ "success": true })).ok();
        },
    );
    socket.on("chat:send", on_chat_send);
    socket.on("echo", async |Data(value): Data<Value>, ack: AckSender| {
        ack.send(&value).ok();
    });
}

async fn on_chat_send(io: SocketIo, socket: SocketRef, Data(send): Data<Send>, ack: AckSender) {
    let sender_id = socket.id.to_string();
    let room = send.room_id.clone();
    let message = Message {
        room_id: send.room_id,
        content: send.content,
        sender_id,
    };
    io.to(room).emit("chat:message", &message).await.ok();
    ack.send(&json!({ "success": true })).ok();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let port: u16 = std::env::var("PORT")
        .ok()
        .map_or(Ok(0), |port| port.parse())?;
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", on_connect);

    let listener = tokio::net::TcpListener::bind((host.as_str(), port)).await?;
    println!("READY {}", listener.local_addr()?.port());
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, axum::Router::new().layer(layer)) => served?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
