//! Events that come several at a time, to those who asked for that.

use std::{
    future::IntoFuture,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rmpv::Value as Pack;
use serde_json::{Value, json};
use tidings::{
    Args, CloseCode, ConnectRefused, Limits, Namespace, Parser, RecoveryConfig, Reply, Server,
    ServerBuilder, Socket, SocketIo, StreamConfig, WebSocketConfig,
};

use crate::support::{Poll, Running, Sio, Ws, eventually, http, soon};

/// Longer than any test waits: what comes anyway did not come because of it.
const NEVER: u64 = 3_600_000;

/// Batches as the URL asks: `batch=size,milliseconds`.
async fn decide(socket: Socket) -> Result<(), ConnectRefused> {
    if let Some(asked) = socket.handshake().query("batch") {
        let (size, interval) = asked.split_once(',').unwrap();
        let interval = Duration::from_millis(interval.parse().unwrap());
        socket.batch(size.parse().unwrap(), interval);
    }
    Ok(())
}

fn builder() -> ServerBuilder {
    let namespace = || {
        Namespace::new()
            .middleware(decide)
            .on("hi", async || Reply("hello"))
            .on("bye", async |socket: Socket| {
                socket.close(CloseCode::SHUTDOWN, "bye");
            })
            .on("more", async |socket: Socket| {
                socket.batch(1, Duration::from_secs(1));
            })
    };
    Server::builder()
        .namespace("/", namespace())
        .namespace("/other", namespace())
        .socketio("/socket.io/", SocketIo::new())
        .socketio("/packed/", SocketIo::new().parser(Parser::MessagePack))
        .envelope("/ws", WebSocketConfig::new(), "/")
        .long_poll("/poll", StreamConfig::new(), "/")
}

async fn start(builder: ServerBuilder) -> Running {
    Running::start(builder.build().unwrap()).await
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    SocketIo(Parser),
    Json,
    MessagePack,
}

const KINDS: [Kind; 4] = [
    Kind::SocketIo(Parser::Json),
    Kind::SocketIo(Parser::MessagePack),
    Kind::Json,
    Kind::MessagePack,
];

/// A client of any kind, in the namespace `/`.
struct Client {
    ws: Ws,
    kind: Kind,
    /// Its id for recovery, if it was given one.
    pid: Option<String>,
    /// What stock clients remember: the last string that stood last in an event.
    offset: Option<String>,
}

impl Client {
    async fn connect(address: SocketAddr, kind: Kind, size: usize, milliseconds: u64) -> Self {
        let query = format!("batch={size},{milliseconds}");
        Self::connect_with(address, kind, &query, &json!({})).await
    }

    async fn connect_with(address: SocketAddr, kind: Kind, query: &str, auth: &Value) -> Self {
        let socketio = |path| format!("/{path}/?EIO=4&transport=websocket&{query}");
        let ws = match kind {
            Kind::SocketIo(Parser::Json) => Ws::connect(address, &socketio("socket.io")).await,
            Kind::SocketIo(Parser::MessagePack) => Ws::connect(address, &socketio("packed")).await,
            Kind::Json => Ws::connect(address, &format!("/ws?{query}")).await,
            Kind::MessagePack => {
                Ws::speaking(address, &format!("/ws?{query}"), "tidings.msgpack.v1").await
            }
        };
        let mut client = Self {
            ws,
            kind,
            pid: None,
            offset: None,
        };
        if let Kind::SocketIo(parser) = kind {
            assert!(client.ws.text().await.starts_with("0{"));
            let body = if parser == Parser::Json {
                client.ws.send(format!("40{auth}")).await;
                serde_json::from_str(&client.ws.text().await[2..]).unwrap()
            } else {
                client
                    .pack(json!({ "type": 0, "nsp": "/", "data": auth }))
                    .await;
                client.unpack().await["data"].take()
            };
            client.pid = body["pid"].as_str().map(str::to_owned);
        } else {
            // There is no greeting; an answer says that it is in.
            client.question("hi").await;
            assert_eq!(client.next().await, json!({ "ack": ["hello"] }));
        }
        client
    }

    /// Comes back as stock clients do.
    async fn back(self, address: SocketAddr, size: usize) -> Self {
        let auth = json!({ "pid": self.pid, "offset": self.offset });
        let query = format!("batch={size},{NEVER}");
        Self::connect_with(address, self.kind, &query, &auth).await
    }

    async fn pack(&mut self, value: Value) {
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        self.ws.send_binary(bytes).await;
    }

    async fn unpack(&mut self) -> Value {
        rmp_serde::from_slice(&self.ws.binary().await).unwrap()
    }

    /// Sends an event that asks for an answer.
    async fn question(&mut self, name: &str) {
        match self.kind {
            Kind::SocketIo(Parser::Json) => self.ws.send(format!("427[\"{name}\"]")).await,
            Kind::SocketIo(Parser::MessagePack) => {
                self.pack(json!({ "type": 2, "nsp": "/", "id": 7, "data": [name] }))
                    .await;
            }
            Kind::Json => self.ws.send_json(json!({ "type": name, "id": 7 })).await,
            Kind::MessagePack => self.pack(json!({ "type": name, "id": 7 })).await,
        }
    }

    /// The next message: an event as the list of its name and arguments, or `{"ack": arguments}`.
    async fn next(&mut self) -> Value {
        let message = match self.kind {
            Kind::SocketIo(Parser::Json) => {
                let text = self.ws.text().await;
                let body = serde_json::from_str(&text[text.find('[').unwrap()..]).unwrap();
                if text.starts_with("437") {
                    json!({ "ack": body })
                } else {
                    assert!(text.starts_with("42"), "{text}");
                    body
                }
            }
            Kind::SocketIo(Parser::MessagePack) => {
                let mut packet = self.unpack().await;
                assert_eq!(packet["nsp"], "/");
                match packet["type"].as_u64() {
                    Some(2) => packet["data"].take(),
                    Some(3) => json!({ "ack": packet["data"] }),
                    _ => panic!("{packet}"),
                }
            }
            Kind::Json | Kind::MessagePack => {
                let mut envelope = if self.kind == Kind::Json {
                    self.ws.json().await
                } else {
                    self.unpack().await
                };
                if envelope["type"] == "ack" {
                    json!({ "ack": [envelope["data"]] })
                } else {
                    json!([envelope["type"].take(), envelope["data"].take()])
                }
            }
        };
        let last = message.as_array().and_then(|it| it.last());
        if let Some(Value::String(last)) = last {
            self.offset = Some(last.clone());
        }
        message
    }

    /// The items of the batch that has to come next, as long as their data is a number.
    async fn batch(&mut self) -> Vec<u64> {
        let message = self.next().await;
        assert_eq!(message[0], "batch", "{message}");
        assert_eq!(message.as_array().map(Vec::len), Some(2), "{message}");
        let items = message[1].as_array().unwrap();
        assert!(items.iter().all(|it| it["type"] == "n"), "{message}");
        items
            .iter()
            .map(|it| it["data"].as_u64().unwrap())
            .collect()
    }

    /// Waits for an answer that has to come next.
    async fn answer(&mut self) {
        assert_eq!(self.next().await, json!({ "ack": ["hello"] }));
    }
}

fn publish(running: &Running, numbers: std::ops::Range<u64>) {
    let everyone = running.server.hub("/").unwrap().everyone();
    numbers.for_each(|n| everyone.emit("n", &n).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_full_or_go_in_front_of_an_answer() {
    let running = start(builder()).await;
    let mut clients = Vec::new();
    for kind in KINDS {
        clients.push(Client::connect(running.address, kind, 10, NEVER).await);
    }
    let mut alone = Ws::connect(running.address, "/ws").await;
    alone.send_json(json!({ "type": "hi", "id": 1 })).await;
    alone.json().await;
    publish(&running, 0..25);
    for client in &mut clients {
        assert_eq!(client.batch().await, Vec::from_iter(0..10));
        assert_eq!(client.batch().await, Vec::from_iter(10..20));
        client.question("hi").await;
        assert_eq!(client.batch().await, Vec::from_iter(20..25));
        client.answer().await;
    }
    for n in 0..25 {
        assert_eq!(alone.json().await, json!({ "type": "n", "data": n }));
    }
    drop((clients, alone));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_event_of_a_batch_waits_for_the_interval_and_no_longer() {
    const INTERVAL: Duration = Duration::from_millis(200);
    let running = start(builder()).await;
    for kind in KINDS {
        let milliseconds = u64::try_from(INTERVAL.as_millis()).unwrap();
        let mut client = Client::connect(running.address, kind, 1000, milliseconds).await;
        for round in 0..2 {
            let begin = Instant::now();
            publish(&running, round * 3..round * 3 + 3);
            let mut heard = client.batch().await;
            assert!(begin.elapsed() >= INTERVAL);
            while heard.len() < 3 {
                // The machine was busy for as long as that.
                heard.extend(client.batch().await);
            }
            assert_eq!(heard, Vec::from_iter(round * 3..round * 3 + 3));
        }
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_full_does_not_shorten_the_interval_of_the_next() {
    const INTERVAL: Duration = Duration::from_millis(300);
    let running = start(builder()).await;
    let mut client = Client::connect(running.address, Kind::Json, 2, 300).await;
    publish(&running, 0..1);
    tokio::time::sleep(INTERVAL / 2).await;
    publish(&running, 1..2);
    assert_eq!(client.batch().await, [0, 1]);
    let begin = Instant::now();
    publish(&running, 2..3);
    assert_eq!(client.batch().await, [2]);
    assert!(begin.elapsed() >= INTERVAL);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_sends_what_has_gathered() {
    let running = start(builder()).await;
    for kind in KINDS {
        let mut client = Client::connect(running.address, kind, 10, NEVER).await;
        publish(&running, 0..3);
        client.question("bye").await;
        assert_eq!(client.batch().await, [0, 1, 2]);
        let (code, reason) = client.ws.closed().await.unwrap();
        assert_eq!((code, &*reason), (3001, "bye"));
    }
    // And so does the server when it closes, which does not wait for any interval.
    let mut client = Client::connect(running.address, Kind::Json, 10, NEVER).await;
    publish(&running, 3..5);
    let reading = tokio::spawn(async move {
        assert_eq!(client.batch().await, [3, 4]);
        client.ws.closed().await
    });
    running.close().await;
    assert!(soon(reading).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_an_item_comes_alone_and_in_its_place() {
    let running = start(builder()).await;
    let hub = running.server.hub("/").unwrap();
    let mut sio = Sio::open_with(running.address, &format!("&batch=10,{NEVER}")).await;
    sio.join("/", json!({})).await.unwrap();
    let everyone = hub.everyone();
    everyone.emit("a", Args::new()).unwrap();
    let mut several = Args::one(&1).unwrap();
    several.push("two").unwrap();
    several.push(&[3]).unwrap();
    everyone.emit("b", several).unwrap();
    let blob = serde_bytes::Bytes::new(&[0, 255, 1]);
    everyone.emit("binary", blob).unwrap();
    everyone.emit("c", &1).unwrap();
    let question = everyone.emit_with_ack("why?", &1).unwrap();
    let question = tokio::spawn(question.into_future());
    assert_eq!(
        sio.event().await,
        json!(["batch", [{ "type": "a" }, { "type": "b", "data": [1, "two", [3]] }]])
    );
    assert_eq!(
        sio.packet().await,
        r#"51-["binary",{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(sio.ws.binary().await, [0, 255, 1]);
    assert_eq!(
        sio.event().await,
        json!(["batch", [{ "type": "c", "data": 1 }]])
    );
    let asked = sio.packet().await;
    let id = asked.strip_prefix('2').unwrap().split('[').next().unwrap();
    sio.send(format!("3{id}[5]")).await;
    let answers = soon(question).await.unwrap().answers;
    assert_eq!(answers[0].get::<u8>(0).unwrap(), 5);
    drop(sio);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_data_is_an_item_where_the_format_has_it() {
    let running = start(builder()).await;
    let mut clients = Vec::new();
    for kind in KINDS.into_iter().skip(1) {
        clients.push(Client::connect(running.address, kind, 2, NEVER).await);
    }
    let blob = serde_bytes::Bytes::new(&[0, 255, 1]);
    let everyone = running.server.hub("/").unwrap().everyone();
    everyone.emit("binary", blob).unwrap();
    everyone.emit("n", &1).unwrap();
    for client in &mut clients {
        if client.kind == Kind::Json {
            let expected =
                json!([{ "type": "binary", "data": "AP8B" }, { "type": "n", "data": 1 }]);
            assert_eq!(client.next().await, json!(["batch", expected]));
            continue;
        }
        let message = rmpv::decode::read_value(&mut &*client.ws.binary().await).unwrap();
        let items = match client.kind {
            Kind::SocketIo(_) => &message["data"][1],
            _ => &message["data"],
        };
        assert_eq!(items[0]["data"], Pack::Binary(vec![0, 255, 1]));
        assert_eq!(items[1]["data"], Pack::from(1));
    }
    drop(clients);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_was_cut_off_gets_every_event_once() {
    for parser in [Parser::Json, Parser::MessagePack] {
        let running = start(builder().recovery(RecoveryConfig::new())).await;
        let kind = Kind::SocketIo(parser);
        let mut client = Client::connect(running.address, kind, 4, NEVER).await;
        publish(&running, 0..6);
        assert_eq!(client.batch().await, [0, 1, 2, 3]);
        assert_eq!(client.next().await[0], "tidings:offset");
        // Two have gathered, and are lost with the connection.
        let Client {
            ws, pid, offset, ..
        } = client;
        drop(ws);
        eventually(|| running.server.connections() == 0).await;
        publish(&running, 6..9);
        let client = Client {
            ws: Ws::connect(running.address, "/ws").await,
            kind,
            pid,
            offset,
        };
        let mut client = client.back(running.address, 4).await;
        assert_eq!(client.batch().await, [4, 5, 6, 7]);
        assert_eq!(client.next().await[0], "tidings:offset");
        publish(&running, 9..10);
        client.question("hi").await;
        assert_eq!(client.batch().await, [8, 9]);
        assert_eq!(client.next().await[0], "tidings:offset");
        client.answer().await;
        // It has everything, and is told nothing again.
        let mut client = client.back(running.address, 4).await;
        client.question("hi").await;
        client.answer().await;
        drop(client);
        running.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_events_go_before_they_count_against_a_client_that_reads() {
    let mut limits = Limits::default();
    limits.outbox_bytes = 64 * 1024;
    let running = start(builder().limits(limits)).await;
    let mut client = Client::connect(running.address, Kind::Json, 1000, NEVER).await;
    let everyone = running.server.hub("/").unwrap().everyone();
    let load = "x".repeat(10_000);
    for n in (0..40).step_by(2) {
        everyone.emit("n", &(n, &load)).unwrap();
        everyone.emit("n", &(n + 1, &load)).unwrap();
        let message = client.next().await;
        let items = message[1].as_array().unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["data"][0], n);
        assert_eq!(items[1]["data"][0], n + 1);
    }
    assert_eq!(running.server.stats().outbox_overflows.get(), 0);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_of_one_connection_do_not_mix_and_keep_their_order() {
    let running = start(builder()).await;
    let mut sio = Sio::open_with(running.address, &format!("&batch=10,{NEVER}")).await;
    for namespace in ["/", "/other"] {
        sio.join(namespace, json!({})).await.unwrap();
    }
    for (namespace, n) in [("/", 1), ("/", 2), ("/other", 3), ("/", 4)] {
        let hub = running.server.hub(namespace).unwrap();
        hub.everyone().emit("n", &n).unwrap();
    }
    sio.question(json!(["hi"])).await;
    for packet in [
        r#"2["batch",[{"type":"n","data":1},{"type":"n","data":2}]]"#,
        r#"2/other,["batch",[{"type":"n","data":3}]]"#,
        r#"2["batch",[{"type":"n","data":4}]]"#,
        r#"31["hello"]"#,
    ] {
        assert_eq!(sio.packet().await, packet);
    }
    drop(sio);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_for_middleware_to_say_and_for_clients_with_messages_to_have() {
    let running = start(builder()).await;
    // Over long-polling, the batch is a packet like any other.
    let always = Namespace::new()
        .middleware(async |socket: Socket| {
            socket.batch(3, Duration::from_secs(3600));
            Ok::<_, ConnectRefused>(())
        })
        .on_connect(async |socket: Socket| {
            if socket.connection().transport() == "poll" {
                socket.emit("welcome", &()).unwrap();
            }
        });
    let batching = start(
        Server::builder()
            .namespace("/", always)
            .socketio("/socket.io/", SocketIo::new())
            .long_poll("/poll", StreamConfig::new(), "/"),
    )
    .await;
    let client = Poll::connect(batching.address).await;
    publish(&batching, 0..3);
    assert_eq!(
        client.get().await,
        r#"42["batch",[{"type":"n","data":0},{"type":"n","data":1},{"type":"n","data":2}]]"#
    );
    client.post("41").await;
    client.post("1").await;

    // Polls in JSON bring what has gathered anyway.
    let answer = |(status, body): (u16, String)| -> Value {
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let first = answer(http(batching.address, "GET", "/poll", "").await);
    publish(&batching, 3..4);
    let next = format!(
        "/poll?session={}&cursor={}",
        first["session"].as_str().unwrap(),
        first["cursor"].as_str().unwrap()
    );
    let events = answer(http(batching.address, "GET", &next, "").await)["events"].take();
    assert_eq!(events, json!([{ "type": "n", "data": 3 }]));

    // Who is in already does not begin to batch.
    let mut late = Ws::connect(running.address, "/ws").await;
    late.send_json(json!({ "type": "more" })).await;
    late.send_json(json!({ "type": "hi", "id": 1 })).await;
    late.json().await;
    publish(&running, 4..5);
    assert_eq!(late.json().await, json!({ "type": "n", "data": 4 }));
    drop((late, client));
    running.close().await;
    soon(batching.server.close()).await;
}
