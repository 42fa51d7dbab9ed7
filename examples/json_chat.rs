//! A chat in JSON: users log in by name, and talk to one another or to everybody.
//!
//! There is no table of users. A user is a room, in which are the sockets that have logged in
//! under that name; who is online is which rooms there are.

use anyhow::Context;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tidings::{CloseReason, Hub, JoinError, Server, Socket, WebSocketConfig, WebSocketHandler};
use tokio::net::TcpListener;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Command {
    Login { user_id: String },
    PrivateMessage { to: String, content: String },
    Broadcast { content: String },
}

/// The name under which a socket has logged in.
#[derive(Clone)]
struct User(String);

#[derive(Default)]
struct JsonChat {
    /// Held while everybody is told who is online, so that the last list is the newest.
    telling: Mutex<()>,
}

impl JsonChat {
    fn login(&self, socket: &Socket, user_id: String) -> Result<(), JoinError> {
        if let Some(User(before)) = socket.get() {
            socket.leave(room_of(&before));
        }
        socket.join(room_of(&user_id))?;
        socket.insert(User(user_id));
        self.tell_who_is_online(socket.hub());
        Ok(())
    }

    fn tell_who_is_online(&self, hub: &Hub) {
        let _turn = self.telling.lock();
        let rooms = hub.rooms();
        let users: Vec<&str> = rooms
            .iter()
            .filter_map(|it| it.strip_prefix("user "))
            .collect();
        let online = json!({ "type": "online_users", "users": users });
        hub.everyone().send_text(&online.to_string());
    }

    fn obey(&self, socket: &Socket, text: &str) -> anyhow::Result<()> {
        let user = || socket.get().context("log in first");
        match serde_json::from_str(text)? {
            Command::Login { user_id } => self.login(socket, user_id)?,
            Command::PrivateMessage { to, content } => {
                let message = message(user()?, &content);
                socket.hub().to(room_of(&to)).send_text(&message);
            }
            Command::Broadcast { content } => {
                let message = message(user()?, &content);
                socket.hub().everyone().send_text(&message);
            }
        }
        Ok(())
    }
}

fn message(User(from): User, content: &str) -> String {
    json!({ "type": "message", "from": from, "content": content }).to_string()
}

fn room_of(user_id: &str) -> String {
    format!("user {user_id}")
}

impl WebSocketHandler for JsonChat {
    fn text(&self, socket: &Socket, text: &str) {
        if let Err(error) = self.obey(socket, text) {
            socket.send_text(&json!({ "type": "error", "message": error.to_string() }).to_string());
        }
    }

    fn closed(&self, socket: &Socket, _: CloseReason) {
        if socket.get::<User>().is_some() {
            self.tell_who_is_online(socket.hub());
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = WebSocketConfig::new().any_path();
    let server = Server::builder()
        .websocket("/", config, JsonChat::default())
        .build()?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "8765".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(server.serve(listener).await?)
}
