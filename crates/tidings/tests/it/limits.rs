//! Every bound that a client can run into.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings::{
    CloseReason, Data, JoinError, Limits, Namespace, Reply, Server, ServerBuilder, Socket,
    SocketIo, WebSocketConfig,
};
use tokio::sync::{Semaphore, mpsc::unbounded_channel};

use crate::support::{Running, Sio, Ws, http, soon};

fn limited(change: impl FnOnce(&mut Limits)) -> ServerBuilder {
    let mut limits = Limits::default();
    change(&mut limits);
    Server::builder()
        .limits(limits)
        .socketio("/socket.io/", SocketIo::new())
}

async fn join(socket: Socket, Data(room): Data<String>) -> Result<Reply<usize>, JoinError> {
    socket.join(room)?;
    Ok(Reply(socket.rooms().len() - 1))
}

async fn leave(socket: Socket, Data(room): Data<String>) -> Reply<usize> {
    socket.leave(room);
    Reply(socket.rooms().len() - 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_in_so_many_rooms_and_no_more() {
    let namespace = Namespace::new().on("join", join).on("leave", leave);
    let builder = limited(|limits| limits.rooms_per_socket = 2).namespace("/", namespace);
    let running = Running::start(builder.build().unwrap()).await;
    let mut client = Sio::connect(running.address).await;
    let full = json!([{ "error": "the socket is in too many rooms" }]);
    for (event, expected) in [
        (json!(["join", "a"]), json!([1])),
        (json!(["join", "b"]), json!([2])),
        (json!(["join", "c"]), full),
        // To be in a room already costs nothing.
        (json!(["join", "a"]), json!([2])),
        (json!(["leave", "a"]), json!([1])),
        (json!(["join", "c"]), json!([2])),
    ] {
        assert_eq!(client.ask(event.clone()).await, expected, "{event}");
    }
    assert_eq!(running.server.hub("/").unwrap().rooms(), ["b", "c"]);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_a_room_is_measured_in_bytes() {
    let builder = limited(|limits| limits.room_name_bytes = 6);
    let builder = builder.namespace("/", Namespace::new().on("join", join));
    let running = Running::start(builder.build().unwrap()).await;
    let mut client = Sio::connect(running.address).await;
    let long = json!([{ "error": "the room's name is too long" }]);
    assert_eq!(client.ask(json!(["join", "sixsix"])).await, json!([1]));
    assert_eq!(client.ask(json!(["join", "房间"])).await, json!([2]));
    assert_eq!(client.ask(json!(["join", "seven77"])).await, long);
    assert_eq!(client.ask(json!(["join", "房间1"])).await, long);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_joins_so_many_namespaces_and_no_more() {
    let builder = limited(|limits| limits.namespaces_per_connection = 2)
        .dynamic_namespace(|name| name.starts_with("/n"), Namespace::new());
    let running = Running::start(builder.build().unwrap()).await;
    let mut client = Sio::open(running.address).await;
    client.join("/n1", json!({})).await.unwrap();
    client.join("/n2", json!({})).await.unwrap();
    // Leaving one makes room for another.
    client.send("1/n1,").await;
    client.join("/n3", json!({})).await.unwrap();
    client.send("0/n4,{}").await;
    assert!(client.ws.closed().await.is_some());
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_packets_wait_while_a_namespace_is_joined() {
    let gate = Arc::new(Semaphore::new(0));
    let (gone, mut departures) = unbounded_channel();
    let (heard, mut events) = unbounded_channel();
    let namespace = Namespace::new()
        .middleware({
            let gate = Arc::clone(&gate);
            move || {
                let gate = Arc::clone(&gate);
                async move { gate.acquire().await.unwrap().forget() }
            }
        })
        .on("event", move |Data(n): Data<Value>| {
            std::future::ready(heard.send(n).unwrap())
        })
        .on_disconnect(move |reason: CloseReason| std::future::ready(gone.send(reason).unwrap()));
    let builder = limited(|limits| limits.packets_while_joining = 3)
        .namespace("/", namespace)
        .envelope("/ws", WebSocketConfig::new(), "/");
    let running = Running::start(builder.build().unwrap()).await;

    let mut patient = Sio::open(running.address).await;
    patient.send("0").await;
    for n in 1..=3 {
        patient.emit(json!(["event", n])).await;
    }
    gate.add_permits(1);
    assert!(patient.packet().await.starts_with("0{"));
    for n in 1..=3 {
        assert_eq!(soon(events.recv()).await, Some(json!(n)));
    }
    drop(patient);
    assert_eq!(
        soon(departures.recv()).await,
        Some(CloseReason::TransportClose)
    );

    let mut hasty = Sio::open(running.address).await;
    hasty.send("0").await;
    let mut plain = Ws::connect(running.address, "/ws").await;
    for n in 1..=4 {
        hasty.emit(json!(["event", n])).await;
        plain.send_json(json!({ "type": "event", "data": n })).await;
    }
    assert!(hasty.ws.closed().await.is_some());
    assert!(plain.closed().await.is_some());
    gate.add_permits(2);
    running.close().await;
    // Neither had joined, so nothing of them was heard, not even that they left.
    assert!(events.try_recv().is_err());
    assert!(departures.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_limit_of_connections_a_handshake_is_answered_with_503() {
    let (gone, mut departures) = unbounded_channel();
    let namespace = Namespace::new()
        .on_disconnect(move |reason: CloseReason| std::future::ready(gone.send(reason).unwrap()));
    let builder = limited(|limits| limits.connections = 1)
        .namespace("/", namespace)
        .envelope("/ws", WebSocketConfig::new(), "/");
    let running = Running::start(builder.build().unwrap()).await;
    let client = Sio::connect(running.address).await;
    assert_eq!(running.server.connections(), 1);

    let status = |error| match error {
        tokio_websockets::Error::Upgrade(
            tokio_websockets::upgrade::Error::DidNotSwitchProtocols(status),
        ) => status,
        other => panic!("{other}"),
    };
    let refused = Ws::try_connect(running.address, "/ws", &[])
        .await
        .err()
        .unwrap();
    assert_eq!(status(refused), 503);
    let path = "/socket.io/?EIO=4&transport=websocket";
    let refused = Ws::try_connect(running.address, path, &[])
        .await
        .err()
        .unwrap();
    assert_eq!(status(refused), 503);
    let path = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(http(running.address, "GET", path, "").await.0, 503);
    assert_eq!(running.server.stats().connections_refused.get(), 3);

    drop(client);
    assert_eq!(
        soon(departures.recv()).await,
        Some(CloseReason::TransportClose)
    );
    drop(Sio::connect(running.address).await);
    running.close().await;
}
