//! A chat over Socket.IO: who is online, private messages, rooms, typing, and a document that
//! everybody edits.
//!
//! A user is a room, in which are the sockets of all their devices.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tidings::{
    Args, Cors, Data, EmitError, EngineConfig, Extension, Hub, JoinError, Namespace, Server,
    Socket, SocketIo, State,
};
use tokio::net::TcpListener;

/// The user of a socket, once it has said `user_online`.
#[derive(Clone)]
struct User(String);

/// Held while everybody is told who is online, so that the last list is the newest.
type Turn = Arc<Mutex<()>>;

async fn user_online(
    socket: Socket,
    hub: Hub,
    turn: State<Turn>,
    Data(user_id): Data<String>,
) -> Result<(), JoinError> {
    if let Some(User(before)) = socket.get() {
        socket.leave(format!("user {before}"));
    }
    socket.join(format!("user {user_id}"))?;
    socket.insert(User(user_id));
    tell_who_is_online(hub, turn).await;
    Ok(())
}

async fn tell_who_is_online(hub: Hub, State(turn): State<Turn>) {
    let _turn = turn.lock();
    let rooms = hub.rooms();
    let users: Vec<&str> = rooms
        .iter()
        .filter_map(|it| it.strip_prefix("user "))
        .collect();
    let _ = hub.everyone().emit("online_users", &users);
}

#[derive(Deserialize)]
struct PrivateMessage {
    to: String,
    content: String,
}

async fn private_message(
    hub: Hub,
    Extension(User(from)): Extension<User>,
    Data(it): Data<PrivateMessage>,
) -> Result<(), EmitError> {
    let message = json!({ "from": from, "content": it.content, "timestamp": now() });
    hub.to(format!("user {}", it.to))
        .emit("new_message", &message)
}

async fn join_room(socket: Socket, Data(room): Data<String>) -> Result<(), JoinError> {
    socket.join(format!("room {room}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoomMessage {
    room_id: String,
    content: String,
}

async fn room_message(
    hub: Hub,
    Extension(User(from)): Extension<User>,
    Data(it): Data<RoomMessage>,
) -> Result<(), EmitError> {
    let RoomMessage { room_id, content } = it;
    let room = hub.to(format!("room {room_id}"));
    let message =
        json!({ "from": from, "content": content, "roomId": room_id, "timestamp": now() });
    room.emit("new_message", &message)
}

#[derive(Deserialize)]
struct Typing {
    to: String,
}

async fn typing(
    hub: Hub,
    Extension(User(user_id)): Extension<User>,
    Data(it): Data<Typing>,
) -> Result<(), EmitError> {
    let whom = hub.to(format!("user {}", it.to));
    whom.emit("user_typing", &json!({ "userId": user_id }))
}

async fn document_update(socket: Socket, update: Args) -> Result<(), EmitError> {
    socket.broadcast().emit("document_update", update)
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chat = Namespace::new()
        .on("user_online", user_online)
        .on("private_message", private_message)
        .on("join_room", join_room)
        .on("room_message", room_message)
        .on("typing", typing)
        .on("document_update", document_update)
        .on_disconnect(tell_who_is_online)
        .with_state(Turn::default());
    let engine = EngineConfig::new().cors(Cors::any());
    let server = Server::builder()
        .namespace("/", chat)
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
