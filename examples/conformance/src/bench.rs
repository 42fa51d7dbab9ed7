//! `PROFILE=bench`: what load generators drive. Default settings, nothing logged.

use serde::{Deserialize, Serialize};
use tidings::{
    Args, Data, EmitError, JoinError, Namespace, Reply, Server, Socket, SocketId, SocketIo,
    WebSocketConfig, WebSocketHandler,
};

use crate::settings::Settings;

#[derive(Serialize)]
struct Success {
    success: bool,
}

const SUCCESS: Reply<Success> = Reply(Success { success: true });

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Send {
    room_id: String,
    content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    room_id: &'a str,
    content: &'a str,
    sender_id: SocketId,
}

async fn join(socket: Socket, Data(room): Data<String>) -> Result<Reply<Success>, JoinError> {
    socket.join(room)?;
    Ok(SUCCESS)
}

async fn leave(socket: Socket, Data(room): Data<String>) -> Reply<Success> {
    socket.leave(room);
    SUCCESS
}

async fn send(socket: Socket, Data(send): Data<Send>) -> Result<Reply<Success>, EmitError> {
    let message = Message {
        room_id: &send.room_id,
        content: &send.content,
        sender_id: socket.id(),
    };
    socket
        .hub()
        .to(&send.room_id)
        .emit("chat:message", &message)?;
    Ok(SUCCESS)
}

async fn echo(args: Args) -> Args {
    args
}

/// Sends every text message to everybody.
struct Relay;

impl WebSocketHandler for Relay {
    fn text(&self, socket: &Socket, text: &str) {
        socket.hub().everyone().send_text(text);
    }
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let namespace = Namespace::new()
        .on("room:join", join)
        .on("room:leave", leave)
        .on("chat:send", send)
        .on("echo", echo);
    let config = SocketIo::new().engine(settings.engine(25_000, 20_000));
    Ok(Server::builder()
        .namespace("/", namespace)
        .socketio("/socket.io/", config)
        .websocket("/ws", WebSocketConfig::new(), Relay)
        .build()?)
}
