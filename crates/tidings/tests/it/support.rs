//! A server to test against, and clients that say exactly what they are told to.

use std::{future::Future, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidings::{Namespace, Server, SocketIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

/// Nothing here takes so long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that has to happen soon.
#[track_caller]
pub(crate) fn soon<F: Future>(what: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, what).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain at {caller}"),
        }
    }
}

/// Waits for something that nobody tells of.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A server that listens.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        Self {
            server,
            address,
            serving,
        }
    }

    /// A server with one namespace, for Socket.IO clients at `/socket.io/`.
    pub(crate) async fn socketio(namespace: Namespace) -> Self {
        let builder = Server::builder().namespace("/", namespace);
        Self::start(
            builder
                .socketio("/socket.io/", SocketIo::new())
                .build()
                .unwrap(),
        )
        .await
    }

    /// Closes the server, whose clients have to be gone or reading.
    pub(crate) async fn close(self) {
        soon(self.server.close()).await;
        assert_eq!(self.server.connections(), 0);
        soon(self.serving).await.unwrap().unwrap();
    }
}

/// A plain WebSocket client.
pub(crate) struct Ws(WebSocketStream<Box<dyn Stream>>);

/// What a client speaks over: a socket, or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Ws {
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path, &[]).await.unwrap()
    }

    pub(crate) async fn speaking(address: SocketAddr, path: &str, protocol: &str) -> Self {
        Self::try_connect(address, path, &[("sec-websocket-protocol", protocol)])
            .await
            .unwrap()
    }

    pub(crate) async fn try_connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_websockets::Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::try_over(Box::new(stream), path, headers).await
    }

    /// A client on a connection that is there.
    pub(crate) async fn over(stream: impl Stream + 'static, path: &str) -> Self {
        Self::try_over(Box::new(stream), path, &[]).await.unwrap()
    }

    async fn try_over(
        stream: Box<dyn Stream>,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_websockets::Error> {
        let mut builder = ClientBuilder::new()
            .uri(&format!("ws://localhost{path}"))
            .unwrap()
            .limits(Limits::unlimited());
        for (name, value) in headers {
            let value = value.parse().unwrap();
            builder = builder.add_header(http::HeaderName::from_static(name), value)?;
        }
        let (stream, _) = soon(builder.connect_on(stream)).await?;
        Ok(Self(stream))
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        soon(self.0.send(Message::text(text.into()))).await.unwrap();
    }

    pub(crate) async fn send_json(&mut self, value: Value) {
        self.send(value.to_string()).await;
    }

    pub(crate) async fn send_binary(&mut self, bytes: Vec<u8>) {
        soon(self.0.send(Message::binary(bytes))).await.unwrap();
    }

    /// The next message that is neither ping nor pong.
    #[track_caller]
    pub(crate) fn message(&mut self) -> impl Future<Output = Message> {
        soon(async move {
            loop {
                let message = self
                    .0
                    .next()
                    .await
                    .expect("the connection is open")
                    .unwrap();
                if !message.is_ping() && !message.is_pong() {
                    return message;
                }
            }
        })
    }

    #[track_caller]
    pub(crate) fn text(&mut self) -> impl Future<Output = String> {
        let message = self.message();
        async move {
            let message = message.await;
            message
                .as_text()
                .unwrap_or_else(|| panic!("{message:?} is no text"))
                .to_owned()
        }
    }

    #[track_caller]
    pub(crate) fn json(&mut self) -> impl Future<Output = Value> {
        let text = self.text();
        async move { serde_json::from_str(&text.await).unwrap() }
    }

    #[track_caller]
    pub(crate) fn binary(&mut self) -> impl Future<Output = Vec<u8>> {
        let message = self.message();
        async move {
            let message = message.await;
            assert!(message.is_binary(), "{message:?} is not binary");
            message.as_payload().to_vec()
        }
    }

    /// Skips what is left, and gives the code and reason of the close frame; `None` when the
    /// connection was cut without one.
    pub(crate) async fn closed(&mut self) -> Option<(u16, String)> {
        soon(async {
            let mut closed = None;
            while let Some(Ok(message)) = self.0.next().await {
                if let Some((code, reason)) = message.as_close() {
                    closed = Some((code.into(), reason.to_owned()));
                }
            }
            closed
        })
        .await
    }
}

/// A Socket.IO client over WebSocket, packet by packet.
pub(crate) struct Sio {
    pub(crate) ws: Ws,
    next: u64,
}

