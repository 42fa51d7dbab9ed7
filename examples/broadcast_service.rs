//! A service with which the rest of a backend reaches the clients: a user, a room, a room except
//! the sender, all, several rooms, and a user who has to acknowledge.
//!
//! Clients say in the handshake who they are (`auth: {userId}`), and join rooms with `join`. The
//! rest of the backend is `POST /send` here, with a target, an event and its data.

use std::time::Duration;

use anyhow::{Context, bail};
use axum::{Json, Router, extract::State, routing};
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::{
    Auth, ConnectRefused, Cors, Data, EmitError, EngineConfig, Hub, JoinError, Namespace, Reply,
    Server, Socket, SocketIo,
};
use tokio::net::TcpListener;

#[derive(Clone)]
struct BroadcastService {
    hub: Hub,
    ack_timeout: Duration,
}

/// An event with its data.
#[derive(Deserialize)]
struct Message {
    event: String,
    data: Value,
}

impl BroadcastService {
    fn to_user(&self, user_id: &str, it: &Message) -> Result<(), EmitError> {
        self.hub.to(user(user_id)).emit(&it.event, &it.data)
    }

    fn to_room(&self, room_id: &str, it: &Message) -> Result<(), EmitError> {
        self.hub.to(room(room_id)).emit(&it.event, &it.data)
    }

    /// A socket's id names a room that holds it alone, which can be left out like any other.
    fn to_others(&self, room_id: &str, sender: &str, it: &Message) -> Result<(), EmitError> {
        let others = self.hub.to(room(room_id)).except(sender);
        others.emit(&it.event, &it.data)
    }

    /// Who is in several of the rooms hears it once.
    fn to_rooms(&self, room_ids: &[String], it: &Message) -> Result<(), EmitError> {
        let Some((first, others)) = room_ids.split_first() else {
            return Ok(()); // A selection without any room would be everybody.
        };
        let rooms = self.hub.to(room(first));
        let rooms = others.iter().fold(rooms, |rooms, id| rooms.to(room(id)));
        rooms.emit(&it.event, &it.data)
    }

    fn to_all(&self, it: &Message) -> Result<(), EmitError> {
        self.hub.everyone().emit(&it.event, &it.data)
    }

    /// Gives what the user's device has answered, or the first of several.
    async fn ask_user(&self, user_id: &str, it: &Message) -> anyhow::Result<Value> {
        let asked = self
            .hub
            .to(user(user_id))
            .emit_with_ack(&it.event, &it.data)?;
        let devices = asked.timeout(self.ack_timeout).await;
        match devices.answers.first() {
            Some(answer) => Ok(answer.get(0).unwrap_or_default()),
            None if devices.missing > 0 => bail!("Acknowledgment timeout"),
            None => bail!("User not connected"),
        }
    }
}

fn user(user_id: &str) -> String {
    format!("user {user_id}")
}

fn room(room_id: &str) -> String {
    format!("room {room_id}")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Target {
    User(String),
    UserWithAck(String),
    Room(String),
    RoomExcept { room: String, sender: String },
    Rooms(Vec<String>),
    All,
}

#[derive(Deserialize)]
struct Order {
    to: Target,
    #[serde(flatten)]
    message: Message,
}

async fn deliver(service: &BroadcastService, order: Order) -> anyhow::Result<Value> {
    let it = &order.message;
    match order.to {
        Target::UserWithAck(id) => return service.ask_user(&id, it).await,
        Target::User(id) => service.to_user(&id, it)?,
        Target::Room(id) => service.to_room(&id, it)?,
        Target::RoomExcept { room, sender } => service.to_others(&room, &sender, it)?,
        Target::Rooms(ids) => service.to_rooms(&ids, it)?,
        Target::All => service.to_all(it)?,
    }
    Ok(Value::Null)
}

async fn send(State(service): State<BroadcastService>, Json(order): Json<Order>) -> Json<Value> {
    Json(match deliver(&service, order).await {
        Ok(answer) => json!({ "success": true, "answer": answer }),
        Err(error) => json!({ "success": false, "error": error.to_string() }),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    user_id: String,
}

async fn identify(socket: Socket, Auth(it): Auth<Credentials>) -> Result<(), ConnectRefused> {
    Ok(socket.join(user(&it.user_id))?)
}

async fn join(socket: Socket, Data(room_id): Data<String>) -> Result<Reply<bool>, JoinError> {
    socket.join(room(&room_id))?;
    Ok(Reply(true))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let clients = Namespace::new().middleware(identify).on("join", join);
    let engine = EngineConfig::new().cors(Cors::any());
    let server = Server::builder()
        .namespace("/", clients)
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .build()?;

    let ack_timeout = std::env::var("ACK_TIMEOUT_MS").unwrap_or_else(|_| "5000".to_owned());
    let service = BroadcastService {
        hub: server.hub("/").context("the namespace is there")?,
        ack_timeout: Duration::from_millis(ack_timeout.parse()?),
    };
    let backend = Router::new()
        .route("/send", routing::post(send))
        .with_state(service);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve_with(listener, backend).await?)
}
