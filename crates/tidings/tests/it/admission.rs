//! Who is let in at all, and what it means to be let in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tidings::{
    Admission, Handshake, Namespace, Permit, Refusal, Server, Socket, SocketIo, WebSocketConfig,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::unbounded_channel,
};

use crate::support::{Poll, Running, Sio, Ws, eventually, http, soon};

/// Counts whom it was asked about and who is there, and refuses on request.
#[derive(Clone, Default)]
struct Door {
    asked: Arc<AtomicUsize>,
    inside: Arc<AtomicUsize>,
}

struct Guest(Arc<AtomicUsize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Admission for Door {
    fn admit(&self, handshake: &Handshake) -> Result<Permit, Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match handshake.query("refuse").as_deref() {
            Some("429") => Err(Refusal::too_many_requests("too many of you")
                .retry_after(Duration::from_millis(2500))),
            Some("403") => Err(Refusal::forbidden("not you")),
            Some("503") => Err(Refusal::unavailable("not now")),
            _ => {
                self.inside.fetch_add(1, Ordering::SeqCst);
                Ok(Permit::holding(Guest(Arc::clone(&self.inside))))
            }
        }
    }
}

impl Door {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn holds(&self, guests: usize) {
        eventually(|| self.inside.load(Ordering::SeqCst) == guests).await;
    }
}

async fn start(door: &Door, namespace: Namespace) -> Running {
    let server = Server::builder()
        .admission(door.clone())
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new())
        .envelope("/ws", WebSocketConfig::new(), "/");
    Running::start(server.build().unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_is_asked_about_once_and_gives_its_permit_back() {
    let door = Door::default();
    let (keep, mut kept) = unbounded_channel();
    let namespace = Namespace::new().on_connect(move |socket: Socket| {
        keep.send(socket).unwrap();
        async {}
    });
    let running = start(&door, namespace).await;
    let address = running.address;

    let sio = Sio::connect(address).await;
    door.holds(1).await;
    let ws = Ws::connect(address, "/ws").await;
    door.holds(2).await;
    // A session that polls a few times and then moves to a WebSocket is one connection.
    let poll = Poll::connect(address).await;
    let mut upgraded = Ws::connect(address, &poll.upgrade_path()).await;
    upgraded.send("2probe").await;
    assert_eq!(upgraded.text().await, "3probe");
    upgraded.send("5").await;
    upgraded.send("41").await;
    assert_eq!(door.asked(), 3);
    door.holds(3).await;

    // A socket that its application still holds is no connection.
    drop((sio, ws));
    door.holds(1).await;
    drop(upgraded);
    door.holds(0).await;
    assert!(!soon(kept.recv()).await.unwrap().is_connected());

    let poll = Poll::connect(address).await;
    door.holds(1).await;
    poll.post("1").await;
    door.holds(0).await;
    assert_eq!(door.asked(), 4);

    // A handshake that comes to nothing holds no place.
    let (status, _) = http(address, "GET", "/ws", "").await;
    assert_eq!(status, 426);
    assert_eq!(door.asked(), 4);
    let (status, _) = http(address, "GET", "/socket.io/?EIO=3&transport=polling", "").await;
    assert_eq!(status, 400);
    assert_eq!(door.asked(), 4);
    let sio = Sio::connect(address).await;
    drop(sio);
    running.close().await;
    door.holds(0).await;
}

/// A WebSocket handshake that is refused: everything that is answered.
async fn refused_handshake(running: &Running, path: &str) -> String {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        running.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    // The body is the last thing that comes, but the connection may stay open.
    while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
        let read = soon(stream.read(&mut piece)).await.unwrap();
        assert!(read > 0, "the connection ended within the answer");
        answer.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_as_each_kind_of_client_understands_it() {
    let door = Door::default();
    let running = start(&door, Namespace::new()).await;
    let engine = "/socket.io/?EIO=4&transport";
    for (refuse, status, message) in [
        ("429", "429 Too Many Requests", "too many of you"),
        ("403", "403 Forbidden", "not you"),
        ("503", "503 Service Unavailable", "not now"),
    ] {
        let path = format!("{engine}=polling&refuse={refuse}");
        let polling = http(running.address, "GET", &path, "").await;
        let unavailable = refuse == "503";
        let body = format!(r#"{{"code":4,"message":"{message}"}}"#);
        let expected = if unavailable {
            (503, String::new())
        } else {
            (403, body)
        };
        assert_eq!(polling, expected);

        let path = format!("{engine}=websocket&refuse={refuse}");
        let answer = refused_handshake(&running, &path).await;
        let (expected, said) = if unavailable {
            ("HTTP/1.1 503 Service Unavailable\r\n", "")
        } else {
            ("HTTP/1.1 400 Bad Request\r\n", message)
        };
        assert!(answer.starts_with(expected), "{answer}");
        assert!(answer.ends_with(said), "{answer}");

        let answer = refused_handshake(&running, &format!("/ws?refuse={refuse}")).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        assert!(answer.ends_with(message), "{answer}");
        assert_eq!(
            answer.contains("retry-after: 3\r\n"),
            refuse == "429",
            "{answer}"
        );
    }
    assert_eq!(door.asked(), 9);
    assert_eq!(running.server.stats().connections_refused.get(), 9);
    assert_eq!(running.server.stats().connections_opened.get(), 0);
    door.holds(0).await;
    running.close().await;
}
