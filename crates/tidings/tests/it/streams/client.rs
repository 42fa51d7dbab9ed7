//! An HTTP client that reads an event stream as it comes, and one for whole answers.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::soon;

/// An answer whose body is all there.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = lines.find(|(it, _)| it.eq_ignore_ascii_case(name))?;
    Some(value)
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    [text.as_bytes(), body].concat()
}

/// Reads a head, and gives it with what came behind it.
async fn read_head(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut buffer = Vec::new();
    loop {
        if let Some(end) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            let rest = buffer.split_off(end + 4);
            return (String::from_utf8(buffer).unwrap(), rest);
        }
        assert_ne!(socket.read_buf(&mut buffer).await.unwrap(), 0, "no head");
    }
}

/// Makes a request whose answer has a length or none.
pub(super) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    soon(async {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = request(method, path, headers, body.as_ref());
        socket.write_all(&request).await.unwrap();
        let (head, mut body) = read_head(&mut socket).await;
        let length = header(&head, "content-length").map_or(0, |it| it.parse().unwrap());
        while body.len() < length {
            assert_ne!(socket.read_buf(&mut body).await.unwrap(), 0, "cut: {head}");
        }
        let status = head[9..12].parse().unwrap();
        Answer { status, head, body }
    })
    .await
}

/// Sends a command.
pub(super) async fn command(address: SocketAddr, query: &str, command: Value) -> Answer {
    let json = [("content-type", "application/json")];
    let path = format!("/rpc{query}");
    ask(address, "POST", &path, &json, command.to_string()).await
}

/// Polls.
pub(super) async fn poll(address: SocketAddr, query: &str) -> Value {
    let answer = ask(address, "GET", &format!("/poll{query}"), &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

/// The query of the poll that follows on that answer.
pub(super) fn after(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    format!("?session={}&cursor={}", text("session"), text("cursor"))
}

/// A poll that waits.
pub(super) struct Waiting(TcpStream);

impl Waiting {
    pub(super) async fn begin(address: SocketAddr, query: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = request("GET", &format!("/poll{query}"), &[], b"");
        socket.write_all(&request).await.unwrap();
        Self(socket)
    }

    pub(super) async fn answer(mut self) -> Value {
        soon(async {
            let (head, mut body) = read_head(&mut self.0).await;
            assert_eq!(&head[9..12], "200", "{head}");
            let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
            while body.len() < length {
                assert_ne!(self.0.read_buf(&mut body).await.unwrap(), 0);
            }
            serde_json::from_slice(&body).unwrap()
        })
        .await
    }
}

/// One event of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: Value,
    pub(super) id: String,
}

/// A client of an event stream.
pub(super) struct Events {
    socket: TcpStream,
    pub(super) head: String,
    /// What came and is not unwrapped yet.
    wire: Vec<u8>,
    /// The stream without the chunks that it came in.
    text: String,
    /// The last chunk was empty: the response is complete.
    complete: bool,
    pub(super) last_id: String,
    /// Comments that came by.
    pub(super) comments: usize,
}

impl Events {
    pub(super) async fn open(address: SocketAddr, query: &str) -> Self {
        Self::open_with(address, query, &[]).await
    }

    pub(super) async fn open_with(
        address: SocketAddr,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        Self::begin(socket, query, headers).await
    }

    /// With the smallest buffers, for one that is not going to read.
    pub(super) async fn open_narrow(address: SocketAddr, query: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2048).unwrap();
        let socket = soon(socket.connect(address)).await.unwrap();
        Self::begin(socket, query, &[]).await
    }

    async fn begin(mut socket: TcpStream, query: &str, headers: &[(&str, &str)]) -> Self {
        soon(async {
            let request = request("GET", &format!("/sse{query}"), headers, b"");
            socket.write_all(&request).await.unwrap();
            let (head, wire) = read_head(&mut socket).await;
            assert_eq!(&head[9..12], "200", "{head}");
            Self {
                socket,
                head,
                wire,
                text: String::new(),
                complete: false,
                last_id: String::new(),
                comments: 0,
            }
        })
        .await
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Takes whole chunks off the wire.
    fn unwrap_chunks(&mut self) {
        while let Some(line) = self.wire.windows(2).position(|it| it == b"\r\n") {
            let size = std::str::from_utf8(&self.wire[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let Some(chunk) = self.wire.get(line + 2..line + 2 + size) else {
                return;
            };
            if self.wire.len() < line + 4 + size {
                return;
            }
            self.text.push_str(std::str::from_utf8(chunk).unwrap());
            self.complete |= size == 0;
            self.wire.drain(..line + 4 + size);
        }
    }

    /// Reads until the stream holds an event; `None` at its end.
    async fn read_event(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = self.understand(&block) {
                    return Some(event);
                }
            }
            if self.complete {
                return None;
            }
            let read = self.socket.read_buf(&mut self.wire).await.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.unwrap_chunks();
        }
    }

    fn understand(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data) = (String::new(), None);
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "data" => data = Some(serde_json::from_str(value).unwrap()),
                "id" => self.last_id = value.to_owned(),
                "" if line.starts_with(':') => self.comments += 1,
                _ => {}
            }
        }
        let id = self.last_id.clone();
        data.map(|data| Event { name, data, id })
    }

    /// The next event.
    #[track_caller]
    pub(super) fn event(&mut self) -> impl Future<Output = Event> {
        soon(async { self.read_event().await.expect("the stream goes on") })
    }

    /// The next event has to be that.
    #[track_caller]
    pub(super) fn expect(&mut self, name: &str, data: Value) -> impl Future<Output = ()> {
        let event = self.event();
        let caller = std::panic::Location::caller();
        let name = name.to_owned();
        async move {
            let event = event.await;
            assert_eq!((event.name, event.data), (name, data), "at {caller}");
        }
    }

    /// Reads to the end. Says whether it was the end, and not a cut.
    #[track_caller]
    pub(super) fn end(&mut self) -> impl Future<Output = bool> {
        soon(async {
            while self.read_event().await.is_some() {}
            self.complete
        })
    }

    /// Reads until that many comments have come, with no event among them.
    pub(super) async fn wait_for_comments(&mut self, comments: usize) {
        soon(async {
            while self.comments < comments {
                assert_ne!(self.socket.read_buf(&mut self.wire).await.unwrap(), 0);
                self.unwrap_chunks();
                while let Some(end) = self.text.find("\n\n") {
                    let block: String = self.text.drain(..end + 2).collect();
                    assert_eq!(self.understand(&block), None);
                }
            }
        })
        .await;
    }
}
