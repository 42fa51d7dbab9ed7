//! The server inside of other servers, and other servers inside of it.

use axum::{Router, routing::get};
use serde_json::json;
use tidings::{Args, Namespace, Server, SocketIo};
use tokio::{net::TcpListener, sync::oneshot};

use crate::support::{Poll, Running, Sio, http, soon};

fn echo() -> Server {
    let echo = Namespace::new().on("echo", async |args: Args| args);
    let builder = Server::builder().namespace("/", echo);
    builder
        .socketio("/socket.io/", SocketIo::new())
        .build()
        .unwrap()
}

async fn both_transports_work(address: std::net::SocketAddr) {
    let mut client = Sio::connect(address).await;
    assert_eq!(client.ask(json!(["echo", "hi", 2])).await, json!(["hi", 2]));

    let client = Poll::connect(address).await;
    client.post("420[\"echo\",\"hi\"]").await;
    assert_eq!(client.get().await, "430[\"hi\"]");
    client.post("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_can_be_mounted_on_an_axum_app() {
    let server = echo();
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route_service("/socket.io/", server.service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        axum::serve(listener, app)
            .with_graceful_shutdown(stopped)
            .await
    });
    assert_eq!(
        http(address, "GET", "/", "").await,
        (200, "hello".to_owned())
    );
    both_transports_work(address).await;
    soon(server.close()).await;
    assert_eq!(server.connections(), 0);
    drop(stop);
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_mounted_goes_to_the_fallback() {
    let server = echo();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn({
        let server = server.clone();
        let app = Router::new().route("/health", get(async || "well"));
        async move { server.serve_with(listener, app).await }
    });
    assert_eq!(
        http(address, "GET", "/health", "").await,
        (200, "well".to_owned())
    );
    assert_eq!(http(address, "GET", "/other", "").await.0, 404);
    both_transports_work(address).await;
    soon(server.close()).await;
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fallback_there_is_nothing_else() {
    let running = Running::start(echo()).await;
    let answer = http(running.address, "GET", "/health", "").await;
    assert_eq!(answer, (404, "nothing is here".to_owned()));
    both_transports_work(running.address).await;
    running.close().await;
}
