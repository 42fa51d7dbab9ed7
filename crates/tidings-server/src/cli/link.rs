//! A connection of a command to a server, over `/ws`: commands up, answers and events down.
//!
//! It knows the envelope and how to sign in, and nothing of what is said.

use std::{collections::VecDeque, time::Duration};

use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Uri, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, CloseCode, MaybeTlsStream, Message, WebSocketStream};

/// Time for a connection to be made, and for an answer to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which server, and who we are there.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The server.
    #[arg(long, env = "TIDINGS_URL", default_value = "http://127.0.0.1:3000", value_parser = endpoint)]
    url: Uri,

    /// A token, as of tidings token. Not needed where guests are let in.
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Who to be where guests are let in; the name of the user of this machine otherwise.
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    guest: Option<String>,
}

impl Target {
    /// The server, for people.
    pub(crate) fn place(&self) -> String {
        self.url
            .authority()
            .map_or_else(String::new, |it| it.to_string())
    }

    fn guest(&self) -> String {
        let of_machine = || {
            ["USER", "LOGNAME"]
                .iter()
                .find_map(|it| std::env::var(it).ok())
        };
        let name = self.guest.clone().or_else(of_machine);
        name.filter(|it| !it.is_empty())
            .unwrap_or_else(|| "guest".to_owned())
    }
}

/// Reads the address of a server, and gives that of its WebSockets.
fn endpoint(text: &str) -> Result<Uri, String> {
    let advice = || "write it as https://realtime.example.com".to_owned();
    let uri: Uri = text.parse().map_err(|_| advice())?;
    let scheme = match uri.scheme_str() {
        Some("http" | "ws") => "ws",
        Some("https" | "wss") => "wss",
        _ => return Err(advice()),
    };
    let authority = uri.authority().ok_or_else(advice)?;
    let path = uri.path().trim_end_matches('/');
    let path = path.strip_suffix("/ws").unwrap_or(path);
    let endpoint = format!("{scheme}://{authority}{path}/ws");
    endpoint.parse().map_err(|_| advice())
}

/// Why a connection could not be made, or is over.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// Nobody is there.
    #[error("cannot reach {place}: {reason}")]
    Unreachable { place: String, reason: String },
    /// The server takes the token for none of its own, or wants one.
    #[error("the server does not let us in: {0}")]
    Refused(String),
    /// The connection is over, and may be made again.
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// The server does not want this client back.
    #[error("the server has ended the connection: {0}")]
    Ended(String),
}

impl LinkError {
    /// Whether it is worth trying again.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost(_))
    }
}

/// What comes down.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// The answer to the command of that number.
    Answer(u64, Value),
    /// An event.
    Event(String, Value),
}

/// A connection on which somebody has signed in.
#[derive(Debug)]
pub(crate) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// What came while something else was waited for.
    early: VecDeque<Incoming>,
    /// Who we are.
    pub(crate) user_id: String,
}

