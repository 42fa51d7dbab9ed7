//! A plain WebSocket client of `/ws`.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client speaks over: a socket, or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Client {
    socket: WebSocketStream<Box<dyn Stream>>,
    /// Events that came while something else was waited for.
    events: VecDeque<Value>,
    next_id: u64,
    /// With which the server has closed the connection.
    close_code: Option<u16>,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Self {
        Self::connect_to(address, "/ws").await
    }

    /// Connects to that path and query.
    pub(crate) async fn connect_to(address: &str, path: &str) -> Self {
        let connected = Self::try_connect_to(address, path).await;
        connected.expect("it listens")
    }

    /// Connects, if anybody listens.
    pub(crate) async fn try_connect(address: &str) -> Option<Self> {
        Self::try_connect_to(address, "/ws").await
    }

    async fn try_connect_to(address: &str, path: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        Self::over(stream, path).await
    }

    /// Connects over something that is connected already.
    pub(crate) async fn over(stream: impl Stream + 'static, path: &str) -> Option<Self> {
        let uri = format!("ws://localhost{path}");
        let uri = uri.parse().expect("it is a URI");
        let stream: Box<dyn Stream> = Box::new(stream);
        let (socket, _) = ClientBuilder::from_uri(uri).connect_on(stream).await.ok()?;
        Some(Self {
            socket,
            events: VecDeque::new(),
            next_id: 1,
            close_code: None,
        })
    }

    /// Connects, signs in and joins.
    pub(crate) async fn enter(address: &str, id: &str, name: &str, room: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.come_in(id, name, room).await;
        client
    }

    /// Signs in and joins.
    pub(crate) async fn come_in(&mut self, id: &str, name: &str, room: &str) {
        let guest = json!({ "id": id, "username": name });
        let signed_in = self.ask("auth", guest).await;
        assert_eq!(signed_in["success"], true, "{signed_in}");
        let joined = self.ask("room:join", json!(room)).await;
        assert_eq!(joined["success"], true, "{joined}");
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.try_send(&frame).await.expect("it is connected");
    }

    /// Sends a frame, unless the connection is over.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> Option<()> {
        self.try_send_text(frame.to_string()).await
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.try_send_text(text).await.expect("it is connected");
    }

    async fn try_send_text(&mut self, text: String) -> Option<()> {
        self.socket.send(Message::text(text)).await.ok()
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn ask(&mut self, name: &str, data: Value) -> Value {
        self.try_ask(name, data).await.expect("it is connected")
    }

    /// Sends a command and waits for its answer, unless the connection is over.
    pub(crate) async fn try_ask(&mut self, name: &str, data: Value) -> Option<Value> {
        let id = self.next_id;
        self.next_id += 1;
        self.try_send(&json!({ "type": name, "data": data, "id": id }))
            .await?;
        loop {
            let mut frame = self.try_receive().await?;
            if frame["type"] == "ack" {
                assert_eq!(frame["id"], id);
                return Some(frame["data"].take());
            }
            self.events.push_back(frame);
        }
    }

    /// Waits for an event, and skips those before it.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let mut frame = self.try_next().await.expect("it is connected");
            if frame["type"] == name {
                return frame["data"].take();
            }
        }
    }

    /// Waits for the next frame, whatever it is, unless the connection is over. Can be given up.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        match self.events.pop_front() {
            Some(frame) => Some(frame),
            None => self.try_receive().await,
        }
    }

    /// The next frame that comes, whatever it is.
    pub(crate) async fn receive(&mut self) -> Value {
        self.try_receive().await.expect("it is connected")
    }

    async fn try_receive(&mut self) -> Option<Value> {
        let text = self.try_text().await?;
        Some(serde_json::from_str(&text).expect("frames are JSON"))
    }

    pub(crate) async fn text(&mut self) -> String {
        self.try_text().await.expect("it is connected")
    }

    async fn try_text(&mut self) -> Option<String> {
        loop {
            let message = self.try_message().await?;
            if let Some(text) = message.as_text() {
                return Some(text.to_owned());
            }
        }
    }

    async fn try_message(&mut self) -> Option<Message> {
        let received = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        let message = received.expect("nothing came")?.ok()?;
        if let Some((code, _)) = message.as_close() {
            self.close_code = Some(code.into());
        }
        Some(message)
    }

    /// The code with which the server has closed the connection, as far as it was read.
    pub(crate) fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// The code with which the server closes the connection; frames before it are skipped.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = self.try_message().await.expect("it closes with a frame");
            if let Some((code, _)) = message.as_close() {
                return code.into();
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.socket.close().await.expect("it is connected");
    }
}
