//! Who gets what, in which order, and what becomes of those who do not read.

use std::sync::Arc;

use serde_json::json;
use tidings::{
    CloseReason, Data, EmitError, Limits, Namespace, Reply, Server, Socket, WebSocketConfig,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::mpsc::unbounded_channel,
};

use crate::support::{Running, Sio, Ws, eventually, soon};

/// A WebSocket client that has opened its connection, and reads nothing more.
async fn deaf(address: std::net::SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = soon(socket.connect(address)).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_ended_and_the_others_get_every_message() {
    let (came, mut arrivals) = unbounded_channel();
    let (gone, mut departures) = unbounded_channel();
    let namespace = Namespace::new()
        .on_connect(move |socket: Socket| {
            socket.join("flood").unwrap();
            std::future::ready(came.send(socket.id()).unwrap())
        })
        .on_disconnect(move |socket: Socket, reason: CloseReason| {
            std::future::ready(gone.send((socket.id(), reason)).unwrap())
        });
    let mut limits = Limits::default();
    limits.outbox_bytes = 64 * 1024;
    let builder = Server::builder()
        .limits(limits)
        .namespace("/", namespace)
        .envelope("/ws", WebSocketConfig::new(), "/");
    let running = Running::start(builder.build().unwrap()).await;
    let slow = deaf(running.address, "/ws").await;
    let slow_id = soon(arrivals.recv()).await.unwrap();
    let mut quick = Ws::connect(running.address, "/ws").await;
    soon(arrivals.recv()).await.unwrap();

    let room = running.server.hub("/").unwrap().to("flood");
    let load = "x".repeat(16 * 1024);
    let mut left = None;
    for n in 0..4000 {
        // One at a time, so that the quick one is never behind.
        room.emit("drop", &(n, &load)).unwrap();
        assert_eq!(quick.json().await["data"][0], n);
        if left.is_none() {
            left = departures.try_recv().ok().map(|departure| (n, departure));
        }
        if left.is_some_and(|(at, _)| n == at + 10) {
            break;
        }
    }
    let (_, departure) = left.expect("the one that does not read is ended");
    assert_eq!(departure, (slow_id, CloseReason::SlowConsumer));
    eventually(|| running.server.stats().outbox_overflows.get() == 1).await;
    assert_eq!(running.server.connections(), 1);
    drop((slow, quick));
    running.close().await;
}

async fn go(socket: Socket, Data(round): Data<(u32, u32)>) -> Result<Reply<(u32, u32)>, EmitError> {
    socket.hub().everyone().emit("a", &round)?;
    socket.emit("b", &round)?;
    Ok(Reply(round))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_handler_sends_arrives_in_the_order_of_its_calls() {
    const PUBLISHERS: u32 = 4;
    const ROUNDS: u32 = 1000;
    let running = Running::socketio(Namespace::new().on("go", go)).await;
    let mut clients = Vec::new();
    for _ in 0..PUBLISHERS {
        clients.push(Sio::connect(running.address).await);
    }
    let publishing = clients.into_iter().zip(0..).map(|(mut client, me)| {
        tokio::spawn(async move {
            let mut seen = [0; PUBLISHERS as usize];
            for round in 0..ROUNDS {
                let id = client.question(json!(["go", [me, round]])).await;
                let mut own = Vec::new();
                while own.len() < 3 {
                    let packet = client.packet().await;
                    let Some(body) = packet.strip_prefix("2[\"a\",") else {
                        own.push(packet);
                        continue;
                    };
                    let body = body.strip_suffix(']').unwrap();
                    let (from, n): (u32, u32) = serde_json::from_str(body).unwrap();
                    // What each of the others publishes keeps its order as well.
                    assert_eq!(n, seen[from as usize]);
                    seen[from as usize] += 1;
                    if from == me {
                        own.push("a".to_owned());
                    }
                }
                let b = format!("2[\"b\",[{me},{round}]]");
                assert_eq!(own, ["a", &b, &format!("3{id}[[{me},{round}]]")]);
            }
            // Those who finish first still hear the rest.
            while seen.iter().any(|seen| *seen < ROUNDS) {
                let event = client.event().await;
                seen[event[1][0].as_u64().unwrap() as usize] += 1;
            }
        })
    });
    for publisher in publishing.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_outside_of_handlers_keep_their_order_too() {
    const TASKS: u32 = 8;
    const MESSAGES: u32 = 500;
    let running = Running::socketio(Namespace::new()).await;
    let mut clients = [
        Sio::connect(running.address).await,
        Sio::connect(running.address).await,
    ];
    let hub = running.server.hub("/").unwrap();
    let start = Arc::new(tokio::sync::Barrier::new(TASKS as usize));
    for task in 0..TASKS {
        let (hub, start) = (hub.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            for n in 0..MESSAGES {
                hub.everyone().emit("n", &(task, n)).unwrap();
                tokio::task::yield_now().await;
            }
        });
    }
    for client in &mut clients {
        let mut seen = [0; TASKS as usize];
        for _ in 0..TASKS * MESSAGES {
            let event = client.event().await;
            let task = event[1][0].as_u64().unwrap() as usize;
            assert_eq!(event[1][1], seen[task]);
            seen[task] += 1;
        }
    }
    drop(clients);
    running.close().await;
}
