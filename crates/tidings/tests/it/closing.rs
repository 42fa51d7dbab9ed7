//! The end of a server.

use std::time::{Duration, Instant};

use serde_json::json;
use tidings::{
    AckError, EngineConfig, Namespace, Server, Socket, SocketIo, WebSocketConfig, WebSocketHandler,
};
use tokio::{net::TcpStream, sync::mpsc::unbounded_channel};

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