impl Link {
    /// Connects and signs in.
    ///
    /// # Errors
    ///
    /// When nobody is there, or does not let us in.
    pub(crate) async fn open(target: &Target) -> Result<Self, LinkError> {
        let unreachable = |reason: String| LinkError::Unreachable {
            place: target.place(),
            reason,
        };
        let mut builder = ClientBuilder::from_uri(target.url.clone());
        if let Some(token) = &target.token {
            let value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| LinkError::Refused("the token is none".to_owned()))?;
            builder = builder
                .add_header(AUTHORIZATION, value)
                .map_err(|error| unreachable(error.to_string()))?;
        }
        let connected = timeout(PATIENCE, builder.connect()).await;
        let (socket, _) = connected
            .map_err(|_| unreachable("it does not answer".to_owned()))?
            .map_err(|error| unreachable(reason_of(error)))?;
        let mut link = Self {
            socket,
            last_id: 0,
            early: VecDeque::new(),
            user_id: String::new(),
        };
        if target.token.is_none() {
            let id = target.guest();
            let answer = link
                .ask("auth", json!({ "id": id, "username": id }))
                .await?;
            if let Some(error) = failure(&answer) {
                let advice = "give it a token with --token, which tidings token makes";
                return Err(LinkError::Refused(format!("{error}; {advice}")));
            }
        }
        let welcome = timeout(PATIENCE, link.event("welcome")).await;
        let welcome = welcome.map_err(|_| unreachable("it does not greet".to_owned()))??;
        link.user_id = welcome["userId"].as_str().unwrap_or_default().to_owned();
        Ok(link)
    }

    /// Sends a command, and gives the number that its answer will have.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub(crate) async fn command(&mut self, name: &str, data: Value) -> Result<u64, LinkError> {
        self.last_id += 1;
        let frame = json!({ "type": name, "data": data, "id": self.last_id });
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.map_err(|error| LinkError::Lost(error.to_string()))?;
        Ok(self.last_id)
    }

    /// Sends a command and waits for its answer; events that come before it wait.
    ///
    /// # Errors
    ///
    /// When the connection is over, or nothing comes.
    pub(crate) async fn ask(&mut self, name: &str, data: Value) -> Result<Value, LinkError> {
        let id = self.command(name, data).await?;
        let answer = async {
            loop {
                match self.receive().await? {
                    Incoming::Answer(of, answer) if of == id => return Ok(answer),
                    other => self.early.push_back(other),
                }
            }
        };
        let answer = timeout(PATIENCE, answer).await;
        answer.map_err(|_| LinkError::Lost(format!("no answer to {name}")))?
    }

    /// Waits for an event of that name; what comes before it waits.
    async fn event(&mut self, wanted: &str) -> Result<Value, LinkError> {
        let is_it = |it: &Incoming| matches!(it, Incoming::Event(name, _) if name == wanted);
        if let Some(at) = self.early.iter().position(is_it)
            && let Some(Incoming::Event(_, data)) = self.early.remove(at)
        {
            return Ok(data);
        }
        loop {
            match self.receive().await? {
                Incoming::Event(name, data) if name == wanted => return Ok(data),
                other => self.early.push_back(other),
            }
        }
    }

    /// The next thing that comes. Given up half-way, nothing is lost.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub(crate) async fn next(&mut self) -> Result<Incoming, LinkError> {
        match self.early.pop_front() {
            Some(early) => Ok(early),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Result<Incoming, LinkError> {
        #[derive(Deserialize)]
        struct Envelope {
            r#type: String,
            #[serde(default)]
            data: Value,
            id: Option<u64>,
        }
        loop {
            let message = match self.socket.next().await {
                None => return Err(LinkError::Lost("it was cut".to_owned())),
                Some(Err(error)) => return Err(LinkError::Lost(error.to_string())),
                Some(Ok(message)) => message,
            };
            if let Some((code, reason)) = message.as_close() {
                return Err(closed(code, reason));
            }
            let Some(Envelope { r#type, data, id }) = message
                .as_text()
                .and_then(|it| serde_json::from_str(it).ok())
            else {
                continue;
            };
            return Ok(match (r#type.as_str(), id) {
                ("ack", Some(id)) => Incoming::Answer(id, data),
                _ => Incoming::Event(r#type, data),
            });
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            self.socket.close().await.ok()?;
            while self.socket.next().await?.is_ok() {}
            Some(())
        };
        let _ = timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// Codes from 3500 on are final (docs/protocol.md); all others may pass.
fn closed(code: CloseCode, reason: &str) -> LinkError {
    let code = u16::from(code);
    let said = format!("{reason} ({code})");
    if (3500..4000).contains(&code) {
        LinkError::Ended(said)
    } else {
        LinkError::Lost(said)
    }
}

/// What an answer says went wrong, if something did.
pub(crate) fn failure(answer: &Value) -> Option<String> {
    if answer["success"] == true {
        return None;
    }
    Some(
        answer["error"]
            .as_str()
            .unwrap_or("it was refused")
            .to_owned(),
    )
}

fn reason_of(error: tokio_websockets::Error) -> String {
    match error {
        tokio_websockets::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_found_from_whatever_names_the_server() {
        for (text, found) in [
            ("http://127.0.0.1:3000", Some("ws://127.0.0.1:3000/ws")),
            ("http://127.0.0.1:3000/", Some("ws://127.0.0.1:3000/ws")),
            ("https://a.example/", Some("wss://a.example/ws")),
            ("wss://a.example/ws", Some("wss://a.example/ws")),
            ("https://a.example/chat/", Some("wss://a.example/chat/ws")),
            ("127.0.0.1:3000", None),
            ("ftp://a.example", None),
            ("", None),
        ] {
            let read = endpoint(text).ok().map(|it| it.to_string());
            assert_eq!(read.as_deref(), found, "{text}");
        }
    }
}
