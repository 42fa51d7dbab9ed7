//! `tidings publish`, `send`, `notify` and `disconnect`: the HTTP API from a shell.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::remote::Remote;

/// Send an event to everybody in a room of a running server.
///
/// It is not stored; clients that are connected hear it.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The room.
    room: String,
    /// The name of the event.
    event: String,
    /// Its data: JSON, or else a text. Without it there is none.
    data: Option<String>,
    /// Clients that cannot take it at once do without.
    #[arg(long)]
    volatile: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Send a message to a room of a running server.
///
/// It is stored, and its number in the room is printed.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The room.
    room: String,
    /// What the message says.
    text: String,
    /// Who says it; whoever the key belongs to, if it is not said.
    #[arg(long, value_name = "USER")]
    sender: Option<String>,
    /// What the sender is called.
    #[arg(long, value_name = "NAME")]
    sender_name: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Leave a notification for a user of a running server.
#[derive(Debug, Args)]
pub(crate) struct Notify {
    /// The user.
    user: String,
    /// The first line.
    title: String,
    /// The rest.
    body: Option<String>,
    /// Anything for programs, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json)]
    data: Option<Value>,
    #[command(flatten)]
    remote: Remote,
}

/// Close the connections of a user of a running server, or one of them.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["user", "client"]))]
pub(crate) struct Disconnect {
    /// The user.
    user: Option<String>,
    /// The connection, by its client id.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// What they are told.
    #[arg(long)]
    reason: Option<String>,
    /// They are to come back.
    #[arg(long, conflicts_with = "code")]
    reconnect: bool,
    /// The close code, 3000 to 4999.
    #[arg(long)]
    code: Option<u16>,
    #[command(flatten)]
    remote: Remote,
}

/// Sends an event.
pub(crate) async fn publish(options: &Publish) -> ExitCode {
    let mut body = json!({
        "roomId": options.room,
        "event": options.event,
        "volatile": options.volatile,
    });
    if let Some(data) = &options.data {
        let text = || Value::from(data.as_str());
        body["data"] = serde_json::from_str(data).unwrap_or_else(|_| text());
    }
    let remote = &options.remote;
    remote.run("publish", body, |_| String::new()).await
}

/// Sends a message, and prints its number.
pub(crate) async fn send(options: &Send) -> ExitCode {
    let body = json!({
        "roomId": options.room,
        "text": options.text,
        "senderId": options.sender,
        "senderName": options.sender_name,
    });
    let remote = &options.remote;
    remote
        .run("message", body, |sent| sent["seq"].to_string())
        .await
}

/// Leaves a notification, and prints its id.
pub(crate) async fn notify(options: &Notify) -> ExitCode {
    let body = json!({
        "userId": options.user,
        "title": options.title,
        "body": options.body,
        "data": options.data,
    });
    let id = |stored: &Value| {
        let id = stored["notifications"][0]["notificationId"].as_str();
        id.unwrap_or_default().to_owned()
    };
    options.remote.run("notify", body, id).await
}

/// Closes connections, and prints how many.
pub(crate) async fn disconnect(options: &Disconnect) -> ExitCode {
    let body = json!({
        "userId": options.user,
        "clientId": options.client,
        "reason": options.reason,
        "code": options.code,
        "reconnect": options.reconnect.then_some(true),
    });
    let count = |closed: &Value| closed["connections"].to_string();
    options.remote.run("disconnect", body, count).await
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}
