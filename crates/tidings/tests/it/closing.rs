//! The end of a server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tidings::{
    AckError, CloseCode, Data, EngineConfig, Namespace, Server, Socket, SocketIo, WebSocketConfig,
    WebSocketHandler,
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc::unbounded_channel},
};

use crate::support::{Poll, Running, Sio, Ws, soon};

struct Silent;

impl WebSocketHandler for Silent {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_told_and_nothing_stays_behind() {
    let (told, mut outcomes) = unbounded_channel();
    let namespace = Namespace::new().on("ask me", move |socket: Socket| {
        let told = told.clone();
        async move {
            // A question that nobody answers: without the end of the server it waits for ever.
            let outcome = socket.emit_with_ack("well?", &1).await;
            told.send(matches!(outcome, Err(AckError::Disconnected)))
                .unwrap();
        }
    });
    let (asked, mut requests) = unbounded_channel();
    let engine = EngineConfig::new().on_request(move |request| {
        asked.send(request.method.clone()).unwrap();
    });
    let builder = Server::builder()
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .envelope("/ws", WebSocketConfig::new(), "/")
        .websocket("/raw", WebSocketConfig::new(), Silent);
    let running = Running::start(builder.build().unwrap()).await;
    let address = running.address;
    let mut sio = Sio::connect(address).await;
    sio.emit(json!(["ask me"])).await;
    assert_eq!(sio.packet().await, "20[\"well?\",1]");
    let mut envelope = Ws::connect(address, "/ws").await;
    let mut raw = Ws::connect(address, "/raw").await;
    let poll = Poll::connect(address).await;
    // In the middle of a handshake: a connection that has said nothing yet.
    let idle = TcpStream::connect(address).await.unwrap();
    assert_eq!(running.server.connections(), 4);

    while requests.try_recv().is_ok() {}
    let waiting = tokio::spawn(async move { poll.get().await });
    assert_eq!(soon(requests.recv()).await, Some(http::Method::GET));
    let began = Instant::now();
    let server = running.server.clone();
    let closing = tokio::spawn(running.close());
    // It waits, or is about to.
    assert!(["1", "6\x1e1"].contains(&&*soon(waiting).await.unwrap()));
    assert_eq!(sio.ws.closed().await.map(|(code, _)| code), Some(1005));
    assert_eq!(envelope.closed().await.map(|(code, _)| code), Some(3001));
    assert_eq!(raw.closed().await.map(|(code, _)| code), Some(3001));
    assert_eq!(soon(outcomes.recv()).await, Some(true));
    soon(closing).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "the server waited for somebody"
    );
    assert_eq!(server.connections(), 0);
    assert!(TcpStream::connect(address).await.is_err());
    // To close it again is no harm.
    soon(server.close()).await;
    drop(idle);
}

/// Closes whoever sends a text with the code that the text is.
struct Closer;

impl WebSocketHandler for Closer {
    fn text(&self, socket: &Socket, text: &str) {
        socket.close(CloseCode(text.parse().unwrap()), "as you like");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_code_makes_clients_of_every_kind_come_back_or_stay_away() {
    let namespace = || {
        Namespace::new().on("close me", async |socket: Socket, Data(code): Data<u16>| {
            socket.close(CloseCode(code), "as you like");
        })
    };
    let decided = Arc::new(Semaphore::new(0));
    let undecided = Namespace::new().middleware({
        let decided = Arc::clone(&decided);
        move || {
            let decided = Arc::clone(&decided);
            async move { drop(decided.acquire().await) }
        }
    });
    let builder = Server::builder()
        .namespace("/", namespace())
        .namespace("/other", namespace())
        .namespace("/later", undecided)
        .socketio("/socket.io/", SocketIo::new())
        .envelope("/ws", WebSocketConfig::new(), "/")
        .websocket("/raw", WebSocketConfig::new(), Closer);
    let running = Running::start(builder.build().unwrap()).await;
    let address = running.address;
    for (code, stays_away) in [(3005, false), (3013, false), (3500, true), (3507, true)] {
        let expected = Some((code, "as you like".to_owned()));
        let mut sio = Sio::connect(address).await;
        sio.join("/other", json!({})).await.unwrap();
        sio.send("0/later,").await;
        sio.emit(json!(["close me", code])).await;
        if stays_away {
            // Stock clients that are told so do not come back; this holds for a namespace that
            // they still wait for as well.
            for packet in ["1", "1/other,", "1/later,"] {
                assert_eq!(sio.packet().await, packet);
            }
        }
        assert_eq!(sio.ws.closed().await, expected);

        let mut envelope = Ws::connect(address, "/ws").await;
        envelope
            .send_json(json!({ "type": "close me", "data": code }))
            .await;
        assert_eq!(envelope.closed().await, expected);

        let mut raw = Ws::connect(address, "/raw").await;
        raw.send(code.to_string()).await;
        assert_eq!(raw.closed().await, expected);

        let poll = Poll::connect(address).await;
        poll.post(&format!("42[\"close me\",{code}]")).await;
        if stays_away {
            assert_eq!(poll.get().await, "41");
        }
        assert_eq!(poll.get().await, "6\x1e1");
    }
    decided.close();
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_does_not_hold_the_server_up_for_long() {
    let running = Running::socketio(Namespace::new()).await;
    // It never answers the close frame, so it is cut after the time that it has for that.
    let silent = Sio::connect(running.address).await;
    let began = Instant::now();
    running.close().await;
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "{:?}",
        began.elapsed()
    );
    drop(silent);
}
