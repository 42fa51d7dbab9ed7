//! Rooms in plain JSON over `/ws`, whose messages are stored, and `POST /api/message` for programs
//! without a WebSocket.
//!
//! A message is stored before anybody hears of it: nobody has seen what a crash could lose. The
//! store tells what is on disk in the order in which it was said, so a room is in order as well.

use std::{fmt::Display, path::Path, sync::Arc};

use anyhow::{Context, ensure};
use axum::{Json, Router, extract, extract::State, http::StatusCode, routing};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::{Hub, Server, Socket, WebSocketConfig, WebSocketHandler};
use tidings_store::{NewMessage, Page, SqliteOptions, SqliteStore, Store, Time};
use tokio::{net::TcpListener, sync::oneshot};

#[derive(Deserialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum Command {
    Auth { user_id: String },
    JoinRoom { room_id: String },
    LeaveRoom { room_id: String },
    Message(Text),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    room_id: String,
    text: String,
}

/// Who a socket has said to be.
#[derive(Clone)]
struct User(String);

struct JsonRooms(Arc<SqliteStore>);

impl JsonRooms {
    fn obey(&self, socket: &Socket, text: &str) -> anyhow::Result<()> {
        let user = || {
            socket
                .get()
                .map(|User(id)| id)
                .context("authenticate first")
        };
        match serde_json::from_str(text)? {
            Command::Auth { user_id } => {
                socket.insert(User(user_id));
                let answer = json!({ "type": "authenticated", "timestamp": time(Time::now()) });
                socket.send_text(&answer.to_string());
            }
            Command::JoinRoom { room_id } => {
                let joined = json!({ "type": "user_joined", "userId": user()?, "roomId": room_id });
                socket.join(room_of(&room_id))?;
                socket.to(room_of(&room_id)).send_text(&joined.to_string());
            }
            Command::LeaveRoom { room_id } => {
                let left = json!({ "type": "user_left", "userId": user()?, "roomId": room_id });
                socket.leave(room_of(&room_id));
                socket.to(room_of(&room_id)).send_text(&left.to_string());
            }
            Command::Message(text) => {
                let (user_id, room) = (user()?, room_of(&text.room_id));
                ensure!(
                    socket.rooms().iter().any(|it| **it == *room),
                    "join the room first"
                );
                let stored = say(&self.0, socket.hub(), &user_id, text);
                let sender = socket.clone();
                tokio::spawn(async move { stored.await.map_err(|error| tell(&sender, &error)) });
            }
        }
        Ok(())
    }
}

impl WebSocketHandler for JsonRooms {
    fn text(&self, socket: &Socket, text: &str) {
        if let Err(error) = self.obey(socket, text) {
            tell(socket, &error);
        }
    }
}

fn tell(socket: &Socket, error: &anyhow::Error) {
    socket.send_text(&json!({ "type": "error", "message": error.to_string() }).to_string());
}

fn room_of(room_id: &str) -> String {
    format!("room {room_id}")
}

fn time(at: Time) -> Option<String> {
    let at = Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(format!("{at:.3}"))
}

/// Queues a message to be stored, at once; when it is, the room gets it, and the future ends.
fn say(
    store: &SqliteStore,
    hub: &Hub,
    user_id: &str,
    Text { room_id, text }: Text,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let new = NewMessage::new(&room_id, user_id, &text, Time::now());
    let (room, user_id) = (hub.to(room_of(&room_id)), user_id.to_owned());
    let (done, stored) = oneshot::channel();
    let queued = store.append(
        new,
        Box::new(move |outcome| {
            let outcome = outcome.map(|it| {
                let message = json!({
                    "type": "message", "id": it.message_id, "userId": user_id, "text": text,
                    "roomId": room_id, "timestamp": time(it.at),
                });
                room.send_text(&message.to_string());
            });
            let _ = done.send(outcome);
        }),
    );
    async {
        queued?;
        Ok(stored.await??)
    }
}

type Backend = State<(Arc<SqliteStore>, Hub)>;
type Failure = (StatusCode, String);

fn failure(error: impl Display) -> Failure {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

async fn post(State((store, hub)): Backend, Json(it): Json<Text>) -> Result<Json<Value>, Failure> {
    say(&store, &hub, "server", it).await.map_err(failure)?;
    Ok(Json(json!({ "sent": true })))
}

async fn history(
    State((store, _)): Backend,
    extract::Path(room_id): extract::Path<String>,
) -> Result<Json<Vec<Value>>, Failure> {
    let page = store
        .history(&room_id, Page::newest(50))
        .await
        .map_err(failure)?;
    let messages = page.messages.iter().map(|it| {
        json!({
            "type": "message", "id": it.message_id, "userId": it.sender, "text": it.content,
            "roomId": room_id, "timestamp": time(it.at),
        })
    });
    Ok(Json(messages.collect()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file = std::env::var("DATABASE").unwrap_or_else(|_| "json_rooms.db".to_owned());
    let store = Arc::new(SqliteStore::open(
        Path::new(&file),
        SqliteOptions::default(),
    )?);
    let rooms = JsonRooms(Arc::clone(&store));
    let server = Server::builder()
        .websocket("/ws", WebSocketConfig::new(), rooms)
        .build()?;
    let hub = server.hub("/ws").context("the endpoint is there")?;
    let api = Router::new()
        .route("/api/message", routing::post(post))
        .route("/api/messages/{room_id}", routing::get(history))
        .with_state((store, hub));

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve_with(listener, api).await?)
}