impl Sio {
    /// Opens an Engine.IO session, and joins no namespace.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, "").await
    }

    /// The same with something appended to the query.
    pub(crate) async fn open_with(address: SocketAddr, query: &str) -> Self {
        let path = format!("/socket.io/?EIO=4&transport=websocket{query}");
        Self::over(Ws::connect(address, &path).await).await
    }

    /// An Engine.IO session on a WebSocket that was just opened.
    pub(crate) async fn over(mut ws: Ws) -> Self {
        assert!(ws.text().await.starts_with("0{"));
        Self { ws, next: 0 }
    }

    /// Opens a session and joins `/`.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut client = Self::open(address).await;
        client.join("/", json!({})).await.unwrap();
        client
    }

    /// Joins a namespace: the id of the socket, or the refusal.
    pub(crate) async fn join(&mut self, namespace: &str, auth: Value) -> Result<String, Value> {
        let name = prefix(namespace);
        self.send(format!("0{name}{auth}")).await;
        let answer = self.packet().await;
        if let Some(body) = answer.strip_prefix(&format!("0{name}")) {
            let body: Value = serde_json::from_str(body).unwrap();
            return Ok(body["sid"].as_str().unwrap().to_owned());
        }
        let body = answer
            .strip_prefix(&format!("4{name}"))
            .unwrap_or_else(|| panic!("{answer}"));
        Err(serde_json::from_str(body).unwrap())
    }

    /// Sends a Socket.IO packet.
    pub(crate) async fn send(&mut self, packet: impl AsRef<str>) {
        self.ws.send(format!("4{}", packet.as_ref())).await;
    }

    /// The next Socket.IO packet.
    #[track_caller]
    pub(crate) fn packet(&mut self) -> impl Future<Output = String> {
        soon(async move {
            loop {
                let text = self.ws.text().await;
                if text == "2" {
                    self.ws.send("3").await;
                    continue;
                }
                return text
                    .strip_prefix('4')
                    .unwrap_or_else(|| panic!("{text}"))
                    .to_owned();
            }
        })
    }

    /// Sends an event; `event` is its name and arguments.
    pub(crate) async fn emit(&mut self, event: Value) {
        self.send(format!("2{event}")).await;
    }

    /// Sends an event that asks for an answer, and gives the number of the question.
    pub(crate) async fn question(&mut self, event: Value) -> u64 {
        self.next += 1;
        self.send(format!("2{}{event}", self.next)).await;
        self.next
    }

    /// Sends an event and waits for the arguments of its answer, which has to come next.
    pub(crate) async fn ask(&mut self, event: Value) -> Value {
        let id = self.question(event).await;
        let packet = self.packet().await;
        let body = packet
            .strip_prefix(&format!("3{id}"))
            .unwrap_or_else(|| panic!("{packet}"));
        serde_json::from_str(body).unwrap()
    }

    /// The next event: its name and arguments.
    #[track_caller]
    pub(crate) fn event(&mut self) -> impl Future<Output = Value> {
        let packet = self.packet();
        async move {
            let packet = packet.await;
            let body = packet
                .strip_prefix('2')
                .unwrap_or_else(|| panic!("{packet} is no event"));
            serde_json::from_str(body).unwrap()
        }
    }
}

/// What stands in front of a packet's body for its namespace.
fn prefix(namespace: &str) -> String {
    if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    }
}

/// Makes one HTTP request on a connection of its own; gives status and body.
pub(crate) async fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    http_over(stream, method, path, body).await
}

/// The same on a connection that is there.
pub(crate) async fn http_over(
    mut stream: impl Stream,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let mut answer = String::new();
    soon(async {
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_string(&mut answer).await.unwrap();
    })
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// A Socket.IO session over long-polling.
pub(crate) struct Poll {
    address: SocketAddr,
    path: String,
}

impl Poll {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling";
        let (status, body) = http(address, "GET", path, "").await;
        assert_eq!(status, 200, "{body}");
        let open: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
        Self { address, path }
    }

    /// Opens a session and joins `/`.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let client = Self::open(address).await;
        client.post("40").await;
        assert!(client.get().await.starts_with("40{\"sid\":"));
        client
    }

    /// Where a WebSocket can take the session over.
    pub(crate) fn upgrade_path(&self) -> String {
        self.path.replace("polling", "websocket")
    }

    pub(crate) async fn post(&self, payload: &str) {
        let answer = http(self.address, "POST", &self.path, payload).await;
        assert_eq!(answer, (200, "ok".to_owned()));
    }

    pub(crate) async fn get(&self) -> String {
        let (status, body) = http(self.address, "GET", &self.path, "").await;
        assert_eq!(status, 200, "{body}");
        body
    }
}
