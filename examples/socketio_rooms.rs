//! Rooms over Socket.IO for users who have said who they are, and an HTTP side: numbers for
//! whoever watches the server, and what a backend has to say to its users.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{MethodRouter, get, post},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::{
    Args, Cors, Data, EmitError, EngineConfig, EventInfo, EventName, Extension, Hub, Namespace,
    Reply, Server, Socket, SocketIo,
};
use tokio::net::TcpListener;

/// Who a socket has said to be.
#[derive(Clone, Deserialize)]
struct User {
    id: String,
    username: String,
}

/// The user of the socket, for handlers that are for users.
type Me = Extension<User>;

impl User {
    fn told(&self) -> Value {
        json!({ "userId": self.id, "username": self.username })
    }

    fn told_in(&self, room_id: &str) -> Value {
        json!({ "roomId": room_id, "userId": self.id, "username": self.username })
    }
}

fn user_of(user_id: &str) -> String {
    format!("user {user_id}")
}

fn room_of(room_id: &str) -> String {
    format!("room {room_id}")
}

/// Lets nothing but `auth` pass before there is a user.
async fn require_user(event: EventInfo) -> Result<Args, &'static str> {
    if event.name == "auth" || event.socket.get::<User>().is_some() {
        return Ok(event.args);
    }
    let _ = event
        .socket
        .emit("error", &json!({ "message": "Not authenticated" }));
    Err("Not authenticated")
}

async fn auth(socket: Socket, Data(user): Data<User>) -> anyhow::Result<Reply<Value>> {
    socket.join(user_of(&user.id))?;
    socket.broadcast().emit("user:online", &user.told())?;
    socket.insert(user);
    Ok(Reply(json!({ "success": true })))
}

async fn disconnected(hub: Hub, me: Me) -> Result<(), EmitError> {
    hub.everyone().emit("user:offline", &me.told())
}

async fn room_join(socket: Socket, me: Me, Data(room_id): Data<String>) -> anyhow::Result<()> {
    socket.join(room_of(&room_id))?;
    let others = socket.to(room_of(&room_id));
    Ok(others.emit("room:user:joined", &me.told_in(&room_id))?)
}

async fn room_leave(socket: Socket, me: Me, Data(room_id): Data<String>) -> Result<(), EmitError> {
    socket.leave(room_of(&room_id));
    let others = socket.to(room_of(&room_id));
    others.emit("room:user:left", &me.told_in(&room_id))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatMessage {
    room_id: String,
    text: String,
}

async fn chat_message(hub: Hub, me: Me, Data(it): Data<ChatMessage>) -> Result<(), EmitError> {
    static LAST_ID: AtomicU64 = AtomicU64::new(0);
    let id = format!("message-{}", LAST_ID.fetch_add(1, Ordering::Relaxed) + 1);
    let room = hub.to(room_of(&it.room_id));
    let message = json!({
        "id": id, "senderId": me.id, "senderName": me.username, "text": it.text,
        "roomId": it.room_id, "timestamp": format!("{:.3}", Timestamp::now()),
        "status": "delivered",
    });
    room.emit("chat:message", &message)?;
    let read = json!({ "messageId": id, "status": "read" });
    room.emit("chat:message:ack", &read)
}

async fn typing(
    socket: Socket,
    me: Me,
    EventName(event): EventName,
    Data(room_id): Data<String>,
) -> Result<(), EmitError> {
    let typing = event == "typing:start";
    let indicator = json!({ "userId": me.id, "username": me.username, "isTyping": typing });
    socket
        .to(room_of(&room_id))
        .emit("typing:indicator", &indicator)
}

fn update_user(hub: &Hub, user_id: &str, update: &Value) -> Result<(), EmitError> {
    hub.to(user_of(user_id)).emit("user:updated", update)
}

fn message_user(hub: &Hub, user_id: &str, message: &Value) -> Result<(), EmitError> {
    hub.to(user_of(user_id)).emit("user:message", message)
}

fn notify_room(hub: &Hub, room_id: &str, notice: &Value) -> Result<(), EmitError> {
    hub.to(room_of(room_id)).emit("room:notification", notice)
}

/// `POST` of JSON, for the user or the room that the path names.
fn calls(hub: &Hub, run: fn(&Hub, &str, &Value) -> Result<(), EmitError>) -> MethodRouter {
    let hub = hub.clone();
    post(async move |Path(id): Path<String>, Json(it): Json<Value>| {
        run(&hub, &id, &it).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    })
}

fn metrics(server: &Server, hub: &Hub) -> MethodRouter {
    let (server, hub) = (server.clone(), hub.clone());
    get(async move || {
        Json(json!({
            "activeConnections": server.connections(),
            "connectedSockets": hub.len(),
            "rooms": hub.rooms().iter().filter(|it| it.starts_with("room ")).count(),
        }))
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rooms = Namespace::new()
        .event_middleware(require_user)
        .on("auth", auth)
        .on("room:join", room_join)
        .on("room:leave", room_leave)
        .on("chat:message", chat_message)
        .on("typing:start", typing)
        .on("typing:stop", typing)
        .on_disconnect(disconnected);
    let engine = EngineConfig::new()
        .cors(Cors::any())
        .on_connection_error(|error| eprintln!("connection_error: {error:?}"));
    let server = Server::builder()
        .namespace("/", rooms)
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .build()?;

    let hub = server.hub("/").context("the namespace is there")?;
    let pages = Router::new()
        .route("/metrics/websocket", metrics(&server, &hub))
        .route("/users/{id}", calls(&hub, update_user))
        .route("/users/{id}/messages", calls(&hub, message_user))
        .route("/rooms/{id}/notifications", calls(&hub, notify_room));

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve_with(listener, pages).await?)
}
